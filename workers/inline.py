"""An executor that runs each task in the caller's thread at submit. Never starts a process or a thread."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class InlineExecutor(Executor):
    """Run at submit and return a finished future; for debugging, tests and tasks too short to send elsewhere."""

    def __init__(self) -> None:
        """Open the executor; there is nothing to start."""
        self._max_workers = 1
        self._closed = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Return the finished future of ``fn(*args, **kwargs)``; Ctrl-C reaches the caller, other exceptions the future."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except (Exception, SystemExit) as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further tasks; none can be pending."""
        self._closed = True
