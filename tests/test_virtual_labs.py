"""The virtual labs: what they may import, that they repeat, how noisy they are, that they are realistic, and how they are scored."""

import ast
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from objectives.composition import Array, compose
from objectives.energy import derive
from objectives.limits import electrode_constraints
from optimizer.campaign import load_campaign
from tests.benchmarks.virtual_labs import far, lab, matter, near, ours, recipes, run, score
from tests.benchmarks.virtual_labs.lab import CONDITIONS, DENSITY_MIN, FAMILIES, NOISE, TAU_MAX, Task, best, judge, make_lab, regret
from tests.benchmarks.virtual_labs.others import OTHERS

PACKAGE = "tests.benchmarks.virtual_labs"
FOLDER = Path(lab.__file__).parent
SOME = [("near", 0), ("near", 5), ("far", 0), ("far", 7)]


def imported(module: str) -> set[str]:
    """Return every module that a module of the benchmark imports, by whatever statement."""
    found = set()
    for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what they reach"
            found |= {f"{node.module}.{alias.name}" if node.module == PACKAGE else str(node.module) for alias in node.names}
        elif isinstance(node, ast.Name):
            assert node.id not in ("__import__", "eval", "exec", "importlib"), f"{module} imports behind the back of this test"
    return found


@pytest.mark.parametrize("module", ["near", "far", "lab"])
def test_truths_import_nothing_of_the_product_directly_or_through_others(module: str) -> None:
    seen, left = set(), [module]
    while left:
        name = left.pop()
        seen.add(name)
        for other in imported(name):
            if other.startswith(f"{PACKAGE}."):
                inner = other.removeprefix(f"{PACKAGE}.")
                left += [] if inner in seen else [inner]
            else:
                assert other.split(".")[0] in {"numpy", *sys.stdlib_module_names}, f"{name} imports {other}"
    assert not seen & {"ours", "others", "plain_space", "botorch_labs"}


def test_far_truths_write_down_their_differences_of_form() -> None:
    numbered = [line for line in str(far.__doc__).splitlines() if line[:2] in ("1.", "2.", "3.", "4.")]
    assert [line.split(":")[0][3:] for line in numbered] == ["Packing law", "Percolation law", "Rate law", "Carbon"]


@pytest.mark.parametrize("module", [near, far])
def test_labs_of_a_seed_are_one_lab_and_others_differ(module: object) -> None:
    draw = module.draw  # type: ignore[attr-defined]
    x = recipes.random_recipes(50, np.random.default_rng(0))
    first, again, other = (draw(np.random.default_rng(seed)).outcomes(x, 60.0, 0.05) for seed in (3, 3, 4))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.allclose(a, c)


def test_noise_belongs_to_the_cell_not_to_who_measures_it() -> None:
    made, x = make_lab("near", 0), recipes.random_recipes(6, np.random.default_rng(0))
    task = Task("hard", both_conditions=True)
    whole = made.measure(x, task, 8)
    parts = made.measure(x[:4], task, 8).and_then(made.measure(x[4:], task, 12))
    alone = made.measure(x, Task("hard"), 8)
    for name in ("recipes", "porosity", "ionic_tau", "electronic"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    np.testing.assert_array_equal(whole.capacity["easy"], parts.capacity["easy"])
    np.testing.assert_array_equal(whole.capacity["hard"], alone.capacity["hard"])
    assert list(alone.capacity) == ["hard"], "a second condition is a switch"
    assert not np.array_equal(whole.porosity, made.measure(x, task, 9).porosity)


def test_noise_is_as_large_as_it_says() -> None:
    made = make_lab("near", 0)
    top = np.array([best("near", 0, "hard").recipe])
    seen = made.measure(np.repeat(top, 2000, axis=0), Task("hard"), 0)
    true = made.truth.outcomes(top, *CONDITIONS["hard"][:2])
    sd = {
        "capacity": np.std(seen.capacity["hard"] / true.capacity),
        "porosity": np.std(seen.porosity),
        "ionic_tau": np.std(np.log(seen.ionic_tau)),
        "electronic": np.std(np.log(seen.electronic)),
        "voltage": np.std(seen.voltage["hard"]),
    }
    for name, value in sd.items():
        assert value == pytest.approx(NOISE[name], rel=0.06), name  # 2000 draws: 1.6 % standard error
    assert seen.capacity["hard"].mean() == pytest.approx(true.capacity[0], rel=0.002)


@pytest.mark.parametrize(("family", "seed"), SOME)
def test_labs_are_realistic_neither_trivial_nor_impossible(family: str, seed: int) -> None:
    truth, x = make_lab(family, seed).truth, recipes.random_recipes(2000, np.random.default_rng(5))
    for name, condition in CONDITIONS.items():
        found, judged = truth.outcomes(x, *condition[:2]), judge(truth, x, name)
        assert 0.09 <= np.median(found.porosity) <= 0.20
        assert 2.0 <= np.median(found.ionic_tau) <= 40.0
        assert found.ionic_tau.min() >= 1.0
        assert 0.0 <= found.capacity.min() <= found.capacity.max() <= 230.0
        assert 0.15 <= judged.feasible.mean() <= 0.85
        top = best(family, seed, name)
        assert 60.0 <= truth.outcomes(np.array([top.recipe]), *condition[:2]).capacity[0] <= 215.0
        within = judged.feasible & (judged.energy >= 0.97 * top.energy)
        assert within.mean() < 0.05, "random recipes must not do"
    easy, hard = (truth.outcomes(x, *CONDITIONS[name][:2]).capacity for name in ("easy", "hard"))
    assert (easy >= hard).mean() > 0.99


@pytest.mark.parametrize("family", list(FAMILIES))
def test_labs_are_the_first_realistic_draw_of_their_seed(family: str) -> None:
    assert len(lab.FIRST_REALISTIC[family]) == 12
    assert lab.first_realistic(family, 2) == lab.FIRST_REALISTIC[family][2]


@pytest.mark.parametrize("condition", list(CONDITIONS))
def test_16_random_recipes_are_neither_enough_nor_hopeless(condition: str) -> None:
    for family, seed in SOME:
        found = lab.random_regret(make_lab(family, seed).truth, condition, best(family, seed, condition).energy)
        assert 0.08 <= found <= 0.25


@pytest.mark.parametrize(("family", "seed"), SOME)
@pytest.mark.parametrize("condition", list(CONDITIONS))
def test_best_is_not_beaten_by_a_search_of_its_own(family: str, seed: int, condition: str) -> None:
    truth, top = make_lab(family, seed).truth, best(family, seed, condition)
    around = recipes.on_grid(recipes.unit(np.array([top.recipe])) + 0.02 * np.random.default_rng(9).standard_normal((20_000, 4)))
    x = np.concatenate([around, recipes.random_recipes(20_000, np.random.default_rng(8))])
    judged = judge(truth, x, condition)
    assert judged.energy[judged.feasible].max() <= top.energy * 1.001
    at_best = judge(truth, np.array([top.recipe]), condition)
    assert at_best.feasible[0]
    assert at_best.energy[0] == pytest.approx(top.energy)
    found = truth.outcomes(np.array([top.recipe]), *CONDITIONS[condition][:2])
    assert 1.0 - found.porosity[0] >= DENSITY_MIN
    assert found.ionic_tau[0] <= TAU_MAX


def test_regret_counts_feasible_recipes_only() -> None:
    made, task = make_lab("far", 0), Task("easy")
    x = recipes.random_recipes(500, np.random.default_rng(2))
    judged = judge(made.truth, x, "easy")
    assert regret(made, x[~judged.feasible], task) == 1.0
    assert regret(made, np.array([best("far", 0, "easy").recipe]), task) == pytest.approx(0.0)
    assert 0.0 < regret(made, x, task) == pytest.approx(1.0 - judged.energy[judged.feasible].max() / best("far", 0, "easy").energy)
    assert 0.0 < regret(made, x, Task("easy", objectives=2)) < 1.0


def test_hypervolume_is_the_area_of_the_union() -> None:
    points = np.random.default_rng(0).random((7, 2)) * 10.0
    grid = (np.arange(2000) + 0.5) / 200.0
    x, y = np.meshgrid(grid, grid)
    covered = np.logical_or.reduce([(x <= a) & (y <= b) for a, b in points]) & (x > 2.0) & (y > 1.0)
    assert lab.hypervolume(points, (2.0, 1.0)) == pytest.approx(covered.mean() * 100.0, rel=0.01)


def test_energy_is_the_products() -> None:
    x = recipes.random_recipes(200, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    porosity, capacity, voltage = rng.uniform(0.05, 0.3, 200), rng.uniform(60.0, 215.0, 200), rng.uniform(3.5, 3.8, 200)
    made = compose(x[:, 0], x[:, 1], x[:, 3], other_wt=0.0, am_radius_um=3.75, am_density=4.8, se_density=1.64, vgcf_density=2.0, other_density=2.2)
    campaign = load_campaign()
    expected = derive(made.theoretical_density, x[:, 0], porosity, capacity, voltage, campaign.conditions.loading_mg_cm2, campaign.stack)
    np.testing.assert_allclose(matter.energy(x, porosity, capacity, voltage), expected.volumetric_energy_density, rtol=1e-12)
    mine = matter.solids(x)
    np.testing.assert_allclose(mine.density, made.theoretical_density, rtol=1e-12)
    np.testing.assert_allclose(mine.shell_um, made.shell_um, atol=1e-9)


def test_design_space_is_the_bundled_campaigns() -> None:
    space = load_campaign().space
    x = recipes.random_recipes(2000, np.random.default_rng(0))
    np.testing.assert_array_equal(recipes.LOWER, [0.0 if p.zero else p.lower for p in space.parameters])
    np.testing.assert_array_equal(recipes.UPPER, [p.upper for p in space.parameters])
    np.testing.assert_allclose(np.stack([p.snap(column) for p, column in zip(space.parameters, x.T, strict=True)], axis=1), x, rtol=1e-9)
    hard = {c.name: c for c in electrode_constraints(space, lambda x: np.ones(len(x)))}
    np.testing.assert_allclose(recipes.free_se(x), hard["shell_budget"].margin(x), atol=1e-9)
    assert all((constraint.margin(x) >= -1e-9).all() for constraint in hard.values())
    assert recipes.allowed(x).all()
    anywhere = recipes.on_grid(np.random.default_rng(1).random((5000, 4)))
    assert recipes.allowed(anywhere).all()


@pytest.mark.parametrize("name", ["random", "tpe", "ours-plain"])
@pytest.mark.parametrize("objectives", [1, 2])
def test_methods_ask_for_recipes_that_can_be_made_and_repeat_themselves(name: str, objectives: int) -> None:
    task = Task("hard", objectives)
    history = make_lab("near", 0).start(task)
    first, again = (OTHERS[name](task, history, 4, 5) for _ in range(2))
    assert first.shape == (4, 4)
    assert recipes.allowed(first).all()
    np.testing.assert_array_equal(first, again)


def test_ours_gets_a_row_a_condition_and_the_limits_of_everyone() -> None:
    task = Task("hard", both_conditions=True)
    history, campaign = make_lab("near", 0).start(task), ours.campaign_of(task)
    cells = ours.cells_of(history)
    assert len(cells) == 16
    assert [cell.name for cell in cells[:3]] == ["cell 1", "cell 1", "cell 2"]
    assert (cells[0].c_rate, cells[1].c_rate) == (0.2, 0.05)
    assert cells[0].outcomes["porosity"].value == history.porosity[0]
    assert set(cells[1].outcomes) == {"discharge_capacity", "mean_discharge_voltage"}
    assert campaign.conditions.c_rate == 0.2
    assert campaign.ohmic_is_limit, "at a condition of no limit the drop would be taken off the voltage"
    assert campaign.limits.relative_density_min == DENSITY_MIN
    assert [(limit.outcome, limit.max) for limit in campaign.outcome_limits] == [("ionic_tortuosity_factor", TAU_MAX)]


def test_everyone_starts_from_the_same_cells_and_regret_never_rises() -> None:
    made = make_lab("far", 0)
    runs = [run.campaign_of(made, Task("easy"), OTHERS[name], 20)[0] for name in ("random", "tpe")]
    for found in runs:
        assert len(found) == 4
        assert all(a >= b for a, b in pairwise(found))
    assert runs[0][0] == runs[1][0]


def line(*regrets: float) -> dict[str, object]:
    return {"start": 8, "batch": 4, "regret": list(regrets)}


def test_cells_count_whole_batches_and_a_run_that_never_arrives_counts_64() -> None:
    assert score.cells_to(line(0.5, 0.2, 0.03, 0.01)) == 16
    assert score.cells_to(line(0.02)) == 8
    assert score.cells_to(line(0.5, 0.2)) == score.NEVER == 64
    assert score.after(line(0.5, 0.2, 0.1), 16) == 0.1
    assert score.after(line(0.5, 0.2), 32) == 0.2


def test_bootstrap_and_paired_test_see_a_difference_and_no_difference() -> None:
    better, worse = np.linspace(10.0, 20.0, 12), np.linspace(30.0, 60.0, 12)
    means: Array = score.bootstrap(better, worse)
    assert means.mean(axis=1) == pytest.approx([15.0, 45.0], rel=0.02)
    assert score.paired_p(better, worse) < 0.001
    assert score.paired_p(better, better) == 1.0


def test_committed_runs_are_of_these_labs() -> None:
    lines = run.read(sorted(score.COMMITTED.glob("*.jsonl")))
    assert lines
    assert {entry["version"] for entry in lines} == {lab.version()}
    assert len({run.key_of(entry) for entry in lines}) == len(lines)
    for entry in lines:
        if (entry["family"], entry["lab"]) in (("near", 0), ("far", 7)):  # two of the labs, so that this is quick
            task = Task(entry["condition"], entry["objectives"], entry["both_conditions"])
            made = make_lab(entry["family"], entry["lab"])
            assert entry["regret"][0] == pytest.approx(regret(made, made.start(task).recipes, task), abs=1e-4)
    assert {entry["family"] for entry in lines} == set(FAMILIES)
