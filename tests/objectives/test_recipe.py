import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.recipe import RECIPE_FIELDS, Recipe, RecipeError, format_coating, parse_coating


def test_recipe_splits_its_se_into_shell_and_free() -> None:
    recipe = Recipe(am_wt=76.0, coating_se_wt=5.0, se_particle_um=1.5, vgcf_wt=3.0)
    assert recipe.se_wt == pytest.approx(21.0)
    assert recipe.shell_se_wt == pytest.approx(4.0)
    assert recipe.free_se_wt == pytest.approx(17.0)


def test_uncoated_recipe_has_no_shell_se() -> None:
    assert Recipe(76.0, 0.0, 1.5, 3.0).shell_se_wt == 0.0


def test_recipe_over_its_shell_budget_can_be_described() -> None:
    assert Recipe(92.0, 25.0, 1.5, 0.0).free_se_wt == pytest.approx(8.0 - 92.0 / 3.0)


def test_recipe_of_am_and_fibre_alone_is_meaningful_despite_float_noise() -> None:
    assert Recipe(91.9, 0.0, 1.0, 8.1).se_wt == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((math.nan, 5.0, 1.0, 0.0), "am_wt must be a finite number, got nan"),
        ((80.0, math.inf, 1.0, 0.0), "coating_se_wt must be a finite number, got inf"),
        ((0.0, 5.0, 1.0, 0.0), "am_wt must be above 0 and at most 100 wt%, got 0;"),
        ((100.5, 5.0, 1.0, 0.0), "am_wt must be above 0 and at most 100 wt%, got 100.5;"),
        ((80.0, -1.0, 1.0, 0.0), "coating_se_wt must be at least 0 and below 100 wt% of the coated powder, got -1;"),
        ((80.0, 100.0, 1.0, 0.0), "coating_se_wt must be at least 0 and below 100 wt% of the coated powder, got 100;"),
        ((80.0, 5.0, 0.0, 0.0), "se_particle_um must be above 0 um, got 0;"),
        ((80.0, 5.0, 1.0, -0.1), "vgcf_wt must be at least 0 wt%, got -0.1;"),
        ((97.0, 5.0, 1.0, 4.0), r"am_wt \+ vgcf_wt must be at most 100 wt%, got 97 \+ 4 = 101; lower one of them"),
    ],
)
def test_recipe_refuses_what_no_electrode_can_be(values: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe(*values)


def test_recipe_values_stand_in_field_order() -> None:
    recipe = Recipe(am_wt=80.0, coating_se_wt=5.0, se_particle_um=1.5, vgcf_wt=3.0)
    assert dict(zip(RECIPE_FIELDS, recipe.values(), strict=True)) == {"am_wt": 80.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 3.0}


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("95:5", 5.0),
        (" 95 : 5 ", 5.0),
        ("5", 5.0),
        ("5%", 5.0),
        ("5 %", 5.0),
        ("none", 0.0),
        ("None", 0.0),
        ("0", 0.0),
        ("100:0", 0.0),
        ("3:1", 25.0),
    ],
)
def test_coating_is_read_in_every_way_a_lab_writes_it(text: str, share: float) -> None:
    assert parse_coating(text) == share


@pytest.mark.parametrize("text", ["", "abc", "95:", ":5", "95:5:1", "-5", "nan", "inf", "95/5"])
def test_coating_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="coating must be a ratio AM:SE or a share of SE in wt%, got"):
        parse_coating(text)


@pytest.mark.parametrize("text", ["100", "0:100", "0:0", "250%"])
def test_coating_without_am_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"coating must leave room for AM \(below 100 wt% SE\), got"):
        parse_coating(text)


@pytest.mark.parametrize(("share", "text"), [(5.0, "95:5"), (0.0, "none"), (7.5, "92.5:7.5"), (25.0, "75:25")])
def test_coating_is_written_as_a_ratio(share: float, text: str) -> None:
    assert format_coating(share) == text


@given(st.integers(0, 999))
def test_coating_survives_writing_and_reading(tenths: int) -> None:
    assert parse_coating(format_coating(tenths / 10)) == pytest.approx(tenths / 10, abs=1e-12)
