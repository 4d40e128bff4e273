"""The commands of `glittercake campaign`: create, run, resume, status, report and export of simulated campaigns."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.cli.common import print_json, refuse
from optimizer.cli.options import Json

if TYPE_CHECKING:
    from optimizer.runs.driver import Progress
    from optimizer.runs.plan import ExecutorSettings, Plan
    from optimizer.runs.store import Store

app = typer.Typer(
    name="campaign", help="Evaluate recipes by simulation, thousands at a time, in a store that survives anything.", no_args_is_help=True
)

StoreFile = Annotated[str, typer.Option("--store", metavar="FILE|URL", help="Where runs are kept: a file (SQLite), or postgresql://user@host/name.")]
RunFile = Annotated[str, typer.Argument(metavar="RUN.toml", help="A run file, or the name of a bundled one such as analytic-sobol.")]
RunName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the run; the newest of the store when left out.")]
Name = Annotated[str | None, typer.Option("--name", help="Another name for the run; the file's when left out.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Another seed; the file's when left out.")]
Cost = Annotated[float | None, typer.Option("--cost", help="Another budget of cost, in the run's own unit.")]
Evaluations = Annotated[int | None, typer.Option("--evaluations", "--budget", help="Another budget of evaluations.")]
Address = Annotated[
    str | None, typer.Option("--address", metavar="HOST:PORT", help="Evaluate on that Ray cluster; auto: the one of this machine, local: here.")
]
Workers = Annotated[int | None, typer.Option("--workers", help="Another number of evaluations at once; the file's when left out.")]
DEFAULT_STORE = "runs.db"
WATCH_S = 2.0  # between two looks at a run that another process drives


class Format(StrEnum):
    """How trials are exported."""

    csv = "csv"
    json = "json"


@app.command()
def create(
    file: RunFile,
    store: StoreFile = DEFAULT_STORE,
    name: Name = None,
    seed: Seed = None,
    evaluations: Evaluations = None,
    address: Address = None,
    workers: Workers = None,
) -> None:
    """Keep a run in a store without starting it."""
    plan = _plan(file, name, seed, evaluations, address, workers)
    with _opened(store, create=True) as opened:
        run = opened.create(plan)
    typer.echo(f"created run {run.name!r} in {opened.where}; start it with: glittercake campaign resume {run.name!r} --store {opened.where}")


@app.command()
def run(
    file: RunFile,
    store: StoreFile = DEFAULT_STORE,
    name: Name = None,
    seed: Seed = None,
    evaluations: Evaluations = None,
    address: Address = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Create a run and drive it to its end; a kill at any moment loses nothing that is finished (`resume`)."""
    plan = _plan(file, name, seed, evaluations, address, workers)
    with _opened(store, create=True) as opened:
        _drive(opened, opened.create(plan).name, as_json=as_json)


@app.command()
def resume(
    name: RunName = None,
    store: StoreFile = DEFAULT_STORE,
    evaluations: Evaluations = None,
    cost: Cost = None,
    address: Address = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Drive a run on from where it stands: what was running is evaluated again, what had ended is not."""
    with _opened(store) as opened:
        kept = opened.run(name)
        if evaluations is not None or cost is not None:
            from optimizer.runs.driver import extend

            kept = extend(opened, kept, evaluations, cost)
        _drive(opened, kept.name, kept.plan.executor.at(address, workers), as_json=as_json)


@app.command()
def status(
    name: RunName = None,
    store: StoreFile = DEFAULT_STORE,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live until it ends; Ctrl-C ends the showing, not the run.")] = False,
    as_json: Json = False,
) -> None:
    """Show where a run stands; works while it is driven."""
    with _opened(store) as opened:
        if watch:
            _watch(opened, name)
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


def _plan(file: str, name: str | None, seed: int | None, evaluations: int | None, address: str | None, workers: int | None) -> Plan:
    """Return the plan of a file with what the options change."""
    from optimizer.runs.plan import load_plan

    try:
        plan = load_plan(file)
        return replace(
            plan,
            name=plan.name if name is None else name,
            seed=plan.seed if seed is None else seed,
            budget=plan.budget if evaluations is None else replace(plan.budget, evaluations=evaluations),
            executor=plan.executor.at(address, workers),
        )
    except ValueError as error:
        refuse(error)


@contextmanager
def _opened(address: str, *, create: bool = False) -> Iterator[Store]:
    """Open the store; whatever is refused while it is open is one sentence."""
    from optimizer.runs.lock import DrivenError
    from optimizer.runs.store import Store

    try:
        with Store(address, create=create) as store:
            yield store
    except (ValueError, ConnectionError, DrivenError) as error:
        refuse(error)


def _drive(store: Store, name: str, executor: ExecutorSettings | None = None, *, as_json: bool) -> None:
    from optimizer.cli.following import Following
    from optimizer.cli.live import Display
    from optimizer.runs.driver import drive
    from workers import WorkerStartError

    kept = store.run(name)
    again = f"glittercake campaign resume {name!r} --store {store.where}"
    following = Following(kept, store.history(kept))

    def watch(progress: Progress) -> None:
        following(progress)
        display.moved(progress.ended, progress.budget)

    try:
        with Display(following.view) as display:
            drive(store, name, watch=watch, executor=executor)
    except KeyboardInterrupt:
        refuse(f"run {name!r} was interrupted; go on with: {again}")
    except WorkerStartError as error:
        refuse(f"{error}; nothing of run {name!r} is lost, then go on with: {again}")
    _show(store, name, as_json=as_json)


def _watch(store: Store, name: str | None) -> None:
    """Show a run that another process drives, until it does so no more."""
    from optimizer.cli.following import told
    from optimizer.cli.live import Display
    from optimizer.runs.status import status as status_of

    kept = store.run(name)
    campaign = kept.plan.campaign()
    said = status_of(store, kept.name)
    with suppress(KeyboardInterrupt), Display(lambda: told(said, campaign)) as display:
        while said["state"] == "running":
            display.moved(said["evaluations"]["completed"] + said["evaluations"]["failed"], said["evaluations"]["budget"])
            time.sleep(WATCH_S)
            said = status_of(store, kept.name)


def _show(store: Store, name: str | None, *, as_json: bool) -> None:
    from optimizer.runs.status import status as status_of

    said = status_of(store, name)
    if as_json:
        print_json(said)
        return
    counts, begins = said["evaluations"], said["begins_at"]
    typer.echo(f"{said['run']}: {said['state']}" + (f" ({said['reason']})" if said["reason"] else ""))
    chosen = ", ".join(f"{count} by {by}" + (f" from trial {begins[by]}" if begins[by] else "") for by, count in said["chosen_by"].items())
    typer.echo(f"campaign {said['campaign']}, fidelity {said['fidelity']}, strategy {said['strategy']}, seed {said['seed']}")
    typer.echo(
        f"{counts['completed']} completed, {counts['failed']} failed, {counts['running']} running, of {counts['budget']}; "
        f"{counts['repeated']} repeated after an interruption" + (f"; {chosen}" if chosen else "")
    )
    left = "" if said["seconds_left"] is None else f", {said['seconds_left']:g} s left"
    typer.echo(f"{said['evaluations_a_second']:.3g} evaluations a second over {said['seconds']:.1f} s{left}")
    for line in stage_lines(said):
        typer.echo(line)
    typer.echo(f"{said['within_limits']} keep every limit; hypervolume {said['hypervolume']:g}, {said['front']} recipes on the front")
    for one in said["best"]:
        typer.echo(_best_line(one, [objective["outcome"] for objective in said["objectives"]]))


def stage_lines(said: dict[str, Any]) -> list[str]:
    """Return the stages of a run, what it has spent, and at which fidelity its result counts, as far as there is something to say."""
    stages, cost = said["stages"], said["cost"]
    lines = [
        f"  stage {k}, {one['fidelity']} by {one['by']}: {one['completed']} completed, {one['failed']} failed, {one['running']} running, "
        f"of {one['evaluations']}; {one['within_limits']} keep every limit"
        for k, one in enumerate(stages, start=1)
        if len(stages) > 1
    ]
    if cost is not None:
        each = ", ".join(f"{one['spent']:.6g} on {fidelity} at {one['each']:.3g}" for fidelity, one in cost["by_fidelity"].items())
        of = "" if cost["budget"] is None else f" of {cost['budget']:g}, {cost['left']:.6g} left"
        lines.append(f"cost {cost['spent']:.6g} {cost['unit']}{of}{'' if cost['stated'] else ' (as measured)'}: {each}")
    if len(stages) > 1:
        last = stages[-1]["fidelity"]
        wait = "" if said["fidelity"] == last else f": no {last} evaluation has completed yet"
        lines.append(f"the result is of fidelity {said['fidelity']}{wait}")
    return lines


def _best_line(one: dict[str, Any], goal: list[str]) -> str:
    from objectives.outcomes import OUTCOMES
    from objectives.recipe import Recipe
    from optimizer.report import recipe_text

    values = ", ".join(f"{one[name]:.4g} {OUTCOMES[name].unit}" for name in goal)
    return f"  trial {one['trial']}: {recipe_text(Recipe(**one['recipe']))}: {values}"
