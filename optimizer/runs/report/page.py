"""The page: its sections in order, with style and script inside."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from optimizer.runs.report.coordinates import coordinates
from optimizer.runs.report.front import fronts
from optimizer.runs.report.gathered import Gathered, gather
from optimizer.runs.report.html import section
from optimizer.runs.report.limits import failures, limits_broken
from optimizer.runs.report.progress import convergence_figures
from optimizer.runs.report.sheets import best_recipes
from optimizer.runs.report.slices import slices
from optimizer.runs.report.summary import summary
from optimizer.runs.report.tortuosity import tortuosity
from optimizer.runs.store import Store


def report_html(store: Store, name: str | None = None) -> str:
    """Return the report of a run as a page.

    Raises:
        StoreError: If there is no such run.
    """
    data = gather(store, name)
    style, script = (files("optimizer.runs.report").joinpath(file).read_text(encoding="utf-8") for file in ("page.css", "page.js"))
    title = escape(data.run.name)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{style}</style>"
    )
    body = f"<main><h1>{title}</h1>{''.join(_sections(data))}</main><script>{script}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _sections(data: Gathered) -> list[str]:
    several = len(data.goal) > 1
    return [
        section("summary", "Summary", summary(data)),
        section("best", "Best recipes", best_recipes(data)),
        section("front", "Pareto front" if several else "Best values", fronts(data)),
        section("convergence", "Convergence", convergence_figures(data)),
        section("coordinates", "Recipes and results as lines", coordinates(data)),
        section("slices", "Pairs of parameters", slices(data)),
        section("tortuosity", "Tortuosity against composition", tortuosity(data)),
        section("limits", "Limits broken", limits_broken(data)),
        section("failures", "Failures", failures(data)),
    ]
