"""Tasks that wait, taken in batches: one at a time, or as many as make a short piece of work by what they took lately."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

BATCH_S = 0.05  # of work sent at once: some twenty times what sending costs, and soon over
MOST = 64  # tasks in a batch
LATELY = 16  # tasks of a function by whose mean the next are judged: one long one ends the batches, a moment's hiccup does not


class Running(Future[Any]):
    """The future of a task that can be cancelled while it runs: pending, as its base class calls it, until it ends.

    Attributes:
        begun: Whether a worker has it; what a shutdown cancels has not.
    """

    def __init__(self) -> None:
        """Open a future that has no worker yet."""
        super().__init__()
        self.begun = False
        self._end: Callable[[], object] | None = None
        self._ending = threading.RLock()  # a callback of the cancelled future may cancel it again

    def running(self) -> bool:
        """Return whether a worker has it."""
        return self.begun and not self.done()

    def on(self, end: Callable[[], object] | None) -> bool:
        """Say what ends the worker that runs the task from now on, or None when it no longer does; whether it is still wanted."""
        with self._ending:
            self._end = end
            return not self.cancelled()

    def cancel(self) -> bool:
        """Cancel, running or not, and end the worker that runs it; False once finished."""
        with self._ending:
            if self.cancelled():
                return True
            if not super().cancel():
                return False
            self.set_running_or_notify_cancel()
            if self._end is not None:
                self._end()
            return True

    def settle(self, result: object, failure: BaseException | None = None) -> None:
        """Finish with a result or a failure, unless cancelled before."""
        with suppress(InvalidStateError):
            if failure is None:
                self.set_result(result)
            else:
                self.set_exception(failure)


@dataclass(eq=False)
class Task:
    """A call, its caller's future, and how many times it may still be tried."""

    fn: Callable[..., Any]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    left: int
    future: Running

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
                if not task.future.cancelled():
                    task.future.begun = True
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
