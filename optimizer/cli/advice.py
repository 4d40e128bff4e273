"""The commands `advise` and `importance`, and `predict --explain`: is the next batch worth its cells, what matters, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.cli import space
from optimizer.cli.common import print_json, read_campaign, read_own, refuse, working
from optimizer.cli.options import CampaignFile, CRate, Evidence, EvidenceOption, Json, SkipBadRows, StudyName, Temperature

if TYPE_CHECKING:
    from objectives.recipe import Recipe
    from optimizer.checks import Check
    from optimizer.model import FittedModel
    from optimizer.space.campaign import SpaceCampaign

Table = Annotated[Path | None, typer.Argument(metavar="[TABLE]", help="Your own cells, CSV or XLSX; the bundled data alone when left out.")]
Pending = Annotated[Path | None, typer.Option("--pending", metavar="FILE", help="Recipes already being made: JSON that suggest printed.")]
Seed = Annotated[int, typer.Option("--seed", help="Same data, seed and machine: same answer.")]


def advise(
    table: Table = None,
    n: Annotated[int | None, typer.Option("-n", help="How many cells the next batch would have; the campaign's batch size when left out.")] = None,
    seed: Seed = 0,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: CRate = None,
    pending: Pending = None,
    least: Annotated[
        list[float] | None,
        typer.Option("--least", metavar="GAIN", help="What a batch must gain to be worth its cost, one an objective; the scatter of one cell."),
    ] = None,
    trust: Annotated[
        float | None, typer.Option("--trust", metavar="R", help="Correlation of a simulation with what is still unknown, 0 to 1.")
    ] = None,
    evidence: EvidenceOption = Evidence.all,
    skip_bad_rows: SkipBadRows = False,
    as_json: Json = False,
) -> None:
    """Advise on the next batch: go on, repeat a recipe or stop, and whether simulating first would change it."""
    own_space = space.space_campaign(campaign)
    if own_space is not None:
        space.refuse_physics({"--study": study, "--temperature": temperature, "--c-rate": c_rate, "--trust": trust})
        trials = space.read_space_trials(table, own_space, skip=skip_bad_rows)
    else:
        settings = read_campaign(campaign, study or ("new" if table else None), temperature, c_rate)
        cells = read_own(table, settings, skip=skip_bad_rows)
    from optimizer.pending import read_pending, read_pending_rows

    try:
        with working("fitting the surrogates and weighing the next batch"):
            from optimizer.advice import advise as advise_campaign
            from optimizer.advice import advise_in_space

            if own_space is not None:
                out = read_pending_rows(pending, own_space.row, own_space.space.dimension)
                answer = advise_in_space(own_space, n, seed, pending=out, trials=trials, least=least)
            else:
                answer = advise_campaign(
                    settings, n, seed, pending=read_pending(pending), evidence=evidence.kinds, cells=cells, least=least, trust=trust
                )
    except ValueError as error:
        refuse(error)
    if as_json:
        print_json(answer.as_json())
    else:
        from optimizer.cli.render_advice import show_advice

        show_advice(answer)


def importance(
    table: Table = None,
    seed: Seed = 0,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: CRate = None,
    evidence: EvidenceOption = Evidence.all,
    skip_bad_rows: SkipBadRows = False,
    as_json: Json = False,
) -> None:
    """Show which parameters matter: their shares of each outcome's variance over the feasible space, and of the model's uncertainty."""
    own_space = space.space_campaign(campaign)
    if own_space is not None:
        space.refuse_physics({"--study": study, "--temperature": temperature, "--c-rate": c_rate})
        trials = space.read_space_trials(table, own_space, skip=skip_bad_rows)
    else:
        settings = read_campaign(campaign, study or ("new" if table else None), temperature, c_rate)
        cells = read_own(table, settings, skip=skip_bad_rows)
    try:
        with working("fitting the surrogates and sampling the space"):
            from optimizer.importance import of_campaign, of_space

            found = of_space(own_space, trials, seed) if own_space is not None else of_campaign(settings, evidence.kinds, cells, seed)
    except ValueError as error:
        refuse(error)
    goal = own_space if own_space is not None else settings
    if as_json:
        print_json({"campaign": goal.name, "seed": seed, "outcomes": {one.outcome: one.as_json() for one in found}})
    else:
        from optimizer.cli.render_advice import show_importance

        show_importance(found, goal)


def show_explained(answer: Check, model: FittedModel, recipe: Recipe, *, as_json: bool) -> None:
    """Print a prediction and why it is what it is."""
    from optimizer.checks import SEED
    from optimizer.explanation import explain

    found = explain(model, recipe, SEED)
    if as_json:
        print_json({**answer.as_json(), "explanation": found.as_json()})
        return
    from optimizer.cli.render import show_check
    from optimizer.cli.render_advice import show_explanation

    show_check(answer)
    show_explanation(found)


def explain_in_space(campaign: SpaceCampaign, settings: Sequence[str], table: Path | None, *, skip: bool, as_json: bool) -> None:
    """Predict a recipe of a campaign without physics, and say why; it takes trials."""
    if table is None:
        refuse("--explain needs trials to explain a prediction by in a campaign without physics, got no table; add --cells TABLE")
    recipe = space.read_settings(settings, campaign)
    trials = space.read_space_trials(table, campaign, skip=skip)
    from optimizer.checks import SEED
    from optimizer.explanation import explain_in_space as explain
    from optimizer.space.check import check_in_space
    from optimizer.space.model import fit_space_model

    try:
        answer, found = check_in_space(campaign, recipe, trials), explain(fit_space_model(campaign, trials), recipe, SEED)
    except ValueError as error:
        refuse(error)
    if as_json:
        print_json({**answer.as_json(), "explanation": found.as_json()})
        return
    from optimizer.cli.render_advice import show_explanation
    from optimizer.cli.render_space import show_check

    show_check(answer)
    show_explanation(found)
