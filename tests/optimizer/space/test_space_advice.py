from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from objectives.cell import Measured
from objectives.repair import feasible_sample
from optimizer.advice import Advice, advise_in_space
from optimizer.advice_text import sentences
from optimizer.explanation import explain_in_space
from optimizer.importance import of_space
from optimizer.request import SuggestError
from optimizer.space.campaign import SpaceCampaign, parse_space_campaign
from optimizer.space.model import fit_space_model
from optimizer.space.table import Trial

LINE = """
name = "line"
physics = "none"
[space.x]
lower = 0
upper = 1
step = 0.25
[[outcome]]
name = "y"
unit = "N"
repeatability = 1.0
[[objective]]
outcome = "y"
reference = 0
"""


def line_trials(values: Sequence[tuple[float, float]]) -> list[Trial]:
    return [Trial(i + 2, f"trial {i + 1}", (x,), {"y": Measured(y)}) for i, (x, y) in enumerate(values)]


def on_the_line(values: Sequence[tuple[float, float]]) -> Advice:
    return advise_in_space(parse_space_campaign(LINE, "line"), 1, trials=line_trials(values))


@pytest.fixture(scope="module")
def trials(graphite: SpaceCampaign, truth: Callable[..., dict[str, float]]) -> list[Trial]:
    rows = feasible_sample(graphite.space, graphite.constraints, 12)
    return [
        Trial(i + 2, f"trial {i + 1}", tuple(map(float, row)), {name: Measured(v) for name, v in truth(graphite.recipe(row)).items()})
        for i, row in enumerate(rows)
    ]


def test_recipe_that_nearly_ties_is_repeated_before_a_hopeless_one_is_tried() -> None:
    found = on_the_line([(0.0, 9.0), (0.25, 9.3), (0.75, 2.0), (1.0, 1.0)])
    assert found.repeat is not None
    assert found.names[found.repeat.at] in ("trial 1", "trial 2")
    assert found.verdict in ("repeat", "stop")
    assert found.names[found.repeat.at] in sentences(found)[0]


def test_recipe_that_is_known_well_is_not_worth_repeating() -> None:
    few = on_the_line([(0.0, 9.0), (0.25, 9.3), (0.75, 2.0), (1.0, 1.0)])
    many = on_the_line([*([(0.0, 9.0)] * 30), *([(0.25, 9.3)] * 30), (0.75, 2.0), (1.0, 1.0)])
    assert many.repeats[0].value.gain < 0.2 * few.repeats[0].value.gain
    scattered = many.scatter[0]
    assert (scattered.cells, scattered.recipes) == (60, 2)
    assert scattered.sd < 0.5 * scattered.usual  # thirty equal cells say that the stated 1 N is too much


def test_space_without_physics_gets_the_same_advice(graphite: SpaceCampaign, trials: list[Trial]) -> None:
    found = advise_in_space(graphite, 2, trials=trials)
    assert found.simulate == ()
    assert found.verdict in ("go on", "repeat", "stop")
    assert json.dumps(found.as_json(), allow_nan=False)
    with pytest.raises(SuggestError, match="advice needs at least 4"):
        advise_in_space(graphite, 2, trials=trials[:2])


def test_space_without_physics_is_explained_by_its_trials(graphite: SpaceCampaign, trials: list[Trial]) -> None:
    found = explain_in_space(fit_space_model(graphite, trials), np.array(trials[3].recipe), 0)
    assert found.parts == {}
    assert found.nearest[0].moves == "the same recipe"
    assert json.dumps(found.as_json(), allow_nan=False)


def test_what_a_made_up_truth_depends_on_is_found(graphite: SpaceCampaign, trials: list[Trial]) -> None:
    found = {one.outcome: one for one in of_space(graphite, trials, 0)}
    capacity = found["areal_capacity"].of_mean
    assert max(capacity, key=lambda name: capacity[name]) == "loading_mg_cm2"
    with pytest.raises(SuggestError, match="importance needs"):
        of_space(graphite, trials[:1], 0)


def test_gain_of_an_outcome_that_is_to_fall_is_said_as_a_fall() -> None:
    less = parse_space_campaign(LINE.replace("reference = 0", 'reference = 12\ndirection = "minimize"'), "line")
    found = advise_in_space(less, 1, trials=line_trials([(0.0, 9.0), (0.25, 7.0), (0.5, 4.0), (0.75, 2.0)]))
    assert sentences(found)[1].startswith("Next cell: -")
    assert found.outlook.gain.mean > 0.0
