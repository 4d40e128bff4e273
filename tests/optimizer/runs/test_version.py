"""The version of the simulator changes with what its results follow from, and with nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.campaign import load_campaign
from optimizer.runs import version
from optimizer.runs.version import SIMULATOR, fingerprint, simulator_version, sources

CODE = '''"""Doubles."""

def double(x: float) -> float:
    """Return twice x."""
    return 2.0 * x
'''


@pytest.mark.parametrize(
    "same",
    ["def double(x: float) -> float:\n    return (2.0 * x)  # twice\n", CODE.replace("Return twice x.", "Twice."), CODE.replace("\n\n", "\n\n\n")],
)
def test_words_and_layout_do_not_count(same: str) -> None:
    assert fingerprint(same) == fingerprint(CODE)


@pytest.mark.parametrize("other", [CODE.replace("2.0", "2.1"), CODE.replace("2.0 * x", "2.0 + x"), CODE + "\ndouble(1.0)\n"])
def test_code_counts(other: str) -> None:
    assert fingerprint(other) != fingerprint(CODE)


def test_simulator_is_what_its_module_imports() -> None:
    found = set(sources(SIMULATOR))
    assert {SIMULATOR, "objectives.microstructure.solve", "objectives.microstructure.kernels", "objectives.discharge.model"} <= found
    assert {"objectives.physics", "objectives.packing", "objectives.capacity", "objectives.recipe"} <= found
    assert not found & {"objectives.microstructure.picture", "objectives.repair", "optimizer.campaign", "optimizer.runs.driver", "numpy"}


def test_setting_of_the_campaign_counts_and_its_goal_does_not() -> None:
    campaign = load_campaign()
    other = replace(campaign, conditions=replace(campaign.conditions, loading_mg_cm2=20.0))
    assert simulator_version(other) != simulator_version(campaign)
    assert simulator_version(replace(campaign, objectives=campaign.objectives[:1])) == simulator_version(campaign)


def test_changed_source_changes_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, real = load_campaign(), sources(SIMULATOR)
    before = simulator_version(campaign)
    path = tmp_path / "shell.py"
    text = real["objectives.microstructure.shell"].read_text(encoding="utf-8")
    monkeypatch.setattr(version, "sources", lambda _: {**real, "objectives.microstructure.shell": path})
    path.write_text("# a comment\n" + text, encoding="utf-8")
    assert simulator_version(campaign) == before
    path.write_text(text + "\nMORE = 1\n", encoding="utf-8")
    assert simulator_version(campaign) != before
