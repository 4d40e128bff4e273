"""Every executor keeps the same promises; Ray keeps some of its own. One Ray serves this module, but for the test that ends one."""

import ipaddress
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from workers import InlineExecutor, ProcessExecutor, RayExecutor, TimeLimitError, WorkerDiedError, imap, open_executor
from workers.batches import MOST
from workers.limits import free_memory_mb

WORKERS = 2
PATIENCE = 60.0  # seconds until a wait counts as a hang; no test measures time

Open = Callable[..., Executor]


@pytest.fixture(scope="module")
def ray_executor() -> Iterator[RayExecutor]:
    with RayExecutor(WORKERS) as executor:
        yield executor


@pytest.fixture(scope="module", params=["inline", "processes", "ray"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def executor(kind: str, request: pytest.FixtureRequest) -> Iterator[Executor]:
    if kind == "ray":
        yield request.getfixturevalue("ray_executor")
    else:
        with open_executor(kind, WORKERS) as opened:  # type: ignore[arg-type]
            yield opened


@pytest.fixture
def open_another(kind: str, request: pytest.FixtureRequest) -> Open:
    """Open one more executor of the kind; on Ray it shares the module's connection and has workers of its own."""
    if kind == "ray":
        request.getfixturevalue("ray_executor")
    return lambda: open_executor(kind, WORKERS)  # type: ignore[arg-type]


def square(number: int) -> int:
    return number * number


def power(base: int, *, exponent: int) -> int:
    return int(base**exponent)


class TooThinError(Exception):
    """An exception with a state of its own."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(name, value)
        self.value = value


class AwkwardError(Exception):
    """An exception that pickles, but does not unpickle."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value}")


def raise_too_thin() -> None:
    raise TooThinError("thickness_um", 3.5)


def raise_awkward() -> None:
    raise AwkwardError("thickness_um", 3.5)


def refuse_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is refused")
    return number


def record(directory: Path, number: int) -> int:
    """Leave one line in the item's file for each time it runs."""
    with (directory / str(number)).open("a") as file:
        file.write("ran\n")
    return number


def record_or_fail(directory: Path, number: int) -> int:
    if number == 0:
        raise ValueError("item 0 is refused")
    return record(directory, number)


def wait_for_file(path: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()


def wait_for_others(directory: Path, number: int) -> int:
    """Hold this worker until as many others hold theirs."""
    (directory / str(os.getpid())).touch()
    deadline = time.monotonic() + PATIENCE
    while len(list(directory.iterdir())) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()


def touch_and_wait(directory: Path) -> int:
    (directory / "new").write_text(str(os.getpid()))
    (directory / "new").rename(directory / "begun")  # whoever sees it reads all of it
    return wait_for_file(directory / "never")


def hang_at_zero(directory: Path, number: int, gate: Path | None = None) -> int:
    if gate is not None:
        wait_for_file(gate)
    return number or touch_and_wait(directory)


def raise_timeout() -> None:
    raise TimeoutError("the furnace")


def increment_in_place(values: np.ndarray) -> np.ndarray:
    values += 1
    return values


def number_of_threads() -> set[int]:
    from threadpoolctl import threadpool_info

    return {library["num_threads"] for library in threadpool_info()}


def die_once(marker: Path) -> int:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return os.getpid()


def die_on_multiples_of_ten(directory: Path, number: int) -> int:
    with (directory / str(number)).open("a") as file:
        file.write("ran\n")
    if number % 10 == 0 and (directory / str(number)).read_text() == "ran\n":
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(root: int) -> dict[int, str]:
    """Return the running descendants of a process as pid to command line."""
    parents, commands = {}, {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(directory.name)] = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found - {root} if pid in commands and alive(pid)}


def listening_addresses(pids: set[int]) -> set[str]:
    """Return the local addresses on which the processes accept TCP connections."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = os.readlink(descriptor)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                packed = bytes.fromhex(fields[1].partition(":")[0])
                words = b"".join(packed[i : i + 4][::-1] for i in range(0, len(packed), 4))  # the kernel prints host order
                addresses.add(str(ipaddress.ip_address(words)))
    return addresses


def is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def assert_all_end(pids: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still running: {[pid for pid in pids if alive(pid)]}"
        time.sleep(0.02)


# Every executor


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


# One thread each


@pytest.mark.parametrize("kind", ["processes", "ray"], indirect=True)
def test_worker_keeps_its_libraries_on_one_thread(executor: Executor) -> None:
    executor.submit(increment_in_place, np.zeros(1)).result(PATIENCE)  # loads numpy there
    assert executor.submit(number_of_threads).result(PATIENCE) <= {1}


@pytest.mark.parametrize("kind", ["processes", "ray"], indirect=True)
def test_worker_is_as_urgent_as_its_parent(executor: Executor) -> None:
    assert executor.submit(os.nice, 0).result(PATIENCE) == os.nice(0)


# imap


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


# Refused arguments


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


# Ray


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("127.0.0.1:1", 'ConnectionError: no Ray cluster answers at "127.0.0.1:1"'),
        ("ray://127.0.0.1:10001", 'ValueError: Ray address "ray://127.0.0.1:10001" is not "host:port"'),
        ("cluster", 'ValueError: Ray address "cluster" is not "host:port"'),
        ("auto", 'ConnectionError: no Ray cluster answers at "127.0.0.1:2"'),
    ],
)
def test_useless_address_is_refused_at_once(address: str, error: str) -> None:
    script = f"import workers; workers.RayExecutor(1, address='{address}')"
    environment = os.environ | {"RAY_ADDRESS": "127.0.0.1:2"}  # what "auto" means
    answer = subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert error in answer.stderr


@pytest.fixture(params=["processes", "ray"])
def isolated(request: pytest.FixtureRequest) -> Open:
    """Open an executor whose tasks run in processes of their own, one that can be lost."""
    if request.param == "ray":
        request.getfixturevalue("ray_executor")
    return lambda **options: open_executor(request.param, WORKERS, **options)


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


class Killer:
    """A picklable function of one item that kills its worker under every tenth, once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, number: int) -> int:
        return die_on_multiples_of_ten(self.directory, number)


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


def test_task_beyond_its_time_limit_is_ended_and_its_worker_serves_on(isolated: Open, tmp_path: Path) -> None:
    with isolated(time_limit_s=8.0) as opened:
        stuck = opened.submit(touch_and_wait, tmp_path)
        with pytest.raises(TimeLimitError, match=r"task touch_and_wait\(.*\) ran longer than its limit of 8 s and was ended"):
            stuck.result(PATIENCE)
        assert_all_end({int((tmp_path / "begun").read_text())})
        assert [opened.submit(square, n).result(PATIENCE) for n in range(4)] == [0, 1, 4, 9]


def test_timeout_that_a_task_raises_is_its_own(isolated: Open) -> None:
    with isolated(time_limit_s=30.0) as opened, pytest.raises(TimeoutError, match="the furnace"):
        opened.submit(raise_timeout).result(PATIENCE)


def test_limit_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be kept inline"):
        open_executor("inline", 1, time_limit_s=1.0)
    with pytest.raises(ValueError, match="time limit 0 s is not above 0"):
        open_executor("processes", 1, time_limit_s=0.0)


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
        "import sys; from pathlib import Path; from workers import ProcessExecutor; from tests.workers.test_executors import touch_and_wait\n"
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


def test_ray_knows_a_running_task_by_its_name(ray_executor: RayExecutor) -> None:
    assert ray_executor.submit(own_name, "recipe 85:5").result(PATIENCE) == "own_name('recipe 85:5')"


def own_name(recipe: str) -> str:
    import ray

    return str(ray.get_runtime_context().get_task_name())


def test_worker_keeps_between_tasks_what_it_has_built(isolated: Open) -> None:
    with isolated() as opened:
        found = [opened.submit(build_once).result(PATIENCE) for _ in range(12)]
    assert sorted(n for _, n in found) == sorted(i for pid in {pid for pid, _ in found} for i in range(1, 1 + sum(p == pid for p, _ in found)))


def build_once(kept: list[int] = []) -> tuple[int, int]:  # noqa: B006
    """Return this process and how often it has run this function."""
    kept.append(0)
    return os.getpid(), len(kept)


# Memory


def test_workers_that_do_not_fit_into_memory_are_refused() -> None:
    for kind in ("processes", "ray"):
        with pytest.raises(ValueError, match=r"2 workers of 900000000 MB need 1800000000 MB, and \d+ MB are free here; open at most 0, or say"):
            open_executor(kind, 2, memory_mb=9e8)
        with pytest.raises(ValueError, match="memory 0 MB of a worker is not above 0"):
            open_executor(kind, 2, memory_mb=0.0)


@pytest.mark.parametrize(("allowed", "free"), [("max", 2000.0), ("1500000000", 1500.0 - 900.0 + 200.0), ("9000000000", 2000.0)])
def test_free_memory_is_that_of_the_container_if_it_has_less(allowed: str, free: float, tmp_path: Path) -> None:
    assert free_memory_mb(tmp_path) == float("inf")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n")
    (group / "memory.max").write_text(f"{allowed}\n")
    (group / "memory.current").write_text("900000000\n")
    (group / "memory.stat").write_text("anon 700000000\nfile 200000000\n")
    assert free_memory_mb(tmp_path) == pytest.approx(free)


def test_exception_names_its_worker_and_shows_the_remote_traceback(ray_executor: RayExecutor) -> None:
    error = ray_executor.submit(raise_too_thin).exception(PATIENCE)
    assert error is not None
    assert "in Ray worker" in error.__notes__[0]
    assert "in raise_too_thin" in error.__notes__[0]


def test_exception_that_does_not_unpickle_is_described(ray_executor: RayExecutor) -> None:
    with pytest.raises(RuntimeError, match=r"AwkwardError, which cannot be pickled: thickness_um is 3\.5"):
        ray_executor.submit(raise_awkward).result(PATIENCE)


def test_result_that_cannot_be_pickled_is_an_exception(ray_executor: RayExecutor) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        ray_executor.submit(iter_lock).result(PATIENCE)
    assert ray_executor.submit(square, 3).result(PATIENCE) == 9


def iter_lock() -> object:
    import threading

    return threading.Lock()


def test_argument_that_cannot_be_pickled_is_an_exception(ray_executor: RayExecutor) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        ray_executor.submit(id, iter_lock()).result(PATIENCE)


def test_another_cluster_is_refused_while_connected(ray_executor: RayExecutor) -> None:
    with pytest.raises(ValueError, match=r'Ray address "192\.0\.2\.1:6379" differs from "127\.0\.0\.1:'):
        RayExecutor(1, address="192.0.2.1:6379")


def test_local_ray_listens_on_loopback_only(ray_executor: RayExecutor) -> None:
    ray_executor.submit(square, 1).result(PATIENCE)
    addresses = listening_addresses({os.getpid(), *descendants(os.getpid())})
    assert addresses
    assert [address for address in addresses if not is_loopback(address)] == []


def test_local_ray_has_no_dashboard(ray_executor: RayExecutor) -> None:
    import ray

    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")
    assert not ray._private.worker._global_node.webui_url


@pytest.mark.parametrize("credentials", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "wrong"}], ids=["none", "wrong"])
def test_local_ray_refuses_a_client_without_its_token(ray_executor: RayExecutor, credentials: dict[str, str]) -> None:
    import ray

    script = f"from ray._raylet import GcsClient; GcsClient(address='{ray.get_runtime_context().gcs_address}').get_all_node_info(timeout={PATIENCE})"
    answer = subprocess.run([sys.executable, "-c", script], env=os.environ | credentials, capture_output=True, text=True, timeout=PATIENCE)
    assert "AuthenticationError: RPC error: InvalidAuthToken" in answer.stderr


def test_token_is_not_left_in_the_environment(ray_executor: RayExecutor) -> None:
    assert not [name for name in os.environ if name.startswith("RAY_AUTH")]


def test_handler_of_sigterm_is_left_alone(ray_executor: RayExecutor) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_executor_that_started_ray_ends_it_all_and_prints_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys, workers
        from pathlib import Path
        assert "ray" not in sys.modules
        with workers.RayExecutor(1) as executor:
            executor.submit(os._exit, 1).exception()
            import ray
            directory = Path(ray._private.worker._global_node.get_temp_dir_path())
            assert directory.parent.stat().st_mode & 0o077 == 0
        print(directory.parent.exists(), ray.is_initialized(), flush=True)
        sys.stdin.read()
    """)
    errors = tmp_path / "stderr"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script],
            env=os.environ | {"WORKERS_TEST": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as driver,
    ):
        assert driver.stdout is not None
        line = driver.stdout.readline()
        assert_all_end(marked(f"WORKERS_TEST={tmp_path}") - {driver.pid})
        rest, _ = driver.communicate(timeout=PATIENCE)
    assert (errors.read_text(), line, rest, driver.returncode) == ("", "False False\n", "", 0)


def marked(setting: str) -> set[int]:
    """Return the running processes that inherited an environment variable, whoever their parent now is."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if setting.encode() in (directory / "environ").read_bytes().split(b"\0"):
                found.add(int(directory.name))
        except OSError:
            continue
    return found
