"""Ray clusters of several local nodes for tests: loopback only, with a token, and, if wanted, nodes where glittercake is not installed."""

from __future__ import annotations

import os
import secrets
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NODE = {"num_cpus": 2, "object_store_memory": 100_000_000}

# What starts a cluster and holds it until its stdin closes. The switch keeps the nodes on loopback: see workers.ray_cluster.
HOLD = f"""
import sys
from ray._private import ray_constants
ray_constants.ENABLE_RAY_CLUSTER = False
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={{**{NODE}, "include_dashboard": False}})
try:
    for _ in range(int(sys.argv[1]) - 1):
        cluster.add_node(**{NODE})
    cluster.wait_for_nodes(timeout=60)
    print(cluster.address, flush=True)
    sys.stdin.read()
finally:
    cluster.shutdown()
"""


@contextmanager
def cluster_environment() -> Iterator[None]:
    """Set what nodes and drivers of a test's cluster have to know: a fresh token, no statistics, loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        yield


@contextmanager
def local_cluster() -> Iterator[Any]:
    """Run a cluster of one node in this process's Python and yield it, to add nodes to and take them away."""
    from workers.ray_cluster import fresh_authentication

    with cluster_environment(), pytest.MonkeyPatch.context() as patch:
        from ray._private import ray_constants
        from ray.cluster_utils import Cluster

        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        with fresh_authentication():  # Ray may have been used in this process, and remembers how
            opened = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
            try:
                yield opened
            finally:
                opened.shutdown()


@contextmanager
def bare_cluster(folder: Path, nodes: int) -> Iterator[str]:
    """Run nodes whose Python has Ray and the third-party packages but not ours, and yield the cluster's address.

    Skips where our packages lie among the third-party ones, as they do when installed from a wheel.
    """
    venv.create(folder / "bare", with_pip=False, symlinks=True)
    python = folder / "bare" / "bin" / "python"
    (site,) = (folder / "bare").glob("lib/python*/site-packages")
    (site / "third_party.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")  # its own .pth files, an editable one say, are not read
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    with cluster_environment():
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        for package in ("optimizer", "workers", "configs"):
            if subprocess.run([python, "-c", f"import {package}"], cwd=elsewhere, env=environment, capture_output=True, check=False).returncode == 0:
                pytest.skip(f"{package} lies among the third-party packages, so no Python here is without it")
        with (
            (folder / "cluster.log").open("w", encoding="utf-8") as log,
            subprocess.Popen(
                [python, "-c", HOLD, str(nodes)],
                cwd=elsewhere,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as holder,
        ):
            assert holder.stdin is not None
            assert holder.stdout is not None
            try:
                address = next((line.strip() for line in holder.stdout if line.startswith("127.0.0.1:")), "")
                assert address, (folder / "cluster.log").read_text(encoding="utf-8")
                yield address
            finally:
                holder.stdin.close()
                holder.wait(60)
