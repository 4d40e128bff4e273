"""The commands that the README shows run as they are written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHELL_BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in SHELL_BLOCKS for line in block.splitlines() if line.startswith(".venv/bin/glittercake")]


def test_readme_shows_every_command() -> None:
    from optimizer.cli import app

    shown = {shlex.split(command)[1] for command in COMMANDS}
    shown -= {"campaign", "serve"}  # groups of commands
    assert shown == {(c.name or c.callback.__name__) for c in app.registered_commands if c.callback}


@pytest.mark.slow
def test_readme_commands_run(tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "glittercake")
    for command in COMMANDS:  # in order: one writes the file that the next one reads
        line = command.replace(".venv/bin/glittercake", shlex.quote(program))
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
