"""Pair slices: each pair of parameters, coloured by an objective, recipes that break a limit faint behind."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from optimizer.runs.report.drawing import CLASSES, Panel, circles, dots, parameter_axis, scale_legend, shades
from optimizer.runs.report.front import parted
from optimizer.runs.report.gathered import Gathered, Seen, outcome_title, parameter_title, recipes_of
from optimizer.runs.report.html import figure, key, panels


def slices(data: Gathered) -> list[str]:
    """Return a picture of every pair of parameters for every objective."""
    complete = data.complete
    if not complete:
        return []
    broken, kept, front, said = parted(data, complete)
    axes = [parameter_axis(parameter_title(p), p) for p in data.parameters]
    d = len(axes)
    found = []
    for i, objective in enumerate(data.goal):
        outcome, good = data.outcome(objective), [*kept, *front]
        values = np.array([one.value(i) for one in good])
        classes = shades(values)
        x_broken, x_good, x_front = recipes_of(broken, d), recipes_of(good, d), recipes_of(front, d)
        drawings = []
        for a, b in combinations(range(d), 2):
            panel = Panel(axes[a], axes[b])
            marks = [dots("broken", panel.across(x_broken[:, a]), panel.down(x_broken[:, b]))]
            # The worst first, so that good recipes are not hidden below bad ones.
            for shade in range(CLASSES) if objective.sign > 0 else reversed(range(CLASSES)):
                rows = x_good[classes == shade]
                marks.append(dots(f"shade c{shade}", panel.across(rows[:, a]), panel.down(rows[:, b])))
            marks += circles("ring", panel.across(x_front[:, a]), panel.down(x_front[:, b]), _numbers(front), radius=5)
            drawings.append(panel.drawn(marks, f"{outcome.label} over {axes[a].name} and {axes[b].name}"))
        better = "more is better" if objective.sign > 0 else "less is better"
        caption = (
            f"Every pair of parameters, coloured by {outcome_title(outcome)} ({better}; {data.basis.get(outcome.name, data.test)}). A corner of one "
            f"colour says what matters; colours that mix say that another parameter decides.{said}"
        )
        best = "on the front" if len(data.goal) > 1 else "best"
        keys = [scale_legend(outcome_title(outcome), values), key("ring", best), key("broken", "breaks a limit")]
        found.append(figure(panels(drawings), caption, keys, "full"))
    return found


def _numbers(seen: list[Seen]) -> list[int]:
    return [one.trial.number for one in seen]
