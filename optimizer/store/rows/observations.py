"""Observations of the store: from reports to recipes, batches, cells and measurements, and back. Nothing here is ever rewritten."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select

from objectives.cell import Measured
from optimizer.store.observation import Observation, Parameters
from optimizer.store.records import Kept, Told, utc
from optimizer.store.rows.numbers import CAMPAIGN, SOME, by_digest, chunks, last
from optimizer.store.tables import batches, cells, measurements, observations, recipes
from optimizer.store.transactions import Writing, digest

SAME = 9  # significant digits in which two recipes are one

_INSERT = {table: insert(table) for table in (recipes, batches, cells, observations, measurements)}  # built once, as in `numbers`
_REPLICATES = select(cells.c.number, cells.c.replicate).where((cells.c.campaign_id == CAMPAIGN) & cells.c.number.in_(SOME))
_MOST_REPLICATES = (
    select(cells.c.recipe, func.max(cells.c.replicate)).where((cells.c.campaign_id == CAMPAIGN) & cells.c.recipe.in_(SOME)).group_by(cells.c.recipe)
)
_MEASURED = (
    select(measurements)
    .where((measurements.c.campaign_id == CAMPAIGN) & measurements.c.observation.between(bindparam("first"), bindparam("last")))
    .order_by(measurements.c.observation, measurements.c.place)
)


def recipe_digest(recipe: Parameters) -> str:
    """Return what identifies a recipe: its values to nine digits."""
    return digest({name: value if isinstance(value, str) else f"{value + 0.0:.{SAME}g}" for name, value in recipe.items()})  # -0.0 is 0


def content_digest(observation: Observation) -> str:
    """Return what identifies a row of a table: everything it says."""
    return digest({name: value for name, value in observation.as_json().items() if name != "source"})


@dataclass(frozen=True)
class Wanted:
    """An observation to keep, with what is known of it beside its content."""

    observation: Observation
    trial: int | None = None
    attempt: int | None = None
    late: bool = False
    corrects: int | None = None
    cell: int | None = None  # its cell, where it is known: that of what it corrects


def add_recipes(connection: Connection, campaign_id: int, wanted: Sequence[Parameters], number: int) -> list[int]:
    """Return the numbers of recipes, kept now where they were not, from the last ``number`` on."""
    digests = [recipe_digest(recipe) for recipe in wanted]
    known = by_digest(connection, recipes, campaign_id, digests)
    fresh: list[dict[str, Any]] = []
    for key, recipe in zip(digests, wanted, strict=True):
        if key not in known:
            number += 1
            known[key] = number
            fresh.append({"campaign_id": campaign_id, "number": number, "digest": key, "parameters": dict(recipe)})
    _insert(connection, recipes, fresh)
    return [known[key] for key in digests]


def add(writing: Writing, campaign_id: int, revision: int, wanted: Sequence[Wanted]) -> list[Told]:
    """Keep observations, under the campaign's lock."""
    connection = writing.connection
    given = last(connection, campaign_id)
    numbers = add_recipes(connection, campaign_id, [one.observation.planned or one.observation.recipe for one in wanted], given[recipes])
    placed = _place(connection, campaign_id, wanted, numbers, given)
    rows, values, told = [], [], []
    for number, (one, (cell, replicate)) in enumerate(zip(wanted, placed, strict=True), start=given[observations] + 1):
        observation = one.observation
        link = {"trial": one.trial, "attempt": one.attempt, "late": one.late, "corrects": one.corrects}
        said = {name: getattr(observation, name) for name in ("status", "cause", "source")}
        said |= {"conditions": dict(observation.conditions), "own": dict(observation.own), "digest": content_digest(observation)}
        rows.append(
            {
                "campaign_id": campaign_id,
                "number": number,
                "cell": cell,
                "revision": revision,
                "at": writing.now,
                "by": writing.by.who,
                **link,
                **said,
            }
        )
        for place, (outcome, measured) in enumerate(observation.outcomes.items()):
            sd = None if math.isnan(measured.sd) else measured.sd
            values.append({"campaign_id": campaign_id, "observation": number, "outcome": outcome, "value": measured.value, "sd": sd, "place": place})
        told.append(Told(number, cell, replicate, one.trial, one.attempt, one.late, one.corrects))
        writing.changed(campaign_id, f"observation {number}", None, {**told[-1].as_json(), "observation": observation.as_json()})
    _insert(connection, observations, rows)
    _insert(connection, measurements, values)
    return told


def _place(
    connection: Connection, campaign_id: int, wanted: Sequence[Wanted], numbers: Sequence[int], given: Mapping[Table, int]
) -> list[tuple[int, int]]:
    """Return cell and replicate of each observation, with batches and cells kept now where they were not."""
    batch_keys = [_batch_digest(one.observation, number) for one, number in zip(wanted, numbers, strict=True)]
    cell_keys = [_cell_digest(one.observation, number) for one, number in zip(wanted, numbers, strict=True)]
    known_batches = by_digest(connection, batches, campaign_id, batch_keys)
    known_cells = by_digest(connection, cells, campaign_id, cell_keys)
    replicates = _pairs(connection, _REPLICATES, campaign_id, [*known_cells.values(), *(one.cell for one in wanted if one.cell)])
    counts = _pairs(connection, _MOST_REPLICATES, campaign_id, numbers)
    batch, cell = given[batches], given[cells]
    new_batches, new_cells, placed = [], [], []
    for one, recipe, batch_key, cell_key in zip(wanted, numbers, batch_keys, cell_keys, strict=True):
        found = one.cell or known_cells.get(cell_key or "")
        if found is None:
            in_batch = known_batches.get(batch_key or "")
            if in_batch is None:
                batch += 1
                in_batch = known_batches[batch_key or f"{batch}"] = batch
                new_batches.append({"campaign_id": campaign_id, "number": batch, "recipe": recipe, "digest": batch_key, **_mix(one.observation)})
            cell += 1
            found = known_cells[cell_key or f"{cell}"] = cell
            replicates[cell] = counts[recipe] = counts.get(recipe, 0) + 1
            named = {"name": one.observation.name, "date": one.observation.date, "digest": cell_key}
            new_cells.append(
                {"campaign_id": campaign_id, "number": cell, "batch": in_batch, "recipe": recipe, "replicate": replicates[cell], **named}
            )
        placed.append((found, replicates[found]))
    _insert(connection, batches, new_batches)
    _insert(connection, cells, new_cells)
    return placed


def _mix(observation: Observation) -> dict[str, Any]:
    return {
        "made": dict(observation.recipe),
        "made_sd": dict(observation.recipe_sd),
        "planned": None if observation.planned is None else dict(observation.planned),
        "lots": dict(observation.lots),
        "masses_mg": dict(observation.masses_mg),
    }


def _batch_digest(observation: Observation, recipe: int) -> str | None:
    """Return what identifies a batch: the recipe and what was weighed of which lots; None where nobody says."""
    return digest([recipe, _mix(observation)]) if observation.lots or observation.masses_mg else None


def _cell_digest(observation: Observation, recipe: int) -> str | None:
    """Return what identifies a cell that has a name."""
    return digest([recipe, _mix(observation), observation.name, observation.date]) if observation.name else None


def same_cell(one: Observation, other: Observation) -> bool:
    """Return whether two observations are of one cell by everything said of it."""
    return (_mix(one), one.name, one.date) == (_mix(other), other.name, other.date)


def _pairs(connection: Connection, query: Any, campaign_id: int, some: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in chunks(some):
        found.update((first, second) for first, second in connection.execute(query, {"campaign": campaign_id, "some": part}))
    return found


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(_INSERT[table], rows)


def read(connection: Connection, campaign_id: int, after: int = 0, limit: int | None = None, only: Sequence[int] | None = None) -> list[Kept]:
    """Return observations in order of number, corrected ones too: those behind a number, or ``only`` some (at most `CHUNK`)."""
    newer = observations.alias("newer")
    of = (cells.c.campaign_id == observations.c.campaign_id) & (cells.c.number == observations.c.cell)
    mixed = (batches.c.campaign_id == cells.c.campaign_id) & (batches.c.number == cells.c.batch)
    corrected = (newer.c.campaign_id == observations.c.campaign_id) & (newer.c.corrects == observations.c.number)
    mix = (batches.c.made, batches.c.made_sd, batches.c.planned, batches.c.lots, batches.c.masses_mg)
    query = (
        select(observations, cells.c.name, cells.c.date, cells.c.replicate, *mix, newer.c.number.label("corrected_by"))
        .join(cells, of)
        .join(batches, mixed)
        .outerjoin(newer, corrected)
        .where((observations.c.campaign_id == campaign_id) & (observations.c.number > after))
        .order_by(observations.c.number)
        .limit(limit)
    )
    rows = connection.execute(query if only is None else query.where(observations.c.number.in_(only))).all()
    values = _measured(connection, campaign_id, [row.number for row in rows]) if rows else {}
    return [_kept(row, values.get(row.number, {})) for row in rows]


def _measured(connection: Connection, campaign_id: int, numbers: Sequence[int]) -> dict[int, dict[str, Measured]]:
    between = {"campaign": campaign_id, "first": numbers[0], "last": numbers[-1]}
    found: dict[int, dict[str, Measured]] = {}
    for row in connection.execute(_MEASURED, between):
        found.setdefault(row.observation, {})[row.outcome] = Measured(row.value, math.nan if row.sd is None else row.sd)
    return found


def _kept(row: Any, outcomes: Mapping[str, Measured]) -> Kept:
    observation = Observation(
        recipe=row.made,
        outcomes=outcomes,
        status=row.status,
        cause=row.cause,
        name=row.name,
        date=row.date,
        planned=row.planned,
        recipe_sd=row.made_sd,
        conditions=row.conditions,
        lots=row.lots,
        masses_mg=row.masses_mg,
        own=row.own,
        source=row.source,
    )
    told = Told(row.number, row.cell, row.replicate, row.trial, row.attempt, row.late, row.corrects)
    return Kept(told, observation, row.revision, utc(row.at), row.by, row.corrected_by)


def current(kept: Sequence[Kept]) -> list[Kept]:
    """Return the observations that stand, each in the place of the first that it corrects, given all of a campaign."""
    root: dict[int, int] = {}
    for one in kept:
        corrects = one.told.corrects
        root[one.told.number] = one.told.number if corrects is None else root[corrects]
    return sorted((one for one in kept if one.corrected_by is None), key=lambda one: root[one.told.number])


def as_clone(kept: Kept, campaign: str) -> Wanted:
    """Return a standing observation as a copy in another campaign, with where it comes from."""
    return Wanted(replace(kept.observation, source=f"{campaign}, observation {kept.told.number}"))
