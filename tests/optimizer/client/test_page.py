"""The examples of docs/client.md run as they are written, one after the other, against `glittercake serve` and its real models."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizer.client.method import method
from optimizer.client.methods import Methods
from tests.optimizer.client.conftest import ROOT, TEXT

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")


def test_page_has_every_method() -> None:
    names = {name for name in dir(Methods) if isinstance(getattr(Methods, name), method)}
    table = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*\|$", PAGE, re.MULTILINE))))
    assert names <= table
    assert table - names == set()


@pytest.mark.slow
def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 6
    command = [sys.executable, "-c", "from optimizer.cli import main; main()", "serve", "--store", str(tmp_path / "lab.db"), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            key, url = (re.search(pattern, server.stdout.readline()) for pattern in (r"gck_\S+", r"http://\S+"))
            assert key, url
            monkeypatch.setenv("GLITTERCAKE_CLIENT_KEY", key[0])
            monkeypatch.setenv("GLITTERCAKE_CLIENT_URL", url[0] if url else "")
            monkeypatch.chdir(tmp_path)
            Path("campaign.toml").write_text(TEXT)
            Path("cells.csv").write_text("name,am_wt,coating,se_particle_um,vgcf_wt,discharge_capacity\nA1,82,95:5,1.5,2.3,180\n")
            said, namespace = [], dict[str, Any]()
            for number, block in enumerate(blocks):
                exec(compile(block, f"client.md, block {number}", "exec"), namespace)
                said.append(capsys.readouterr().out)
            namespace["client"].close()
        finally:
            server.terminate()
            server.wait(60)
    assert said[0].startswith("1 {")
    assert said[1].startswith(("True\ndict_keys(", "False\ndict_keys("))
    assert (said[2], said[3].splitlines()[-1].split()[0]) == ("2\n", "succeeded")
    assert said[4].startswith("422 reports[0].outcomes.discharge_capacity -5.0\n")
    assert said[5] == "1 sent; 0 refused; 0 wait: None\n"
