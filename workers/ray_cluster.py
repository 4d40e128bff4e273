"""This process's one connection to Ray: a local one that nobody else can reach, or a cluster, to which our packages are sent."""

import importlib
import importlib.util
import ipaddress
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from workers.limits import ONE_THREAD, check_memory

logger = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 100_000_000
"""Shared memory of a local Ray; results pass through it one at a time, and Ray's floor is 75 MB."""

CONNECT_SECONDS = 10.0
"""Patience with a cluster's address; ample for a handshake between continents."""

# A process has one connection to Ray, so its executors share it; the last one closes it if the first one opened it.
_lock = threading.Lock()
_users = 0
_opened = ExitStack()
_local = False


def join(workers: int, address: str | None, packages: Sequence[str], memory_mb: float | None) -> dict[str, Any]:
    """Join or open the process's connection to Ray and return the options of an actor on it.

    Raises:
        ValueError: If the address is malformed, the process connected to another one, or memory short.
        ConnectionError: If no cluster answers.
    """
    global _users, _local
    import ray

    address = _resolved(address)
    if address is None:
        check_memory(workers, memory_mb)
    with _lock:
        if ray.is_initialized():
            current = ray.get_runtime_context().gcs_address
            if address not in (None, current):
                raise ValueError(f'Ray address "{address}" differs from "{current}", where this process is connected; shut that executor down first')
        else:
            with ExitStack() as stack:
                stack.enter_context(fresh_authentication())
                if address is None:
                    _start_local(stack, workers)
                else:
                    _check_answers(address)
                    _init(address=address, runtime_env={"py_modules": _folders(packages), "env_vars": ONE_THREAD})
                    stack.callback(ray.shutdown)
                _opened.push(stack.pop_all())
            _local = address is None
        _users += 1
        if not _local and memory_mb is not None:
            try:
                _check_nodes(memory_mb)
            except ValueError:
                _leave()
                raise
        # A local node has no other use: reserving its CPUs would only keep a second executor out. Its processes inherit the
        # thread limit, which starts them sooner than a runtime environment does.
        if _local:
            return {"num_cpus": 0}
        placement = {"num_cpus": 1, "runtime_env": {"env_vars": ONE_THREAD}}
        return placement if memory_mb is None else {**placement, "memory": int(memory_mb * 1e6)}


def leave() -> None:
    """Leave the connection; the last to leave closes it if this module opened it."""
    with _lock:
        _leave()


def _leave() -> None:
    global _users, _local
    _users -= 1
    if _users == 0:
        _local = False
        _opened.close()


def _resolved(address: str | None) -> str | None:
    """Return the address meant: None for a Ray of this process's own, and where ``auto`` finds a cluster."""
    if address in (None, "", "local"):
        return None
    if address != "auto":
        return address
    if named := os.environ.get("RAY_ADDRESS"):
        return named
    from ray._private import services

    found = sorted(services.find_gcs_addresses())
    if len(found) != 1:
        raise ConnectionError(
            f'Ray address "auto" needs one cluster on this machine, found {", ".join(found) or "none"}; give its "host:port", or join one here with '
            "`ray start --address=host:port`"
        )
    return str(found[0])


def _folders(packages: Sequence[str]) -> list[str]:
    """Return where packages are installed, data files and all; nodes unpack copies of them and import these first."""
    specs = [importlib.util.find_spec(name) for name in dict.fromkeys(("workers", *packages))]
    return [folder for spec in specs if spec is not None for folder in spec.submodule_search_locations or ()]


def _check_nodes(memory_mb: float) -> None:
    """Raise unless some node could ever hold one worker; Ray itself would wait for such a node for ever."""
    import ray

    most = max((node["Resources"].get("memory", 0.0) for node in ray.nodes() if node["Alive"]), default=0.0) / 1e6
    if most < memory_mb:
        raise ValueError(
            f"memory of a worker must fit a node of the cluster, whose largest has {most:.0f} MB, got {memory_mb:.0f} MB; add a larger node"
        )


def _check_answers(address: str) -> None:
    """Raise unless something listens at ``host:port``; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise ValueError(f'Ray address "{address}" is not "host:port"; give those of the cluster\'s head, whose usual port is 6379, or "auto"')
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f'no Ray cluster answers at "{address}" ({error}); start one there with `ray start --head`') from error


def _start_local(stack: ExitStack, workers: int) -> None:
    """Start a Ray node that only this user on this machine can reach, and leave its end to the stack."""
    import ray
    from ray._private import ray_constants

    # Ray makes its directories and the sockets in them open to all users; a private parent closes them. Short, because a
    # socket's path may have 107 characters at most.
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)))  # nosec B108
    environment = ONE_THREAD | {
        "RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token"),
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # of its own accord Ray gives way to everything else: 15, which halves a worker's share of a busy machine
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # what can be imported here can be there, as in a spawned process
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    # Ray 2.60 replaces a loopback `_node_ip_address` by the machine's outward one and then listens on every interface. Only
    # this switch, which Ray sets on laptops' systems, keeps it on loopback; the driver read it when it imported Ray.
    cluster = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        with _restored_environment():
            os.environ.update(environment)
            _refresh_authentication()
            # The hook would ship the working directory to the workers whenever the driver runs under `uv run`.
            _init(
                address="local",
                num_cpus=workers,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                _temp_dir=str(private / "r"),
                _skip_env_hook=True,
            )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = cluster
    stack.callback(ray.shutdown, wait_for_processes=True)
    node = ray.util.get_node_ip_address()
    if not ipaddress.ip_address(node).is_loopback:
        raise RuntimeError(f"local Ray {ray.__version__} listens on {node}, not on loopback only; use the process pool, or Ray 2.60")


def _init(**options: object) -> None:
    """Call ``ray.init`` quietly, and put back the handler of SIGTERM and the environment that it changes."""
    import ray
    from ray._private import worker

    # Ray prints cluster errors, such as each worker's death, to stdout whatever `log_to_driver` says.
    worker.print_to_stdstream = lambda data, **_: logger.info("%s", "\n".join(data["lines"]))
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with _restored_environment():
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
    finally:
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGTERM, handler)


@contextmanager
def _restored_environment() -> Iterator[None]:
    """Undo on exit what is done to the environment inside, by us for Ray's processes and by Ray for itself."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def fresh_authentication() -> Iterator[None]:
    """Make Ray read mode and token from the environment on entry, and forget what it read on exit."""
    _refresh_authentication()
    try:
        yield
    finally:
        _refresh_authentication()


def _refresh_authentication() -> None:
    """Make Ray read its authentication mode and token from the environment again; the mode first, or it may miss its token."""
    raylet: Any = importlib.import_module("ray._raylet")
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()
