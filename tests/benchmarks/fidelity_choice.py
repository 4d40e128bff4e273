"""Whether simulating first gives the next cell what `advise` says it will: virtual labs whose simulator is as good as stated. Not a test.

In each lab the truth of the candidates is blurred until it correlates with what the model does not know by the stated correlation. The next cell
is chosen after that, as `optimizer.value` chooses, and the truth says what it gains over the cell that would have been made without.

    OMP_NUM_THREADS=1 python tests/benchmarks/fidelity_choice.py [labs a family] [batches before] [easy|hard]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from objectives.composition import Array
from objectives.simulated import Fidelity
from optimizer.bayesian import NoFeasibleRecipeError, propose
from optimizer.candidates import Feasible
from optimizer.fidelity_choice import SIMULATES, shown, simulating
from optimizer.improvement import improvement
from optimizer.kernel import use_own_directory
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.outlook import survey
from optimizer.pushing import natural_samples
from optimizer.samples import reference_point
from tests.benchmarks.virtual_labs.lab import CONDITIONS, FAMILIES, Lab, Task, judge, make_lab
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of

BATCH, CANDIDATES, SAMPLES = 4, 8, 8192
CORRELATIONS = (0.3, 0.6, 0.9, 1.0)
BLURS = 32  # simulations of each lab


def true_natural(lab: Lab, model: FittedModel, recipes: Array, task: Task) -> dict[str, Array]:
    """Return the truth of the learned outcomes on their natural scales, ``(c,)`` each."""
    truth, closed = lab.truth.outcomes(recipes, *CONDITIONS[task.condition][:2]), model.physics.outcomes(recipes)
    columns = {
        "ionic_tortuosity_factor": truth.ionic_tau,
        "electronic_tortuosity_factor": closed.phi_am * closed.sigma_0_electronic / truth.electronic,
        "discharge_capacity": truth.capacity,
    }
    return {name: model.campaign.outcomes[name].to_natural(column) for name, column in columns.items()}


def with_constant(seen: Array, like: Array) -> Array:
    """Return a result in the units of its samples, with a constant."""
    return np.concatenate([np.ones((len(seen), 1)), (seen - like.mean(axis=0)) / like.std(axis=0)], axis=1)


def realised(lab: Lab, task: Task, batches: int, fidelity: Fidelity) -> list[tuple[float, float, float]]:
    """Return for each correlation what simulating was said to add, what it truly added, and how often it changed the cell, Wh/L."""
    campaign, history = campaign_of(task), lab.start(task)
    for _ in range(batches + 1):
        model = fit_model(campaign, cells=cells_of(history))
        constraints = campaign.constraints(model.physics)
        feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
        known = incumbents(measured_designs(model.data, model.physics, model.cells), campaign.study)
        candidates = np.stack([pick.recipe for pick in propose(model, feasible, known, np.zeros((0, 4)), CANDIDATES, len(history.recipes))])
        before = history
        history = history.and_then(lab.measure(candidates[:BATCH], task, len(history.recipes)))
    found = survey(model, feasible, known, candidates, SAMPLES, 0)
    worth = improvement(found.values[:, : found.known], found.values[:, found.known :], reference_point(campaign.objectives))
    had, proposed = judge(lab.truth, before.recipes, task.condition), judge(lab.truth, candidates, task.condition)
    best = float(had.energy[had.feasible].max(initial=0.0))
    truly = np.where(proposed.feasible, np.maximum(proposed.energy - best, 0.0), 0.0)
    natural, truth = natural_samples(model, found.samples), true_natural(lab, model, candidates, task)
    names = [name for name in SIMULATES[fidelity] if name in natural]
    exact, spread = np.concatenate([truth[name] for name in names]), np.concatenate([natural[name][:, found.known :].std(axis=0) for name in names])
    now, answer = int(worth.mean(axis=0).argmax()), []
    for r in CORRELATIONS:
        seen = shown(model, found, fidelity, r, 0)
        weights = np.linalg.lstsq(with_constant(seen, seen), worth, rcond=None)[0]
        noise = math.sqrt(1.0 / r**2 - 1.0) * spread * np.random.default_rng([lab.seed, 7]).standard_normal((BLURS, len(spread)))
        chosen = (with_constant(exact + noise, seen) @ weights).argmax(axis=1)
        said = simulating(model, found, fidelity, r, None, 0).value.gain
        answer.append((said, float((truly[chosen] - truly[now]).mean()), float((chosen != now).mean())))
    return answer


def main(labs: int, batches: int, condition: str) -> None:
    """Run and print."""
    use_own_directory()
    task = Task(condition)
    for fidelity in SIMULATES:
        rows = []
        for family in FAMILIES:
            for seed in range(labs):
                try:
                    rows.append(realised(make_lab(family, seed), task, batches, fidelity))
                except NoFeasibleRecipeError:
                    print(f"{family} {seed}: no recipe can be proposed")
        print(f"\n{fidelity}, {condition} condition, {len(rows)} labs of {8 + BATCH * batches} cells, {CANDIDATES} candidates")
        for r, column in zip(CORRELATIONS, np.moveaxis(np.array(rows), 1, 0), strict=True):
            said, added, changed = column.T
            error = added.std(ddof=1) / math.sqrt(len(added))
            truly = f"added {added.mean():+.1f} +- {error:.1f}"
            print(f"  correlation {r:g}: said to add {said.mean():+.1f} Wh/L, {truly}; changed the cell {changed.mean():.0%}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 20, int(given[1]) if len(given) > 1 else 0, given[2] if len(given) > 2 else "easy")
