import re
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from objectives.design_space import DesignSpace
from objectives.parameter import ZERO_GAP, ZERO_SHARE, DesignSpaceError, Parameter

ELECTRODE = """
[space]
am_wt = { lower = 70, upper = 92, step = 0.5, unit = "wt%" }
coating_se_wt = { lower = 2, upper = 25, step = 1, zero = true, unit = "wt%" }
se_particle_um = { lower = 0.5, upper = 20, scale = "log", unit = "um" }
vgcf_wt = { lower = 0, upper = 5, step = 0.1, unit = "wt%" }
"""


def electrode_space() -> DesignSpace:
    return DesignSpace.from_table(tomllib.loads(ELECTRODE)["space"])


@st.composite
def parameters(draw: st.DrawFn, name: str = "p") -> Parameter:
    """Random bounds, step (or none), scale and zero, as a lab could declare them."""
    decimals = draw(st.integers(0, 4))
    scale = draw(st.sampled_from(["linear", "log"]))
    zero = draw(st.booleans())
    lowest = 1 if zero or scale == "log" else -10_000
    lower = draw(st.integers(lowest, 10_000))
    stride = draw(st.integers(1, 300))
    upper = lower + stride * draw(st.integers(1, 200))
    step = stride / 10**decimals if draw(st.booleans()) else None
    return Parameter(name, lower / 10**decimals, upper / 10**decimals, step, "u", scale, zero)  # type: ignore[arg-type]


@st.composite
def spaces(draw: st.DrawFn) -> DesignSpace:
    return DesignSpace(tuple(draw(parameters(name=f"p{k}")) for k in range(draw(st.integers(1, 6)))))


@given(spaces(), st.integers(0, 2**32 - 1))
def test_samples_are_on_the_grid_and_snapping_keeps_them(space: DesignSpace, seed: int) -> None:
    x = space.sample(np.random.default_rng(seed).random((500, space.dimension)))
    assert np.array_equal(space.snap(x), x)
    assert space.on_grid(x).all()


@given(spaces(), st.integers(0, 2**32 - 1))
def test_decoding_an_encoded_recipe_gives_it_back_exactly(space: DesignSpace, seed: int) -> None:
    x = space.sample(np.random.default_rng(seed).random((500, space.dimension)))
    u = space.encode(x)
    assert np.array_equal(space.decode(u), x)
    assert u.min() >= -1e-12
    assert u.max() <= 1.0 + 1e-12


@given(parameters())
def test_grid_values_print_as_the_lab_writes_them(parameter: Parameter) -> None:
    assume(parameter.step is not None)
    for value in parameter.values:
        assert len(repr(float(value)).rstrip("0").partition(".")[2]) <= 4
    assert np.all(np.diff(parameter.values) > 0.0)


@given(parameters())
def test_grid_holds_both_bounds_and_zero_only_where_allowed(parameter: Parameter) -> None:
    inside = parameter.values[parameter.values != 0.0] if parameter.zero else parameter.values
    assert (inside[0], inside[-1]) == (parameter.lower, parameter.upper)
    assert (parameter.values[0] == 0.0) >= parameter.zero


@given(parameters(), st.floats(-1e6, 1e6))
def test_snapping_finds_the_nearest_grid_value(parameter: Parameter, x: float) -> None:
    snapped = parameter.snap(np.array([x]))[0]
    assert abs(snapped - x) == np.min(np.abs(parameter.values - x))


@given(parameters())
def test_encoding_keeps_the_order(parameter: Parameter) -> None:
    assert np.all(np.diff(parameter.encode(parameter.values)) > 0.0)


@given(st.integers(1, 1000), st.integers(2, 1000), st.floats(0.001, 1000.0), st.sampled_from(["linear", "log"]))
def test_encoding_does_not_depend_on_the_unit(lower: int, ratio: int, unit: float, scale: Any) -> None:
    x = np.linspace(lower, lower * ratio, 17)
    declared = Parameter("p", lower, lower * ratio, None, "u", scale)
    converted = Parameter("p", lower * unit, lower * ratio * unit, None, "v", scale)
    assert np.allclose(declared.encode(x), converted.encode(x * unit), atol=1e-9)


def test_continuous_log_parameter_keeps_three_significant_digits() -> None:
    size = electrode_space().parameters[2]
    assert size.snap(np.array([0.50249, 1.23456, 12.3456, 19.97])).tolist() == [0.502, 1.23, 12.3, 20.0]


def test_continuous_linear_parameter_keeps_three_digits_of_its_range() -> None:
    temperature = Parameter("t", 293.15, 298.15, None, "K")
    assert temperature.snap(np.array([293.0, 294.98765, 298.149])).tolist() == [293.15, 294.99, 298.15]


def test_uncoated_encodes_to_zero_and_the_range_begins_after_the_gap() -> None:
    coating = electrode_space().parameters[1]
    assert coating.encode(np.array([0.0, 2.0, 25.0])) == pytest.approx([0.0, ZERO_GAP, 1.0])
    assert coating.decode(np.array([0.4 * ZERO_GAP, 0.6 * ZERO_GAP])).tolist() == [0.0, 2.0]


def test_amounts_between_none_and_the_smallest_snap_to_the_nearer() -> None:
    assert electrode_space().parameters[1].snap(np.array([-1.0, 0.9, 1.1])).tolist() == [0.0, 0.0, 2.0]


def test_log_parameter_encodes_the_geometric_mean_in_the_middle() -> None:
    assert electrode_space().parameters[2].encode(np.array([np.sqrt(0.5 * 20.0)])) == pytest.approx([0.5])


def test_recipe_beyond_the_bounds_is_encoded_beyond_the_cube_but_snapped_inside() -> None:
    space = electrode_space()
    x = np.array([[97.5, 30.0, 80.0, 10.0]])
    assert np.all(space.encode(x) > 1.0)
    assert space.snap(x).tolist() == [[92.0, 25.0, 20.0, 5.0]]


def test_bounds_exactly_at_the_edge_are_on_the_grid_and_a_hair_beyond_is_not() -> None:
    space = electrode_space()
    edge = np.array([[92.0, 2.0, 0.5, 5.0], [70.0, 0.0, 20.0, 0.0]])
    assert space.on_grid(edge).tolist() == [True, True]
    hair = np.array([[1e-12, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0]])
    assert space.on_grid(edge + hair).tolist() == [False, False]


def test_samples_give_every_step_an_equal_share_and_none_its_own() -> None:
    space = electrode_space()
    u = np.tile((np.arange(90_000) + 0.5)[:, None] / 90_000, (1, 4))
    am, coating, *_ = space.sample(u).T
    _, counts = np.unique(am, return_counts=True)
    assert counts.tolist() == [2000] * 45
    assert np.mean(coating == 0.0) == pytest.approx(ZERO_SHARE)
    assert np.mean(coating == 2.0) == pytest.approx((1.0 - ZERO_SHARE) / 24, abs=1e-4)


@given(spaces())
@settings(max_examples=50)
def test_corners_of_the_unit_cube_sample_inside_the_bounds(space: DesignSpace) -> None:
    corners = space.sample(np.array([[0.0] * space.dimension, [np.nextafter(1.0, 0.0)] * space.dimension]))
    assert corners[0].tolist() == [0.0 if p.zero else p.lower for p in space.parameters]
    assert corners[1].tolist() == [p.upper for p in space.parameters]


def test_places_beyond_the_grid_count_as_its_end() -> None:
    space = electrode_space()
    assert space.at_index(np.array([[-3, 99, -1, 999]])).tolist() == [[70.0, 25.0, 0.5, 5.0]]


def test_space_is_read_from_a_table_with_defaults() -> None:
    space = DesignSpace.from_table({"a": {"lower": 0, "upper": 1}})
    assert space.parameters == (Parameter("a", 0.0, 1.0, None, "", "linear", False),)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lower": 5, "upper": 5}, "a: lower must be below upper, got 5 to 5 wt%"),
        ({"lower": 0, "upper": float("inf")}, "a: bounds must be finite, got 0.0 to inf wt%"),
        ({"lower": 0, "upper": 1, "step": 0}, "a: step must be above 0, got 0.0 wt%"),
        ({"lower": 0, "upper": 1, "step": 0.3}, "a: step must fit the range a whole number of times, got 0 to 1 by 0.3 wt%"),
        ({"lower": 0, "upper": 1, "step": 1e-7}, "a: step must leave fewer than 1000000 values"),
        ({"lower": 0, "upper": 1, "scale": "log"}, "a: a log scale needs lower above 0, got 0 wt%"),
        ({"lower": 1, "upper": 2, "scale": "cubic"}, 'a: scale must be "linear" or "log", got "cubic"'),
        ({"lower": 0, "upper": 1, "zero": True}, "a: zero = true needs lower above 0, got 0 wt%"),
        ({"lower": 0, "upper": 1e13}, "a: bounds must lie within 1e-12 and 1e"),
        ({"lower": 1e-10, "upper": 1000000.0000000001, "step": 10}, "a: lower and step must have at most 15 digits, got 1e-10 and 10.0"),
        ({"lower": 0, "upper": 1, "steps": 0.1}, 'a: keys must be among lower, .*, got "steps"'),
        ({"lower": 0}, "a: upper must be given, got none; add upper = NUMBER"),
        ({"lower": "0", "upper": 1}, "a: lower must be a number, got '0'"),
        ({"lower": 0, "upper": 1, "zero": 1}, "a: zero must be true or false, got 1"),
    ],
)
def test_space_refuses_a_table_that_contradicts_itself(table: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignSpaceError, match=message):
        DesignSpace.from_table({"a": {"unit": "wt%", **table}})


def test_space_refuses_two_parameters_of_one_name() -> None:
    parameter = Parameter("a", 0.0, 1.0, None, "")
    with pytest.raises(DesignSpaceError, match='parameter names must differ, got "a" twice'):
        DesignSpace((parameter, parameter))


def test_space_refuses_to_be_empty() -> None:
    with pytest.raises(DesignSpaceError, match="at least one parameter, got none"):
        DesignSpace(())


def test_space_refuses_recipes_of_another_shape() -> None:
    with pytest.raises(DesignSpaceError, match=re.escape("recipes must have shape (n, 4) for am_wt, coating_se_wt")):
        electrode_space().snap(np.zeros(4))


def test_log_parameter_refuses_to_encode_zero() -> None:
    with pytest.raises(DesignSpaceError, match="se_particle_um must be above 0 um on a log scale, got 0"):
        electrode_space().encode(np.array([[80.0, 5.0, 0.0, 1.0]]))
