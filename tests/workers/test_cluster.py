"""A real cluster of several local nodes: a node is removed and workers are killed at random, and every task counts once."""

from __future__ import annotations

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workers import RayExecutor, imap
from workers.ray_executor import _fresh_authentication

TASKS = 1000
KILLS = 12  # workers killed on the way
TASK_SECONDS = 0.02
NODE = {"num_cpus": 2, "object_store_memory": 100_000_000}


class Work:
    """A picklable task: leaves its process id, works a little, returns its square."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, number: int) -> int:
        (self.directory / str(os.getpid())).touch()
        time.sleep(TASK_SECONDS)
        return number * number


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # keeps the nodes on loopback: see workers.ray_executor
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
    with _fresh_authentication():  # Ray may have been used in this process, and remembers how
        opened = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            yield opened
        finally:
            opened.shutdown()


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
