"""Measure what two Ray workers reach of what two bare processes reach, each looping over its share, in turns in one run. Not a test.

python tests/benchmarks/ray_efficiency.py [pairs] [work: second, short, micro ...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.plan import load_plan
from workers import RayExecutor
from workers.limits import limit_threads

WORKERS = 2


@dataclass(frozen=True)
class Work:
    """What is measured: a function, its items, and the share of bare processes that Ray is to reach."""

    name: str
    run: Callable[[Any], Any]
    items: Sequence[Any]
    target: float


def spin(turns: int) -> int:
    """Keep one core busy for a number of turns of a loop."""
    total = 0
    for i in range(turns):
        total += i & 7
    return total


def turns(seconds: float) -> int:
    """Return the turns that take so many seconds of this processor's time."""
    start = time.process_time()
    spin(5_000_000)
    return int(5_000_000 * seconds / (time.process_time() - start))


def works() -> dict[str, Work]:
    """Return what can be measured."""
    text = load_plan("analytic-sobol").campaign_text
    recipes = [(am, 5.0, 1.5, 2.3) for am in (78.0, 82.0)]
    return {
        "second": Work("1 s of processor time", spin, [turns(1.0)] * 8, 0.95),
        "short": Work("20 ms of processor time", spin, [turns(0.02)] * 400, 0.85),
        "micro": Work("micro", evaluate, [Job(i, recipe, "micro", i, text) for i, recipe in enumerate(recipes)], 0.95),
    }


def processor_s(run: Callable[[Any], Any], item: Any) -> float:
    """Run one item and return the processor time that it took here, which depends little on who else uses the machine."""
    start = time.process_time()
    run(item)
    return time.process_time() - start


def loop(connection: Connection, run: Callable[[Any], Any]) -> None:
    """Be a bare process: run each share that is sent, and return its processor time."""
    limit_threads()
    while (share := connection.recv()) is not None:
        connection.send(sum(processor_s(run, item) for item in share))


@contextmanager
def bare(run: Callable[[Any], Any]) -> Iterator[Callable[[Sequence[Any]], float]]:
    """Yield what runs items on bare processes, every other one on each, and returns their processor time."""
    context = get_context("spawn")
    pipes = [context.Pipe() for _ in range(WORKERS)]
    processes = [context.Process(target=loop, args=(theirs, run), daemon=True) for _, theirs in pipes]
    for process in processes:
        process.start()

    def work(items: Sequence[Any]) -> float:
        for i, (ours, _) in enumerate(pipes):
            ours.send(list(items[i::WORKERS]))
        return float(sum(ours.recv() for ours, _ in pipes))

    yield work
    for ours, _ in pipes:
        ours.send(None)
    for process in processes:
        process.join()


def measure(work: Work, pairs: int, executor: RayExecutor) -> None:
    """Measure one work in turns and print it."""
    with bare(work.run) as alone:
        sides: dict[str, Callable[[], float]] = {
            "bare": lambda: alone(work.items),
            "ray": lambda: sum(executor.map(partial(processor_s, work.run), work.items)),
        }
        walls: dict[str, list[float]] = {side: [] for side in sides}
        processors: dict[str, list[float]] = {side: [] for side in sides}
        for pair in range(-1, pairs):  # the first is not counted: both sides start and compile, and Ray learns how long one takes
            for side in sorted(sides, reverse=pair % 2 == 1):
                start = time.perf_counter()
                processors[side].append(sides[side]() / len(work.items))
                walls[side].append(time.perf_counter() - start)
    found = {side: (median(walls[side][1:]), median(processors[side][1:])) for side in sides}
    ratios = [one / ray for one, ray in zip(walls["bare"][1:], walls["ray"][1:], strict=True)]
    print(f"{work.name}, {len(work.items)} evaluations, {pairs} pairs: Ray over bare {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    print(f"  target {work.target}; medians: " + "; ".join(f"{side} {wall:.2f} s, {each:.4f} s of processor" for side, (wall, each) in found.items()))


def main(pairs: int, names: Sequence[str]) -> None:
    """Run the measurement and print it."""
    known = works()
    for name in names or known:
        with RayExecutor(WORKERS) as executor:
            measure(known[name], pairs, executor)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, sys.argv[2:])
