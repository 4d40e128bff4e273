"""Every executor keeps the same promises."""

import os
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future, wait
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from tests.workers.conftest import WORKERS, Open
from tests.workers.processes import assert_all_end, descendants
from tests.workers.tasks import (
    PATIENCE,
    TooThinError,
    increment_in_place,
    number_of_threads,
    power,
    raise_too_thin,
    record,
    refuse_three,
    square,
    wait_for_file,
)
from workers import InlineExecutor, RayExecutor, imap, open_executor
from workers.batches import MOST


def test_submit_returns_a_standard_future_with_the_result(executor: Executor) -> None:
    future = executor.submit(square, 7)
    assert isinstance(future, Future)
    assert future.result(PATIENCE) == 49


def test_keyword_arguments_reach_the_function(executor: Executor) -> None:
    assert executor.submit(power, 2, exponent=5).result(PATIENCE) == 32


def test_exception_arrives_with_its_type_arguments_and_state(executor: Executor) -> None:
    error = executor.submit(raise_too_thin).exception(PATIENCE)
    assert type(error) is TooThinError
    assert error.args == ("thickness_um", 3.5)
    assert error.value == 3.5


def test_executor_serves_on_after_an_exception(executor: Executor) -> None:
    executor.submit(raise_too_thin).exception(PATIENCE)
    assert executor.submit(square, 2).result(PATIENCE) == 4


def test_system_exit_of_a_task_is_its_exception(executor: Executor) -> None:
    assert type(executor.submit(sys.exit, 3).exception(PATIENCE)) is SystemExit


def test_arrays_are_writable_on_both_sides(executor: Executor) -> None:
    result = executor.submit(increment_in_place, np.zeros(200_000)).result(PATIENCE)
    result += 1
    assert result.sum() == 400_000


def test_results_belong_to_their_own_submission(executor: Executor) -> None:
    futures = {executor.submit(square, number): number for number in reversed(range(50))}
    wait(futures, PATIENCE)
    assert {number: future.result() for future, number in futures.items()} == {number: number**2 for number in range(50)}


def test_each_of_many_tasks_runs_exactly_once(executor: Executor, tmp_path: Path) -> None:
    futures = [executor.submit(record, tmp_path, number) for number in range(300)]
    assert Counter(future.result(PATIENCE) for future in futures) == Counter(range(300))
    assert {int(path.name): path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(range(300), "ran\n")


def test_map_keeps_the_order_of_its_items(executor: Executor) -> None:
    assert list(executor.map(square, range(20))) == [number**2 for number in range(20)]


def test_finished_future_cannot_be_cancelled(executor: Executor) -> None:
    future = executor.submit(square, 3)
    future.result(PATIENCE)
    assert not future.cancel()


def test_pending_future_can_be_cancelled_and_never_runs(kind: str, executor: Executor, tmp_path: Path) -> None:
    if kind == "inline":
        pytest.skip("nothing is ever pending inline")
    gate = tmp_path / "gate"
    running = [executor.submit(wait_for_file, gate) for _ in range(4 * WORKERS)]
    last = executor.submit(record, tmp_path, 1)
    assert last.cancel()
    gate.touch()
    wait(running, PATIENCE)
    assert executor.submit(square, 2).result(PATIENCE) == 4
    assert last.cancelled()
    assert not (tmp_path / "1").exists()


def test_leaving_the_context_finishes_tasks_and_ends_every_worker(open_another: Open) -> None:
    before = set(descendants(os.getpid()))
    with open_another() as opened:
        futures = [opened.submit(os.getpid) for _ in range(20)]
    pids = {future.result(0) for future in futures} - {os.getpid()}
    assert not pids & before
    assert_all_end(pids)


def test_submit_after_shutdown_is_refused(open_another: Open) -> None:
    opened = open_another()
    opened.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        opened.submit(square, 1)


def test_shutdown_can_be_repeated(open_another: Open) -> None:
    opened = open_another()
    opened.shutdown(wait=False)
    opened.shutdown()
    opened.shutdown()


def test_shutdown_without_waiting_still_runs_what_was_submitted(open_another: Open) -> None:
    opened = open_another()
    futures = [opened.submit(square, number) for number in range(10)]
    opened.shutdown(wait=False)
    assert [future.result(PATIENCE) for future in futures] == [number**2 for number in range(10)]
    opened.shutdown()


def test_shutdown_cancels_pending_futures_on_request(kind: str, open_another: Open, tmp_path: Path) -> None:
    if kind == "inline":
        pytest.skip("nothing is ever pending inline")
    gate = tmp_path / "gate"
    opened = open_another()
    futures = [opened.submit(wait_for_file, gate) for _ in range(6 * WORKERS)]
    opened.shutdown(wait=False, cancel_futures=True)
    gate.touch()
    deadline = time.monotonic() + PATIENCE
    while not all(future.done() for future in futures):  # `wait` never returns for a future that a shutdown cancelled
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert futures[-1].cancelled()


@pytest.mark.parametrize("kind", ["processes", "ray"], indirect=True)
def test_worker_keeps_its_libraries_on_one_thread(executor: Executor) -> None:
    executor.submit(increment_in_place, np.zeros(1)).result(PATIENCE)  # loads numpy there
    assert executor.submit(number_of_threads).result(PATIENCE) <= {1}


@pytest.mark.parametrize("kind", ["processes", "ray"], indirect=True)
def test_worker_is_as_urgent_as_its_parent(executor: Executor) -> None:
    assert executor.submit(os.nice, 0).result(PATIENCE) == os.nice(0)


def test_imap_yields_every_index_with_its_result(executor: Executor) -> None:
    assert dict(imap(executor, square, range(40))) == {number: number**2 for number in range(40)}


def test_imap_of_nothing_is_empty(executor: Executor) -> None:
    assert list(imap(executor, square, [])) == []


def test_imap_takes_endless_items_a_bounded_number_ahead(executor: Executor) -> None:
    numbers = count()
    results = imap(executor, square, numbers)
    assert len({next(results)[0] for _ in range(10)}) == 10
    results.close()  # type: ignore[attr-defined]
    assert next(numbers) <= 10 + 2 * WORKERS * (MOST if isinstance(executor, RayExecutor) else 1)


def test_imap_raises_what_the_function_raised(executor: Executor) -> None:
    with pytest.raises(ValueError, match="three is refused"):
        list(imap(executor, refuse_three, range(1000)))


def test_imap_yields_in_order_of_completion() -> None:
    class Reversing(InlineExecutor):
        """Finishes the second task first."""

        first: Future[int] | None = None

        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            if self.first is None:
                self.first = Future()
                return self.first
            return super().submit(fn, *args, **kwargs)

    executor = Reversing()
    results = imap(executor, square, [2, 3])
    assert next(results) == (1, 9)
    assert executor.first is not None
    executor.first.set_result(4)
    assert list(results) == [(0, 4)]


def test_imap_cancels_what_has_not_started_when_one_fails() -> None:
    submitted: list[Future[int]] = []

    class Stalling(InlineExecutor):
        """Runs the first task; leaves the others pending."""

        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            submitted.append(Future() if submitted else super().submit(fn, *args, **kwargs))
            return submitted[-1]

    with pytest.raises(ValueError, match="three is refused"):
        list(imap(Stalling(), refuse_three, [3, 4, 5]))
    assert [future.cancelled() for future in submitted] == [False, True]


def test_imap_yields_finished_results_before_a_failure_seen_with_them() -> None:
    results = imap(InlineExecutor(), refuse_three, [3, 4])
    assert next(results) == (1, 4)
    with pytest.raises(ValueError, match="three is refused"):
        next(results)


def test_unknown_kind_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match='executor kind "threads" is not one of inline, processes, ray'):
        open_executor("threads", 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["inline", "processes", "ray"])
def test_no_workers_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="workers 0 is below its lower bound 1"):
        open_executor(kind, 0)  # type: ignore[arg-type]


def test_negative_retries_are_refused() -> None:
    with pytest.raises(ValueError, match="max_retries -1 is below its lower bound 0"):
        RayExecutor(1, max_retries=-1)
