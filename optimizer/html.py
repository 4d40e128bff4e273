"""Tables for a notebook: the batch and the check of the command line as plain HTML, without colours, scripts or anything from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from objectives.recipe import format_coating
from optimizer.cli.render import RECIPE_COLUMNS, SHOWN, interval_text
from optimizer.explain import in_reading_order
from optimizer.report import cost_text, recipe_text

if TYPE_CHECKING:
    from objectives.recipe import Recipe
    from objectives.weighing import Sheet
    from optimizer.checks import Check
    from optimizer.report import LimitState
    from optimizer.suggestion import Suggestions

MASSES = {
    "coating_am": "mill: AM",
    "coating_se": "mill: SE",
    "mix_coated_powder": "mix: coated powder",
    "mix_free_se": "mix: free SE",
    "mix_vgcf": "mix: VGCF",
}


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _table(caption: str, titles: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first cell of a row names it."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>' for first, *cells in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(caption: str, items: Iterable[str]) -> str:
    return f"{_paragraph(caption)}<ol>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ol>"


def _unit(unit: str) -> str:
    """Return a unit as it stands after a name; a number without one has none."""
    return "" if unit in ("", "1") else f", {unit}"


def _composition(recipe: Recipe) -> tuple[str, ...]:
    return f"{recipe.am_wt:g}", format_coating(recipe.coating_se_wt), f"{recipe.se_particle_um:g}", f"{recipe.vgcf_wt:g}"


def _limit_row(state: LimitState) -> tuple[str, ...]:
    verdict = "holds" if state.holds else "BROKEN"
    return f"{state.name}{_unit(state.unit)}", state.kind, f"{state.margin:+.3g}", f"{state.probability:.2f}", verdict


def _masses(label: str, sheet: Sheet) -> tuple[str, ...]:
    return label, *(f"{sheet.masses_mg[name]:.10g}" for name in MASSES), f"{sheet.batch_mg:.10g}"  # as the balance shows them, not rounded again


def suggestions_html(answer: Suggestions) -> str:
    """Return a batch: recipes with predictions, limits, the reason for each, and what to weigh."""
    campaign, c = answer.campaign, answer.campaign.conditions
    numbered = [(f"{number}", s) for number, s in enumerate(answer.suggestions, start=1)]
    names = dict.fromkeys([*(objective.outcome for objective in in_reading_order(campaign.objectives)), *SHOWN])
    shown = [campaign.outcomes[name] for name in names]
    titles = [o.label if o.unit == o.label else f"{o.label}{_unit(o.unit)}" for o in shown]
    recipes = [
        (number, *_composition(s.recipe), *(interval_text(s.predicted[o.name], o.digits) for o in shown), f"p {s.probability:.2f}")
        for number, s in numbered
    ]
    limits = [
        (f"{state.name}{_unit(state.unit)}", *(f"{s.limits[i].margin:+.3g} (p {s.limits[i].probability:.2f})" for _, s in numbered))
        for i, state in enumerate(answer.suggestions[0].limits)
    ]
    sheets = [_masses(number, s.sheet) for number, s in numbered]
    sheets += [_masses(f"control {number}", control.preparation.sheet) for number, control in enumerate(answer.controls, start=1)]
    return "".join(
        [
            _paragraph(f"Next {len(numbered)} recipes, campaign {campaign.name}, study {campaign.study}, seed {answer.seed}"),
            _paragraph(f"Strategy {answer.strategy} ({answer.why_strategy}); at {c.c_rate:g}C, {c.temperature_c:g} C, with 90 % intervals"),
            _paragraph(f"Energy basis {campaign.stack.basis}, {c.loading_mg_cm2:g} mg/cm2 of composite pressed at {c.pressure_mpa:g} MPa"),
            _paragraph(answer.simulated.sentence) if answer.simulated else "",
            _table("Recipes", (*RECIPE_COLUMNS, *titles, "all limits"), recipes),
            _table("Margin to every limit", ("limit", *(number for number, _ in numbered)), limits),
            _list("Why", (s.reason for _, s in numbered)),
            _table("Weigh, mg", ("", *MASSES.values(), "batch"), sheets),
            _making(answer),
        ]
    )


def _making(answer: Suggestions) -> str:
    """Return the control, the order to make cells in and what the batch costs, each where a campaign asks for it."""
    parts = [_paragraph(f"Control, once a block: {recipe_text(answer.controls[0].recipe)}")] if answer.controls else []
    turns = [(s.place, f"{number}") for number, s in enumerate(answer.suggestions, start=1)]
    turns += [(control.place, f"control {number}") for number, control in enumerate(answer.controls, start=1)]
    placed = sorted((place.block, place.position, label) for place, label in turns if place)
    if placed:
        parts.append(_table("Make in this order", ("block", "turn", "recipe"), [(f"{block}", f"{turn}", label) for block, turn, label in placed]))
    if answer.effort:
        parts.append(_paragraph(f"Effort: {cost_text(answer.effort)}"))
    return "".join(parts)


def check_html(answer: Check) -> str:
    """Return what is known of one recipe: predictions, limits, and the verdict with the nearest recipe that passes."""
    c, outcomes = answer.campaign.conditions, answer.campaign.outcomes
    where = f"{answer.source}, study {answer.campaign.study}, {c.c_rate:g}C, {c.temperature_c:g} C"
    predicted = [(f"{name}{_unit(found.unit)}", interval_text(found, outcomes[name].digits), found.basis) for name, found in answer.predicted.items()]
    return "".join(
        [
            _paragraph(f"{recipe_text(answer.recipe)} ({where})"),
            _table("Predicted", ("outcome", "mean (90 % interval)", "basis"), predicted),
            _table("Limits", ("limit", "kind", "margin", "probability", ""), [_limit_row(state) for state in answer.limits]),
            _paragraph(answer.verdict),
        ]
    )
