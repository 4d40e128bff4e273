"""Runs functions elsewhere: in this thread, in a process pool, or on Ray. Knows nothing of electrodes."""

from workers.failures import TimeLimitError, WorkerDiedError, WorkerStartError
from workers.inline import InlineExecutor
from workers.pool import imap, open_executor
from workers.process_executor import ProcessExecutor
from workers.ray_executor import RayExecutor

__all__ = ["InlineExecutor", "ProcessExecutor", "RayExecutor", "TimeLimitError", "WorkerDiedError", "WorkerStartError", "imap", "open_executor"]
