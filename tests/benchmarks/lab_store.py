"""Measure writers that tell a lab's store at the same moment: milliseconds a write, and errors. Not a test.

python tests/benchmarks/lab_store.py [seconds] [writers] [processes] [postgres]
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from objectives.cell import Measured
from objectives.studies import read_data
from optimizer.store import By, Observation, Report, Store

CAMPAIGN = "ncm811-lpscl"
RECIPE = {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3}


def write(store: Store, writer: str, end: float, took: list[float], errors: list[str]) -> None:
    """Tell one cell after the other until the end."""
    count = 0
    while time.time() < end:
        count += 1
        recipe = {**RECIPE, "am_wt": 70.0 + count % 40 / 2.0}
        cell = Observation(recipe, {"discharge_capacity": Measured(190.0 + count % 10)}, name=f"{writer}, {count}")
        start = time.perf_counter()
        try:
            store.observations.tell(By(writer, f"{count}"), CAMPAIGN, [Report(cell)])
        except Exception as error:  # every kind counts
            errors.append(repr(error))
        else:
            took.append(1000.0 * (time.perf_counter() - start))


def writers(where: str, number: int, first: int, end: float, answers: multiprocessing.Queue[str]) -> None:
    """Run writers in one process, and answer with their times and errors."""
    took: list[float] = []
    errors: list[str] = []
    with Store(where) as store:
        threads = [threading.Thread(target=write, args=(store, f"writer {first + i}", end, took, errors)) for i in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    answers.put(json.dumps([took, errors]))


@contextmanager
def somewhere(postgres: bool) -> Iterator[str]:
    """Yield where to make a store: a file on this disk, or a PostgreSQL that waits for it."""
    if postgres:
        from tests.postgres import database, server

        with server(durable=True) as address, database(address) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(dir=".") as folder:  # not /tmp, which may be memory
        yield str(Path(folder) / "lab.db")


def main(seconds: float, number: int, processes: int, postgres: bool) -> None:
    """Run the measurement and print it."""
    with somewhere(postgres) as where:
        with Store(where, create=True) as store:
            store.campaigns.create(By("benchmark"), read_data(f"{CAMPAIGN}.toml"))
        context = multiprocessing.get_context("spawn")
        answers = context.Queue()
        end = time.time() + seconds + 3.0  # ample for a process to start
        each = number // processes
        made = [context.Process(target=writers, args=(where, each, i * each, end, answers)) for i in range(processes)]
        for process in made:
            process.start()
        told = [json.loads(answers.get()) for _ in made]
        for process in made:
            process.join()
        with Store(where) as store:
            kept = store.observations.page(CAMPAIGN, limit=None)
    took = np.concatenate([np.array(part[0]) for part in told])
    errors = [error for part in told for error in part[1]]
    p50, p99 = np.percentile(took, [50, 99])
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{number} writers in {processes} processes, {seconds:g} s: {len(took)} writes, {len(took) / seconds:.0f} a second, {len(errors)} errors")
    busy = 1000.0 * (cpu.ru_utime + cpu.ru_stime) / len(took)
    print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {took.max():.0f} ms; {busy:.2f} ms of processor a write")
    names = {one.observation.name for one in kept}
    print(f"acknowledged and lost: {len(took) - len(kept)}, doubled: {len(kept) - len(names)}; first error: {errors[0] if errors else 'none'}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 120.0, int(given[1]) if given[1:] else 64, int(given[2]) if given[2:] else 1, "postgres" in given)
