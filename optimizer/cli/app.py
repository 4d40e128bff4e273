"""The commands of `glittercake`. Heavy libraries are imported inside the commands that need them, so that help and checks are quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from optimizer.cli import advice, runs, serve, space
from optimizer.cli.common import (
    give_up,
    keep_journal,
    open_journal,
    print_json,
    read_campaign,
    read_labels,
    read_own,
    read_recipe,
    refuse,
    show_import,
    working,
)
from optimizer.cli.options import (
    AcquisitionName,
    Am,
    CampaignFile,
    Candidates,
    Cells,
    Coating,
    CRate,
    Evidence,
    EvidenceOption,
    FidelityName,
    JournalFile,
    Json,
    SeSize,
    Settings,
    SimulateName,
    SkipBadRows,
    StrategyName,
    StudyName,
    Temperature,
    Vgcf,
)
from optimizer.cli.validate import validate

app = typer.Typer(
    name="glittercake",
    help="Tells a battery lab which all-solid-state cathode to make next, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(runs.app)
app.add_typer(serve.app)
app.command()(advice.advise)
app.command()(advice.importance)
app.command()(validate)


@app.command()
def suggest(
    table: Annotated[
        Path | None, typer.Argument(metavar="[TABLE]", help="Your own cells, CSV or XLSX; the bundled data alone when left out.")
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="How many recipes; the campaign's batch size when left out.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same data, seed and machine: same recipes.")] = 0,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: CRate = None,
    pending: Annotated[Path | None, typer.Option("--pending", metavar="FILE", help="Recipes already being made: JSON that suggest printed.")] = None,
    strategy: Annotated[StrategyName, typer.Option("--strategy")] = StrategyName.auto,
    acquisition: Annotated[AcquisitionName, typer.Option("--acquisition", help="qlognehvi is BoTorch's; slower.")] = AcquisitionName.sampled,
    evidence: EvidenceOption = Evidence.all,
    candidates: Candidates = None,
    simulate: Annotated[
        SimulateName | None, typer.Option("--simulate", help="Simulate the best candidates first; auto: where your cells say that it pays.")
    ] = None,
    journal: JournalFile = None,
    skip_bad_rows: SkipBadRows = False,
    as_json: Json = False,
) -> None:
    """Suggest the next recipes from the cells measured so far: the bundled ones, and your own if you name a table.

    A table without --study is a lab of its own: it starts from what all studies share, and its own cells teach the difference.
    """
    own_space = space.space_campaign(campaign)
    if own_space is not None:
        space.refuse_physics({"--study": study, "--temperature": temperature, "--c-rate": c_rate})
        if simulate is not None:
            refuse(f"--simulate {simulate.value} needs the electrode's physics, which this campaign does without; leave it out")
        if acquisition is not AcquisitionName.sampled:
            refuse(f"--acquisition {acquisition.value} needs the electrode's physics, which this campaign does without; leave it out")
        space.suggest(own_space, table, n, seed, pending, strategy.value, candidates, journal, skip=skip_bad_rows, as_json=as_json)
        return
    settings = read_campaign(campaign, study or ("new" if table else None), temperature, c_rate)
    from optimizer.request import SuggestError, check_request

    try:
        check_request(settings.batch.size if n is None else n, seed)
    except SuggestError as error:
        refuse(error)
    open_journal(journal)
    cells = read_own(table, settings, skip=skip_bad_rows)
    from optimizer.own_table import read_candidates
    from optimizer.pending import read_pending

    try:
        out = read_pending(pending)
        listed = None if candidates is None else read_candidates(candidates, settings, skip_bad_rows=skip_bad_rows)
        with working("fitting the surrogates and choosing recipes"):
            from optimizer.suggestion import suggest as suggest_recipes

            answer = suggest_recipes(
                settings,
                n,
                seed,
                pending=out,
                strategy=strategy.value,
                acquisition=acquisition.value,
                evidence=evidence.kinds,
                cells=cells,
                candidates=listed,
                simulate=None if simulate is None else simulate.value,
            )
    except (ValueError, ImportError) as error:
        refuse(error)
    data = answer.as_json()
    if journal is not None:
        from objectives.literature import load_literature

        bundled = [row for row in load_literature() if row.evidence in evidence.kinds]
        data |= keep_journal(journal, settings, data, {"cells": cells, "bundled_rows": bundled})
    if as_json:
        print_json(data)
    else:
        from optimizer.cli.render import show_suggestions

        show_suggestions(answer)


@app.command()
def check(
    am: Am = None,
    coating: Coating = None,
    se_size: SeSize = None,
    vgcf: Vgcf = None,
    settings: Settings = None,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: CRate = None,
    as_json: Json = False,
) -> None:
    """Check a recipe by physics: limits with margins, and the nearest recipe that passes. Exits with 1 if it is refused."""
    own_space = space.space_campaign(campaign)
    if own_space is not None:
        space.check(own_space, settings or (), None, skip=False, as_json=as_json, exit_infeasible=True)
        return
    recipe = read_recipe(am, coating, se_size, vgcf)
    from optimizer.checks import check as check_recipe

    _show_check(check_recipe(read_campaign(campaign, study, temperature, c_rate), recipe), as_json, exit_infeasible=True)


@app.command()
def predict(
    am: Am = None,
    coating: Coating = None,
    se_size: SeSize = None,
    vgcf: Vgcf = None,
    settings: Settings = None,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: CRate = None,
    cells: Cells = None,
    skip_bad_rows: SkipBadRows = False,
    evidence: EvidenceOption = Evidence.all,
    explain: Annotated[bool, typer.Option("--explain", help="Say what the prediction is made of, and what one lab step would change.")] = False,
    as_json: Json = False,
) -> None:
    """Predict a recipe with the surrogates fitted to the measured cells, feasible or not."""
    own_space = space.space_campaign(campaign)
    if own_space is not None and explain:
        advice.explain_in_space(own_space, settings or (), cells, skip=skip_bad_rows, as_json=as_json)
        return
    if own_space is not None:
        space.check(own_space, settings or (), cells, skip=skip_bad_rows, as_json=as_json, exit_infeasible=False)
        return
    goal = read_campaign(campaign, study or ("new" if cells else None), temperature, c_rate)
    recipe = read_recipe(am, coating, se_size, vgcf)
    own = read_own(cells, goal, skip=skip_bad_rows)
    try:
        with working("fitting the surrogates"):
            from optimizer.model import fit_model
            from optimizer.suggestion import predict_from

            model = fit_model(goal, evidence.kinds, own)
            answer = predict_from(model, recipe)
    except ValueError as error:
        refuse(error)
    if explain:
        advice.show_explained(answer, model, recipe, as_json=as_json)
        return
    _show_check(answer, as_json, exit_infeasible=False)


def _show_check(answer: Any, as_json: bool, *, exit_infeasible: bool) -> None:
    if as_json:
        print_json(answer.as_json())
    else:
        from optimizer.cli.render import show_check

        show_check(answer)
    if exit_infeasible and not answer.feasible:
        refuse(answer.verdict)


@app.command()
def simulate(
    am: Am = None,
    coating: Coating = None,
    se_size: SeSize = None,
    vgcf: Vgcf = None,
    campaign: CampaignFile = None,
    study: StudyName = None,
    temperature: Temperature = None,
    c_rate: Annotated[list[float] | None, typer.Option("--c-rate", metavar="1/H", help="C-rates; repeat the option for several.")] = None,
    fidelity: Annotated[
        FidelityName, typer.Option("--fidelity", help="analytic: the closed form; cell: a discharge by PyBaMM; micro: 3D microstructures.")
    ] = FidelityName.analytic,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=64, help="Microstructures to average over (micro).")] = 3,
    screen: Annotated[bool, typer.Option("--screen", help="One small cube instead of the full thickness (micro).")] = False,
    image: Annotated[Path | None, typer.Option("--image", metavar="PNG", help="Draw the first microstructure (micro).")] = None,
    vtk: Annotated[Path | None, typer.Option("--vtk", metavar="VTI", help="Write the first microstructure for other tools (micro).")] = None,
    stack: Annotated[Path | None, typer.Option("--stack", metavar="NPY", help="Write the labels of the first microstructure (micro).")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a recipe: structure, transport and capacity by the calibrated closed form, a cell model or 3D microstructures."""
    if fidelity is not FidelityName.micro and (screen or not (image is None and vtk is None and stack is None)):
        refuse("--screen, --image, --vtk and --stack are of microstructures; add --fidelity micro")
    first = read_campaign(campaign, study, temperature, None)
    recipe = read_recipe(am, coating, se_size, vgcf)
    rates = tuple(c_rate or [first.conditions.c_rate])
    from optimizer.fidelity import simulate_cell, simulate_micro
    from optimizer.simulate import simulate as simulate_recipe

    try:
        with working("simulating"):
            if fidelity is FidelityName.cell:
                answer = simulate_cell(first, recipe, rates)
            elif fidelity is FidelityName.micro:
                answer = simulate_micro(first, recipe, seeds=seeds, screen=screen, image=image, vtk=vtk, stack=stack)
            else:
                answer = simulate_recipe(first, recipe, rates)
    except (ValueError, OSError, ImportError) as error:
        refuse(error)
    if as_json:
        print_json(answer)
    else:
        from optimizer.cli.render import show_simulation

        show_simulation(answer)


@app.command()
def image(
    stack: Annotated[Path, typer.Argument(metavar="STACK", help="Segmented tomography, TIFF or .npy: one whole number a voxel.")],
    voxel_um: Annotated[float, typer.Option("--voxel-um", metavar="UM", help="Edge of a voxel.")],
    label: Annotated[list[str], typer.Option("--label", metavar="PHASE=VALUE", help="Value of a phase (pore, AM, SE, ...); repeat for each.")],
    axis: Annotated[int, typer.Option("--axis", min=0, max=2, help="Axis from separator to current collector.")] = 0,
    as_json: Json = False,
) -> None:
    """Analyse an image of your own electrode as simulated ones are: volume fractions, tortuosity factors, contact."""
    from optimizer.fidelity import analyse_stack

    try:
        with working("analysing the image"):
            answer = analyse_stack(stack, voxel_um, read_labels(label), axis)
    except (ValueError, OSError, ImportError) as error:
        refuse(error)
    if as_json:
        print_json(answer)
    else:
        from optimizer.cli.render import show_image

        show_image(answer)


@app.command()
def calibrate(
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Where to write; the bundled file when left out.")] = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the table of every number reproduced (Markdown).")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Write nothing; exit with 1 if the file would change.")] = False,
    as_json: Json = False,
) -> None:
    """Fit the closed form to every usable row of the bundled table. A second run gives the same file."""
    from optimizer.calibrate import calibrate as run

    try:
        with working("calibrating"):
            answer = run(output, report, verify=verify)
    except (ValueError, OSError) as error:
        refuse(error)
    if as_json:
        print_json(answer.as_json())
    else:
        typer.echo(answer.text)
    if verify and answer.changed:
        refuse(f"{answer.path} is not what the data give; run `glittercake calibrate`")


@app.command("import")
def import_table(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or XLSX, one cell at one condition a row.")],
    campaign: CampaignFile = None,
    skip_bad_rows: SkipBadRows = False,
    as_json: Json = False,
) -> None:
    """Check a table of your own cells: every bad cell with row, column, rule and value, or what was read. Writes nothing."""
    own_space = space.space_campaign(campaign)
    if own_space is not None:
        space.import_table(own_space, table, skip=skip_bad_rows, as_json=as_json)
        return
    settings = read_campaign(campaign, "new", None, None)
    from optimizer.own_table import read_own_table

    try:
        read = read_own_table(table, settings)
        cells = read.require_clean(skip_bad_rows=skip_bad_rows)
    except (ValueError, OSError) as error:
        refuse(error)
    show_import("cells", [cell.status for cell in cells], [tuple(cell.outcomes) for cell in cells], read.notes, read.skipped_rows, as_json=as_json)


@app.command()
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, .csv or .xlsx; never over a file that is there.")],
    campaign: CampaignFile = None,
) -> None:
    """Write a table to fill in: headers with units, and two example rows."""
    from optimizer.lab_table import write_template

    own_space = space.space_campaign(campaign)
    if file.exists():
        refuse(f"{file} exists already; name another file")
    try:
        if own_space is None:
            write_template(file)
        else:
            write_template(file, own_space.headers)
    except (ValueError, OSError) as error:
        refuse(error)
    typer.echo(f"wrote {file}; fill it in, then: glittercake suggest {file}{'' if campaign is None else f' --campaign {campaign}'}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, data, calibration, BoTorch's kernel. Exits with 1 if something needs mending."""
    from optimizer.doctor import examine

    findings = examine()
    if as_json:
        print_json({"ok": all(f.ok for f in findings), "findings": [vars(f) for f in findings]})
    else:
        from optimizer.cli.render import show_findings

        show_findings(findings)
    broken = [f for f in findings if not f.ok]
    if broken:
        refuse(f"{broken[0].what}: {broken[0].detail}")


def main() -> None:
    """Run the command line, its numerical libraries on one thread unless the environment says otherwise (`optimizer.threads` says why)."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # read when the libraries load, which they have not yet
        os.environ.setdefault(name, "1")
    try:
        app()
    except OSError as error:
        give_up(error)
