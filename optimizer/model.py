"""The fitted model of a campaign: what a recipe will give, as marginals and as joint posterior samples.

Learned outcomes come from the surrogate; derived ones follow from joint samples through the exact formulas.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from objectives.cell import FAILURES, Cell
from objectives.composition import Array
from objectives.electrode import Outcomes, percolation_margin
from objectives.energy import derive
from objectives.limits import PERCOLATION_RESERVE, soft_margins
from objectives.outcomes import LEARNED
from objectives.physics import Physics
from optimizer.campaign import Campaign
from optimizer.goal import OwnOutcome
from optimizer.own_mean import own_mean
from optimizer.samples import Samples
from optimizer.threads import one_thread
from surrogates.calibration.fit import as_calibration, build_problem, fit
from surrogates.cells import OwnMean, cell_data, cell_data_at, own_inputs, own_outcome_data
from surrogates.fusion.average import Fused, FusedPredictor
from surrogates.fusion.fit import fit_fused
from surrogates.fusion.rows import joined
from surrogates.fusion.simulated import bundled_correction
from surrogates.protocol import Inputs, OutcomeData, SampledPredictor
from surrogates.success import SuccessModel
from surrogates.training import ElectrodeData

PERCOLATION_DRAWS = 200  # of the lab's calibrated numbers, for the probability of percolation
EVIDENCE = frozenset(("primary", "secondary"))  # flags of the bundled table
FEWEST_ROWS = 3  # measured cells that an outcome without physics needs
VOLT_CELL_SD = 0.01  # V; repeatability of a mean voltage
VOLT_RECIPE_SD = 0.015  # V; how far recipes of one lab differ at one condition [A]
VOLT_PRIOR_SD = 0.05  # V; spread of the mean voltage while none has been measured (physics note, correction 6)


class FewCellsError(ValueError):
    """Raised when a lab's own outcome has too few measured cells to be learned."""


@dataclass(frozen=True)
class FittedModel:
    """Surrogates fitted to the measurements, for one campaign."""

    campaign: Campaign
    physics: Physics
    data: ElectrodeData
    training: Mapping[str, OutcomeData]
    fused: Fused
    predictors: Mapping[str, FusedPredictor | SampledPredictor]  # each outcome by itself: the electrode's fused, the lab's own sampled
    cells: tuple[Cell, ...]  # the lab's own
    success: SuccessModel
    voltage: tuple[float, float]  # mean and standard deviation, V

    def inputs(self, recipes: Array) -> dict[str, Inputs]:
        """Return the surrogates' inputs at recipes ``(n, 4)``, for the lab's own outcomes too."""
        found = self.data.at(self.physics, recipes)
        base = found["discharge_capacity"]
        for own in self.campaign.own:
            mean = self._mean(own)
            found[own.name] = own_inputs(base, None if mean is None else mean(recipes, None))
        return found

    def _mean(self, own: OwnOutcome) -> OwnMean | None:
        return own_mean(own, self.campaign.outcomes[own.name], self.physics)

    @property
    def learned(self) -> tuple[str, ...]:
        """Return the learned outcomes: the electrode's, then the lab's own."""
        return (*LEARNED, *(o.name for o in self.campaign.own))

    def samples(self, recipes: Array, n: int, seed: int, *, joint: bool = True) -> Samples:
        """Return n posterior samples at recipes ``(m, 4)``: joint over them, or each recipe by itself (cheap, for many)."""
        closed = self.physics.outcomes(recipes)
        inputs = self.inputs(recipes)
        # One Sobol sequence serves all outcomes, each with its rows shuffled: copies scrambled by other seeds correlate row by row.
        natural = self.fused.draws({name: inputs[name] for name in LEARNED}, n, seed, joint=joint)
        for i, own in enumerate(self.campaign.own):
            drawn = self._sampled(own.name).sample(inputs[own.name], n, seed, joint=joint)
            natural[own.name] = np.random.default_rng([seed, len(LEARNED) + i, n]).permutation(drawn, axis=0)
        learned = {name: self.campaign.outcomes[name].from_natural(value) for name, value in natural.items()}
        mean, sd = self.voltage
        voltage = mean + sd * np.random.default_rng([seed, len(LEARNED)]).standard_normal((n, 1))  # one voltage for all recipes
        return self.complete(recipes, closed, {**learned, "mean_discharge_voltage": np.broadcast_to(voltage, (n, len(recipes)))})

    def success_probability(self, recipes: Array) -> Array:
        """Return the probability that recipes can be made and tested, learned from failed cells, ``(n,)``."""
        return self.success.probability(self.campaign.space.encode(recipes))

    def percolation_probability(self, recipes: Array) -> Array:
        """Return the probability that recipes keep the percolation limit, by physics as the lab's cells calibrate it, ``(n,)``."""
        parameters = self.physics.calibration.parameters(self.fused.numbers(PERCOLATION_DRAWS, 0))
        margin = percolation_margin(self.physics.electrodes(recipes, parameters), parameters)
        return np.asarray((margin >= PERCOLATION_RESERVE).mean(axis=0))

    def updated(self, cells: Sequence[Cell]) -> FittedModel:
        """Return the model with further cells of the lab, nothing refitted: the electrode's outcomes only, under the same hyperparameters."""
        rows = cell_data(self.data, self.physics, cells)
        training = {name: joined(data, rows.get(name)) for name, data in self.training.items()}
        fused = self.fused.extended(rows)
        predictors = {**self.predictors, **{name: FusedPredictor(fused, name) for name in LEARNED}}
        every = (*self.cells, *cells)
        found = replace(self, training=training, fused=fused, predictors=predictors, cells=every)
        return replace(found, success=_success(self.campaign, every), voltage=_voltage(self.physics, every))

    def moments(self, name: str, recipes: Array) -> tuple[Array, Array]:
        """Return mean ``(m,)`` and covariance ``(m, m)`` of a learned outcome at recipes, on its natural scale."""
        inputs = self.inputs(recipes)[name]
        return self.fused.moments(name, inputs) if name in LEARNED else self._sampled(name).moments(inputs)

    def _sampled(self, name: str) -> SampledPredictor:
        predictor = self.predictors[name]
        assert not isinstance(predictor, FusedPredictor)
        return predictor

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
        outcomes = {
            **known,
            "relative_density": 1.0 - porosity,
            "electrode_density": derived.electrode_density,
            "thickness": derived.thickness_um,
            "areal_capacity": derived.areal_capacity,
            "volumetric_energy_density": derived.volumetric_energy_density,
            "gravimetric_energy_density": derived.gravimetric_energy_density,
        }
        for limit in campaign.outcome_limits:
            margins = {**margins, **limit.margins(outcomes[limit.outcome])}
        return Samples(outcomes, margins)


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


def _voltage(physics: Physics, cells: Sequence[Cell]) -> tuple[float, float]:
    """Return mean and standard deviation of the mean voltage: the prior, updated by the lab's own at the goal's condition."""
    goal = physics.conditions
    prior = float(physics.calibration.parameters()["V"])
    measured = [
        (cell.outcomes["mean_discharge_voltage"].value, float(np.fmax(cell.outcomes["mean_discharge_voltage"].sd, VOLT_CELL_SD)))
        for cell in cells
        if cell.status == "ok"
        and "mean_discharge_voltage" in cell.outcomes
        and not abs(cell.c_rate - goal.c_rate) > 1e-9  # NaN: the goal's own
        and not abs(cell.temperature_c - goal.temperature_c) > 1e-9
    ]
    weight = 1.0 / VOLT_PRIOR_SD**2
    total, precision = prior * weight, weight
    for value, sd in measured:
        total, precision = total + value / sd**2, precision + 1.0 / sd**2
    spread = VOLT_RECIPE_SD if measured else 0.0
    return total / precision, float(np.hypot(1.0 / np.sqrt(precision), spread))


def _success(campaign: Campaign, cells: Sequence[Cell]) -> SuccessModel:
    """Return the success model: an invalid measurement teaches nothing, and a cell counts once, whatever it was tested under."""
    counted: dict[tuple[object, ...], float] = {}
    for cell in cells:
        if cell.status != "invalid":
            key = (cell.name or cell.row, *cell.recipe.values())
            counted[key] = min(counted.get(key, 1.0), 0.0 if cell.status in FAILURES else 1.0)
    recipes = np.array([key[1:] for key in counted], dtype=float).reshape(-1, campaign.space.dimension)
    return SuccessModel(campaign.space.encode(recipes), np.array(list(counted.values()), dtype=float))


@one_thread
def fit_model(campaign: Campaign, evidence: Collection[str] = ("primary", "secondary"), cells: Sequence[Cell] = ()) -> FittedModel:
    """Return the surrogates fitted to the bundled measurements and a lab's own cells, for a campaign's study and conditions.

    Evidence left out teaches neither the surrogates nor the physics, which is calibrated anew without it.
    Deterministic.
    """
    problem = build_problem()
    physics = campaign.physics(None if set(evidence) >= EVIDENCE else as_calibration(fit(problem, use=lambda target: target.evidence in evidence)))
    data = ElectrodeData(problem, physics.calibration, evidence)
    pool = {name: data.training(name).data for name in LEARNED}
    lab, known = data.study_index(physics.study.name), len(data.studies)
    fused, point, fitted_to = fit_fused(pool, cell_data_at(data, physics, cells), data.prior, lab, known, bundled_correction())
    training = dict(fitted_to)
    predictors: dict[str, FusedPredictor | SampledPredictor] = {name: FusedPredictor(fused, name) for name in LEARNED}
    for outcome in campaign.own:
        natural = campaign.outcomes[outcome.name]
        mean = own_mean(outcome, natural, physics)
        rows = own_outcome_data(data, physics, cells, natural, outcome.repeatability, mean)
        if len(rows.values) < FEWEST_ROWS:
            raise FewCellsError(
                f"outcome {outcome.name} is in the campaign but only {len(rows.values)} good cells measured it; "
                f"measure at least {FEWEST_ROWS}, or take the outcome out"
            )
        training[outcome.name] = rows
        from surrogates.gaussian_process import own_surrogate  # torch takes over a second to import: only for a lab's own outcomes

        predictors[outcome.name] = own_surrogate(mean is not None).fit(rows, seed=0)
    return FittedModel(
        campaign, physics, data.around(point), training, fused, predictors, tuple(cells), _success(campaign, cells), _voltage(physics, cells)
    )
