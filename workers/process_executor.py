"""A pool of killable processes behind ``concurrent.futures.Executor``: one that dies costs its own task a retry, and nobody else anything.

The standard library's pool breaks as a whole when one worker dies, and cannot stop a task that runs. Pools that share a pipe (pebble's, loky's)
break, or hang, when a worker is killed while it holds the pipe's lock or has read half a message; docs/decisions/0017-service.md has what was seen.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar, cast

from workers.failures import TimeLimitError, WorkerDiedError, WorkerStartError, check_time_limit, task_name
from workers.limits import check_workers
from workers.worker_process import LostWorkerError, SlowTaskError, WorkerProcess

P = ParamSpec("P")
R = TypeVar("R")
MOST_STARTS = 3  # of workers that die before they begin a task, for it to count as tried


class ProcessExecutor(Executor):
    """Run tasks in spawned processes of one thread each.

    A worker's death costs its own task nothing but time, and other tasks nothing at all. A task that runs can be cancelled:
    its worker is ended and replaced.
    """

    def __init__(self, workers: int, *, time_limit_s: float | None = None, max_retries: int = 2) -> None:
        """Open the pool; processes start with the first tasks.

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
        self._waiting: SimpleQueue[_Task | None] = SimpleQueue()
        self._lanes: list[threading.Thread] = []  # one a worker, from the first task on
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
            if len(self._lanes) < self._max_workers:
                self._lanes.append(threading.Thread(target=self._work, name=f"process-executor-{len(self._lanes)}", daemon=True))
                self._lanes[-1].start()
        task.add_done_callback(self._forget)
        self._waiting.put(task)
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

    def _work(self) -> None:
        """Run tasks one after the other, in a worker that is replaced when it is lost."""
        worker = None
        while (task := self._waiting.get()) is not None:
            worker = self._run(task, worker)
        if worker is not None:
            worker.end()

    def _run(self, task: "_Task", worker: WorkerProcess | None) -> WorkerProcess | None:
        """Run one task to its end, again where its worker dies; return the worker, None where it is lost."""
        starts, came_up = 0, worker is not None
        while not task.cancelled():
            try:
                if worker is not None and not worker.alive:
                    worker.end()
                    worker = None
                worker = worker or WorkerProcess()
                if not task.taken_by(worker):
                    break
                value = worker.run(task.call, self._time_limit_s, task.begin)
            except LostWorkerError as lost:
                worker, starts, came_up = None, starts + 1, came_up or lost.ready
                if not lost.begun and starts < MOST_STARTS:
                    continue
                task.left -= 1
                if task.left > 0:
                    continue
                task.fail(self._died(task, lost.exit_code) if came_up else _not_started(starts, lost.exit_code))
            except SlowTaskError:
                worker = None
                task.fail(TimeLimitError(task_name(*task.call[:2]), self._time_limit_s or 0.0))
            except BaseException as error:  # of whatever kind: the task's own
                task.fail(error)
            else:
                task.succeed(value)
            break
        task.let_go()
        return worker

    def _died(self, task: "_Task", code: int | None) -> WorkerDiedError:
        return WorkerDiedError(
            f"task {task_name(*task.call[:2])} lost its worker {1 + self._max_retries} times (max_retries {self._max_retries}), the last "
            f"with exit code {code}; open fewer workers if memory is short, or run the task inline to see it crash"
        )

    def _forget(self, task: "Future[Any]") -> None:
        with self._all_done:
            self._tasks.discard(cast("_Task", task))
            self._all_done.notify_all()

    def _close(self) -> None:
        """Wait for the tasks, then end the workers."""
        with self._all_done:
            self._all_done.wait_for(lambda: not self._tasks)
        for _ in self._lanes:
            self._waiting.put(None)
        for lane in self._lanes:
            lane.join()


def _not_started(starts: int, code: int | None) -> WorkerStartError:
    return WorkerStartError(
        f"{starts} worker processes in a row ended before they were ready for a task, the last with exit code {code}; each imports the program "
        "that opened it, so keep what a script does under `if __name__ == '__main__':`, and see above for what it said"
    )


class _Task(Future[Any]):
    """The caller's future of a task: pending until it ends, so that it can be cancelled while it runs."""

    def __init__(self, fn: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object], left: int) -> None:
        super().__init__()
        self.call, self.left, self.started = (fn, args, kwargs), left, False
        self._mine = threading.Lock()
        self._worker: WorkerProcess | None = None

    def taken_by(self, worker: WorkerProcess) -> bool:
        """Note who runs it; False if it has been cancelled."""
        with self._mine:
            self._worker = None if self.cancelled() else worker
            return self._worker is not None

    def let_go(self) -> None:
        """Note that nobody runs it any more; from now on a cancellation ends no worker."""
        with self._mine:
            self._worker = None

    def begin(self) -> None:
        """Note that it runs."""
        self.started = True

    def succeed(self, value: Any) -> None:
        """Give the result, unless it was cancelled just now."""
        self.let_go()
        with suppress(InvalidStateError):
            self.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Give the error, unless it was cancelled just now."""
        self.let_go()
        with suppress(InvalidStateError):
            self.set_exception(error)

    def cancel(self) -> bool:
        """Cancel, running or not; False once finished."""
        if self.cancelled():
            return True
        cancelled = super().cancel()
        if cancelled:
            self.set_running_or_notify_cancel()
            with self._mine:
                if self._worker is not None:
                    self._worker.kill()
        return cancelled
