"""The observations of a store: tell, correct, import a lab's table, export it, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from optimizer.store import exporting, kinds, snapshots
from optimizer.store.errors import ConflictError, RecordError, ToldError, UnknownError
from optimizer.store.observation import Observation, check_text
from optimizer.store.records import By, Imported, Kept, Report, Told
from optimizer.store.rows import campaigns, trials
from optimizer.store.rows import observations as rows
from optimizer.store.rows.numbers import by_digest
from optimizer.store.tables import NAME, observations
from optimizer.store.transactions import PAGE, Transactions, Writing, digest

MOST_REPORTS = 10_000  # in one tell
TRIES = 3  # of an import that a revision overtakes


class Observations:
    """What can be done with the observations of a store. Errors of any write: see `Store`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def tell(self, by: By, name: str, reports: Sequence[Report]) -> list[Told]:
        """Keep what was measured or failed: all reports or none.

        Each attempt at a trial takes one telling, with as many observations as there are (tests at several conditions, replicates). One whose
        lease has ended is kept all the same, marked late; if nobody else is at the trial, it ends the trial. Without a trial, an observation
        stands by itself. An archived campaign takes observations too.

        Raises:
            UnknownError: If there is no such trial, or attempt at it.
            ToldError: If an attempt has its result already.
            RecordError: If an observation cannot be one of the campaign; names the report.
        """
        if not 1 <= len(reports) <= MOST_REPORTS:
            raise RecordError("reports", f"must be 1 to {MOST_REPORTS}", len(reports), "split them, or import a table")

        def run(writing: Writing) -> list[dict[str, Any]]:
            row = campaigns.lock(writing, name)
            campaign = kinds.parse(row.text, name)
            for place, report in enumerate(reports):
                _check(campaign, report.observation, f"reports[{place}].")
            if any(report.trial is not None for report in reports):
                trials.free_expired(writing, row.id)
            links = {(r.trial, r.attempt): trials.take_result(writing, row.id, r.trial, r.attempt) for r in reports if r.trial is not None}
            wanted = [_wanted(writing, row.id, report, links) for report in reports]
            told = rows.add(writing, row.id, row.revision, wanted)
            first: dict[tuple[int, int], int] = {}
            for one in told:
                if one.trial is not None and one.attempt is not None:
                    first.setdefault((one.trial, one.attempt), one.number)
            for (trial, attempt), number in first.items():
                trials.end_attempt(writing, row.id, trial, attempt, number)
            return [one.as_json() for one in told]

        request = [name, [[report.observation.as_json(), report.trial, report.attempt] for report in reports]]
        return [Told(**told) for told in self._transactions.write(by, "tell", request, run)]

    def correct(self, by: By, name: str, number: int, observation: Observation) -> Told:
        """Keep an observation that stands for an earlier one from now on; the earlier one stays on record.

        Raises:
            UnknownError: If there is no observation of that number.
            ToldError: If it has been corrected already: correct the one that stands.
            RecordError: If the observation cannot be one of the campaign.
        """

        def run(writing: Writing) -> dict[str, Any]:
            row = campaigns.lock(writing, name)
            old = _kept(writing.connection, row.id, number)
            if old.corrected_by is not None:
                raise ToldError(f"observation {number} has been corrected by {old.corrected_by} already; correct that one")
            _check(kinds.parse(row.text, name), observation, "")
            cell = old.told.cell if rows.same_cell(old.observation, observation) else None
            wanted = rows.Wanted(observation, old.told.trial, old.told.attempt, old.told.late, corrects=number, cell=cell)
            (told,) = rows.add(writing, row.id, row.revision, [wanted])
            writing.changed(row.id, f"observation {number}", old.as_json(), {"corrected_by": told.number})
            if told.trial is not None:
                trials.judge(writing, row.id, told.trial)
            return told.as_json()

        return Told(**self._transactions.write(by, "correct", [name, number, observation.as_json()], run))

    def import_table(self, by: By, name: str, content: bytes, source: str) -> Imported:
        """Keep every row of a lab's table, CSV or XLSX, or none. A row that was imported before is not kept twice, so a table may grow.

        Args:
            by: Who, and the key.
            name: Of the campaign, whose balance, lots, defaults and outcomes the table is read with.
            content: Of the file.
            source: What to call it.

        Raises:
            LabTableError: If the table has any problem; lists them all, by row and column.
        """
        check_text("source", source, NAME)
        for attempt in range(1, TRIES + 1):
            row = self._transactions.read(lambda connection: campaigns.find(connection, name))
            read, notes = kinds.read_observations(kinds.parse(row.text, name), content, source)  # outside the transaction: it takes its time

            def run(
                writing: Writing, revision: int = row.revision, read: tuple[Observation, ...] = read, notes: tuple[str, ...] = notes
            ) -> dict[str, Any]:
                row = campaigns.lock(writing, name)
                if row.revision != revision:
                    raise ConflictError(f'the campaign "{name}" was revised while its table was read; import it again')
                known = by_digest(writing.connection, observations, row.id, map(rows.content_digest, read))
                fresh = [rows.Wanted(one) for one in read if rows.content_digest(one) not in known]
                told = rows.add(writing, row.id, row.revision, fresh)
                return Imported(tuple(told), len(read) - len(fresh), notes).as_json()

            try:
                return Imported.from_json(self._transactions.write(by, "import", [name, digest(content.hex()), source], run))
            except ConflictError:
                if attempt == TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    def export_csv(self, name: str) -> str:
        """Return the standing observations as a table that `import_table` reads back as they are."""
        now = self._transactions.now()
        snapshot = self._transactions.read(lambda connection: snapshots.take(connection, campaigns.find(connection, name), now))
        return exporting.as_csv(snapshot.campaign, snapshot.observations)

    def page(self, name: str, after: int = 0, limit: int | None = PAGE) -> list[Kept]:
        """Return observations in order of number, those behind a number; corrected ones too, which say by what."""
        return self._transactions.read(lambda connection: rows.read(connection, campaigns.find(connection, name).id, after, limit))

    def get(self, name: str, number: int) -> Kept:
        """Return one observation.

        Raises:
            UnknownError: If there is none of that number.
        """
        return self._transactions.read(lambda connection: _kept(connection, campaigns.find(connection, name).id, number))


def _check(campaign: kinds.AnyCampaign, observation: Observation, place: str) -> None:
    try:
        kinds.check(campaign, observation)
    except RecordError as error:
        raise RecordError(f"{place}{error.field}", error.rule, error.value, error.remedy) from error


def _kept(connection: Connection, campaign_id: int, number: int) -> Kept:
    found = rows.read(connection, campaign_id, only=[number])
    if not found:
        raise UnknownError(f"the campaign has no observation {number}; list them for their numbers")
    return found[0]


def _wanted(writing: Writing, campaign_id: int, report: Report, links: Mapping[tuple[int, int | None], tuple[int, bool]]) -> rows.Wanted:
    """Return a report with its attempt; what was weighed of a trial's recipe counts as that recipe."""
    if report.trial is None:
        if report.attempt is not None:
            raise RecordError("attempt", "must stand beside a trial", report.attempt, "give the trial too")
        return rows.Wanted(report.observation)
    attempt, late = links[report.trial, report.attempt]
    observation, recipe = report.observation, trials.get(writing.connection, campaign_id, report.trial).parameters
    if observation.planned is None and rows.recipe_digest(observation.recipe) != rows.recipe_digest(recipe):
        observation = replace(observation, planned=recipe)
    return rows.Wanted(observation, report.trial, attempt, late)
