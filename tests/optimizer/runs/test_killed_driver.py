"""Kill -9 of the driver, at marked points and at random: nothing that ended is repeated or lost, and the proposals go on as they would have."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from optimizer.runs.driver import drive
from optimizer.runs.status import status
from optimizer.runs.store import Run, Store
from tests.optimizer.runs.conftest import BOTH, MakePlan

KILLING = Path(__file__).with_name("killing.py")
TIMES = ("id", "asked", "ended", "asked_at", "started_at", "ended_at", "attempt", "run_id")  # what an interruption may change


def records(store: Store, run: Run) -> list[str]:
    return [json.dumps({name: value for name, value in row.items() if name not in TIMES}) for row in store.rows(run)]


def kill_again_and_again(address: str, seed: int) -> int:
    finished = subprocess.run([sys.executable, str(KILLING), address, str(seed)], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return int(finished.stdout)


def check_counted_once(store: Store, run: Run, rows: list[dict[str, Any]]) -> None:
    events = store.events(run)
    numbers = list(range(len(rows)))
    assert [row["number"] for row in rows] == numbers
    for kind in ("asked", "ended"):
        assert sorted(event["number"] for event in events if event["kind"] == kind) == numbers
    repeated = Counter(event["number"] for event in events if event["kind"] == "repeated")
    assert [row["attempt"] - 1 for row in rows] == [repeated[number] for number in numbers]


@BOTH
@pytest.mark.parametrize(
    ("name", "evaluations"),
    [
        ("nsga-ii", 40),
        pytest.param("sobol", 3000, marks=pytest.mark.slow),
        pytest.param("tpe", 70, marks=pytest.mark.slow),
        pytest.param("nsga-iii", 70, marks=pytest.mark.slow),
        pytest.param("cma-es", 70, marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_run_equals_an_uninterrupted_one(name: str, evaluations: int, make_plan: MakePlan, address: str, tmp_path: Path) -> None:
    if name == "cma-es":
        pytest.importorskip("cmaes")
    plan = make_plan(name, evaluations)
    with Store(tmp_path / "whole.db", create=True) as store:
        whole = records(store, (store.create(plan), drive(store))[1])
    with Store(address, create=True) as store:
        store.create(plan)
    assert kill_again_and_again(address, seed=1) >= 5
    with Store(address) as store:
        run = drive(store)
        assert records(store, run) == whole
        check_counted_once(store, run, list(store.rows(run)))
        assert status(store)["evaluations"]["completed"] == evaluations
    if "://" in address:
        return
    with sqlite3.connect(address) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@BOTH
def test_status_of_a_killed_run_says_so(make_plan: MakePlan, address: str) -> None:
    program = (
        "import os, signal, sys\n"
        "from optimizer.runs.driver import drive\nfrom optimizer.runs.store import Store\n"
        "with Store(sys.argv[1]) as store:\n"
        "    drive(store, watch=lambda progress: progress.ended == 5 and os.kill(os.getpid(), signal.SIGKILL))"
    )
    with Store(address, create=True) as store:
        store.create(make_plan("nsga-ii", 20))
    assert subprocess.run([sys.executable, "-c", program, address], check=False).returncode == -9
    with Store(address) as store:
        said = status(store)
    assert (said["state"], said["evaluations"]["completed"]) == ("interrupted", 5)
