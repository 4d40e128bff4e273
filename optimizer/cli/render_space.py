"""Tables for people, with rich: suggestions and checks of a campaign without physics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from optimizer.cli.render import console, interval_text, limit_rows

if TYPE_CHECKING:
    from optimizer.space.check import SpaceCheck
    from optimizer.space.suggestion import SpaceSuggestions

DIGITS = 3  # significant digits of a lab's own outcome


def _value(value: float | str) -> str:
    return escape(value) if isinstance(value, str) else f"{value:g}"


def show_suggestions(answer: SpaceSuggestions, out: Console | None = None) -> None:
    """Print a batch: recipes with predictions, why each, and what to weigh. A recipe is a column: spaces may be wide."""
    out = out or console()
    campaign = answer.campaign
    numbers = [f"{number}" for number in range(1, len(answer.suggestions) + 1)]
    out.print(f"[bold]Next {len(numbers)} recipes[/bold], campaign {escape(campaign.name)}, seed {answer.seed}")
    out.print(f"strategy {answer.strategy} ({escape(answer.why_strategy)}); predictions with 90 % intervals\n")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("recipe")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    for p in campaign.declared:
        table.add_row(f"{p.name}{', ' + escape(p.unit) if p.unit else ''}", *(_value(s.recipe[p.name]) for s in answer.suggestions))
    for name in answer.suggestions[0].predicted:
        unit = campaign.outcomes[name].unit
        cells = [interval_text(s.predicted[name], DIGITS) for s in answer.suggestions]
        table.add_row(f"[bold]{escape(name)}[/bold]{', ' + escape(unit) if unit else ''}", *cells)
    table.add_row("all limits", *(f"p {s.probability:.2f}" for s in answer.suggestions))
    out.print(table)
    out.print("\n[bold]Why[/bold]")
    for number, s in zip(numbers, answer.suggestions, strict=True):
        out.print(f"{number}. {escape(s.reason)}")
    if answer.suggestions[0].masses_mg:
        weigh = Table(box=None, header_style="bold", pad_edge=False, title="Weigh, mg", title_justify="left", title_style="bold")
        for title in ("", *answer.suggestions[0].masses_mg):
            weigh.add_column(escape(title), justify="right")
        for number, s in zip(numbers, answer.suggestions, strict=True):
            weigh.add_row(number, *(f"{mass:g}" for mass in s.masses_mg.values()))
        out.print()
        out.print(weigh)


def show_check(answer: SpaceCheck, out: Console | None = None) -> None:
    """Print what is known of one recipe."""
    out = out or console()
    recipe = ", ".join(f"{name} {_value(value)}" for name, value in answer.recipe.items())
    out.print(f"[bold]{recipe}[/bold]  (campaign {escape(answer.campaign.name)}, {answer.source})\n")
    if answer.predicted:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for title in ("outcome", "mean (90 % interval)", "unit"):
            table.add_column(title)
        for name, interval in answer.predicted.items():
            table.add_row(escape(name), interval_text(interval, DIGITS), escape(interval.unit))
        out.print(table)
        out.print()
    limits = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("limit", "kind", "margin", "probability", ""):
        limits.add_column(title)
    limit_rows(limits, answer.limits)
    out.print(limits)
