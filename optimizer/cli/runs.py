"""The commands of `glittercake campaign`: create, run, resume, status, report and export of simulated campaigns."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.cli.common import print_json, refuse
from optimizer.cli.options import Json

if TYPE_CHECKING:
    from optimizer.runs.driver import Progress
    from optimizer.runs.plan import Plan
    from optimizer.runs.store import Store

app = typer.Typer(
    name="campaign", help="Evaluate recipes by simulation, thousands at a time, in a store that survives anything.", no_args_is_help=True
)

StoreFile = Annotated[Path, typer.Option("--store", metavar="FILE", help="Where runs are kept (SQLite).")]
RunFile = Annotated[str, typer.Argument(metavar="RUN.toml", help="A run file, or the name of a bundled one such as analytic-sobol.")]
RunName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the run; the newest of the store when left out.")]
Name = Annotated[str | None, typer.Option("--name", help="Another name for the run; the file's when left out.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Another seed; the file's when left out.")]
Evaluations = Annotated[int | None, typer.Option("--evaluations", "--budget", help="Another budget of evaluations.")]
DEFAULT_STORE = Path("runs.db")
SHOW_S = 0.5  # between two lines of progress


class Format(StrEnum):
    """How trials are exported."""

    csv = "csv"
    json = "json"


@app.command()
def create(file: RunFile, store: StoreFile = DEFAULT_STORE, name: Name = None, seed: Seed = None, evaluations: Evaluations = None) -> None:
    """Keep a run in a store without starting it."""
    plan = _plan(file, name, seed, evaluations)
    with _opened(store, create=True) as opened:
        run = opened.create(plan)
    typer.echo(f"created run {run.name!r} in {store}; start it with: glittercake campaign resume {run.name!r} --store {store}")


@app.command()
def run(
    file: RunFile, store: StoreFile = DEFAULT_STORE, name: Name = None, seed: Seed = None, evaluations: Evaluations = None, as_json: Json = False
) -> None:
    """Create a run and drive it to its end; a kill at any moment loses nothing that is finished (`resume`)."""
    plan = _plan(file, name, seed, evaluations)
    with _opened(store, create=True) as opened:
        _drive(opened, opened.create(plan).name, as_json=as_json)


@app.command()
def resume(name: RunName = None, store: StoreFile = DEFAULT_STORE, evaluations: Evaluations = None, as_json: Json = False) -> None:
    """Drive a run on from where it stands: what was running is evaluated again, what had ended is not."""
    with _opened(store) as opened:
        kept = opened.run(name)
        if evaluations is not None:
            from optimizer.runs.driver import extend

            extend(opened, kept, evaluations)
        _drive(opened, kept.name, as_json=as_json)


@app.command()
def status(name: RunName = None, store: StoreFile = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show where a run stands; works while it is driven."""
    with _opened(store) as opened:
        _show(opened, name, as_json=as_json)


@app.command()
def report(
    name: RunName = None,
    store: StoreFile = DEFAULT_STORE,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to write the page.")] = Path("report.html"),
) -> None:
    """Write the report of a run as one HTML file that works offline."""
    from optimizer.runs.report import report_html

    with _opened(store) as opened:
        output.write_text(report_html(opened, name), encoding="utf-8")
    typer.echo(f"wrote {output}")


@app.command()
def export(
    name: RunName = None,
    store: StoreFile = DEFAULT_STORE,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.csv,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Where to; stdout when left out.")] = None,
) -> None:
    """Write every trial of a run: recipe, outcomes, margins, times. Works while it is driven."""
    from optimizer.runs.status import write_csv, write_json

    write = write_csv if form is Format.csv else write_json
    with _opened(store) as opened:
        kept = opened.run(name)
        if output is None:
            write(opened, kept, sys.stdout)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                typer.echo(f"wrote {write(opened, kept, file)} trials to {output}")


def _plan(file: str, name: str | None, seed: int | None, evaluations: int | None) -> Plan:
    """Return the plan of a file with what the options change."""
    from optimizer.runs.plan import load_plan

    try:
        plan = load_plan(file)
        return replace(
            plan,
            name=plan.name if name is None else name,
            seed=plan.seed if seed is None else seed,
            budget=plan.budget if evaluations is None else replace(plan.budget, evaluations=evaluations),
        )
    except ValueError as error:
        refuse(error)


@contextmanager
def _opened(path: Path, *, create: bool = False) -> Iterator[Store]:
    """Open the store; whatever is refused while it is open is one sentence."""
    from optimizer.runs.lock import DrivenError
    from optimizer.runs.store import Store

    try:
        with Store(path, create=create) as store:
            yield store
    except (ValueError, DrivenError) as error:
        refuse(error)


def _drive(store: Store, name: str, *, as_json: bool) -> None:
    from optimizer.runs.driver import drive

    shown = Shown()
    try:
        drive(store, name, watch=shown)
    except KeyboardInterrupt:
        shown.end()
        refuse(f"run {name!r} was interrupted; go on with: glittercake campaign resume {name!r} --store {store.path}")
    shown.end()
    _show(store, name, as_json=as_json)


class Shown:
    """A line of progress on a terminal's stderr, rewritten twice a second."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._last = 0.0
        self._first: Progress | None = None
        self._wanted = sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        """Show where the run stands, if the last line is old enough."""
        now = time.monotonic()
        if self._first is None:
            self._first = progress
        first = self._first
        if not self._wanted or (now - self._last < SHOW_S and progress.ended < progress.budget):
            return
        self._last = now
        done, seconds = progress.ended - first.ended, progress.seconds - first.seconds
        rate = done / seconds if done and seconds > 0.0 else 0.0
        left = f", {(progress.budget - progress.ended) / rate:.0f} s left" if rate else ""
        running = progress.asked - progress.ended
        typer.echo(
            f"\r{progress.ended} of {progress.budget} done, {running} running, {progress.failed} failed, "
            f"hypervolume {progress.hypervolume:.5g}, {rate:.3g} a second{left}\x1b[K",
            err=True,
            nl=False,
        )

    def end(self) -> None:
        """End the line."""
        if self._wanted and self._last:
            typer.echo("", err=True)


def _show(store: Store, name: str | None, *, as_json: bool) -> None:
    from optimizer.runs.status import status as status_of

    said = status_of(store, name)
    if as_json:
        print_json(said)
        return
    counts = said["evaluations"]
    typer.echo(f"{said['run']}: {said['state']}" + (f" ({said['reason']})" if said["reason"] else ""))
    chosen = ", ".join(f"{count} by {by}" for by, count in said["chosen_by"].items())
    typer.echo(f"campaign {said['campaign']}, fidelity {said['fidelity']}, strategy {said['strategy']}, seed {said['seed']}")
    typer.echo(
        f"{counts['completed']} completed, {counts['failed']} failed, {counts['running']} running, of {counts['budget']}; "
        f"{counts['repeated']} repeated after an interruption" + (f"; {chosen}" if chosen else "")
    )
    left = "" if said["seconds_left"] is None else f", {said['seconds_left']:g} s left"
    typer.echo(f"{said['evaluations_a_second']:.3g} evaluations a second over {said['seconds']:.1f} s{left}")
    typer.echo(f"{said['within_limits']} keep every limit; hypervolume {said['hypervolume']:g}, {said['front']} recipes on the front")
    for one in said["best"]:
        typer.echo(_best_line(one, [objective["outcome"] for objective in said["objectives"]]))


def _best_line(one: dict[str, Any], goal: list[str]) -> str:
    from objectives.outcomes import OUTCOMES
    from objectives.recipe import Recipe
    from optimizer.report import recipe_text

    values = ", ".join(f"{one[name]:.4g} {OUTCOMES[name].unit}" for name in goal)
    return f"  trial {one['trial']}: {recipe_text(Recipe(**one['recipe']))}: {values}"
