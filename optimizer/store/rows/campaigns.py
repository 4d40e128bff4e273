"""Campaigns of the store: created, revised, archived, cloned. Functions of a transaction; callers use `optimizer.store.campaigns`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from optimizer.journal import difference, settings_of
from optimizer.store.errors import ConflictError, RecordError, StoreError, UnknownError
from optimizer.store.kinds import kind_of, parse
from optimizer.store.observation import check_name, check_text
from optimizer.store.records import CampaignInfo, Revision, utc
from optimizer.store.tables import campaigns, revisions
from optimizer.store.transactions import Writing

_NOW = select(revisions.c.text).where((revisions.c.campaign_id == campaigns.c.id) & (revisions.c.number == campaigns.c.revision)).scalar_subquery()
_CURRENT = (campaigns, _NOW.label("text"))  # a campaign's row has its current text
_FIND = select(*_CURRENT).where(campaigns.c.name == bindparam("wanted"))  # built once, as in `numbers`
_LOCK = update(campaigns).where(campaigns.c.name == bindparam("wanted")).values(version=campaigns.c.version + 1).returning(*_CURRENT)
LONGEST_NAME = 100  # letters of a campaign's name
MOST_TEXT = 1_000_000  # letters of a campaign file


def find(connection: Connection, name: str) -> Row[Any]:
    """Return a campaign's row.

    Raises:
        UnknownError: If there is none of that name.
    """
    row = connection.execute(_FIND, {"wanted": name}).one_or_none()
    if row is None:
        raise UnknownError(f'the store has no campaign "{name}"; create it, or list the campaigns for its name')
    return row


def lock(writing: Writing, name: str, *, open_only: bool = False) -> Row[Any]:
    """Return a campaign's row, which nobody else writes to until the transaction ends, with its version raised.

    Raises:
        UnknownError: If there is none of that name.
        StoreError: If it has to be open and is archived.
    """
    row = writing.connection.execute(_LOCK, {"wanted": name}).one_or_none()
    if row is None:
        return find(writing.connection, name)  # refuses
    if open_only and row.archived:
        raise StoreError(f'the campaign "{name}" is archived, so it takes measurements but nothing new is asked of it; restore it first')
    return row


def info(row: Row[Any]) -> CampaignInfo:
    """Return a campaign's record."""
    return CampaignInfo(row.name, row.kind, row.revision, row.version, row.archived, row.cloned_from, utc(row.at), row.by)


def create(writing: Writing, name: str, text: str, cloned_from: str | None = None) -> CampaignInfo:
    """Keep a new campaign.

    Raises:
        StoreError: If there is one of that name, or the text is too long.
        CampaignError: If the text is no campaign.
    """
    check_name("name", name, LONGEST_NAME)
    check_length(text)
    if "/" in name:
        raise RecordError("name", 'must have no "/"', name, "rename the campaign")
    campaign = parse(text, name)
    if writing.connection.execute(select(campaigns.c.id).where(campaigns.c.name == name)).one_or_none():
        raise ConflictError(f'the store has a campaign "{name}" already; revise it, or give the new one another name')
    by = {"at": writing.now, "by": writing.by.who}
    made = {"name": name, "kind": kind_of(campaign), "revision": 1, "version": 1, "archived": False, "cloned_from": cloned_from, **by}
    row = writing.connection.execute(insert(campaigns).returning(campaigns), made).one()
    first = {"campaign_id": row.id, "number": 1, "text": text, "changes": [], "reason": "created", **by}
    writing.connection.execute(insert(revisions), first)
    writing.changed(row.id, "campaign", None, {**info(row).as_json(), "text": text})
    return info(row)


def check_length(text: str) -> None:
    """Refuse a campaign file beyond `MOST_TEXT` letters, before anything reads it."""
    if len(text) > MOST_TEXT:
        raise StoreError(f"a campaign file must have at most {MOST_TEXT} letters, got {len(text)}; leave out what is no setting")


def revise(writing: Writing, name: str, text: str, expected: int | None, reason: str) -> Row[Any]:
    """Keep a new revision of a campaign, and return its row. The caller checks that the data still fit.

    Raises:
        ConflictError: If ``expected`` is not the current revision.
        StoreError: If the kind changes, or the campaign is archived.
        CampaignError: If the text is no campaign.
    """
    check_text("reason", reason)
    check_length(text)
    row = lock(writing, name, open_only=True)
    if expected is not None and expected != row.revision:
        raise ConflictError(f'the campaign "{name}" is at revision {row.revision} by now, got {expected}; look at what changed, then revise that')
    old, new = parse(row.text, name), parse(text, name)
    if kind_of(new) != row.kind:
        raise StoreError(f'a revision cannot add or remove the physics of the campaign "{name}", got kind {kind_of(new)}; create another campaign')
    changes = [change.as_json() for change in difference(settings_of(old), settings_of(new))]
    by = {"at": writing.now, "by": writing.by.who, "reason": reason}
    writing.connection.execute(insert(revisions), {"campaign_id": row.id, "number": row.revision + 1, "text": text, "changes": changes, **by})
    writing.connection.execute(update(campaigns).where(campaigns.c.id == row.id).values(revision=row.revision + 1))
    writing.changed(row.id, f"revision {row.revision + 1}", {"text": row.text}, {"text": text, "changes": changes, "reason": reason})
    return find(writing.connection, name)


def set_archived(writing: Writing, name: str, archived: bool) -> CampaignInfo:
    """Archive a campaign, or take it up again."""
    before = lock(writing, name)
    changed = update(campaigns).where(campaigns.c.id == before.id).values(archived=archived).returning(campaigns)
    row = writing.connection.execute(changed).one()
    writing.changed(row.id, "campaign", {"archived": before.archived}, {"archived": archived})
    return info(row)


def listed(connection: Connection, after: str, limit: int) -> list[CampaignInfo]:
    """Return campaigns by name, those behind a name."""
    return [info(row) for row in connection.execute(select(campaigns).where(campaigns.c.name > after).order_by(campaigns.c.name).limit(limit))]


def all_revisions(connection: Connection, name: str) -> tuple[Revision, ...]:
    """Return a campaign's revisions, oldest first."""
    row = find(connection, name)
    query = select(revisions).where(revisions.c.campaign_id == row.id).order_by(revisions.c.number)
    return tuple(Revision(r.number, r.text, tuple(r.changes), r.reason, utc(r.at), r.by) for r in connection.execute(query))
