"""Tortuosity factors against composition: ionic and electronic, over AM content and over the share of SE, with limits and lost paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from objectives.composition import Array, Mask
from objectives.electrode import TAU_CAP
from objectives.recipe import RECIPE_FIELDS
from optimizer.runs.history import COMPLETED
from optimizer.runs.report.drawing import Axis, Panel, dots, linear_axis, log_axis, parameter_axis, steps
from optimizer.runs.report.front import MOST_DOTS
from optimizer.runs.report.gathered import Gathered, Seen, counting, outcome_title, parameter_title, recipes_of
from optimizer.runs.report.html import figure, key, panels
from optimizer.runs.report.thin import thinned

PATHS = {"ionic_tortuosity_factor": "ionic_tortuosity", "electronic_tortuosity_factor": "electronic_tortuosity"}  # outcome: its margin
BINS = 24  # of the limit along the axis
AM = "am_wt"


@dataclass(frozen=True)
class _Points:
    """Trials of one path; arrays ``(n,)``."""

    tau: Array
    margin: Array  # NaN where the ohmic drop is no limit
    lost: Mask  # no path
    kept: Mask  # every limit


def tortuosity(data: Gathered) -> list[str]:
    """Return the pictures; none for a space that is no electrode's."""
    seen, said = thinned([one for one in data.shown if one.trial.state == COMPLETED], 2 * MOST_DOTS)
    if not seen or data.campaign.space.names != RECIPE_FIELDS:
        return []
    recipes = recipes_of(seen, len(RECIPE_FIELDS))
    closed = data.campaign.physics().outcomes(recipes)
    am = data.parameters[RECIPE_FIELDS.index(AM)]
    across = (
        (parameter_axis(parameter_title(am), am), recipes[:, RECIPE_FIELDS.index(AM)]),
        (linear_axis("SE, share of the solid volume", closed.phi_se / (1.0 - closed.porosity)), closed.phi_se / (1.0 - closed.porosity)),
    )
    drawings, limited = [], False
    for name, margin in PATHS.items():
        points = _points(seen, name, margin)
        limited = limited or bool(np.isfinite(points.margin).any())
        known = points.tau[np.isfinite(points.tau)]
        low = float(min(known.min(initial=1.0), 1.0)) / 1.1
        y = log_axis(outcome_title(data.campaign.outcomes[name]), low, TAU_CAP * 1.25)
        drawings += [_panel(axis, y, values, points) for axis, values in across]
    drop = f"the line is its median over recipes of that composition, at which a path costs {data.campaign.limits.ohmic_drop_mv:g} mV"
    caption = (
        "Tortuosity factors (sigma_eff = sigma_0 phi / tau, logarithmic) against AM content and against the SE's share of the solids by volume. "
        + (
            f"Each recipe has its own limit; {drop} at {data.test}. "
            if limited
            else "At these conditions tau is no limit: its price is in the voltage. "
        )
        + f"Triangles at the top: no path, tau at its cap of {TAU_CAP:g}.{said}"
    )
    keys = [key("kept", "keeps every limit"), key("over", "breaks this limit"), key("broken", "breaks another"), key("lost", "no path")]
    return [figure(panels(drawings, "two"), caption, [*keys, key("limit", "limit, median")] if limited else keys, "full")]


def _points(seen: list[Seen], name: str, margin: str) -> _Points:
    ionic = name.startswith("ionic")
    tau = np.array([one.outcomes.get(name, np.nan) for one in seen])
    lost = np.array([ionic and not one.trial.percolates for one in seen]) | np.isnan(tau) | (tau >= TAU_CAP)
    margins = np.array([one.margins.get(margin, np.nan) for one in seen])
    return _Points(np.where(lost, TAU_CAP, tau), margins, lost, counting(seen))


def _panel(x: Axis, y: Axis, values: Array, points: _Points) -> str:
    panel = Panel(x, y)
    over = ~points.lost & (points.margin < 0.0)
    other = ~points.lost & ~over & ~points.kept
    px, py = panel.across(values), panel.down(points.tau)
    marks = [dots("broken", px[other], py[other]), dots("over", px[over], py[over]), dots("kept", px[points.kept], py[points.kept])]
    lost = points.lost & ~points.kept
    marks.append("".join(f'<path class="lost" d="M{a:.1f} {b - 4:.1f}l4.5 8h-9z"/>' for a, b in zip(px[lost][:MOST_DOTS], py[lost], strict=False)))
    return panel.drawn([*marks, _limit(panel, values, points)], f"{y.name} against {x.name}")


def _limit(panel: Panel, values: Array, points: _Points) -> str:
    """Return the median limit along the axis, a step a bin that has recipes."""
    known = np.isfinite(points.margin) & ~points.lost
    limits = (points.tau + points.margin)[known]
    place = np.clip((panel.x.share(values[known]) * BINS).astype(int), 0, BINS - 1)
    found = [(k, float(np.median(limits[place == k]))) for k in range(BINS) if (place == k).any()]
    if not found:
        return ""
    span = panel.x.high - panel.x.low
    left = panel.across(np.array([panel.x.low + k / BINS * span for k, _ in found]))
    end = panel.across(np.array([panel.x.low + (found[-1][0] + 1) / BINS * span]))
    heights = panel.down(np.clip([tau for _, tau in found], panel.y.low, panel.y.high))
    return steps("limit", np.append(left, end), np.append(heights, heights[-1]))
