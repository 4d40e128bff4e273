"""The report of a run: one HTML file that works offline. Drawings are plain SVG, coordinates worked out here; nothing comes from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from objectives.outcomes import OUTCOMES
from objectives.recipe import RECIPE_FIELDS, Recipe
from optimizer.report import recipe_text
from optimizer.runs.history import Trial
from optimizer.runs.status import best, status
from optimizer.runs.store import Store
from optimizer.runs.worth import convergence

WIDTH, HEIGHT = 460, 320  # of a drawing, px
LEFT, BOTTOM, EDGE = 62, 44, 12
MOST_DOTS = 2000  # beyond it a browser gets slow; dots are then drawn at even intervals of number, the front whole
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; } figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
figcaption { font-size: .9em; color: #555; } svg { max-width: 100%; height: auto; } svg text { font-size: 11px; fill: #444; }
.dot { fill: #9ab; } .broken { fill: #ddd; } .front { fill: #c33; } .line { fill: none; stroke: #357; stroke-width: 1.5; }
.fine { fill: none; stroke: #9ab; stroke-opacity: .25; } .good { fill: none; stroke: #c33; stroke-opacity: .7; } .axis { stroke: #888; }
"""


def report_html(store: Store, name: str | None = None) -> str:
    """Return the report of a run as a page.

    Raises:
        StoreError: If there is no such run.
    """
    run = store.run(name)
    history, campaign = store.history(run), run.plan.campaign()
    front, volumes = convergence(campaign.objectives, history)
    said = status(store, run.name)
    shown = _thinned(history, front.trials)
    figures = [_figure("Hypervolume above the campaign's reference, in order of results", _curve(volumes, "evaluations", "hypervolume"))]
    for i, first in enumerate(run.goal):
        for j, second in enumerate(run.goal[i + 1 :], start=i + 1):
            caption = f"{OUTCOMES[second].label} against {OUTCOMES[first].label}: grey breaks a limit, red is the front"
            figures.append(_figure(caption, _scatter(shown, front.trials, i, j, first, second)))
    for i, outcome in enumerate(run.goal):
        for column, parameter in enumerate(RECIPE_FIELDS):
            figures.append(_figure(f"{OUTCOMES[outcome].label} against {parameter}", _slice(shown, front.trials, column, i, parameter, outcome)))
    bounds = [(p.values[0], p.values[-1]) for p in campaign.space.parameters]
    figures.append(_figure("Recipes, a line each: red is the front", _parallel(shown, front.trials, bounds)))
    parts = [
        f"<h1>{escape(run.name)}</h1>",
        _facts(said),
        "<h2>Best recipes</h2>",
        _table(run.goal, best(run, history, 10)),
        "<h2>Pareto front</h2>" if len(run.goal) > 1 else "",
        _table(run.goal, sorted(front.trials, key=lambda trial: trial.objectives[0] or 0.0, reverse=True)) if len(run.goal) > 1 else "",
        "<h2>Figures</h2>",
        *figures,
    ]
    head = f'<meta charset="utf-8"><title>{escape(run.name)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(filter(None, parts)) + "\n</body></html>\n"


def _facts(said: dict[str, Any]) -> str:
    counts, conditions = said["evaluations"], said["conditions"]
    lines = (
        f"Campaign {said['campaign']}, fidelity {said['fidelity']}, strategy {said['strategy']}, seed {said['seed']}; "
        f"{said['state']}{': ' + said['reason'] if said['reason'] else ''}.",
        f"{counts['completed']} evaluations completed, {counts['failed']} failed, {counts['running']} running, of {counts['budget']}; "
        f"{said['within_limits']} keep every limit; hypervolume {said['hypervolume']:g}, {said['front']} recipes on the front.",
        f"{conditions['c_rate']:g}C, {conditions['temperature_c']:g} C, {conditions['loading_mg_cm2']:g} mg/cm2, energies: {conditions['stack']}.",
    )
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _table(goal: Sequence[str], trials: Sequence[Trial]) -> str:
    if not trials:
        return "<p>No evaluation keeps every limit yet.</p>"
    titles = ["recipe", "trial", *(f"{OUTCOMES[name].label}, {OUTCOMES[name].unit}" for name in goal)]
    rows = [[recipe_text(Recipe(*t.recipe)), str(t.number), *(f"{value:.4g}" for value in t.objectives if value is not None)] for t in trials]
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figure(caption: str, drawing: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def _thinned(history: Sequence[Trial], kept: Sequence[Trial]) -> list[Trial]:
    """Return the completed trials with every objective to draw, the kept ones whatever their number."""
    drawn = [t for t in history if t.objectives and all(value is not None for value in t.objectives) and t.state == "completed"]
    every = -(-len(drawn) // MOST_DOTS) or 1
    always = {t.number for t in kept}
    return [t for i, t in enumerate(drawn) if i % every == 0 or t.number in always]


def _value(trial: Trial, i: int) -> float:
    value = trial.objectives[i]
    assert value is not None  # `_thinned` leaves the others out
    return value


class _Axes:
    """Data to pixels, with the frame and the numbers at its ends."""

    def __init__(self, x: Sequence[float], y: Sequence[float], x_name: str, y_name: str) -> None:
        self._x, self._y = _span(x), _span(y)
        self._names = x_name, y_name

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the data is drawn."""
        (left, right), (low, high) = self._x, self._y
        across = LEFT + (x - left) / (right - left) * (WIDTH - LEFT - EDGE)
        return round(across, 1), round(HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - BOTTOM - EDGE), 1)

    def drawn(self, marks: Iterable[str]) -> str:
        """Return the drawing with these marks."""
        base, (left, right), (low, high) = HEIGHT - BOTTOM, self._x, self._y
        texts = (
            (LEFT, base + 15, "start", f"{left:.4g}"),
            (WIDTH - EDGE, base + 15, "end", f"{right:.4g}"),
            ((LEFT + WIDTH) / 2, base + 34, "middle", self._names[0]),
            (LEFT - 5, base, "end", f"{low:.4g}"),
            (LEFT - 5, EDGE + 9, "end", f"{high:.4g}"),
        )
        frame = f'<path class="axis" fill="none" d="M{LEFT} {EDGE}V{base}H{WIDTH - EDGE}"/>'
        words = "".join(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>' for x, y, anchor, text in texts)
        upright = f'<text transform="translate(14 {(EDGE + base) / 2}) rotate(-90)" text-anchor="middle">{escape(self._names[1])}</text>'
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">{frame}{"".join(marks)}{words}{upright}</svg>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = (float(min(values)), float(max(values))) if len(values) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _curve(values: Sequence[float], x_name: str, y_name: str) -> str:
    points = [(0.0, 0.0), *((float(i), value) for i, value in enumerate(values, start=1))]
    every = -(-len(points) // MOST_DOTS)
    points = [*points[:-1:every], points[-1]]
    axes = _Axes([x for x, _ in points], [y for _, y in points], x_name, y_name)
    path = " ".join(f"{x},{y}" for x, y in (axes.point(*point) for point in points))
    return axes.drawn([f'<polyline class="line" points="{path}"/>'])


def _dots(axes: _Axes, found: Sequence[tuple[Trial, float, float]], front: Sequence[Trial]) -> list[str]:
    best_numbers = {trial.number for trial in front}
    marks = []
    for trial, x, y in sorted(found, key=lambda dot: (dot[0].number in best_numbers, dot[0].counts)):
        kind = "front" if trial.number in best_numbers else "dot" if trial.counts else "broken"
        across, down = axes.point(x, y)
        title = f"<title>{escape(recipe_text(Recipe(*trial.recipe)))}: {x:.4g}, {y:.4g}</title>" if kind == "front" else ""
        marks.append(f'<circle class="{kind}" cx="{across}" cy="{down}" r="{3 if kind == "front" else 2}">{title}</circle>')
    return marks


def _scatter(shown: Sequence[Trial], front: Sequence[Trial], i: int, j: int, first: str, second: str) -> str:
    found = [(trial, _value(trial, i), _value(trial, j)) for trial in shown]
    labels = [f"{OUTCOMES[name].label}, {OUTCOMES[name].unit}" for name in (first, second)]
    axes = _Axes([x for _, x, _ in found], [y for _, _, y in found], *labels)
    return axes.drawn(_dots(axes, found, front))


def _slice(shown: Sequence[Trial], front: Sequence[Trial], column: int, i: int, parameter: str, outcome: str) -> str:
    found = [(trial, trial.recipe[column], _value(trial, i)) for trial in shown]
    axes = _Axes([x for _, x, _ in found], [y for _, _, y in found], parameter, f"{OUTCOMES[outcome].label}, {OUTCOMES[outcome].unit}")
    return axes.drawn(_dots(axes, found, front))


def _parallel(shown: Sequence[Trial], front: Sequence[Trial], bounds: Sequence[tuple[float, float]]) -> str:
    """Draw each recipe as a line over its parameters, each between its bounds."""
    columns = np.linspace(LEFT, WIDTH - LEFT, len(RECIPE_FIELDS))
    numbers = {trial.number for trial in front}

    def line(trial: Trial) -> str:
        shares = [(value - low) / (high - low) for value, (low, high) in zip(trial.recipe, bounds, strict=True)]
        points = " ".join(f"{x:.0f},{HEIGHT - BOTTOM - share * (HEIGHT - 2 * BOTTOM):.1f}" for x, share in zip(columns, shares, strict=True))
        return f'<polyline class="{"good" if trial.number in numbers else "fine"}" points="{points}"/>'

    every = -(-len(shown) // 300) or 1
    drawn = [line(trial) for trial in [*shown[::every], *front]]
    axes = "".join(
        f'<path class="axis" d="M{x:.0f} {BOTTOM}V{HEIGHT - BOTTOM}"/><text x="{x:.0f}" y="{HEIGHT - 26}" text-anchor="middle">{name} {low:g}</text>'
        f'<text x="{x:.0f}" y="{BOTTOM - 8}" text-anchor="middle">{high:g}</text>'
        for x, name, (low, high) in zip(columns, RECIPE_FIELDS, bounds, strict=True)
    )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">{"".join(drawn)}{axes}</svg>'
