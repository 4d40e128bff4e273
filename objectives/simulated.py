"""What a simulation of one recipe gives, at whichever fidelity: plain numbers, and a name for whatever went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Fidelity = Literal["analytic", "cell", "micro"]
FIDELITIES: tuple[Fidelity, ...] = ("analytic", "cell", "micro")


@dataclass(frozen=True)
class Simulated:
    """Outcomes of one simulated recipe under one condition; every number is finite.

    Args:
        outcomes: By the names of `objectives.outcomes`, in their units. What a failure leaves unknown is absent.
        sd: Scatter between seeds, by the same names; empty where there is none.
        status: ``ok``, or the name of a failure. Not percolating is an outcome (``percolates``), not a failure.
        detail: One sentence about a failure; empty otherwise.
        percolates: Whether ions find a path through the electrode, in every seed.
        facts: Further numbers by name with the unit in the name (``connected_am_fraction``, ``voxel_um``, ``seconds``).
    """

    outcomes: Mapping[str, float]
    sd: Mapping[str, float] = field(default_factory=dict)
    status: str = "ok"
    detail: str = ""
    percolates: bool = True
    facts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for group in (self.outcomes, self.sd, self.facts):
            for name, value in group.items():
                if not abs(value) < float("inf"):  # also refuses NaN
                    raise ValueError(f"{name} of a simulation must be finite, got {value}; give the failure a status instead")
