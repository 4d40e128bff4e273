"""Kill -9 writers at random points, and look whether anything acknowledged is lost or doubled.

python -m tests.optimizer.store.kills [kills] [file or URL of a new store] [seed]
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import text

from optimizer.database import is_sqlite
from optimizer.store import By, Observation, Proposal, Report, Snapshot, Store
from tests.optimizer.store.conftest import TEXT, measured, recipe

NAME = "campaign"
WRITERS = 4
LONGEST_S = 0.08  # from the first acknowledgement to the kill


def step(store: Store, who: str, key: str) -> str:
    """Ask for a recipe, tell its result, and correct every third; return the key, which names the cell."""

    def propose(snapshot: Snapshot, n: int) -> list[Proposal]:
        return [Proposal(recipe(1.0 + (snapshot.version + i) % 90_000 / 1000.0, (snapshot.version + i) // 90_000 / 1000.0)) for i in range(n)]

    (trial,) = store.trials.ask(By(who, f"ask {key}"), NAME, 1, propose)
    cell = Observation(trial.recipe, measured(70.0).outcomes, name=key)
    (told,) = store.observations.tell(By(who, f"tell {key}"), NAME, [Report(cell, trial.number)])
    if told.number % 3 == 0:
        store.observations.correct(By(who, f"correct {key}"), NAME, told.number, cell)
    return key


def write(where: str, generation: int, pipe: int) -> None:
    """Write without end, and say through a pipe what was acknowledged."""
    store = Store(where)

    def run(writer: int) -> None:
        count = 0
        while True:
            count += 1
            os.write(pipe, f"{step(store, f'writer {writer}', f'{generation}.{writer}.{count}')}\n".encode())

    threads = [threading.Thread(target=run, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def kill_once(where: str, generation: int, rng: random.Random) -> set[str]:
    """Start a process that writes, kill it at a random moment, and return what it had acknowledged."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reading)
            write(where, generation, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as acknowledged:
        first = acknowledged.readline()
        time.sleep(rng.uniform(0.0, LONGEST_S))
        os.kill(process, signal.SIGKILL)
        rest = acknowledged.read()
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status), f"the writer ended by itself, with {status}"
    return set((first + rest).split())


def check(where: str, generation: int, acknowledged: set[str], after: int) -> int:
    """Send again what was in flight, look at everything since observation ``after``, and return the last one."""
    with Store(where) as store:
        for writer in range(WRITERS):
            told = [int(key.split(".")[2]) for key in acknowledged if key.split(".")[1] == f"{writer}"]
            key = f"{generation}.{writer}.{max(told, default=0) + 1}"
            acknowledged.add(step(store, f"writer {writer}", key))
            assert step(store, f"writer {writer}", key) == key  # and once more
        kept = store.observations.page(NAME, after=after, limit=None)
        names = [one.observation.name for one in kept if one.told.corrects is None]
        assert len(names) == len(set(names)), f"doubled: {len(names) - len(set(names))}"
        assert set(names) == acknowledged, f"lost: {acknowledged - set(names)}, unasked: {set(names) - acknowledged}"
        attempts = [(one.told.trial, one.told.attempt) for one in kept if one.told.corrects is None]
        assert len(attempts) == len(set(attempts)), "an attempt has two results"
        assert store.trials.page(NAME, ["running", "proposed"]) == []
        if is_sqlite(store.engine):
            with store.engine.connect() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
                assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        return kept[-1].told.number


def main(kills: int, where: str, seed: int) -> None:
    """Run and print what was found."""
    rng = random.Random(seed)
    with Store(where, create=True) as store:
        store.campaigns.create(By("ann"), TEXT, NAME)
    last = total = 0
    for generation in range(1, kills + 1):
        acknowledged = kill_once(where, generation, rng)
        total += len(acknowledged)
        last = check(where, generation, acknowledged, last)
        if generation % 50 == 0:
            print(f"{generation} kills, {total} acknowledged rounds: nothing lost or doubled", flush=True)
    with Store(where) as store:
        recipes = [tuple(trial.recipe.values()) for trial in store.trials.page(NAME, limit=None)]
    assert len(recipes) == len(set(recipes)), "a recipe was given twice"
    print(f"{kills} kills, {total} acknowledged rounds of ask, tell and correct: 0 lost, 0 doubled, no recipe given twice, integrity ok")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[1:]
        main(int(given[0]) if given else 1000, given[1] if given[1:] else str(Path(folder) / "lab.db"), int(given[2]) if given[2:] else 0)
