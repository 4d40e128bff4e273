"""The queue of tasks: short ones are taken together, each once, and a worker leaves the others their share."""

from typing import Any

import pytest

from workers.batches import LATELY, MOST, Running, Task, Waiting


def short(number: int) -> int:
    return number


def other(number: int) -> int:
    return number


def task(fn: Any, number: int) -> Task:
    return Task(fn, (number,), {}, 3, Running())


def queue(workers: int, seconds: float, numbers: int, batch_s: float = 0.05) -> Waiting:
    """Return a queue of tasks of which others have taken ``seconds`` each."""
    waiting = Waiting(workers, batch_s)
    for _ in range(LATELY):
        waiting.measured(task(short, 0).kind, seconds)
    for number in range(numbers):
        waiting.put(task(short, number))
    return waiting


def taken(waiting: Waiting) -> list[int]:
    return [int(str(one.args[0])) for one in waiting.take()]


@pytest.mark.parametrize(("seconds", "together"), [(1.0, 1), (0.051, 1), (0.02, 2), (0.005, 10), (0.0, MOST)])
def test_batch_is_a_short_piece_of_work(seconds: float, together: int) -> None:
    waiting = queue(1, seconds, 200)
    assert waiting.size == together
    assert taken(waiting) == list(range(together))
    assert taken(waiting) == list(range(together, 2 * together))


def test_worker_leaves_the_others_their_share() -> None:
    waiting = queue(4, 0.001, 10)
    found = [taken(waiting) for _ in range(6)]
    assert found == [[0, 1, 2], [3, 4], [5, 6], [7], [8], [9]]
    assert taken(waiting) == []


def test_unknown_tasks_are_taken_singly_until_enough_are_measured() -> None:
    waiting = queue(1, 0.001, 3)
    waiting.put(task(other, 7))
    waiting.put(task(other, 8))
    assert [taken(waiting) for _ in range(3)] == [[0, 1, 2], [7], [8]]


def test_one_long_task_ends_the_batches_for_a_while() -> None:
    waiting = queue(1, 0.001, 5)
    kind = task(short, 0).kind
    waiting.measured(kind, 2.0)
    assert (waiting.size, taken(waiting)) == (1, [0])
    for _ in range(LATELY):
        waiting.measured(kind, 0.001)
    assert taken(waiting) == [1, 2, 3, 4]
    waiting.forget(kind)
    assert waiting.size == 1


def test_cancelled_tasks_are_passed_over() -> None:
    waiting = Waiting(1, 0.05)
    tasks = [task(short, number) for number in range(3)]
    for one in tasks:
        waiting.put(one)
    assert tasks[0].future.cancel()
    assert taken(waiting) == [1]
    tasks[1].future.settle(1)
    assert not tasks[1].future.cancel()
    waiting.cancel()
    assert tasks[2].future.cancelled()
    assert taken(waiting) == []


def test_nothing_is_taken_together_where_nothing_may_run_twice() -> None:
    assert taken(queue(1, 0.001, 5, batch_s=0.0)) == [0]


def test_cancelling_a_running_task_ends_its_worker_once_and_what_came_of_it_counts_no_more() -> None:
    waiting, ended = Waiting(1, 0.05), list[str]()
    one = task(short, 0)
    waiting.put(one)
    assert (one.future.running(), taken(waiting), one.future.running()) == (False, [0], True)
    assert one.future.on(lambda: ended.append("worker"))
    one.future.add_done_callback(lambda future: future.cancel())
    assert one.future.cancel()
    assert one.future.cancel()
    assert (ended, one.future.running(), one.future.on(None)) == (["worker"], False, False)
    one.future.settle(1)
    assert one.future.cancelled()


def test_cancelled_task_that_left_its_worker_ends_none() -> None:
    one, ended = task(short, 0).future, list[str]()
    one.on(lambda: ended.append("worker"))
    one.on(None)
    assert one.cancel()
    assert ended == []
