"""`glittercake validate`: how well each model predicts what it has not seen, on the bundled studies or on a lab's own table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from optimizer.cli import space
from optimizer.cli.common import print_json, read_campaign, read_own, refuse
from optimizer.cli.options import CampaignFile, ExecutorName, Json, Leave, SkipBadRows, StudyName


def validate(
    table: Annotated[
        Path | None, typer.Argument(metavar="[TABLE]", help="Your own cells, CSV or XLSX: each of your designs is left out. Else the bundled ones.")
    ] = None,
    leave: Annotated[Leave, typer.Option("--leave", help="What each fold leaves out, with all its rates and outcomes.")] = Leave.design,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Folds at once.")] = 2,
    executor: Annotated[ExecutorName, typer.Option("--executor", help="Where folds run.")] = ExecutorName.processes,
    campaign: CampaignFile = None,
    study: StudyName = None,
    skip_bad_rows: SkipBadRows = False,
    as_json: Json = False,
) -> None:
    """Report honest errors: leave designs out, refit every model, predict what was left out, and say which model each outcome chooses.

    Without a table the physics is recalibrated without each design of the bundled studies.
    """
    if table is None and campaign is not None:
        refuse("--campaign says how your own table is read, and there is none; name a table or leave --campaign out")
    if table is not None and leave is Leave.study:
        refuse("--leave study leaves out bundled studies, but a table is one study; leave it out to leave out each of your designs")
    if space.space_campaign(campaign) is not None:
        refuse("validate compares models around the electrode's physics, which this campaign does without; use a campaign with physics")
    from optimizer.validate import validate as run
    from optimizer.validate import validate_cells

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty() or done == total:
            typer.echo(f"\r{done} of {total} folds", err=True, nl=done == total)

    try:
        if table is None:
            answer = run(leave.value, executor.value, workers, study, progress)
        else:
            settings = read_campaign(campaign, study or "new", None, None)
            answer = validate_cells(settings, read_own(table, settings, skip=skip_bad_rows), executor.value, workers, progress)
    except (ValueError, KeyError) as error:
        refuse(error)
    if as_json:
        print_json(answer.as_json())
    else:
        from optimizer.cli.render import show_validation

        show_validation(answer)
