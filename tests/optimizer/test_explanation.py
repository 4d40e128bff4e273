from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from objectives.cell import Cell, Measured
from objectives.design_space import DesignSpace
from objectives.parameter import Parameter, category
from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.cli import app
from optimizer.decompose import decompose
from optimizer.explanation import explain
from optimizer.model import FittedModel, fit_model
from optimizer.whatif import reach, steps

MODEL_4 = Recipe(85.0, 5.0, 1.5, 2.3)
X = np.array(MODEL_4.values())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_parts_add_up_to_the_prediction(model: FittedModel) -> None:
    parts = decompose(model, X)
    samples = model.samples(X[None], 4096, 0)
    for name in ("porosity", "discharge_capacity", "volumetric_energy_density"):
        assert parts[name].total == pytest.approx(float(samples.outcomes[name].mean()), rel=0.01)
    centre = model.predictors["porosity"].predict(model.inputs(X[None])["porosity"]).mean
    assert parts["porosity"].total == pytest.approx(float(model.campaign.outcomes["porosity"].from_natural(centre)[0]))
    assert parts["relative_density"].lab == pytest.approx(-parts["porosity"].lab)
    assert parts["mean_discharge_voltage"].learned == 0.0


def test_lab_without_cells_has_no_part_of_its_own(campaign: Campaign) -> None:
    parts = decompose(fit_model(campaign.at(study="new")), X)
    assert max(abs(part.lab) / max(abs(part.total), 1e-9) for part in parts.values()) < 0.02


def test_cells_that_lie_below_the_pool_are_the_labs_own_part(campaign: Campaign) -> None:
    recipes = [Recipe(am, 5.0, 1.5, 2.3) for am in (80.0, 83.0, 86.0)]
    cells = [Cell(i + 2, f"cell {i}", recipe, {"discharge_capacity": Measured(150.0)}) for i, recipe in enumerate(recipes)]
    part = decompose(fit_model(campaign.at(study="new"), cells=cells), X)["discharge_capacity"]
    assert part.lab < -15.0
    assert abs(part.learned) < abs(part.lab)


def test_one_lab_step_changes_what_physics_says_it_does(model: FittedModel) -> None:
    found = {(step.parameter, step.to): step for _, step in explain(model, MODEL_4, 0).steps}
    more, less = found["am_wt", 85.5].change, found["am_wt", 84.5].change
    assert more["ionic_tortuosity_factor"].mean > 0.0 > less["ionic_tortuosity_factor"].mean
    assert more["discharge_capacity"].high < 0.0 < less["discharge_capacity"].low
    assert all(step.allowed for step in found.values())


def test_steps_stay_on_the_grid_and_inside_the_bounds(campaign: Campaign) -> None:
    corner = np.array([92.0, 0.0, 0.5, 0.0])
    moved = [(name, row) for name, row in steps(campaign.space, corner)]
    assert [name for name, _ in moved] == ["am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt"]
    assert [float(row[i]) for i, (_, row) in enumerate(moved)] == pytest.approx([91.5, 2.0, 0.625, 0.1])
    for _, row in steps(campaign.space, X):
        assert campaign.space.on_grid(row[None])[0]


def test_categories_step_to_every_other_option_and_ranges_without_a_grid_by_a_share() -> None:
    space = DesignSpace((category("binder", ("A", "B", "C")), Parameter("t", 0.0, 10.0, None, "s")))
    assert [(name, *map(float, row)) for name, row in steps(space, np.array([1.0, 10.0]))] == [
        ("binder", 0.0, 10.0),
        ("binder", 2.0, 10.0),
        ("t", 1.0, 9.5),
    ]


def test_extrapolation_is_warned_of(model: FittedModel) -> None:
    inside, beyond = explain(model, MODEL_4, 0), explain(model, Recipe(91.0, 5.0, 0.5, 2.3), 0)
    assert inside.warning == ""
    assert inside.nearest[0].name == "Model 4, 85 wt% (kim2025)"
    assert inside.nearest[0].near.moves == pytest.approx({"vgcf_wt": -0.04})
    assert "AM, SE size lie beyond every measured cell" in beyond.warning


def test_gap_in_the_middle_is_an_extrapolation_too(campaign: Campaign) -> None:
    measured = np.array([[70.0, 2.0, 1.0, 1.0], [71.0, 2.0, 1.0, 1.0], [91.0, 2.0, 1.0, 1.0], [90.0, 2.0, 1.0, 1.0]])
    found = reach(campaign.space, measured, np.array([80.5, 2.0, 1.0, 1.0]))
    assert found.outside == ()
    assert found.extrapolates
    assert not reach(campaign.space, measured, np.array([70.5, 2.0, 1.0, 1.0])).extrapolates


def test_predict_explains_on_request(tmp_path: Path) -> None:
    recipe = ["--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3"]
    text = run("predict", *recipe, "--explain")
    assert text.exit_code == 0
    for part in ("What it is made of", "What if", "Nearest measured"):
        assert part in text.stdout
    data = json.loads(run("predict", *recipe, "--explain", "--json").stdout)
    assert {"parts", "one_lab_step", "nearest_measured", "extrapolation"} == set(data["explanation"])
    assert "explanation" not in json.loads(run("predict", *recipe, "--json").stdout)
    refused = run("predict", "--campaign", "graphite-anode", "--explain")
    assert refused.exit_code == 1
    assert "--cells" in refused.stderr
