"""Trials of the store and their leases: reserved, renewed, ended, and freed when a lease runs out. Functions of a transaction.

proposed -> running -> completed | failed, and abandoned from the first two; a lease that runs out returns a trial to proposed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, bindparam, case, cast, func, insert, select, union, update

from objectives.cell import FAILURES
from optimizer.store.errors import ConflictError, StoreError, ToldError, UnknownError
from optimizer.store.records import Proposal, Trial, TrialState, iso, utc
from optimizer.store.rows.numbers import CAMPAIGN, SOME, chunks, last
from optimizer.store.rows.observations import add_recipes
from optimizer.store.tables import campaigns, leases, observations, recipes, trials
from optimizer.store.transactions import Writing

OPEN = ("proposed", "running")


_LAST_LEASE = (leases.c.campaign_id == trials.c.campaign_id) & (leases.c.trial == trials.c.number) & (leases.c.attempt == trials.c.attempt)
_COLUMNS = select(trials, leases.c.holder, leases.c.seconds, leases.c.granted_at, leases.c.expires_at, leases.c.ended)
_ROWS = _COLUMNS.outerjoin(leases, _LAST_LEASE).where(trials.c.campaign_id == CAMPAIGN).order_by(trials.c.number)
_SHOWN = (
    select(
        *(trials.c[name] for name in ("number", "state", "attempt", "replicate", "revision", "at", "by")),
        cast(trials.c.parameters, Text),
        cast(trials.c.note, Text),
        leases.c.holder,
        leases.c.expires_at,
    )
    .outerjoin(leases, _LAST_LEASE)
    .where(trials.c.campaign_id == CAMPAIGN)
    .order_by(trials.c.number)
)
_ONE = _ROWS.where(trials.c.number == bindparam("number"))
_SOME = _ROWS.where(trials.c.number.in_(SOME))
# Of leases alone, which then lead to their trials: joined, SQLite goes through all trials.
_HELD = select(leases.c.trial).where(leases.c.ended.is_(None), leases.c.campaign_id == CAMPAIGN)  # those of running trials
_DUE = union(_HELD.where(leases.c.expires_at <= bindparam("now")), _HELD.where(leases.c.granted_at > bindparam("now")))
_OWN = _HELD.where(leases.c.holder == bindparam("who"))
_FREED = _ROWS.where(trials.c.state == "proposed").limit(bindparam("most"))
_USABLE = (
    select(func.count())
    .select_from(trials.outerjoin(leases, _LAST_LEASE))
    .where(
        trials.c.campaign_id == CAMPAIGN,
        trials.c.state.in_(OPEN),
        (trials.c.state == "proposed") | (leases.c.expires_at <= bindparam("now")) | (leases.c.holder == bindparam("who")),
    )
)
_LEASE = (leases.c.campaign_id == CAMPAIGN) & (leases.c.trial == bindparam("of"))
_LEASES = select(leases).where(_LEASE).order_by(leases.c.attempt)
_SET_STATE = update(trials).where((trials.c.campaign_id == CAMPAIGN) & (trials.c.number == bindparam("of"))).values(state=bindparam("now_state"))
_TAKE_UP = _SET_STATE.values(state="running", attempt=trials.c.attempt + 1)
_newer = observations.alias("newer")
_corrected = select(_newer.c.number).where((_newer.c.campaign_id == CAMPAIGN) & (_newer.c.corrects == observations.c.number)).exists()
_STATUSES = select(observations.c.status).where((observations.c.campaign_id == CAMPAIGN) & (observations.c.trial == bindparam("of")) & ~_corrected)


def _those(connection: Connection, query: Any, campaign_id: int, **values: Any) -> list[Row[Any]]:
    """Return the trials whose numbers a query finds, in order of number."""
    numbers = connection.execute(query, {"campaign": campaign_id, **values}).scalars().all()
    return [row for some in chunks(numbers) for row in connection.execute(_SOME, {"campaign": campaign_id, "some": some})]


def has_expired(row: Row[Any], now: float) -> bool:
    """Return whether a trial's lease has run out, whoever looks."""
    return row.state == "running" and row.expires_at <= now


def record(row: Row[Any], now: float) -> Trial:
    """Return a trial as it is now: one whose lease has run out is proposed, whether that has been written yet or not."""
    running = row.state == "running" and not has_expired(row, now)
    state: TrialState = "proposed" if row.state == "running" and not running else row.state
    held = (row.holder, utc(row.expires_at)) if running else (None, None)
    return Trial(row.number, row.parameters, state, row.attempt, row.replicate, row.revision, row.note, utc(row.at), row.by, *held)


def listed(connection: Connection, campaign_id: int, now: float, states: Sequence[str], after: int, limit: int | None) -> list[Trial]:
    """Return trials behind a number, of some states as they are now, or of all."""
    query = _behind(_ROWS, now, states, after, limit)
    return [record(row, now) for row in connection.execute(query, {"campaign": campaign_id})]


def listed_json(connection: Connection, campaign_id: int, now: float, states: Sequence[str], after: int, limit: int | None) -> list[tuple[int, str]]:
    """Return the same as number and JSON text, for long lists: what is JSON in the database is not read and written again."""
    found = []
    for number, state, attempt, replicate, revision, at, by, recipe, note, holder, expires_at in connection.execute(
        _behind(_SHOWN, now, states, after, limit), {"campaign": campaign_id}
    ):
        running = state == "running" and expires_at > now
        shown = state if running or state != "running" else "proposed"
        held = f'"holder":{_text(holder)},"expires_at":{_time(expires_at)}' if running else '"holder":null,"expires_at":null'
        counts = f'"number":{number},"attempt":{attempt},"replicate":{replicate},"revision":{revision}'
        given = f'"recipe":{recipe},"state":"{shown}","note":{note},"proposed_at":{_time(at)},"proposed_by":{_text(by)}'
        found.append((number, f"{{{counts},{given},{held}}}"))
    return found


@lru_cache(maxsize=1024)
def _text(value: str) -> str:
    return json.dumps(value)


@lru_cache(maxsize=1024)  # those of one ask share their times
def _time(seconds: float) -> str:
    return json.dumps(iso(utc(seconds)))


def _behind(query: Select[Any], now: float, states: Sequence[str], after: int, limit: int | None) -> Select[Any]:
    """Return a query of trials for those behind a number, of some states as they are now, or of all."""
    expired = (trials.c.state == "running") & (leases.c.expires_at <= now)
    seen = case((expired, "proposed"), else_=trials.c.state)
    return query.where(trials.c.number > after, *((seen.in_(states),) if states else ())).limit(limit)


def get(connection: Connection, campaign_id: int, number: int) -> Row[Any]:
    """Return a trial's row with its last lease.

    Raises:
        UnknownError: If there is none of that number.
    """
    found = connection.execute(_ONE, {"campaign": campaign_id, "number": number}).one_or_none()
    if found is None:
        raise UnknownError(f"the campaign has no trial {number}; list its trials for their numbers")
    return found


def free_expired(writing: Writing, campaign_id: int) -> list[int]:
    """Return the trials whose lease has run out, which are proposed again from now on.

    A lease granted in the future shows that the clock went back: it is taken as granted now, so that no clock makes one longer than it was.
    """
    freed = []
    for row in _those(writing.connection, _DUE, campaign_id, now=writing.now):
        if has_expired(row, writing.now):
            _set_lease(writing, campaign_id, row.number, row.attempt, ended="expired")
            set_state(writing, campaign_id, row, "proposed", {"lease": "expired", "holder": row.holder})
            freed.append(row.number)
        else:
            _set_lease(writing, campaign_id, row.number, row.attempt, granted_at=writing.now, expires_at=writing.now + row.seconds)
            writing.changed(
                campaign_id, f"trial {row.number}", {"expires_at": row.expires_at}, {"expires_at": writing.now + row.seconds, "clock": "went back"}
            )
    return freed


def campaigns_to_sweep(connection: Connection, now: float) -> list[str]:
    """Return the names of the campaigns that `free_expired` would change."""
    open_leases = select(campaigns.c.id, campaigns.c.name).where(
        select(leases.c.trial).where(leases.c.ended.is_(None), leases.c.campaign_id == campaigns.c.id).exists()
    )
    found = connection.execute(open_leases.order_by(campaigns.c.name)).all()
    return [row.name for row in found if connection.execute(_DUE.limit(1), {"campaign": row.id, "now": now}).first()]


def usable(connection: Connection, campaign_id: int, holder: str, now: float) -> int:
    """Return how many open trials a holder could have: its own, and those that nobody holds."""
    return int(connection.execute(_USABLE, {"campaign": campaign_id, "who": holder, "now": now}).scalar_one())


def reserve(writing: Writing, campaign: Row[Any], holder: str, n: int, proposals: Sequence[Proposal], revision: int, seconds: float) -> list[Trial]:
    """Return n running trials of a holder: its own, then those that nobody holds any more, then the proposals that nobody has been given.

    Args:
        writing: Under the campaign's lock.
        campaign: Its row.
        holder: Whose they are.
        n: How many it is to hold; what it holds beyond them stays its own.
        proposals: Recipes that the campaign has.
        revision: Of the campaign that they were proposed from.
        seconds: Until the leases run out, renewed ones too.

    Raises:
        ConflictError: If there are too few, because recipes were taken or the campaign was revised in between; look again.
    """
    connection = writing.connection
    free_expired(writing, campaign.id)
    own = _those(connection, _OWN, campaign.id, who=holder)[:n]
    freed = connection.execute(_FREED, {"campaign": campaign.id, "most": n - len(own)}).all()
    missing = n - len(own) - len(freed)
    if missing and proposals and revision != campaign.revision:
        raise ConflictError(f"the campaign was revised from {revision} to {campaign.revision} in between; propose again from the new one")
    for row in own:
        renew(writing, campaign.id, row, seconds)
    for row in freed:
        _grant(writing, campaign.id, row.number, row.attempt + 1, holder, seconds)
        connection.execute(_TAKE_UP, {"campaign": campaign.id, "of": row.number})
        attempts = {"state": "proposed", "attempt": row.attempt}, {"state": "running", "attempt": row.attempt + 1, "holder": holder}
        writing.changed(campaign.id, f"trial {row.number}", *attempts)
    made = _give(writing, campaign, holder, missing, proposals, seconds)
    numbers = [*(row.number for row in own), *(row.number for row in freed), *made]
    by_number = {row.number: row for some in chunks(numbers) for row in connection.execute(_SOME, {"campaign": campaign.id, "some": some})}
    return [record(by_number[number], writing.now) for number in numbers]


def _give(writing: Writing, campaign: Row[Any], holder: str, n: int, proposals: Sequence[Proposal], seconds: float) -> list[int]:
    """Keep the first n proposals that nobody has been given as running trials, and return their numbers."""
    if n == 0:
        return []
    connection = writing.connection
    given = last(connection, campaign.id)
    numbers = add_recipes(connection, campaign.id, [proposal.recipe for proposal in proposals], given[recipes])
    where = (trials.c.campaign_id == campaign.id) & trials.c.recipe.in_(numbers) & (trials.c.state != "abandoned")
    taken = {(row.recipe, row.replicate) for row in connection.execute(select(trials.c.recipe, trials.c.replicate).where(where))}
    number = given[trials]
    rows: list[dict[str, Any]] = []
    for proposal, recipe in zip(proposals, numbers, strict=True):
        if len(rows) < n and (recipe, proposal.replicate) not in taken:
            taken.add((recipe, proposal.replicate))
            said = {"parameters": dict(proposal.recipe), "note": dict(proposal.note), "replicate": proposal.replicate}
            number += 1
            own = {"campaign_id": campaign.id, "number": number, "recipe": recipe, "state": "running", "attempt": 1, "revision": campaign.revision}
            rows.append({**own, **said, "at": writing.now, "by": writing.by.who})
    if len(rows) < n:
        raise ConflictError(f"{n} new recipes are needed, and only {len(rows)} of the {len(proposals)} proposed are not given already; propose again")
    connection.execute(insert(trials), rows)
    for row in rows:
        _grant(writing, campaign.id, row["number"], 1, holder, seconds)
        after = {name: row[name] for name in ("parameters", "replicate", "state", "attempt", "revision")}
        writing.changed(campaign.id, f"trial {row['number']}", None, {**after, "holder": holder})
    return [row["number"] for row in rows]


def renew(writing: Writing, campaign_id: int, row: Row[Any], seconds: float) -> None:
    """Grant a running trial's lease anew from now."""
    _set_lease(writing, campaign_id, row.number, row.attempt, granted_at=writing.now, expires_at=writing.now + seconds, seconds=seconds)
    writing.changed(campaign_id, f"trial {row.number}", {"expires_at": row.expires_at}, {"expires_at": writing.now + seconds})


def abandon(writing: Writing, campaign_id: int, number: int, reason: str) -> None:
    """Give an open trial up: nobody will make it.

    Raises:
        StoreError: If it has ended.
    """
    row = get(writing.connection, campaign_id, number)
    if row.state not in OPEN:
        raise StoreError(f"trial {number} is {row.state}, and only an open trial can be abandoned; correct its observation instead")
    if row.state == "running":
        _set_lease(writing, campaign_id, number, row.attempt, ended="abandoned")
    set_state(writing, campaign_id, row, "abandoned", {"reason": reason})


def take_result(writing: Writing, campaign_id: int, number: int, attempt: int | None) -> tuple[int, bool]:
    """Return the attempt that a result belongs to and whether it is late; for each attempt once.

    Raises:
        UnknownError: If there is no such trial or attempt.
        ToldError: If that attempt has its result.
    """
    row = get(writing.connection, campaign_id, number)
    known = writing.connection.execute(_LEASES, {"campaign": campaign_id, "of": number}).all()
    own = [lease for lease in known if lease.holder == writing.by.who]
    wanted = attempt or (own[-1].attempt if own else row.attempt)
    lease = next((lease for lease in known if lease.attempt == wanted), None)
    if lease is None:
        raise UnknownError(f"trial {number} has had {len(known)} attempts, got {wanted}; give the attempt that the recipe came with")
    if lease.result is not None:
        raise ToldError(f"attempt {wanted} at trial {number} has its result, observation {lease.result}; correct that, or tell without the trial")
    return wanted, lease.ended is not None


def end_attempt(writing: Writing, campaign_id: int, number: int, attempt: int, first: int) -> None:
    """Keep that an attempt has its result, and end the trial unless somebody else is at it or it was given up."""
    row = get(writing.connection, campaign_id, number)
    (lease,) = (one for one in writing.connection.execute(_LEASES, {"campaign": campaign_id, "of": number}) if one.attempt == attempt)
    _set_lease(writing, campaign_id, number, attempt, result=first, ended=lease.ended or "told")
    if row.state == "proposed" or (row.state == "running" and row.attempt == attempt):
        set_state(writing, campaign_id, row, _outcome(writing.connection, campaign_id, number), {"observation": first})


def judge(writing: Writing, campaign_id: int, number: int) -> None:
    """Say again whether an ended trial failed, after a correction."""
    row = get(writing.connection, campaign_id, number)
    state = _outcome(writing.connection, campaign_id, number)
    if row.state in ("completed", "failed") and row.state != state:
        set_state(writing, campaign_id, row, state, {})


def _outcome(connection: Connection, campaign_id: int, number: int) -> str:
    """Return completed or failed: failed where every standing observation of a trial is a failure."""
    statuses = connection.execute(_STATUSES, {"campaign": campaign_id, "of": number}).scalars().all()
    return "failed" if all(status in FAILURES for status in statuses) else "completed"


def set_state(writing: Writing, campaign_id: int, row: Row[Any], state: str, why: dict[str, Any]) -> None:
    """Move a trial to another state."""
    writing.connection.execute(_SET_STATE, {"campaign": campaign_id, "of": row.number, "now_state": state})
    writing.changed(campaign_id, f"trial {row.number}", {"state": row.state}, {"state": state, **why})


def _set_lease(writing: Writing, campaign_id: int, trial: int, attempt: int, **values: Any) -> None:
    changed = update(leases).where(_LEASE & (leases.c.attempt == bindparam("in_attempt"))).values(**values)
    writing.connection.execute(changed, {"campaign": campaign_id, "of": trial, "in_attempt": attempt})


def _grant(writing: Writing, campaign_id: int, trial: int, attempt: int, holder: str, seconds: float) -> None:
    times = {"seconds": seconds, "granted_at": writing.now, "expires_at": writing.now + seconds}
    writing.connection.execute(insert(leases), {"campaign_id": campaign_id, "trial": trial, "attempt": attempt, "holder": holder, **times})
