"""Workers die, tasks are cancelled, results cannot be sent: every task still counts once, and the others go on."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor
from pathlib import Path

import pytest

from tests.workers.conftest import WORKERS, Open
from tests.workers.processes import assert_all_end
from tests.workers.tasks import (
    PATIENCE,
    Killer,
    build_once,
    die_once,
    hang_at_zero,
    raise_timeout,
    square,
    touch_and_wait,
    wait_for_file,
    wait_for_others,
)
from workers import ProcessExecutor, RayExecutor, WorkerDiedError, WorkerStartError, imap


def test_task_whose_worker_died_is_tried_again_and_counted_once(isolated: Open, tmp_path: Path) -> None:
    with isolated() as opened:
        check_retry(opened, tmp_path)


def check_retry(opened: Executor, tmp_path: Path) -> None:
    assert opened.submit(die_once, tmp_path / "marker").result(PATIENCE) != os.getpid()
    assert (tmp_path / "marker").exists()


def test_every_task_is_counted_once_while_workers_are_killed(isolated: Open, tmp_path: Path) -> None:
    with isolated() as opened:
        results = list(imap(opened, Killer(tmp_path), range(25)))
    assert sorted(results) == [(number, number) for number in range(25)]
    runs = {int(path.name): path.read_text().count("ran") for path in tmp_path.iterdir()}
    least = {number: 2 if number % 10 == 0 else 1 for number in range(25)}
    if isinstance(opened, RayExecutor):  # what was sent together with a killer ran again with it
        assert runs.keys() == least.keys()
        assert all(runs[number] >= least[number] for number in least)
    else:
        assert runs == least


def test_task_that_always_kills_its_worker_fails_with_a_clear_error(ray_executor: RayExecutor) -> None:
    with RayExecutor(1, max_retries=1) as opened:
        future = opened.submit(os._exit, 1)
        with pytest.raises(WorkerDiedError, match=r"task _exit\(1\) lost its worker 2 times \(max_retries 1\)"):
            future.result(PATIENCE)
        assert opened.submit(square, 3).result(PATIENCE) == 9


def test_task_that_always_kills_its_process_fails_alone() -> None:
    with ProcessExecutor(1, max_retries=1) as opened:
        doomed, fine = opened.submit(os._exit, 1), opened.submit(square, 3)
        with pytest.raises(WorkerDiedError, match=r"task _exit\(1\) lost its worker 2 times \(max_retries 1\), the last with exit code 1"):
            doomed.result(PATIENCE)
        assert fine.result(PATIENCE) == 9


UNGUARDED = """
from workers import ProcessExecutor, WorkerStartError

with ProcessExecutor(1) as opened:
    future = opened.submit(abs, -1)
    try:
        print("returned", future.result())
    except WorkerStartError as error:
        print("refused:", error)
"""


def test_script_that_every_worker_runs_again_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(UNGUARDED, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, tmp_path / "unguarded.py"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ran.returncode == 0, ran.stderr
    assert "worker processes in a row ended before they were ready" in ran.stdout
    assert "if __name__ == '__main__':" in ran.stdout


def test_worker_that_dies_of_its_task_was_ready_for_it() -> None:
    with ProcessExecutor(1, max_retries=0) as opened:
        error = opened.submit(os._exit, 1).exception(PATIENCE)
    assert isinstance(error, WorkerDiedError)
    assert not isinstance(error, WorkerStartError)


def test_running_task_can_be_cancelled(isolated: Open, tmp_path: Path) -> None:
    with isolated() as opened:
        future = opened.submit(touch_and_wait, tmp_path)
        wait_for_file(tmp_path / "begun")
        assert future.cancel()
        assert_all_end({int((tmp_path / "begun").read_text())})
        assert future.cancelled()
        (tmp_path / "together").mkdir()
        others = [opened.submit(wait_for_others, tmp_path / "together", WORKERS) for _ in range(WORKERS)]
        assert len({other.result(PATIENCE) for other in others}) == WORKERS  # its place is free again


def test_task_cancelled_in_a_batch_costs_the_others_nothing(ray_executor: RayExecutor, tmp_path: Path) -> None:
    with RayExecutor(1, max_retries=1) as opened:
        for _ in range(3):  # more often than a task may be tried
            while opened.batch < 4:
                opened.submit(hang_at_zero, tmp_path, 1).result(PATIENCE)
            (tmp_path / "begun").unlink(missing_ok=True)
            (tmp_path / "gate").unlink(missing_ok=True)
            first = opened.submit(hang_at_zero, tmp_path, 1, tmp_path / "gate")
            hangs, *others = [opened.submit(hang_at_zero, tmp_path, number) for number in range(8)]
            (tmp_path / "gate").touch()
            wait_for_file(tmp_path / "begun")
            assert hangs.cancel()
            assert [other.result(PATIENCE) for other in (first, *others)] == [1, *range(1, 8)]


def test_workers_that_died_idle_do_not_exhaust_the_retries_of_a_task(ray_executor: RayExecutor, tmp_path: Path) -> None:
    with RayExecutor(3, max_retries=1) as opened:
        futures = [opened.submit(wait_for_others, tmp_path, 3) for _ in range(3)]
        pids = {future.result(PATIENCE) for future in futures}
        assert len(pids) == 3
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert_all_end(pids)
        assert opened.submit(square, 3).result(PATIENCE) == 9


def test_process_that_was_killed_with_nothing_to_do_is_replaced() -> None:
    with ProcessExecutor(1, max_retries=0) as opened:
        for _ in range(3):
            idle = opened.submit(os.getpid).result(PATIENCE)
            os.kill(idle, signal.SIGKILL)
            assert_all_end({idle})
            assert opened.submit(square, 3).result(PATIENCE) == 9


def test_process_killed_before_it_began_costs_the_task_no_try() -> None:
    with ProcessExecutor(1, max_retries=0) as opened:
        future = opened.submit(len, bytes(50_000_000))  # more than a pipe holds: the worker dies with a part of it
        while not (children := multiprocessing.active_children()):
            time.sleep(0.001)
        children[0].kill()
        assert future.result(PATIENCE) == 50_000_000


def test_processes_end_with_the_one_that_opened_them_in_the_middle_of_a_task(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from workers import ProcessExecutor; from tests.workers.tasks import touch_and_wait\n"
        "if __name__ == '__main__':\n"
        "    ProcessExecutor(1).submit(touch_and_wait, Path(sys.argv[1])).result()"
    )
    (tmp_path / "main.py").write_text(script, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "main.py"), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment) as opener:
        wait_for_file(tmp_path / "begun")
        opener.kill()
    assert_all_end({int((tmp_path / "begun").read_text())})


def test_process_pool_that_nobody_shuts_down_lets_the_program_end(tmp_path: Path) -> None:
    script = "from workers import ProcessExecutor\nif __name__ == '__main__':\n    print(ProcessExecutor(1).submit(abs, -3).result())"
    (tmp_path / "main.py").write_text(script, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-W", "error", str(tmp_path / "main.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "3\n", "")


def test_result_that_cannot_be_sent_is_an_error_of_its_task_alone() -> None:
    with ProcessExecutor(1) as opened:
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            opened.submit(threading.Lock).result(PATIENCE)
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            opened.submit(len, threading.Lock()).result(PATIENCE)  # type: ignore[arg-type]
        assert opened.submit(square, 3).result(PATIENCE) == 9


def test_exception_of_a_process_shows_where_it_was_raised() -> None:
    with ProcessExecutor(1) as opened, pytest.raises(TimeoutError) as caught:
        opened.submit(raise_timeout).result(PATIENCE)
    assert "in raise_timeout" in caught.value.__notes__[0]


def test_log_names_the_task_whose_worker_is_lost(ray_executor: RayExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RayExecutor(1) as opened, caplog.at_level("INFO", logger="workers"):
        opened.submit(die_once, tmp_path / "marker").result(PATIENCE)
    assert [record.message for record in caplog.records if f"task die_once({tmp_path / 'marker'!r}) lost its worker" in record.message]


def test_worker_keeps_between_tasks_what_it_has_built(isolated: Open) -> None:
    with isolated() as opened:
        found = [opened.submit(build_once).result(PATIENCE) for _ in range(12)]
    assert sorted(n for _, n in found) == sorted(i for pid in {pid for pid, _ in found} for i in range(1, 1 + sum(p == pid for p, _ in found)))
