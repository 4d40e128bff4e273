import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.calibration import load_calibration
from objectives.composition import Array, Mask
from objectives.constraints import Constraint, bounds, holds, linear, margins, nonlinear
from objectives.design_space import DesignSpace
from objectives.electrode import Electrodes, closed_form
from objectives.limits import electrode_constraints
from objectives.parameter import DesignSpaceError, Parameter
from objectives.repair import InfeasibleError, feasible_sample, low_discrepancy, nearest_feasible, repair
from objectives.weighing import Balance, realised, weigh, weighable

CALIBRATED = load_calibration().parameters()

ELECTRODE = DesignSpace(
    (
        Parameter("am_wt", 70.0, 92.0, 0.5, "wt%"),
        Parameter("coating_se_wt", 2.0, 25.0, 1.0, "wt%", zero=True),
        Parameter("se_particle_um", 0.5, 20.0, None, "um", "log"),
        Parameter("vgcf_wt", 0.0, 5.0, 0.1, "wt%"),
    )
)


def percolation(x: Array) -> Array:
    am_wt, coating, size, vgcf = x.T
    return closed_form(
        Electrodes(
            am_wt, coating, size, vgcf, temperature_c=60.0, c_rate=0.05, pressure_mpa=500.0, loading_mg_cm2=30.6, am_radius_um=3.75, am_density=4.8,
            se_density=1.64, sigma_fine=2.224, sigma_coarse=np.nan, sigma_temperature_c=30.0, plateau_mah_g=np.nan,
        ),
        CALIBRATED,
    ).percolation_margin  # fmt: skip


CONSTRAINTS = electrode_constraints(ELECTRODE, percolation)


def accepted(x: Array) -> Mask:
    return holds(CONSTRAINTS, x)


def violations(constraints: tuple[Constraint, ...], x: Array) -> int:
    return int(sum(np.sum(~(margin >= -1e-9)) for margin in margins(constraints, x).values()))


def distance(space: DesignSpace, x: Array, y: Array) -> Array:
    away: Array = np.linalg.norm(space.encode(np.atleast_2d(x)) - space.encode(np.atleast_2d(y)), axis=1)
    return away


@st.composite
def problems(draw: st.DrawFn, most: int = 5, finest: int = 60) -> tuple[DesignSpace, tuple[Constraint, ...]]:
    """A random space with a random linear and a random nonlinear constraint, both met by one of its recipes."""
    parameters = []
    for k in range(draw(st.integers(1, most))):
        scale = draw(st.sampled_from(["linear", "log"]))
        zero = draw(st.booleans())
        lower = draw(st.integers(1 if zero or scale == "log" else -300, 300))
        stride = draw(st.integers(1, 20))
        upper = lower + stride * draw(st.integers(1, finest))
        step = stride / 10 if finest < 60 or draw(st.booleans()) else None
        parameters.append(Parameter(f"p{k}", lower / 10, upper / 10, step, "u", scale, zero))  # type: ignore[arg-type]
    space = DesignSpace(tuple(parameters))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inside = space.sample(rng.random((1, space.dimension)))
    weights = rng.normal(size=space.dimension) / np.array([p.upper - p.lower for p in parameters])
    plane = linear(space, "plane", "1", dict(zip(space.names, weights, strict=True)), float((inside @ weights)[0]) + 1e-6)
    centre, radius = inside.mean(axis=0), rng.uniform(0.2, 1.0)
    spread = np.array([p.upper - p.lower for p in parameters])

    def ball(columns: dict[str, Array]) -> Array:
        return radius - np.linalg.norm((np.stack(list(columns.values()), axis=1) - centre) / spread, axis=1)

    return space, (*bounds(space), plane, nonlinear(space, "ball", "1", ball))  # type: ignore[arg-type]


@given(problems(), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_repaired_recipes_of_any_space_are_on_the_grid_and_keep_every_limit(problem: tuple[DesignSpace, tuple[Constraint, ...]], seed: int) -> None:
    space, constraints = problem
    lower, width = np.array([(p.lower, p.upper - p.lower) for p in space.parameters]).T
    wild = lower + width * np.random.default_rng(seed).uniform(-0.5, 1.5, (300, space.dimension))
    fixed = repair(space, constraints, wild)
    assert space.on_grid(fixed).all()
    assert violations(constraints, fixed) == 0


@given(problems(), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_repair_leaves_feasible_recipes_alone(problem: tuple[DesignSpace, tuple[Constraint, ...]], seed: int) -> None:
    space, constraints = problem
    x = feasible_sample(space, constraints, 50, seed=seed)
    assert np.array_equal(repair(space, constraints, x), x)


@pytest.mark.parametrize(("batch", "resolution"), [(50.0, 1.0), (200.0, 0.1), (2000.0, 0.01)])
def test_hundred_thousand_recipes_keep_every_limit_on_the_grid_and_on_the_balance(batch: float, resolution: float) -> None:
    balance = Balance(resolution)
    x = ELECTRODE.sample(low_discrepancy(100_000, 4, seed=7))
    assert violations(CONSTRAINTS, x) > 10_000  # or there is nothing to repair
    fixed = repair(ELECTRODE, CONSTRAINTS, x, weighable(batch, accepted, balance))
    made = weigh(fixed, batch, balance, accept=accepted)
    assert ELECTRODE.on_grid(fixed).all()
    assert violations(CONSTRAINTS, fixed) == 0
    assert made.weighable.all()
    assert violations(CONSTRAINTS, realised(made)) == 0


def test_repaired_electrodes_sit_on_the_surface_of_a_limit() -> None:
    x = ELECTRODE.sample(low_discrepancy(20_000, 4, seed=7))
    x = x[~accepted(x)]
    fixed = repair(ELECTRODE, CONSTRAINTS, x)
    towards = ELECTRODE.decode(ELECTRODE.encode(fixed) + 0.1 * (ELECTRODE.encode(x) - ELECTRODE.encode(fixed)))
    moved = ~np.all(towards == fixed, axis=1)
    assert np.mean(accepted(towards[moved])) < 0.1  # a tenth of the way further breaks a limit


def test_repair_gives_back_each_wanted_value_that_it_can() -> None:
    x = ELECTRODE.sample(low_discrepancy(20_000, 4, seed=7))
    x = x[~accepted(x)]
    fixed = repair(ELECTRODE, CONSTRAINTS, x)
    last = fixed.copy()
    last[:, 3] = x[:, 3]  # the last column is tried last, so it can be had only where it was given
    assert not np.any(accepted(last) & (fixed[:, 3] != x[:, 3]))


def test_repair_is_the_same_every_time() -> None:
    x = ELECTRODE.sample(low_discrepancy(2000, 4, seed=3))
    assert np.array_equal(repair(ELECTRODE, CONSTRAINTS, x, seed=5), repair(ELECTRODE, CONSTRAINTS, x, seed=5))


def test_repair_of_no_recipes_is_no_recipes() -> None:
    assert repair(ELECTRODE, CONSTRAINTS, np.empty((0, 4))).shape == (0, 4)


def test_repair_takes_recipes_that_no_electrode_could_be() -> None:
    wild = np.array([[500.0, -3.0, -1.0, 80.0], [-500.0, 99.0, 1e9, -80.0]])
    assert accepted(repair(ELECTRODE, CONSTRAINTS, wild)).all()


def test_repair_asks_accept_about_every_recipe_that_it_returns() -> None:
    x = ELECTRODE.sample(low_discrepancy(5000, 4, seed=3))
    even = repair(ELECTRODE, CONSTRAINTS, x, lambda y: y[:, 1] % 2.0 == 0.0)
    assert np.all(even[:, 1] % 2.0 == 0.0)
    assert accepted(even).all()


def test_accept_that_refuses_nothing_changes_nothing() -> None:
    x = ELECTRODE.sample(low_discrepancy(5000, 4, seed=3))
    assert np.array_equal(repair(ELECTRODE, CONSTRAINTS, x, lambda y: np.ones(y.shape[0], dtype=np.bool_)), repair(ELECTRODE, CONSTRAINTS, x))


def test_small_feasible_corner_is_found_by_following_the_violations() -> None:
    parameters = tuple(Parameter(f"p{k}", 0.0, 100.0, 0.1, "wt%") for k in range(6))
    space = DesignSpace(parameters)
    constraints = (linear(space, "corner", "wt%", dict.fromkeys(space.names, 1.0), 12.0), linear(space, "first", "wt%", {"p0": -1.0}, -5.0))
    x = space.sample(low_discrepancy(1000, 6, seed=0))
    assert not holds(constraints, x).any()
    assert holds(constraints, repair(space, constraints, x)).all()


def test_limits_that_leave_nothing_are_refused_by_name() -> None:
    impossible = Constraint("impossible", "wt%", lambda x: np.full(x.shape[0], -1.0))
    with pytest.raises(InfeasibleError, match=r'"impossible" is broken by 100% of the space; widen the bounds or loosen a limit'):
        repair(ELECTRODE, (*bounds(ELECTRODE), impossible), np.array([[80.0, 5.0, 1.0, 1.0]]))
    assert nearest_feasible(ELECTRODE, (*bounds(ELECTRODE), impossible), np.array([80.0, 5.0, 1.0, 1.0])) is None


def test_accept_that_refuses_everything_leaves_nothing() -> None:
    x = np.array([80.0, 5.0, 1.0, 1.0])
    assert nearest_feasible(ELECTRODE, (), x, lambda y: np.zeros(y.shape[0], dtype=np.bool_)) is None
    with pytest.raises(InfeasibleError, match="accept refuses them all"):
        repair(ELECTRODE, (), x[None, :], lambda y: np.zeros(y.shape[0], dtype=np.bool_))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_recipes_that_are_not_numbers_are_refused(bad: float) -> None:
    with pytest.raises(DesignSpaceError, match="recipes must be finite numbers to be repaired"):
        repair(ELECTRODE, CONSTRAINTS, np.array([[80.0, bad, 1.0, 1.0]]))


@given(problems(most=3, finest=20), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_nearest_feasible_is_the_nearest_of_all_grid_recipes(problem: tuple[DesignSpace, tuple[Constraint, ...]], seed: int) -> None:
    space, constraints = problem
    every = np.array(list(itertools.product(*(p.values for p in space.parameters))))
    every = every[holds(constraints, every)]
    x = space.sample(np.random.default_rng(seed).random((1, space.dimension)))[0]
    found = nearest_feasible(space, constraints, x)
    assert found is not None
    assert space.on_grid(found[None, :]).all()
    assert holds(constraints, found[None, :]).all()
    assert distance(space, found, x)[0] <= distance(space, every, x).min() + 1e-9


def test_nearest_feasible_electrode_is_as_near_as_a_hundred_times_more_search() -> None:
    x = ELECTRODE.sample(low_discrepancy(60, 4, seed=11))
    for target in x[~accepted(x)][:12]:
        found = nearest_feasible(ELECTRODE, CONSTRAINTS, target)
        assert found is not None
        away = distance(ELECTRODE, found, target)[0]
        box = ELECTRODE.decode(ELECTRODE.encode(target[None, :]) + away * (2.0 * low_discrepancy(200_000, 4, seed=1) - 1.0))
        nearer = box[distance(ELECTRODE, box, target) < away - 0.01]  # under half a step of AM
        assert not accepted(nearer).any()


def test_nearest_feasible_electrode_can_be_weighed() -> None:
    accept = weighable(50.0, accepted, Balance(1.0))
    for target in np.array([[92.0, 25.0, 20.0, 5.0], [92.0, 9.0, 0.5, 0.0], [88.0, 4.0, 1.0, 1.0]]):
        found = nearest_feasible(ELECTRODE, CONSTRAINTS, target, accept)
        assert found is not None
        assert accept(found[None, :]).all()


def test_nearest_feasible_of_a_feasible_recipe_is_itself_on_the_grid() -> None:
    found = nearest_feasible(ELECTRODE, CONSTRAINTS, np.array([76.1, 5.2, 1.5001, 3.04]))
    assert found is not None
    assert found.tolist() == [76.0, 5.0, 1.5, 3.0]


def test_nearest_feasible_is_the_same_every_time() -> None:
    x = np.array([92.0, 25.0, 20.0, 5.0])
    first, second = (nearest_feasible(ELECTRODE, CONSTRAINTS, x, seed=4) for _ in range(2))
    assert first is not None
    assert np.array_equal(first, second)  # type: ignore[arg-type]


@pytest.mark.parametrize("d", [1, 2, 4, 7])
def test_low_discrepancy_points_fill_the_cube_more_evenly_than_random_ones(d: int) -> None:
    n = 4096
    even, loose = low_discrepancy(n, d, seed=0), np.random.default_rng(0).random((n, d))
    boxes = np.random.default_rng(1).random((500, d))
    worst = [np.max([abs(np.mean(np.all(points < box, axis=1)) - np.prod(box)) for box in boxes]) for points in (even, loose)]
    assert worst[0] < 0.7 * worst[1]
    assert even.min() >= 0.0
    assert even.max() < 1.0


def test_low_discrepancy_points_are_extended_and_shifted_by_seed() -> None:
    assert np.array_equal(low_discrepancy(100, 3, seed=2)[:40], low_discrepancy(40, 3, seed=2))
    assert not np.allclose(low_discrepancy(40, 3, seed=2), low_discrepancy(40, 3, seed=3))
