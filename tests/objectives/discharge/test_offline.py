"""Nothing of a simulation leaves the machine: any look-up of a name and any connection ends a process in which one is run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAUGHT = 77
TRAP = f"""
import os, socket
def caught(*args, **kwargs):
    os._exit({CAUGHT})  # an exception would be swallowed by the thread that reports
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, caught)
socket.getaddrinfo = socket.create_connection = caught
"""
# PyBaMM reports nothing where it sees a test run, and takes any process that has loaded unittest for one. Here it is told that this is none.
DISCHARGE = """
from objectives.discharge.model import load_pybamm
pybamm = load_pybamm()
pybamm.config.is_running_tests = lambda: False
from objectives.discharge import simulate_cell
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe
(result,) = simulate_cell(Physics(find_study("kim2025")), Recipe(85.0, 5.0, 1.5, 2.34))
assert result.outcomes["discharge_capacity"] > 100.0, result
pybamm.telemetry.capture("simulation-solved")
"""
REPORT = """
import pybamm
pybamm.config.is_running_tests = lambda: False
pybamm.telemetry.capture("simulation-solved")
pybamm.telemetry._posthog.flush()
"""
# What else keeps PyBaMM quiet; the first is what we set ourselves.
QUIETENING = ("PYBAMM_DISABLE_TELEMETRY", "GITHUB_ACTIONS", "CI", "TRAVIS", "CIRCLECI", "JENKINS_URL", "GITLAB_CI")


def run(code: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run code for a user who once agreed to PyBaMM's telemetry."""
    folder = home / "pybamm"
    folder.mkdir()
    (folder / "config.yml").write_text("pybamm:\n  enable_telemetry: True\n  uuid: 00000000-0000-0000-0000-000000000000\n")
    environment = {key: value for key, value in os.environ.items() if key not in QUIETENING}
    environment |= {"XDG_CONFIG_HOME": str(home), "HOME": str(home)}
    return subprocess.run([sys.executable, "-c", TRAP + code], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_discharge_opens_no_connection(tmp_path: Path) -> None:
    done = run(DISCHARGE, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_trap_would_catch_pybamm_reporting(tmp_path: Path) -> None:
    assert run(REPORT, tmp_path).returncode == CAUGHT
