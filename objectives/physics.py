"""Physics of one lab at given conditions: recipes in, outcomes out, with the uncertainty of the calibrated numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from objectives.calibration import NEW_STUDY, Calibration, load_calibration
from objectives.composition import Array
from objectives.electrode import Electrodes, Outcomes, closed_form, percolation_margin
from objectives.energy import Stack
from objectives.recipe import RECIPE_FIELDS
from objectives.studies import OFFSETS, Study, UnknownStudyError, load_studies
from objectives.transport import arrhenius

SAME_SIZE = 1e-6  # relative difference up to which two sizes are one lot: printed recipes have six digits


@dataclass(frozen=True)
class Conditions:
    """What a cell is made and tested under; never mixed silently."""

    temperature_c: float = 60.0
    c_rate: float = 0.05
    pressure_mpa: float = 500.0
    loading_mg_cm2: float = 30.6  # of composite

    def __post_init__(self) -> None:
        rules = (
            ("temperature_c", -40.0, 120.0, "C"),
            ("c_rate", 1e-3, 10.0, "1/h"),
            ("pressure_mpa", 10.0, 1000.0, "MPa"),
            ("loading_mg_cm2", 1.0, 200.0, "mg/cm2"),
        )
        for name, low, high, unit in rules:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low:g} and {high:g} {unit}, got {value:g}; correct it in the campaign or the option")


def find_study(name: str) -> Study:
    """Return a bundled study, or for `new` a study with the reference campaign's materials and unknown offsets.

    Raises:
        UnknownStudyError: If there is no such study.
    """
    studies = load_studies()
    if name == NEW_STUDY:
        return replace(studies["kim2025"], name=NEW_STUDY, source="", title="a lab not measured yet", latents=(), designs={}, offset_sd={}, noise={})
    if name not in studies:
        raise UnknownStudyError(f"there is no study {name!r}; use one of {', '.join([*studies, NEW_STUDY])}")
    return studies[name]


@dataclass(frozen=True)
class Physics:
    """The closed form for one study at given conditions. Recipes are arrays ``(n, 4)`` in the order of `RECIPE_FIELDS`."""

    study: Study
    conditions: Conditions = field(default_factory=Conditions)
    stack: Stack = field(default_factory=Stack)
    calibration: Calibration = field(default_factory=load_calibration)
    se_lots: Mapping[float, tuple[float, float]] = field(default_factory=dict)  # um: mS/cm and the temperature it was measured at, C

    def __post_init__(self) -> None:
        object.__setattr__(self, "calibration", self.calibration.with_new_study())

    def outcomes(self, recipes: Array, z: Array | None = None, conditions: Mapping[str, Array] | None = None) -> Outcomes:
        """Return the outcomes of recipes ``(n, 4)`` at the minimum, or for z of shape ``(k, p)`` as arrays ``(k, n)``.

        ``conditions`` gives each recipe its own, by the names of `Conditions`, ``(n,)``; the others are the physics' own.
        """
        parameters = self.calibration.parameters(z)
        return closed_form(self.electrodes(recipes, parameters, conditions), parameters, self.stack)

    def electrodes(self, recipes: Array, parameters: Mapping[str, Array], conditions: Mapping[str, Array] | None = None) -> Electrodes:
        """Return recipes with all that the study and the conditions fix, under the given parameters."""
        fixed = {**self.study.fixed, **vars(self.conditions), **(conditions or {})}
        for latent in self.study.latents:
            if not latent.labels and latent.sets not in vars(self.conditions) and latent.sets not in RECIPE_FIELDS:
                fixed[latent.sets] = parameters[latent.prior.name]
        offsets = {f"offset_{kind}": parameters.get(f"{self.study.name}.offset_{kind}", 0.0) for kind in OFFSETS}
        inputs = {
            "sigma_fine": np.nan,
            "sigma_coarse": np.nan,
            "plateau_mah_g": np.nan,
            **fixed,
            **offsets,
            **dict(zip(RECIPE_FIELDS, recipes.T, strict=True)),
        }
        if self.se_lots:
            inputs["sigma_free"] = self._lot_conductivity(recipes[:, RECIPE_FIELDS.index("se_particle_um")], inputs["temperature_c"], parameters)
        return Electrodes(**inputs)

    def _lot_conductivity(self, sizes: Array, temperature_c: Array | float, parameters: Mapping[str, Array]) -> Array:
        """Return the bulk conductivity of the SE's own lot at the temperature, mS/cm; NaN where a size has none. Shape ``(..., n)``."""
        found: Array = np.full(sizes.shape, np.nan)
        for size, (conductivity, measured_c) in self.se_lots.items():
            warmed = conductivity * arrhenius(parameters["EaS"], temperature_c, measured_c)
            found = np.where(np.isclose(sizes, size, rtol=SAME_SIZE, atol=0.0), warmed, found)
        return found

    def draws(self, recipes: Array, k: int, seed: int) -> Outcomes:
        """Return the outcomes under k draws of the calibrated numbers, arrays ``(k, n)``."""
        return self.outcomes(recipes, self.calibration.draws(k, seed))

    def percolation_margin(self, recipes: Array) -> Array:
        """Return the SE volume fraction above the percolation threshold, shape ``(n,)``."""
        parameters = self.calibration.parameters()
        return percolation_margin(self.electrodes(recipes, parameters), parameters)

    def percolation_margin_draws(self, recipes: Array, k: int, seed: int) -> Array:
        """Return the same under k draws of the calibrated numbers, ``(k, n)``."""
        parameters = self.calibration.parameters(self.calibration.draws(k, seed))
        return percolation_margin(self.electrodes(recipes, parameters), parameters)
