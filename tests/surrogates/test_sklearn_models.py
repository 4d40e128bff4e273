"""What only the scikit-learn baselines promise; the conformance suite is in test_gaussian_process.py."""

import numpy as np
import pytest

from surrogates.protocol import Inputs, OutcomeData
from surrogates.sklearn_models import RandomForest, SklearnGaussianProcess


def rows(n: int = 30, seed: int = 0) -> OutcomeData:
    rng = np.random.default_rng(seed)
    features, study = rng.uniform(0.0, 1.0, (n, 3)), rng.integers(0, 2, n).astype(float)
    return OutcomeData(Inputs(features, study, np.zeros(n), np.zeros((n, 1))), 2.0 * features[:, 0] + 0.5 * study, np.full(n, 0.05))


def test_forest_stays_within_what_it_has_seen() -> None:
    data = rows()
    far = Inputs(np.full((1, 3), 50.0), np.zeros(1), np.zeros(1), np.zeros((1, 1)))
    assert data.values.min() <= RandomForest(20).fit(data, 0).predict(far).mean[0] <= data.values.max()


def test_forest_depends_on_its_seed() -> None:
    data = rows()
    one, other = (RandomForest(20).fit(data, seed).predict(data.inputs).mean for seed in (0, 1))
    assert (one != other).any()


def test_forest_hears_quiet_rows_more() -> None:
    data = rows()
    values, noise = data.values.copy(), data.noise_sd.copy()
    values[0] += 5.0
    heard = RandomForest(100).fit(OutcomeData(data.inputs, values, noise), 0).predict(data.inputs).mean[0]
    noise[0] = 50.0
    ignored = RandomForest(100).fit(OutcomeData(data.inputs, values, noise), 0).predict(data.inputs).mean[0]
    assert abs(ignored - data.values[0]) < abs(heard - data.values[0])


@pytest.mark.parametrize("surrogate", [SklearnGaussianProcess(), RandomForest(100)], ids=lambda surrogate: surrogate.name)
def test_study_is_an_input(surrogate: SklearnGaussianProcess | RandomForest) -> None:
    data = rows(60)
    predictor = surrogate.fit(data, 0)
    first, second = (
        predictor.predict(Inputs(data.inputs.features, np.full(60, study), data.inputs.physics, data.inputs.directions)).mean for study in (0.0, 1.0)
    )
    assert (second - first).mean() == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize("surrogate", [SklearnGaussianProcess(), RandomForest(20)], ids=lambda surrogate: surrogate.name)
def test_baseline_does_not_read_the_physics(surrogate: SklearnGaussianProcess | RandomForest) -> None:
    data = rows()
    told = OutcomeData(Inputs(data.inputs.features, data.inputs.study, data.values, data.inputs.directions), data.values, data.noise_sd)
    once, again = (surrogate.fit(d, 0).predict(d.inputs).mean for d in (data, told))
    np.testing.assert_array_equal(once, again)


def test_process_of_constant_rows_is_constant() -> None:
    data = rows()
    flat = OutcomeData(data.inputs, np.full(30, 1.5), data.noise_sd)
    np.testing.assert_allclose(SklearnGaussianProcess().fit(flat, 0).predict(data.inputs).mean, 1.5, atol=1e-6)
