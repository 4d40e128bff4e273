"""Errors of models on rows that they did not see, and which model an outcome's left-out rows choose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from objectives.composition import Array
from objectives.outcomes import LEARNED


@dataclass(frozen=True)
class Held:
    """One left-out row: measured and predicted by one model, on the natural scale and in the outcome's unit."""

    model: str
    outcome: str
    study: str
    row: str
    c_rate: float
    measured: float
    predicted: float
    inside: bool  # the measurement lies within the interval
    log_density: float = 0.0  # of the measurement under the prediction, on the natural scale

    @property
    def error(self) -> float:
        """Return the error: capacity in mAh/g, porosity in points, tau as a natural log."""
        if self.outcome == "porosity":
            return 100.0 * (self.predicted - self.measured)
        if self.outcome == "discharge_capacity":
            return self.predicted - self.measured
        return math.log(self.predicted / self.measured)


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Score:
    """Errors of one model on one outcome over all left-out rows."""

    model: str
    outcome: str
    rows: int
    median: float  # absolute error
    rms: float
    covered: int  # rows inside their interval
    interval: tuple[float, float]  # Wilson, 95 %, of the coverage
    log_density: float  # mean predictive log density of a row on the outcome's natural scale; higher is better
    chosen: bool = False  # no model of the outcome has a higher density

    @property
    def unit(self) -> str:
        """Return the unit of the errors."""
        return {"porosity": "points", "discharge_capacity": "mAh/g"}.get(self.outcome, "natural log")

    @property
    def coverage(self) -> float:
        """Return the share of rows inside their interval."""
        return self.covered / self.rows


def scores(held: Sequence[Held]) -> list[Score]:
    """Return the scores by outcome and model, models in the order they were compared in; the densest of each outcome is chosen."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for row in held:
        groups.setdefault((row.outcome, row.model), []).append(row)
    found = [_score(outcome, model, rows) for (outcome, model), rows in groups.items()]
    most = {score.outcome: max(other.log_density for other in found if other.outcome == score.outcome) for score in found}
    found = [replace(score, chosen=score.log_density == most[score.outcome]) for score in found]
    return sorted(found, key=lambda score: LEARNED.index(score.outcome))


def _score(outcome: str, model: str, rows: Sequence[Held]) -> Score:
    errors: Array = np.array([row.error for row in rows])
    hits = sum(row.inside for row in rows)
    median, rms = float(np.median(np.abs(errors))), float(np.sqrt(np.mean(errors**2)))
    return Score(model, outcome, len(rows), median, rms, hits, wilson(hits, len(rows)), float(np.mean([row.log_density for row in rows])))
