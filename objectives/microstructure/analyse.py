"""From a microstructure to outcomes: tortuosity factors, connected and wetted AM, over several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from objectives.composition import Array, Mask
from objectives.electrode import AM_REFERENCE_MS_CM, TAU_CAP
from objectives.microstructure.connectivity import reachable
from objectives.microstructure.contents import Contents, contents
from objectives.microstructure.generate import AM, SE, Microstructure, Shape, build, se_clamped
from objectives.microstructure.network import neighbours
from objectives.microstructure.properties import electronic_medium, ionic_medium
from objectives.microstructure.solve import Solution, effective_conductivity, tortuosity_factor
from objectives.physics import Physics
from objectives.recipe import Recipe
from objectives.simulated import Simulated

WETTED_SHARE = 0.1  # [A] of an AM grain's surface: below it the grain hangs on a neck and counts as disconnected
GRAINS_ACROSS = 2.5  # least width of a block in free SE grains: with fewer its few grains meet or miss each other by chance (docs/decisions/0010)
SCREEN = (48, 48, 48)  # voxels
MAX_VOXELS = 256**3  # what the solver takes in about 4 GB
NOT_CONVERGED = "not_converged"


class Analysis(NamedTuple):
    """What one block shows; conductivities in mS/cm, fractions in 0-1."""

    ionic: Solution
    electronic: Solution
    ionic_tau: float  # at most TAU_CAP
    electronic_tau: float  # at most TAU_CAP
    wetted: float  # share of the AM surface that SE connected to the separator touches
    connected: float  # share of the AM volume with ions from the separator and electrons from the collector


def analyse(block: Microstructure, content: Contents) -> Analysis:
    """Return what a block shows, with the conductivities of its contents."""
    ions, electrons = ionic_medium(block, content), electronic_medium(block, content)
    ionic, electronic = (effective_conductivity(medium.sigma, medium.links) for medium in (ions, electrons))
    supplied = reachable(ions.sigma > 0.0, "first")
    fed = reachable(electrons.sigma > 0.0, "last")
    share, wetted = wetting(block, supplied, content.coverage)
    am = block.labels == AM
    alive = fed[am] & (share[block.grain[am]] >= WETTED_SHARE)
    return Analysis(
        ionic,
        electronic,
        _tau(content.phi_se, content.sigma_0, ionic),
        _tau(content.phi_am, AM_REFERENCE_MS_CM, electronic),
        wetted,
        float(alive.mean()),
    )


def _tau(phi: float, sigma_0: float, solution: Solution) -> float:
    if not solution.percolates or phi <= 0.0:
        return TAU_CAP
    return min(float(tortuosity_factor(phi, sigma_0, solution.sigma_eff)), TAU_CAP)


def wetting(block: Microstructure, supplied: Mask, coverage: float) -> tuple[Array, float]:
    """Return the wetted share of each AM grain's surface, ``(am_grains,)``, and of all AM surface.

    A voxel face between AM and something else counts as wetted where that is free SE of the mask ``supplied``, and by the shell's
    ``coverage`` where it is a shell of the mask: a shell covers what it lies on, however thin.
    """
    film = np.where(block.labels == SE, 1.0, coverage * (block.shell > 0.0)) * supplied
    am = block.labels == AM
    surface, wet = np.zeros(block.am_grains), np.zeros(block.am_grains)
    for axis in range(3):
        sides = [neighbours(field, axis) for field in (am, block.grain, film)]
        for here, there in ((0, 1), (1, 0)):
            face = sides[0][here] & ~sides[0][there]
            grain = sides[1][here][face]
            surface += np.bincount(grain, minlength=block.am_grains)
            wet += np.bincount(grain, weights=sides[2][there][face], minlength=block.am_grains)
    return wet / np.maximum(surface, 1.0), float(wet.sum() / max(surface.sum(), 1.0))


def block_shape(content: Contents, voxel_um: float, width_um: float, thickness_um: float | None = None) -> Shape:
    """Return the voxels of a column through the whole electrode (or of the given thickness) and of square cross-section.

    Raises:
        ValueError: If a length is not positive, or the block is too large for the solver.
    """
    depth_um = content.thickness_um if thickness_um is None else thickness_um
    for name, value in (("voxel_um", voxel_um), ("width_um", width_um), ("thickness_um", depth_um)):
        if not (value > 0.0 and math.isfinite(value)):
            raise ValueError(f"{name} must be above 0 um, got {value:g}; give a length of the block")
    shape = (round(depth_um / voxel_um), round(width_um / voxel_um), round(width_um / voxel_um))
    if math.prod(shape) > MAX_VOXELS:
        raise ValueError(
            f"a block may have at most {MAX_VOXELS:,} voxels, got {math.prod(shape):,} ({' x '.join(map(str, shape))}); enlarge voxel_um or narrow it"
        )
    return shape


def simulate_micro(
    physics: Physics,
    recipe: Recipe,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    voxel_um: float = 0.5,
    width_um: float = 26.0,
    thickness_um: float | None = None,
    porosity: float | None = None,
    screen: bool = False,
) -> Simulated:
    """Return tortuosity factors and AM fractions of a recipe's microstructure, as means over seeds.

    Tortuosity factors are averaged on the log scale, a seed without a path at the cap; their standard deviation over seeds is given
    in the outcome's unit (that of the logarithm times the mean). Where some seed has no path for ions, as many seeds again are
    run. Results of different ``voxel_um`` are not to be mixed: shells and fine SE depend on it. Do not learn from results whose facts
    ``se_clamped`` (free SE finer than two voxels) or ``se_coarse`` (free SE too large for the width of the block) are 1.

    Args:
        physics: Study, conditions and calibration.
        recipe: Any recipe.
        seeds: Of the microstructures, at least one.
        voxel_um: Edge of a voxel.
        width_um: Width of the column.
        thickness_um: Depth of the column; the whole electrode when left out, since thin blocks understate disconnection.
        porosity: Pore volume fraction; the closed form's when left out.
        screen: A quick look: one cube of 48 voxels, from the first seed only.

    Returns:
        Outcomes ``porosity``, ``ionic_tortuosity_factor``, ``electronic_tortuosity_factor``; a solver that fails is the status `NOT_CONVERGED`.

    Raises:
        ValueError: If there is no seed, or a length or the porosity is out of range.
    """
    if not seeds:
        raise ValueError("seeds must name at least one microstructure, got none; give for example 0, 1, 2")
    content = contents(physics, recipe, porosity)
    shape = SCREEN if screen else block_shape(content, voxel_um, width_um, thickness_um)
    used = list(seeds[:1] if screen else seeds)
    found = [analyse(build(content, shape, voxel_um, seed), content) for seed in used]
    if not screen and any(one.ionic_tau >= TAU_CAP for one in found):
        more = [max(used) + 1 + k for k in range(len(used))]
        found += [analyse(build(content, shape, voxel_um, seed), content) for seed in more]
        used += more
    return _summary(found, used, content, shape, voxel_um)


def _summary(found: Sequence[Analysis], seeds: Sequence[int], content: Contents, shape: Shape, voxel_um: float) -> Simulated:
    facts = {
        "connected_am_fraction": float(np.mean([one.connected for one in found])),
        "wetted_am_fraction": float(np.mean([one.wetted for one in found])),
        "phi_am": content.phi_am,
        "phi_se": content.phi_se,
        "phi_shell": content.phi_shell,
        "phi_vgcf": content.phi_vgcf,
        "thickness_um": content.thickness_um,
        "block_um": shape[0] * voxel_um,
        "width_um": shape[1] * voxel_um,
        "voxel_um": voxel_um,
        "seeds": float(len(seeds)),
        "percolating_seeds": float(sum(one.ionic_tau < TAU_CAP for one in found)),
        "se_clamped": float(se_clamped(content, voxel_um)),
        "se_coarse": float(content.phi_free > 0.0 and GRAINS_ACROSS * content.se_particle_um > shape[1] * voxel_um),
        "shell_capped": float(content.shell_capped),
    }
    failed = [
        (seed, carrier) for seed, one in zip(seeds, found, strict=True) for carrier in ("ionic", "electronic") if not getattr(one, carrier).converged
    ]
    if failed:
        seed, carrier = failed[0]
        iterations = getattr(found[list(seeds).index(seed)], carrier).iterations
        detail = f"the {carrier} solve of seed {seed} did not reach its tolerance in {iterations} iterations; try another seed or a larger voxel_um"
        return Simulated({"porosity": content.porosity}, status=NOT_CONVERGED, detail=detail, facts=facts)
    outcomes, sd = {"porosity": content.porosity}, {}
    for name, values in (
        ("ionic_tortuosity_factor", [one.ionic_tau for one in found]),
        ("electronic_tortuosity_factor", [one.electronic_tau for one in found]),
    ):
        logs = np.log(np.array(values) / values[0])
        outcomes[name] = float(values[0] * np.exp(logs.mean()))  # exactly the cap where all are at the cap
        if len(values) > 1:
            sd[name] = float(outcomes[name] * logs.std(ddof=1))
    # The averaged factors give the conductivities, so that the two agree; without a path it is that of the cap, small but not zero.
    facts["ionic_conductivity_ms_cm"] = content.phi_se * content.sigma_0 / outcomes["ionic_tortuosity_factor"]
    facts["electronic_conductivity_ms_cm"] = content.phi_am * AM_REFERENCE_MS_CM / outcomes["electronic_tortuosity_factor"]
    percolates = all(one.ionic_tau < TAU_CAP for one in found)
    return Simulated(outcomes, sd, percolates=percolates, facts=facts)
