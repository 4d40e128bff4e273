"""The numbers that records of a campaign go by: the last one given, those of known content. Only under the campaign's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select

from optimizer.store.tables import batches, cells, observations, recipes, trials

CHUNK = 500  # values in one statement, far below what any database takes

# Statements are built once: that is most of the time of a transaction otherwise.
CAMPAIGN: ColumnElement[int] = bindparam("campaign")
SOME: Any = bindparam("some", expanding=True)
_COUNTED = (recipes, batches, cells, observations, trials)
_LAST = select(*(select(func.coalesce(func.max(t.c.number), 0)).where(t.c.campaign_id == CAMPAIGN).scalar_subquery().label(t.name) for t in _COUNTED))
_BY_DIGEST = {
    t: select(t.c.digest, t.c.number).where((t.c.campaign_id == CAMPAIGN) & t.c.digest.in_(SOME)) for t in (recipes, batches, cells, observations)
}


def last(connection: Connection, campaign_id: int) -> dict[Table, int]:
    """Return the last number given in each table, 0 for none."""
    found = connection.execute(_LAST, {"campaign": campaign_id}).one()
    return dict(zip(_COUNTED, map(int, found), strict=True))


def by_digest(connection: Connection, table: Table, campaign_id: int, digests: Iterable[str | None]) -> dict[str, int]:
    """Return the numbers of the records with these digests, of those that are there."""
    found: dict[str, int] = {}
    for some in chunks(digest for digest in digests if digest):
        found.update((row.digest, row.number) for row in connection.execute(_BY_DIGEST[table], {"campaign": campaign_id, "some": some}))
    return found


def chunks(values: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Yield different values in order by the `CHUNK`."""
    rest = iter(sorted(set(values)))
    while some := list(islice(rest, CHUNK)):
        yield some
