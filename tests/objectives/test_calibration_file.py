"""The calibration as a file: written, read, drawn from, and never stale."""

import json
from pathlib import Path

import numpy as np
import pytest

from objectives.calibration import FILE, Calibration, CalibrationError, all_priors, load_calibration, parse, to_parameters
from objectives.physics import Physics, find_study
from objectives.studies import NEW_STUDY_OFFSET_SD, OFFSETS, load_priors, load_studies, read_data
from surrogates.calibration.fit import fingerprint

SHIPPED = load_calibration()


def test_shipped_calibration_is_made_from_the_bundled_data() -> None:
    assert SHIPPED.fingerprint == fingerprint(), "run glittercake calibrate"


def test_shipped_calibration_has_every_prior_as_it_is_now() -> None:
    assert SHIPPED.priors == all_priors()


def test_priors_are_parameters_then_latents_and_offsets_by_study() -> None:
    names = [prior.name for prior in all_priors()]
    assert names[: len(load_priors())] == [prior.name for prior in load_priors()]
    latents = sum(len(study.latents) for study in load_studies().values())
    offsets = sum(len(study.offset_sd) for study in load_studies().values())
    assert len(names) == len(set(names)) == len(load_priors()) + latents + offsets == 59


def test_shipped_text_reads_back_as_the_same_numbers() -> None:
    again = parse(SHIPPED.dumps())
    assert again.priors == SHIPPED.priors
    assert again.fingerprint == SHIPPED.fingerprint
    np.testing.assert_array_equal(again.z, SHIPPED.z)
    np.testing.assert_array_equal(again.covariance, SHIPPED.covariance)


def test_shipped_text_is_what_writing_it_again_gives() -> None:
    assert parse(read_data(FILE)).dumps() == read_data(FILE)


def test_values_in_the_file_are_those_of_its_z() -> None:
    table = json.loads(read_data(FILE))["parameters"]
    for name, value in SHIPPED.parameters().items():
        assert table[name]["value"] == pytest.approx(float(value), rel=1e-4, abs=1e-5)


def test_calibration_is_read_from_a_given_file(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(SHIPPED.dumps().replace(SHIPPED.fingerprint, "0123456789abcdef"), encoding="utf-8")
    assert load_calibration(file).fingerprint == "0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"fingerprint": "x", "parameters": {"K0": {"z": 0.1}}, "covariance_lower": [[1.0]]}',
        '{"fingerprint": "x", "parameters": {}, "covariance_lower": [[1.0]]}',
    ],
)
def test_broken_calibration_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(CalibrationError, match=r"not one that `glittercake calibrate` wrote .*; run it again"):
        parse(text)


def test_calibration_without_some_covariance_rows_is_refused() -> None:
    data = json.loads(SHIPPED.dumps())
    data["covariance_lower"] = data["covariance_lower"][:-1]
    with pytest.raises(CalibrationError, match="run it again"):
        parse(json.dumps(data))


def test_covariance_is_symmetric_and_positive() -> None:
    np.testing.assert_array_equal(SHIPPED.covariance, SHIPPED.covariance.T)
    assert np.linalg.eigvalsh(SHIPPED.covariance).min() > 0.0


def test_no_number_is_less_certain_than_its_prior() -> None:
    assert np.linalg.eigvalsh(SHIPPED.covariance).max() <= 1.0 + 1e-5


def test_draws_have_the_calibrations_mean_and_covariance() -> None:
    n = 20_000
    draws = SHIPPED.draws(n, seed=0)
    sd = np.sqrt(np.diag(SHIPPED.covariance))
    assert np.abs((draws.mean(axis=0) - SHIPPED.z) / sd).max() < 5.0 / np.sqrt(n)
    correlation_error = (np.cov(draws.T) - SHIPPED.covariance) / np.outer(sd, sd)
    assert np.abs(correlation_error).max() < 7.0 / np.sqrt(n)  # sd of a variance is sqrt(2/n), over 1770 entries


def test_draws_depend_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(SHIPPED.draws(5, seed=3), SHIPPED.draws(5, seed=3))
    assert (SHIPPED.draws(5, seed=3) != SHIPPED.draws(5, seed=4)).all()


def test_linear_prior_moves_by_its_spread_and_log_prior_by_its_factor() -> None:
    priors = all_priors()
    moved = to_parameters(priors, np.ones(len(priors)))
    assert moved["V"] == pytest.approx(3.716 + 0.05)
    assert moved["sAM"] == pytest.approx(3.0 * 2.0)


def test_parameters_of_several_z_are_columns() -> None:
    z = SHIPPED.draws(3, seed=0)
    together = SHIPPED.parameters(z)
    assert {value.shape for value in together.values()} == {(3, 1)}
    assert together["K0"][2, 0] == SHIPPED.parameters(z[2])["K0"]


def test_new_study_adds_four_offsets_at_zero_with_their_priors() -> None:
    new = SHIPPED.with_new_study()
    added = new.priors[len(SHIPPED.priors) :]
    assert [prior.name for prior in added] == [f"new.offset_{kind}" for kind in OFFSETS]
    assert [prior.spread for prior in added] == [NEW_STUDY_OFFSET_SD[kind] for kind in OFFSETS]
    np.testing.assert_array_equal(new.z[-4:], 0.0)
    np.testing.assert_array_equal(new.covariance[-4:], np.eye(len(new.z))[-4:])
    np.testing.assert_array_equal(new.covariance[:-4, :-4], SHIPPED.covariance)


def test_new_study_is_added_once() -> None:
    new = SHIPPED.with_new_study()
    assert new.with_new_study() is new


@pytest.mark.parametrize("outcome", ["porosity", "ionic_tortuosity_factor", "discharge_capacity"])
def test_new_study_is_less_certain_than_a_measured_one(outcome: str) -> None:
    recipe = np.array([[75.0, 5.0, 1.5, 2.34]])
    own, new = (np.std(getattr(Physics(find_study(name)).draws(recipe, 400, seed=0), outcome)) for name in ("lee2026", "new"))
    assert new > 1.2 * own


def test_file_names_the_fingerprint_first(tmp_path: Path) -> None:
    plain = Calibration(SHIPPED.priors[:1], np.zeros(1), np.eye(1), "abc")
    assert json.loads(plain.dumps()) == {
        "fingerprint": "abc",
        "parameters": {"K0": {"value": 0.0015, "z": 0.0, "z_sd": 1.0, "prior": {"value": 0.0015, "spread": 1.35, "scale": "log"}}},
        "covariance_lower": [[1.0]],
    }
