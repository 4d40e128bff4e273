"""The two kinds of campaigns, with and without physics, behind one set of functions: what a recipe is, what a table says, what a model needs.

The only module of the store that knows what an electrode is. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.parameter import DesignSpaceError
from objectives.recipe import RECIPE_FIELDS, Recipe, RecipeError
from optimizer.campaign import Campaign, parse_campaign
from optimizer.lab_table.columns import COLUMNS, MASSES, Column
from optimizer.lab_table.headers import Headers, read_headers, understood
from optimizer.lab_table.reader import read_grid
from optimizer.lab_table.table import LabTable
from optimizer.lab_table.values import decimal_mark, is_blank, measured_number
from optimizer.own_table import read_own_table
from optimizer.space.campaign import SpaceCampaign, is_space_campaign, parse_space_campaign
from optimizer.space.table import Trial as SpaceTrial
from optimizer.space.table import read_trials, vocabulary
from optimizer.store.errors import RecordError
from optimizer.store.observation import CONDITIONS, Observation, Parameters
from optimizer.store.records import Kind

AnyCampaign = Campaign | SpaceCampaign
Row = Cell | SpaceTrial  # what a model learns from
CONDUCTIVITIES = ("ionic_conductivity", "electronic_conductivity")  # measured beside the outcomes of `objectives.outcomes`
_SCALES = {"linear": (-math.inf, math.inf), "log": (0.0, math.inf), "share": (0.0, 1.0)}
_MASS_KEYS = frozenset(column.key for column in MASSES)


@lru_cache(maxsize=64)
def parse(text: str, name: str) -> AnyCampaign:
    """Return the campaign of a file's text, of either kind.

    Raises:
        CampaignError: As `parse_campaign` and `parse_space_campaign`; so DesignSpaceError and InfeasibleError.
    """
    return parse_space_campaign(text, name) if is_space_campaign(text) else parse_campaign(text, name)


def kind_of(campaign: AnyCampaign) -> Kind:
    """Return the kind of a campaign."""
    return "space" if isinstance(campaign, SpaceCampaign) else "electrode"


def parameters_of(campaign: AnyCampaign, row: Array) -> Parameters:
    """Return a recipe ``(d,)`` by the names of its parameters."""
    if isinstance(campaign, SpaceCampaign):
        return campaign.recipe(row)
    return dict(zip(RECIPE_FIELDS, map(float, row), strict=True))


def row_of(campaign: AnyCampaign, recipe: Parameters) -> tuple[float, ...]:
    """Return a recipe as one row ``(d,)``, as models have it.

    Raises:
        RecordError: If it is no recipe of the campaign, inside its bounds or not.
    """
    try:
        if isinstance(campaign, SpaceCampaign):
            return tuple(map(float, campaign.row(recipe)))
        return _electrode(recipe).values()
    except (DesignSpaceError, RecipeError) as error:
        rule, _, remedy = str(error).rpartition("; ")
        raise RecordError("recipe", f"must be a recipe of the campaign: {rule}", dict(recipe), remedy) from error


def _electrode(recipe: Parameters) -> Recipe:
    if set(recipe) != set(RECIPE_FIELDS) or any(isinstance(value, str) for value in recipe.values()):
        raise RecipeError(f"it has numbers for {', '.join(RECIPE_FIELDS)}, got {', '.join(map(str, recipe))}; give these four")
    return Recipe(*(float(recipe[name]) for name in RECIPE_FIELDS))


def check(campaign: AnyCampaign, observation: Observation) -> None:
    """Refuse an observation that the campaign cannot have.

    Raises:
        RecordError: If its recipe is none, an outcome or condition is unknown or outside what any cell can have (mostly a wrong unit).
    """
    row_of(campaign, observation.recipe)
    if observation.planned is not None:
        row_of(campaign, observation.planned)
    known = outcome_ranges(campaign)
    for name, measured in observation.outcomes.items():
        if name not in known:
            raise RecordError(f"outcomes.{name}", f"must be an outcome of the campaign: {', '.join(known)}", measured.value, "correct the name")
        _check_range(f"outcomes.{name}", measured.value, *known[name])
    _check_own(campaign, observation)
    if isinstance(campaign, SpaceCampaign):
        for extra in ("conditions", "lots", "masses_mg", "recipe_sd"):
            if getattr(observation, extra):
                raise RecordError(
                    extra, "must be left out in a campaign without physics", dict(getattr(observation, extra)), "make it a parameter of it"
                )
        return
    for name, value in observation.conditions.items():
        _check_range(f"conditions.{name}", value, *_range(COLUMNS[name]))
    for extra, names in (("recipe_sd", RECIPE_FIELDS), ("masses_mg", tuple(sorted(_MASS_KEYS)))):
        for name, value in getattr(observation, extra).items():
            if name not in names:
                raise RecordError(extra, f"must be some of {', '.join(names)}", name, f"correct the name of {value:g}")


def _check_own(campaign: AnyCampaign, observation: Observation) -> None:
    """Refuse columns of the lab's own that a table would take for others, so that what was told can be exported."""
    if not observation.own:
        return
    headers = headers_of(campaign, tuple(observation.own))
    if headers.problems or any(header.column is not None for header in headers.known):
        raise RecordError("own", "must have no name that a table takes for another column", ", ".join(observation.own), "rename that column")


def outcome_ranges(campaign: AnyCampaign) -> dict[str, tuple[float, float, bool]]:
    """Return the outcomes that may be told, each with its least and greatest value and whether the least itself is refused."""
    if isinstance(campaign, SpaceCampaign):
        return {own.name: (*_SCALES[own.scale], own.scale == "log") for own in campaign.own}
    found = {name: _range(COLUMNS[name]) for name in (*campaign.outcomes, *CONDUCTIVITIES) if name in COLUMNS}
    return {**found, "thickness": _range(COLUMNS["thickness_um"]), **{own.name: (*_SCALES[own.scale], own.scale == "log") for own in campaign.own}}


def _range(column: Column) -> tuple[float, float, bool]:
    return column.low, column.high, column.above


def _check_range(field: str, value: float, low: float, high: float, above: bool) -> None:
    if not low <= value <= high or (above and value == low):
        raise RecordError(field, f"must be {'above' if above else 'at least'} {low:g} and at most {high:g}", value, "correct the value or its unit")


def learned(campaign: AnyCampaign, observation: Observation, line: int) -> Row:
    """Return an observation as models read it, as if from a line of a table.

    Raises:
        RecordError: If it is of a recipe that the campaign no longer has.
    """
    name = observation.name or f"row {line}"
    row, outcomes, own = row_of(campaign, observation.recipe), dict(observation.outcomes), dict(observation.own)
    if isinstance(campaign, SpaceCampaign):
        return SpaceTrial(line, name, row, outcomes, observation.status, observation.cause, observation.date, own)
    am, coating, size, vgcf = (observation.recipe_sd.get(key, 0.0) for key in RECIPE_FIELDS)
    return Cell(
        line,
        name,
        Recipe(*row),
        outcomes,
        observation.status,
        observation.cause,
        recipe_sd=(am, coating, size, vgcf),
        planned=None if observation.planned is None else _electrode(observation.planned),
        temperature_c=observation.conditions.get("temperature_c", math.nan),
        c_rate=observation.conditions.get("c_rate", math.nan),
        pressure_mpa=observation.conditions.get("pressure_mpa", math.nan),
        loading_mg_cm2=observation.conditions.get("loading_mg_cm2", math.nan),
        date=observation.date,
        lots=dict(observation.lots),
        own=own,
    )


def observed(campaign: AnyCampaign, row: Row, masses_mg: Mapping[str, float], source: str) -> Observation:
    """Return the observation of a line of a table."""
    name = "" if row.name == f"row {row.row}" else row.name  # the reader's own name for a cell without
    if isinstance(row, SpaceTrial):
        recipe = parameters_of(campaign, np.array(row.recipe))
        return Observation(recipe, row.outcomes, row.status, row.cause, name, row.date, own=row.own, source=source)
    return Observation(
        dict(zip(RECIPE_FIELDS, row.recipe.values(), strict=True)),
        row.outcomes,
        row.status,
        row.cause,
        name,
        row.date,
        planned=None if row.planned is None else dict(zip(RECIPE_FIELDS, row.planned.values(), strict=True)),
        recipe_sd={key: sd for key, sd in zip(RECIPE_FIELDS, row.recipe_sd, strict=True) if sd > 0.0},
        conditions={key: value for key in CONDITIONS if not math.isnan(value := getattr(row, key))},
        lots=row.lots,
        masses_mg=masses_mg,
        own=row.own,
        source=source,
    )


def read_observations(campaign: AnyCampaign, content: bytes, source: str) -> tuple[tuple[Observation, ...], tuple[str, ...]]:
    """Return the observations of a table, CSV or XLSX, and what reading had to choose.

    Raises:
        LabTableError: If the table has any problem; lists them all, by row and column.
        RecordError: If the table has a value that cannot be kept, such as a text too long.
    """
    if isinstance(campaign, SpaceCampaign):
        trials = read_trials(content, campaign)
        return tuple(observed(campaign, row, {}, source) for row in trials.require_clean()), trials.notes
    table: LabTable[Cell] = read_own_table(content, campaign)
    cells = table.require_clean()
    masses = _masses(content, campaign)
    return tuple(observed(campaign, cell, masses.get(cell.row, {}), source) for cell in cells), table.notes


def headers_of(campaign: AnyCampaign, texts: Sequence[str], row: int = 1) -> Headers:
    """Return what headers of a table mean to a campaign."""
    if isinstance(campaign, SpaceCampaign):
        return understood(row, texts, vocabulary(campaign), ())
    return read_headers(row, texts, {own.name: own.unit for own in campaign.own})


def _masses(content: bytes, campaign: Campaign) -> dict[int, dict[str, float]]:
    """Return what was weighed in each row of a table that is known to be clean, mg."""
    grid = read_grid(content)
    headers = headers_of(campaign, grid.headers, grid.header_row).known
    numeric = [header.index for header in headers if header.column and header.column.kind in ("number", "c_rate", "coating")]
    decimal = decimal_mark([cells[index] for _, cells in grid.rows for index in numeric]) if grid.decimal_comma else "."
    found: dict[int, dict[str, float]] = {}
    for header in headers:
        if header.column is not None and header.column.key in _MASS_KEYS:
            for row, cells in grid.rows:
                if not is_blank(cells[header.index]):
                    found.setdefault(row, {})[header.column.key] = measured_number(cells[header.index], decimal, header, header.column)
    return found
