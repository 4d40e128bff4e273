"""Measured rows as training data: natural scale, noise, the calibration's directions, and inputs of any recipe."""

import math

import numpy as np
import pytest

from objectives.calibration import load_calibration
from objectives.composition import Array
from objectives.electrode import TAU_CAP, UTILISATION_REFERENCE
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.physics import Conditions, Physics, find_study
from surrogates.calibration.fit import Problem
from surrogates.training import PRIOR_REPLICATES, REPEATABILITY, ElectrodeData

RECIPES = np.array([[85.0, 5.0, 1.5, 2.34], [75.0, 0.0, 3.0, 0.0], [80.0, 10.0, 1.0, 3.0]])


def rows_of(data: ElectrodeData, outcome: str, text: str) -> list[int]:
    return [i for i, target in enumerate(data.training(outcome).targets) if text in target.name]


@pytest.mark.parametrize(
    ("outcome", "rows"), [("porosity", 18), ("ionic_tortuosity_factor", 23), ("electronic_tortuosity_factor", 11), ("discharge_capacity", 24)]
)
def test_every_measured_row_of_an_outcome_is_training_data(electrode_data: ElectrodeData, outcome: str, rows: int) -> None:
    training = electrode_data.training(outcome)
    assert len(training.targets) == len(training.data.values) == len(training.data.inputs) == rows


@pytest.mark.parametrize("outcome", LEARNED)
def test_training_data_are_finite_with_positive_noise(electrode_data: ElectrodeData, outcome: str) -> None:
    data = electrode_data.training(outcome).data
    for array in (data.values, data.inputs.features, data.inputs.physics, data.inputs.directions):
        assert np.isfinite(array).all()
    assert (data.noise_sd > 0.0).all()


def test_primary_rows_alone_are_the_reference_papers(problem: Problem) -> None:
    primary = ElectrodeData(problem, load_calibration(), evidence=("primary",))
    for outcome in LEARNED:
        assert {target.study for target in primary.training(outcome).targets} <= {"kim2025"}
    assert len(primary.training("discharge_capacity").targets) == 6


def test_outcome_without_rows_has_empty_training_data(problem: Problem) -> None:
    training = ElectrodeData(problem, load_calibration(), evidence=("primary",)).training("ionic_tortuosity_factor")
    assert training.targets == ()
    assert training.data.values.shape == training.data.noise_sd.shape == (0,)


def test_porosity_and_capacity_are_the_reported_numbers(electrode_data: ElectrodeData) -> None:
    porosity, capacity = electrode_data.training("porosity"), electrode_data.training("discharge_capacity")
    back = OUTCOMES["porosity"].from_natural(porosity.data.values)
    np.testing.assert_allclose(100.0 * back, [target.value for target in porosity.targets])
    for target, share in zip(capacity.targets, 1.0 / (1.0 + np.exp(-capacity.data.values)), strict=True):
        q_ref = UTILISATION_REFERENCE["NCM622" if target.study == "minnmann2021" else "NCM811"]
        assert share * q_ref == pytest.approx(target.value)


def test_tau_that_was_reported_is_itself(electrode_data: ElectrodeData) -> None:
    training = electrode_data.training("ionic_tortuosity_factor")
    for target, value in zip(training.targets, training.data.values, strict=True):
        if target.observe == "ionic_tortuosity_factor":
            assert math.exp(value) == pytest.approx(target.value)


def conductivity_of(problem: Problem, outcome: str, member: int, log_tau: float) -> float:
    """Return phi sigma_0 / tau of a panel electrode, mS/cm."""
    o = problem.panel.evaluate(load_calibration().parameters())
    phi, sigma_0 = (o.phi_se, o.sigma_0_ionic) if outcome == "ionic_tortuosity_factor" else (o.phi_am, o.sigma_0_electronic)
    return float(phi[member] * np.broadcast_to(sigma_0, phi.shape)[member] / math.exp(log_tau))


@pytest.mark.parametrize(
    "outcome",
    [
        "ionic_tortuosity_factor",
        "electronic_tortuosity_factor",
    ],
)
def test_tau_of_a_measured_conductivity_gives_it_back(problem: Problem, electrode_data: ElectrodeData, outcome: str) -> None:
    training = electrode_data.training(outcome)
    for target, value in zip(training.targets, training.data.values, strict=True):
        sigma = conductivity_of(problem, outcome, target.members[0], float(value))
        if target.observe.endswith("conductivity"):
            assert sigma == pytest.approx(target.value), target.name
        elif target.observe == "electronic_resistivity":
            assert 1e3 / sigma == pytest.approx(target.value), target.name


def test_tau_of_a_measured_conductivity_below_the_cap_gives_it_back(problem: Problem, electrode_data: ElectrodeData) -> None:
    outcome = "electronic_tortuosity_factor"
    training = electrode_data.training(outcome)
    below = [i for i, physics in enumerate(training.data.inputs.physics) if physics < math.log(TAU_CAP)]
    assert len(below) >= 7
    for i in below:
        sigma = conductivity_of(problem, outcome, training.targets[i].members[0], float(training.data.values[i]))
        measured = training.targets[i].value
        assert sigma == pytest.approx(1e3 / measured if training.targets[i].observe == "electronic_resistivity" else measured)


def test_worse_electronic_conductor_never_has_the_lower_tau(electrode_data: ElectrodeData) -> None:
    training = electrode_data.training("electronic_tortuosity_factor")
    lee = [(target.value, value) for target, value in zip(training.targets, training.data.values, strict=True) if target.study == "lee2026"]
    values = [value for _, value in sorted(lee)]
    assert values == sorted(values, reverse=True)


def test_physics_beside_a_row_is_the_closed_forms(problem: Problem, electrode_data: ElectrodeData) -> None:
    outcomes = problem.panel.evaluate(load_calibration().parameters())
    training = electrode_data.training("porosity")
    members = [target.members[0] for target in training.targets]
    np.testing.assert_allclose(OUTCOMES["porosity"].from_natural(training.data.inputs.physics), outcomes.porosity[members])


# Noise.


def test_replicates_move_the_noise_of_the_outcome_they_were_made_of(electrode_data: ElectrodeData) -> None:
    prior = REPEATABILITY["ionic_tortuosity_factor"]
    logs = np.log([[0.123, 0.135, 0.153], [0.105, 0.101, 0.098], [0.079, 0.063, 0.054]])  # Bazzoun 2026, three replicates each
    squares = float((((logs - logs.mean(axis=1, keepdims=True)) / prior) ** 2).sum())
    pooled = prior * math.sqrt((PRIOR_REPLICATES + squares) / (PRIOR_REPLICATES + 6.0))
    training = electrode_data.training("ionic_tortuosity_factor")
    rows = rows_of(electrode_data, "ionic_tortuosity_factor", "replicate")
    np.testing.assert_allclose(training.data.noise_sd[rows], [max(pooled, training.targets[row].sd) for row in rows])
    assert pooled > prior


def test_outcome_without_replicates_has_the_noise_of_its_study(electrode_data: ElectrodeData) -> None:
    training = electrode_data.training("electronic_tortuosity_factor")
    row = rows_of(electrode_data, "electronic_tortuosity_factor", "95:5")[0]
    assert training.data.noise_sd[row] == training.targets[row].sd == 0.30 > REPEATABILITY["electronic_tortuosity_factor"]


def test_no_row_is_less_noisy_than_the_calibration_takes_it_for(electrode_data: ElectrodeData) -> None:
    for outcome in LEARNED:
        training = electrode_data.training(outcome)
        for target, sd, value in zip(training.targets, training.data.noise_sd, training.data.values, strict=True):
            share = 1.0 / (1.0 + math.exp(-value))
            width = {"porosity": 100.0, "discharge_capacity": target.value / share}.get(outcome, 0.0) * share * (1.0 - share) or 1.0
            assert sd * width >= target.sd * (1.0 - 1e-9), target.name


def test_repeatability_of_capacity_is_relative(electrode_data: ElectrodeData) -> None:
    training = electrode_data.training("discharge_capacity")
    [row] = [i for i, t in enumerate(training.targets) if t.name == "Model 4, 75 wt%"]
    share = 204.25 / UTILISATION_REFERENCE["NCM811"]
    assert training.data.noise_sd[row] == pytest.approx(0.025 / (1.0 - share))  # d logit = d ln q / (1 - share)


def test_repeatability_of_porosity_is_in_points(electrode_data: ElectrodeData) -> None:
    [row] = rows_of(electrode_data, "porosity", "Model 4, 75 wt%")
    assert electrode_data.training("porosity").data.noise_sd[row] == pytest.approx(0.008 / (0.116 * 0.884))


def test_stated_error_above_the_repeatability_is_taken(electrode_data: ElectrodeData) -> None:
    for outcome in LEARNED:
        training = electrode_data.training(outcome)
        for target, sd, value in zip(training.targets, training.data.noise_sd, training.data.values, strict=True):
            if not math.isnan(target.relative_sd):
                share = 1.0 / (1.0 + math.exp(-value))
                stated = target.relative_sd / (1.0 - share) if outcome in ("porosity", "discharge_capacity") else target.relative_sd
                assert sd >= stated - 1e-12


# Slopes of the physics, and what is known of its numbers without the rows.


@pytest.mark.parametrize("outcome", LEARNED)
def test_slopes_are_how_the_physics_changes(electrode_data: ElectrodeData, outcome: str) -> None:
    physics = Physics(find_study("new"))
    inputs = electrode_data.at(physics, RECIPES)[outcome]
    step = 0.01 * np.random.default_rng(0).standard_normal(len(electrode_data.point))
    moved = electrode_data.around(electrode_data.point + step).at(physics, RECIPES)[outcome].physics
    np.testing.assert_allclose(moved - inputs.physics, inputs.directions @ step, atol=5e-3)


@pytest.mark.parametrize("outcome", ["porosity", "ionic_tortuosity_factor", "discharge_capacity"])
def test_variance_along_the_slopes_is_that_of_draws(electrode_data: ElectrodeData, outcome: str) -> None:
    physics = Physics(find_study("new"))
    drawn = OUTCOMES[outcome].to_natural(np.asarray(getattr(physics.draws(RECIPES, 4000, seed=0), outcome)))
    slopes = electrode_data.at(physics, RECIPES)[outcome].directions
    linear = np.sqrt(((slopes @ electrode_data.calibration.root) ** 2).sum(axis=1))
    np.testing.assert_allclose(linear, drawn.std(axis=0), rtol=0.35)  # first order


def test_only_a_studys_own_offsets_move_it(electrode_data: ElectrodeData) -> None:
    names = [prior.name for prior in electrode_data.calibration.priors]
    measured, new = (electrode_data.at(Physics(find_study(name)), RECIPES)["porosity"].directions for name in ("lee2026", "new"))
    assert (np.abs(new[:, names.index("new.offset_porosity")]) > 0.1).all()
    assert (np.abs(measured[:, names.index("lee2026.offset_porosity")]) > 0.1).all()
    assert not measured[:, names.index("new.offset_porosity")].any()
    assert not new[:, names.index("lee2026.offset_porosity")].any()


def test_prior_leaves_out_what_the_rows_taught(electrode_data: ElectrodeData) -> None:
    size = len(electrode_data.problem.priors)
    before, after = np.diag(electrode_data.prior.covariance)[:size], np.diag(electrode_data.calibration.covariance)[:size]
    assert (after <= before + 1e-6).all()
    assert after.sum() < 0.8 * before.sum()
    assert before.max() <= 1.0 + 1e-9


def test_prior_without_any_row_is_the_priors(problem: Problem) -> None:
    alone = ElectrodeData(problem, load_calibration(), use=lambda target: False)
    np.testing.assert_allclose(alone.prior.covariance, np.eye(len(alone.prior.mean)), atol=1e-12)
    np.testing.assert_allclose(alone.prior.mean, 0.0, atol=1e-12)


# Inputs of any recipe.


def test_inputs_at_recipes_have_one_row_a_recipe(electrode_data: ElectrodeData) -> None:
    inputs = electrode_data.at(Physics(find_study("kim2025")), RECIPES)
    assert tuple(inputs) == LEARNED
    assert {name: len(value) for name, value in inputs.items()} == dict.fromkeys(LEARNED, 3)


def test_physics_at_recipes_is_the_closed_form_on_the_natural_scale(electrode_data: ElectrodeData) -> None:
    physics = Physics(find_study("kim2025"))
    inputs, outcomes = electrode_data.at(physics, RECIPES), physics.outcomes(RECIPES)
    for name in LEARNED:
        np.testing.assert_allclose(OUTCOMES[name].from_natural(inputs[name].physics), getattr(outcomes, name), rtol=1e-9)


def test_measured_cell_has_the_inputs_of_its_own_recipe(electrode_data: ElectrodeData) -> None:
    [row] = rows_of(electrode_data, "porosity", "Model 4, 85 wt%")
    trained = electrode_data.training("porosity").data.inputs.take(np.array([row]))
    asked = electrode_data.at(Physics(find_study("kim2025")), RECIPES[:1])["porosity"]
    for one, other in zip(vars(trained).values(), vars(asked).values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize(("name", "index"), [("kim2025", 0.0), ("lee2026", 1.0), ("new", 6.0)])
def test_study_is_an_index_and_a_new_one_comes_after_all(electrode_data: ElectrodeData, name: str, index: float) -> None:
    assert set(electrode_data.at(Physics(find_study(name)), RECIPES)["porosity"].study) == {index}


@pytest.mark.parametrize(("outcome", "count"), [("discharge_capacity", 6), ("porosity", 4), ("ionic_tortuosity_factor", 4)])
def test_conditions_of_the_test_reach_the_capacity_only(electrode_data: ElectrodeData, outcome: str, count: int) -> None:
    slow, fast = (electrode_data.at(Physics(find_study("new"), Conditions(c_rate=rate)), RECIPES)[outcome].features for rate in (0.05, 0.5))
    assert slow.shape == (3, count)
    assert (slow != fast).any() == (outcome == "discharge_capacity")


def test_features_of_the_reference_space_are_of_order_one(electrode_data: ElectrodeData) -> None:
    corners = np.array([[am, c, d, v] for am in (70.0, 92.0) for c in (0.0, 8.0) for d in (0.5, 20.0) for v in (0.0, 5.0)])
    features: Array = electrode_data.at(Physics(find_study("new")), corners)["discharge_capacity"].features
    assert features.min() >= -1e-9
    assert features.max() <= 1.0 + 1e-9
