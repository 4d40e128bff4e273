"""The version of a simulator: a hash of the code, the calibrated numbers and the settings that its results follow from. Runs nothing.

A comment, a docstring or the layout of a line does not change it, and code that the simulator never imports does not count.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import objectives
from optimizer.campaign import Campaign

SIMULATOR = "optimizer.runs.micro"  # the module whose imports are followed
PACKAGES = ("objectives", "surrogates", "workers", "optimizer")
NUMBERS = ("calibration.json", "cell.json", "priors.toml", "studies.toml")  # in configs/
LENGTH = 16  # hexadecimal digits: enough to tell versions apart
ROOT = Path(objectives.__file__).parents[1]


def simulator_version(campaign: Campaign) -> str:
    """Return the version of the 3D simulator and its discharge for the study, conditions and stack of a campaign, 16 hexadecimal digits."""
    setting = {"study": campaign.study, "conditions": asdict(campaign.conditions), "stack": asdict(campaign.stack)}
    parts = {name: fingerprint(path.read_text(encoding="utf-8")) for name, path in sources(SIMULATOR).items()}
    parts |= {name: files("configs").joinpath(name).read_text(encoding="utf-8") for name in NUMBERS}
    return sha256(json.dumps([parts, setting], sort_keys=True).encode()).hexdigest()[:LENGTH]


def sources(module: str) -> dict[str, Path]:
    """Return the files of a module of ours and of all ours that it imports, in functions too, by the name of the module.

    A package is followed where something is imported from it; that a module lies in it is no reason, for packages re-export much else.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += _imported(ast.parse(path.read_text(encoding="utf-8")))
    return found


def _file(module: str) -> Path | None:
    """Return the file of a module of ours; None for everything else."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # where what is imported is a module itself


def fingerprint(code: str) -> str:
    """Return a text that two codes share if they do the same in the same words: without comments, docstrings and layout."""
    return json.dumps(_plain(ast.parse(code)), separators=(",", ":"))


def _plain(node: Any) -> Any:
    """Return a syntax tree as lists and texts. Not `ast.dump`, which prints fields that another version of Python leaves out."""
    if isinstance(node, list):
        return [_plain(one) for one in node if not _is_text(one)]
    if not isinstance(node, ast.AST):
        return repr(node)
    return [type(node).__name__, *([name, _plain(value)] for name, value in ast.iter_fields(node) if value not in (None, []))]


def _is_text(node: Any) -> bool:
    """Return whether a statement is nothing but a text: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
