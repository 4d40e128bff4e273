"""The campaigns of a store: create, revise, archive, clone, list."""

from __future__ import annotations

from typing import Any

from optimizer.store import kinds, snapshots
from optimizer.store.errors import RecordError, StoreError
from optimizer.store.records import By, CampaignInfo, Revision
from optimizer.store.rows import campaigns as rows
from optimizer.store.rows import observations
from optimizer.store.transactions import PAGE, Transactions, Writing


class Campaigns:
    """What can be done with the campaigns of a store. Errors of any write: see `Store`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def create(self, by: By, text: str, name: str | None = None) -> CampaignInfo:
        """Keep a new campaign from the text of its file, under the file's own name or another.

        Raises:
            ConflictError: If there is one of that name.
            CampaignError: If the text is no campaign.
        """
        rows.check_length(text)
        wanted = name if name is not None else kinds.parse(text, "the campaign").name

        def run(writing: Writing) -> dict[str, Any]:
            return rows.create(writing, wanted, text).as_json()

        return CampaignInfo.from_json(self._transactions.write(by, "create", [wanted, text], run))

    def revise(self, by: By, name: str, text: str, *, expected: int | None = None, reason: str = "") -> CampaignInfo:
        """Keep a new revision of a campaign: bounds, steps, limits, goals. Old data stay, and `revisions` says what changed.

        Args:
            by: Who, and the key.
            name: Of the campaign.
            text: The whole file as it is to be.
            expected: The revision that was looked at; any when left out.
            reason: Why, for people.

        Raises:
            ConflictError: If it is at another revision by now.
            StoreError: If it is archived, or what was made is no recipe of the new space: parameters stay, their bounds may change.
            CampaignError: If the text is no campaign.
        """

        def run(writing: Writing) -> dict[str, Any]:
            row = rows.revise(writing, name, text, expected, reason)
            try:
                snapshots.take(writing.connection, row, writing.now).check()
            except RecordError as error:
                rule = f'the new revision of "{name}" must fit what was made before'
                raise StoreError(f"{rule}, got one where {error.field} {error.rule}; keep the parameters, or create another campaign") from error
            return rows.info(row).as_json()

        return CampaignInfo.from_json(self._transactions.write(by, "revise", [name, text, expected, reason], run))

    def archive(self, by: By, name: str) -> CampaignInfo:
        """Close a campaign to new recipes and revisions. Measurements are still taken, whenever they come."""
        return self._set_archived(by, "archive", name, True)

    def restore(self, by: By, name: str) -> CampaignInfo:
        """Take an archived campaign up again."""
        return self._set_archived(by, "restore", name, False)

    def _set_archived(self, by: By, operation: str, name: str, archived: bool) -> CampaignInfo:
        def run(writing: Writing) -> dict[str, Any]:
            return rows.set_archived(writing, name, archived).as_json()

        return CampaignInfo.from_json(self._transactions.write(by, operation, name, run))

    def clone(self, by: By, name: str, new_name: str) -> CampaignInfo:
        """Keep a copy of a campaign's current settings and standing observations under a new name. Trials stay with the first.

        Raises:
            ConflictError: If there is a campaign of the new name.
        """

        def run(writing: Writing) -> dict[str, Any]:
            old = rows.lock(writing, name)  # so that nothing is told in between
            made = rows.create(writing, new_name, old.text, cloned_from=name)
            new = rows.find(writing.connection, new_name)
            standing = observations.current(observations.read(writing.connection, old.id))
            observations.add(writing, new.id, 1, [observations.as_clone(kept, name) for kept in standing])
            return made.as_json()

        return CampaignInfo.from_json(self._transactions.write(by, "clone", [name, new_name], run))

    def page(self, after: str = "", limit: int = PAGE) -> list[CampaignInfo]:
        """Return campaigns in order of name, those behind a name."""
        return self._transactions.read(lambda connection: rows.listed(connection, after, limit))

    def get(self, name: str) -> CampaignInfo:
        """Return one campaign."""
        return self._transactions.read(lambda connection: rows.info(rows.find(connection, name)))

    def revisions(self, name: str) -> tuple[Revision, ...]:
        """Return every state of a campaign's file, oldest first, with what changed."""
        return self._transactions.read(lambda connection: rows.all_revisions(connection, name))
