"""Many writers at once, on both databases: no error, nothing lost, nothing twice, no recipe given to two."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock, Thread

import pytest

from objectives.cell import Measured
from optimizer.store import By, ConflictError, Observation, Report, Told
from optimizer.store.turns import MOST_SHARED, FileTurn, Job, SharedCommits, Turns
from tests.optimizer.store.conftest import TEXT, Lab, measured, recipe

WRITERS = 64


def together(run: Callable[[int], object], number: int = WRITERS) -> None:
    """Run a function in threads that begin at one moment, and raise what any of them raised."""
    barrier = Barrier(number)

    def begin(i: int) -> None:
        barrier.wait()
        run(i)

    with ThreadPoolExecutor(number) as pool:
        for done in [pool.submit(begin, i) for i in range(number)]:
            done.result()


def test_writers_at_once_lose_and_double_nothing(lab: Lab) -> None:
    def write(writer: int) -> None:
        for i in range(5):
            lab.tell(Report(measured(80.0, name=f"{writer}.{i}")), who=f"{writer}")

    together(write)
    kept = lab.store.observations.page(lab.name, limit=None)
    assert {one.observation.name for one in kept} == {f"{writer}.{i}" for writer in range(WRITERS) for i in range(5)}
    assert [one.told.number for one in kept] == [one.told.replicate for one in kept] == list(range(1, 5 * WRITERS + 1))


def test_askers_at_once_have_different_recipes(lab: Lab) -> None:
    def ask(caller: int) -> None:
        for i in range(3):
            (trial,) = lab.ask(f"caller {caller}")
            (again,) = lab.ask(f"caller {caller}")
            assert again.number == trial.number
            if i < 2:
                lab.tell(Report(measured(float(trial.recipe["am_wt"])), trial.number), who=f"caller {caller}")

    together(ask, 16)
    trials = lab.store.trials.page(lab.name, limit=None)
    assert len({trial.recipe["am_wt"] for trial in trials}) == len(trials) == 48
    assert sorted(str(trial.holder) for trial in trials if trial.state == "running") == sorted(f"caller {i}" for i in range(16))


def test_one_key_at_once_has_one_effect(lab: Lab) -> None:
    answers: list[list[Told]] = []
    together(lambda _: answers.append(lab.tell(Report(measured(80.0)), key=f"{lab.name} one")), 16)
    assert answers == [answers[0]] * 16
    assert len(lab.store.observations.page(lab.name)) == 1


def test_one_name_at_once_is_created_once(lab: Lab) -> None:
    outcomes: list[str] = []

    def create(i: int) -> None:
        try:
            lab.store.campaigns.create(By(f"{i}"), TEXT, f"{lab.name} same")
        except ConflictError:
            outcomes.append("refused")
        else:
            outcomes.append("created")

    together(create, 8)
    assert sorted(outcomes) == ["created", *["refused"] * 7]


def test_refused_write_harms_no_other_of_its_commit(lab: Lab) -> None:
    def write(writer: int) -> None:
        if writer % 2:
            with pytest.raises(ValueError, match="porosity must be at least 0 and at most"):
                lab.tell(Report(measured(80.0)), Report(Observation(recipe(80.0), {"porosity": Measured(12.0)})))
        else:
            lab.tell(Report(measured(80.0, name=f"{writer}")))

    together(write, 16)
    assert len(lab.store.observations.page(lab.name)) == 8
    assert lab.store.campaigns.get(lab.name).version == 9


def test_turns_go_to_whom_waits_longest() -> None:
    turns = Turns()
    order: list[int] = []

    def wait(i: int) -> None:
        with turns.mine():
            order.append(i)

    with turns.mine():
        threads = []
        for i in range(8):
            threads.append(Thread(target=wait, args=(i,)))
            threads[-1].start()
            while len(turns._waiting) <= i:
                pass
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_waiting_writers_share_a_commit_in_their_order() -> None:
    commits: list[list[int]] = []
    gate = Lock()

    def commit(jobs: list[Job]) -> None:
        with gate:
            for job in jobs:
                job.answer = job.run(None)
            commits.append([job.answer for job in jobs])

    shared = SharedCommits(commit)  # type: ignore[arg-type]
    answers: dict[int, int] = {}
    threads = [Thread(target=lambda i=i: answers.__setitem__(i, shared.do(lambda _: i))) for i in range(100)]
    with gate:
        threads[0].start()
        while shared._queue or not shared._leading:
            pass
        for i, thread in enumerate(threads[1:], start=1):
            thread.start()
            while len(shared._queue) < i:
                pass
    for thread in threads:
        thread.join()
    assert answers == {i: i for i in range(100)}
    assert commits == [[0], list(range(1, MOST_SHARED + 1)), list(range(MOST_SHARED + 1, 100))]


def test_stopped_process_keeps_no_writer_out_for_ever(tmp_path: Path) -> None:
    first, second = FileTurn(tmp_path / "turn", 0.05), FileTurn(tmp_path / "turn", 0.05)
    with first.mine(), second.mine():
        pass  # went on without, after its patience
    assert second._take()
    first.close()
    second.close()
    with FileTurn(tmp_path / "no" / "such" / "folder").mine():
        pass


def test_commit_that_fails_fails_every_write_of_it() -> None:
    def commit(jobs: list[Job]) -> None:
        raise OSError("the disk is gone")

    shared = SharedCommits(commit)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            shared.do(lambda _: None)
