"""The whole closed form over the whole box (AM 40-95, coating 0-25, SE 0.5-40 um, VGCF 0-5) and twenty draws of its calibration."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from objectives.calibration import load_calibration
from objectives.composition import Array
from objectives.electrode import POROSITY_RANGE, TAU_CAP, Electrodes, Outcomes, closed_form
from objectives.energy import Stack
from objectives.physics import Physics, find_study

Evaluate = Callable[..., Outcomes]
SHOWN = (
    "porosity", "ionic_tortuosity_factor", "electronic_tortuosity_factor", "discharge_capacity", "electrode_density", "thickness_um",
    "areal_capacity", "volumetric_energy_density", "gravimetric_energy_density",
)  # fmt: skip
LOWER, UPPER = np.array([40.0, 0.0, 0.5, 0.0]), np.array([95.0, 25.0, 40.0, 5.0])


@st.composite
def recipe(draw: st.DrawFn) -> Array:
    """One recipe of the box that holds some SE, shape ``(4,)``."""
    drawn = np.array([draw(st.floats(low, high)) for low, high in zip(LOWER, UPPER, strict=True)])
    assume(drawn[0] + drawn[3] <= 99.99)
    return drawn


def natural(outcomes: Outcomes, name: str) -> Array:
    values = np.asarray(getattr(outcomes, name), dtype=np.float64)
    return np.log(values) if "tortuosity" in name else values


def electrodes(**changed: float | Array) -> Electrodes:
    given_here: dict[str, float | Array] = {
        "am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.34, "temperature_c": 60.0, "c_rate": 0.05, "pressure_mpa": 500.0,
        "loading_mg_cm2": 30.6, "am_radius_um": 3.75, "am_density": 4.8, "se_density": 1.64, "sigma_fine": 2.224, "sigma_coarse": np.nan,
        "sigma_temperature_c": 30.0, "plateau_mah_g": np.nan,
    }  # fmt: skip
    return Electrodes(**{**given_here, **changed})


@given(x=recipe())
@settings(max_examples=300)
def test_every_outcome_is_finite(evaluate: Evaluate, x: Array) -> None:
    for name, values in evaluate(x)._asdict().items():
        assert np.isfinite(values).all(), name


def test_every_outcome_of_20000_recipes_is_finite(evaluate: Evaluate) -> None:
    x = np.random.default_rng(2).uniform(LOWER, [94.9, 25.0, 40.0, 5.0], (20_000, 4))
    for name, values in evaluate(x)._asdict().items():
        assert np.isfinite(values).all(), name


@given(x=recipe())
def test_ionic_tortuosity_factor_lies_between_one_and_the_cap(evaluate: Evaluate, x: Array) -> None:
    tau = evaluate(x).ionic_tortuosity_factor
    assert ((tau >= 1.0) & (tau <= TAU_CAP)).all()


@given(x=recipe())
def test_electronic_tortuosity_factor_lies_between_zero_and_the_cap(evaluate: Evaluate, x: Array) -> None:
    tau = evaluate(x).electronic_tortuosity_factor
    assert ((tau > 0.0) & (tau <= TAU_CAP)).all()


def test_electronic_tortuosity_factor_may_be_below_one(evaluate: Evaluate) -> None:
    assert evaluate(np.array([80.0, 5.0, 1.5, 4.0])).electronic_tortuosity_factor[0] < 1.0


@given(x=recipe())
def test_se_percolates_exactly_where_its_tau_is_below_the_cap(evaluate: Evaluate, x: Array) -> None:
    outcomes = evaluate(x)
    assert (outcomes.percolates == (outcomes.ionic_tortuosity_factor < TAU_CAP)).all()


def test_recipe_far_below_the_threshold_has_the_capped_tau_and_does_not_percolate(evaluate: Evaluate) -> None:
    outcomes = evaluate(np.array([94.0, 0.0, 6.0, 3.0]))
    assert (outcomes.ionic_tortuosity_factor == TAU_CAP).all()
    assert not outcomes.percolates.any()
    assert (outcomes.percolation_margin < 0.0).all()


def test_recipe_rich_in_se_percolates(evaluate: Evaluate) -> None:
    outcomes = evaluate(np.array([60.0, 5.0, 1.5, 2.0]))
    assert outcomes.percolates.all()
    assert (outcomes.percolation_margin > 0.0).all()


@pytest.mark.parametrize("x", [(95.0, 0.0, 3.0, 5.0), (100.0, 0.0, 3.0, 0.0), (95.0, 5.0, 3.0, 5.0)])
def test_recipe_without_se_has_the_capped_tau_and_does_not_percolate(evaluate: Evaluate, x: tuple[float, ...]) -> None:
    outcomes = evaluate(np.array(x))
    assert (outcomes.ionic_tortuosity_factor == TAU_CAP).all()
    assert not outcomes.percolates.any()
    assert all(np.isfinite(values).all() for values in outcomes)


@given(x=recipe(), larger=st.floats(1.0, 40.0))
def test_porosity_rises_with_se_size(evaluate: Evaluate, x: Array, larger: float) -> None:
    both = np.array([x, [x[0], x[1], min(40.0, x[2] * larger), x[3]]])
    assert (np.diff(evaluate(both).porosity, axis=-1) >= -1e-12).all()


@given(x=recipe(), pressure=st.floats(50.0, 900.0), factor=st.floats(1.02, 1.1))
def test_porosity_falls_with_pressure(evaluate: Evaluate, x: Array, pressure: float, factor: float) -> None:
    low, high = evaluate(x, pressure_mpa=pressure), evaluate(x, pressure_mpa=pressure * factor)
    inside = low.porosity < POROSITY_RANGE[1]  # large SE, little pressure, many offsets drawn: the guard is met
    assert (high.porosity[inside] < low.porosity[inside]).all()


@given(x=recipe(), rate=st.floats(1e-3, 5.0), factor=st.floats(1.05, 2.0))
def test_capacity_falls_with_c_rate(evaluate: Evaluate, x: Array, rate: float, factor: float) -> None:
    slow, fast = evaluate(x, c_rate=rate), evaluate(x, c_rate=rate * factor)
    assert (fast.discharge_capacity < slow.discharge_capacity).all()


@given(x=recipe(), temperature=st.floats(-40.0, 110.0))
def test_capacity_rises_with_temperature(evaluate: Evaluate, x: Array, temperature: float) -> None:
    cold, warm = evaluate(x, temperature_c=temperature), evaluate(x, temperature_c=temperature + 5.0)
    assert (warm.discharge_capacity > cold.discharge_capacity).all()


@pytest.mark.parametrize("name", SHOWN)
@given(x=recipe())
def test_outcome_is_continuous_from_coated_to_uncoated(evaluate: Evaluate, name: str, x: Array) -> None:
    outcomes = evaluate(np.array([[x[0], coating, x[2], x[3]] for coating in (0.0, 1e-9)]))
    values = natural(outcomes, name)
    np.testing.assert_allclose(values[:, 1], values[:, 0], rtol=1e-5, atol=1e-5)


@given(x=recipe())
def test_small_coating_steps_make_small_changes_from_uncoated_on(evaluate: Evaluate, x: Array) -> None:
    steps = np.linspace(0.0, 1.0, 401)[:, None]
    outcomes = evaluate(np.hstack([np.full_like(steps, x[0]), steps, np.full_like(steps, x[2]), np.full_like(steps, x[3])]))
    assert np.abs(np.diff(outcomes.porosity, axis=-1)).max() < 0.005
    assert np.abs(np.diff(outcomes.discharge_capacity, axis=-1)).max() < 2.5


@pytest.mark.parametrize("name", SHOWN)
@given(start=recipe(), end=recipe(), draw=st.integers(0, 20))
@settings(max_examples=40)
def test_outcome_has_no_jump_along_a_line(posterior: Array, name: str, start: Array, end: Array, draw: int) -> None:
    physics = Physics(find_study("new"))
    for _ in range(4):  # into the steepest hundredth, four times: a jump keeps its height, a slope loses a factor of a hundred each time
        line = start + (end - start) * np.linspace(0.0, 1.0, 101)[:, None]
        values = natural(physics.outcomes(line, posterior[[draw]]), name)[0]
        steps = np.abs(np.diff(values))
        steepest = int(np.argmax(steps))
        start, end = line[steepest], line[steepest + 1]
    assert steps[steepest] < (2e-2 if "energy" in name or "capacity" in name else 1e-3)


def test_draws_at_once_equal_one_draw_at_a_time(posterior: Array) -> None:
    physics = Physics(find_study("new"))
    x = np.random.default_rng(3).uniform(LOWER, [94.9, 25.0, 40.0, 5.0], (50, 4))
    together = physics.outcomes(x, posterior)
    for k, z in enumerate(posterior):
        single = physics.outcomes(x, z)
        for name in SHOWN:
            np.testing.assert_allclose(getattr(together, name)[k], getattr(single, name), rtol=1e-12, err_msg=name)


def test_recipes_at_once_equal_one_recipe_at_a_time(parameters: dict[str, Array]) -> None:
    x = np.random.default_rng(4).uniform(LOWER, [94.9, 25.0, 40.0, 5.0], (50, 4))
    am, coating, size, vgcf = x.T
    together = closed_form(electrodes(am_wt=am, coating_se_wt=coating, se_particle_um=size, vgcf_wt=vgcf), parameters)
    for i, row in enumerate(x):
        single = closed_form(electrodes(**dict(zip(("am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt"), row, strict=True))), parameters)
        for name in SHOWN:
            assert getattr(single, name) == pytest.approx(getattr(together, name)[i], rel=1e-12)


def test_every_outcome_has_the_broadcast_shape(evaluate: Evaluate) -> None:
    outcomes = evaluate(np.array([[75.0, 5.0, 1.5, 2.34], [85.0, 5.0, 1.5, 2.34], [80.0, 0.0, 1.5, 0.0]]))
    assert {name: np.shape(values) for name, values in outcomes._asdict().items() if np.shape(values) != (21, 3)} == {}


def test_measured_porosity_overrides_the_models(parameters: dict[str, Array]) -> None:
    outcomes = closed_form(electrodes(measured_porosity=np.array([0.2, np.nan])), parameters)
    assert outcomes.porosity[0] == 0.2
    assert outcomes.porosity[1] == closed_form(electrodes(), parameters).porosity


def test_volume_fractions_and_pores_fill_the_electrode(parameters: dict[str, Array]) -> None:
    o = closed_form(electrodes(), parameters)
    assert o.porosity + o.phi_am + o.phi_se + o.phi_vgcf == pytest.approx(1.0)


def test_tortuosity_factors_give_back_the_conductivities(parameters: dict[str, Array]) -> None:
    o = closed_form(electrodes(am_wt=75.0), parameters)
    assert o.phi_se * o.sigma_0_ionic / o.ionic_tortuosity_factor == pytest.approx(o.ionic_conductivity)
    assert o.phi_am * o.sigma_0_electronic / o.electronic_tortuosity_factor == pytest.approx(o.electronic_conductivity)


@pytest.mark.parametrize(
    ("offset", "outcome"),
    [
        ("offset_porosity", "porosity"),
        ("offset_ionic", "ionic_conductivity"),
        ("offset_capacity", "discharge_capacity"),
    ],
)
def test_study_offset_is_on_the_natural_log_of_its_outcome(parameters: dict[str, Array], offset: str, outcome: str) -> None:
    moved, plain = closed_form(electrodes(**{offset: 0.1}), parameters), closed_form(electrodes(), parameters)
    assert getattr(moved, outcome) / getattr(plain, outcome) == pytest.approx(np.exp(0.1))


def test_electronic_offset_moves_the_conductivity_of_an_electrode_without_carbon(parameters: dict[str, Array]) -> None:
    moved, plain = (closed_form(electrodes(vgcf_wt=0.0, offset_electronic=offset), parameters) for offset in (0.1, 0.0))
    assert moved.electronic_conductivity / plain.electronic_conductivity == pytest.approx(np.exp(0.1), rel=1e-2)  # the rest: carbon's soft threshold


def test_missing_coarse_conductivity_follows_from_the_fine_one(parameters: dict[str, Array]) -> None:
    all_coarse = closed_form(electrodes(se_particle_um=6.0, temperature_c=30.0), parameters)
    assert all_coarse.sigma_0_ionic == pytest.approx(2.224 / float(parameters["ms"]))


def test_missing_fine_conductivity_follows_from_the_coarse_one(parameters: dict[str, Array]) -> None:
    fine = closed_form(electrodes(coating_se_wt=0.0, sigma_fine=np.nan, sigma_coarse=3.0, temperature_c=30.0), parameters)
    assert fine.sigma_0_ionic == pytest.approx(3.0 * float(parameters["ms"]))


def test_given_plateau_replaces_the_calibrated_one(parameters: dict[str, Array]) -> None:
    own, calibrated = closed_form(electrodes(plateau_mah_g=165.0), parameters), closed_form(electrodes(), parameters)
    assert own.discharge_capacity / calibrated.discharge_capacity == pytest.approx(165.0 / float(parameters["Qp"]))


def test_energies_refer_to_the_given_stack(parameters: dict[str, Array]) -> None:
    thin, thick = (closed_form(electrodes(), parameters, Stack(separator_um=um)) for um in (30.0, 60.0))
    assert thin.volumetric_energy_density / thick.volumetric_energy_density == pytest.approx((thin.thickness_um + 90.0) / (thin.thickness_um + 60.0))


def test_voltage_is_the_calibrated_one_at_every_recipe(parameters: dict[str, Array]) -> None:
    outcomes = closed_form(electrodes(am_wt=np.array([75.0, 85.0])), parameters)
    assert outcomes.mean_discharge_voltage.tolist() == [float(parameters["V"])] * 2


def test_electrodes_with_plain_numbers_equal_those_with_arrays(parameters: dict[str, Array]) -> None:
    scalar = closed_form(electrodes(), parameters)
    array = closed_form(replace(electrodes(), **{name: np.full(3, value) for name, value in electrodes().arrays().items()}), parameters)
    for name in SHOWN:
        np.testing.assert_array_equal(getattr(array, name), np.full(3, getattr(scalar, name)), err_msg=name)


def test_electrodes_give_every_field_as_a_float_array() -> None:
    fields = electrodes(am_wt=np.array([75, 85])).arrays()
    assert set(fields) == set(Electrodes.__dataclass_fields__)
    assert {values.dtype for values in fields.values()} == {np.dtype(np.float64)}


def test_shipped_calibration_and_physics_agree_on_the_reference_cell(parameters: dict[str, Array]) -> None:
    kim = {f"offset_{kind}": float(parameters.get(f"kim2025.offset_{kind}", 0.0)) for kind in ("porosity", "ionic", "electronic", "capacity")}
    direct = closed_form(electrodes(**kim), load_calibration().parameters())
    through = Physics(find_study("kim2025")).outcomes(np.array([[85.0, 5.0, 1.5, 2.34]]))
    assert through.discharge_capacity[0] == pytest.approx(float(direct.discharge_capacity))
    assert through.porosity[0] == pytest.approx(float(direct.porosity))
