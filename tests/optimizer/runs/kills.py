"""Kill -9 the driver of a run, at marked points and at random moments, and hold what it leaves to an uninterrupted run.

python -m tests.optimizer.runs.kills [kills] [seed]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from optimizer.runs.driver import drive
from optimizer.runs.plan import Budget, load_plan
from optimizer.runs.store import Store
from tests.optimizer.runs.test_killed_driver import check_counted_once, kill_again_and_again, records

EVALUATIONS = 150  # for each kill: more than a driver does before it is killed, so that the run outlasts the kills


def main(kills: int, folder: Path, seed: int) -> None:
    """Kill the driver of one run at least so often, let it end, and print what was found."""
    plan = replace(load_plan("analytic-sobol"), seed=seed, budget=Budget(EVALUATIONS * kills + 1000))
    where = folder / "runs.db"
    with Store(where, create=True) as store:
        store.create(plan)
    done = 0
    while done < kills:
        more = kill_again_and_again(str(where), seed + done)
        assert more, "the run ended before the kills"
        done += more
    with Store(where) as store:
        run = drive(store)
        rows = list(store.rows(run))
        check_counted_once(store, run, rows)
        after = records(store, run)
    with Store(folder / "whole.db", create=True) as store:
        assert after == records(store, (store.create(plan), drive(store))[1]), "the run went on otherwise than it would have"
    with sqlite3.connect(where) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    again = sum(row["attempt"] > 1 for row in rows)
    print(f"{done} kills of a driver: {len(rows)} evaluations, 0 lost, 0 doubled, {again} begun again, all as in an uninterrupted run", flush=True)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    with tempfile.TemporaryDirectory(dir=".") as scratch:  # not /tmp, which may be memory
        main(given[0] if given else 100, Path(scratch), given[1] if given[1:] else 0)
