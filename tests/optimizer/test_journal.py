from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from objectives.cell import Cell, Measured
from objectives.constraints import Constraint
from objectives.recipe import Recipe
from objectives.studies import read_data
from optimizer.campaign import Campaign, parse_campaign
from optimizer.cli import app
from optimizer.goal import Objective, OutcomeLimit
from optimizer.journal import Change, JournalError, append, difference, entry, fingerprint, plain, read_journal, settings_of
from optimizer.space.campaign import load_space_campaign
from optimizer.stock import Lots, SELot

TEXT = read_data("ncm811-lpscl.toml")
NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
ANSWER = {"campaign": "ncm811-lpscl", "seed": 3, "strategy": "sobol", "suggestions": [{"recipe": {"am_wt": 85.0}, "reason": "x"}]}
# What a program that was started for it does to a journal: one line after the other, each with a seed of its own.
APPENDING = """
import sys
from pathlib import Path
from optimizer.journal import append
path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for seed in range(first, first + count):
    append(path, {"time": "2026-05-04T12:00:00+00:00", "campaign": "c", "seed": seed, "recipes": [], "settings": {"seed": seed}})
"""


def changed(old: str, new: str) -> list[Change]:
    assert old in TEXT
    return difference(settings_of(parse_campaign(TEXT, "a")), settings_of(parse_campaign(TEXT.replace(old, new, 1), "b")))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["suggest", "-n", "1", *arguments])


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("upper = 92", "upper = 88", [Change("space.am_wt.upper", 92, 88)]),
        ("step = 0.5", "step = 1", [Change("space.am_wt.step", 0.5, 1)]),
        ("relative_density_max = 0.95", "relative_density_max = 0.9", [Change("limits.relative_density_max", 0.95, 0.9)]),
        ("probability = 0.8", "probability = 0.9", [Change("probability", 0.8, 0.9)]),
        ("reference = 900.0", "reference = 1000.0", [Change("objectives.volumetric_energy_density.reference", 900, 1000)]),
        ("c_rate = 0.05\npressure", "c_rate = 0.2\npressure", [Change("conditions.c_rate", 0.05, 0.2)]),
        ("anode_um = 30.0", "anode_um = 20.0", [Change("stack.anode_um", 30, 20)]),
        ("size = 4", "size = 4\ncontrol = 'best'", [Change("batch.control", None, "best")]),
        (
            "[batch]",
            '[[limit]]\noutcome = "porosity"\nmax = 0.2\n[batch]',
            [Change("outcome_limits.porosity.max", None, 0.2)],
        ),
        (
            "[batch]",
            '[[constraint]]\nname = "solids"\ncoefficients = { am_wt = 1 }\nbound = 90\n[batch]',
            [
                Change("own_constraints.solids.unit", None, ""),
                Change("own_constraints.solids.margin.names", None, ["am_wt"]),
                Change("own_constraints.solids.margin.coefficients.am_wt", None, 1),
                Change("own_constraints.solids.margin.bound", None, 90),
            ],
        ),
        ("[batch]", "[batch] # as before", []),
    ],
)
def test_difference_shows_exactly_what_was_changed(old: str, new: str, changes: list[Change]) -> None:
    assert changed(old, new) == changes


def test_goal_that_is_replaced_is_removed_and_added(campaign: Campaign) -> None:
    other = replace(campaign, objectives=(campaign.objectives[0], Objective("areal_capacity", 4.0)))
    assert difference(settings_of(campaign), settings_of(other)) == [
        Change("objectives.volumetric_energy_density.reference", 900.0, None),
        Change("objectives.volumetric_energy_density.direction", "maximize", None),
        Change("objectives.areal_capacity.reference", None, 4.0),
        Change("objectives.areal_capacity.direction", None, "maximize"),
    ]


def test_bound_of_a_labs_own_constraint_is_followed(campaign: Campaign) -> None:
    table = '\n[[constraint]]\nname = "solids"\ncoefficients = {{ am_wt = 1.0 }}\nbound = {}\n'
    before, after = (settings_of(parse_campaign(TEXT + table.format(bound), "mine.toml")) for bound in (90, 86))
    assert difference(before, after) == [Change("own_constraints.solids.margin.bound", 90, 86)]


def test_constraint_made_of_a_function_keeps_name_and_unit(campaign: Campaign) -> None:
    own = Constraint("mine", "wt%", lambda x: x[:, 0])
    assert settings_of(replace(campaign, own_constraints=(own,)))["own_constraints"] == {"mine": {"unit": "wt%"}}


def test_lot_is_told_by_its_name_wherever_it_stands(campaign: Campaign) -> None:
    first, second = SELot("A", 1.5, 900.0), SELot("B", 0.5, 100.0)
    before = settings_of(replace(campaign, lots=Lots(se=(first, second))))
    after = settings_of(replace(campaign, lots=Lots(se=(second, replace(first, quantity_mg=400.0)))))
    assert difference(before, after) == [Change("lots.se.A.quantity_mg", 900.0, 400.0)]


def test_two_limits_on_one_outcome_are_both_recorded(campaign: Campaign) -> None:
    limits = (OutcomeLimit("porosity", min=0.01), OutcomeLimit("porosity", max=0.3))
    recorded = settings_of(replace(campaign, outcome_limits=limits))["outcome_limits"]
    assert recorded["porosity"]["min"] == 0.01
    assert recorded["porosity (2)"]["max"] == 0.3


def test_fields_that_nobody_told_the_journal_of_are_recorded() -> None:
    @dataclass(frozen=True)
    class Wish:
        name: str
        weight: float

    @dataclass(frozen=True)
    class Later:
        name: str
        wishes: tuple[Wish, ...]
        table: dict[str, float]
        cost: Any

    settings = settings_of(Later("x", (Wish("a", 1.0), Wish("b", math.inf)), {"k": 2.0}, cost=len))
    assert settings == {"name": "x", "wishes": {"a": {"weight": 1.0}, "b": {"weight": "inf"}}, "table": {"k": 2.0}}


@pytest.mark.parametrize(
    "campaign_of", [lambda: parse_campaign(TEXT, "a"), lambda: load_space_campaign("graphite-anode")], ids=["electrode", "space"]
)
def test_settings_of_either_kind_come_back_from_json(campaign_of: Any) -> None:
    settings = settings_of(campaign_of())
    assert json.loads(json.dumps(settings, allow_nan=False)) == settings
    assert difference(settings, json.loads(json.dumps(settings))) == []


def test_settings_hold_every_value_of_the_space() -> None:
    anode = load_space_campaign("graphite-anode")
    recorded = settings_of(anode)
    assert [table["upper"] for table in recorded["declared"].values()] == [parameter.upper for parameter in anode.declared]
    assert recorded["declared"]["binder"]["options"] == ["CMC-SBR", "PVDF", "PAA"]


def test_what_is_no_data_is_refused_by_its_kind() -> None:
    with pytest.raises(TypeError, match="a object cannot be recorded"):
        plain([object()])


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(before=st.dictionaries(st.text(max_size=5), NESTED, max_size=4), after=st.dictionaries(st.text(max_size=5), NESTED, max_size=4))
def test_difference_is_empty_for_equals_and_turns_round(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert difference(before, before) == []
    there, back = difference(before, after), difference(after, before)
    assert sorted((c.setting, repr(c.before), repr(c.after)) for c in there) == sorted((c.setting, repr(c.after), repr(c.before)) for c in back)


def test_fingerprint_counts_and_tells_values_apart() -> None:
    cells = [Cell(2, "A1", Recipe(80.0, 5.0, 1.5, 2.0), {"porosity": Measured(0.118)}), Cell(3, "A2", Recipe(85.0, 5.0, 1.5, 2.0), {})]
    other = [cells[0], replace(cells[1], status="short")]
    assert fingerprint(cells)["number"] == 2
    assert fingerprint(cells) == fingerprint(list(cells))
    assert fingerprint(cells)["sha256"] != fingerprint(other)["sha256"]


def test_line_says_when_what_and_from_which_cells(campaign: Campaign, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    append(file, entry(campaign, ANSWER, {"cells": ()}, NOON))
    (line,) = read_journal(file)
    assert line["time"] == "2026-05-04T12:00:00+00:00"
    assert (line["campaign"], line["seed"], line["strategy"]) == ("ncm811-lpscl", 3, "sobol")
    assert line["recipes"] == [{"am_wt": 85.0}]
    assert line["learned_from"]["cells"]["number"] == 0
    assert line["settings"] == settings_of(campaign)
    assert line["changes"] == []


def test_changes_are_against_the_last_line_of_the_same_campaign(campaign: Campaign, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    append(file, entry(campaign, ANSWER, {}, NOON))
    assert append(file, entry(replace(campaign, probability=0.5), {**ANSWER, "campaign": "other"}, {}, NOON)) == []
    assert append(file, entry(replace(campaign, probability=0.9), ANSWER, {}, NOON)) == [Change("probability", 0.8, 0.9)]
    assert append(file, entry(campaign, ANSWER, {}, NOON)) == [Change("probability", 0.9, 0.8)]
    assert [line["changes"] for line in read_journal(file)[2:]] == [
        [{"setting": "probability", "before": 0.8, "after": 0.9}],
        [{"setting": "probability", "before": 0.9, "after": 0.8}],
    ]


GOOD = json.dumps({"time": "t", "campaign": "c", "settings": {}, "recipes": [], "changes": []})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{GOOD}\n{GOOD[:40]}", "line 2 breaks off"),
        (f"{GOOD}\n{GOOD}", "line 2 breaks off"),
        (f"{GOOD}\n{GOOD[:40]}\n{GOOD}\n", "line 2 is not JSON"),
        ("name,AM (wt%)\nA,85\n", "line 1 is not JSON"),
        ("[1, 2]\n", "line 1 is no JSON object"),
        ('{"suggestions": []}\n', 'line 1 has no "time"'),
        (f"{GOOD}\n\n", "line 2 is not JSON"),
        (f"{GOOD}\n".encode("utf-16"), "cannot be read"),
        ("[" * 100_000 + "\n", "line 1 is not JSON"),
    ],
)
def test_what_is_no_journal_is_refused_and_left_alone(campaign: Campaign, tmp_path: Path, content: str | bytes, message: str) -> None:
    file = tmp_path / "journal.jsonl"
    written = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(written)
    with pytest.raises(JournalError, match=message):
        append(file, entry(campaign, ANSWER, {}, NOON))
    assert file.read_bytes() == written
    assert list(tmp_path.iterdir()) == [file]


def test_folder_device_or_place_that_is_not_there_is_no_journal(campaign: Campaign, tmp_path: Path) -> None:
    new = entry(campaign, ANSWER, {}, NOON)
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(JournalError, match="must be a file, got a folder or a device"):
            append(path, new)
    with pytest.raises(JournalError, match=r"cannot be written in .*missing; make the folder"):
        append(tmp_path / "missing" / "journal.jsonl", new)


def test_link_to_a_journal_stays_a_link(campaign: Campaign, tmp_path: Path) -> None:
    file, link = tmp_path / "journal.jsonl", tmp_path / "link.jsonl"
    append(file, entry(campaign, ANSWER, {}, NOON))
    file.chmod(0o640)
    link.symlink_to(file)
    append(link, entry(campaign, ANSWER, {}, NOON))
    assert link.is_symlink()
    assert len(read_journal(file)) == 2
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_full_disk_leaves_the_journal_as_it_was(step: str, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "journal.jsonl"
    append(file, entry(campaign, ANSWER, {}, NOON))
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"optimizer.journal.os.{'fdopen' if step == 'write' else step}", full)
    with pytest.raises(JournalError, match=r"cannot be written .*No space left on device"):
        append(file, entry(campaign, ANSWER, {}, NOON))
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("step", "lines"), [("fsync", 1), ("replace", 1), ("close", 2)])
def test_process_that_is_killed_leaves_whole_lines_and_no_lock(step: str, lines: int, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    subprocess.run([sys.executable, "-c", APPENDING, str(file), "0", "1"], check=True)
    killed = f"import os, signal\nimport optimizer.journal\nos.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n{APPENDING}"
    assert subprocess.run([sys.executable, "-c", killed, str(file), "1", "1"], check=False).returncode == -9
    assert len(read_journal(file)) == lines
    subprocess.run([sys.executable, "-c", APPENDING, str(file), "2", "1"], check=True, timeout=60)  # would wait for a lock that was left
    assert [line["seed"] for line in read_journal(file)] == [*range(lines), 2]


def test_processes_at_once_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", APPENDING, str(file), str(100 * i), "25"]) for i in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0, 0]
    found = read_journal(file)
    assert sorted(line["seed"] for line in found) == sorted(100 * i + k for i in range(4) for k in range(25))
    for last, line in pairwise(found):  # each saw the line before it
        assert line["changes"] == [{"setting": "seed", "before": last["seed"], "after": line["seed"]}]
    assert list(tmp_path.iterdir()) == [file]


def test_suggest_records_a_batch_and_what_changed_since(tmp_path: Path) -> None:
    file, mine = tmp_path / "journal.jsonl", tmp_path / "mine.toml"
    first = run("--journal", str(file), "--json")
    assert json.loads(first.stdout)["changes_since_last_batch"] == []
    mine.write_text(TEXT.replace("upper = 92", "upper = 80", 1), encoding="utf-8")
    second = run("--journal", str(file), "--json", "--campaign", str(mine))
    assert second.exit_code == 0
    data = json.loads(second.stdout)
    assert data["changes_since_last_batch"] == [{"setting": "space.am_wt.upper", "before": 92.0, "after": 80.0}]
    assert "changed since the last batch: space.am_wt.upper 92 -> 80\n" in second.stderr
    assert data["suggestions"][0]["recipe"]["am_wt"] <= 80.0
    lines = read_journal(file)
    assert [line["recipes"] for line in lines] == [[s["recipe"] for s in json.loads(r.stdout)["suggestions"]] for r in (first, second)]
    assert lines[0]["learned_from"] == lines[1]["learned_from"]  # rows outside the narrowed bounds still teach
    assert data["why_strategy"] == json.loads(first.stdout)["why_strategy"]
    assert lines[1]["learned_from"]["bundled_rows"]["number"] == 138


def test_file_that_is_no_journal_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cells.csv"
    file.write_text("name\nA\n", encoding="utf-8")
    monkeypatch.setattr("optimizer.suggestion.suggest", lambda *_, **__: pytest.fail("the work was begun"))
    result = run("--journal", str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"glittercake: {file} is no journal")
    assert result.stderr.count("\n") == 1
    assert file.read_text(encoding="utf-8") == "name\nA\n"


def test_suggest_without_a_journal_says_nothing_of_changes() -> None:
    assert "changes_since_last_batch" not in json.loads(run("--json").stdout)
