"""Time the proposal step, model fit included, and judge its batch, against a hand-written BoTorch loop. Not a test.

Virtual labs: the truth is one posterior draw of the physics for a lab not measured yet, seen with noise. Both propose four recipes from
the same measured cells; the truth, without noise, judges them under the limits that both know, and under all the campaign's.

    OMP_NUM_THREADS=1 taskset -c 1 python tests/benchmarks/proposal_speed.py [seeds]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from objectives.cell import Cell, Measured
from objectives.composition import Array, Mask
from objectives.constraints import holds
from objectives.electrode import Outcomes
from objectives.energy import derive
from objectives.limits import soft_margins
from objectives.physics import Physics
from objectives.recipe import Recipe
from optimizer.bayesian import propose
from optimizer.campaign import Campaign, load_campaign
from optimizer.candidates import Feasible
from optimizer.goal import OutcomeLimit
from optimizer.improvement import batch_gains
from optimizer.kernel import use_own_directory
from optimizer.measured import incumbents, measured_designs
from optimizer.model import fit_model
from optimizer.samples import reference_point
from tests.benchmarks import botorch_loop
from tests.benchmarks.botorch_loop import DENSITY, TAU_MAX

VOLTAGE = 3.73  # V; what a user without a measured voltage puts into Wh/L
FEW, MANY = 50, 200  # cells
TIMED = 7  # labs at most for the ratios of our own times


@dataclass(frozen=True)
class Lab:
    """A virtual lab: its truth and what it has measured."""

    physics: Physics
    z: Array
    recipes: Array  # (n, 4)
    measured: Array  # (n, 3): porosity, ionic tau, capacity
    cells: list[Cell]

    def truth(self, recipes: Array) -> Outcomes:
        """Return the noise-free outcomes of recipes ``(m, 4)``, arrays ``(1, m)``."""
        return self.physics.outcomes(recipes, self.z)


def feasible_of(campaign: Campaign, physics: Physics) -> Feasible:
    """Return what the campaign may propose."""
    constraints = campaign.constraints(physics)
    return Feasible(campaign.space, constraints, campaign.accept(constraints))


def make_lab(campaign: Campaign, n: int, seed: int) -> Lab:
    """Return a lab with n cells spread over the feasible space; as `lab_cells` of tests/optimizer/test_cells.py."""
    physics = campaign.physics()
    rng = np.random.default_rng(seed)
    z = physics.calibration.draws(1, seed + 1)
    recipes = feasible_of(campaign, physics).sample(4 * n, seed)[::4][:n]
    truth, noise = physics.outcomes(recipes, z), rng.standard_normal((n, 3))
    columns = (
        truth.porosity[0] + 0.005 * noise[:, 0],
        truth.ionic_tortuosity_factor[0] * np.exp(0.1 * noise[:, 1]),
        truth.discharge_capacity[0] * (1.0 + 0.02 * noise[:, 2]),
    )
    measured = np.stack(columns, axis=1)
    names = ("porosity", "ionic_tortuosity_factor", "discharge_capacity")
    cells = [
        Cell(i + 2, f"cell {i + 1}", Recipe.from_row(recipe), {name: Measured(float(value)) for name, value in zip(names, row, strict=True)})
        for i, (recipe, row) in enumerate(zip(recipes, measured, strict=True))
    ]
    return Lab(physics, z, recipes, measured, cells)


def ours(campaign: Campaign, lab: Lab, n: int, seed: int) -> Array:
    """Return our n recipes ``(n, 4)``: fit and proposal, all limits on."""
    model = fit_model(campaign, cells=lab.cells)
    measured = incumbents(measured_designs(model.data, model.physics, model.cells), campaign.study)
    found = propose(model, feasible_of(campaign, model.physics), measured, np.zeros((0, 4)), n, seed)
    return np.stack([choice.recipe for choice in found])


def theirs(campaign: Campaign, lab: Lab, n: int, seed: int) -> Array:
    """Return the BoTorch loop's n recipes ``(n, 4)``."""
    porosity, tau, capacity = lab.measured.T
    density = lab.physics.outcomes(lab.recipes).theoretical_density  # follows from the recipe alone
    derived = derive(density, lab.recipes[:, 0], porosity, capacity, VOLTAGE, campaign.conditions.loading_mg_cm2, campaign.stack)
    columns = [porosity, np.log(tau), derived.volumetric_energy_density]
    if len(campaign.objectives) == 2:
        columns.append(capacity)
    return botorch_loop.propose(campaign.space, lab.recipes, np.stack(columns, axis=1), reference_point(campaign.objectives), n, seed)


def kept(campaign: Campaign, lab: Lab, recipes: Array, everything: bool) -> Mask:
    """Return which recipes truly keep the limits ``(m,)``: those that the loop knows, or all of the campaign's."""
    truth = lab.truth(recipes)
    hard = campaign.constraints(lab.physics)
    fine = holds([c for c in hard if everything or c.name != "ionic_percolation"], recipes)
    solids, tau = 1.0 - truth.porosity[0], truth.ionic_tortuosity_factor[0]
    fine &= (solids >= DENSITY[0]) & (solids <= DENSITY[1]) & (tau <= TAU_MAX)
    if everything:
        margins = soft_margins(
            recipes[:, 0],
            truth,
            truth.porosity,
            truth.ionic_tortuosity_factor,
            truth.electronic_tortuosity_factor,
            c_rate=campaign.conditions.c_rate,
            loading_mg_cm2=campaign.conditions.loading_mg_cm2,
            limits=campaign.limits,
        )
        fine &= np.logical_and.reduce([margin[0] >= 0.0 for margin in margins.values()])
    return np.asarray(fine)


def worth(campaign: Campaign, lab: Lab, batch: Array, everything: bool) -> float:
    """Return the truth's best feasible Wh/L of the batch (0: none), or the hypervolume of the feasible batch and measured cells."""
    recipes = batch if len(campaign.objectives) == 1 else np.concatenate([lab.recipes, batch])
    truth, reference = lab.truth(recipes), reference_point(campaign.objectives)
    values = np.stack([getattr(truth, o.outcome)[0] for o in campaign.objectives], axis=-1)[None]  # (1, m, objectives)
    usable = kept(campaign, lab, recipes, everything)
    if len(campaign.objectives) == 1:
        return float(values[0, usable, 0].max(initial=0.0))
    usable_values = np.where(usable[None, :, None], values, reference)
    return sum(batch_gains(usable_values[:, :0], usable_values, reference, range(len(recipes))))


class Timed(NamedTuple):
    """A batch and the CPU seconds it took, on one thread: what else the machine does counts little."""

    batch: Array
    seconds: float


def timed(step: Callable[[Campaign, Lab, int, int], Array], campaign: Campaign, lab: Lab, n: int, seed: int) -> Timed:
    """Run a step and time it."""
    start = time.process_time()
    batch = step(campaign, lab, n, seed)
    return Timed(batch, time.process_time() - start)


def show_worth(campaign: Campaign, labs: Sequence[Lab], ours_found: Sequence[Timed], theirs_found: Sequence[Timed], everything: bool) -> None:
    """Print medians of the result, and in how many labs ours is at least as good."""
    a = [worth(campaign, lab, found.batch, everything) for lab, found in zip(labs, ours_found, strict=True)]
    b = [worth(campaign, lab, found.batch, everything) for lab, found in zip(labs, theirs_found, strict=True)]
    better = sum(x >= y * (1.0 - 1e-9) for x, y in zip(a, b, strict=True))
    share = [
        float(np.mean([kept(campaign, lab, found.batch, everything).mean() for lab, found in zip(labs, side, strict=True)]))
        for side in (ours_found, theirs_found)
    ]
    kind = "all limits" if everything else "the loop's limits"
    print(
        f"  result under {kind}: ours {statistics.median(a):.1f}, loop {statistics.median(b):.1f}; ours at least as good in {better} of {len(a)};"
        f" feasible recipes: ours {share[0]:.0%}, loop {share[1]:.0%}"
    )


def compare(campaign: Campaign, label: str, labs: Sequence[Lab], large: Sequence[Lab]) -> None:
    """Run and print the comparison for one campaign."""
    for step in (ours, theirs):  # warm up: imports, and the compiled kernel
        step(campaign, labs[0], 2, 0)
    found: dict[str, list[Timed]] = {"ours": [], "theirs": [], "eight": [], "large": []}
    for seed, lab in enumerate(labs):
        found["ours"].append(timed(ours, campaign, lab, 4, seed))
        found["theirs"].append(timed(theirs, campaign, lab, 4, seed))
        if seed < len(large):
            found["eight"].append(timed(ours, campaign, lab, 8, seed))
            found["large"].append(timed(ours, campaign, large[seed], 4, seed))
    few = found["ours"][: len(large)]
    middle = {name: statistics.median(item.seconds for item in items) for name, items in found.items()}
    ratio = {name: statistics.median(a.seconds / b.seconds for a, b in zip(found[name], few, strict=False)) for name in ("eight", "large")}
    times = statistics.median(a.seconds / b.seconds for a, b in zip(found["theirs"], found["ours"], strict=True))
    print(f"{label}, {len(labs)} labs of {FEW} cells, 4 recipes:")
    print(f"  CPU seconds: ours {middle['ours']:.2f}, BoTorch loop {middle['theirs']:.2f}; loop over ours {times:.1f} (medians)")
    print(f"  ours: n=8 over n=4 {ratio['eight']:.2f}; {MANY} cells over {FEW} {ratio['large']:.2f} ({middle['large']:.2f} s)")
    for everything in (False, True):
        show_worth(campaign, labs, found["ours"], found["theirs"], everything)


def goals() -> dict[str, Campaign]:
    """Return the campaigns compared: the reference one for a new lab, with the loop's limit on tau, for two objectives and for Wh/L alone."""
    limit = OutcomeLimit("ionic_tortuosity_factor", max=TAU_MAX)
    both = replace(load_campaign().at(study="new"), outcome_limits=(limit,))
    energy = tuple(o for o in both.objectives if o.outcome == "volumetric_energy_density")
    return {"one objective (Wh/L)": replace(both, objectives=energy), "two objectives (capacity, Wh/L)": both}


def main(seeds: int) -> None:
    """Run the comparison and print it."""
    use_own_directory()
    if seeds < 1:
        raise SystemExit("give at least one seed")
    campaigns = goals()
    any_goal = next(iter(campaigns.values()))
    labs = [make_lab(any_goal, FEW, seed) for seed in range(seeds)]
    large = [make_lab(any_goal, MANY, seed) for seed in range(min(seeds, TIMED))]
    for label, campaign in campaigns.items():
        compare(campaign, label, labs, large)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
