"""Measure durable ask+tell pairs a second of the store of runs, flat to 10,000 or not, beside Optuna's SQLite storage. Not a test.

python tests/benchmarks/store.py [pairs] [pairs for Optuna] [pairs on a PostgreSQL of this machine, which are none when left out]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import optuna

from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Proposal
from optimizer.runs.plan import load_plan
from optimizer.runs.status import status
from optimizer.runs.store import Store
from tests.postgres import database, server

WINDOWS = 5  # parts of the run that are timed apart


def rates(pair: Callable[[int], None], pairs: int) -> list[float]:
    """Return pairs a second in each part of a run."""
    size, found = max(pairs // WINDOWS, 1), []
    for window in range(WINDOWS):
        start = time.perf_counter()
        for i in range(window * size, (window + 1) * size):
            pair(i)
        found.append(size / (time.perf_counter() - start))
    return found


def ours(address: Path | str, pairs: int) -> tuple[list[float], float]:
    """Return our rates with real records, and the seconds that a status of the run takes afterwards."""
    plan = load_plan("analytic-sobol")
    recipes = [(am, coating, 1.5, 2.3) for am in range(70, 90) for coating in range(2, 12)]
    results = [evaluate(Job(0, recipe, plan.fidelity, 0, plan.campaign_text)) for recipe in recipes]
    with Store(address, create=True) as store:
        run = store.create(plan)
        store.grow_log()

        def pair(i: int) -> None:
            (trial,) = store.ask(run, i, [Proposal(recipes[i % len(recipes)], "benchmark")])
            store.tell(run, [(trial, results[i % len(results)])])

        found = rates(pair, pairs)
    start = time.perf_counter()
    with Store(address) as store:
        status(store)
    return found, time.perf_counter() - start


def optunas(folder: Path, pairs: int) -> list[float]:
    """Return the rates of Optuna's RDBStorage: ask, four parameters, two values told."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'optuna.db'}", sampler=optuna.samplers.RandomSampler(seed=0), directions=["maximize"] * 2
    )
    unit: optuna.distributions.BaseDistribution = optuna.distributions.FloatDistribution(0.0, 1.0)
    space = dict.fromkeys("abcd", unit)
    return rates(lambda _: void(study.tell(study.ask(space), [1.0, 2.0])), pairs)


def bare(folder: Path, pairs: int) -> list[float]:
    """Return the rates of the least there is: two rows of 300 letters in two commits, by sqlite3 itself. The disk's own speed."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (text)")

    def pair(_: int) -> None:
        for _half in range(2):
            connection.execute("INSERT INTO rows VALUES (?)", ("x" * 300,))

    found = rates(pair, pairs)
    connection.close()
    return found


def void(_: object) -> None:
    """Drop a result."""


def main(pairs: int, pairs_optuna: int, pairs_postgres: int) -> None:
    """Run the measurement and print it."""
    with tempfile.TemporaryDirectory(dir=".") as name:  # not /tmp, which may be memory
        folder = Path(name)
        found, seconds = ours(folder / "ours.db", pairs)
        theirs = optunas(folder, pairs_optuna)
        least = bare(folder, pairs_optuna)
        if pairs_postgres:
            with server(durable=True) as address, database(address) as url:
                rated, took = ours(url, pairs_postgres)
            print(f"ours on PostgreSQL: in each fifth of {pairs_postgres}: {', '.join(f'{value:.0f}' for value in rated)}; status {took:.2f} s")
    for label, values, count in (("ours", found, pairs), ("optuna", theirs, pairs_optuna), ("bare sqlite3", least, pairs_optuna)):
        print(f"{label}: ask+tell pairs a second in each fifth of {count}: {', '.join(f'{value:.0f}' for value in values)}")
    print(f"ours over optuna, last fifths: {found[-1] / theirs[-1]:.0f}; status of {pairs} trials: {seconds:.2f} s")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(10_000, 1000, 0)[len(given) :])
