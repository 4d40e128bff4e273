"""What every command does: read its inputs, say that it is at work, print, and refuse in one sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from objectives.cell import Cell
    from objectives.recipe import Recipe
    from optimizer.campaign import Campaign

REFUSED = 1  # exit code of refused input and of what is infeasible; wrong usage is 2, from typer
SLOW_S = 2.0  # a step that takes longer says that it is at work


def refuse(error: Exception | str) -> NoReturn:
    """Print one sentence on stderr and leave with exit code 1."""
    typer.echo(f"glittercake: {error}", err=True)
    raise typer.Exit(REFUSED)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on stderr what is being done once it takes over two seconds."""
    timer = threading.Timer(SLOW_S, lambda: typer.echo(f"{what} ...", err=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_json(data: Mapping[str, Any]) -> None:
    """Print plain data as JSON."""
    typer.echo(json.dumps(data, indent=2, allow_nan=False))


def read_campaign(path: Path | None, study: str | None, temperature: float | None, c_rate: float | None) -> Campaign:
    """Return the campaign that the options describe."""
    from objectives.studies import UnknownStudyError
    from optimizer.campaign import load_campaign

    try:
        return load_campaign(path).at(study=study, temperature_c=temperature, c_rate=c_rate)
    except (ValueError, UnknownStudyError) as error:
        refuse(error)


def read_recipe(am: float, coating: str, se_size: float, vgcf: float) -> Recipe:
    """Return the recipe that the options describe."""
    from objectives.recipe import Recipe, RecipeError, parse_coating

    try:
        return Recipe(am, parse_coating(coating), se_size, vgcf)
    except RecipeError as error:
        refuse(error)


def read_own(path: Path | None, settings: Campaign, *, skip: bool) -> tuple[Cell, ...]:
    """Return the cells of the user's table, with what was left out said on stderr."""
    if path is None:
        return ()
    from optimizer.own_table import read_own_table

    try:
        table = read_own_table(path, settings)
        cells = table.require_clean(skip_bad_rows=skip)
    except (ValueError, OSError) as error:
        refuse(error)
    if table.skipped_rows:
        typer.echo(f"left out {len(table.skipped_rows)} rows with problems: {', '.join(map(str, table.skipped_rows))}", err=True)
    return cells
