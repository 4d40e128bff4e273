"""The Pareto front as pictures: each pair of objectives; with one objective, its values in the order of results."""

from __future__ import annotations

import numpy as np

from objectives.composition import Array
from optimizer.runs.report.drawing import Axis, Panel, circles, dots, linear_axis, steps
from optimizer.runs.report.gathered import Gathered, Seen, outcome_title
from optimizer.runs.report.html import figure, key, panels
from optimizer.runs.report.sheets import front_table
from optimizer.runs.report.thin import thinned

MOST_DOTS = 3000  # of a panel that belong to no front
FRONT, KEPT, BROKEN, REFERENCE = "on the front", "keeps every limit", "breaks a limit", "reference: beyond it nothing counts"


def fronts(data: Gathered) -> list[str]:
    """Return the pictures, and the front as a table."""
    complete = data.complete
    if not complete:
        return []
    if len(data.goal) == 1:
        return [_values(data, complete)]
    pairs = [(i, j) for i in range(len(data.goal)) for j in range(i + 1, len(data.goal))]
    drawn = [_pair(data, complete, i, j) for i, j in pairs]
    return [drawn[0] if len(drawn) == 1 else panels(drawn), front_table(data) if data.front.trials else ""]


def parted(data: Gathered, complete: list[Seen]) -> tuple[list[Seen], list[Seen], list[Seen], str]:
    """Return trials that break a limit, that keep all, and the front; the first two thinned, which the sentence says."""
    numbers = data.best_numbers
    rest, said = thinned([one for one in complete if one.trial.number not in numbers], MOST_DOTS)
    broken, kept = [one for one in rest if not one.trial.counts], [one for one in rest if one.trial.counts]
    return broken, kept, [one for one in complete if one.trial.number in numbers], said


def _pair(data: Gathered, complete: list[Seen], i: int, j: int) -> str:
    broken, kept, front, said = parted(data, complete)
    goals = data.goal[i], data.goal[j]
    panel = Panel(objective_axis(data, complete, i), objective_axis(data, complete, j), 640, 420)

    def at(seen: list[Seen]) -> tuple[Array, Array]:
        return panel.across(np.array([one.value(i) for one in seen])), panel.down(np.array([one.value(j) for one in seen]))

    seen_broken = [one for one in broken if panel.shows(one.value(i), one.value(j))]
    marks = [dots("broken", *at(seen_broken)), dots("kept", *at(kept))]
    x, y = at(front)
    if len(goals) == len(data.goal):
        order = np.argsort(x)
        marks.append(steps("edge", x[order], y[order]) if goals[0].sign > 0 else steps("edge", x[order][::-1], y[order][::-1]))
    marks += circles("front", x, y, [one.trial.number for one in front], [data.said_of(one) for one in front])
    a, b = (float(axis_px) for axis_px in (panel.across(np.array([goals[0].reference]))[0], panel.down(np.array([goals[1].reference]))[0]))
    marks.append(f'<path class="reference" d="M{a - 6:.1f} {b:.1f}h12M{a:.1f} {b - 6:.1f}v12"/>')
    first, second = (data.outcome(goal) for goal in goals)
    wanted = " and ".join(f"{'more' if goal.sign > 0 else 'less'} {data.outcome(goal).name.replace('_', ' ')}" for goal in goals)
    caption = (
        f"{outcome_title(second)} against {outcome_title(first)}; sought: {wanted}. Each point is a recipe; along the front, one objective is "
        f"paid for with the other. Point at one for its recipe.{said}{_beyond(len(broken) - len(seen_broken))} "
        f"Basis: {data.test}; {data.campaign.stack.basis}."
    )
    keys = [key("front", FRONT), key("kept", KEPT), key("broken", BROKEN), key("reference", REFERENCE)]
    return figure(panel.drawn(marks, f"{second.label} against {first.label}"), caption, keys, "large")


def objective_axis(data: Gathered, complete: list[Seen], i: int) -> Axis:
    """Return the axis of objective i over the recipes that keep every limit and the reference; over all recipes if none does."""
    kept = [one.value(i) for one in complete if one.trial.counts]
    values = [*kept, data.goal[i].reference] if kept else [one.value(i) for one in complete]
    return linear_axis(outcome_title(data.outcome(data.goal[i])), np.array(values))


def _beyond(n: int) -> str:
    return f" {n} recipes that break a limit lie outside the picture." if n else ""


def _values(data: Gathered, complete: list[Seen]) -> str:
    """Return the values of the only objective, with the best so far as a line."""
    (objective,) = data.goal
    broken, kept, front, said = parted(data, complete)
    outcome = data.outcome(objective)
    panel = Panel(linear_axis("trial", np.array([0.0, len(data.seen)]), 0.02), objective_axis(data, complete, 0), width=640, height=420)

    def at(seen: list[Seen]) -> tuple[Array, Array]:
        return panel.across(np.array([float(one.trial.number) for one in seen])), panel.down(np.array([one.value(0) for one in seen]))

    seen_broken = [one for one in broken if panel.shows(float(one.trial.number), one.value(0))]
    marks = [dots("broken", *at(seen_broken)), dots("kept", *at(kept))]
    marks += circles("front", *at(front), [one.trial.number for one in front], [data.said_of(one) for one in front])
    verb = "more" if objective.sign > 0 else "less"
    caption = (
        f"{outcome_title(outcome)} of each trial in order of asking; sought: {verb}. A search that learns leaves the cloud behind.{said}"
        f"{_beyond(len(broken) - len(seen_broken))} Basis: {data.basis.get(outcome.name, data.test)}."
    )
    keys = [key("front", "best"), key("kept", KEPT), key("broken", BROKEN)]
    return figure(panel.drawn(marks, f"{outcome.label} by trial"), caption, keys, "large")
