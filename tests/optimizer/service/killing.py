"""What a worker does in the tests of workers: dies, sleeps, has a fault, answers. Beside the tests, so that a spawned process can import it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from optimizer.store import Snapshot


def dies(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("is dead")


def sleeps(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    time.sleep(120.0)
    return {"result": {}}


def has_a_fault(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("secret detail")


def answers(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    """Propose recipes in steps of 0.1 wt% AM, without a model."""
    if kind != "suggest":
        return {"result": {"kind": kind, "observations": len(snapshot.observations)}}
    used = {round(float(row[0]), 1) for row in snapshot.pending}
    free = [am for am in (round(70.0 + 0.1 * i, 1) for i in range(200)) if am not in used][: request["n"]]
    recipes = [{"am_wt": am, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3} for am in free]
    batch = {"seed": request["seed"], "strategy": "steps", "why_strategy": "a test", "suggestions": [{"recipe": recipe} for recipe in recipes]}
    return {"result": {"batch": batch, "recipes": recipes}}


def takes_a_while_for_some(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer as `answers`, but advice, diagnostics and validations in so long a time that whoever does not wait is given a job's address."""
    if kind in ("advise", "diagnose", "validate"):
        time.sleep(0.3)
    return answers(kind, snapshot, request)


def never_twice(kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
    """Propose recipes that a campaign of up to 80,000 writes has not had, without a model."""
    if kind != "suggest":
        return answers(kind, snapshot, request)
    made = [snapshot.version * 4 + i for i in range(request["n"])]
    recipes = [
        {"am_wt": 70.0 + i % 40 / 2.0, "coating_se_wt": 2.0 + i // 40 % 20, "se_particle_um": 1.0 + i // 800 % 400 / 100.0, "vgcf_wt": 2.3}
        for i in made
    ]
    batch = {"seed": request["seed"], "strategy": "steps", "why_strategy": "a test", "suggestions": [{"recipe": recipe} for recipe in recipes]}
    return {"result": {"batch": batch, "recipes": recipes}}
