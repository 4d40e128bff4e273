"""What every command does: read its inputs, say that it is at work, print, and refuse in one sentence."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from objectives.cell import Cell
    from objectives.recipe import Recipe
    from optimizer.campaign import Campaign

REFUSED = 1  # exit code of refused input and of what is infeasible; wrong usage is 2, from typer
SLOW_S = 2.0  # a step that takes longer says that it is at work


def refuse(error: Exception | str) -> NoReturn:
    """Print one sentence on stderr and leave with exit code 1."""
    typer.echo(f"glittercake: {error}", err=True)
    raise typer.Exit(REFUSED)


def give_up(error: OSError) -> NoReturn:
    """Leave with exit code 1 because the system refuses to read or write: with one sentence on stderr, quietly where nobody reads the pipe."""
    with suppress(OSError, ValueError):  # what is still in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        unwritten = f"the answer cannot be written ({error}); free some space or send it elsewhere"
        elsewhere = f"{error.filename} cannot be read or written ({error.strerror}); check the path and who may use it"
        with suppress(OSError):  # stderr may be as full
            typer.echo(f"glittercake: {unwritten if error.filename is None else elsewhere}", err=True)
    raise SystemExit(REFUSED)


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


def open_journal(path: Path | None) -> None:
    """Refuse a journal that is none, before any work is done for it; no file is no journal."""
    if path is None:
        return
    from optimizer.journal import JournalError, check_journal

    try:
        check_journal(path)
    except JournalError as error:
        refuse(error)


def keep_journal(path: Path, campaign: DataclassInstance, answer: Mapping[str, Any], learned_from: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Append a batch to its journal, say on stderr what changed since the last one, and return that for the answer."""
    from optimizer.journal import JournalError, append, entry

    try:
        changes = append(path, entry(campaign, answer, learned_from))
    except JournalError as error:
        refuse(error)
    if changes:
        typer.echo(f"changed since the last batch: {'; '.join(map(str, changes))}", err=True)
    return {"changes_since_last_batch": [change.as_json() for change in changes]}


def read_campaign(path: Path | None, study: str | None, temperature: float | None, c_rate: float | None) -> Campaign:
    """Return the campaign that the options describe."""
    from objectives.studies import UnknownStudyError
    from optimizer.campaign import load_campaign

    try:
        return load_campaign(path).at(study=study, temperature_c=temperature, c_rate=c_rate)
    except (ValueError, UnknownStudyError) as error:
        refuse(error)


def read_recipe(am: float | None, coating: str | None, se_size: float | None, vgcf: float | None) -> Recipe:
    """Return the recipe that the options describe; all four are needed."""
    from objectives.recipe import Recipe, RecipeError, parse_coating

    if am is None or coating is None or se_size is None or vgcf is None:
        given = {"--am": am, "--coating": coating, "--se-size": se_size, "--vgcf": vgcf}
        raise typer.BadParameter(f"a recipe needs --am, --coating, --se-size and --vgcf, got no {next(k for k, v in given.items() if v is None)}")
    try:
        return Recipe(am, parse_coating(coating), se_size, vgcf)
    except RecipeError as error:
        refuse(error)


def read_labels(settings: Sequence[str]) -> dict[str, int]:
    """Return phases and their values from ``PHASE=VALUE`` options."""
    labels: dict[str, int] = {}
    for setting in settings:
        phase, equals, value = setting.partition("=")
        if not (equals and phase.strip() and value.strip().isdecimal()):
            refuse(f'--label must be PHASE=VALUE with a whole number, got "{setting}"; write it as --label AM=1')
        labels[phase.strip()] = int(value)
    return labels


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


def show_import(
    what: str,
    statuses: Sequence[str],
    measured: Sequence[Sequence[str]],
    notes: Sequence[str],
    skipped: Sequence[int],
    *,
    as_json: bool,
) -> None:
    """Print what was read of a table: the status of each row and the names of the outcomes it carries."""
    counts = {status: list(statuses).count(status) for status in dict.fromkeys(statuses)}
    outcomes = {name: sum(name in row for row in measured) for name in dict.fromkeys(name for row in measured for name in row)}
    if as_json:
        print_json({what: len(statuses), "status": counts, "outcomes": outcomes, "skipped_rows": list(skipped), "notes": list(notes)})
        return
    typer.echo(f"{len(statuses)} {what}: " + ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items()))
    typer.echo("measured: " + (", ".join(f"{name} {count}" for name, count in outcomes.items()) or "nothing"))
    for note in notes:
        typer.echo(f"note: {note}")
    if skipped:
        typer.echo(f"left out {len(skipped)} rows with problems: {', '.join(map(str, skipped))}")
