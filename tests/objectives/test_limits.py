from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.calibration import load_calibration
from objectives.composition import Array
from objectives.constraints import Constraint, bounds, from_tables, holds, linear, margins, nonlinear
from objectives.design_space import DesignSpace
from objectives.electrode import Electrodes, Outcomes, closed_form
from objectives.limits import (
    FUNCTIONS,
    PERCOLATION_RESERVE,
    SOFT_UNITS,
    SoftLimits,
    composition,
    electrode_constraints,
    shell_budget,
    soft_margins,
    tortuosity_max,
)
from objectives.parameter import DesignSpaceError, Parameter
from objectives.recipe import Recipe

CALIBRATED = load_calibration().parameters()

SPACE = DesignSpace(
    (
        Parameter("am_wt", 70.0, 92.0, 0.5, "wt%"),
        Parameter("coating_se_wt", 2.0, 25.0, 1.0, "wt%", zero=True),
        Parameter("se_particle_um", 0.5, 20.0, None, "um", "log"),
        Parameter("vgcf_wt", 0.0, 5.0, 0.1, "wt%"),
    )
)


def outcomes_of(x: Array, c_rate: float = 0.05) -> Outcomes:
    am_wt, coating, size, vgcf = x.T
    return closed_form(
        Electrodes(
            am_wt, coating, size, vgcf, temperature_c=60.0, c_rate=c_rate, pressure_mpa=500.0, loading_mg_cm2=30.6, am_radius_um=3.75, am_density=4.8,
            se_density=1.64, sigma_fine=2.224, sigma_coarse=np.nan, sigma_temperature_c=30.0, plateau_mah_g=np.nan,
        ),
        CALIBRATED,
    )  # fmt: skip


def percolation(x: Array) -> Array:
    return outcomes_of(x).percolation_margin


def samples(n: int = 2000, seed: int = 0) -> Array:
    return SPACE.sample(np.random.default_rng(seed).random((n, 4)))


def test_bounds_hold_at_the_edge_and_break_beyond_it_by_the_distance() -> None:
    x = np.array([[92.0, 2.0, 20.0, 0.0], [92.0004, 1.5, 0.4, -0.1]])
    found = margins(bounds(SPACE), x)
    assert found["bounds.am_wt"] == pytest.approx([0.0, -0.0004])
    assert found["bounds.coating_se_wt"] == pytest.approx([0.0, -0.5])
    assert found["bounds.se_particle_um"] == pytest.approx([0.0, -0.1])
    assert found["bounds.vgcf_wt"] == pytest.approx([0.0, -0.1])


def test_uncoated_keeps_the_coating_bounds_and_a_trace_of_coating_does_not() -> None:
    x = np.array([[80.0, 0.0, 1.0, 0.0], [80.0, 0.2, 1.0, 0.0]])
    assert margins(bounds(SPACE), x)["bounds.coating_se_wt"] == pytest.approx([0.0, -0.2])


@given(st.floats(1.0, 99.0), st.floats(0.0, 60.0), st.floats(0.0, 1.0))
def test_composition_and_shell_budget_are_the_recipes_se(am: float, coating: float, share: float) -> None:
    vgcf = share * (100.0 - am)
    recipe = Recipe(am, coating, 1.0, vgcf)
    columns = {"am_wt": np.array([am]), "coating_se_wt": np.array([coating]), "vgcf_wt": np.array([vgcf])}
    assert composition(columns)[0] == pytest.approx(recipe.se_wt)
    assert shell_budget(columns)[0] == pytest.approx(recipe.free_se_wt, abs=1e-9)


def test_recipe_without_free_se_keeps_its_shell_budget_exactly() -> None:
    x = np.array([[92.0, 8.0, 1.0, 0.0], [92.0, 9.0, 1.0, 0.0]])
    constraint = nonlinear(SPACE, "shell_budget", "wt%", shell_budget)
    assert holds([constraint], x).tolist() == [True, False]


def test_electrode_is_held_to_bounds_composition_shell_and_percolation_in_this_order() -> None:
    names = [constraint.name for constraint in electrode_constraints(SPACE, percolation)]
    assert names == [*(f"bounds.{name}" for name in SPACE.names), "composition", "shell_budget", "ionic_percolation"]


def test_percolation_keeps_a_reserve_above_the_threshold() -> None:
    x = samples()
    found = margins(electrode_constraints(SPACE, percolation), x)["ionic_percolation"]
    assert found == pytest.approx(percolation(x) - PERCOLATION_RESERVE)
    assert (found > 0.0).any()
    assert (found < 0.0).any()


def test_holds_is_every_margin_at_least_zero() -> None:
    x = samples()
    constraints = electrode_constraints(SPACE, percolation)
    every = np.all([margin >= -1e-9 for margin in margins(constraints, x).values()], axis=0)
    assert np.array_equal(holds(constraints, x), every)
    assert 0 < every.sum() < x.shape[0]


def test_later_constraints_are_asked_only_about_recipes_that_passed() -> None:
    asked: list[int] = []

    def count(x: Array) -> Array:
        asked.append(x.shape[0])
        return np.ones(x.shape[0])

    x = np.array([[80.0, 0.0, 1.0, 0.0], [95.0, 0.0, 1.0, 0.0], [70.0, 0.0, 1.0, 0.0]])
    assert holds((*bounds(SPACE), Constraint("count", "1", count)), x).tolist() == [True, False, True]
    assert asked == [2]


def test_margin_that_is_not_a_number_does_not_hold() -> None:
    assert holds([Constraint("broken", "1", lambda x: np.full(x.shape[0], np.nan))], samples(3)).tolist() == [False, False, False]


@pytest.mark.parametrize(("margin", "expected"), [(0.0, True), (-1e-10, True), (-1e-8, False), (0.5, True)])
def test_only_float_noise_is_forgiven(margin: float, expected: bool) -> None:
    assert holds([Constraint("limit", "wt%", lambda x: np.full(x.shape[0], margin))], samples(1))[0] == expected


def test_linear_constraint_leaves_bound_minus_sum() -> None:
    solids = linear(SPACE, "solids", "wt%", {"am_wt": 1.0, "vgcf_wt": 2.0}, 100.0)
    assert solids.margin(np.array([[90.0, 0.0, 1.0, 4.0], [92.0, 0.0, 1.0, 5.0]])) == pytest.approx([2.0, -2.0])


def test_constraints_are_read_from_tables() -> None:
    tables: list[dict[str, Any]] = [
        {"name": "solids", "unit": "wt%", "coefficients": {"am_wt": 1, "vgcf_wt": 1}, "bound": 100},
        {"name": "free_se", "unit": "wt%", "function": "shell_budget"},
        {"name": "ratio", "function": "per_um"},
    ]
    read = from_tables(SPACE, tables, {"shell_budget": shell_budget, "per_um": lambda columns: 1.0 - columns["se_particle_um"]})
    found = margins(read, np.array([[80.0, 20.0, 3.0, 4.0]]))
    assert found == {"solids": pytest.approx([16.0]), "free_se": pytest.approx([-4.0]), "ratio": pytest.approx([-2.0])}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "a", "coefficients": {"nickel": 1.0}, "bound": 1.0}, 'a: coefficients must be of am_wt, .*, got "nickel"; correct the name'),
        ({"name": "a", "function": "magic"}, 'a: function must be one of composition, shell_budget, got "magic"'),
        ({"name": "a", "bound": 1.0}, "a: a constraint needs coefficients and bound, or expression with min or max, or function, got name, bound"),
        ({"name": "a", "coefficients": {}, "function": "composition", "bound": 1.0}, "a: a constraint needs coefficients"),
        ({"name": "a", "coefficients": {}, "bound": 1.0}, "a: coefficients must name at least one parameter, got none"),
        ({"name": "a", "expression": "am_wt"}, "a: an expression needs min or max, got neither"),
        ({"name": "a", "expression": "am_wt", "min": 2, "max": 1}, "a: min must be below max, got 2 and 1"),
        ({"name": "a", "expression": "nickel", "max": 1}, 'a: "nickel" in the formula'),
        ({"name": "a", "expression": "am_wt", "max": 1, "bound": 2}, "a: a constraint needs"),
    ],
)
def test_table_that_is_no_constraint_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(DesignSpaceError, match=message):
        from_tables(SPACE, [table], FUNCTIONS)


def test_electrode_limits_refuse_another_space() -> None:
    with pytest.raises(DesignSpaceError, match=r"an electrode space must have the parameters am_wt, .* in this order, got a"):
        electrode_constraints(DesignSpace((Parameter("a", 0.0, 1.0, None, ""),)), percolation)


def test_path_at_its_largest_tortuosity_costs_exactly_the_ohmic_drop() -> None:
    phi, sigma, thickness_um, current = 0.4, 5.0, 120.0, 2.4e-4
    tau = tortuosity_max(phi, sigma, thickness_um, current, 50.0)
    effective = sigma * 1e-3 * phi / tau
    assert current * thickness_um * 1e-4 / effective == pytest.approx(0.050)


def soft(x: Array, porosity: Array, ionic: Array, electronic: Array, c_rate: float = 0.05, limits: SoftLimits | None = None) -> dict[str, Array]:
    return soft_margins(x[:, 0], outcomes_of(x), porosity, ionic, electronic, c_rate=c_rate, loading_mg_cm2=30.6, limits=limits)


def test_tortuosity_margins_are_the_drop_of_the_closed_forms_own_electrode() -> None:
    x = samples(50)
    o = outcomes_of(x)
    found = soft(x, o.porosity, o.ionic_tortuosity_factor, o.electronic_tortuosity_factor)
    current = 0.05 * 0.2 * 30.6e-3 * x[:, 0] / 100.0  # A/cm2
    drop = current * o.thickness_um * 1e-4 * o.ionic_tortuosity_factor / (o.phi_se * o.sigma_0_ionic * 1e-3)
    assert np.array_equal(found["ionic_tortuosity"] > 0.0, drop < 0.050)
    assert found["ionic_tortuosity"] + o.ionic_tortuosity_factor == pytest.approx(o.ionic_tortuosity_factor * 0.050 / drop)
    drop = current * o.thickness_um * 1e-4 * o.electronic_tortuosity_factor / (o.phi_am * o.sigma_0_electronic * 1e-3)
    assert found["electronic_tortuosity"] + o.electronic_tortuosity_factor == pytest.approx(o.electronic_tortuosity_factor * 0.050 / drop)


def test_density_window_is_of_the_porosity_given() -> None:
    x = samples(4)
    one = np.ones(4)
    found = soft(x, np.array([0.18, 0.05, 0.20, 0.01]), one, one)
    assert found["relative_density_min"] == pytest.approx([0.0, 0.13, -0.02, 0.17])
    assert found["relative_density_max"] == pytest.approx([0.13, 0.0, 0.15, -0.04])


def test_faster_discharge_leaves_less_tortuosity() -> None:
    x = samples(20)
    o = outcomes_of(x)
    slow, fast = (soft(x, o.porosity, np.zeros(20), np.zeros(20), c_rate) for c_rate in (0.05, 0.5))
    assert fast["ionic_tortuosity"] == pytest.approx(slow["ionic_tortuosity"] / 10.0)


def test_porosity_lowers_the_tortuosity_limit_twice_through_phase_and_thickness() -> None:
    x = samples(20)
    zero = np.zeros(20)
    dense, porous = (soft(x, np.full(20, porosity), zero, zero)["ionic_tortuosity"] for porosity in (0.0, 0.5))
    assert porous == pytest.approx(dense / 4.0)


def test_posterior_draws_keep_their_shape_and_equal_one_by_one() -> None:
    x = samples(6)
    rng = np.random.default_rng(0)
    porosity, ionic, electronic = rng.uniform(0.05, 0.2, (3, 5, 6)), rng.uniform(2.0, 90.0, (3, 5, 6)), rng.uniform(0.5, 90.0, (3, 5, 6))
    found = soft(x, porosity, ionic, electronic)
    alone = soft(x, porosity[1, 2], ionic[1, 2], electronic[1, 2])
    assert {margin.shape for margin in found.values()} == {(3, 5, 6)}
    assert all(np.array_equal(found[name][1, 2], alone[name]) for name in SOFT_UNITS)


def test_campaign_may_set_its_own_soft_limits() -> None:
    x = samples(3)
    zero = np.zeros(3)
    usual = soft(x, zero + 0.1, zero, zero)
    strict = soft(x, zero + 0.1, zero, zero, limits=SoftLimits(relative_density_min=0.94, ohmic_drop_mv=25.0))
    assert strict["relative_density_min"] == pytest.approx(-0.04)
    assert strict["ionic_tortuosity"] == pytest.approx(usual["ionic_tortuosity"] / 2.0)


def test_formula_bounds_a_value_on_either_side() -> None:
    table = {"name": "fibre per AM", "unit": "1", "expression": "vgcf_wt / am_wt", "min": 0.01, "max": 0.03}
    (constraint,) = from_tables(SPACE, [table])
    x = np.array([[80.0, 5.0, 1.0, 0.4], [80.0, 5.0, 1.0, 1.6], [80.0, 5.0, 1.0, 4.0]])
    assert constraint.margin(x) == pytest.approx([-0.005, 0.01, -0.02])
    assert holds((constraint,), x).tolist() == [False, True, False]


def test_recipe_at_which_a_formula_has_no_value_breaks_it() -> None:
    (constraint,) = from_tables(SPACE, [{"name": "ratio", "expression": "coating_se_wt / vgcf_wt", "min": 0.0}])
    assert constraint.margin(np.array([[80.0, 0.0, 1.0, 0.0]]))[0] == -np.inf
