"""The fidelity `micro` of a run: several microstructures of a recipe, each discharged at every condition, as means with their scatter.

The blocks are those of `simulate_micro`. A seed's structure is drawn and solved once, whatever the number of conditions; and each has its
own discharge, so that the scatter of a capacity is that of capacities, not one guessed from tortuosity factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from objectives.composition import Array
from objectives.discharge import Transport, simulate_cell
from objectives.discharge.model import FAILED
from objectives.electrode import TAU_CAP
from objectives.microstructure.analyse import GRAINS_ACROSS, NOT_CONVERGED, Analysis, analyse, block_shape
from objectives.microstructure.contents import Contents, contents
from objectives.microstructure.generate import build, se_clamped
from objectives.physics import Conditions, Physics
from objectives.recipe import Recipe
from objectives.simulated import Simulated

SEEDS = 3  # microstructures a recipe, for a mean and its scatter
VOXEL_UM, WIDTH_UM = 0.5, 26.0  # the defaults of `simulate_micro`; results of different voxels are not to be mixed
TAUS = ("ionic_tortuosity_factor", "electronic_tortuosity_factor")


def simulate_seeds(
    physics: Physics, recipe: Recipe, seed: int, conditions: Sequence[Conditions], voxel_um: float = VOXEL_UM
) -> tuple[Simulated, ...]:
    """Return what microstructures of a recipe show and how they discharge, one result a condition.

    Args:
        physics: Study, calibration and stack; the structure is that at its own conditions.
        recipe: Any recipe.
        seed: Of the trial; no other seed shares a microstructure with it.
        conditions: C-rates and temperatures; pressure and loading are the physics'.
        voxel_um: Edge of a voxel.

    Returns:
        Tortuosity factors are averaged on the log scale, a seed without a path at the cap; all other outcomes plainly, a seed without a path
        or without connected AM at no capacity. ``sd`` is the scatter between seeds. Where some seed has no path for ions, as many seeds
        again are run. A solve of transport that fails is the status `NOT_CONVERGED`, one of a discharge ``solver_failed``.
    """
    content = contents(physics, recipe)
    shape = block_shape(content, voxel_um, WIDTH_UM)
    first = 2 * SEEDS * seed  # room for as many again
    used = list(range(first, first + SEEDS))
    found = [analyse(build(content, shape, voxel_um, one), content) for one in used]
    if any(one.ionic_tau >= TAU_CAP for one in found):
        more = [one + SEEDS for one in used]
        found += [analyse(build(content, shape, voxel_um, one), content) for one in more]
        used += more
    facts = _facts(found, content, (shape[0] * voxel_um, shape[1] * voxel_um), voxel_um)
    for number, one in zip(used, found, strict=True):
        for carrier, solution in (("ionic", one.ionic), ("electronic", one.electronic)):
            if not solution.converged:
                detail = f"the {carrier} solve of seed {number} did not reach its tolerance in {solution.iterations} iterations; try another seed"
                return (Simulated({"porosity": content.porosity}, status=NOT_CONVERGED, detail=detail, facts=facts),) * len(conditions)
    discharges = [simulate_cell(physics, recipe, conditions, _transport(one, content, physics.conditions.temperature_c)) for one in found]
    taus = {name: np.array([getattr(one, name) for one in found]) for name in ("ionic_tau", "electronic_tau")}
    known = dict(zip(TAUS, taus.values(), strict=True))
    return tuple(pooled([seeds[i] for seeds in discharges], known, facts) for i in range(len(conditions)))


def pooled(seeds: Sequence[Simulated], taus: Mapping[str, Array], facts: Mapping[str, float]) -> Simulated:
    """Return the mean of seeds and their scatter.

    Args:
        seeds: Discharges of the seeds at one condition.
        taus: Tortuosity factors of the seeds by outcome, ``(seeds,)`` each, instead of those in the discharges.
        facts: Of the whole; facts of the discharges are added as means.

    Returns:
        With the status of a seed whose solver failed, for what it lacks cannot be averaged; otherwise ``ok`` if any seed is.
    """
    unsolved = next((one for one in seeds if one.status == FAILED), None)
    said = unsolved or next((one for one in seeds if one.status == "ok"), seeds[0])
    outcomes: dict[str, float] = {}
    sd: dict[str, float] = {}
    for name in dict.fromkeys(name for one in seeds for name in one.outcomes):
        values = taus.get(name, np.array([one.outcomes[name] for one in seeds if name in one.outcomes]))
        if unsolved is not None and name not in unsolved.outcomes:
            continue
        if name in taus:
            logs = np.log(values / values[0])
            outcomes[name] = float(values[0] * np.exp(logs.mean()))  # exactly the cap where all are at the cap
            scatter = outcomes[name] * logs
        else:
            outcomes[name], scatter = float(values.mean()), values
        if len(values) > 1 and (name in taus or np.ptp(values) > 0.0):  # what the recipe alone fixes does not scatter
            sd[name] = float(scatter.std(ddof=1))
    common = [name for name in seeds[0].facts if name not in facts and all(name in one.facts for one in seeds)]
    means = {name: float(np.mean([one.facts[name] for one in seeds])) for name in common}
    return Simulated(outcomes, sd, said.status, said.detail, all(one.percolates for one in seeds), {**means, **facts})


def _transport(one: Analysis, content: Contents, temperature_c: float) -> Transport:
    """Return one block for a discharge; a tau at its cap stands for no path."""
    return Transport(
        ionic_ms_cm=one.ionic.sigma_eff if one.ionic_tau < TAU_CAP else 0.0,
        electronic_ms_cm=one.electronic.sigma_eff if one.electronic_tau < TAU_CAP else 0.0,
        phi_se=content.phi_se,
        phi_am=content.phi_am,
        porosity=content.porosity,
        wetted_fraction=one.wetted,
        connected_am_fraction=one.connected,
        temperature_c=temperature_c,
        percolates=one.ionic_tau < TAU_CAP,
    )


def _facts(found: Sequence[Analysis], content: Contents, block_um: tuple[float, float], voxel_um: float) -> dict[str, float]:
    """Return what the blocks are and show beside outcomes, by the names of `simulate_micro`."""
    return {
        "connected_am_fraction": float(np.mean([one.connected for one in found])),
        "wetted_am_fraction": float(np.mean([one.wetted for one in found])),
        "phi_am": content.phi_am,
        "phi_se": content.phi_se,
        "phi_shell": content.phi_shell,
        "phi_vgcf": content.phi_vgcf,
        "thickness_um": content.thickness_um,
        "block_um": block_um[0],
        "width_um": block_um[1],
        "voxel_um": voxel_um,
        "seeds": float(len(found)),
        "percolating_seeds": float(sum(one.ionic_tau < TAU_CAP for one in found)),
        "se_clamped": float(se_clamped(content, voxel_um)),
        "se_coarse": float(content.phi_free > 0.0 and GRAINS_ACROSS * content.se_particle_um > block_um[1]),
        "shell_capped": float(content.shell_capped),
    }
