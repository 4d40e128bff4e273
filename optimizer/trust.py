"""How much each learned outcome trusts the physics and the simulated electrodes, as its measured cells taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from objectives.outcomes import LEARNED, OUTCOMES
from optimizer.model import FittedModel
from optimizer.report import rounded
from surrogates.fusion.simulated import weights_of


@dataclass(frozen=True)
class Trust:
    """How one outcome's models count: by name, summing to one, and how many rows judged them (none: a lab without a cell of it).

    ``correction`` is the weight that measured rows give to what 3D microstructures add to the closed form, with its standard deviation: 1 is
    to take them at their word, 0 not at all. None for an outcome that they do not correct.
    """

    outcome: str
    weights: dict[str, float]
    judged_by: int
    correction: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        found: dict[str, Any] = {
            "outcome": self.outcome,
            "weights": {name: rounded(w) for name, w in self.weights.items()},
            "judged_by_rows": self.judged_by,
        }
        if self.correction is not None:
            found["simulated_correction"] = {"weight": rounded(self.correction[0]), "sd": rounded(self.correction[1])}
        return found


def trust_of(model: FittedModel) -> tuple[Trust, ...]:
    """Return the trust of every learned outcome of the electrode."""
    simulation = model.fused.models.get("simulation")
    corrections = {} if simulation is None else weights_of(simulation)
    return tuple(Trust(name, dict(model.fused.trust[name]), model.fused.judged_by[name], corrections.get(name)) for name in LEARNED)


def trust_text(found: Sequence[Trust]) -> str:
    """Return the trust as one sentence; empty for none."""
    if not found:
        return ""
    parts = [f"{OUTCOMES[one.outcome].label} {100.0 * (1.0 - one.weights.get('data', 0.0)):.0f} %" for one in found]
    said = f"Trust in the physics, the rest in the data alone: {', '.join(parts)}"
    heard = [
        f"{OUTCOMES[one.outcome].label} {100.0 * one.weights.get('simulation', 0.0):.0f} % (weight {one.correction[0]:.2f} ± {one.correction[1]:.2f})"
        for one in found
        if one.correction is not None
    ]
    return f"{said}. Of that with simulated 3D electrodes: {', '.join(heard)}" if heard else said
