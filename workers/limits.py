"""What every worker must respect: one thread each, and a sensible number of workers. Starts nothing."""

import os
import sys

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment that keeps the numerical libraries of one worker on one thread; read by them when they load."""


def limit_threads() -> None:
    """Keep this process on one thread: its libraries still to be loaded, and those loaded already.

    A spawned child imports the parent's main module before its initializer runs. If that import loads numpy, the
    environment comes too late and threadpoolctl has to turn the loaded libraries down.
    """
    os.environ.update(ONE_THREAD)
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


def check_workers(workers: int) -> None:
    """Raise ``ValueError`` unless ``workers`` is at least 1."""
    if workers < 1:
        raise ValueError(f"workers {workers} is below its lower bound 1; give the number of tasks to run at once")
