"""Simulated trials as cells of a lab, which is what the surrogates learn from."""

from __future__ import annotations

from collections.abc import Sequence

from objectives.cell import Cell, Measured
from objectives.physics import Physics
from objectives.recipe import Recipe
from optimizer.runs.history import LEARNED, Trial
from optimizer.runs.history import recipes as recipes_of


def simulated_cells(physics: Physics, trials: Sequence[Trial]) -> tuple[Cell, ...]:
    """Return completed trials as cells at the physics' own conditions.

    A lab measures the electronic conductivity, and the surrogates learn from it; a simulated electronic tau is turned into the
    conductivity that it stands for.
    """
    closed = physics.outcomes(recipes_of(trials))
    cells = []
    for i, trial in enumerate(trials):
        known = {name: value for name, value in zip(LEARNED, trial.learned, strict=True) if value is not None}
        tau = known.pop("electronic_tortuosity_factor", None)
        if tau is not None:
            known["electronic_conductivity"] = float(closed.phi_am[i] * closed.sigma_0_electronic[i]) / tau
        outcomes = {name: Measured(value) for name, value in known.items()}
        cells.append(Cell(trial.number, f"trial {trial.number}", Recipe(*trial.recipe), outcomes))
    return tuple(cells)
