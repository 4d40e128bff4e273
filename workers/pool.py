"""Open an executor by name and run a function over items on it. Knows nothing of what the function does."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from queue import SimpleQueue
from typing import Literal, TypeVar

from workers.inline import InlineExecutor
from workers.limits import check_memory, check_workers
from workers.process_executor import ProcessExecutor
from workers.ray_executor import RayExecutor

T = TypeVar("T")
R = TypeVar("R")


def open_executor(
    kind: Literal["inline", "processes", "ray"],
    workers: int,
    *,
    time_limit_s: float | None = None,
    memory_mb: float | None = None,
    address: str | None = None,
    packages: Sequence[str] = (),
) -> Executor:
    """Open an executor; use it in a ``with`` statement, which ends its workers.

    Args:
        kind: ``inline`` runs in the caller's thread, ``processes`` in a pool of spawned processes, ``ray`` on a local Ray or a cluster.
        workers: Tasks to run at once, at least 1, each on one thread; ``inline`` runs one whatever the number.
        time_limit_s: Seconds that a task may run before its worker is ended and it fails with `TimeLimitError`; None for no limit.
        memory_mb: What one worker may need, MB; workers that would not fit are refused, or on a cluster not started. None to not count.
        address: Of a Ray cluster, as in `RayExecutor`; nothing to the other kinds.
        packages: That a cluster's nodes are sent, as in `RayExecutor`.

    Returns:
        The executor. Whatever the kind, functions and arguments should be picklable.

    Raises:
        ValueError: If the kind is unknown, ``workers`` is below 1, memory is short, or a limit is asked of ``inline``, which cannot stop a task.
        ConnectionError: If no cluster answers at the address.
    """
    check_workers(workers)
    match kind:
        case "inline":
            if time_limit_s is not None:
                raise ValueError(f"time limit {time_limit_s:g} s cannot be kept inline, where nothing can stop a task; use processes or ray")
            return InlineExecutor()
        case "processes":
            check_memory(workers, memory_mb)
            return ProcessExecutor(workers, time_limit_s=time_limit_s)
        case "ray":
            return RayExecutor(workers, address=address, time_limit_s=time_limit_s, memory_mb=memory_mb, packages=packages)
    raise ValueError(f'executor kind "{kind}" is not one of inline, processes, ray; choose one of these')


def imap(executor: Executor, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[int, R]]:
    """Yield ``(index, fn(item))`` as the items finish, in order of completion.

    At most two items per worker are in flight, or two batches of an executor that sends several at once, so ``items`` may be
    endless. If one raises, or the caller stops iterating, the items not yet started are cancelled; results that had arrived by
    then are yielded before the exception.

    Args:
        executor: Where to run; it stays open.
        fn: Picklable function of one item.
        items: Taken as workers become free.

    Yields:
        The position of the item in ``items``, and its result.

    Raises:
        Exception: What ``fn`` raised for the first item seen to fail.
    """
    # The pools of the standard library and of this package all keep their size here; no public name for it exists.
    workers = getattr(executor, "_max_workers", os.cpu_count() or 1)
    numbered = enumerate(items)
    pending: dict[Future[R], int] = {}
    # Not `futures.wait`: it never returns for a future that a shutdown cancelled.
    finished: SimpleQueue[Future[R]] = SimpleQueue()
    try:
        while True:
            for index, item in islice(numbered, max(2 * workers * getattr(executor, "batch", 1) - len(pending), 0)):
                future = executor.submit(fn, item)
                pending[future] = index
                future.add_done_callback(finished.put)
            if not pending:
                return
            arrived = [finished.get()]
            while not finished.empty():
                arrived.append(finished.get())
            for future in sorted(arrived, key=lambda future: future.cancelled() or future.exception() is not None):
                yield pending.pop(future), future.result()
    finally:
        for future in pending:
            future.cancel()
