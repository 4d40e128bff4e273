"""The trials of a store: ask for recipes under leases, renew, abandon, sweep, list. A strategy is called outside any transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optimizer.store import kinds
from optimizer.store.errors import ConflictError, RecordError
from optimizer.store.observation import check_number, check_text
from optimizer.store.records import By, Proposal, Trial, TrialState
from optimizer.store.rows import campaigns
from optimizer.store.rows import trials as rows
from optimizer.store.snapshots import Snapshot
from optimizer.store.transactions import PAGE, Transactions, Writing, digest
from optimizer.store.turns import Turns

Propose = Callable[[Snapshot, int], Sequence[Proposal]]
LEASE_S = 7 * 86_400.0  # a cell takes days; a machine that reports sooner says so
LONGEST_LEASE_S = 366 * 86_400.0
MOST_TRIALS = 1000  # of one holder in one ask
TRIES = 20  # of an ask that other processes keep overtaking


class Trials:
    """What can be done with the trials of a store. Errors of any write: see `Store`."""

    def __init__(self, transactions: Transactions, snapshot: Callable[[str], Snapshot]) -> None:
        self._transactions, self._snapshot = transactions, snapshot
        self._asking: dict[str, Turns] = {}

    def ask(self, by: By, name: str, n: int, propose: Propose, *, holder: str | None = None, lease_s: float = LEASE_S) -> list[Trial]:
        """Return n recipes for a holder to make, running under leases: its own open ones, then any that nobody holds, then new ones.

        No two holders have the same recipe, and no recipe is given twice. Asks of one campaign take turns in a process, since the second
        needs to know of the first; across processes, one that was overtaken proposes again.

        Args:
            by: Who, and the key.
            name: Of the campaign.
            n: How many open recipes the holder is to have, 1 to `MOST_TRIALS`.
            propose: Given a snapshot and how many are missing, returns at least as many new proposals.
            holder: Whose they are; who asks, when left out.
            lease_s: Until they run out unless told or renewed, at least 1 second.

        Raises:
            StoreError: If the campaign is archived.
            ConflictError: If others kept overtaking, or every proposal was given already.
        """
        with self._asking.setdefault(name, Turns()).mine():
            for attempt in range(1, TRIES + 1):
                missing = self.missing(name, holder or by.who, n)
                proposals: Sequence[Proposal] = ()
                revision = 0
                if missing and not self._transactions.answered(by):
                    snapshot = self._snapshot(name)
                    proposals, revision = propose(snapshot, missing), snapshot.revision
                try:
                    return self.reserve(by, name, n, proposals, revision, holder=holder, lease_s=lease_s)
                except ConflictError:
                    if attempt == TRIES:
                        raise
        raise AssertionError("the last try returns or raises")

    def missing(self, name: str, holder: str, n: int) -> int:
        """Return how many of n recipes would have to be proposed anew for a holder."""
        now = self._transactions.now()
        return max(n - self._transactions.read(lambda connection: rows.usable(connection, campaigns.find(connection, name).id, holder, now)), 0)

    def reserve(
        self, by: By, name: str, n: int, proposals: Sequence[Proposal], revision: int, *, holder: str | None = None, lease_s: float = LEASE_S
    ) -> list[Trial]:
        """Give n recipes to a holder in one transaction: the second half of `ask`, for who runs the strategy elsewhere.

        Args:
            by: Who, and the key. Sent again it answers the same, whatever was proposed meanwhile.
            name: Of the campaign.
            n: As in `ask`.
            proposals: Recipes from a snapshot, at least `missing` of them; one that was given in between is passed over.
            revision: Of that snapshot.
            holder: As in `ask`.
            lease_s: As in `ask`.

        Raises:
            StoreError: If the campaign is archived.
            ConflictError: If too few proposals are left, or the campaign was revised since; take another.
        """
        who = _holder(by, holder)
        seconds = _seconds(lease_s)
        if isinstance(n, bool) or not 1 <= n <= MOST_TRIALS:
            raise RecordError("n", f"must be a whole number from 1 to {MOST_TRIALS}", n, "ask for as many as will be made")

        def run(writing: Writing) -> list[dict[str, Any]]:
            row = campaigns.lock(writing, name, open_only=True)
            if row.revision == revision and proposals:
                campaign = kinds.parse(row.text, name)
                for proposal in proposals:
                    kinds.row_of(campaign, proposal.recipe)
            return [trial.as_json() for trial in rows.reserve(writing, row, who, n, proposals, revision, seconds)]

        return [Trial.from_json(trial) for trial in self._transactions.write(by, "ask", [name, n, who, seconds], run)]

    def renew(self, by: By, name: str, number: int, *, holder: str | None = None, lease_s: float = LEASE_S) -> Trial:
        """Grant a holder's lease anew, from now.

        Raises:
            ConflictError: If the holder does not have the trial, or no longer.
        """
        who = _holder(by, holder)
        seconds = _seconds(lease_s)

        def run(writing: Writing, campaign_id: int) -> None:
            found = rows.get(writing.connection, campaign_id, number)
            if found.state != "running" or found.holder != who:
                raise ConflictError(f"trial {number} is {found.state} and not held by {who}; ask for a recipe, or tell the result all the same")
            rows.renew(writing, campaign_id, found, seconds)

        return self._change(by, "renew", name, number, [who, seconds], run)

    def abandon(self, by: By, name: str, number: int, reason: str = "") -> Trial:
        """Give an open trial up: nobody will make it, and its recipe may be proposed again.

        Raises:
            StoreError: If it has ended.
        """
        check_text("reason", reason)

        def run(writing: Writing, campaign_id: int) -> None:
            rows.abandon(writing, campaign_id, number, reason)

        return self._change(by, "abandon", name, number, reason, run)

    def _change(self, by: By, operation: str, name: str, number: int, request: Any, change: Callable[[Writing, int], None]) -> Trial:
        def run(writing: Writing) -> dict[str, Any]:
            row = campaigns.lock(writing, name)
            rows.free_expired(writing, row.id)
            change(writing, row.id)
            return rows.record(rows.get(writing.connection, row.id, number), writing.now).as_json()

        return Trial.from_json(self._transactions.write(by, operation, [name, number, request], run))

    def sweep(self, by: By) -> dict[str, list[int]]:
        """Free every trial whose lease has run out, and return their numbers by campaign, one transaction each; a service does it by a timer.

        Nobody needs it to see the truth: every read shows such a trial as proposed from the moment its lease runs out.
        """
        now = self._transactions.now()
        found = {}
        for name in self._transactions.read(lambda connection: rows.campaigns_to_sweep(connection, now)):

            def run(writing: Writing, name: str = name) -> list[dict[str, Any]]:
                return [{"number": number} for number in rows.free_expired(writing, campaigns.lock(writing, name).id)]

            key = By(by.who, digest([by.key, name]))
            found[name] = [one["number"] for one in self._transactions.write(key, "sweep", name, run)]
        return {name: numbers for name, numbers in found.items() if numbers}

    def page(self, name: str, states: Sequence[TrialState] = (), after: int = 0, limit: int | None = PAGE) -> list[Trial]:
        """Return trials as they are now in order of number, those behind a number, of some states or of all."""
        now = self._transactions.now()
        return self._transactions.read(lambda connection: rows.listed(connection, campaigns.find(connection, name).id, now, states, after, limit))

    def page_json(self, name: str, states: Sequence[TrialState] = (), after: int = 0, limit: int | None = PAGE) -> list[tuple[int, str]]:
        """Return the same as number and JSON text (of `Trial.as_json`), seven times as fast."""
        now = self._transactions.now()
        return self._transactions.read(
            lambda connection: rows.listed_json(connection, campaigns.find(connection, name).id, now, states, after, limit)
        )

    def get(self, name: str, number: int) -> Trial:
        """Return one trial as it is now.

        Raises:
            UnknownError: If there is none of that number.
        """
        now = self._transactions.now()
        return self._transactions.read(lambda connection: rows.record(rows.get(connection, campaigns.find(connection, name).id, number), now))


def _holder(by: By, holder: str | None) -> str:
    if holder is None:
        return by.who
    return By(holder, by.key).who  # checked as a name


def _seconds(lease_s: float) -> float:
    seconds = check_number("lease_s", lease_s)
    if not 1.0 <= seconds <= LONGEST_LEASE_S:
        raise RecordError("lease_s", f"must be from 1 to {LONGEST_LEASE_S:.0f} seconds", lease_s, "renew a lease that is to last")
    return seconds
