"""A pool of killable processes behind ``concurrent.futures.Executor``: pebble's pool, with a task tried again when its worker dies.

The standard library's pool breaks as a whole when one worker dies, and cannot stop a task that runs.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import suppress
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from workers.failures import TimeLimitError, WorkerDiedError, check_time_limit, task_name
from workers.limits import check_workers, limit_threads

P = ParamSpec("P")
R = TypeVar("R")


class ProcessExecutor(Executor):
    """Run tasks in spawned processes of one thread each.

    A worker's death costs its own task nothing but time, and other tasks nothing at all. A task that runs can be cancelled:
    its worker is ended and replaced.
    """

    def __init__(self, workers: int, *, time_limit_s: float | None = None, max_retries: int = 2) -> None:
        """Open the pool; processes start with the first task.

        Args:
            workers: Processes, at least 1.
            time_limit_s: Seconds that a task may run; then its worker is ended and it fails with `TimeLimitError`. None for no limit.
            max_retries: Times to try a task again after its worker died, at least 0.

        Raises:
            ValueError: If a number is out of range.
        """
        check_workers(workers)
        check_time_limit(time_limit_s)
        if max_retries < 0:
            raise ValueError(f"max_retries {max_retries} is below its lower bound 0; give 0 to try each task once")
        self._max_workers = workers
        self._time_limit_s = time_limit_s
        self._max_retries = max_retries
        self._pool = ProcessPool(workers, context=get_context("spawn"), initializer=limit_threads)
        self._lock = threading.Lock()
        self._tasks: set[_Task] = set()
        self._closed = False
        self._all_done = threading.Condition(self._lock)
        self._closer = threading.Thread(target=self._close, name="process-executor-close")

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Return the future of ``fn(*args, **kwargs)``; a running one can be cancelled too."""
        task = _Task(fn, args, kwargs, 1 + self._max_retries)
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._tasks.add(task)
        task.add_done_callback(self._forget)
        self._start(task)
        return cast("Future[R]", task)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further tasks, let those submitted finish, end the workers.

        Args:
            wait: Return when all that is done, rather than at once.
            cancel_futures: Cancel the tasks not yet started rather than run them.
        """
        with self._lock:
            first, self._closed = not self._closed, True
            waiting = [task for task in self._tasks if not task.started]
        if cancel_futures:
            for task in waiting:
                task.cancel()
        if first:
            self._closer.start()
        if wait:
            self._closer.join()

    def _start(self, task: "_Task") -> None:
        """Hand a task to the pool, for the first time or again."""
        inner = self._pool.schedule(task.fn, args=task.args, kwargs=task.kwargs, timeout=self._time_limit_s)
        task.attempt(inner)
        inner.add_done_callback(lambda done: self._finish(task, done))

    def _finish(self, task: "_Task", inner: "Future[Any]") -> None:
        """Pass on what came of an attempt, or try again."""
        if task.cancelled():
            return
        try:
            failure = inner.exception()
        except CancelledError:
            task.cancel()
            return
        if isinstance(failure, ProcessExpired):
            task.left -= 1
            if task.left > 0:
                self._start(task)
                return
            code = failure.exitcode
            failure = WorkerDiedError(
                f"task {task_name(task.fn, task.args)} lost its worker {1 + self._max_retries} times (max_retries {self._max_retries}), the last "
                f"with exit code {code}; open fewer workers if memory is short, or run the task inline to see it crash"
            )
        elif isinstance(failure, TimeoutError) and self._time_limit_s is not None and not hasattr(failure, "traceback"):
            failure = TimeLimitError(task_name(task.fn, task.args), self._time_limit_s)
        with suppress(InvalidStateError):  # cancelled just now
            if failure is None:
                task.set_result(inner.result())
            else:
                task.set_exception(failure)

    def _forget(self, task: "Future[Any]") -> None:
        with self._all_done:
            self._tasks.discard(cast("_Task", task))
            self._all_done.notify_all()

    def _close(self) -> None:
        """Wait for the tasks, then end the workers."""
        with self._all_done:
            self._all_done.wait_for(lambda: not self._tasks)
        self._pool.close()
        self._pool.join()


class _Task(Future[Any]):
    """The caller's future of a task, over one future of the pool for each attempt."""

    def __init__(self, fn: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object], left: int) -> None:
        super().__init__()
        self.fn, self.args, self.kwargs, self.left = fn, args, kwargs, left
        self._inner: Future[Any] | None = None

    def attempt(self, inner: Future[Any]) -> None:
        """Stand for another attempt; one already cancelled passes that on."""
        self._inner = inner
        if self.cancelled():
            inner.cancel()

    @property
    def started(self) -> bool:
        """Whether a worker has begun."""
        return self._inner is not None and (self._inner.running() or self._inner.done())

    def cancel(self) -> bool:
        """Cancel, running or not; False once finished."""
        if self.cancelled():
            return True
        cancelled = super().cancel()
        if cancelled:
            self.set_running_or_notify_cancel()
            if self._inner is not None:
                self._inner.cancel()
        return cancelled
