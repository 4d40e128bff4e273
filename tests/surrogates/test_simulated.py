"""The correction that simulated electrodes teach: it is what they show, fades where nothing was simulated, and counts as far as cells agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from objectives.composition import Array
from objectives.outcomes import LEARNED
from objectives.physics import Conditions, Physics, find_study
from objectives.simulated_set import load_simulated_set
from surrogates.fusion.fit import FusedFit, fit_fused
from surrogates.fusion.simulated import CAPACITY, KEPT_ROWS, STEPS, WEIGHT_SD, Correction, Step, bundled_correction, weights_of
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import ElectrodeData, features, natural

PATH = "ionic_tortuosity_factor"
IONS, CELL, MICRO = Step("micro", PATH), Step("cell", CAPACITY), Step("micro", CAPACITY)
NOISE = 0.05  # of ln tau


@pytest.fixture(scope="module")
def correction() -> Correction:
    return bundled_correction()


def unweighted(correction: Correction, step: Step, at: Array) -> Array:
    return correction.columns(step.outcome, at)[:, STEPS.index(step)] / WEIGHT_SD


def test_correction_follows_the_simulated_electrodes(correction: Correction) -> None:
    data = load_simulated_set()
    rows = np.flatnonzero(data.trained_on & data.percolates)
    physics = Physics(find_study(data.study), data.conditions[0])
    closed = physics.outcomes(data.recipes[rows])
    where = features(physics.electrodes(data.recipes[rows], physics.calibration.parameters()), closed)
    apart = np.log(data.structure[PATH][rows]) - natural(closed, 230.0)[PATH]
    found = unweighted(correction, IONS, where[:, :4])
    left = apart - found
    assert np.std(left) < 0.6 * np.std(apart)  # neighbours are merged, so not all of it


def test_steps_of_the_capacity_add_up_to_the_microstructures(correction: Correction) -> None:
    micro, cell = load_simulated_set("micro"), load_simulated_set("cell")
    assert micro.recipes.tolist() == cell.recipes.tolist()
    rows, k = np.flatnonzero(micro.trained_on & micro.percolates), micro.at(0.2, 30.0)
    physics = Physics(find_study(micro.study), micro.conditions[k])
    closed = physics.outcomes(micro.recipes[rows])
    where = features(physics.electrodes(micro.recipes[rows], physics.calibration.parameters()), closed)
    share = np.clip(micro.discharge[CAPACITY][rows, k] / 230.0, 1e-3, 1.0 - 1e-3)
    apart = np.log(share / (1.0 - share)) - natural(closed, 230.0)[CAPACITY]
    steps = [unweighted(correction, step, where) for step in (CELL, MICRO)]
    assert np.std(apart - sum(steps)) < 0.7 * np.std(apart)
    assert np.std(apart - sum(steps)) < np.std(apart - steps[1])  # both take part


def test_cell_agrees_with_the_closed_form_where_it_stands_on_it(correction: Correction) -> None:
    data = load_simulated_set("cell")
    at = {}
    for c_rate, temperature_c in ((0.05, 60.0), (0.2, 60.0)):
        physics = Physics(find_study(data.study), data.conditions[data.at(c_rate, temperature_c)])
        electrodes = physics.electrodes(data.recipes, physics.calibration.parameters())
        at[c_rate] = unweighted(correction, CELL, features(electrodes, physics.outcomes(data.recipes)))
    assert np.std(at[0.05]) < 0.25 * np.std(at[0.2])


def test_correction_fades_where_nothing_was_simulated(correction: Correction) -> None:
    near, far = np.full((1, 4), 0.5), np.full((1, 4), 30.0)
    assert abs(unweighted(correction, IONS, far)[0]) < 1e-3 < abs(unweighted(correction, IONS, near)[0])


def test_porosity_is_the_closed_forms(correction: Correction) -> None:
    assert not correction.columns("porosity", np.full((3, 4), 0.5)).any()
    assert all(len(process) <= KEPT_ROWS for model in correction.models.values() for process in model.processes.values())


def lab_that_follows(correction: Correction, data: ElectrodeData, weight: float, step: Step = IONS) -> FusedFit:
    """Fit a new lab of 40 cells, at 0.2C and 30 C, whose outcome is the closed form plus so much of a step."""
    physics, name = Physics(find_study("new"), replace(Conditions(), c_rate=0.2, temperature_c=30.0)), step.outcome
    simulated = load_simulated_set()
    recipes = simulated.recipes[simulated.trained_on & simulated.percolates][:40]
    rng = np.random.default_rng(0)

    def rows(point: Array) -> dict[str, OutcomeData]:
        inputs = data.around(point).at(physics, recipes)[name]
        at_calibration = data.around(data.calibration.z).at(physics, recipes)[name].physics
        values = at_calibration + weight * unweighted(correction, step, inputs.features)
        return {name: OutcomeData(inputs, values + noise, np.full(len(values), NOISE))}

    noise = NOISE * rng.standard_normal(len(recipes))
    pool = {name: data.training(name).data for name in LEARNED}
    return fit_fused(pool, rows, data.prior, data.study_index("new"), len(data.studies), correction)


@pytest.mark.parametrize("step", [IONS, CELL])
def test_weight_is_learned_from_the_labs_cells(correction: Correction, electrode_data: ElectrodeData, step: Step) -> None:
    found = {weight: lab_that_follows(correction, electrode_data, weight, step) for weight in (0.0, 1.0)}
    learned = {weight: weights_of(fit.fused.models["simulation"])[step][0] for weight, fit in found.items()}
    assert learned[1.0] > learned[0.0] + 0.3
    assert found[1.0].fused.trust[step.outcome]["simulation"] > found[0.0].fused.trust[step.outcome]["simulation"]


def test_lab_without_a_cell_hears_the_simulation_a_little(correction: Correction, electrode_data: ElectrodeData) -> None:
    def none(point: Array) -> dict[str, OutcomeData]:
        del point
        return {}

    pool = {name: electrode_data.training(name).data for name in LEARNED}
    fit = fit_fused(pool, none, electrode_data.prior, electrode_data.study_index("new"), len(electrode_data.studies), correction)
    for name in LEARNED:
        trust = fit.fused.trust[name]
        assert sum(trust.values()) == pytest.approx(1.0)
        assert 0.0 == trust["data"] < trust["simulation"] < trust["physics"]


def test_corrected_model_differs_only_by_the_correction(correction: Correction, electrode_data: ElectrodeData) -> None:
    fit = lab_that_follows(correction, electrode_data, 1.0)
    inputs: dict[str, Inputs] = electrode_data.around(fit.point).at(Physics(find_study("new")), load_simulated_set().recipes[:5])
    physics, simulation = fit.fused.models["physics"], fit.fused.models["simulation"]
    assert simulation.weights.size == physics.weights.size + len(STEPS)
    assert np.abs(simulation.predict(PATH, inputs[PATH]).mean - physics.predict(PATH, inputs[PATH]).mean).max() > 0.01
