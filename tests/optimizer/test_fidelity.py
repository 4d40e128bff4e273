"""Simulations beyond the closed form, through the command: what they give, what they write, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from optimizer.cli import app

RECIPE = ["--am", "80", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_cell_gives_a_discharge_for_each_rate() -> None:
    result = run("simulate", *RECIPE, "--fidelity", "cell", "--c-rate", "0.05", "--c-rate", "0.5", "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    slow, fast = (discharge["discharge_capacity"]["value"] for discharge in answer["discharges"])
    assert answer["fidelity"] == "cell"
    assert answer["status"] == "ok"
    assert 230.0 > slow > fast > 0.0
    assert answer["discharges"][0]["mean_discharge_voltage"]["unit"] == "V"


def test_micro_writes_what_it_is_asked_for_and_its_image_reads_back(tmp_path: Path) -> None:
    picture, vtk, stack = tmp_path / "block.png", tmp_path / "block.vti", tmp_path / "block.npy"
    files = ["--image", str(picture), "--vtk", str(vtk), "--stack", str(stack)]
    result = run("simulate", *RECIPE, "--fidelity", "micro", "--screen", "--seeds", "1", *files, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["percolates"]
    assert answer["structure"]["ionic_tortuosity_factor"]["value"] > 1.0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert b"ImageData" in vtk.read_bytes()
    assert np.load(stack).shape == (48, 48, 48)
    labels = ["--label", "pore=0", "--label", "AM=1", "--label", "SE=2"]
    read = json.loads(run("image", str(stack), "--voxel-um", "0.5", *labels, "--json").stdout)
    assert read["volume_fractions"]["AM"] == pytest.approx(answer["facts"]["phi_am"], abs=2e-3)
    assert "48" not in read["resolution"]
    assert "24 x 24 x 24 um" in read["resolution"]
    assert "touches SE" in run("image", str(stack), "--voxel-um", "0.5", *labels).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulate", *RECIPE, "--screen"], "add --fidelity micro"),
        (["simulate", *RECIPE, "--fidelity", "micro", "--screen", "--image", "block.jpg"], ".png"),
        (["simulate", *RECIPE, "--fidelity", "micro", "--screen", "--stack", "block.raw"], "must be written to a .npy file, got block.raw"),
        (["image", "none.npy", "--voxel-um", "0.5", "--label", "AM=1"], "none.npy"),
        (["image", "none.npy", "--voxel-um", "0.5", "--label", "AM"], '--label must be PHASE=VALUE with a whole number, got "AM"'),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert not list(tmp_path.iterdir())
