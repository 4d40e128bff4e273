"""Examine the installation: what it needs, and what would mend it. Imports torch only to ask for its version."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from objectives.calibration import CalibrationError, load_calibration
from objectives.literature import load_literature
from objectives.simulated_set import load_simulated_set
from objectives.studies import load_studies
from optimizer.campaign import load_campaign
from optimizer.runs.version import simulator_version

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "gpytorch", "botorch", "ray", "typer", "rich")


@dataclass(frozen=True)
class Finding:
    """One thing examined: whether it is well, and what was seen."""

    what: str
    ok: bool
    detail: str


def examine() -> list[Finding]:
    """Return what was found, in the order a newcomer would mend it."""
    return [_python(), *(_package(name) for name in PACKAGES), _data(), _calibration(), _simulated(), _kernel()]


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("python", ok, sys.version.split()[0] + ("" if ok else "; glittercake needs 3.11 or newer"))


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed; run `pip install glittercake` again in this environment")


def _data() -> Finding:
    rows, studies, campaign = load_literature(), load_studies(), load_campaign()
    return Finding("data", True, f"{len(rows)} measured numbers, {len(studies)} studies, campaign {campaign.name}")


def _calibration() -> Finding:
    from surrogates.calibration.fit import fingerprint

    try:
        calibration = load_calibration()
    except CalibrationError as error:
        return Finding("calibration", False, str(error))
    if calibration.fingerprint != fingerprint():
        return Finding("calibration", False, "made from other data than the bundled tables; run `glittercake calibrate`")
    return Finding("calibration", True, f"{len(calibration.priors)} fitted numbers, data {calibration.fingerprint}")


def _simulated() -> Finding:
    data = load_simulated_set()
    if data.simulator != (current := simulator_version(load_campaign())):
        return Finding("simulated set", False, f"made by simulator {data.simulator}, this is {current}; run `python -m optimizer.runs.bundle`")
    return Finding("simulated set", True, f"{len(data.status)} electrodes, {data.trained_on.sum()} to learn from, simulator {data.simulator}")


def _kernel() -> Finding:
    """Without the kernel everything works, more slowly: never a reason to fail."""
    from optimizer.kernel import is_built

    if is_built():
        return Finding("botorch kernel", True, "compiled")
    if shutil.which("c++") is None:
        return Finding("botorch kernel", True, "not compiled (no C++ compiler); `--acquisition qlognehvi` is slower; install g++ to mend it")
    return Finding("botorch kernel", True, "not compiled yet; `python -m optimizer.kernel` builds it, or the first `--acquisition qlognehvi` does")
