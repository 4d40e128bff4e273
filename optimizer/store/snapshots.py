"""A snapshot: everything that a model and a strategy need of a campaign at one moment, as plain data that any process can have."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, func, select

from objectives.cell import Cell
from objectives.composition import Array
from optimizer.campaign import Campaign
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.table import Trial as SpaceTrial
from optimizer.store import kinds
from optimizer.store.observation import Observation
from optimizer.store.rows import observations, trials
from optimizer.store.tables import observations as table
from optimizer.store.transactions import digest

CAMPAIGNS = 8  # whose observations are kept: some 2 kB an observation
_LAST = select(func.max(table.c.number)).where(table.c.campaign_id == bindparam("campaign"))


@dataclass(frozen=True)
class Snapshot:
    """A campaign with its standing observations and its pending recipes.

    ``text`` is its file at ``revision``; ``observations`` stand in the order in which they were first told, ``pending`` recipes ``(p, d)`` in
    that of their trials. ``data_hash`` is the same for the same settings and observations: what a fitted model depends on. Pending recipes
    are no part of it.
    """

    name: str
    text: str
    revision: int
    version: int
    observations: tuple[Observation, ...]
    pending: Array
    data_hash: str

    @property
    def campaign(self) -> kinds.AnyCampaign:
        """The campaign's settings."""
        return kinds.parse(self.text, self.name)

    @property
    def electrode(self) -> tuple[Campaign, tuple[Cell, ...]]:
        """The campaign and its cells, as `suggest` takes them.

        Raises:
            TypeError: If it is a campaign without physics.
        """
        campaign = self.campaign
        if isinstance(campaign, SpaceCampaign):
            raise TypeError(f'the campaign "{self.name}" has no physics; take its `space`')
        return campaign, tuple(row for row in self.rows if isinstance(row, Cell))

    @property
    def space(self) -> tuple[SpaceCampaign, tuple[SpaceTrial, ...]]:
        """The campaign without physics and its rows, as `suggest_in_space` takes them.

        Raises:
            TypeError: If it is an electrode's.
        """
        campaign = self.campaign
        if not isinstance(campaign, SpaceCampaign):
            raise TypeError(f'the campaign "{self.name}" has physics; take its `electrode`')
        return campaign, tuple(row for row in self.rows if isinstance(row, SpaceTrial))

    @property
    def rows(self) -> tuple[kinds.Row, ...]:
        """The observations as models read them, numbered as the lines of the exported table."""
        campaign = self.campaign
        return tuple(kinds.learned(campaign, one, line) for line, one in enumerate(self.observations, start=2))

    def check(self) -> None:
        """Refuse observations and pending recipes that are none of the campaign's.

        Raises:
            RecordError: For the first of them.
        """
        campaign = self.campaign
        for line, one in enumerate(self.observations, start=2):
            kinds.learned(campaign, one, line)


@dataclass(frozen=True)
class Standing:
    """The observations of a campaign that stand, and their hash with its settings; of the campaign's text and its last observation."""

    text: str
    last: int
    observations: tuple[Observation, ...]
    data_hash: str


class Snapshots:
    """Snapshots of a store's campaigns. Observations are only ever added, so those of a campaign are read again when there is a new one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._standing: OrderedDict[int, Standing] = OrderedDict()

    def take(self, connection: Connection, row: Row[Any], now: float) -> Snapshot:
        """Return a campaign's snapshot, in a transaction that only reads: what one that writes sees may never come to be."""
        last = connection.execute(_LAST, {"campaign": row.id}).scalar_one() or 0
        with self._lock:
            known = self._standing.get(row.id)
        if known is None or (known.text, known.last) != (row.text, last):
            known = _standing(connection, row, last)
            with self._lock:
                self._standing[row.id] = known
                self._standing.move_to_end(row.id)
                while len(self._standing) > CAMPAIGNS:
                    self._standing.popitem(last=False)
        return _snapshot(connection, row, now, known)


def take(connection: Connection, row: Row[Any], now: float) -> Snapshot:
    """Return a campaign's snapshot."""
    return _snapshot(connection, row, now, _standing(connection, row, 0))


def _standing(connection: Connection, row: Row[Any], last: int) -> Standing:
    found = tuple(kept.observation for kept in observations.current(observations.read(connection, row.id)))
    return Standing(row.text, last, found, digest([row.text, [one.as_json() for one in found]]))


def _snapshot(connection: Connection, row: Row[Any], now: float, standing: Standing) -> Snapshot:
    campaign = kinds.parse(row.text, row.name)
    pending = [kinds.row_of(campaign, trial.recipe) for trial in trials.listed(connection, row.id, now, trials.OPEN, 0, None)]
    recipes = np.array(pending, dtype=float).reshape(-1, campaign.space.dimension)
    return Snapshot(row.name, row.text, row.revision, row.version, standing.observations, recipes, standing.data_hash)
