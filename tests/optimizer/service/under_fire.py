"""Callers of a service that is killed again and again, and what has to be true of its store afterwards. Shared by `kills` and `crowd`."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from optimizer.client import ApiError, Client, Retry
from optimizer.client.shapes import Observation, Trial
from optimizer.store import Store
from tests.optimizer.client.conftest import Server

PATIENT = Retry(attempts=1000, first_s=0.02, longest_s=0.3)
SOON_S = 5.0  # from the start of a killed service until it is ready: a target, on an idle machine
LONGEST_SILENCE_S = 60.0  # between two acknowledgements, on a busy machine
AT_ONCE = 0.33  # of the kills; were it all, a worker would hardly ever be ready
GONE_S = 20.0  # after which a worker whose server is dead must be gone


@dataclass
class Acknowledged:
    """What a service acknowledged in one campaign, by the name that its teller gave it."""

    told: dict[str, int] = field(default_factory=dict)
    corrected: set[int] = field(default_factory=set)
    given: list[tuple[int, int]] = field(default_factory=list)  # trial and attempt
    failed_jobs: int = 0  # asked again, under a new key

    def count(self) -> int:
        """Return how many cells were told."""
        return len(self.told)


def asked(client: Client, campaign: str, who: str, key: str, seen: Acknowledged) -> Trial:
    """Return a recipe for a machine; where a killed worker or service failed the job, ask again under a new key."""
    again = 0
    while True:
        try:
            (trial,) = client.ask(campaign, 1, machine=who, key=f"ask-{key}.{again}")["trials"]
        except ApiError as error:
            if error.status not in (500, 503) or again == 50:
                raise
            again += 1
            seen.failed_jobs += 1
        else:
            return trial


def cycle(client: Client, campaign: str, who: str, name: str, seen: Acknowledged, *, correct: bool) -> None:
    """Ask for a recipe, tell its result, and maybe correct it; each counts as acknowledged once the service has said so."""
    trial = asked(client, campaign, who, name, seen)
    seen.given.append((trial["number"], trial["attempt"]))
    cell: Observation = {"recipe": trial["recipe"], "outcomes": {"discharge_capacity": 190.0}, "name": name}
    told = client.tell(campaign, cell, trial=trial["number"], attempt=trial["attempt"], key=f"tell-{name}")
    seen.told[name] = told["number"]
    if correct:
        client.correct(campaign, told["number"], {**cell, "outcomes": {"discharge_capacity": 191.0}}, key=f"correct-{name}")
        seen.corrected.add(told["number"])


@contextmanager
def load(server: Server, campaign: str, writers: int, seen: Acknowledged) -> Iterator[None]:
    """Let callers work without a pause; on leaving each ends what it is at. The first error of any is raised."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(writer: int) -> None:
        try:
            with Client(server.url, server.key, retry=PATIENT) as client:
                count = 0
                while not stop.is_set():
                    cycle(client, campaign, f"machine-{writer}", f"{campaign}.{writer}.{count}", seen, correct=count % 3 == 0)
                    count += 1
        except BaseException as error:  # of whatever kind: a caller that stops is what the proof is about
            errors.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


@dataclass
class Killer:
    """Kills a service's processes at random moments, and starts it again."""

    server: Server
    rng: random.Random
    kills: dict[str, int] = field(default_factory=lambda: {"server": 0, "server starting": 0, "worker": 0})
    longest_start_s: float = 0.0
    orphans: dict[int, float] = field(default_factory=dict)  # workers of servers that were killed, and when

    def strike(self, told: Callable[[], int], ended: Callable[[], bool] = lambda: False) -> None:
        """Kill one process: the server, one that has just begun to start, or its worker.

        A third of the times at once, which may be while a worker starts; else soon after a cell was acknowledged, unless all work has ended.
        """
        before, end = told(), time.monotonic() + LONGEST_SILENCE_S
        if self.rng.random() > AT_ONCE:
            while told() == before and not ended():
                assert time.monotonic() < end, f"nothing was acknowledged for {LONGEST_SILENCE_S:.0f} s"
                time.sleep(0.005)
        time.sleep(self.rng.uniform(0.0, 0.3))
        draw = self.rng.random()
        if draw < 0.5 and (workers := self.workers()):
            with suppress(ProcessLookupError):  # it may have been ended by the service
                os.kill(self.rng.choice(workers), signal.SIGKILL)
            self.kills["worker"] += 1
            return
        self._kill()
        self.kills["server"] += 1
        if draw > 0.9:
            self.server.begin()
            time.sleep(self.rng.uniform(0.0, 1.0))
            self._kill()
            self.kills["server starting"] += 1
        self._start()

    def workers(self) -> list[int]:
        """Return the processes that the server's work is done in."""
        assert self.server.process is not None
        found: list[int] = []
        for thread in Path(f"/proc/{self.server.process.pid}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has just ended
                found += [int(child) for child in thread.read_text(encoding="ascii").split() if "spawn_main" in _command(int(child))]
        return found

    def _kill(self) -> None:
        self.orphans |= dict.fromkeys(self.workers(), time.monotonic())
        self.server.kill()

    def _start(self) -> None:
        begun = time.monotonic()
        self.server.start()
        while not self._ready():
            time.sleep(0.01)
        self.longest_start_s = max(self.longest_start_s, time.monotonic() - begun)

    def _ready(self) -> bool:
        try:
            return httpx2.get(f"{self.server.url}/health/ready", timeout=30.0).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def start(self) -> str:
        """How soon the service was ready again, beside the target."""
        said = "met" if self.longest_start_s < SOON_S else "MISSED"
        return f"ready again within {self.longest_start_s:.2f} s (target {SOON_S:.0f}, {said})"

    def check(self) -> None:
        """Make sure that no worker outlived its server."""
        for number, killed in self.orphans.items():
            while "spawn_main" in _command(number):
                assert time.monotonic() - killed < GONE_S, f"worker {number} outlived its server"
                time.sleep(0.1)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


def check_store(where: Path, campaign: str, seen: Acknowledged) -> None:
    """Make sure that the store has what was acknowledged, once, and nothing that was not asked for."""
    with Store(where) as store:
        kept = store.observations.page(campaign, limit=None)
        trials = store.trials.page(campaign, limit=None)
    first = {one.observation.name: one.told.number for one in kept if one.told.corrects is None}
    assert len(first) == sum(one.told.corrects is None for one in kept), "a cell is there twice"
    assert first == seen.told, f"lost: {seen.told.keys() - first.keys()}, unasked: {first.keys() - seen.told.keys()}"
    corrections = [one.told.corrects for one in kept if one.told.corrects is not None]
    assert sorted(corrections) == sorted(seen.corrected), "a correction is lost or doubled"
    assert len(seen.given) == len(set(seen.given)), "an attempt at a trial was given twice"
    recipes = [tuple(trial.recipe.values()) for trial in trials]
    assert len(recipes) == len(set(recipes)), "a recipe was given twice"
    assert {trial.state for trial in trials} <= {"completed"}, "a trial has no result"
    with sqlite3.connect(where) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
