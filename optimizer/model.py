"""The fitted model of a campaign: what a recipe will give, as marginals and as joint posterior samples.

Learned outcomes come from the surrogate; derived ones follow from joint samples through the exact formulas.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from objectives.composition import Array, Mask
from objectives.electrode import Outcomes
from objectives.energy import derive
from objectives.limits import soft_margins
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.physics import Physics
from optimizer.campaign import Campaign
from surrogates.calibration.fit import build_problem
from surrogates.gaussian_process import GaussianProcess, GaussianProcessPredictor
from surrogates.protocol import Inputs
from surrogates.training import ElectrodeData, TrainingSet

VOLT_PRIOR_SD = 0.05  # V; spread of the mean voltage while none has been measured (physics note, correction 6)


class Samples(NamedTuple):
    """Joint posterior samples at n recipes: outcomes by name, each ``(s, n)``, and the soft margins by limit, ``(s, n)``."""

    outcomes: Mapping[str, Array]
    margins: Mapping[str, Array]

    @property
    def feasible(self) -> Mask:
        """Return which samples meet every soft limit, ``(s, n)`` bool."""
        return np.asarray(np.logical_and.reduce([margin >= 0.0 for margin in self.margins.values()]))


@dataclass(frozen=True)
class FittedModel:
    """Surrogates fitted to the measurements, for one campaign."""

    campaign: Campaign
    physics: Physics
    data: ElectrodeData
    training: Mapping[str, TrainingSet]
    predictors: Mapping[str, GaussianProcessPredictor]

    def inputs(self, recipes: Array) -> dict[str, Inputs]:
        """Return the surrogates' inputs at recipes ``(n, 4)``."""
        return self.data.at(self.physics, recipes)

    def samples(self, recipes: Array, n: int, seed: int, *, joint: bool = True) -> Samples:
        """Return n posterior samples at recipes ``(m, 4)``: joint over them, or each recipe by itself (cheap, for many)."""
        closed = self.physics.outcomes(recipes)
        inputs = self.inputs(recipes)
        natural = {name: self._draw(i, inputs[name], n, seed + i, joint) for i, name in enumerate(LEARNED)}
        learned = {name: OUTCOMES[name].from_natural(value) for name, value in natural.items()}
        shift = np.random.default_rng([seed, len(LEARNED)]).standard_normal((n, 1)) * VOLT_PRIOR_SD  # one cell voltage for all recipes
        return self.complete(recipes, closed, {**learned, "mean_discharge_voltage": closed.mean_discharge_voltage[None, :] + shift})

    def _draw(self, index: int, inputs: Inputs, n: int, seed: int, joint: bool) -> Array:
        predictor = self.predictors[LEARNED[index]]
        if not joint:
            prediction = predictor.predict(inputs)
            noise = _normal(n, 1, seed)
            return np.asarray(prediction.mean[None, :] + prediction.sd[None, :] * noise)
        return predictor.sample(inputs, n, seed)

    def complete(self, recipes: Array, closed: Outcomes, known: Mapping[str, Array]) -> Samples:
        """Return samples with the derived outcomes and margins added to the learned ones."""
        campaign = self.campaign
        am, loading = recipes[:, 0], campaign.conditions.loading_mg_cm2
        porosity, capacity, voltage = known["porosity"], known["discharge_capacity"], known["mean_discharge_voltage"]
        margins = soft_margins(
            am,
            closed,
            porosity,
            known["ionic_tortuosity_factor"],
            known["electronic_tortuosity_factor"],
            c_rate=campaign.conditions.c_rate,
            loading_mg_cm2=loading,
            limits=campaign.limits,
        )
        priced = voltage
        if not campaign.ohmic_is_limit:
            price = ohmic_excess_v(known, margins, campaign.limits.ohmic_drop_mv)
            priced = np.maximum(voltage - price, 0.0)
            margins = {name: margin for name, margin in margins.items() if not name.endswith("tortuosity")}
        derived = derive(closed.theoretical_density, am, porosity, capacity, priced, loading, campaign.stack)
        return Samples(
            {
                **known,
                "relative_density": 1.0 - porosity,
                "electrode_density": derived.electrode_density,
                "thickness": derived.thickness_um,
                "areal_capacity": derived.areal_capacity,
                "volumetric_energy_density": derived.volumetric_energy_density,
                "gravimetric_energy_density": derived.gravimetric_energy_density,
            },
            margins,
        )


def ohmic_excess_v(tau: Mapping[str, Array], margins: Mapping[str, Array], allowed_mv: float) -> Array:
    """Return the ohmic drop beyond the allowance, summed over both paths, V: the price of tau where it is not a limit.

    The drop is proportional to tau, and equals the allowance at the limit (``margin`` = tau_max - tau).
    """
    total: Array = np.zeros(1)
    for path in ("ionic_tortuosity", "electronic_tortuosity"):
        value = tau[f"{path}_factor"]
        limit = np.maximum(margins[path] + value, 1e-12)
        total = total + np.maximum(allowed_mv * 1e-3 * (value / limit - 1.0), 0.0)
    return total


def _normal(n: int, width: int, seed: int) -> Array:
    """Return n scrambled-Sobol standard normal rows ``(n, width)``."""
    engine = torch.quasirandom.SobolEngine(width, scramble=True, seed=seed)
    uniform = engine.draw(n, dtype=torch.float64).clamp(1e-6, 1.0 - 1e-6)
    return np.asarray(torch.special.ndtri(uniform).numpy())


def fit_model(campaign: Campaign, evidence: Collection[str] = ("primary", "secondary")) -> FittedModel:
    """Return the surrogates fitted to the bundled measurements, for a campaign's study and conditions.

    Deterministic. Torch runs on one thread, so that the same data give the same numbers whatever the machine's load.
    """
    torch.set_num_threads(1)
    physics = campaign.physics()
    data = ElectrodeData(build_problem(), physics.calibration, evidence)
    training = {name: data.training(name) for name in LEARNED}
    predictors = {name: GaussianProcess().fit(training[name].data, seed=0) for name in LEARNED}
    return FittedModel(campaign, physics, data, training, predictors)
