"""Who goes first among threads: a lock that goes to whom has waited longest, and writers that share one commit. Knows no database."""

from __future__ import annotations

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

LOOK_S = 0.001  # between two looks at a lock of another process, whose write takes milliseconds
MOST_SHARED = 64  # writes in one commit; a commit of more makes the first of them wait for the last


class Turns:
    """A lock that goes to whom has waited longest, which neither Python's nor SQLite's does."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()
        self._held = False

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Hold the lock while inside."""
        turn = _locked()
        with self._guard:
            if self._held:
                self._waiting.append(turn)
            else:
                self._held = True
                turn.release()
        turn.acquire()
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().release()
                else:
                    self._held = False


@dataclass(eq=False)
class Job:
    """One write that waits for its commit: afterwards it has an answer or an error."""

    run: Callable[[Any], Any]
    answer: Any = None
    error: BaseException | None = None
    done: bool = False
    turn: Lock = field(default_factory=lambda: _locked())


class SharedCommits:
    """Writers of one database that allows one at a time: those that wait while one commits are committed together, in their order.

    The commit is what takes the disk's time, so 64 writers wait for a few commits and not for 64.
    """

    def __init__(self, commit: Callable[[Sequence[Job]], None]) -> None:
        """Take a function that runs jobs in one transaction and gives each its answer or its error."""
        self._commit = commit
        self._guard = Lock()
        self._queue: deque[Job] = deque()
        self._leading = False

    def do(self, run: Callable[[Any], Any]) -> Any:
        """Return what a write answers, once it is committed; raises what it raised, with nothing written."""
        job = Job(run)
        with self._guard:
            self._queue.append(job)
            waits, self._leading = self._leading, True
        if waits:
            job.turn.acquire()  # until it is done, or the first of those that wait
        if not job.done:
            self._lead()
        if job.error is not None:
            raise job.error
        return job.answer

    def _lead(self) -> None:
        with self._guard:
            jobs = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_SHARED))]
        try:
            self._commit(jobs)
        except BaseException as error:
            for job in jobs:
                job.error = job.error or error
        finally:
            for job in jobs:
                job.done = True
            with self._guard:
                following = self._queue[0] if self._queue else None
                self._leading = following is not None
            for job in jobs[1:]:  # the first is the one that leads
                job.turn.release()
            if following is not None:
                following.turn.release()


class FileTurn:
    """A lock among processes on a file beside a SQLite database, given up by the system when a process dies.

    SQLite's own waiters sleep longer and longer between two looks, so that some wait for seconds while others pass by; these look often.
    It only orders writers: SQLite's lock is still what keeps them apart, so where this one cannot be had in time they go on without.
    """

    def __init__(self, path: Path, patience_s: float = 5.0) -> None:
        """Take the file, made when it is needed, and how long to wait for it: longer than writes take, shorter than SQLite waits."""
        self._path = path
        self._patience_s = patience_s
        self._file: int | None = None

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Hold the lock while inside; one thread of a process at a time."""
        held = self._take()
        try:
            yield
        finally:
            if held and self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _take(self) -> bool:
        end = time.monotonic() + self._patience_s
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            while True:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > end:
                        return False
                    time.sleep(LOOK_S)
                else:
                    return True
        except OSError:  # a folder that may not be written, a file system without locks
            return False

    def close(self) -> None:
        """Close the file, which stays where it is: whoever removed it could hold a lock that others do not see."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locked() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock
