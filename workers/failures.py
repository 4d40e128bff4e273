"""What may happen to a task beside its own exceptions, and how a task is named in what is said of it."""

from collections.abc import Callable
from typing import Any

_LONGEST = 120  # characters of a task's arguments in a message


class WorkerDiedError(RuntimeError):
    """A task's worker process died each time it was tried: out of memory, killed, or crashed in compiled code."""


class WorkerStartError(WorkerDiedError):
    """Worker processes ended before they were ready for any task, so that no other task would fare better."""


class TimeLimitError(RuntimeError):
    """A task ran longer than its limit; its worker was ended and replaced."""

    def __init__(self, task: str, limit_s: float) -> None:
        """Name the task and its limit."""
        super().__init__(task, limit_s)
        self.task, self.limit_s = task, limit_s

    def __str__(self) -> str:
        return f"task {self.task} ran longer than its limit of {self.limit_s:g} s and was ended; raise the limit or make the task smaller"


def task_name(fn: Callable[..., Any], args: tuple[object, ...]) -> str:
    """Return what to call a task in a message: its function and its first argument, such as the recipe."""
    first = repr(args[0]) if args else ""
    return f"{getattr(fn, '__qualname__', fn)}({first if len(first) <= _LONGEST else first[:_LONGEST] + '...'})"


def check_time_limit(limit_s: float | None) -> None:
    """Raise ``ValueError`` unless a limit is above 0 or None."""
    if limit_s is not None and not limit_s > 0.0:
        raise ValueError(f"time limit {limit_s:g} s is not above 0; give seconds, or None for no limit")
