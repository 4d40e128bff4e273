"""What the choice of recipes needs of a campaign and of its fitted model, whatever the design space and with or without physics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from objectives.composition import Array
from objectives.design_space import DesignSpace
from optimizer.goal import Objective
from optimizer.samples import Samples


class Goal(Protocol):
    """What is searched, and what for."""

    @property
    def space(self) -> DesignSpace:
        """The design space."""
        ...

    @property
    def objectives(self) -> Sequence[Objective]:
        """One to three."""
        ...

    @property
    def probability(self) -> float:
        """Least probability of meeting all limits."""
        ...


class Model(Protocol):
    """A model fitted to what was measured."""

    @property
    def campaign(self) -> Goal:
        """What it was fitted for."""
        ...

    def samples(self, recipes: Array, n: int, seed: int, *, joint: bool = True) -> Samples:
        """Return n posterior samples at recipes ``(m, d)``: joint over them, or each recipe by itself (cheap, for many)."""
        ...

    def success_probability(self, recipes: Array) -> Array:
        """Return the probability that recipes can be made and tested, ``(n,)``."""
        ...

    def percolation_probability(self, recipes: Array) -> Array:
        """Return the probability that recipes keep the hard limits that a model only estimates, ``(n,)``."""
        ...
