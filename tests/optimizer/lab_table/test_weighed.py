from __future__ import annotations

import math

import numpy as np
import pytest

from objectives.recipe import Recipe
from objectives.weighing import sheet
from optimizer.lab_table import Options, read_table
from optimizer.lab_table.values import CellError
from optimizer.lab_table.weighed import weighed_coating, weighed_mix

MASSES = {"coating_am_mg": 95.0, "coating_se_mg": 5.0, "coated_powder_mg": 44.7, "free_se_mg": 4.1, "vgcf_mg": 1.2}
HEADERS = "name,SE size (um),coating AM (mg),coating SE (mg),coated powder (mg),free SE (mg),VGCF (mg),status,AM (wt%),coating,VGCF (wt%)"


def test_error_of_the_masses_is_that_of_a_simulated_balance() -> None:
    resolution, n = 0.1, 400_000
    rng = np.random.default_rng(1)
    true = {key: mass + resolution * (rng.random(n) - 0.5) for key, mass in MASSES.items()}
    share = true["coating_se_mg"] / (true["coating_am_mg"] + true["coating_se_mg"])
    total = true["coated_powder_mg"] + true["free_se_mg"] + true["vgcf_mg"]
    simulated = [100.0 * share, 100.0 * true["coated_powder_mg"] * (1.0 - share) / total, 100.0 * true["vgcf_mg"] / total]
    coating = weighed_coating(MASSES, resolution)
    found = [coating, *weighed_mix(MASSES, coating, resolution)]
    for (value, sd), sample in zip(found, simulated, strict=True):
        assert value == pytest.approx(float(np.mean(sample)), rel=1e-4)
        assert sd == pytest.approx(float(np.std(sample)), rel=0.01)


def test_mass_of_nothing_has_no_error() -> None:
    coating = weighed_coating({**MASSES, "coating_am_mg": 0.0, "coating_se_mg": 0.0}, 0.1)
    assert coating == (0.0, 0.0)
    _, vgcf = weighed_mix({**MASSES, "free_se_mg": 0.0, "vgcf_mg": 0.0}, coating, 0.1)
    assert vgcf == (0.0, 0.0)


def test_se_without_am_and_a_mix_without_powder_are_refused() -> None:
    with pytest.raises(CellError, match="must stand beside a coating AM above 0 mg"):
        weighed_coating({**MASSES, "coating_am_mg": 0.0}, 0.1)
    with pytest.raises(CellError, match="must be above 0 mg"):
        weighed_mix({**MASSES, "coated_powder_mg": 0.0}, (5.0, 0.0), 0.1)


@pytest.mark.parametrize("coating", [0.0, 5.0, 25.0])
def test_masses_of_a_weighing_sheet_come_back_as_its_realised_recipe(coating: float) -> None:
    made = sheet(Recipe(64.123, coating, 1.5, 2.34), 300.0)
    masses = ",".join(f"{mass!r}" for mass in made.masses_mg.values())
    [cell] = read_table(f"{HEADERS}\na,1.5,{masses},short,64.123,{coating},2.34\n".encode()).require_clean()
    assert cell.recipe.values() == pytest.approx(made.realised.values(), rel=1e-12)
    assert cell.planned == Recipe(64.123, coating, 1.5, 2.34)
    assert cell.recipe_sd[0] > 0.0
    assert cell.recipe_sd[2] == 0.0
    assert (cell.recipe_sd[1] > 0.0) == (coating > 0.0)


def test_recipe_error_grows_with_the_balance() -> None:
    row = f"{HEADERS}\na,1.5,4750,250,447,40,12,short,85,95:5,2.34\n".encode()
    fine, coarse = (read_table(row, options=Options(balance_mg=mg)).require_clean()[0].recipe_sd for mg in (0.1, 1.0))
    assert coarse == pytest.approx([10.0 * sd for sd in fine])


def test_plan_without_masses_has_no_error_and_no_second_plan() -> None:
    [cell] = read_table(f"{HEADERS}\na,1.5,,,,,,short,85,95:5,2.34\n".encode()).require_clean()
    assert cell.recipe_sd == (0.0, 0.0, 0.0, 0.0)
    assert cell.planned is None


def test_exchanged_masses_of_the_coating_are_refused() -> None:
    [problem] = read_table(f"{HEADERS}\na,1.5,250,4750,447,40,12,short,85,95:5,2.34\n".encode()).problems
    assert (
        str(problem)
        == 'row 2, column "coating SE (mg)": must be less than the coating AM, got "4750 mg"; check that the two masses are not exchanged'
    )


def test_masses_of_the_mix_with_a_planned_coating_keep_its_plan() -> None:
    [cell] = read_table(f"{HEADERS}\na,1.5,,,95,3,2,short,,95:5,\n".encode()).require_clean()
    assert cell.recipe.am_wt == pytest.approx(90.25)
    assert cell.recipe.coating_se_wt == 5.0
    assert cell.recipe_sd[1] == 0.0
    assert math.isclose(cell.recipe.vgcf_wt, 2.0)
