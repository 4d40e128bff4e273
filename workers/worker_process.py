"""One worker process and the pipe to it. Workers share nothing, so what a killed one leaves half said concerns nobody else."""

import atexit
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Literal
from weakref import WeakSet

from workers.limits import limit_threads

Call = tuple[Callable[..., Any], tuple[object, ...], dict[str, object]]
_Answer = tuple[Literal["ready", "begun", "returned", "raised"], Any]
_alive: "WeakSet[WorkerProcess]" = WeakSet()
_exiting = threading.Event()


class LostWorkerError(Exception):
    """The process ended under a task, or before it had begun one; ``ready`` says whether it ever was ready for one."""

    def __init__(self, exit_code: int | None, begun: bool, ready: bool) -> None:
        super().__init__(exit_code, begun, ready)
        self.exit_code, self.begun, self.ready = exit_code, begun, ready


class SlowTaskError(Exception):
    """The task ran to its limit, and its process was ended."""


class WorkerProcess:
    """A spawned process that runs one task after the other, on one thread, and ends with the process that opened it."""

    def __init__(self) -> None:
        """Start the process; it is ready for a task when it has loaded what the main module imports.

        Raises:
            OSError: If the machine has no room for another process.
            RuntimeError: If the interpreter is ending.
        """
        if _exiting.is_set():
            raise RuntimeError("cannot start a worker while the interpreter ends")
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name="worker")
        self._process.start()
        theirs.close()  # so that the worker's death closes the pipe
        self._ready = False
        _alive.add(self)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def run(self, call: Call, time_limit_s: float | None, begun: Callable[[], None]) -> Any:
        """Return what a call returns, or raise what it raises.

        Args:
            call: Function and arguments, which have to be picklable, as their result has.
            time_limit_s: How long it may run, s; loading what it imports does not count. None for no limit.
            begun: Called when it begins to run.

        Raises:
            LostWorkerError: If the process ended meanwhile.
            SlowTaskError: If the call took longer.
        """
        running = False
        try:
            self._pipe.send(call)  # pickled before a byte is sent: what cannot be is the call's own error
            limit: float | None = None
            while True:
                if not wait([self._pipe, self._process.sentinel], None if limit is None else max(limit - time.monotonic(), 0.0)):
                    self.end()
                    raise SlowTaskError
                kind, value = self._pipe.recv()
                self._ready = True
                if kind == "ready":
                    continue
                if kind != "begun":
                    break
                running = True
                limit = None if time_limit_s is None else time.monotonic() + time_limit_s
                begun()
        except (EOFError, OSError) as error:
            self.end()
            raise LostWorkerError(self._process.exitcode, running, self._ready) from error
        if kind == "raised":
            raise value
        return value

    def kill(self) -> None:
        """End the process, from any thread."""
        self._process.kill()

    def end(self) -> None:
        """End the process and its pipe."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        _alive.discard(self)


@atexit.register
def _end_all() -> None:
    """End the workers of executors that nobody has shut down: multiprocessing would wait for them."""
    _exiting.set()
    for worker in list(_alive):
        worker.kill()


def _serve(pipe: Connection) -> None:
    """Run in the worker: answer calls until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, whose program decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_threads()
    with suppress(OSError):
        pipe.send(("ready", None))
    while True:
        try:
            answer = _answer(pipe)
        except (EOFError, OSError):
            return
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:  # a result that cannot be pickled
            pipe.send(("raised", error))


def _answer(pipe: Connection) -> _Answer:
    """Return what becomes of the next call."""
    try:
        function, args, kwargs = pipe.recv()
    except (EOFError, OSError):
        raise
    except Exception as error:  # of a module that it imports, say
        pipe.send(("begun", None))
        return "raised", error
    pipe.send(("begun", None))
    try:
        return "returned", function(*args, **kwargs)
    except BaseException as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return "raised", error


def _end_with_parent() -> None:
    """End this process when the one that opened it has ended, also by a kill, and in the middle of a task."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
