"""How often 90 % intervals hold: in virtual labs with 8, 16 and 32 random cells, at recipes that nobody made, against the truth without noise.

OMP_NUM_THREADS=1 python -m tests.benchmarks.virtual_labs.coverage [labs a family] [first seed]
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np

from objectives.constraints import holds
from objectives.outcomes import LEARNED
from optimizer.model import FittedModel, fit_model
from surrogates.scores import wilson
from tests.benchmarks.virtual_labs.lab import CONDITIONS, FAMILIES, TAU_READABLE, Lab, Task, make_lab
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of
from tests.benchmarks.virtual_labs.recipes import random_recipes

CELLS = (8, 16, 32)
ASKED = 60  # random recipes a lab and number of cells; those within the hard limits are predicted
SAMPLES = 1024
LEVEL = 0.90


def truth_of(lab: Lab, model: FittedModel, recipes: Array, condition: str) -> dict[str, Array]:
    """Return the learned outcomes as they truly are, ``(n,)``; taus up to what can be read, as the product reports them."""
    temperature_c, c_rate, _ = CONDITIONS[condition]
    true, closed = lab.truth.outcomes(recipes, temperature_c, c_rate), model.physics.outcomes(recipes)
    return {
        "porosity": true.porosity,
        "ionic_tortuosity_factor": np.minimum(true.ionic_tau, TAU_READABLE),
        "electronic_tortuosity_factor": np.minimum(closed.phi_am * closed.sigma_0_electronic / true.electronic, TAU_READABLE),
        "discharge_capacity": true.capacity,
    }


def inside(lab: Lab, task: Task) -> dict[tuple[int, str], list[bool]]:
    """Return by cells and outcome which predictions hold the truth."""
    campaign, found = campaign_of(task), defaultdict(list)
    history = lab.start(task)
    rng = np.random.default_rng([lab.seed, 11])
    for cells in CELLS:
        missing = cells - len(history.recipes)
        if missing:
            history = history.and_then(lab.measure(random_recipes(missing, rng), task, len(history.recipes)))
        model = fit_model(campaign, cells=cells_of(history))
        asked = random_recipes(ASKED, rng)
        asked = asked[holds(campaign.constraints(model.physics), asked)]
        samples, true = model.samples(asked, SAMPLES, cells, joint=False), truth_of(lab, model, asked, task.condition)
        for name in LEARNED:
            low, high = np.quantile(samples.outcomes[name], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
            found[cells, name] = ((low <= true[name]) & (true[name] <= high)).tolist()
    return found


def line(label: str, hits: list[bool]) -> str:
    """Return a share with its Wilson interval."""
    low, high = wilson(sum(hits), len(hits))
    return f"  {label:<40}{np.mean(hits):7.1%}  of {len(hits):>5}  (95 %: {low:.1%} to {high:.1%}, as if independent)"


def main(labs: int, first: int) -> None:
    """Print."""
    found: dict[tuple[str, str, int, str], list[bool]] = defaultdict(list)
    for family in FAMILIES:
        for seed in range(first, first + labs):
            for condition in CONDITIONS:
                for (cells, name), hits in inside(make_lab(family, seed), Task(condition)).items():
                    found[family, condition, cells, name].extend(hits)

    def over(**kept: str | int) -> list[bool]:
        names = ("family", "condition", "cells", "outcome")
        return [hit for key, hits in found.items() if all(key[names.index(name)] == value for name, value in kept.items()) for hit in hits]

    print(f"{labs} labs of each family from seed {first}: {LEVEL:.0%} intervals hold")
    print(line("all", over()))
    for cells in CELLS:
        print(line(f"{cells} cells", over(cells=cells)))
    for family in FAMILIES:
        print(line(f"{family} family", over(family=family)))
        for name in LEARNED:
            print(line(f"{family} family, {name}", over(family=family, outcome=name)))


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    main(given[0] if given else 12, given[1] if len(given) > 1 else 0)
