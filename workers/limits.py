"""What every worker must respect: one thread each, and a sensible number of workers. Starts nothing."""

import os
import sys
from pathlib import Path

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


def check_memory(workers: int, memory_mb: float | None) -> None:
    """Raise ``ValueError`` unless so many workers of ``memory_mb`` each fit into what this machine, or this process's share of it, has free."""
    if memory_mb is None:
        return
    if not memory_mb > 0.0:
        raise ValueError(f"memory {memory_mb:g} MB of a worker is not above 0; give what one may need, or nothing to not count")
    free = free_memory_mb()
    if workers * memory_mb > free:
        raise ValueError(
            f"{workers} workers of {memory_mb:.0f} MB need {workers * memory_mb:.0f} MB, and {free:.0f} MB are free here; "
            f"open at most {int(free / memory_mb)}, or say that one needs less"
        )


def free_memory_mb(root: Path = Path("/")) -> float:
    """Return the memory that processes can still take without swapping, MB: of the machine, or of a container with less; infinite if unknown.

    Args:
        root: Where Linux keeps ``proc`` and ``sys``.
    """
    found = [float("inf")]
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [float(line.split()[1]) / 1e3 for line in lines if line.startswith("MemAvailable:")]
        group = root / "sys/fs/cgroup"
        allowed = (group / "memory.max").read_text(encoding="ascii").strip()  # "max" where there is no bound
        if allowed.isdecimal():
            used = int((group / "memory.current").read_text(encoding="ascii"))
            cache = [int(line.split()[1]) for line in (group / "memory.stat").read_text(encoding="ascii").splitlines() if line.startswith("file ")]
            found.append((int(allowed) - used + sum(cache)) / 1e6)
    except OSError:  # another system, or no such bound
        pass
    return min(found)
