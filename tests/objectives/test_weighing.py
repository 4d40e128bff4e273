from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.composition import Array, Mask
from objectives.constraints import holds
from objectives.design_space import DesignSpace
from objectives.limits import electrode_constraints
from objectives.parameter import Parameter
from objectives.recipe import Recipe
from objectives.weighing import MASSES, Balance, Weighed, WeighingError, realised, sheet, weigh, weighable

SPACE = DesignSpace(
    (
        Parameter("am_wt", 70.0, 92.0, 0.5, "wt%"),
        Parameter("coating_se_wt", 2.0, 25.0, 1.0, "wt%", zero=True),
        Parameter("se_particle_um", 0.5, 20.0, None, "um", "log"),
        Parameter("vgcf_wt", 0.0, 5.0, 0.1, "wt%"),
    )
)
CONSTRAINTS = electrode_constraints(SPACE, lambda x: np.full(x.shape[0], 1.0))  # everything percolates
BATCHES = [(50.0, 1.0), (50.0, 0.1), (200.0, 0.1), (300.0, 1.0), (2000.0, 0.01), (2000.0, 1.0), (12000.0, 0.1)]


def accepted(x: Array) -> Mask:
    return holds(CONSTRAINTS, x)


def feasible(n: int, seed: int) -> Array:
    x = SPACE.sample(np.random.default_rng(seed).random((4 * n, 4)))
    return x[accepted(x)][:n]


def exact(weighed: Weighed, name: str) -> list[Decimal]:
    return [Decimal(repr(float(value))) for value in getattr(weighed, name)]


@pytest.mark.parametrize(("batch", "resolution"), BATCHES)
def test_mix_masses_are_multiples_of_the_resolution_and_sum_exactly_to_the_batch(batch: float, resolution: float) -> None:
    weighed = weigh(feasible(500, 1), batch, Balance(resolution), accept=accepted)
    columns = {name: exact(weighed, name) for name in MASSES}
    step = Decimal(repr(resolution))
    assert all(value % step == 0 and value >= 0 for values in columns.values() for value in values)
    mixed = zip(columns["mix_coated_powder"], columns["mix_free_se"], columns["mix_vgcf"], strict=True)
    assert {sum(row) for row in mixed} == {Decimal(repr(batch))}


@pytest.mark.parametrize(("batch", "resolution"), BATCHES)
def test_realised_recipe_keeps_every_hard_limit(batch: float, resolution: float) -> None:
    weighed = weigh(feasible(20_000, 2), batch, Balance(resolution), accept=accepted)
    assert weighed.weighable.all()
    assert accepted(realised(weighed)).all()


def test_nearest_rounding_alone_would_break_a_limit() -> None:
    x = feasible(20_000, 2)
    assert not accepted(realised(weigh(x, 50.0, Balance(1.0)))).all()


@pytest.mark.parametrize(("batch", "resolution"), BATCHES)
def test_realised_recipe_is_within_two_units_of_the_recipe(batch: float, resolution: float) -> None:
    x = feasible(2000, 3)
    error = np.abs(realised(weigh(x, batch, Balance(resolution), accept=accepted)) - x)
    unit = 100.0 * resolution / batch
    assert error[:, 0].max() <= 2.0 * unit
    assert error[:, 3].max() <= 2.0 * unit
    assert error[:, 1].max() <= 100.0 * 2.0 * resolution / 5000.0
    assert error[:, 2].max() == 0.0


def test_finer_balance_realises_recipes_more_closely() -> None:
    x = feasible(2000, 4)
    errors = [np.abs(realised(weigh(x, 200.0, Balance(r), accept=accepted)) - x).mean() for r in (0.01, 0.1, 1.0)]
    assert errors == sorted(errors)
    assert errors[0] < 0.2 * errors[2]


def test_recipe_that_the_balance_shows_exactly_is_realised_exactly() -> None:
    x = np.array([[76.0, 5.0, 1.5, 3.0]])
    weighed = weigh(x, 200.0)
    masses = [float(getattr(weighed, name)[0]) for name in MASSES]
    assert masses == [4750.0, 250.0, 160.0, 34.0, 6.0]
    assert realised(weighed) == pytest.approx(x, abs=1e-12)


def test_uncoated_recipe_is_mixed_from_plain_am() -> None:
    weighed = weigh(np.array([[80.0, 0.0, 1.5, 2.0]]), 200.0)
    assert [float(getattr(weighed, name)[0]) for name in MASSES] == [0.0, 0.0, 160.0, 36.0, 4.0]
    assert realised(weighed)[0].tolist() == pytest.approx([80.0, 0.0, 1.5, 2.0])


def test_fibre_is_not_added_to_a_recipe_without_it() -> None:
    x = feasible(5000, 5)
    x[:, 3] = 0.0
    weighed = weigh(x, 50.0, Balance(1.0), accept=accepted)
    assert weighed.weighable.all()
    assert np.all(weighed.mix_vgcf == 0.0)
    assert not weigh(x, 50.0, Balance(1.0), accept=lambda made: made[:, 3] > 0.0).weighable.any()


def test_recipe_whose_coating_takes_all_se_is_weighed_without_free_se_or_a_little() -> None:
    x = np.array([[92.0, 8.0, 1.0, 0.0], [76.0, 20.0, 1.0, 5.0]])
    weighed = weigh(x, 50.0, Balance(0.1), accept=accepted)
    assert weighed.weighable.all()
    assert np.array_equal(weighed.mix_free_se, [0.0, 0.0])
    assert accepted(realised(weighed)).all()


@pytest.mark.parametrize("batch", [50.0, 77.7, 200.0, 333.3])
def test_recipe_at_its_upper_am_bound_is_never_weighed_above_it(batch: float) -> None:
    x = np.array([[92.0, float(c), 1.0, 0.0] for c in (0, 2, 3, 4, 5, 6, 7)])
    weighed = weigh(x, batch, accept=accepted)
    assert weighed.weighable.all()
    assert realised(weighed)[:, 0].max() <= 92.0 + 1e-9


@pytest.mark.parametrize(("batch", "minimum"), [(50.0, 5000.0), (12000.0, 5000.0), (200.0, 10.0), (200.0, 0.0)])
def test_coated_powder_made_covers_the_mill_and_the_mix(batch: float, minimum: float) -> None:
    x = feasible(500, 6)
    weighed = weigh(x, batch, mill_minimum_mg=minimum, accept=accepted)
    made = weighed.coating_am + weighed.coating_se
    coated = x[:, 1] > 0.0
    assert np.all(made[coated] >= np.maximum(minimum, weighed.mix_coated_powder[coated]) - 1e-9)
    assert np.all(made[~coated] == 0.0)


def test_chosen_rounding_is_the_nearest_accepted_one() -> None:
    x = np.array([[80.0, 5.0, 1.0, 2.3]])  # 42.1 mg coated powder and 1.15 mg fibre in 50 mg
    free = weigh(x, 50.0, Balance(1.0))
    assert (free.mix_coated_powder[0], free.mix_vgcf[0]) == (42.0, 1.0)
    more_fibre = weigh(x, 50.0, Balance(1.0), accept=lambda made: made[:, 3] >= 2.3)
    assert (more_fibre.mix_coated_powder[0], more_fibre.mix_vgcf[0]) == (42.0, 2.0)


def test_recipe_that_no_rounding_keeps_is_marked_and_has_no_masses() -> None:
    x = np.array([[80.0, 5.0, 1.0, 2.3], [80.0, 5.0, 1.0, 2.0]])
    weighed = weigh(x, 50.0, Balance(1.0), accept=lambda made: np.abs(made[:, 3] - 2.0) < 1e-6)
    assert weighed.weighable.tolist() == [True, True]
    weighed = weigh(x, 50.0, Balance(1.0), accept=lambda made: np.abs(made[:, 3] - 2.3) < 1e-6)
    assert weighed.weighable.tolist() == [False, False]
    assert np.isnan(realised(weighed)[:, 0]).all()


def test_recipe_far_over_its_shell_budget_cannot_be_weighed() -> None:
    assert weighable(200.0, accepted)(np.array([[92.0, 25.0, 1.0, 0.0], [80.0, 5.0, 1.0, 0.0]])).tolist() == [False, True]


def test_no_recipes_are_weighed_to_no_masses() -> None:
    assert realised(weigh(np.empty((0, 4)), 200.0, accept=accepted)).shape == (0, 4)


@given(st.integers(500, 20_000), st.sampled_from([0.01, 0.05, 0.1, 0.5, 1.0]), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_any_batch_and_balance_keep_the_limits_or_say_so(tenths: int, resolution: float, seed: int) -> None:
    batch = float(round(tenths / 10 / resolution)) * resolution
    batch = round(batch, 2)
    weighed = weigh(feasible(300, seed), batch, Balance(resolution), accept=accepted)
    assert accepted(realised(weighed)[weighed.weighable]).all()
    assert weighed.weighable.mean() > 0.99


def test_sheet_gives_masses_by_name_and_the_recipe_they_make() -> None:
    made = sheet(Recipe(76.0, 5.0, 1.5, 3.0), 200.0, accept=accepted)
    assert made.masses_mg == {"coating_am": 4750.0, "coating_se": 250.0, "mix_coated_powder": 160.0, "mix_free_se": 34.0, "mix_vgcf": 6.0}
    assert made.realised.values() == pytest.approx((76.0, 5.0, 1.5, 3.0))


def test_sheet_masses_print_without_float_noise() -> None:
    made = sheet(Recipe(81.5, 7.0, 1.5, 1.3), 133.7, Balance(0.1), accept=accepted)
    assert all(Decimal(repr(mass)) % Decimal("0.1") == 0 for mass in made.masses_mg.values())


def test_sheet_of_a_recipe_that_breaks_its_limits_is_refused() -> None:
    with pytest.raises(WeighingError, match=r"no rounding of a 200 mg batch to 0.1 mg does; make a larger batch"):
        sheet(Recipe(92.0, 25.0, 1.0, 0.0), 200.0, accept=accepted)


def test_balance_without_resolution_is_refused() -> None:
    with pytest.raises(WeighingError, match="balance resolution must be above 0 mg, got 0"):
        Balance(0.0)


def test_batch_finer_than_the_balance_is_refused() -> None:
    with pytest.raises(WeighingError, match=r"batch must be a whole multiple of the balance's 0.1 mg, got 200.05 mg"):
        weigh(feasible(1, 0), 200.05)


@pytest.mark.parametrize(("batch", "mill"), [(0.0, 5000.0), (-5.0, 5000.0), (200.0, -1.0), (float("nan"), 5000.0)])
def test_batch_or_mill_without_mass_is_refused(batch: float, mill: float) -> None:
    with pytest.raises(WeighingError, match="batch must be above 0 mg and the mill's minimum at least 0 mg"):
        weigh(feasible(1, 0), batch, mill_minimum_mg=mill)
