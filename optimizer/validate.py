"""Validation runs: folds on an executor, scores as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from objectives.physics import find_study
from optimizer.report import rounded
from surrogates.validation import Fold, Held, Score, design_folds, scores, study_folds, validate_fold
from workers import imap, open_executor


@dataclass(frozen=True)
class Validation:
    """Every left-out row as each model predicted it, and the scores."""

    leave: str
    held: tuple[Held, ...]
    scores: tuple[Score, ...]

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
                }
                for s in self.scores
            ],
            "rows": [{**vars(h), "c_rate": None if h.c_rate != h.c_rate else h.c_rate, "error": rounded(h.error)} for h in self.held],
        }


def validate(
    leave: Literal["design", "study"],
    executor: Literal["inline", "processes", "ray"],
    workers: int,
    study: str | None,
    progress: Callable[[int, int], None],
) -> Validation:
    """Return the validation over all folds, or those of one study; folds run on an executor, results keep the folds' order."""
    if study is not None:
        find_study(study)
    folds: list[Fold] = [fold for fold in (design_folds() if leave == "design" else study_folds()) if study in (None, fold.study)]
    if not folds:
        raise ValueError(f"study {study!r} has no measured design to leave out; choose a bundled study")
    found: dict[int, list[Held]] = {}
    with open_executor(executor, min(workers, len(folds))) as pool:
        for index, held in imap(pool, validate_fold, folds):
            found[index] = held
            progress(len(found), len(folds))
    rows = [row for index in sorted(found) for row in found[index]]
    return Validation(leave, tuple(rows), tuple(scores(rows)))
