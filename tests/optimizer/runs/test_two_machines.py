"""Outgrown one machine: the same run file on a Ray cluster, its store in PostgreSQL, its driver killed on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from optimizer.runs.store import Store
from tests.cluster import bare_cluster
from tests.optimizer.runs.test_killed_driver import check_counted_once

EVALUATIONS = 240
FILE = """
name = "two-machines"
fidelity = "analytic"

[strategy]
kind = "optuna"
sampler = "tpe"

[budget]
evaluations = {evaluations}

[executor]
kind = "{kind}"
workers = {workers}
"""


def glittercake(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from optimizer.cli import main; main()", "campaign", *arguments]


def ended(store: Store) -> int:
    return sum(trial.ended is not None for trial in store.history(store.run()))


@pytest.mark.slow
def test_run_file_serves_a_cluster_and_postgres_and_survives_kills(postgres_url: str, tmp_path: Path) -> None:
    """Two nodes that have not installed glittercake, four workers; what ended before a kill is neither lost nor repeated."""
    file = tmp_path / "run.toml"
    file.write_text(FILE.format(evaluations=EVALUATIONS, kind="processes", workers=2), encoding="utf-8")
    with bare_cluster(tmp_path, nodes=2) as address, Store(postgres_url, create=True) as store:
        where = ("--store", postgres_url, "--address", address, "--workers", "4")
        before: list[dict[str, Any]] = []
        for command, target in ((("run", str(file)), 30), (("resume", "two-machines"), 90), (("resume",), 150)):
            with subprocess.Popen(
                glittercake(*command, *where), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            ) as driver:
                deadline = time.monotonic() + 200
                while not store.names() or ended(store) < target:
                    assert driver.poll() is None, driver.communicate()
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                driver.kill()
            rows = list(store.rows(store.run()))
            assert [row for row in rows if row["number"] in {one["number"] for one in before}] == before
            before = [row for row in rows if row["ended"] is not None]
        answer = subprocess.run(glittercake("resume", *where, "--json"), cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
        assert answer.returncode == 0, answer.stderr
        said = json.loads(answer.stdout)
        run = store.run()
        rows = list(store.rows(run))
        assert (run.state, run.reason, len(rows)) == ("finished", f"budget of {EVALUATIONS} evaluations used", EVALUATIONS)
        assert said["evaluations"]["completed"] == EVALUATIONS
        assert len(before) >= 150
        assert [row for row in rows if row["number"] in {one["number"] for one in before}] == before
        check_counted_once(store, run, rows)
        assert len({tuple(row["recipe"]) for row in rows}) == EVALUATIONS
        assert str(make_url(postgres_url).password) not in answer.stdout
        assert said["store"].startswith("postgresql://tester:***@127.0.0.1:")
