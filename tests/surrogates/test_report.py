"""The checked-in table of every number reproduced is what the command would write now."""

from pathlib import Path

import pytest

from objectives.literature import load_literature
from objectives.studies import load_studies
from surrogates.calibration.fit import Fit, Problem
from surrogates.calibration.report import markdown

REPORT = Path(__file__).resolve().parents[2] / "docs" / "reproduced.md"


@pytest.fixture(scope="module")
def report(problem: Problem, refit: Fit, numeric: Fit, held_out: dict[str, Fit]) -> str:
    return markdown(problem, refit, numeric, held_out)


def test_checked_in_report_is_what_the_command_writes(report: str) -> None:
    assert REPORT.read_text(encoding="utf-8") == report, "run glittercake calibrate --report docs/reproduced.md"


def test_report_has_four_columns_beside_the_measured_value(report: str) -> None:
    assert "| number | measured | in sample | offsets zero | left out | without ordinal rows |" in report


def test_report_names_every_target(problem: Problem, report: str) -> None:
    for target in problem.targets:
        assert f"| {target.quantity}: {target.name}" in report


def test_report_gives_every_row_that_is_not_fitted_a_reason(problem: Problem, report: str) -> None:
    used = {number for target in problem.targets for number in target.rows}
    for row in load_literature():
        assert (f"\n| {row.number} | {row.source} | " in report) == (row.number not in used)


def test_report_marks_sentences_that_entered_the_fit(problem: Problem, report: str) -> None:
    for sentence in problem.sentences:
        role = "fitted" if sentence.scale is not None else "test only"
        assert f"| {sentence.text} | {sentence.study} | {role} | " in report


def test_report_prints_every_study_offset(report: str) -> None:
    section = report.split("## Study offsets")[1].split("##")[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")][1:] == list(load_studies())


def test_report_says_which_parameters_the_data_left_at_their_prior(report: str) -> None:
    assert any(line.startswith("| `Qp` |") and "| prior only |" in line for line in report.splitlines())


def test_report_compares_the_shell_with_the_sections(report: str) -> None:
    assert "| Kim 2025 NML 17:119, NCM@LPSCl 75:25 | shell_thickness_FIB | 870 | 882 (x1.01) | 605 |" in report
