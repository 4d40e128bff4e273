from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.checks import check


def test_feasible_recipe_is_its_own_nearest(campaign: Campaign) -> None:
    answer = check(campaign, Recipe(85.0, 5.0, 1.5, 2.3))
    assert answer.feasible
    assert answer.nearest == answer.recipe
    assert answer.source == "physics"


@pytest.mark.parametrize(
    ("recipe", "limit"),
    [
        (Recipe(85.0, 25.0, 1.5, 2.3), "shell_budget"),
        (Recipe(95.0, 5.0, 1.5, 2.3), "bounds.am_wt"),
        (Recipe(90.0, 0.0, 15.0, 0.0), "ionic_percolation"),
        (Recipe(70.0, 0.0, 20.0, 0.0), "relative_density_min"),
        (Recipe(85.0, 30.0, 1.5, 2.3), "bounds.coating_se_wt"),
    ],
)
def test_refusal_names_the_limit_and_a_recipe_that_passes(campaign: Campaign, recipe: Recipe, limit: str) -> None:
    answer = check(campaign, recipe)
    assert not answer.feasible
    assert limit in {state.name for state in answer.limits if not state.holds}
    assert limit in answer.verdict
    assert answer.nearest is not None
    assert check(campaign, answer.nearest).feasible


def test_nearest_feasible_is_near(campaign: Campaign) -> None:
    answer = check(campaign, Recipe(92.5, 5.0, 0.5, 1.0))
    assert answer.nearest is not None
    assert answer.nearest.am_wt == pytest.approx(92.0, abs=3.0)


def test_outcomes_are_finite_and_capped_where_nothing_percolates(campaign: Campaign) -> None:
    answer = check(campaign, Recipe(92.0, 0.0, 20.0, 0.0))
    data = answer.as_json()
    assert data["percolates"] is False
    assert data["predicted"]["ionic_tortuosity_factor"]["mean"] == pytest.approx(200.0)
    values = [v for entry in data["predicted"].values() for v in (entry["mean"], entry["low"], entry["high"])]
    assert np.isfinite(values).all()
    json.dumps(data, allow_nan=False)


def test_check_imports_no_torch_and_no_scipy() -> None:
    code = (
        "import sys; from optimizer.cli.app import app; from typer.testing import CliRunner;"
        "r = CliRunner().invoke(app, ['check', '--am', '85', '--coating', '95:5', '--se-size', '1.5', '--vgcf', '2.3']);"
        "assert r.exit_code == 0, r.output; bad = {'torch', 'scipy', 'sklearn', 'botorch', 'ray'} & set(sys.modules); assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
