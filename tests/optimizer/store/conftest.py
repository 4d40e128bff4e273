"""Stores on both databases, under a clock that tests move. Every test has a campaign of its own in a store that all share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from objectives.cell import Measured
from objectives.studies import read_data
from optimizer.store import By, Observation, Proposal, Snapshot, Store, Told, Trial
from optimizer.store.records import Report
from tests.postgres import database

TEXT = read_data("ncm811-lpscl.toml")
SPACE_TEXT = read_data("graphite-anode.toml")
HOUR = 3600.0
_names = count(1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def recipe(am: float, vgcf: float = 2.3) -> dict[str, float]:
    return {"am_wt": am, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": vgcf}


def measured(am: float, value: float = 190.0, **more: Any) -> Observation:
    return Observation(recipe(am), {"discharge_capacity": Measured(value)}, **more)


@dataclass
class Lab:
    """A store with one campaign; a strategy that goes up in steps of 0.1 wt% AM from 70, and counts how often it was called."""

    store: Store
    name: str
    clock: Clock
    asked: int = field(default=0)

    def propose(self, snapshot: Snapshot, n: int) -> list[Proposal]:
        self.asked += 1
        used = {round(float(row[0]), 1) for row in snapshot.pending} | {float(one.recipe["am_wt"]) for one in snapshot.observations}
        free = (am for am in (round(70.0 + 0.1 * i, 1) for i in range(220)) if am not in used)
        return [Proposal(recipe(next(free)), {"why": "next"}) for _ in range(n)]

    def ask(self, who: str = "ann", n: int = 1, **more: Any) -> list[Trial]:
        return self.store.trials.ask(By(who), self.name, n, self.propose, lease_s=HOUR, **more)

    def tell(self, *reports: Report, who: str = "ann", key: str | None = None) -> list[Told]:
        by = By(who) if key is None else By(who, key)
        return self.store.observations.tell(by, self.name, reports)


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where to make a store, on each database."""
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("store") / "lab.db")
    else:
        with database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture(scope="session")
def shared_store(place: str, clock: Clock) -> Iterator[Store]:
    with Store(place, create=True, clock=clock) as store:
        yield store


@pytest.fixture
def lab(shared_store: Store, clock: Clock) -> Lab:
    name = f"campaign {next(_names)}"
    shared_store.campaigns.create(By("ann"), TEXT, name)
    return Lab(shared_store, name, clock)


@pytest.fixture
def sqlite_lab(tmp_path: Path) -> Iterator[Lab]:
    """Yield a laboratory on a file of its own, for what is done to the file."""
    clock = Clock()
    with Store(tmp_path / "lab.db", create=True, clock=clock) as store:
        store.campaigns.create(By("ann"), TEXT, "campaign")
        yield Lab(store, "campaign", clock)
