from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from optimizer.cli import main; main()"]
CHECK = ["check", "--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3"]
FULL = Path("/dev/full")  # every write to it fails as on a full disk


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [CHECK, [*CHECK, "--json"], ["--help"]], ids=["table", "json", "help"])
def test_full_disk_ends_in_one_sentence(arguments: list[str]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("glittercake: the answer cannot be written ([Errno 28]")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [CHECK, [*CHECK, "--json"], ["--help"]], ids=["table", "json", "help"])
def test_pipe_that_nobody_reads_ends_quietly(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_file_that_the_system_refuses_is_named() -> None:
    code = "from optimizer.cli.common import give_up; give_up(PermissionError(13, 'Permission denied', 'cells.csv'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "glittercake: cells.csv cannot be read or written (Permission denied); check the path and who may use it\n"
