"""Simulate a recipe with the closed form: structure and transport once, the discharge at each C-rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.report import bases, conditions_json, recipe_json, rounded

STRUCTURE = {
    "porosity": "1",
    "theoretical_density": "g/cm3",
    "electrode_density": "g/cm3",
    "thickness_um": "um",
    "phi_am": "1",
    "phi_se": "1",
    "phi_vgcf": "1",
    "shell_um": "um",
    "shell_share": "1",
    "percolation_margin": "1",
    "ionic_tortuosity_factor": "1",
    "electronic_tortuosity_factor": "1",
    "ionic_conductivity": "mS/cm",
    "electronic_conductivity": "mS/cm",
}
DISCHARGE = {
    "discharge_capacity": "mAh/g",
    "mean_discharge_voltage": "V",
    "areal_capacity": "mAh/cm2",
    "volumetric_energy_density": "Wh/L",
    "gravimetric_energy_density": "Wh/kg",
}


def simulate(campaign: Campaign, recipe: Recipe, c_rates: tuple[float, ...]) -> dict[str, Any]:
    """Return the closed form's structure, transport and discharges of a recipe as plain data.

    Raises:
        ValueError: If a C-rate is out of range.
    """
    x = np.array([recipe.values()])
    discharges = []
    for c_rate in c_rates:
        setting = campaign.at(c_rate=c_rate)
        outcomes = setting.physics().outcomes(x)
        values = {
            name: {"value": rounded(float(getattr(outcomes, name)[0])), "unit": unit, "basis": bases(setting)[name]}
            for name, unit in DISCHARGE.items()
        }
        discharges.append({"c_rate": c_rate, **values})
    first = campaign.physics().outcomes(x)
    return {
        "recipe": recipe_json(recipe),
        "conditions": {name: value for name, value in conditions_json(campaign).items() if name != "c_rate"},
        "fidelity": "analytic",
        "percolates": bool(first.percolates[0]),
        "shell_capped": bool(first.shell_capped[0]),
        "structure": {name: {"value": rounded(float(getattr(first, name)[0])), "unit": unit} for name, unit in STRUCTURE.items()},
        "discharges": discharges,
    }
