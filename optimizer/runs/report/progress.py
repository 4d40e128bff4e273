"""Convergence: hypervolume and the best of each objective against evaluations, with every change of strategy marked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from html import escape

import numpy as np

from objectives.composition import Array
from optimizer.runs.report.drawing import BOTTOM, TOP, Panel, linear_axis, steps
from optimizer.runs.report.gathered import Gathered, Seen, outcome_title
from optimizer.runs.report.html import figure, key, panels
from optimizer.runs.report.summary import volume_unit

MOST_CHANGES = 6  # of strategy that are marked; strategies that alternate would draw a fence
HIDDEN = 0.02  # of the results may lie beyond the picture: the first ones, whose steep rise would flatten all that follows


def convergence_figures(data: Gathered) -> list[str]:
    """Return the curves."""
    ended = sorted((one for one in data.shown if one.trial.ended is not None), key=lambda one: one.trial.ended or 0)
    if not ended:
        return []
    changes = _changes(data, ended)
    found = []
    if len(data.goal) > 1:
        references = ", ".join(f"{o.reference:g} {data.outcome(o).unit}" for o in data.goal)
        caption = f"Hypervolume above the reference ({references}) after each result: what the whole front is worth. Flat means nothing new is found."
        found.append(_curve(f"hypervolume, {volume_unit(data)}", np.array([0.0, *data.volumes]), changes, caption))
    for i, objective in enumerate(data.goal):
        outcome = data.outcome(objective)
        caption = f"Best {outcome.name.replace('_', ' ')} so far among recipes that keep every limit ({data.basis.get(outcome.name, data.test)})."
        found.append(_curve(outcome_title(outcome), _best_so_far(ended, i, objective.sign), changes, caption))
    return [panels(found)]


def _best_so_far(ended: Sequence[Seen], i: int, sign: float) -> Array:
    """Return the best value after each result, NaN before the first that counts, ``(n + 1,)``."""
    values = np.array([-np.inf, *(sign * one.value(i) if one.trial.counts else -np.inf for one in ended)])
    best = np.maximum.accumulate(values)
    return np.where(np.isfinite(best), sign * best, np.nan)


def _changes(data: Gathered, ended: Sequence[Seen]) -> list[tuple[int, str]]:
    """Return after how many results another strategy chose for the first time, and which."""
    times = [one.trial.ended or 0 for one in ended]
    trials = [one.trial for one in data.shown]
    changed = [trial for before, trial in zip([None, *trials[:-1]], trials, strict=True) if before is None or before.by != trial.by]
    return [(bisect_left(times, trial.asked), trial.by) for trial in changed]


def _curve(name: str, values: Array, changes: Sequence[tuple[int, str]], caption: str) -> str:
    known = np.flatnonzero(np.isfinite(values))
    early = known[known < HIDDEN * len(values)]
    shown_values = values[early[-1] :] if early.size else values
    panel = Panel(linear_axis("evaluations", np.array([0.0, len(values) - 1.0]), 0.0), linear_axis(name, shown_values))
    moved = known[np.append(True, np.diff(values[known]) != 0.0)] if known.size else known  # a step line needs its corners alone
    corners = np.unique(np.append(moved, known[-1:]))
    marks = [steps("line", panel.across(corners.astype(float)), panel.down(values[corners]))]
    shown = changes if 1 < len(changes) <= MOST_CHANGES else []
    for k, (count, by) in enumerate(shown):
        at = float(panel.across(np.array([float(count)]))[0])
        room = panel.width - at > 130
        base, anchor, shift = panel.height - BOTTOM, "start" if room else "end", 4 if room else -4
        marks.append(f'<path class="change" d="M{at:.1f} {TOP}V{base}"/>')
        marks.append(f'<text class="note" x="{at + shift:.1f}" y="{base - 8 - 15 * (k % 3)}" text-anchor="{anchor}">{escape(by)}</text>')
    keys = [key("line", "so far"), *([key("change", "chosen from here on by")] if shown else [])]
    left_out = f" The first {early[-1]} results lie below the picture." if early.size and early[-1] else ""
    return figure(panel.drawn(marks, f"{name} against evaluations"), caption + left_out, keys)
