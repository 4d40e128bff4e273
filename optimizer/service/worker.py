"""What a worker process does: suggest, predict, check, advise, explain what matters, simulate. Plain data in and out; models kept by data hash.

The functions are those of the command line, so the numbers are too. Heavy libraries load in the functions that need them: the web process
imports this module for its names and never runs it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from objectives.recipe import Recipe
from optimizer.service.problems import REFUSALS, Problem, problem_of, refusing
from optimizer.space.campaign import SpaceCampaign
from optimizer.store import RecordError, Snapshot, StoreError
from optimizer.store.kinds import parameters_of, row_of

MODELS = 4  # fitted models kept: a campaign or two, and their states before the last cells
Answer = dict[str, Any]
_models: OrderedDict[str, Any] = OrderedDict()


def work(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return the result of one piece of work, or the problem that it is; what a campaign or a recipe does not allow is no fault."""
    try:
        return {"result": WORK[kind](snapshot, request)}
    except (*REFUSALS, ImportError) as error:
        if isinstance(error, StoreError):
            return {"problem": problem_of(error).as_json()}
        logging.getLogger(__name__).info("refused %s", kind, exc_info=error)
        problem = refusing(error, "request")
        return {"problem": Problem(422, "refused", problem.detail).as_json()}


def warm() -> None:
    """Load what models need, before anybody waits for it."""
    import optimizer.space.suggestion
    import optimizer.suggestion  # noqa: F401


def _model(snapshot: Snapshot) -> Any:
    """Return the model fitted to a snapshot's data; a second question about the same data finds it fitted."""
    if snapshot.data_hash in _models:
        _models.move_to_end(snapshot.data_hash)
        return _models[snapshot.data_hash]
    if isinstance(snapshot.campaign, SpaceCampaign):
        from optimizer.space.model import fit_space_model

        made: Any = fit_space_model(*snapshot.space)
    else:
        from optimizer.model import fit_model

        campaign, cells = snapshot.electrode
        made = fit_model(campaign, cells=cells)
    _models[snapshot.data_hash] = made
    while len(_models) > MODELS:
        _models.popitem(last=False)
    return made


def propose(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return a batch as `glittercake suggest` prints it, with its recipes to the last digit."""
    from optimizer.request import check_request

    n, seed, strategy = check_request(request["n"], request["seed"]), request["seed"], request["strategy"]
    answer: Any
    if isinstance(snapshot.campaign, SpaceCampaign):
        from optimizer.space.suggestion import suggest_in_space

        space, trials = snapshot.space
        answer = suggest_in_space(space, n, seed, trials=trials, pending=snapshot.pending, strategy=strategy)
        recipes = [dict(one.recipe) for one in answer.suggestions]
    else:
        from optimizer.suggestion import suggest_from

        answer = suggest_from(_model(snapshot), n, seed, snapshot.pending, strategy)
        recipes = [dict(parameters_of(snapshot.campaign, np.array(one.recipe.values()))) for one in answer.suggestions]
    return {"batch": answer.as_json(), "recipes": recipes}


def predict(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return what the models expect of a recipe, and on request why, as `glittercake predict` prints it."""
    row = row_of(snapshot.campaign, request["recipe"])
    from optimizer.checks import SEED

    found: Any
    explained: Any = None
    if isinstance(snapshot.campaign, SpaceCampaign):
        from optimizer.explanation import explain_in_space
        from optimizer.space.check import check_in_space

        space, trials = snapshot.space
        found = check_in_space(space, np.array(row), trials)
        if request["explain"]:
            explained = explain_in_space(_model(snapshot), np.array(row), SEED)
    else:
        from optimizer.explanation import explain
        from optimizer.suggestion import predict_from

        recipe, model = Recipe(*row), _model(snapshot)
        found = predict_from(model, recipe)
        if request["explain"]:
            explained = explain(model, recipe, SEED)
    return {**found.as_json(), **({} if explained is None else {"explanation": explained.as_json()})}


def check(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return which limits a recipe keeps, by how much, and the nearest that passes, as `glittercake check` prints it."""
    row = row_of(snapshot.campaign, request["recipe"])
    if isinstance(snapshot.campaign, SpaceCampaign):
        from optimizer.space.check import check_in_space

        found: Any = check_in_space(snapshot.campaign, np.array(row))
    else:
        from optimizer.checks import check as check_recipe

        found = check_recipe(snapshot.campaign, Recipe(*row))
    return {**found.as_json(), "verdict": found.verdict}


def advise(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return whether to go on, repeat a recipe or stop, as `glittercake advise` prints it."""
    n, seed, least, trust = (request[name] for name in ("n", "seed", "least", "trust"))
    campaign = snapshot.campaign
    if least is not None and len(least) != len(campaign.objectives):
        raise RecordError("least", f"must be one number an objective, {len(campaign.objectives)} here", len(least), "correct it")
    from optimizer.advice import advise_from, advise_in_space
    from optimizer.request import check_request

    if isinstance(campaign, SpaceCampaign):
        if trust is not None:
            raise RecordError("trust", "must be left out in a campaign without physics", trust, "there is no simulation to trust")
        return advise_in_space(campaign, n, seed, pending=snapshot.pending, trials=snapshot.space[1], least=least).as_json()
    wanted = check_request(campaign.batch.size if n is None else n, seed)
    return advise_from(_model(snapshot), wanted, seed, snapshot.pending, least, trust).as_json()


def diagnose(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return which parameters matter to each outcome, and to how unsure the model is of it, as `glittercake importance` prints it."""
    from optimizer.importance import of_campaign, of_space

    if isinstance(snapshot.campaign, SpaceCampaign):
        found = of_space(*snapshot.space, request["seed"])
    else:
        campaign, cells = snapshot.electrode
        found = of_campaign(campaign, ("primary", "secondary"), cells, request["seed"])
    return {"campaign": snapshot.campaign.name, "seed": request["seed"], "outcomes": {one.outcome: one.as_json() for one in found}}


def validate(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return how each model predicts the campaign's own designs, each left out of its fit, as `glittercake validate TABLE` prints it."""
    if isinstance(snapshot.campaign, SpaceCampaign):
        raise RecordError("campaign", "must have physics", snapshot.name, "models around the electrode's physics are compared")
    from optimizer.validate import validate_cells

    campaign, cells = snapshot.electrode
    return validate_cells(campaign, cells, "inline", 1, lambda done, total: None, request["seed"]).as_json()


def simulate(snapshot: Snapshot, request: Mapping[str, Any]) -> Answer:
    """Return a simulated recipe, as `glittercake simulate` prints it."""
    campaign = snapshot.campaign
    if isinstance(campaign, SpaceCampaign):
        raise RecordError("campaign", "must have physics", snapshot.name, "simulate a recipe of an electrode's campaign")
    recipe = Recipe(*row_of(campaign, request["recipe"]))
    rates = tuple(request["c_rates"] or [campaign.conditions.c_rate])
    if request["fidelity"] == "cell":
        from optimizer.fidelity import simulate_cell

        return simulate_cell(campaign, recipe, rates)
    if request["fidelity"] == "micro":
        from optimizer.fidelity import simulate_micro

        return simulate_micro(campaign, recipe, seeds=request["seeds"], screen=request["screen"], image=None, vtk=None, stack=None)
    from optimizer.simulate import simulate as simulate_recipe

    return simulate_recipe(campaign, recipe, rates)


WORK: Mapping[str, Callable[[Snapshot, Mapping[str, Any]], Answer]] = {
    "suggest": propose,
    "predict": predict,
    "check": check,
    "advise": advise,
    "diagnose": diagnose,
    "validate": validate,
    "simulate": simulate,
}
