"""A campaign's observations as a table that `glittercake import` reads back as they are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from objectives.recipe import RECIPE_FIELDS
from optimizer.lab_table.columns import LOTS, MASSES
from optimizer.space.campaign import SpaceCampaign
from optimizer.store.kinds import AnyCampaign, outcome_ranges
from optimizer.store.observation import CONDITIONS, Observation

SAYS_UNIT = {"porosity": "porosity [1]", "thickness": "thickness_um"}  # headers that are not the outcome's name
MASS_KEYS = tuple(column.key for column in MASSES)


def as_csv(campaign: AnyCampaign, observations: Sequence[Observation]) -> str:
    """Return a table of observations as CSV: plain text in UTF-8, every number to its last digit, no cell that would run as a formula.

    A recipe that was weighed is written as planned beside its masses, from which reading it with the campaign's balance gives the same
    again; one without its masses is written as made.
    """
    rows = [_row(campaign, one) for one in observations]
    headers = list(dict.fromkeys(name for row in rows for name in row))
    ordered = sorted(headers, key=_order(campaign, headers).index)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ordered)
    writer.writerows([row.get(name, "") for name in ordered] for row in rows)
    return text.getvalue()


def _order(campaign: AnyCampaign, headers: Sequence[str]) -> list[str]:
    names = [p.name for p in campaign.declared] if isinstance(campaign, SpaceCampaign) else [*RECIPE_FIELDS]
    outcomes = [_header(campaign, name) for name in outcome_ranges(campaign)]
    first = ["name", "date", *names, *LOTS, *MASS_KEYS, *CONDITIONS, *(name for header in outcomes for name in (header, f"{header} sd"))]
    return [*first, *(header for header in headers if header not in (*first, "status", "cause")), "status", "cause"]


def _header(campaign: AnyCampaign, outcome: str) -> str:
    return outcome if isinstance(campaign, SpaceCampaign) else SAYS_UNIT.get(outcome, outcome)


def _row(campaign: AnyCampaign, one: Observation) -> dict[str, str]:
    weighed = bool(one.masses_mg) and one.planned is not None
    recipe = one.planned if weighed and one.planned is not None else one.recipe
    found = {name: value if isinstance(value, str) else _number(value) for name, value in recipe.items()}
    if one.masses_mg and one.planned is None:  # nobody planned: the masses say it all
        found = {name: value for name, value in found.items() if name not in one.recipe_sd}
    found |= {"name": one.name, "date": one.date, "status": one.status, "cause": one.cause, **one.own}
    found |= {key: one.lots[kind] for key, kind in LOTS.items() if kind in one.lots}
    found |= {name: _number(value) for name, value in (*one.masses_mg.items(), *one.conditions.items())}
    for name, measured in one.outcomes.items():
        header = _header(campaign, name)
        found[header] = _number(measured.value)
        if not math.isnan(measured.sd):
            found[f"{header} sd"] = _number(measured.sd)
    return found


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)  # whole below the last digit that a float has
