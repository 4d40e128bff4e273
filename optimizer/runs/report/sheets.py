"""The best recipes as rows of a table, and what to weigh for each, as `glittercake suggest` prints it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from objectives.recipe import RECIPE_FIELDS, Recipe
from objectives.weighing import WeighingError
from optimizer.batch_rule import campaign_ledger
from optimizer.candidates import Feasible
from optimizer.html import MASSES
from optimizer.preparing import Preparation, prepare
from optimizer.report import cost_text
from optimizer.runs.history import Trial
from optimizer.runs.report.gathered import Gathered, Seen, outcome_title, parameter_title
from optimizer.runs.report.html import paragraph, table

AT = "@"  # between an outcome's name and a condition that is not the campaign's own
MOST_ROWS = 200  # of the table of the front
# Beside the objectives: what the limits are about, and what a cell needs to be built. The export has the rest.
BESIDE = ("relative_density", "ionic_tortuosity_factor", "electronic_tortuosity_factor", "areal_capacity", "thickness")


def best_recipes(data: Gathered) -> list[str]:
    """Return the best recipes and their sheets."""
    if not data.best:
        return [paragraph("No evaluation keeps every limit yet.")]
    caption = f"Of each objective in turn, the best recipe not named yet; all keep every limit. {_where(data)}"
    return [_results(data, data.best, caption), _elsewhere(data), *_sheets(data)]


def front_table(data: Gathered) -> str:
    """Return the front as a table, the best of the first objective first."""
    sign = data.goal[0].sign
    front = sorted(data.front.trials, key=lambda trial: (-sign * (trial.objectives[0] or 0.0), trial.number))
    shown = "" if len(front) <= MOST_ROWS else f" The first {MOST_ROWS} of {len(front)}; `glittercake campaign export` writes all."
    return _results(data, front[:MOST_ROWS], f"The Pareto front: nothing found is better in every objective.{shown} {_where(data)}")


def _where(data: Gathered) -> str:
    return f"Values by {data.fidelity} at {data.test}; energies: {data.campaign.stack.basis}."


def _results(data: Gathered, trials: Sequence[Trial], caption: str) -> str:
    seen, known = {one.trial.number: one for one in data.seen}, data.campaign.outcomes
    goal = [objective.outcome for objective in data.goal]
    rest = [name for name in BESIDE if name not in goal and any(name in seen[trial.number].outcomes for trial in trials)]
    titles = ["trial", *map(parameter_title, data.parameters), *(outcome_title(known[name]) for name in (*goal, *rest)), "chosen by"]
    rows = [[f"{t.number}", *_recipe(data, t), *(_number(data, seen[t.number], name) for name in (*goal, *rest)), t.by] for t in trials]
    return table(titles, rows, [trial.number for trial in trials], caption)


def _elsewhere(data: Gathered) -> str:
    """Return what the best recipes give at the run's other conditions, nothing where it has none."""
    seen, known = {one.trial.number: one.outcomes for one in data.seen}, data.campaign.outcomes
    found = dict.fromkeys(name for trial in data.best for name in seen[trial.number] if AT in name and name.partition(AT)[0] in known)
    if not found:
        return ""
    titles = [f"{outcome_title(known[outcome])} at {condition}" for outcome, _, condition in (name.partition(AT) for name in found)]
    digits = {name: known[name.partition(AT)[0]].digits for name in found}
    rows = []
    for trial in data.best:
        values = seen[trial.number]
        rows.append([f"{trial.number}", *(f"{values[name]:.{digits[name]}g}" if name in values else "" for name in found)])
    caption = "The same recipes at the run's other conditions, which no objective and no limit asks about."
    return table(["trial", *titles], rows, [trial.number for trial in data.best], caption)


def _recipe(data: Gathered, trial: Trial) -> list[str]:
    """Return the values of a recipe without their units."""
    plain = [parameter.plain(value) for parameter, value in zip(data.parameters, trial.recipe, strict=True)]
    return [value if isinstance(value, str) else f"{value:g}" for value in plain]


def _number(data: Gathered, one: Seen, name: str) -> str:
    return f"{one.outcomes[name]:.{data.campaign.outcomes[name].digits}g}" if name in one.outcomes else ""


def _sheets(data: Gathered) -> list[str]:
    """Return what to weigh for each of the best recipes, each made on its own."""
    campaign = data.campaign
    if campaign.space.names != RECIPE_FIELDS:
        return []
    constraints = campaign.constraints(campaign.physics())
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    ledger = campaign_ledger(campaign, np.zeros((0, campaign.space.dimension)))
    rows, numbers, remarks = [], [], []
    for trial in data.best:
        try:
            (made,) = prepare(campaign, feasible, (), [Recipe(*trial.recipe)], ledger)
        except WeighingError as error:
            remarks.append(paragraph(f"Trial {trial.number}: {error}."))
            continue
        rows.append(
            [f"{trial.number}", data.words(trial.recipe), *(f"{made.sheet.masses_mg[name]:.10g}" for name in MASSES), f"{made.sheet.batch_mg:.10g}"]
        )
        numbers.append(trial.number)
        remarks.extend(paragraph(f"Trial {trial.number}: {said}.") for said in _making(made))
    batch = campaign.batch
    caption = (
        f"Weigh, mg: {batch.batch_mg:g} mg of composite a recipe on a balance of {batch.balance_mg:g} mg, each recipe made on its own. "
        "What is weighed keeps every hard limit and lies within half a lab step of the recipe."
    )
    return [table(("trial", "recipe", *MASSES.values(), "batch"), rows, numbers, caption), *remarks]


def _making(made: Preparation) -> list[str]:
    lots = ", ".join(f"{kind} lot {name}" for kind, name in (made.lots or {}).items())
    return [said for said in (f"takes {lots}" if lots else "", f"effort {cost_text(made.cost)}" if made.cost else "") if said]
