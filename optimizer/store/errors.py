"""What can go wrong with a store, by what the caller can do about it. Each message is one sentence and ends with the remedy."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from optimizer.database import is_sqlite, reason, shown


class StoreError(ValueError):
    """Raised when a store does not do what was asked; nothing of it was written."""


class UnknownError(StoreError):
    """Raised for a campaign, trial or observation that is not there."""


class ConflictError(StoreError):
    """Raised when something else was written in between; look again, and ask again."""


class KeyReusedError(StoreError):
    """Raised when a key that has answered one request comes with another."""


class ToldError(StoreError):
    """Raised for a second result of one attempt at a trial, or a second correction of one observation."""


class RecordError(StoreError):
    """Raised for a value that cannot be kept; names the field, the rule, the value and the remedy."""

    def __init__(self, field: str, rule: str, value: object, remedy: str) -> None:
        self.field, self.rule, self.value, self.remedy = field, rule, value, remedy
        super().__init__(f"{field} {rule}, got {value!r}; {remedy}")


class UnavailableError(StoreError):
    """Raised when the database cannot be written or read now: full, locked, read-only, gone. The same request with the same key may come again."""


AGAIN = "send it again with the same key, which never counts twice"


def unavailable(engine: Engine, error: Exception) -> UnavailableError:
    """Return the error for what a database said, with the remedy."""
    said, where = reason(error), shown(engine.url)
    words = said.lower()
    if "locked" in words or "lock timeout" in words:
        return UnavailableError(f"the store {where} is locked by another process ({said}), nothing was written; end that process, then {AGAIN}")
    if "is full" in words or "no space" in words or "disk i/o" in words:
        return UnavailableError(
            f"the store {where} cannot be written, its disk is full or fails ({said}), nothing was lost; free some space, then {AGAIN}"
        )
    if "readonly" in words or "read-only" in words or "unable to open" in words:
        return UnavailableError(f"the store {where} may not be written ({said}), nothing was; allow writing of the file and its folder, then {AGAIN}")
    if is_sqlite(engine) and isinstance(error, DBAPIError) and not Path(where).exists():
        return UnavailableError(f"the store {where} is gone ({said}); put the file back, then {AGAIN}")
    return UnavailableError(f"the store {where} does not answer ({said}), so the last write may be kept or not; check that it runs, then {AGAIN}")
