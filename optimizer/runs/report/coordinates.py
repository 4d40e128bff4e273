"""Parallel coordinates: each recipe a line over its parameters and objectives."""

from __future__ import annotations

from html import escape
from textwrap import wrap

import numpy as np

from optimizer.runs.report.drawing import Axis, line, parameter_axis, scale_legend, shades, svg
from optimizer.runs.report.front import objective_axis, parted
from optimizer.runs.report.gathered import Gathered, Seen, outcome_title, parameter_title
from optimizer.runs.report.html import figure, key
from optimizer.runs.report.thin import thinned

WIDTH, HEIGHT, EDGE, TOP, BOTTOM = 960, 420, 70, 24, 74
MOST_LINES = 250  # of recipes that are not among the best, of each kind


def coordinates(data: Gathered) -> list[str]:
    """Return the picture."""
    complete = data.complete
    if not complete:
        return []
    axes = [parameter_axis(parameter_title(p), p) for p in data.parameters]
    axes += [objective_axis(data, complete, i) for i in range(len(data.goal))]
    x = np.linspace(EDGE, WIDTH - EDGE, len(axes))
    broken, kept, front, _ = parted(data, complete)
    (broken, faint), (kept, pale) = thinned(broken, MOST_LINES), thinned(kept, MOST_LINES)
    marks = [line("thread broken", x, _heights(axes, one)) + "/>" for one in broken]
    marks += [line("thread kept", x, _heights(axes, one)) + "/>" for one in kept]
    values = np.array([one.value(0) for one in front])
    for one, shade in zip(front, shades(values), strict=True):
        title = f' data-t="{one.trial.number}"><title>{escape(data.said_of(one))}</title></path>'
        marks.append(line(f"thread best s{shade}", x, _heights(axes, one), title))
    drawing = svg(WIDTH, HEIGHT, [*marks, *(_upright(axis, float(at)) for axis, at in zip(axes, x, strict=True))], "Recipes as lines")
    best = "the Pareto front" if len(data.goal) > 1 else "the best recipe"
    few = " Of the others a few hundred lines are drawn, evenly by number." if faint or pale else ""
    caption = (
        f"Each line is a recipe: its parameters between their bounds, then what it gives. Coloured: {best}. Where coloured lines run together, a "
        f"parameter hardly has a choice; where they fan out, it trades one objective for another. "
        f"A line at the end of an axis may go beyond.{few} Basis: {data.test}."
    )
    keys = [
        scale_legend(f"best, by {outcome_title(data.outcome(data.goal[0]))}", values),
        key("kept", "keeps every limit"),
        key("broken", "breaks one"),
    ]
    return [figure(f'<div class="wide">{drawing}</div>', caption, keys, "full")]


def _heights(axes: list[Axis], one: Seen) -> np.ndarray:
    values = [*one.trial.recipe, *(one.value(i) for i in range(len(one.trial.objectives)))]
    shares = np.array([float(axis.share(np.array(value))) for axis, value in zip(axes, values, strict=True)])
    return np.asarray(HEIGHT - BOTTOM - np.clip(shares, 0.0, 1.0) * (HEIGHT - TOP - BOTTOM))


def _upright(axis: Axis, at: float) -> str:
    base = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{at:.1f} {TOP}V{base}"/>']
    for value, text in axis.ticks:
        down = base - float(axis.share(np.array(value))) * (base - TOP)
        parts.append(f'<path class="axis" d="M{at:.1f} {down:.1f}h-5"/>')
        parts.append(f'<text class="halo" x="{at - 8:.1f}" y="{down:.1f}" dy=".35em" text-anchor="end">{escape(text)}</text>')
    name, _, unit = axis.name.rpartition(", ")
    for k, text in enumerate([*wrap(name or unit, 14), unit if name else ""]):
        parts.append(f'<text class="name" x="{at:.1f}" y="{base + 24 + 17 * k}" text-anchor="middle">{escape(text)}</text>')
    return "".join(parts)
