"""Measure the service from outside, over HTTP as one client: ask, predict, check, tell, list, idle memory; p95 beside the target. Not a test.

python tests/benchmarks/service.py [asks] [other requests]
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from objectives.cell import Cell, Measured
from objectives.studies import read_data
from optimizer.campaign import load_campaign
from optimizer.store import By, Observation, Proposal, Report, Snapshot, Store
from optimizer.store.kinds import parameters_of
from tests.benchmarks.proposal_speed import make_lab

ROWS, TRIALS = 200, 10_000
TEXT = read_data("ncm811-lpscl.toml").replace('study = "kim2025"', 'study = "new"')
RECIPE = {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3}
CAMPAIGNS = {"one": re.sub(r"\[\[objective\]\][^\[]*", "", TEXT, count=1), "two": TEXT, "many trials": TEXT}
_keys = count(1)


def possible(cell: Cell) -> dict[str, Measured]:
    """Return the outcomes of a virtual cell, whose noise may take a tortuosity factor below 1."""
    return {name: Measured(max(one.value, 1.0)) if name.endswith("tortuosity_factor") else one for name, one in cell.outcomes.items()}


def fill(where: Path) -> None:
    """Make a store: a campaign with one objective and one with two, each with measured rows, and one with many trials."""
    lab = make_lab(load_campaign().at(study="new"), ROWS, 0)
    by = lambda: By("benchmark", f"{next(_keys)}")  # noqa: E731
    with Store(where, create=True) as store:
        for name, text in CAMPAIGNS.items():
            store.campaigns.create(by(), text, name)
        for name in ("one", "two"):
            campaign = store.snapshot(name).campaign
            cells = [Observation(parameters_of(campaign, np.array(cell.recipe.values())), possible(cell), name=cell.name) for cell in lab.cells]
            store.observations.tell(by(), name, [Report(cell) for cell in cells])

        def propose(snapshot: Snapshot, n: int) -> list[Proposal]:
            made = snapshot.version * 1000
            steps = [(i % 40 / 2.0, i // 40 % 20, i // 800 / 100.0) for i in range(made, made + n)]
            return [Proposal({**RECIPE, "am_wt": 70.0 + am, "coating_se_wt": 2.0 + shell, "se_particle_um": 1.0 + size}) for am, shell, size in steps]

        for i in range(TRIALS // 100):
            store.trials.ask(by(), "many trials", 100, propose, holder=f"machine {i}")


@dataclass(frozen=True)
class Served:
    """A running service."""

    client: httpx2.Client
    process: int

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer of a request that must succeed."""
        headers = {"Idempotency-Key": f"key-{next(_keys)}", "Prefer": "wait=60"}
        answer = self.client.post(path, json=body, headers=headers)
        if answer.status_code not in (200, 201):
            raise SystemExit(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def memory_mb(self) -> float:
        """Return the memory of the web process, MB."""
        status = Path(f"/proc/{self.process}/status").read_text(encoding="ascii")
        return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024.0


@contextmanager
def serve(where: Path) -> Iterator[Served]:
    """Run `glittercake serve` on a free port of this machine, and end it."""
    command = [str(Path(sys.executable).parent / "glittercake"), "serve", "--store", str(where), "--port", "0"]
    quick = {"GLITTERCAKE_BURST": "1000000", "GLITTERCAKE_REQUESTS_A_MINUTE": "1000000", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **quick}) as process:
        try:
            assert process.stdout is not None
            key, url = (re.search(r"gck_\S+|http://\S+", process.stdout.readline()) for _ in range(2))
            assert key is not None, "the service did not start"
            assert url is not None, "the service did not start"
            with httpx2.Client(base_url=url[0], headers={"Authorization": f"Bearer {key[0]}"}, timeout=120.0) as client:
                while client.get("/health/ready").status_code != 200:
                    time.sleep(0.05)
                yield Served(client, process.pid)
        finally:
            process.terminate()


def nothing(_: int) -> None:
    """Do nothing before a request."""


def show(what: str, target_ms: float, times: int, run: Callable[[int], object], before: Callable[[int], object] = nothing) -> None:
    """Run something so often, and print the median and the 95th percentile, ms, beside the target; what comes before each is not counted."""
    took = []
    for i in range(times):
        before(i)
        start = time.perf_counter()
        run(i)
        took.append(1000.0 * (time.perf_counter() - start))
    p50, p95 = np.percentile(took, [50, 95])
    print(f"{what:<58} {p50:>8.1f} {p95:>8.1f} {target_ms:>8.0f}  {'met' if p95 <= target_ms else 'MISSED'}", flush=True)


def measure(served: Served, asks: int, times: int) -> None:
    """Print the figures of a service."""
    time.sleep(15.0)  # its workers load their models
    print(f"web process at rest: {served.memory_mb():.0f} MB (target 150), load {os.getloadavg()[0]:.1f}")
    print(f"{f'{ROWS} measured rows, one client, ms':<58} {'median':>8} {'p95':>8} {'target':>8}")

    def recipe(i: int) -> dict[str, float]:
        return {**RECIPE, "am_wt": 75.0 + 0.5 * (i % 20)}

    def ask(name: str, machine: str) -> None:
        served.post(f"/campaigns/{name}/suggestions", {"n": 1, "machine": machine})

    def tell(name: str, cell: str, i: int) -> None:
        told = {"recipe": recipe(i), "outcomes": {"discharge_capacity": 150.0 + i % 40}, "name": cell}
        served.post(f"/campaigns/{name}/observations", {"reports": [{"observation": told}]})

    for name, goals, target in (("one", "one objective", 1500.0), ("two", "two objectives", 4000.0)):
        ask(name, "first")
        show(f"ask, {goals}, model fitted", target, asks, lambda i, name=name: ask(name, f"press-{i}"))  # type: ignore[misc]
        for trial in served.client.get(f"/campaigns/{name}/trials").json()["items"]:
            served.post(f"/campaigns/{name}/trials/{trial['number']}/abandon", {})
        telling = [lambda i, name=name: ask(name, f"later-{i}"), lambda i, name=name: tell(name, f"cell {i}", i)]
        show(f"ask, {goals}, model fitted anew after a tell", target, asks, *telling)
    served.post("/campaigns/two/predictions", {"recipe": RECIPE})
    show("predict, two objectives, model fitted", 100.0, times, lambda i: served.post("/campaigns/two/predictions", {"recipe": recipe(i)}))
    show("check", 100.0, times, lambda i: served.post("/campaigns/two/checks", {"recipe": recipe(i)}))
    show("tell of one cell", 20.0, times, lambda i: tell("two", f"another {i}", i))

    def every_trial(_: int) -> None:
        after, found = 0, 0
        while after is not None:
            page = served.client.get("/campaigns/many trials/trials", params={"limit": 1000, "after": after}).json()
            after, found = page["next"], found + len(page["items"])
        assert found == TRIALS, found

    show(f"a page of 100 of {TRIALS:,} trials", 200.0, times, lambda _: served.client.get("/campaigns/many trials/trials").raise_for_status())
    show(f"all {TRIALS:,} trials, in pages of 1,000", 200.0, max(times // 10, 3), every_trial)
    print(f"web process afterwards: {served.memory_mb():.0f} MB, load {os.getloadavg()[0]:.1f}")


def main(asks: int, times: int) -> None:
    """Run the measurement and print it."""
    with tempfile.TemporaryDirectory(dir=".") as folder:  # not /tmp, which may be memory
        where = Path(folder) / "lab.db"
        fill(where)
        with serve(where) as served:
            measure(served, asks, times)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(given[0] if given else 20, given[1] if given[1:] else 100)
