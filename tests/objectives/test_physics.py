"""Physics of one lab: conditions, studies, latents and draws."""

import numpy as np
import pytest

from objectives.calibration import load_calibration
from objectives.energy import Stack
from objectives.physics import Conditions, Physics, find_study

MODEL_4 = np.array([[85.0, 5.0, 1.5, 2.34], [75.0, 5.0, 1.5, 2.34]])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature_c", 200.0, r"^temperature_c must be between -40 and 120 C, got 200; correct it in the campaign or the option$"),
        ("temperature_c", -41.0, "got -41"),
        ("c_rate", 0.0, r"c_rate must be between 0\.001 and 10 1/h, got 0"),
        ("pressure_mpa", 5.0, "pressure_mpa must be between 10 and 1000 MPa, got 5"),
        ("loading_mg_cm2", 500.0, "loading_mg_cm2 must be between 1 and 200 mg/cm2, got 500"),
        ("loading_mg_cm2", float("nan"), "got nan"),
    ],
)
def test_condition_out_of_range_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conditions(**{name: value})


@pytest.mark.parametrize("conditions", [{"temperature_c": -40.0}, {"temperature_c": 120.0}, {"c_rate": 10.0}, {"pressure_mpa": 10.0}])
def test_condition_at_its_bound_is_accepted(conditions: dict[str, float]) -> None:
    assert vars(Conditions(**conditions)).items() >= conditions.items()


def test_default_conditions_are_the_reference_papers() -> None:
    assert Conditions() == Conditions(temperature_c=60.0, c_rate=0.05, pressure_mpa=500.0, loading_mg_cm2=30.6)


def test_outcomes_have_one_value_a_recipe() -> None:
    outcomes = Physics(find_study("kim2025")).outcomes(MODEL_4)
    assert outcomes.discharge_capacity.shape == (2,)


def test_draws_have_one_row_a_draw() -> None:
    assert Physics(find_study("kim2025")).draws(MODEL_4, 7, seed=0).discharge_capacity.shape == (7, 2)


def test_draws_scatter_around_the_minimum() -> None:
    physics = Physics(find_study("kim2025"))
    drawn, middle = physics.draws(MODEL_4, 2000, seed=0).porosity, physics.outcomes(MODEL_4).porosity
    assert np.abs(drawn.mean(axis=0) - middle).max() < 0.2 * drawn.std(axis=0).max()


def test_study_offset_enters_its_outcome() -> None:
    calibration = load_calibration()
    offset = float(calibration.parameters()["kim2025.offset_porosity"])
    kim, new = (Physics(find_study(name)).outcomes(MODEL_4).porosity for name in ("kim2025", "new"))
    np.testing.assert_allclose(kim / new, np.exp(offset))


def test_latent_of_a_study_takes_its_calibrated_value() -> None:
    physics = Physics(find_study("schlautmann2023"))
    radius = physics.electrodes(MODEL_4, physics.calibration.parameters()).arrays()["am_radius_um"]
    assert radius == load_calibration().parameters()["schlautmann2023.am_radius_um"]


def test_conditions_stand_above_what_the_study_fixes_or_leaves_open() -> None:
    physics = Physics(find_study("minnmann2021"), Conditions(loading_mg_cm2=20.0, pressure_mpa=300.0))
    fields = physics.electrodes(MODEL_4, physics.calibration.parameters()).arrays()
    assert (float(fields["loading_mg_cm2"]), float(fields["pressure_mpa"])) == (20.0, 300.0)


def test_recipe_stands_above_a_latent_se_size() -> None:
    physics = Physics(find_study("cho2024"))
    fields = physics.electrodes(MODEL_4, physics.calibration.parameters()).arrays()
    np.testing.assert_array_equal(fields["se_particle_um"], MODEL_4[:, 2])


def test_stack_reaches_the_energies() -> None:
    thin, thick = (Physics(find_study("new"), stack=Stack(separator_um=um)).outcomes(MODEL_4) for um in (20.0, 40.0))
    assert (thin.volumetric_energy_density > thick.volumetric_energy_density).all()
    np.testing.assert_array_equal(thin.discharge_capacity, thick.discharge_capacity)


def test_percolation_margin_is_that_of_the_outcomes() -> None:
    physics = Physics(find_study("new"))
    np.testing.assert_array_equal(physics.percolation_margin(MODEL_4), physics.outcomes(MODEL_4).percolation_margin)


@pytest.mark.parametrize("name", ["kim2025", "lee2026", "schlautmann2023", "minnmann2021", "bazzoun2026", "cho2024", "new"])
def test_every_study_can_be_asked_for_any_recipe(name: str) -> None:
    outcomes = Physics(find_study(name)).outcomes(MODEL_4)
    assert all(np.isfinite(values).all() for values in outcomes)
