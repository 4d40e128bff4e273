"""Measure the microstructure fidelity on one core: time and memory, the paper's models, voxel and block size. Not a test.

OMP_NUM_THREADS=1 taskset -c 1 python tests/benchmarks/microstructure.py [times|models|voxel|block|measured]    (the first three when left out)
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from objectives.literature import load_literature
from objectives.microstructure.analyse import simulate_micro
from objectives.physics import Conditions, Physics, find_study
from objectives.recipe import Recipe
from objectives.studies import Study

LARGE_UM, SMALL_UM = 4.83, 1.5  # 4.83: the calibrated size of the large SE
SHELLS = {75.0: 25.0, 80.0: 20.0, 85.0: 15.0}  # Model 2: all SE in the shell
SEEDS = (0, 1, 2)
POROSITIES = {
    name: {row.label: row.value / 100.0 for row in load_literature() if row.study == name and row.quantity == "porosity"}
    for name in ("minnmann2021", "schlautmann2023", "lee2026")
}


def model(number: int, am_wt: float) -> Recipe:
    """Return a recipe of Kim et al. 2025."""
    coating, size = {1: (0.0, LARGE_UM), 2: (SHELLS[am_wt], LARGE_UM), 3: (5.0, LARGE_UM), 4: (5.0, SMALL_UM), 5: (0.0, SMALL_UM)}[number]
    return Recipe(am_wt, coating, size, 2.34)


def times(physics: Physics) -> None:
    """Print seconds of full columns and screens, after one run that compiles."""
    simulate_micro(physics, model(3, 85.0), screen=True)
    recipes = {f"Model {k} at {am:g} wt%": model(k, am) for am in (75.0, 85.0) for k in (1, 2, 4)} | {
        "1 um SE at 75 wt%": Recipe(75.0, 5.0, 1.0, 2.34)
    }
    print("| recipe | column, wall s | CPU s | seeds | screen, wall s | CPU s |\n|---|---|---|---|---|---|")
    for name, recipe in recipes.items():
        cells = []
        for screen in (False, True):
            wall, cpu = time.perf_counter(), time.process_time()
            found = simulate_micro(physics, recipe, seeds=SEEDS, screen=screen)
            cells += [f"{time.perf_counter() - wall:.2f}", f"{time.process_time() - cpu:.2f}"] + ([] if screen else [f"{found.facts['seeds']:.0f}"])
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def models(physics: Physics) -> None:
    """Print the outcomes of Models 1-5 with their scatter over seeds."""
    print("| model, wt% AM | ionic tau | electronic tau | connected AM | wetted AM | seeds with a path |\n|---|---|---|---|---|---|")
    for am_wt in (75.0, 85.0):
        for number in range(1, 6):
            found = simulate_micro(physics, model(number, am_wt), seeds=SEEDS)
            shown = [
                f"{found.outcomes[key]:.3g} ± {found.sd[key]:.2g}" if found.status == "ok" else found.status
                for key in ("ionic_tortuosity_factor", "electronic_tortuosity_factor")
            ]
            fractions = [f"{found.facts[key]:.2f}" for key in ("connected_am_fraction", "wetted_am_fraction")]
            paths = f"{found.facts['percolating_seeds']:.0f} of {found.facts['seeds']:.0f}"
            print(f"| M{number}, {am_wt:g} | " + " | ".join([*shown, *fractions, paths]) + " |", flush=True)


def sweep(physics: Physics, key: str, values: tuple[float, ...], fixed: dict[str, float]) -> None:
    """Print tortuosity factors of every model over one size of the block, mean and sd of three seeds."""
    print(f"| model, wt% AM | carrier | {' | '.join(f'{value:g}' for value in values)} |\n|---|---|{'---|' * len(values)}")
    for number, am_wt in ((1, 75.0), (2, 85.0), (3, 85.0), (4, 85.0), (5, 85.0)):
        rows: dict[str, list[str]] = {"ionic": [], "electronic": []}
        for value in values:
            found = simulate_micro(physics, model(number, am_wt), seeds=SEEDS, **{**fixed, key: value})  # type: ignore[arg-type]
            for carrier, row in rows.items():
                name = f"{carrier}_tortuosity_factor"
                row.append(f"{found.outcomes.get(name, np.nan):.3g} ± {found.sd.get(name, np.nan):.1g}")
        for carrier, row in rows.items():
            print(f"| M{number}, {am_wt:g} | {carrier} | " + " | ".join(row) + " |", flush=True)


def measured() -> None:
    """Print effective ionic conductivities and tortuosity factors of other studies beside the microstructure's, at the measured porosity."""
    print("| design | measured | micro | closed form |\n|---|---|---|---|")
    for row in load_literature():
        known = row.quantity in ("ionic_tortuosity_factor_tau2", "effective_ionic_conductivity")
        if not known or row.study not in ("minnmann2021", "schlautmann2023", "lee2026") or row.label not in POROSITIES[row.study]:
            continue
        study, pores = find_study(row.study), POROSITIES[row.study][row.label]
        physics = Physics(study, Conditions(temperature_c=row.temperature_c))
        am_wt = row.am_wt if np.isfinite(row.am_wt) else _am_wt(study, study.designs[row.label]["volume_percent_am"] / 100.0, pores)
        size = row.se_particle_um if np.isfinite(row.se_particle_um) else study.fixed["se_particle_um"]
        recipe = Recipe(am_wt, float(np.nan_to_num(row.coating_se_wt)), size, float(np.nan_to_num(row.vgcf_wt)))
        found, closed = simulate_micro(physics, recipe, porosity=pores), physics.outcomes(np.array([recipe.values()]))
        tau = row.unit == "1"
        micro = found.outcomes["ionic_tortuosity_factor"] if tau else found.facts["ionic_conductivity_ms_cm"]
        form = closed.ionic_tortuosity_factor[0] if tau else closed.ionic_conductivity[0]
        flag = ", SE coarse" if found.facts["se_coarse"] else ""
        name = f"{row.study}, {row.label}, {'tau' if tau else 'mS/cm'}{flag}"
        print(f"| {name} | {row.value:g} | {micro:.3g} | {form:.3g} |", flush=True)


def _am_wt(study: Study, phi_am: float, pores: float) -> float:
    """Return wt% AM of a carbon-free composite from the AM's volume fraction of the electrode."""
    am, se = phi_am * study.fixed["am_density"], (1.0 - phi_am - pores) * study.fixed["se_density"]
    return 100.0 * am / (am + se)


def main() -> None:
    """Run what the command line names."""
    physics = Physics(find_study("kim2025"))
    wanted = sys.argv[1:] or ["times", "models", "voxel"]
    if "times" in wanted:
        times(physics)
    if "models" in wanted:
        models(physics)
    if "voxel" in wanted:
        sweep(physics, "voxel_um", (0.8, 0.6, 0.5, 0.4, 0.3), {"width_um": 24.0, "thickness_um": 24.0})
    if "measured" in wanted:
        measured()
    if "block" in wanted:
        sweep(physics, "width_um", (18.0, 26.0, 36.0), {"voxel_um": 0.5})


if __name__ == "__main__":
    main()
