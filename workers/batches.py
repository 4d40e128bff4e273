"""Tasks that wait, taken in batches: one at a time, or as many as make a short piece of work by what they took lately."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

BATCH_S = 0.05  # of work sent at once: some twenty times what sending costs, and soon over
MOST = 64  # tasks in a batch
LATELY = 16  # tasks of a function by whose mean the next are judged: one long one ends the batches, a moment's hiccup does not


@dataclass(eq=False)
class Task:
    """A call, its caller's future, and how many times it may still be tried."""

    fn: Callable[..., Any]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    left: int
    future: "Future[Any]"

    @property
    def kind(self) -> str:
        """Return the name under which its duration is remembered."""
        return f"{getattr(self.fn, '__module__', '')}.{getattr(self.fn, '__qualname__', type(self.fn).__qualname__)}"


class Waiting:
    """The tasks not yet begun, first come first served, for a number of workers."""

    def __init__(self, workers: int, batch_s: float) -> None:
        """Open the queue; a batch is work of at most ``batch_s`` seconds, and only single tasks are taken where that is 0."""
        self._workers, self._batch_s = workers, batch_s
        self._tasks: deque[Task] = deque()
        self._seconds: dict[str, deque[float]] = {}
        self._lock = threading.Lock()
        self._size = 1

    @property
    def size(self) -> int:
        """Return how many tasks the latest kind of task may come in a batch."""
        return self._size

    def put(self, task: Task) -> None:
        """Add a task."""
        with self._lock:
            self._tasks.append(task)

    def take(self) -> list[Task]:
        """Return the next tasks, all of one kind and none cancelled, now running; empty if none waits.

        A worker leaves the others their share of what waits.
        """
        taken: list[Task] = []
        with self._lock:
            most = 1
            while self._tasks and len(taken) < most and (not taken or self._tasks[0].kind == taken[0].kind):
                if not taken:
                    most = min(self._fitting(self._tasks[0].kind), -(-len(self._tasks) // self._workers))
                task = self._tasks.popleft()
                if task.future.set_running_or_notify_cancel():
                    taken.append(task)
        return taken

    def measured(self, kind: str, seconds: float) -> None:
        """Remember how long a task took."""
        with self._lock:
            self._seconds.setdefault(kind, deque(maxlen=LATELY)).append(seconds)
            self._size = self._fitting(kind)

    def forget(self, kind: str) -> None:
        """Send tasks of a kind singly again until enough of them are measured anew."""
        with self._lock:
            self._seconds.pop(kind, None)
            self._size = 1

    def cancel(self) -> None:
        """Cancel all that waits."""
        with self._lock:
            waiting = list(self._tasks)
        for task in waiting:
            task.future.cancel()

    def _fitting(self, kind: str) -> int:
        known = self._seconds.get(kind, ())
        if len(known) < LATELY or not self._batch_s:
            return 1
        return max(1, min(MOST, int(self._batch_s / max(sum(known) / LATELY, 1e-6))))
