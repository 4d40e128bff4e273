"""Keys of callers: made, shown once, looked up, revoked. Only a hash of the secret is kept.

A secret has 256 random bits, so SHA-256 is right for it: nobody can try them all, which is what slow hashes are for with passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from optimizer.service.tables import keys
from optimizer.service.transactions import read, write
from optimizer.store import KeyReusedError, RecordError, UnknownError
from optimizer.store.observation import check_name
from optimizer.store.records import iso, utc

Scope = Literal["read", "propose", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "propose", "write", "admin")
MARK = "gck"  # what a key starts with, so that people and scanners of secrets know it
LONGEST_S = 10 * 366 * 86_400.0


@dataclass(frozen=True)
class KeyInfo:
    """A key without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    at: float
    by: str
    expires_at: float | None
    revoked_at: float | None
    revoked_by: str | None

    def state(self, now: float) -> Literal["valid", "expired", "revoked"]:
        """Return whether it opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        times = {
            name: None if value is None else iso(utc(value)) for name, value in (("expires_at", self.expires_at), ("revoked_at", self.revoked_at))
        }
        made = {"at": iso(utc(self.at)), "by": self.by, "revoked_by": self.revoked_by}
        return {"id": self.id, "name": self.name, "scopes": list(self.scopes), "state": self.state(time.time()), **made, **times}


class Keys:
    """The keys of a service."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make(
        self, by: str, name: str, scopes: Sequence[Scope], expires_in_s: float | None = None, request: str | None = None
    ) -> tuple[KeyInfo, str | None]:
        """Keep a new key, and return it with its secret; of a request sent again, without: the secret is shown once.

        Args:
            by: Who makes it.
            name: Whose it is to be: the name that the audit will show.
            scopes: What it opens.
            expires_in_s: Until it opens nothing any more; never when left out.
            request: The Idempotency-Key.

        Raises:
            RecordError: If the name, a scope or the time is none.
            KeyReusedError: If the request's key has made another key.
        """
        check_name("name", name, 100)
        if not scopes or set(scopes) - set(SCOPES):
            raise RecordError("scopes", f"must be some of {', '.join(SCOPES)}", ", ".join(scopes), "say what it opens")
        if expires_in_s is not None and not 1.0 <= expires_in_s <= LONGEST_S:
            raise RecordError(
                "expires_in_s", f"must be from 1 to {LONGEST_S:.0f} seconds", expires_in_s, "leave it out for a key that does not expire"
            )
        ordered = tuple(scope for scope in SCOPES if scope in scopes)
        now, secret, key_id = time.time(), secrets.token_urlsafe(32), secrets.token_hex(6)
        expires = None if expires_in_s is None else now + expires_in_s
        row = {"id": key_id, "name": name, "hash": _hash(secret), "scopes": " ".join(ordered), "at": now, "by": by, "expires_at": expires}
        try:
            write(self._engine, lambda connection: connection.execute(insert(keys), {**row, "request": request}))
        except IntegrityError:
            made = read(self._engine, lambda c: c.execute(select(keys).where((keys.c.by == by) & (keys.c.request == request))).one())
            if (made.name, made.scopes) != (name, " ".join(ordered)):
                raise KeyReusedError(f'the key "{request}" has answered another request already; give each request its own key') from None
            return _info(made), None
        return KeyInfo(key_id, name, ordered, now, by, expires, None, None), f"{MARK}_{key_id}_{secret}"

    def find(self, token: str) -> KeyInfo | None:
        """Return the valid key that a token is of, in the same time whatever is wrong with it."""
        mark, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        row = read(self._engine, lambda connection: connection.execute(select(keys).where(keys.c.id == key_id[:16])).one_or_none())
        kept = _hash("") if row is None else str(row.hash)
        same = hmac.compare_digest(_hash(secret), kept)
        if row is None or not same or mark != MARK or not secret:
            return None
        info = _info(row)
        return info if info.state(time.time()) == "valid" else None

    def page(self, after: str = "", limit: int = 100) -> list[KeyInfo]:
        """Return keys in order of their numbers, those behind one."""
        query = select(keys).where(keys.c.id > after).order_by(keys.c.id).limit(limit)
        return [_info(row) for row in read(self._engine, lambda connection: connection.execute(query).all())]

    def revoke(self, by: str, key_id: str) -> KeyInfo:
        """Close a key for good; of one that is closed already nothing changes.

        Raises:
            UnknownError: If there is none.
        """
        closed = update(keys).where((keys.c.id == key_id) & keys.c.revoked_at.is_(None)).values(revoked_at=time.time(), revoked_by=by)
        write(self._engine, lambda connection: connection.execute(closed))
        row = read(self._engine, lambda connection: connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none())
        if row is None:
            raise UnknownError(f'there is no key "{key_id}"; list the keys for their ids')
        return _info(row)

    @property
    def none(self) -> bool:
        """Whether no key was ever made."""
        return read(self._engine, lambda connection: connection.execute(select(keys.c.id).limit(1)).one_or_none()) is None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _info(row: Row[Any]) -> KeyInfo:
    scopes = tuple(scope for scope in SCOPES if scope in row.scopes.split())
    return KeyInfo(row.id, row.name, scopes, row.at, row.by, row.expires_at, row.revoked_at, row.revoked_by)
