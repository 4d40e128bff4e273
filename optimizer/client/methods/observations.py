"""Measurements: tell, correct, upload, list; and send what was kept while the service could not be reached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.client import measurements, shapes
from optimizer.client.errors import data_of
from optimizer.client.method import method
from optimizer.client.outbox import Outbox, Replayed, replayed
from optimizer.client.pages import Page, listing
from optimizer.client.wire import Steps, address, reading


class Observations:
    """What can be done with measurements."""

    @method
    def tell(
        self, campaign: str, observation: shapes.Observation, *, trial: int | None = None, attempt: int | None = None, key: str | None = None
    ) -> Steps[shapes.Told]:
        """Keep one observation, as the result of a trial where it is of one.

        Args:
            campaign: Its name.
            observation: Recipe, outcomes and whatever else was noted; see docs/api.
            trial: The trial's number, as `ask` gave it.
            attempt: Which attempt at the trial; the current one when left out.
            key: Of this one observation, where it may have to be told again by another process; a new one when left out.
        """
        request = measurements.telling(campaign, [measurements.report(observation, trial, attempt)], key)
        return data_of((yield request))["told"][0]

    @method
    def tell_many(self, campaign: str, reports: Sequence[shapes.Report], *, key: str | None = None) -> Steps[list[shapes.Told]]:
        """Keep reports, all of them or none, and return what became of each, in their order."""
        return data_of((yield measurements.telling(campaign, reports, key)))["told"]

    @method
    def tell_failed(
        self,
        campaign: str,
        recipe: measurements.Recipe,
        *,
        status: measurements.Failure = "failed_cell",
        cause: str = "",
        trial: int | None = None,
        attempt: int | None = None,
        key: str | None = None,
    ) -> Steps[shapes.Told]:
        """Keep that a recipe gave nothing to measure, and why: failed cells teach too."""
        observation: shapes.Observation = {"recipe": recipe, "status": status, "cause": cause}
        return data_of((yield measurements.telling(campaign, [measurements.report(observation, trial, attempt)], key)))["told"][0]

    @method
    def correct(self, campaign: str, number: int, observation: shapes.Observation, *, key: str | None = None) -> Steps[shapes.Told]:
        """Keep an observation that stands for an earlier one from now on; the earlier one stays on record."""
        return data_of((yield measurements.correcting(campaign, number, observation, key)))

    @method
    def upload(self, campaign: str, table: Path, *, source: str | None = None, key: str | None = None) -> Steps[shapes.Imported]:
        """Keep every row of a lab's table, .csv or .xlsx, or none; rows that were imported before are not kept twice."""
        return data_of((yield measurements.uploading(campaign, table, source, key)))

    @method
    def observations(self, campaign: str, *, after: int | None = None, limit: int | None = None) -> Steps[Page[shapes.Kept]]:
        """Return observations in order of number; corrected ones too, which say by what."""
        return (yield from listing(address("campaigns", campaign, "observations"), after, limit))

    @method
    def observation(self, campaign: str, number: int) -> Steps[shapes.Kept]:
        """Return one observation."""
        return data_of((yield reading(address("campaigns", campaign, "observations", number))))

    @method
    def replay(self, outbox: Outbox) -> Steps[Replayed]:
        """Send what an outbox keeps, in its order, each exactly once however often this is called or killed."""
        return (yield from replayed(outbox))
