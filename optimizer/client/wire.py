"""What goes over the wire, as data, and the steps of a call: generators that yield requests and receive answers. No I/O here.

Every method of the client is such a generator, written once; a driver that blocks and one that awaits run the same steps (see `clients`).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

T = TypeVar("T")
JSON = "application/json"
NO_ANSWER = 0  # the status where none came


@dataclass(frozen=True)
class Request:
    """A request behind the service's address. A write has a key, under which it has one effect however often it is sent."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    kind: str = ""  # Content-Type of the body
    key: str = ""  # Idempotency-Key; reads have none
    more: tuple[tuple[str, str], ...] = ()  # headers beside these

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what it is."""
        named = {"Content-Type": self.kind, "Idempotency-Key": self.key}
        return {**{name: value for name, value in named.items() if value}, **dict(self.more)}


@dataclass(frozen=True)
class Answer:
    """What came back; the status is 0 and the body says why where nothing did."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in small letters
    body: bytes = b""

    @property
    def good(self) -> bool:
        """Whether it is what was asked for, or a job that works on it."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body's data; ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Pause:
    """A time to wait, s."""

    seconds: float


# What a call does: requests and pauses go out, an answer comes in for each (none is looked at for a pause), its result is returned.
Steps = Generator[Request | Pause, Answer, T]


def address(*parts: str | int) -> str:
    """Return a path of parts, each of which may have any letter."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def reading(path: str, query: Mapping[str, object] | None = None) -> Request:
    """Return a read; what is None is left out, a sequence is repeated."""
    pairs = [(name, one) for name, value in (query or {}).items() for one in (value if isinstance(value, list | tuple) else [value])]
    return Request("GET", path, tuple((name, str(value)) for name, value in pairs if value is not None))


def writing(path: str, body: Mapping[str, object] | None, key: str | None, method: str = "POST", more: Sequence[tuple[str, str]] = ()) -> Request:
    """Return a write with its key, a new one unless one is given; fields that are None are left out."""
    content = None if body is None else json.dumps({name: value for name, value in body.items() if value is not None}, allow_nan=False).encode()
    return Request(method, path, (), content, JSON if content is not None else "", key or str(uuid4()), tuple(more))
