"""Categories with descriptors and listed values: their place on the grid, in the cube and to a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from objectives.constraints import bounds
from objectives.design_space import DesignSpace
from objectives.parameter import DesignSpaceError, Parameter, category
from objectives.repair import low_discrepancy, nearest_feasible, repair

SPACE = DesignSpace.from_table(
    {
        "binder": {"options": ["CMC", "PVDF", "PAA"], "descriptors": {"molar_mass": [700.0, 1000.0, 450.0], "aqueous": [1.0, 0.0, 1.0]}},
        "powder": {"options": ["A", "B"]},
        "size": {"values": [0.5, 1.5, 5.0], "scale": "log", "unit": "um"},
        "binder_wt": {"lower": 1.0, "upper": 5.0, "step": 0.1, "unit": "wt%"},
    }
)


def test_every_value_has_an_equal_share_of_samples() -> None:
    x = SPACE.sample(low_discrepancy(6000, SPACE.dimension, 0))
    for column, k in ((0, 3), (1, 2), (2, 3)):
        _, counts = np.unique(x[:, column], return_counts=True)
        assert len(counts) == k
        assert np.all(np.abs(counts - 6000 / k) < 60)
    assert SPACE.on_grid(x).all()


def test_features_are_descriptors_and_options_without_any_are_equally_far() -> None:
    x = np.array([[0.0, 0.0, 0.5, 1.0], [1.0, 1.0, 1.5, 3.0], [2.0, 0.0, 5.0, 5.0]])
    features = SPACE.features(x)
    assert features.shape == (3, 2 + 2 + 1 + 1)
    assert features[:, 0].tolist() == pytest.approx([250.0 / 550.0, 1.0, 0.0])
    assert np.linalg.norm(features[0, 2:4] - features[1, 2:4]) == pytest.approx(1.0)
    assert features[:, 4] == pytest.approx([0.0, np.log(3.0) / np.log(10.0), 1.0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8, unique=True))
def test_listed_values_are_the_grid_and_survive_the_cube(values: list[float]) -> None:
    listed = tuple(sorted(float(f"{value:.6g}") for value in values))
    assume(min(np.diff(listed)) > 1e-6 * (listed[-1] - listed[0]) > 1e-12)
    parameter = Parameter("size", listed[0], listed[-1], None, "um", choices=listed)
    assert parameter.values == pytest.approx(listed)
    assert np.array_equal(parameter.decode(parameter.encode(parameter.values)), parameter.values)


def test_repair_and_the_nearest_recipe_stay_on_listed_values_and_options() -> None:
    constraints = bounds(SPACE)
    x = np.array([[1.0, 1.0, 2.9, 0.2], [0.0, 0.0, 0.6, 9.0]])
    fixed = repair(SPACE, constraints, x)
    assert SPACE.on_grid(fixed).all()
    assert fixed[:, 0].tolist() == [1.0, 0.0]
    found = nearest_feasible(SPACE, constraints, x[0])
    assert found is not None
    assert SPACE.on_grid(found[None]).all()


def test_values_are_read_and_written_by_name() -> None:
    binder, size = SPACE.parameters[0], SPACE.parameters[2]
    assert (binder.read("PAA"), binder.text(2.0), binder.plain(0.0)) == (2.0, "PAA", "CMC")
    assert (size.text(1.5), size.read(2), size.plain(0.5)) == ("1.5 um", 2.0, 0.5)
    with pytest.raises(DesignSpaceError, match="binder must be one of CMC, PVDF, PAA, got 'SBR'"):
        binder.read("SBR")
    with pytest.raises(DesignSpaceError, match=r"size must be a finite number, got '1\.5'"):
        size.read("1.5")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"options": ["A"]}, "options must be 2 to 50 different names, got A"),
        ({"options": ["A", "A"]}, "options must be 2 to 50 different names"),
        ({"options": "A, B"}, "options must be a list of names, got 'A, B'"),
        ({"options": ["A", "B"], "lower": 0}, 'keys of a category must be among descriptors, options, got "lower"'),
        ({"options": ["A", "B"], "descriptors": {"mass": [1.0]}}, "descriptor mass must have one finite number for each of the 2 options"),
        ({"options": ["A", "B"], "descriptors": {"mass": [1.0, 1.0]}}, "got the same for A and B"),
        ({"options": ["A", "B"], "descriptors": {"mass": ["x", 1.0]}}, "descriptor mass must be a list of numbers"),
        ({"values": [1.0, 0.5]}, "values must rise and differ, got 1, 0.5"),
        ({"values": [-1.0, 0.0, 1e-20]}, "values must rise and differ"),
        ({"values": [0.5, 1.0], "step": 0.5}, "a list of values has neither step nor zero"),
        ({"values": "0.5"}, "values must be a list of numbers"),
        ({"values": [0.5, 2.0], "lower": 1.0}, "values must lie within the bounds 1 to 2"),
        ({"values": [0.0, 2.0], "scale": "log"}, "a log scale needs lower above 0"),
    ],
)
def test_contradictions_are_refused_in_one_sentence(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(DesignSpaceError, match="a: ") as caught:
        DesignSpace.from_table({"a": entry})
    assert said in str(caught.value)
    assert "; " in str(caught.value)


def test_category_is_made_from_code_too() -> None:
    assert category("powder", ("A", "B")).values.tolist() == [0.0, 1.0]
