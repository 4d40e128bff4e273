"""Tables for people, with rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from objectives.outcomes import OUTCOMES
from objectives.recipe import Recipe, format_coating
from optimizer.report import Interval, LimitState, recipe_text

if TYPE_CHECKING:  # for their types only: some import torch, and a check must be quick
    from optimizer.checks import Check
    from optimizer.doctor import Finding
    from optimizer.suggestion import Suggestions
    from optimizer.validate import Validation

SHOWN = ("volumetric_energy_density", "discharge_capacity", "relative_density", "ionic_tortuosity_factor")  # columns of a batch


RECIPE_COLUMNS = ("", "AM wt%", "AM:SE", "SE um", "VGCF wt%")
RECIPE_WIDTH = 50  # characters of the recipe's columns and of the last one
OUTCOME_WIDTH = 22  # characters of one prediction with its interval


def console() -> Console:
    """Return a console on stdout that keeps tables whole when the output is not a terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=150)


def digits(value: float, significant: int) -> str:
    """Return a number with so many significant digits, trailing zeros kept; whole numbers beyond them, never exponents."""
    if abs(value) >= 10.0 ** (significant - 1):
        return f"{value:.0f}"
    return f"{value:#.{significant}g}" if abs(value) >= 1e-4 or value == 0.0 else f"{value:.1e}"


def interval_text(interval: Interval, significant: int) -> str:
    """Return mean and interval."""
    return f"{digits(interval.mean, significant)} ({digits(interval.low, significant)}-{digits(interval.high, significant)})"


def _composition(recipe: Recipe) -> tuple[str, str, str, str]:
    coating = "none" if recipe.coating_se_wt == 0.0 else format_coating(recipe.coating_se_wt)
    return f"{recipe.am_wt:g}", coating, f"{recipe.se_particle_um:g}", f"{recipe.vgcf_wt:g}"


def show_suggestions(answer: Suggestions, out: Console | None = None) -> None:
    """Print a batch: recipes with predictions, why each, and what to weigh."""
    out = out or console()
    c = answer.campaign.conditions
    name = escape(answer.campaign.name)
    out.print(f"[bold]Next {len(answer.suggestions)} recipes[/bold], campaign {name}, study {answer.campaign.study}, seed {answer.seed}")
    out.print(f"strategy {answer.strategy} ({answer.why_strategy}); predictions at {c.c_rate:g}C, {c.temperature_c:g} C, with 90 % intervals")
    out.print(f"energy basis {answer.campaign.stack.basis}, {c.loading_mg_cm2:g} mg/cm2 of composite pressed at {c.pressure_mpa:g} MPa\n")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in RECIPE_COLUMNS:
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    shown = SHOWN[: max(1, (out.width - RECIPE_WIDTH) // OUTCOME_WIDTH)]  # a narrow terminal sees fewer predictions, never less recipe
    for name in shown:
        unit = OUTCOMES[name].unit
        table.add_column(OUTCOMES[name].label if OUTCOMES[name].label == unit or unit == "1" else f"{OUTCOMES[name].label}, {unit}", no_wrap=True)
    table.add_column("all limits", justify="right", no_wrap=True)
    for number, s in enumerate(answer.suggestions, start=1):
        cells = [interval_text(s.predicted[name], OUTCOMES[name].digits) for name in shown]
        table.add_row(f"{number}", *_composition(s.recipe), *cells, f"p {s.probability:.2f}")
    out.print(table)
    out.print("\n[bold]Why[/bold]")
    for number, s in enumerate(answer.suggestions, start=1):
        out.print(f"{number}. {escape(s.reason)}")
    weigh = Table(box=None, header_style="bold", pad_edge=False, title="Weigh, mg", title_justify="left", title_style="bold")
    for title in ("", "mill: AM", "mill: SE", "mix: coated powder", "mix: free SE", "mix: VGCF", "batch"):
        weigh.add_column(title, justify="right")
    for number, s in enumerate(answer.suggestions, start=1):
        masses = s.sheet.masses_mg
        names = ("coating_am", "coating_se", "mix_coated_powder", "mix_free_se", "mix_vgcf")
        weigh.add_row(f"{number}", *(f"{masses[name]:.1f}" for name in names), f"{s.sheet.batch_mg:.1f}")
    out.print()
    out.print(weigh)


def _limit_rows(table: Table, limits: tuple[LimitState, ...]) -> None:
    for state in limits:
        unit = "" if state.unit == "1" else f" {escape(state.unit)}"
        verdict = "holds" if state.holds else "[bold red]BROKEN[/bold red]"
        table.add_row(escape(state.name), state.kind, f"{state.margin:+.3g}{unit}", f"{state.probability:.2f}", verdict)


def show_check(answer: Check, out: Console | None = None) -> None:
    """Print what is known of one recipe."""
    out = out or console()
    c = answer.campaign.conditions
    out.print(f"[bold]{recipe_text(answer.recipe)}[/bold]  ({answer.source}, study {answer.campaign.study}, {c.c_rate:g}C, {c.temperature_c:g} C)\n")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("outcome", "mean (90 % interval)", "unit", "basis"):
        table.add_column(title)
    for name, interval in answer.predicted.items():
        table.add_row(
            name, interval_text(interval, answer.campaign.outcomes[name].digits), "" if interval.unit == "1" else interval.unit, interval.basis
        )
    out.print(table)
    limits = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("limit", "kind", "margin", "probability", ""):
        limits.add_column(title)
    _limit_rows(limits, answer.limits)
    out.print()
    out.print(limits)
    if answer.feasible:
        out.print(f"\n{answer.verdict}")
    elif answer.nearest:
        out.print(f"\nnot feasible; nearest recipe that passes: {recipe_text(answer.nearest)}")


def show_simulation(answer: dict[str, Any], out: Console | None = None) -> None:
    """Print a simulation."""
    out = out or console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("structure and transport", "value", "unit"):
        table.add_column(title)
    for name, entry in answer["structure"].items():
        table.add_row(name, f"{entry['value']:.4g}", "" if entry["unit"] == "1" else entry["unit"])
    out.print(table)
    runs = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("C-rate", "mAh/g", "V", "mAh/cm2", "Wh/L", "Wh/kg"):
        runs.add_column(title, justify="right")
    for run in answer["discharges"]:
        runs.add_row(f"{run['c_rate']:g}", *(f"{run[name]['value']:.4g}" for name in run if name != "c_rate"))
    out.print()
    out.print(runs)
    if not answer["percolates"]:
        out.print("\nthe SE does not percolate: tau is at its cap")
    if answer["shell_capped"]:
        out.print("\nthe coating asks for more SE than the recipe holds: all of it is in the shell")


def show_validation(answer: Validation, out: Console | None = None) -> None:
    """Print the scores of a validation."""
    out = out or console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("outcome", "model", "rows", "median |error|", "rms error", "unit", "90 % interval covers", "Wilson 95 %"):
        table.add_column(title)
    for s in answer.scores:
        low, high = s.interval
        covers = f"{100 * s.coverage:.0f} %"
        table.add_row(s.outcome, s.model, str(s.rows), f"{s.median:.3g}", f"{s.rms:.3g}", s.unit, covers, f"{100 * low:.0f}-{100 * high:.0f} %")
    out.print(f"[bold]Each {answer.leave} left out whole[/bold], physics recalibrated and every model refitted without it\n")
    out.print(table)


def show_findings(findings: list[Finding], out: Console | None = None) -> None:
    """Print what the doctor found."""
    out = out or console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[bold red]MEND[/bold red]", finding.what, finding.detail)
    out.print(table)
