"""Advice, explanations and importance for people, with rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from objectives.outcomes import Outcome
from optimizer.cli.render import console, digits
from optimizer.explain import LABELS

if TYPE_CHECKING:  # for their types only: they import torch
    from optimizer.advice import Advice
    from optimizer.campaign import Campaign
    from optimizer.explanation import Explanation
    from optimizer.importance import Importance
    from optimizer.outlook import Range
    from optimizer.space.campaign import SpaceCampaign

STEP_WIDTH, CHANGE_WIDTH = 38, 26  # characters of a step's words, and of a change with its interval


def show_advice(answer: Advice, out: Console | None = None) -> None:
    """Print advice: what to do, then why."""
    from optimizer.advice_text import sentences

    out = out or console()
    verdict, *why = sentences(answer)
    out.print(f"[bold]Advice[/bold], {heading(answer.campaign)}\n")
    out.print(f"[bold]{escape(verdict)}[/bold]\n")
    for sentence in why:
        out.print(escape(sentence))


def heading(campaign: Campaign | SpaceCampaign) -> str:
    """Return the campaign, with study and conditions where there are some."""
    from optimizer.campaign import Campaign

    name = f"campaign {escape(campaign.name)}"
    if not isinstance(campaign, Campaign):
        return name
    c = campaign.conditions
    return f"{name}, study {campaign.study}, at {c.c_rate:g}C, {c.temperature_c:g} C"


def show_importance(found: Sequence[Importance], campaign: Campaign | SpaceCampaign, out: Console | None = None) -> None:
    """Print shares of variance, one row an outcome, for the outcome and for the model's doubt of it."""
    out = out or console()
    out.print(f"[bold]What matters[/bold], {heading(campaign)}")
    out.print(f"over {found[0].recipes} recipes that keep all limits with probability {campaign.probability:g} or more\n")
    names = list(found[0].of_mean)
    for title, head in (("of what the outcome varies by", "sd of outcome"), ("of where the model is unsure", "mean sd of model")):
        table = Table(box=None, header_style="bold", pad_edge=False, title=f"Share {title}, %", title_justify="left", title_style="bold")
        table.add_column("outcome", no_wrap=True)
        table.add_column(head, justify="right", no_wrap=True)
        for name in names:
            table.add_column(escape(LABELS.get(name, name)), justify="right")
        for one in found:
            spread, shares = (one.spread, one.of_mean) if head.startswith("sd") else (one.doubt, one.of_doubt)
            unit = "" if one.unit == "1" else f" {escape(one.unit)}"
            table.add_row(escape(one.outcome), f"{digits(spread, 3)}{unit}", *(f"{100.0 * shares[name]:.0f}" for name in names))
        out.print(table)
        out.print()
    out.print("Shapley effects: the limits tie parameters together, so each share is averaged over all orders of learning the parameters.")


def show_explanation(found: Explanation, out: Console | None = None) -> None:
    """Print why a prediction is what it is."""
    out = out or console()
    if found.parts:
        parts = _table("outcome", "physics", "+ learned", "+ study", "= total", "unit", title="What it is made of")
        for name, part in found.parts.items():
            shown = found.outcomes[name].digits
            unit = "" if part.unit == "1" else part.unit
            parts.add_row(
                escape(name), digits(part.physics, shown), _signed(part.learned), _signed(part.lab), digits(part.total, shown), escape(unit)
            )
        out.print()
        out.print(parts)
        out.print("physics: the calibrated closed form for a lab nobody has measured; learned: what all cells add; study: what this lab's add")
    if found.steps:
        shown_here = found.shown[: max(1, (out.width - STEP_WIDTH) // CHANGE_WIDTH)]  # a narrow terminal sees fewer
        titles = [_title(found.outcomes[name]) for name in shown_here]
        moves = _table("one lab step", *titles, title="What if (change, with 90 % interval)")
        for words, step in found.steps:
            label = escape(words) + ("" if step.allowed else " [red](refused)[/red]")
            moves.add_row(label, *(_change(step.change[name]) for name in shown_here))
        out.print()
        out.print(moves)
        if not all(step.allowed for _, step in found.steps):
            out.print("refused: breaks a hard limit")
    if found.nearest:
        out.print("\n[bold]Nearest measured[/bold]")
        for one in found.nearest:
            out.print(f"{escape(one.name)}, measured {escape(one.summary)}: {escape(one.moves)} ({one.near.distance:.2f} of the space's width)")
    if found.warning:
        out.print(f"\n{escape(found.warning)}")


def _table(*columns: str, title: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(escape(column), justify="left" if i == 0 or column == "unit" else "right")
    return table


def _title(outcome: Outcome) -> str:
    return outcome.label if outcome.unit in (outcome.label, "1") else f"{outcome.label}, {outcome.unit}"


def _change(change: Range) -> str:
    return f"{_signed(change.mean)} ({_signed(change.low)} to {_signed(change.high)})"


def _signed(value: float) -> str:
    """Return a difference with its sign and two digits."""
    from optimizer.advice_text import plain

    return plain(value)
