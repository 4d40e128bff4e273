"""The correction that simulated electrodes teach: it is what they show, fades where nothing was simulated, and counts as far as cells agree."""

from __future__ import annotations

import numpy as np
import pytest

from objectives.composition import Array
from objectives.outcomes import LEARNED
from objectives.physics import Physics, find_study
from objectives.simulated_set import load_simulated_set
from surrogates.fusion.fit import FusedFit, fit_fused
from surrogates.fusion.simulated import CORRECTED, KEPT_ROWS, WEIGHT_SD, Correction, bundled_correction, weights_of
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import ElectrodeData, features, natural

PATH = "ionic_tortuosity_factor"
NOISE = 0.05  # of ln tau


@pytest.fixture(scope="module")
def correction() -> Correction:
    return bundled_correction()


def unweighted(correction: Correction, name: str, at: Array) -> Array:
    return correction.columns(name, at)[:, CORRECTED.index(name)] / WEIGHT_SD


def test_correction_follows_the_simulated_electrodes(correction: Correction) -> None:
    data = load_simulated_set()
    rows = np.flatnonzero(data.trained_on & data.percolates)
    physics = Physics(find_study(data.study), data.conditions[0])
    closed = physics.outcomes(data.recipes[rows])
    where = features(physics.electrodes(data.recipes[rows], physics.calibration.parameters()), closed)
    apart = np.log(data.structure[PATH][rows]) - natural(closed, 230.0)[PATH]
    found = unweighted(correction, PATH, where[:, :4])
    left = apart - found
    assert np.std(left) < 0.6 * np.std(apart)  # neighbours are merged, so not all of it


def test_correction_fades_where_nothing_was_simulated(correction: Correction) -> None:
    near, far = np.full((1, 4), 0.5), np.full((1, 4), 30.0)
    assert abs(unweighted(correction, PATH, far)[0]) < 1e-3 < abs(unweighted(correction, PATH, near)[0])


def test_porosity_is_the_closed_forms(correction: Correction) -> None:
    assert not correction.columns("porosity", np.full((3, 4), 0.5)).any()
    assert all(len(process) <= KEPT_ROWS for process in correction.model.processes.values())


def lab_that_follows(correction: Correction, data: ElectrodeData, weight: float) -> FusedFit:
    """Fit a new lab of 40 cells whose ionic tau is the closed form plus so much of the correction."""
    physics = Physics(find_study("new"))
    simulated = load_simulated_set()
    recipes = simulated.recipes[simulated.trained_on & simulated.percolates][:40]
    rng = np.random.default_rng(0)

    def rows(point: Array) -> dict[str, OutcomeData]:
        inputs = data.around(point).at(physics, recipes)[PATH]
        at_calibration = data.around(data.calibration.z).at(physics, recipes)[PATH].physics
        values = at_calibration + weight * unweighted(correction, PATH, inputs.features)
        return {PATH: OutcomeData(inputs, values + noise, np.full(len(values), NOISE))}

    noise = NOISE * rng.standard_normal(len(recipes))
    pool = {name: data.training(name).data for name in LEARNED}
    return fit_fused(pool, rows, data.prior, data.study_index("new"), len(data.studies), correction)


def test_weight_is_learned_from_the_labs_cells(correction: Correction, electrode_data: ElectrodeData) -> None:
    found = {weight: lab_that_follows(correction, electrode_data, weight) for weight in (0.0, 1.0)}
    learned = {weight: weights_of(fit.fused.models["simulation"])[PATH][0] for weight, fit in found.items()}
    assert learned[1.0] > learned[0.0] + 0.3
    assert found[1.0].fused.trust[PATH]["simulation"] > found[0.0].fused.trust[PATH]["simulation"]


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
    assert simulation.weights.size == physics.weights.size + len(CORRECTED)
    assert np.abs(simulation.predict(PATH, inputs[PATH]).mean - physics.predict(PATH, inputs[PATH]).mean).max() > 0.01
