"""What a campaign wants, whatever its design space: objectives, limits on outcomes, and outcomes that a lab defines. Data only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array
from objectives.expression import ExpressionError, formula
from objectives.outcomes import Outcome, own_outcome


class CampaignError(ValueError):
    """Raised when a campaign file contradicts itself or names what does not exist."""


@dataclass(frozen=True)
class Objective:
    """An outcome to maximise; below ``reference`` it counts for nothing."""

    outcome: str
    reference: float

    direction: str = "maximize"

    def __post_init__(self) -> None:
        if self.direction not in ("maximize", "minimize"):
            raise CampaignError(f'objective {self.outcome}: direction must be maximize or minimize, got "{self.direction}"; choose one')

    @property
    def sign(self) -> float:
        """Return 1 to maximise, -1 to minimise."""
        return 1.0 if self.direction == "maximize" else -1.0


@dataclass(frozen=True)
class OwnOutcome:
    """An outcome that a lab defines: a further column of its table, learned from its own rows.

    ``repeatability`` is the standard deviation of one measurement, in the unit; replicates and stated errors refine it. ``mean`` is a
    formula of what the lab expects, in the unit; its scale and offset and what it misses are learned. Without one, so is everything.
    """

    name: str
    unit: str
    repeatability: float
    scale: str = "linear"
    mean: str = ""

    def __post_init__(self) -> None:
        if not self.repeatability > 0.0:
            raise CampaignError(f"outcome {self.name}: repeatability must be above 0 {self.unit}, got {self.repeatability:g}; give one cell's spread")
        own_outcome(self.name, self.unit, self.scale)


@dataclass(frozen=True)
class OutcomeLimit:
    """A soft limit on any outcome: at least ``min``, at most ``max``, in the outcome's unit."""

    outcome: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise CampaignError(f"limit on {self.outcome} needs min or max, got neither; give one or remove the limit")
        if self.min is not None and self.max is not None and not self.min < self.max:
            raise CampaignError(f"limit on {self.outcome} must have min below max, got {self.min:g} and {self.max:g}; correct one")

    def margins(self, value: Array) -> dict[str, Array]:
        """Return the margins of an outcome's values by name, positive inside."""
        found = {}
        if self.min is not None:
            found[f"{self.outcome}_min"] = value - self.min
        if self.max is not None:
            found[f"{self.outcome}_max"] = self.max - value
        return found


def check_mean(own: OwnOutcome, names: Collection[str]) -> None:
    """Refuse a mean that is no formula over these names.

    Raises:
        CampaignError: If so; names the part.
    """
    try:
        if own.mean:
            formula(own.mean, names)
    except ExpressionError as error:
        raise CampaignError(f"mean of outcome {own.name}: {error}") from error


def natural_mean(value: Array, own: OwnOutcome, outcome: Outcome) -> Array:
    """Return a formula's values ``(n,)`` on the outcome's natural scale.

    Raises:
        CampaignError: If one has no place on that scale.
    """
    with np.errstate(all="ignore"):
        found = outcome.to_natural(value)
    if not np.isfinite(found).all():
        bad = float(value[~np.isfinite(found)][0])
        raise CampaignError(f"the mean of outcome {own.name} must have a value on its {own.scale} scale for every recipe, got {bad:g}; correct it")
    return found
