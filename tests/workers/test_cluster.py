"""A real cluster of several local nodes: a node is removed and workers are killed at random, and every task counts once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import NODE, bare_cluster, local_cluster
from workers import RayExecutor, imap

TASKS = 1000
KILLS = 12  # workers killed on the way
TASK_SECONDS = 0.02


class Work:
    """A picklable task: leaves its process id, works a little, returns its square."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, number: int) -> int:
        (self.directory / str(os.getpid())).touch()
        time.sleep(TASK_SECONDS)
        return number * number


@pytest.fixture
def cluster() -> Iterator[Any]:
    with local_cluster() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thousand_tasks_survive_a_lost_node_and_killed_workers(cluster: Any, tmp_path: Path) -> None:
    assert cluster.address.startswith("127.0.0.1:")
    second = cluster.add_node(**NODE)
    cluster.wait_for_nodes(timeout=60)
    rng = random.Random(0)
    done: list[tuple[int, int]] = []
    stop = threading.Event()
    killed: list[int] = []

    def harm() -> None:
        removed = False
        while not stop.wait(0.3):
            if not removed and len(done) > TASKS // 4:
                cluster.remove_node(second, allow_graceful=False)
                removed = True
            workers = [int(path.name) for path in tmp_path.iterdir()]
            alive = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
            if alive and len(killed) < KILLS:
                victim = rng.choice(alive)
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

    with RayExecutor(4, address=cluster.address, max_retries=20) as executor:
        saboteur = threading.Thread(target=harm)
        saboteur.start()
        try:
            for pair in imap(executor, Work(tmp_path), range(TASKS)):
                done.append(pair)
        finally:
            stop.set()
            saboteur.join()
    assert sorted(done) == [(number, number * number) for number in range(TASKS)]
    assert len(killed) >= 3


@pytest.mark.slow
def test_batches_survive_killed_workers_and_count_once(cluster: Any, tmp_path: Path) -> None:
    """Tasks of a few milliseconds travel together, and are still counted one by one."""
    killed: list[int] = []
    with RayExecutor(2, address=cluster.address, max_retries=20) as executor:
        done: list[tuple[int, int]] = []
        sizes = set[int]()
        for pair in imap(executor, Quick(tmp_path), range(4 * TASKS)):
            done.append(pair)
            sizes.add(executor.batch)
            if len(done) % 1000 == 500:
                alive = [int(path.name) for path in tmp_path.iterdir() if Path(f"/proc/{path.name}").exists()]
                killed.append(alive[0])
                os.kill(alive[0], signal.SIGKILL)
    assert sorted(done) == [(number, -number) for number in range(4 * TASKS)]
    assert len(killed) == 4
    assert max(sizes) > 1


class Quick:
    """A picklable task of next to no work."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, number: int) -> int:
        (self.directory / str(os.getpid())).touch()
        return -number


WHERE = """
import sys
from workers import RayExecutor
from workers.ray_cluster import leave

def look(name, file):
    from importlib import import_module
    from importlib.resources import files
    return import_module(name).__file__, files(name).joinpath(file).is_file()

with RayExecutor(2, address=sys.argv[1], packages=("configs", "objectives", "optimizer")) as executor:
    for name, file in (("configs", "ncm811-lpscl.toml"), ("workers", "py.typed"), ("optimizer", "py.typed"), ("objectives", "py.typed")):
        print(*executor.submit(look, name, file).result(100))
"""


@pytest.mark.slow
def test_code_and_data_reach_nodes_that_have_not_installed_them(tmp_path: Path) -> None:
    with bare_cluster(tmp_path, nodes=1) as address:
        program = [sys.executable, "-c", WHERE, address]
        answer = subprocess.run(program, cwd=tmp_path / "elsewhere", capture_output=True, text=True, timeout=200, check=False)
    assert answer.returncode == 0, answer.stderr
    found = [line.split() for line in answer.stdout.splitlines()]
    assert len(found) == 4
    for file, data in found:
        assert "py_modules_files" in file
        assert data == "True"


@pytest.mark.slow
def test_memory_that_no_node_has_is_refused(cluster: Any) -> None:
    with pytest.raises(ValueError, match=r"memory of a worker must fit a node of the cluster, whose largest has \d+ MB, got 900000000 MB"):
        RayExecutor(1, address=cluster.address, memory_mb=9e8)
    with RayExecutor(1, address=cluster.address, memory_mb=50.0) as executor:
        assert executor.submit(abs, -3).result(100) == 3
        assert executor.submit(reserved).result(100) == 50e6


def reserved() -> float:
    import ray

    return float(ray.get_runtime_context().get_assigned_resources()["memory"])
