"""Lists that the service gives page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from optimizer.client.errors import data_of
from optimizer.client.wire import Steps, reading

T = TypeVar("T")
MOST = 1000  # items of a page of the service


@dataclass(frozen=True)
class Page(Generic[T]):
    """Items in their order, and the `after` of what comes behind them; None at the end."""

    items: list[T]
    next: int | str | None

    def __iter__(self) -> Iterator[T]:
        """Iterate over the items."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)


def listing(path: str, after: int | str | None, limit: int | None, query: Mapping[str, object] | None = None) -> Steps[Page[T]]:
    """Read at most `limit` items behind `after`, all of them where it is None, in as many requests as it takes."""
    items: list[T] = []
    while True:
        size = MOST if limit is None else min(MOST, limit - len(items))
        found = data_of((yield reading(path, {**(query or {}), "after": after, "limit": size})))
        items += found["items"]
        after = found["next"]
        if after is None or len(items) == limit:
            return Page(items, after)
