"""Compilation works wherever the package lies."""

import os
import subprocess
import sys
from pathlib import Path

from objectives.microstructure.compiled import compiled


def test_function_without_a_place_for_its_code_is_compiled_all_the_same() -> None:
    names: dict[str, object] = {}
    exec("def twice(x):\n    return 2.0 * x", names)  # of no file, so that there is nowhere to keep the code
    assert compiled(names["twice"])(3.0) == 6.0


def test_code_is_kept_where_the_user_says(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text("def twice(x):\n    return 2.0 * x\n")
    kept = tmp_path / "kept"
    code = "from loops import twice; from objectives.microstructure.compiled import compiled; print(compiled(twice)(3.0))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kept), "PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert float(run.stdout) == 6.0
    assert list(kept.rglob("*.nbi"))
    assert not list(tmp_path.rglob("__pycache__/*.nbi"))
