"""Found again: without Model 4 of the reference paper, do the proposals come to it? A replay; tests/optimizer/test_found_again.py asserts it.

Every row of Kim 2025's Model 4 is taken out, and every sentence, since most of them compare with it; the physics is calibrated anew. AM is
limited to 87 wt%. Two batches of four: the first is made by a stand-in for the lab, the closed form calibrated on all data, Model 4 too, with the
noise of one cell; the second is proposed after that. Model 4's neighbourhood: coated 95:5 to 90:10, SE of at most 2 um, 83 to 87 wt% AM.

    OMP_NUM_THREADS=1 python tests/benchmarks/found_again.py [seeds]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from objectives.calibration import Calibration
from objectives.cell import Cell, Measured
from objectives.composition import Array, Mask
from objectives.design_space import DesignSpace
from objectives.recipe import Recipe
from optimizer.campaign import Campaign, load_campaign
from optimizer.kernel import use_own_directory
from optimizer.report import recipe_text
from optimizer.suggestion import Suggestions, suggest
from surrogates.calibration.fit import Problem, as_calibration, build_problem, fit
from surrogates.calibration.targets import Target
from surrogates.training import REPEATABILITY

LEFT_OUT = "Model 4"
STUDY = "kim2025"
AM_LIMIT = 87.0  # wt%
BATCH, BATCHES = 4, 2


def speaks_of_it(target: Target) -> bool:
    """Return whether a row was measured on what is left out."""
    return target.study == STUDY and any(design.startswith(LEFT_OUT) for design in target.designs)


@cache
def without_it() -> tuple[Problem, Calibration]:
    """Return the bundled data without Model 4, and the physics calibrated to them."""
    whole = build_problem()
    kept = replace(whole, targets=tuple(target for target in whole.targets if not speaks_of_it(target)), sentences=())
    return kept, as_calibration(fit(kept))


@contextmanager
def not_known() -> Iterator[None]:
    """Let the product know the data without Model 4, and a calibration to them, in place of what it ships."""
    problem, calibration = without_it()
    with patch("optimizer.model.build_problem", return_value=problem), patch("optimizer.campaign.load_calibration", return_value=calibration):
        yield


def limited(campaign: Campaign) -> Campaign:
    """Return the campaign with AM limited to 87 wt%."""
    parameters = tuple(replace(p, upper=AM_LIMIT) if p.name == "am_wt" else p for p in campaign.space.parameters)
    return replace(campaign, space=DesignSpace(parameters))


def near(recipes: Array) -> Mask:
    """Return which recipes ``(n, 4)`` lie in Model 4's neighbourhood."""
    am, coating, size, _ = recipes.T
    return np.asarray((am >= 83.0) & (am <= 87.0) & (coating >= 5.0) & (coating <= 10.0) & (size <= 2.0))


def answered(recipes: Array, first: int, seed: int) -> list[Cell]:
    """Return what the stand-in for the lab measures of recipes ``(n, 4)``: all that the paper does, with the noise of one cell."""
    truth = load_campaign().physics().outcomes(recipes)
    rng = np.random.default_rng([seed, first])
    noise = {name: sd * rng.standard_normal(len(recipes)) for name, sd in REPEATABILITY.items()}
    columns = {
        "porosity": truth.porosity + noise["porosity"],
        "ionic_tortuosity_factor": truth.ionic_tortuosity_factor * np.exp(noise["ionic_tortuosity_factor"]),
        "electronic_conductivity": truth.electronic_conductivity * np.exp(noise["electronic_tortuosity_factor"]),
        "discharge_capacity": truth.discharge_capacity * (1.0 + noise["discharge_capacity"]),
    }
    return [
        Cell(first + i + 2, f"cell {first + i + 1}", Recipe.from_row(x), {name: Measured(float(column[i])) for name, column in columns.items()})
        for i, x in enumerate(recipes)
    ]


@dataclass(frozen=True)
class Replay:
    """The batches of one replay, and what the lab made of each."""

    batches: tuple[Suggestions, ...]
    cells: tuple[Cell, ...]

    @property
    def recipes(self) -> Array:
        """Every recipe proposed, ``(BATCHES * BATCH, 4)``."""
        return np.array([s.recipe.values() for batch in self.batches for s in batch.suggestions])


def replay(seed: int) -> Replay:
    """Return two batches of four proposed without knowing of Model 4."""
    batches: list[Suggestions] = []
    cells: list[Cell] = []
    for _ in range(BATCHES):
        with not_known():
            batch = suggest(limited(load_campaign()), BATCH, seed, cells=cells)
        made = np.array([s.recipe.values() for s in batch.suggestions])
        cells.extend(answered(made, len(cells), seed))  # the truth knows Model 4; the proposals do not
        batches.append(batch)
    return Replay(tuple(batches), tuple(cells))


def show(found: Replay) -> None:
    """Print the batches, what each recipe promised and gave, and which are in the neighbourhood."""
    cells: Sequence[Cell] = found.cells
    for number, batch in enumerate(found.batches, start=1):
        print(f"  batch {number}")
        for i, s in enumerate(batch.suggestions):
            said, wh = s.predicted["discharge_capacity"], s.predicted["volumetric_energy_density"]
            gave = cells[(number - 1) * BATCH + i].outcomes["discharge_capacity"].value
            mark = "*" if near(np.array([s.recipe.values()]))[0] else " "
            expects = f"{wh.mean:.0f} Wh/L, {said.mean:.0f} mAh/g ({said.low:.0f}-{said.high:.0f})"
            print(f"  {mark} {recipe_text(s.recipe)}: expects {expects}; gave {gave:.0f}")


def main(seeds: int) -> None:
    """Replay and print."""
    use_own_directory()
    problem, _ = without_it()
    print(f"{len(build_problem().targets) - len(problem.targets)} rows of {LEFT_OUT} left out; * in its neighbourhood")
    reached = 0
    for seed in range(seeds):
        found = replay(seed)
        inside = near(found.recipes)
        first = int(np.flatnonzero(inside)[0]) // BATCH + 1 if inside.any() else 0
        reached += bool(inside.any())
        print(f"\nseed {seed}: " + (f"reached in batch {first}, {inside.sum()} of {len(inside)} recipes" if first else "not reached"))
        show(found)
    print(f"\nreached within {BATCHES} batches of {BATCH}: {reached} of {seeds} seeds")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
