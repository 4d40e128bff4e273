"""How much each learned outcome trusts the physics and the simulated electrodes, as its measured cells taught, and how far it follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.electrode import UTILISATION_REFERENCE
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.simulated import Fidelity
from optimizer.model import FittedModel
from optimizer.report import rounded
from surrogates.fusion.simulated import weights_of
from surrogates.training import natural

SAMPLES = 128  # of the posterior, that an agreement's interval is read from


@dataclass(frozen=True)
class Agreement:
    """How an outcome, as the model believes it, goes with the calibrated closed form from recipe to recipe, on its natural scale.

    ``correlation`` has mean and 90 % interval over posterior samples; ``share`` is that of the outcome's variance between recipes which a straight
    line in the closed form explains. One that is not believed to vary at all agrees with nothing: 0.
    """

    correlation: float
    low: float
    high: float
    share: float

    def as_json(self) -> dict[str, float]:
        """Return plain data."""
        found = {"correlation": self.correlation, "low": self.low, "high": self.high, "variance_share": self.share}
        return {name: rounded(value) for name, value in found.items()}


@dataclass(frozen=True)
class Trust:
    """How one outcome's models count: by name, summing to one, and how many rows judged them (none: a lab without a cell of it).

    ``corrections`` are the weights that measured rows give to what each fidelity of simulation adds to the one below it, with their standard
    deviations: 1 is to take it at its word, 0 not at all; none for an outcome that simulations do not correct. ``agreement`` is how far the outcome
    follows the closed form, None where nobody asked for recipes.
    """

    outcome: str
    weights: dict[str, float]
    judged_by: int
    corrections: Mapping[Fidelity, tuple[float, float]] = field(default_factory=dict)
    agreement: Agreement | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        found: dict[str, Any] = {
            "outcome": self.outcome,
            "weights": {name: rounded(w) for name, w in self.weights.items()},
            "judged_by_rows": self.judged_by,
        }
        if self.corrections:
            found["simulated_corrections"] = {name: {"weight": rounded(w), "sd": rounded(sd)} for name, (w, sd) in self.corrections.items()}
        if self.agreement is not None:
            found["closed_form"] = self.agreement.as_json()
        return found


def trust_of(model: FittedModel, recipes: Array, seed: int) -> tuple[Trust, ...]:
    """Return the trust of every learned outcome of the electrode, and its agreement with the closed form over recipes ``(n, 4)``, n at least 2."""
    simulation = model.fused.models.get("simulation")
    weights = {} if simulation is None else weights_of(simulation)
    corrections = {name: {step.fidelity: weight for step, weight in weights.items() if step.outcome == name} for name in LEARNED}
    agree = agreements(model, recipes, seed)
    return tuple(Trust(name, dict(model.fused.trust[name]), model.fused.judged_by[name], corrections[name], agree[name]) for name in LEARNED)


def agreements(model: FittedModel, recipes: Array, seed: int) -> dict[str, Agreement]:
    """Return by learned outcome how it goes with the closed form, as calibrated without the lab's own cells, over recipes ``(n, 4)``."""
    closed = natural(model.physics.outcomes(recipes), UTILISATION_REFERENCE[model.physics.study.active_material])
    inputs, found = model.inputs(recipes), {}
    for name, believed in model.fused.draws({name: inputs[name] for name in LEARNED}, SAMPLES, seed).items():
        x, y = closed[name] - closed[name].mean(), believed - believed.mean(axis=1, keepdims=True)
        scale = np.sqrt((x**2).sum() * (y**2).sum(axis=1))
        r = np.divide(y @ x, scale, out=np.zeros(len(y)), where=scale > 0.0)
        low, high = np.quantile(r, [0.05, 0.95])
        found[name] = Agreement(float(r.mean()), float(low), float(high), float((r**2).mean()))
    return found


TITLES = ("trust in", "physics", "simulated", "data", "follows the closed form", "of its variance", "weight of cell", "weight of micro")
WEIGHED: tuple[Fidelity, ...] = ("cell", "micro")  # in the order of the last titles


def trust_rows(found: Sequence[Trust]) -> list[tuple[str, ...]]:
    """Return a row an outcome under `TITLES`: shares of the models, correlation with the closed form and what it explains, weights of simulations."""
    return [
        (
            OUTCOMES[one.outcome].label,
            *(f"{100.0 * one.weights.get(name, 0.0):.0f} %" for name in ("physics", "simulation", "data")),
            "" if one.agreement is None else f"{one.agreement.correlation:.2f} ({one.agreement.low:.2f} to {one.agreement.high:.2f})",
            "" if one.agreement is None else f"{100.0 * one.agreement.share:.0f} %",
            *("" if name not in one.corrections else "{:.2f} ± {:.2f}".format(*one.corrections[name]) for name in WEIGHED),
        )
        for one in found
    ]
