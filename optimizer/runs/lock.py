"""One driver a run: a lock file beside the store, held by the operating system, so that no kill leaves it behind locked."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DrivenError(RuntimeError):
    """Raised when another process drives the run."""


@contextmanager
def hold(store: Path, run_id: int, name: str) -> Iterator[None]:
    """Hold the run while inside.

    Raises:
        DrivenError: If another process holds it; names that process.
    """
    with _path(store, run_id).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "another process"
            raise DrivenError(
                f"run {name!r} is driven by {owner} already, and a run has one driver; wait for it or end it, `campaign status` shows how far it is"
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


def driven(store: Path, run_id: int) -> bool:
    """Return whether a process drives the run now."""
    path = _path(store, run_id)
    if not path.exists():
        return False
    with path.open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _path(store: Path, run_id: int) -> Path:
    return store.with_name(f"{store.name}.{run_id}.lock")
