"""Simulate a recipe beyond the closed form, as plain data: a discharge by the cell model, or a 3D microstructure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from objectives.outcomes import OUTCOMES
from objectives.recipe import Recipe
from objectives.simulated import Simulated
from optimizer.campaign import Campaign
from optimizer.report import bases, conditions_json, recipe_json, rounded

STRUCTURE = ("porosity", "ionic_tortuosity_factor", "electronic_tortuosity_factor")
DISCHARGE = ("discharge_capacity", "mean_discharge_voltage", "areal_capacity", "volumetric_energy_density", "gravimetric_energy_density")


def simulate_cell(campaign: Campaign, recipe: Recipe, c_rates: Sequence[float]) -> dict[str, Any]:
    """Return discharges of a recipe at C-rates, with the closed form's structure and transport.

    Raises:
        ValueError: If a C-rate is out of range.
        ImportError: If the extra `simulation` is not installed.
    """
    from objectives.discharge import simulate_cell as run

    settings = [campaign.at(c_rate=c_rate) for c_rate in c_rates]
    found = run(campaign.physics(), recipe, [setting.conditions for setting in settings])
    discharges = [
        {"c_rate": setting.conditions.c_rate, "status": one.status, "detail": one.detail, **_values(one, DISCHARGE, setting)}
        for setting, one in zip(settings, found, strict=True)
    ]
    return {**_head(campaign, recipe, "cell", found[0]), "structure": _values(found[0], STRUCTURE, campaign), "discharges": discharges}


def simulate_micro(
    campaign: Campaign,
    recipe: Recipe,
    *,
    seeds: int = 3,
    screen: bool = False,
    image: Path | None = None,
    vtk: Path | None = None,
    stack: Path | None = None,
) -> dict[str, Any]:
    """Return what 3D microstructures of a recipe show, as means over seeds.

    The first seed's is drawn to ``image`` (PNG), written to ``vtk`` (VTK image data) and to ``stack`` (its labels, .npy).

    Raises:
        ValueError: If there is no seed, or a file's name has the wrong ending.
        ImportError: If the extra `simulation` is not installed.
    """
    for what, file, suffix in (("image", image, ".png"), ("VTK file", vtk, ".vti"), ("stack of labels", stack, ".npy")):
        if file is not None and file.suffix != suffix:
            raise ValueError(f"{what} must be written to a {suffix} file, got {file.name}; change the name")
    from objectives.microstructure.analyse import SCREEN, block_shape
    from objectives.microstructure.analyse import simulate_micro as run
    from objectives.microstructure.contents import contents
    from objectives.microstructure.generate import build

    physics = campaign.physics()
    found = run(physics, recipe, seeds=tuple(range(seeds)), screen=screen)
    if not (image is None and vtk is None and stack is None):
        content = contents(physics, recipe)
        shape = SCREEN if screen else block_shape(content, VOXEL_UM, WIDTH_UM)
        block = build(content, shape, VOXEL_UM, 0)
        if image is not None:
            from objectives.microstructure.picture import render

            render(block, image)
        if vtk is not None:
            from objectives.microstructure.vtk import write_vtk

            write_vtk(block, vtk)
        if stack is not None:
            np.save(stack, block.labels)
    answer = _head(campaign, recipe, "micro", found)
    answer["structure"] = _values(found, STRUCTURE, campaign)
    for name, sd in found.sd.items():
        answer["structure"][name]["sd"] = rounded(sd)
    return {**answer, "facts": {name: rounded(value) for name, value in found.facts.items()}}


VOXEL_UM, WIDTH_UM = 0.5, 26.0  # of every microstructure: results of different voxels are not to be mixed


def _head(campaign: Campaign, recipe: Recipe, fidelity: str, found: Simulated) -> dict[str, Any]:
    return {
        "recipe": recipe_json(recipe),
        "conditions": {name: value for name, value in conditions_json(campaign).items() if name != "c_rate"},
        "fidelity": fidelity,
        "status": found.status,
        "detail": found.detail,
        "percolates": found.percolates,
    }


def _values(found: Simulated, names: Sequence[str], campaign: Campaign) -> dict[str, dict[str, Any]]:
    """Return what a simulation found of some outcomes; what a failure left unknown is absent."""
    basis = bases(campaign)
    return {
        name: {"value": rounded(found.outcomes[name]), "unit": OUTCOMES[name].unit, "basis": basis[name]} for name in names if name in found.outcomes
    }


def analyse_stack(file: Path, voxel_um: float, labels: Mapping[str, int], axis: int = 0) -> dict[str, Any]:
    """Return what a segmented image of an electrode shows, as plain data; arguments as in `objectives.microstructure.images`.

    Raises:
        ValueError: If the image cannot be read or analysed as described.
        ImportError: If the extra `simulation` is not installed.
    """
    from objectives.microstructure.images import analyse_image

    found = analyse_image(file, voxel_um, labels, axis=axis)
    return {
        "resolution": found.resolution,
        "voxel_um": found.voxel_um,
        "shape": list(found.shape),
        "porosity": rounded(found.porosity),
        "volume_fractions": {name: rounded(value) for name, value in found.volume_fractions.items()},
        "tortuosity_factors": {name: rounded(value) for name, value in found.tortuosity_factors.items()},
        "percolates": dict(found.percolates),
        "converged": dict(found.converged),
        "am_se_contact": None if found.am_se_contact is None else rounded(found.am_se_contact),
    }
