"""The fused model: what it shares between outcomes and conditions, how it trusts, and that its parts agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from objectives.cell import Cell, Measured
from objectives.composition import Array
from objectives.outcomes import LEARNED
from objectives.physics import Conditions, Physics, find_study
from objectives.recipe import Recipe
from surrogates.cells import cell_data
from surrogates.fusion.fit import FusedFit, fit_fused
from surrogates.fusion.many import MERGED_ROWS, MOST_ROWS, ManyRowsWarning, merged
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import ElectrodeData, natural

EASY, HARD = Conditions(), Conditions(temperature_c=30.0, c_rate=0.2)
Wrong = Callable[[Inputs], Inputs]


def recipes(n: int, seed: int) -> Array:
    """Random recipes whose SE connects."""
    u = np.random.default_rng(seed).uniform(size=(n, 4))
    return np.array([70.0, 2.0, 0.6, 0.5]) + u * np.array([14.0, 8.0, 5.0, 3.0])


def lab_of(conditions: Conditions = EASY) -> Physics:
    return Physics(find_study("new"), conditions)


def truth_of(physics: Physics, seed: int) -> Array:
    """z of a lab: a draw of the calibration, with parameters of its own half a prior standard deviation away."""
    z = physics.calibration.draws(1, seed)
    own = np.array(["." not in prior.name for prior in physics.calibration.priors])
    return np.asarray(z + 0.5 * own * np.random.default_rng([seed, 1]).standard_normal(z.shape))


def made(physics: Physics, z: Array, at: Array, seed: int, names: tuple[str, ...] = LEARNED) -> list[Cell]:
    """Cells of a lab with noise; what each measured."""
    truth, noise = physics.outcomes(at, z), np.random.default_rng([seed, 2]).standard_normal((4, len(at)))
    values = {
        "porosity": np.clip(truth.porosity[0] + 0.008 * noise[0], 0.01, 0.5),
        "ionic_tortuosity_factor": truth.ionic_tortuosity_factor[0] * np.exp(0.12 * noise[1]),
        "electronic_conductivity": truth.electronic_conductivity[0] * np.exp(0.12 * noise[2]),
        "discharge_capacity": truth.discharge_capacity[0] * (1.0 + 0.025 * noise[3]),
    }
    wanted = {"electronic_conductivity" if name == "electronic_tortuosity_factor" else name for name in names}
    c = physics.conditions
    return [
        Cell(
            i,
            f"c{i}",
            Recipe.from_row(x),
            {k: Measured(float(v[i])) for k, v in values.items() if k in wanted},
            temperature_c=c.temperature_c,
            c_rate=c.c_rate,
        )
        for i, x in enumerate(at)
    ]


def as_it_is(inputs: Inputs) -> Inputs:
    return inputs


def fused(data: ElectrodeData, physics: Physics, cells: list[Cell], wrong: Wrong = as_it_is) -> FusedFit:
    """Fit a lab, the physics of whose own cells may be made wrong."""

    def rows(point: Array) -> dict[str, OutcomeData]:
        found = cell_data(data.around(point), physics, cells)
        return {name: OutcomeData(wrong(d.inputs), d.values, d.noise_sd) for name, d in found.items()}

    pool = {name: data.training(name).data for name in LEARNED}
    return fit_fused(pool, rows, data.prior, data.study_index("new"), len(data.studies))


def asked(data: ElectrodeData, fit: FusedFit, physics: Physics, at: Array) -> dict[str, Inputs]:
    return data.around(fit.point).at(physics, at)


@pytest.fixture(scope="module")
def lab(electrode_data: ElectrodeData) -> FusedFit:
    physics = lab_of()
    return fused(electrode_data, physics, made(physics, truth_of(physics, 3), recipes(12, 3), 3))


# The parts agree.


@pytest.mark.parametrize("joint", [True, False])
def test_samples_have_the_marginals(electrode_data: ElectrodeData, lab: FusedFit, joint: bool) -> None:
    inputs = asked(electrode_data, lab, lab_of(), recipes(15, 9))
    drawn = lab.fused.draws(inputs, 4096, 0, joint=joint)
    for name in LEARNED:
        marginal = lab.fused.predict(name, inputs[name])
        np.testing.assert_allclose(drawn[name].mean(axis=0), marginal.mean, atol=0.1 * marginal.sd.max())
        np.testing.assert_allclose(drawn[name].std(axis=0), marginal.sd, rtol=0.12)


@pytest.mark.parametrize("name", LEARNED)
def test_joint_samples_have_the_joint_covariance(electrode_data: ElectrodeData, lab: FusedFit, name: str) -> None:
    inputs = asked(electrode_data, lab, lab_of(), recipes(6, 9))
    drawn, (mean, covariance) = lab.fused.draws(inputs, 8192, 1)[name], lab.fused.moments(name, inputs[name])
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), lab.fused.predict(name, inputs[name]).sd, rtol=1e-6)
    np.testing.assert_allclose(np.cov(drawn.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.08)
    np.testing.assert_allclose(mean, lab.fused.predict(name, inputs[name]).mean)


def test_update_is_the_refit_that_finds_the_same_hyperparameters(electrode_data: ElectrodeData, lab: FusedFit) -> None:
    physics = lab_of()
    more = cell_data(electrode_data.around(lab.point), physics, made(physics, truth_of(physics, 3), recipes(3, 21), 5))
    updated, inputs = lab.fused.extended(more), asked(electrode_data, lab, physics, recipes(8, 9))
    for model in lab.fused.models.values():
        grown = model.extended(more)
        for name, process in grown.processes.items():
            again = type(process).of(process.points, process.rest, process.columns, process.noise_sd, process.found)
            np.testing.assert_allclose(process.root, again.root, atol=1e-9)
            anew = replace(grown, processes={**grown.processes, name: again})
            np.testing.assert_allclose(grown.predict(name, inputs[name]).mean, anew.predict(name, inputs[name]).mean, atol=1e-9)
    for name in LEARNED:
        assert (updated.predict(name, inputs[name]).sd <= lab.fused.models["physics"].predict(name, inputs[name]).sd + 0.2).all()


def test_cells_are_left_out_whole(lab: FusedFit) -> None:
    model = lab.fused.models["physics"]
    cells = {name: np.round(p.points.features[:, 0] * 1e6).astype(int) for name, p in model.processes.items()}
    names = list(model.processes)
    columns = np.concatenate([model.processes[name].columns for name in names])
    covariance, start = columns @ columns.T, 0
    for p in model.processes.values():
        covariance[start : start + len(p), start : start + len(p)] += p.root @ p.root.T
        start += len(p)
    rest, label = np.concatenate([p.rest for p in model.processes.values()]), np.concatenate([cells[name] for name in names])
    expected = np.empty(len(rest))
    for cell in np.unique(label):
        left, kept = np.flatnonzero(label == cell), np.flatnonzero(label != cell)
        solved = np.linalg.solve(covariance[np.ix_(kept, kept)], covariance[np.ix_(kept, left)])
        variance = np.diag(covariance[np.ix_(left, left)] - solved.T @ covariance[np.ix_(kept, left)])
        expected[left] = -0.5 * ((rest[left] - solved.T @ rest[kept]) ** 2 / variance + np.log(2.0 * np.pi * variance))
    np.testing.assert_allclose(np.concatenate(list(model.left_out(cells).values())), expected, rtol=1e-6, atol=1e-8)


def test_fit_is_the_same_twice(electrode_data: ElectrodeData, lab: FusedFit) -> None:
    physics = lab_of()
    again = fused(electrode_data, physics, made(physics, truth_of(physics, 3), recipes(12, 3), 3))
    np.testing.assert_array_equal(again.point, lab.point)
    assert again.fused.trust == lab.fused.trust


# What is shared.


def test_tau_of_a_lab_teaches_its_capacity(electrode_data: ElectrodeData) -> None:
    physics, at = lab_of(HARD), recipes(40, 9)
    z = truth_of(physics, 5)
    nothing = fused(electrode_data, physics, [])
    taught = fused(electrode_data, physics, made(physics, z, recipes(12, 5), 5, ("porosity", "ionic_tortuosity_factor")))
    widths = [fit.fused.predict("discharge_capacity", asked(electrode_data, fit, physics, at)["discharge_capacity"]).sd for fit in (nothing, taught)]
    assert np.median(widths[1]) < 0.97 * np.median(widths[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cells_at_one_condition_teach_another(electrode_data: ElectrodeData, seed: int) -> None:
    easy, hard, at = lab_of(EASY), lab_of(HARD), recipes(60, 9)
    z = truth_of(easy, seed)
    truth = natural(hard.outcomes(at, z), 230.0)["discharge_capacity"][0]
    errors = []
    for cells in ([], made(easy, z, recipes(16, seed), seed)):
        fit = fused(electrode_data, hard, cells)
        found = fit.fused.predict("discharge_capacity", asked(electrode_data, fit, hard, at)["discharge_capacity"])
        errors.append(float(np.sqrt(np.mean((found.mean - truth) ** 2))))
    assert errors[1] < 0.8 * errors[0]


# Trust.


def test_lab_without_a_cell_trusts_the_physics(electrode_data: ElectrodeData) -> None:
    fit = fused(electrode_data, lab_of(), [])
    assert all(trust == {"physics": 1.0, "data": 0.0} for trust in fit.fused.trust.values())
    assert set(fit.fused.judged_by.values()) == {0}


def test_trust_sums_to_one_and_is_judged_by_the_labs_rows(lab: FusedFit) -> None:
    for name in LEARNED:
        assert sum(lab.fused.trust[name].values()) == pytest.approx(1.0)
        assert lab.fused.judged_by[name] == 12


def flipped(inputs: Inputs) -> Inputs:
    return replace(inputs, physics=-inputs.physics, directions=-inputs.directions)


def shuffled(inputs: Inputs) -> Inputs:
    order: Array = np.random.default_rng(len(inputs)).permutation(len(inputs)).astype(float)
    return replace(inputs, physics=inputs.physics[order.astype(int)], directions=inputs.directions[order.astype(int)])


def biased(inputs: Inputs) -> Inputs:
    return replace(inputs, physics=inputs.physics + 0.3)


WRONGS: Mapping[str, Wrong] = {"flipped": flipped, "shuffled": shuffled, "biased": biased}


@pytest.mark.slow
@pytest.mark.parametrize("how", WRONGS)
def test_wrong_physics_costs_at_most_five_percent(electrode_data: ElectrodeData, how: str) -> None:
    wrong, physics, at = WRONGS[how], lab_of(), recipes(80, 9)
    ratios = []
    for seed in range(20):
        z = truth_of(physics, seed)
        truth = natural(physics.outcomes(at, z), 230.0)
        fit = fused(electrode_data, physics, made(physics, z, recipes(24, seed), seed), wrong)
        inputs = {name: wrong(i) for name, i in asked(electrode_data, fit, physics, at).items()}
        for name in LEARNED:
            mean = {"fused": fit.fused.predict(name, inputs[name]).mean, "plain": fit.fused.models["data"].predict(name, inputs[name]).mean}
            rmse = {model: float(np.sqrt(np.mean((value - truth[name][0]) ** 2))) for model, value in mean.items()}
            ratios.append(rmse["fused"] / rmse["plain"])
    by_lab = np.reshape(ratios, (20, len(LEARNED)))
    resampled = np.random.default_rng(0).integers(0, 20, (2000, 20))
    assert np.median(ratios) < 1.05
    assert np.quantile(np.median(by_lab[resampled].reshape(2000, -1), axis=1), 0.95) < 1.10


@pytest.mark.slow
def test_intervals_cover_what_they_say(electrode_data: ElectrodeData) -> None:
    physics, at, inside = lab_of(), recipes(30, 9), []
    for seed in range(20):
        z = truth_of(physics, seed)
        truth = natural(physics.outcomes(at, z), 230.0)
        fit = fused(electrode_data, physics, made(physics, z, recipes(12, seed), seed))
        inputs = asked(electrode_data, fit, physics, at)
        for name in LEARNED:
            found = fit.fused.predict(name, inputs[name])
            inside.extend(np.abs(truth[name][0] - found.mean) <= 1.645 * found.sd)
    assert len(inside) >= 2000
    assert 0.87 <= np.mean(inside) <= 0.98  # the truth is of the physics' own form here: a little wide; docs/decisions/0014-fusion.md has others


# Many rows.


def test_few_rows_stay_as_they_are(electrode_data: ElectrodeData) -> None:
    data = electrode_data.training("porosity").data
    assert merged("porosity", data) is data


def test_many_rows_are_merged_and_it_is_said() -> None:
    n, rng = MOST_ROWS + 400, np.random.default_rng(0)
    features = rng.uniform(size=(n, 4))
    inputs = Inputs(features, np.repeat([0.0, 6.0], n // 2), features[:, 0], features[:, :2])
    data = OutcomeData(inputs, 2.0 * features[:, 0], np.full(n, 0.1))
    with pytest.warns(ManyRowsWarning, match=rf"porosity has {n} rows, more than {MOST_ROWS}"):
        found = merged("porosity", data)
    assert len(found.values) <= MERGED_ROWS
    assert set(found.inputs.study) == {0.0, 6.0}
    np.testing.assert_allclose(found.values, 2.0 * found.inputs.physics)
    np.testing.assert_allclose(np.sum(found.noise_sd**-2.0), n / 0.1**2)
