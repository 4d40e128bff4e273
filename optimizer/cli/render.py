"""Tables for people, with rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from objectives.outcomes import Outcome
from objectives.parameter import decimals_of
from objectives.recipe import Recipe, format_coating
from optimizer.report import Interval, LimitState, cost_text, recipe_text, rounded

if TYPE_CHECKING:  # for their types only: some import torch, and a check must be quick
    from optimizer.campaign import Campaign
    from optimizer.checks import Check
    from optimizer.doctor import Finding
    from optimizer.suggestion import Suggestions
    from optimizer.validate import Validation

SHOWN = ("volumetric_energy_density", "discharge_capacity", "relative_density", "ionic_tortuosity_factor")  # of a batch, after its objectives


DISCHARGE = ("discharge_capacity", "mean_discharge_voltage", "areal_capacity", "volumetric_energy_density", "gravimetric_energy_density")
RECIPE_COLUMNS = ("", "AM wt%", "AM:SE", "SE um", "VGCF wt%")
RECIPE_WIDTH = 50  # characters of the recipe's columns and of the last one
OUTCOME_WIDTH = 22  # characters of one prediction with its interval
NARROW = 65  # characters below which the last column gives way to a prediction; the reasons name what binds


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
    """Return mean and interval, rounded from what JSON says, so that both tell the same where a digit hangs on the rounding."""
    mean, low, high = (digits(rounded(value), significant) for value in (interval.mean, interval.low, interval.high))
    return f"{mean} ({low}-{high})"


def _composition(recipe: Recipe) -> tuple[str, str, str, str]:
    coating = "none" if recipe.coating_se_wt == 0.0 else format_coating(recipe.coating_se_wt)
    return f"{recipe.am_wt:g}", coating, f"{recipe.se_particle_um:g}", f"{recipe.vgcf_wt:g}"


def _shown(campaign: Campaign) -> tuple[Outcome, ...]:
    """Return the outcomes that have a column in a batch: the objectives, then what is always worth seeing."""
    from optimizer.explain import in_reading_order  # here: it knows the measured cells, and a check must be quick

    names = dict.fromkeys([*(objective.outcome for objective in in_reading_order(campaign.objectives)), *SHOWN])
    return tuple(campaign.outcomes[name] for name in names)


def show_suggestions(answer: Suggestions, out: Console | None = None) -> None:
    """Print a batch: recipes with predictions, why each, and what to weigh."""
    out = out or console()
    c = answer.campaign.conditions
    name = escape(answer.campaign.name)
    out.print(f"[bold]Next {len(answer.suggestions)} recipes[/bold], campaign {name}, study {answer.campaign.study}, seed {answer.seed}")
    out.print(f"strategy {answer.strategy} ({answer.why_strategy}); predictions at {c.c_rate:g}C, {c.temperature_c:g} C, with 90 % intervals")
    out.print(f"energy basis {answer.campaign.stack.basis}, {c.loading_mg_cm2:g} mg/cm2 of composite pressed at {c.pressure_mpa:g} MPa")
    if answer.simulated:
        out.print(escape(answer.simulated.sentence))
    out.print()
    if answer.trust:
        from optimizer.trust import TITLES, trust_rows  # here: it imports torch, and a check must be quick

        trust = Table(box=None, header_style="bold", pad_edge=False)
        for title in TITLES:
            trust.add_column(title, justify="left" if title == TITLES[0] else "right", no_wrap=True)
        for row in trust_rows(answer.trust):
            trust.add_row(*row)
        out.print(trust)
        out.print()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in RECIPE_COLUMNS:
        table.add_column(title, justify="right", no_wrap=True, min_width=max(len(title), 1))
    shown = _shown(answer.campaign)[: max(1, (out.width - RECIPE_WIDTH) // OUTCOME_WIDTH)]  # a narrow terminal sees fewer, never less recipe
    for outcome in shown:
        title = outcome.label if outcome.unit in (outcome.label, "1") else f"{outcome.label}, {outcome.unit}"
        table.add_column(escape(title), no_wrap=True)
    limits = out.width >= NARROW
    if limits:
        table.add_column("all limits", justify="right", no_wrap=True)
    for number, s in enumerate(answer.suggestions, start=1):
        cells = [interval_text(s.predicted[outcome.name], outcome.digits) for outcome in shown]
        table.add_row(f"{number}", *_composition(s.recipe), *cells, *((f"p {s.probability:.2f}",) if limits else ()))
    out.print(table)
    out.print("\n[bold]Why[/bold]")
    for number, s in enumerate(answer.suggestions, start=1):
        out.print(f"{number}. {escape(s.reason)}")
    if answer.outlook:
        from optimizer.advice_text import outlook_text  # here: it imports torch, and a check must be quick

        advice = ". `glittercake advise` says whether to stop" if answer.outlook.stop else ""
        out.print(f"\n[bold]Outlook[/bold]\n{escape(outlook_text(answer.outlook))}{advice}.")
    weigh = Table(box=None, header_style="bold", pad_edge=False, title="Weigh, mg", title_justify="left", title_style="bold")
    for title in ("", "mill: AM", "mill: SE", "mix: coated powder", "mix: free SE", "mix: VGCF", "batch"):
        weigh.add_column(title, justify="right")
    decimals = max(1, decimals_of(answer.campaign.batch.balance_mg))
    names = ("coating_am", "coating_se", "mix_coated_powder", "mix_free_se", "mix_vgcf")
    sheets = [(f"{number}", s.sheet) for number, s in enumerate(answer.suggestions, start=1)]
    sheets += [(f"control {number}", control.preparation.sheet) for number, control in enumerate(answer.controls, start=1)]
    for label, sheet in sheets:
        weigh.add_row(label, *(f"{sheet.masses_mg[name]:.{decimals}f}" for name in names), f"{sheet.batch_mg:.{decimals}f}")
    out.print()
    out.print(weigh)
    _show_making(answer, out)


def _show_making(answer: Suggestions, out: Console) -> None:
    """Print the control, the order to make cells in and what the batch costs, each where a campaign asks for it."""
    if answer.controls:
        out.print(f"\n[bold]Control[/bold], once a block: {recipe_text(answer.controls[0].recipe)}")
    turns = [(s.place, f"{number}") for number, s in enumerate(answer.suggestions, start=1)]
    turns += [(control.place, f"control {number}") for number, control in enumerate(answer.controls, start=1)]
    placed = sorted((place.block, place.position, label) for place, label in turns if place)
    if placed:
        out.print("\n[bold]Make in this order[/bold]")
        for block in sorted({block for block, _, _ in placed}):
            out.print(f"block {block}: {', '.join(label for of, _, label in placed if of == block)}")
    if answer.effort:
        out.print(f"\n[bold]Effort[/bold]: {escape(cost_text(answer.effort))}")


def limit_rows(table: Table, limits: tuple[LimitState, ...]) -> None:
    """Add a row for each limit: name, kind, margin, probability, verdict."""
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
    limit_rows(limits, answer.limits)
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
        scatter = f" +- {entry['sd']:.2g}" if "sd" in entry else ""
        table.add_row(name, f"{entry['value']:.4g}{scatter}", "" if entry["unit"] == "1" else entry["unit"])
    for name, value in answer.get("facts", {}).items():
        table.add_row(name, f"{value:.4g}", "")
    out.print(table)
    if answer.get("status", "ok") != "ok":
        out.print(f"\n[bold red]{escape(answer['status'])}[/bold red]: {escape(answer['detail'])}")
    runs = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("C-rate", "mAh/g", "V", "mAh/cm2", "Wh/L", "Wh/kg"):
        runs.add_column(title, justify="right")
    for run in answer.get("discharges", ()):
        runs.add_row(f"{run['c_rate']:g}", *(f"{run[name]['value']:.4g}" if name in run else run["status"] for name in DISCHARGE))
    if runs.row_count:
        out.print()
        out.print(runs)
    if not answer["percolates"]:
        out.print("\nthe SE does not percolate: tau is at its cap")
    if answer.get("shell_capped"):
        out.print("\nthe coating asks for more SE than the recipe holds: all of it is in the shell")


def show_image(answer: dict[str, Any], out: Console | None = None) -> None:
    """Print what an image shows."""
    out = out or console()
    out.print(escape(answer["resolution"]) + "\n")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("phase", "volume fraction", "tortuosity factor", ""):
        table.add_column(title)
    for phase, fraction in answer["volume_fractions"].items():
        tau = answer["tortuosity_factors"].get(phase)
        note = "" if tau is None or answer["percolates"][phase] else "leads nowhere"
        table.add_row(escape(phase), f"{fraction:.4g}", "" if tau is None else f"{tau:.4g}", note)
    out.print(table)
    if answer["am_se_contact"] is not None:
        out.print(f"\n{100.0 * answer['am_se_contact']:.3g} % of the AM surface touches SE")


def show_validation(answer: Validation, out: Console | None = None) -> None:
    """Print the scores of a validation."""
    out = out or console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("outcome", "model", "rows", "median |error|", "rms error", "unit", "90 % interval covers", "Wilson 95 %", "log density"):
        table.add_column(title)
    for s in answer.scores:
        low, high = s.interval
        covers = f"{100 * s.coverage:.0f} %"
        wilson, density = f"{100 * low:.0f}-{100 * high:.0f} %", f"{s.log_density:.2f}{' chosen' if s.chosen else ''}"
        table.add_row(s.outcome, s.model, str(s.rows), f"{s.median:.3g}", f"{s.rms:.3g}", s.unit, covers, wilson, density)
    refitted = "every model refitted without it" if answer.own else "physics recalibrated and every model refitted without it"
    out.print(f"[bold]Each {answer.leave} left out whole[/bold], {refitted}; chosen: the densest on the left-out rows\n")
    out.print(table)


def show_findings(findings: list[Finding], out: Console | None = None) -> None:
    """Print what the doctor found."""
    out = out or console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[bold red]MEND[/bold red]", finding.what, finding.detail)
    out.print(table)
