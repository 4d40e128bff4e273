"""Writers that are killed: nothing acknowledged is lost, nothing is doubled. The long form is a command, see `kills`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_kills(kills: int, where: str) -> None:
    command = [sys.executable, "-m", "tests.optimizer.store.kills", f"{kills}", where]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert finished.returncode == 0, finished.stderr
    assert f"{kills} kills, " in finished.stdout.splitlines()[-1]


def test_killed_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    run_kills(20, str(tmp_path / "lab.db"))


@pytest.mark.slow
def test_killed_writers_lose_and_double_nothing_in_postgresql(postgres_url: str) -> None:
    run_kills(20, postgres_url)
