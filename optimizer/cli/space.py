"""Commands on a campaign without physics: what `suggest`, `check` and `predict` do once the campaign file says ``physics = "none"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from optimizer.cli.common import keep_journal, open_journal, print_json, refuse, show_import, working

if TYPE_CHECKING:
    from objectives.composition import Array
    from optimizer.space.campaign import SpaceCampaign
    from optimizer.space.table import Trial


def space_campaign(source: Path | None) -> SpaceCampaign | None:
    """Return the campaign if the file, or bundled name, is one without physics; None leaves it to the electrode's commands."""
    if source is None:
        return None
    from optimizer.space.campaign import BUNDLED, is_space_campaign, load_space_campaign

    try:
        if str(source) in BUNDLED or is_space_campaign(source.read_text(encoding="utf-8-sig")):
            return load_space_campaign(source)
    except (OSError, UnicodeDecodeError):
        return None  # said by the electrode's reader
    except ValueError as error:
        refuse(error)
    return None


def refuse_physics(given: Mapping[str, object | None]) -> None:
    """Refuse options that mean nothing without physics."""
    for option, value in given.items():
        if value is not None:
            refuse(f"{option} needs the electrode's physics, which this campaign does without; leave it out")


def read_space_trials(table: Path | None, campaign: SpaceCampaign, *, skip: bool) -> tuple[Trial, ...]:
    """Return the trials of the user's table, none for no table, with what was left out said on stderr."""
    if table is None:
        return ()
    from optimizer.space.table import read_trials

    try:
        read = read_trials(table, campaign)
        trials = read.require_clean(skip_bad_rows=skip)
    except (ValueError, OSError) as error:
        refuse(error)
    if read.skipped_rows:
        typer.echo(f"left out {len(read.skipped_rows)} rows with problems: {', '.join(map(str, read.skipped_rows))}", err=True)
    return trials


def read_space_candidates(file: Path | None, campaign: SpaceCampaign, *, skip: bool) -> Array | None:
    """Return the recipes of a list of candidates, None for no list."""
    if file is None:
        return None
    from optimizer.space.table import read_trials, recipes_of

    try:
        return recipes_of(read_trials(file, campaign, candidates=True).require_clean(skip_bad_rows=skip), campaign)
    except (ValueError, OSError) as error:
        refuse(error)


def read_settings(settings: Sequence[str], campaign: SpaceCampaign) -> Array:
    """Return the recipe that ``--set NAME=VALUE`` options describe, ``(d,)``."""
    recipe: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            refuse(f'--set must be NAME=VALUE, got "{setting}"; write it as --set {campaign.declared[0].name}=...')
        if name.strip() in recipe:
            refuse(f"--set must name a parameter once, got {name.strip()} twice; leave one out")
        try:
            recipe[name.strip()] = float(text)
        except ValueError:
            recipe[name.strip()] = text.strip()
    try:
        return campaign.row(recipe)
    except ValueError as error:
        refuse(error)


def suggest(
    campaign: SpaceCampaign,
    table: Path | None,
    n: int | None,
    seed: int,
    pending: Path | None,
    strategy: Any,
    candidates: Path | None,
    journal: Path | None,
    *,
    skip: bool,
    as_json: bool,
) -> None:
    """Suggest the next recipes."""
    open_journal(journal)
    trials = read_space_trials(table, campaign, skip=skip)
    listed = read_space_candidates(candidates, campaign, skip=skip)
    from optimizer.pending import read_pending_rows

    try:
        out = read_pending_rows(pending, campaign.row, campaign.space.dimension)
        with working("fitting the surrogates and choosing recipes"):
            from optimizer.space.suggestion import suggest_in_space

            answer = suggest_in_space(campaign, n, seed, trials=trials, pending=out, strategy=strategy, candidates=listed)
    except ValueError as error:
        refuse(error)
    data = answer.as_json()
    if journal is not None:
        data |= keep_journal(journal, campaign, data, {"trials": trials})
    if as_json:
        print_json(data)
    else:
        from optimizer.cli.render_space import show_suggestions

        show_suggestions(answer)


def import_table(campaign: SpaceCampaign, table: Path, *, skip: bool, as_json: bool) -> None:
    """Check a table: every bad cell, or what was read."""
    from optimizer.space.table import read_trials

    try:
        read = read_trials(table, campaign)
        trials = read.require_clean(skip_bad_rows=skip)
    except (ValueError, OSError) as error:
        refuse(error)
    show_import(
        "trials", [trial.status for trial in trials], [tuple(trial.outcomes) for trial in trials], read.notes, read.skipped_rows, as_json=as_json
    )


def check(campaign: SpaceCampaign, settings: Sequence[str], table: Path | None, *, skip: bool, as_json: bool, exit_infeasible: bool) -> None:
    """Check a recipe: its limits, the nearest that passes, and what the trials so far say of it."""
    recipe = read_settings(settings, campaign)
    trials = read_space_trials(table, campaign, skip=skip)
    from optimizer.space.check import check_in_space

    answer = check_in_space(campaign, recipe, trials)
    if as_json:
        print_json(answer.as_json())
    else:
        from optimizer.cli.render_space import show_check

        show_check(answer)
    if exit_infeasible and not answer.feasible:
        refuse(answer.verdict)
