"""Calibrate: fit the closed form to the bundled table, write the file that ships, and the report of every number."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from objectives.calibration import FILE, Calibration, CalibrationError, parse
from optimizer.report import rounded
from surrogates.calibration.fit import as_calibration, build_problem, fit
from surrogates.calibration.report import left_out, markdown


@dataclass(frozen=True)
class Calibrated:
    """What a calibration did."""

    path: Path
    changed: bool
    cost: float
    numbers: int
    failing: tuple[str, ...]  # sentences that do not hold and are not known failures
    report: Path | None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "path": str(self.path),
            "changed": self.changed,
            "cost": rounded(self.cost),
            "numbers": self.numbers,
            "failing_sentences": list(self.failing),
            "report": str(self.report) if self.report else None,
        }

    @property
    def text(self) -> str:
        """Return a few lines for people."""
        lines = [
            f"{self.numbers} numbers fitted, half summed squares {self.cost:.2f}",
            f"{self.path}: {'changed' if self.changed else 'unchanged'}",
            f"sentences that fail without being known to: {', '.join(self.failing) or 'none'}",
        ]
        return "\n".join([*lines, f"report: {self.report}"] if self.report else lines)


def calibrate(output: Path | None, report: Path | None, *, verify: bool) -> Calibrated:
    """Fit, and write the calibration unless ``verify``; the file is replaced whole, or not at all.

    Raises:
        OSError: If a file cannot be written.
    """
    problem = build_problem()
    full = fit(problem)
    calibration = as_calibration(full)
    path = output or Path(str(files("configs").joinpath(FILE)))
    changed = not _is_current(path, calibration)
    if changed and not verify:
        _replace(path, calibration.dumps())
    if report is not None and not verify:
        _replace(report, markdown(problem, full, fit(problem, ordinal=False), left_out(problem)))
    observed = problem.observe(full.z)
    failing = tuple(s.name for s in problem.sentences if s.known_failure is None and not bool((s.margins(observed) >= 0.0).all()))
    return Calibrated(path, changed, full.cost, len(problem.targets), failing, report)


def _is_current(path: Path, calibration: Calibration) -> bool:
    """Return whether a file already holds this calibration; a file that cannot be read does not."""
    try:
        return parse(path.read_text(encoding="utf-8")).same_as(calibration)
    except (FileNotFoundError, CalibrationError):
        return False


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
