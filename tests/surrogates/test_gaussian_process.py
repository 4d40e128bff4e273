"""Every surrogate passes the same tests; then what only the Gaussian processes promise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.composition import Array
from objectives.outcomes import LEARNED
from surrogates.gaussian_process import GaussianProcess, GaussianProcessPredictor, columns
from surrogates.protocol import Inputs, OutcomeData, Surrogate
from surrogates.sklearn_models import RandomForest, SklearnGaussianProcess
from surrogates.training import ElectrodeData

SURROGATES: tuple[Surrogate, ...] = (GaussianProcess(), GaussianProcess(physics=False), SklearnGaussianProcess(), RandomForest(trees=50))
PROCESSES = SURROGATES[:3]
FUSED = SURROGATES[:2]


def by_name(surrogates: tuple[Surrogate, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("surrogate", surrogates, ids=lambda surrogate: surrogate.name)


def points(n: int, *, seed: int = 0, study: Array | None = None, rank: int = 2) -> Inputs:
    """n points in a cube of four features, with a physics that the truth follows and directions of 1 %."""
    rng = np.random.default_rng(seed)
    features = rng.uniform(0.0, 1.0, (n, 4))
    physics = np.sin(3.0 * features[:, 0]) + 0.5 * features[:, 1]
    return Inputs(features, np.zeros(n) if study is None else study, physics, 0.01 * rng.standard_normal((n, rank)))


def smooth(n: int = 24, noise: float = 0.02, *, seed: int = 0, factor: float = 1.0) -> OutcomeData:
    """Rows of a smooth outcome that is ``factor`` times its physics, with a small discrepancy."""
    inputs = points(n, seed=seed)
    truth = factor * inputs.physics + 0.05 * np.cos(4.0 * inputs.features[:, 2])
    return OutcomeData(inputs, truth + noise * np.random.default_rng(seed + 1).standard_normal(n), np.full(n, noise))


def far_away() -> Inputs:
    return Inputs(np.full((1, 4), 6.0), np.zeros(1), np.ones(1), np.zeros((1, 2)))


# Conformance: the same for every surrogate.


def test_surrogates_have_distinct_names() -> None:
    assert len({surrogate.name for surrogate in SURROGATES}) == len(SURROGATES)


@by_name(SURROGATES)
@pytest.mark.parametrize("n", [1, 7])
def test_prediction_has_one_finite_number_a_point(surrogate: Surrogate, n: int) -> None:
    prediction = surrogate.fit(smooth(), 0).predict(points(n, seed=5))
    assert prediction.mean.shape == prediction.sd.shape == (n,)
    assert np.isfinite(prediction.mean).all()
    assert np.isfinite(prediction.sd).all()


@by_name(SURROGATES)
def test_prediction_is_never_certain(surrogate: Surrogate) -> None:
    assert (surrogate.fit(smooth(), 0).predict(points(50, seed=5)).sd > 0.0).all()


@by_name(SURROGATES)
def test_same_rows_and_seed_give_the_same_prediction(surrogate: Surrogate) -> None:
    once, again = (surrogate.fit(smooth(), 3).predict(points(20, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(once.mean, again.mean)
    np.testing.assert_array_equal(once.sd, again.sd)


@by_name(SURROGATES)
def test_prediction_of_a_point_does_not_depend_on_its_company(surrogate: Surrogate) -> None:
    predictor, inputs = surrogate.fit(smooth(), 0), points(20, seed=5)
    together, alone = predictor.predict(inputs), predictor.predict(inputs.take(np.array([4])))
    assert alone.mean[0] == pytest.approx(together.mean[4], abs=1e-9)
    assert alone.sd[0] == pytest.approx(together.sd[4], abs=1e-9)


@by_name(SURROGATES)
def test_prediction_follows_the_rows(surrogate: Surrogate) -> None:
    data = smooth(60)
    assert np.corrcoef(surrogate.fit(data, 0).predict(data.inputs).mean, data.values)[0, 1] > 0.95


@by_name(SURROGATES)
def test_one_row_is_enough(surrogate: Surrogate) -> None:
    data = smooth().take(np.array([0]))
    prediction = surrogate.fit(data, 0).predict(points(5, seed=5))
    assert np.isfinite(prediction.mean).all()
    assert surrogate.fit(data, 0).predict(data.inputs).mean[0] == pytest.approx(data.values[0], abs=0.1)


@by_name(SURROGATES)
def test_study_that_was_not_measured_can_be_asked(surrogate: Surrogate) -> None:
    prediction = surrogate.fit(smooth(), 0).predict(points(5, seed=5, study=np.full(5, -1.0)))
    assert np.isfinite(prediction.mean).all()


@by_name(SURROGATES)
@pytest.mark.parametrize("outcome", LEARNED)
def test_every_learned_outcome_of_the_bundled_data_can_be_fitted(electrode_data: ElectrodeData, surrogate: Surrogate, outcome: str) -> None:
    data = electrode_data.training(outcome).data
    prediction = surrogate.fit(data, 0).predict(data.inputs)
    assert np.isfinite(prediction.mean).all()
    assert float(np.sqrt(np.mean((prediction.mean - data.values) ** 2))) < float(np.std(data.values))


# What the Gaussian processes promise beyond that.


@by_name(PROCESSES)
def test_process_interpolates_rows_without_noise(surrogate: Surrogate) -> None:
    data = smooth(noise=2e-3)
    prediction = surrogate.fit(data, 0).predict(data.inputs)
    np.testing.assert_allclose(prediction.mean, data.values, atol=6e-3)
    assert prediction.sd.max() < 3e-3


@by_name(PROCESSES)
def test_process_knows_less_far_from_its_rows(surrogate: Surrogate) -> None:
    data = smooth()
    predictor = surrogate.fit(data, 0)
    assert predictor.predict(far_away()).sd[0] > 2.0 * predictor.predict(data.inputs).sd.max()


@by_name(PROCESSES)
def test_noisier_rows_are_followed_less(surrogate: Surrogate) -> None:
    data = smooth()
    values = data.values.copy()
    values[3] += 0.5
    quiet, loud = (
        surrogate.fit(OutcomeData(data.inputs, values, np.where(np.arange(24) == 3, sd, data.noise_sd)), 0).predict(data.inputs).mean[3]
        for sd in (0.02, 2.0)
    )
    assert abs(loud - data.values[3]) < abs(quiet - data.values[3])


@by_name(FUSED)
def test_outcome_that_nobody_measured_keeps_its_prior(surrogate: Surrogate) -> None:
    prediction = surrogate.fit(smooth().take(np.zeros(0, dtype=int)), 0).predict(points(6, seed=5))
    expected = points(6, seed=5).physics if surrogate.name == "gp" else np.zeros(6)
    np.testing.assert_allclose(prediction.mean, expected, atol=1e-6)
    assert (prediction.sd > 0.1).all()


@pytest.mark.parametrize(
    "surrogate",
    [
        SklearnGaussianProcess(),
        RandomForest(),
    ],
    ids=lambda surrogate: surrogate.name,
)
def test_model_of_the_data_alone_refuses_no_data(surrogate: Surrogate) -> None:
    with pytest.raises(ValueError, match="needs at least one measured row, got none"):
        surrogate.fit(smooth().take(np.zeros(0, dtype=int)), 0)


@by_name(FUSED)
def test_predict_is_the_marginal_of_botorchs_posterior(surrogate: Surrogate) -> None:
    studies = np.repeat([0.0, 1.0, -1.0], 8)
    data, inputs = smooth(), points(24, seed=9, study=studies)
    predictor = surrogate.fit(data, 0)
    assert isinstance(predictor, GaussianProcessPredictor)
    prediction = predictor.predict(inputs)
    with torch.no_grad():
        posterior = predictor.model.posterior(columns(inputs))
        np.testing.assert_allclose(prediction.mean, predictor.unscaled(posterior.mean.squeeze(-1).numpy()), atol=1e-6)
        np.testing.assert_allclose(prediction.sd, predictor.spread * posterior.variance.squeeze(-1).sqrt().numpy(), atol=1e-6)


@pytest.mark.parametrize("outcome", LEARNED)
def test_predict_is_the_marginal_of_botorchs_posterior_on_the_bundled_data(electrode_data: ElectrodeData, outcome: str) -> None:
    data = electrode_data.training(outcome).data
    predictor = GaussianProcess().fit(data, 0)
    prediction = predictor.predict(data.inputs)
    with torch.no_grad():
        posterior = predictor.model.posterior(columns(data.inputs))
        np.testing.assert_allclose(prediction.mean, posterior.mean.squeeze(-1).numpy(), atol=1e-6)
        np.testing.assert_allclose(prediction.sd, posterior.variance.squeeze(-1).sqrt().numpy(), atol=1e-6)


@by_name(FUSED)
@given(seed=st.integers(0, 2**16))
@settings(max_examples=5, deadline=None)
def test_joint_covariance_is_positive(surrogate: Surrogate, seed: int) -> None:
    inputs = points(12, seed=seed, study=np.random.default_rng(seed).integers(-1, 3, 12).astype(float))
    with torch.no_grad():
        covariance = surrogate.fit(smooth(8), 0).model.posterior(columns(inputs)).mvn.covariance_matrix  # type: ignore[attr-defined]
    assert float(torch.linalg.eigvalsh(covariance).min()) > -1e-8


def test_samples_point_by_point_have_the_marginals_and_move_together() -> None:
    predictor = GaussianProcess().fit(smooth(), seed=0)
    asked, found = points(5, seed=9), predictor.sample(points(5, seed=9), 4096, 3, joint=False)
    expected = predictor.predict(asked)
    assert found.mean(axis=0) == pytest.approx(expected.mean, abs=1e-3)
    assert found.std(axis=0) == pytest.approx(expected.sd, rel=0.01)
    assert np.corrcoef(found.T).min() > 0.999999


def test_diagonal_of_the_kernel_is_that_of_its_matrix() -> None:
    kernel = GaussianProcess().fit(smooth(), 0).model.covar_module
    x = columns(points(9, seed=2, study=np.arange(9.0) - 1.0))
    with torch.no_grad():
        np.testing.assert_allclose(kernel(x, diag=True).numpy(), kernel(x).to_dense().diagonal().numpy(), rtol=1e-9)


def test_learned_scale_moves_towards_physics_that_is_off_by_a_factor() -> None:
    low, right, high = (GaussianProcess().fit(smooth(factor=factor), 0).hyperparameters()["physics_scale"] for factor in (0.7, 1.0, 1.3))
    assert 0.7 < low < right - 1e-3
    assert right + 1e-3 < high < 1.3


def test_learned_scale_stays_at_one_where_the_physics_is_right() -> None:
    assert GaussianProcess().fit(smooth(), 0).hyperparameters()["physics_scale"] == pytest.approx(1.0, abs=0.1)


def test_process_without_physics_does_not_read_it() -> None:
    data = smooth()
    shifted = OutcomeData(
        Inputs(data.inputs.features, data.inputs.study, 7.0 - data.inputs.physics, data.inputs.directions), data.values, data.noise_sd
    )
    once, again = (GaussianProcess(physics=False).fit(rows, 0).predict(rows.inputs) for rows in (data, shifted))
    np.testing.assert_array_equal(once.mean, again.mean)


def test_process_with_physics_extrapolates_along_it() -> None:
    data = smooth()
    fused, plain = (surrogate.fit(data, 0).predict(far_away()).mean[0] for surrogate in FUSED)
    assert abs(fused - 1.0) < 0.3  # the physics there
    assert fused != plain


def test_uncertainty_of_the_calibration_widens_the_prediction() -> None:
    inputs = points(4, seed=5, study=np.full(4, -1.0))
    wide = Inputs(inputs.features, inputs.study, inputs.physics, np.full((4, 2), 0.5))
    predictor = GaussianProcess().fit(smooth(), 0)
    assert (predictor.predict(wide).sd > predictor.predict(inputs).sd).all()


@pytest.mark.parametrize(("factor", "shift"), [(1e4, 3e5), (1e-6, -2e-6)])
def test_process_without_physics_knows_no_unit(factor: float, shift: float) -> None:
    data, asked_at = smooth(), points(5, seed=11)
    moved = OutcomeData(data.inputs, factor * data.values + shift, factor * data.noise_sd)
    usual, other = (GaussianProcess(physics=False).fit(rows, 0).predict(asked_at) for rows in (data, moved))
    np.testing.assert_allclose(other.mean, factor * usual.mean + shift, rtol=1e-5, atol=1e-5 * factor)
    np.testing.assert_allclose(other.sd, factor * usual.sd, rtol=1e-4)


# Studies.


def two_studies(shift: float) -> OutcomeData:
    """Rows of two studies over the same recipes, study 1 shifted; quiet rows."""
    inputs = points(12, seed=3)
    both = Inputs(*(np.concatenate([part, part]) for part in (inputs.features, inputs.study, inputs.physics, inputs.directions)))
    study = np.repeat([0.0, 1.0], 12)
    values = both.physics + shift * study
    return OutcomeData(Inputs(both.features, study, both.physics, np.zeros_like(both.directions)), values, np.full(24, 0.02))


def asked(study: float) -> Inputs:
    inputs = points(10, seed=8, study=np.full(10, study))
    return Inputs(inputs.features, inputs.study, inputs.physics, np.zeros_like(inputs.directions))


def test_study_gets_its_own_offset_back() -> None:
    predictor = GaussianProcess().fit(two_studies(0.4), 0)
    offset = predictor.predict(asked(1.0)).mean - predictor.predict(asked(0.0)).mean
    np.testing.assert_allclose(offset, 0.4, atol=0.1)


def test_new_study_lies_between_the_measured_ones() -> None:
    predictor = GaussianProcess().fit(two_studies(0.4), 0)
    low, new, high = (predictor.predict(asked(study)).mean.mean() for study in (0.0, -1.0, 1.0))
    assert low + 1e-3 < new < high - 1e-3


def test_new_study_is_less_sure_than_a_measured_one() -> None:
    predictor = GaussianProcess().fit(two_studies(0.4), 0)
    assert (predictor.predict(asked(-1.0)).sd > 2.0 * predictor.predict(asked(1.0)).sd).all()


def test_studies_that_agree_make_a_new_one_surer() -> None:
    agree, differ = (GaussianProcess().fit(two_studies(shift), 0).predict(asked(-1.0)).sd.mean() for shift in (0.0, 0.4))
    assert agree < differ
