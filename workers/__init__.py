"""Runs functions elsewhere: in this thread, in a process pool, or on Ray. Knows nothing of electrodes."""

from workers.inline import InlineExecutor
from workers.pool import imap, open_executor
from workers.ray_executor import RayExecutor, WorkerDiedError

__all__ = ["InlineExecutor", "RayExecutor", "WorkerDiedError", "imap", "open_executor"]
