"""Simulate the candidates before the next recipes are chosen, and let the surrogates hear what came of it: what `advise` weighs, done.

A simulation counts as far as measured cells bear its fidelity out: through the weights of the model with simulations, and that model's share.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.electrode import UTILISATION_REFERENCE
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.recipe import Recipe
from objectives.simulated import Fidelity, Simulated
from optimizer.fidelity_choice import SIMULATES, Simulating, drawable, learned_correlation, simulating
from optimizer.model import FittedModel
from optimizer.outlook import Field
from optimizer.report import recipe_json, rounded
from surrogates.fusion.average import FusedPredictor
from surrogates.fusion.simulated import CAPACITY, PATHS, Differences, Step, heard, share_of
from surrogates.training import natural

FIRST_SEED = 1000  # of the candidates' microstructures: the bundled electrodes have those below

Wanted = Literal["auto", "cell", "micro"]
WANTED: tuple[Wanted, ...] = get_args(Wanted)


@dataclass(frozen=True)
class SimulatedFirst:
    """What was simulated before a batch was chosen, and why.

    Args:
        fidelity: Which; None where simulating would not have been worth it.
        why: In a sentence.
        recipes: Simulated, ``(r, 4)``.
        results: Of each, at the goal's condition.
        seconds: What it took.
        failed: How many of them taught nothing.
        left_out: Candidates that were not simulated, since the fidelity draws their free SE too coarse, or too few grains of it.
    """

    fidelity: Fidelity | None
    why: str
    recipes: Array
    results: tuple[Simulated, ...]
    seconds: float
    failed: int = 0
    left_out: int = 0

    @property
    def sentence(self) -> str:
        """What was done, in a sentence."""
        if self.fidelity is None:
            return f"Nothing simulated first: {self.why}."
        but = f", of which {self.failed} failed and taught nothing" if self.failed else ""
        but += f"; left out {self.left_out} whose free SE is too fine or too coarse for it" if self.left_out else ""
        many = f"{len(self.results)} candidate{'s' if len(self.results) > 1 else ''}"
        return f"Simulated {many} as {self.fidelity} first ({self.why}) in {self.seconds:.2g} s{but}."

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "fidelity": self.fidelity,
            "why": self.why,
            "left_out": self.left_out,
            "simulated": [
                {
                    "recipe": recipe_json(Recipe.from_row(x)),
                    "status": one.status,
                    "outcomes": {name: rounded(value) for name, value in one.outcomes.items() if name in OUTCOMES},
                }
                for x, one in zip(self.recipes, self.results, strict=True)
            ],
        }


def simulate_first(model: FittedModel, found: Field, candidates: Array, seed: int, wanted: Wanted) -> tuple[FittedModel, SimulatedFirst]:
    """Return the model after the candidates ``(r, 4)`` are simulated, and what was done; the model as it is where that is not worth it.

    Args:
        model: Fitted to what was measured.
        found: Joint samples of what is known and of the candidates.
        candidates: Best first.
        seed: Same data, seed and machine: same simulations.
        wanted: The fidelity, or ``auto``: the one that adds most to the next cell's gain beyond its cost, as measured cells taught to trust it; none
            where none pays.

    Raises:
        ImportError: If the extra `simulation` is not installed.
    """
    wanted_at = SIMULATES if wanted == "auto" else (wanted,)
    drawn = {fidelity: drawable(model, candidates, fidelity) for fidelity in wanted_at}
    fidelity, why = _worth_it(model, found, candidates, drawn, seed) if wanted == "auto" else (wanted, "asked for")
    at = drawn[fidelity] if fidelity is not None else np.zeros(0, dtype=int)
    if fidelity is not None and not at.size:
        fidelity, why = None, f"the free SE of every candidate is too fine or too coarse for `{fidelity}`"
    if fidelity is None:
        return model, SimulatedFirst(None, why, candidates[at], (), 0.0)
    began = time.perf_counter()
    results = [_simulate(model, x, fidelity, seed + i) for i, x in enumerate(candidates[at])]
    taught = hearing(model, candidates[at], results, fidelity)
    failed = int((~taught_by(results)).sum())
    own, seconds = tuple(one for one, _ in results), time.perf_counter() - began
    return taught, SimulatedFirst(fidelity, why, candidates[at], own, seconds, failed, len(candidates) - len(at))


def load_numba() -> None:
    """Make sure of what compiles the microstructures' solvers.

    Raises:
        MissingSimulationError: If it is not installed.
    """
    try:
        import numba  # noqa: F401
    except ImportError as error:
        from objectives.discharge import MissingSimulationError

        raise MissingSimulationError('the fidelity "micro" needs numba, which is not installed; install "glittercake[simulation]"') from error


def _worth_it(
    model: FittedModel, found: Field, candidates: Array, drawn: Mapping[Fidelity, NDArray[np.int_]], seed: int
) -> tuple[Fidelity | None, str]:
    """Return the fidelity to simulate at and why."""
    tried: dict[Fidelity, Simulating] = {}
    for fidelity, at in drawn.items():
        if at.size:
            taught = learned_correlation(model, candidates[at], fidelity)
            tried[fidelity] = simulating(model, found, fidelity, taught, model.campaign.effort, seed, at)
    paying = {fidelity: one.value.gain - one.cost_share * one.gain for fidelity, one in tried.items() if one.pays}
    if not paying:
        said = ", ".join(f"{one.correlation:.2f} for `{fidelity}`" for fidelity, one in tried.items())
        return None, f"auto: at the correlation that measured cells teach (at most {said}) simulating is not worth it"
    best = max(paying, key=lambda fidelity: paying[fidelity])
    share = 100.0 * tried[best].value.gain / tried[best].gain
    return best, f"auto: expected to raise the next cell's gain by {share:.2g} %, for {100.0 * tried[best].cost_share:.2g} % of its cost"


def _simulate(model: FittedModel, x: Array, fidelity: Fidelity, seed: int) -> tuple[Simulated, Simulated]:
    """Return what a recipe ``(4,)`` gives at the goal's condition: at the fidelity, and as `cell`, which `micro` builds on.

    Whatever goes wrong is a status with a sentence, so that one recipe does not cost the others.
    """
    try:
        return _simulated(model, x, fidelity, seed)
    except ImportError:
        raise
    except Exception as error:
        lost = Simulated({}, status="error", detail=f"{type(error).__name__}: {error}")
        return lost, lost


def _simulated(model: FittedModel, x: Array, fidelity: Fidelity, seed: int) -> tuple[Simulated, Simulated]:
    from objectives.discharge import simulate_cell  # here: it loads a solver

    recipe, conditions = Recipe.from_row(x), (model.physics.conditions,)
    (cell,) = simulate_cell(model.physics, recipe, conditions)
    if fidelity == "cell":
        return cell, cell
    load_numba()
    from optimizer.runs.micro import simulate_seeds  # here: it loads and compiles solvers

    (micro,) = simulate_seeds(model.physics, recipe, FIRST_SEED + seed, conditions)
    return micro, cell


def hearing(model: FittedModel, recipes: Array, results: Sequence[tuple[Simulated, Simulated]], fidelity: Fidelity) -> FittedModel:
    """Return the model that knows simulations of recipes ``(r, 4)``, nothing refitted.

    Args:
        model: With a model of simulations in its average.
        recipes: Simulated.
        results: Of each at the fidelity, and as `cell`; what failed, or has SE too coarse for the block, teaches nothing.
        fidelity: One of `SIMULATES`.
    """
    rows = differences(model, recipes, results, fidelity)
    if not rows:
        return model
    fused = heard(model.fused, rows)
    predictors = {name: FusedPredictor(fused, name) if name in LEARNED else one for name, one in model.predictors.items()}
    return replace(model, fused=fused, predictors=predictors)


def taught_by(results: Sequence[tuple[Simulated, Simulated]]) -> Mask:
    """Return which results teach anything, ``(r,)`` bool."""
    return np.array([own.status == below.status == "ok" and not own.facts.get("se_coarse") for own, below in results], dtype=bool)


def differences(model: FittedModel, recipes: Array, results: Sequence[tuple[Simulated, Simulated]], fidelity: Fidelity) -> Mapping[Step, Differences]:
    """Return what each fidelity up to one adds to the one below it at recipes, by step; arguments as in `hearing`."""
    good = taught_by(results)
    if not good.any():
        return {}
    q_ref = UTILISATION_REFERENCE[model.physics.study.active_material]
    closed = {name: value[good] for name, value in natural(model.physics.outcomes(recipes), q_ref).items()}
    features = {name: inputs.features[good] for name, inputs in model.inputs(recipes).items()}
    kept = [pair for pair, fine in zip(results, good, strict=True) if fine]
    capacity = [np.array([one.outcomes[CAPACITY] for one in column]) for column in zip(*kept, strict=True)]
    (own, slope), (below, _) = (share_of(value, q_ref) for value in capacity)
    found = {Step("cell", CAPACITY): Differences(features[CAPACITY], below - closed[CAPACITY], np.zeros(len(below)))}
    if fidelity == "cell":
        return found
    seeds = np.sqrt([one.facts["seeds"] for one, _ in kept])
    scatter = {name: np.array([one.sd.get(name, 0.0) for one, _ in kept]) / seeds for name in (*PATHS, CAPACITY)}
    found[Step("micro", CAPACITY)] = Differences(features[CAPACITY], own - below, scatter[CAPACITY] * slope)
    for name in PATHS:
        value = np.array([one.outcomes[name] for one, _ in kept])
        found[Step("micro", name)] = Differences(features[name], np.log(value) - closed[name], scatter[name] / value)
    return found
