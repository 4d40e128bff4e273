"""Validation runs: folds on an executor, scores as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from objectives.cell import Cell
from objectives.physics import find_study
from optimizer.campaign import Campaign
from optimizer.model import EVIDENCE
from optimizer.report import rounded
from optimizer.threads import one_thread
from surrogates.own_validation import own_designs, validate_own
from surrogates.scores import Held, Score, scores
from surrogates.validation import Fold, design_folds, study_folds, validate_fold
from workers import imap, open_executor

Executor = Literal["inline", "processes", "ray"]
Progress = Callable[[int, int], None]
Left = TypeVar("Left")


@dataclass(frozen=True)
class Validation:
    """Every left-out row as each model predicted it, and the scores."""

    leave: str
    held: tuple[Held, ...]
    scores: tuple[Score, ...]
    own: bool = False  # a lab's own designs were left out; else those of the bundled studies

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "leave": self.leave,
            "scores": [
                {
                    "outcome": s.outcome,
                    "model": s.model,
                    "rows": s.rows,
                    "median_absolute_error": rounded(s.median),
                    "rms_error": rounded(s.rms),
                    "unit": s.unit,
                    "coverage_90": rounded(s.coverage),
                    "coverage_wilson_95": [rounded(v) for v in s.interval],
                    "log_density": rounded(s.log_density),
                    "chosen": s.chosen,
                }
                for s in self.scores
            ],
            "rows": [_row(held) for held in self.held],
        }


def _row(held: Held) -> dict[str, Any]:
    numbers = {name: rounded(getattr(held, name)) for name in ("measured", "predicted", "log_density", "error")}
    return {**vars(held), "c_rate": None if held.c_rate != held.c_rate else held.c_rate, **numbers}


@one_thread
def validate(leave: Literal["design", "study"], executor: Executor, workers: int, study: str | None, progress: Progress) -> Validation:
    """Return the validation over all folds of the bundled studies, or those of one study."""
    if study is not None:
        find_study(study)
    folds: list[Fold] = [fold for fold in (design_folds() if leave == "design" else study_folds()) if study in (None, fold.study)]
    if not folds:
        raise ValueError(f"study {study!r} has no measured design to leave out; choose a bundled study")
    return _validated(leave, validate_fold, folds, executor, workers, progress)


@one_thread
def validate_cells(campaign: Campaign, cells: Sequence[Cell], executor: Executor, workers: int, progress: Progress, seed: int = 0) -> Validation:
    """Return the validation over a lab's own designs, each left out with all that it measured; ``seed`` is of the models that are random.

    Raises:
        ValueError: If no cell has a learned outcome.
    """
    designs = own_designs(cells)
    if not designs:
        raise ValueError("no good cell has a porosity, tortuosity factor, conductivity or capacity to predict; measure one")
    one = partial(validate_own, physics=campaign.physics(), cells=tuple(cells), evidence=EVIDENCE, seed=seed)
    return replace(_validated("design", one, list(designs), executor, workers, progress), own=True)


def _validated(leave: str, one: Callable[[Left], list[Held]], left: list[Left], executor: Executor, workers: int, progress: Progress) -> Validation:
    """Return the validation; folds run on an executor, results keep the folds' order."""
    found: dict[int, list[Held]] = {}
    with open_executor(executor, min(workers, len(left))) as pool:
        for index, held in imap(pool, one, left):
            found[index] = held
            progress(len(found), len(left))
    rows = [row for index in sorted(found) for row in found[index]]
    return Validation(leave, tuple(rows), tuple(scores(rows)))
