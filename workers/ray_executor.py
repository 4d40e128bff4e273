"""A pool of Ray actors behind ``concurrent.futures.Executor``. Imports Ray only when one is opened.

One thread per worker takes the next task, then any idle actor, and waits for the result. The threads come from
``ThreadPoolExecutor``, so futures, cancellation and shutdown are the standard library's. Tasks take *any* idle actor
rather than owning one, so that a replacement that the cluster cannot place yet holds up no task.
"""

import importlib
import ipaddress
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar, cast

from workers.failures import TimeLimitError, WorkerDiedError, check_time_limit, task_name
from workers.limits import ONE_THREAD, check_workers

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

OBJECT_STORE_BYTES = 100_000_000
"""Shared memory of a local Ray; results pass through it one at a time, and Ray's floor is 75 MB."""

CONNECT_SECONDS = 10.0
"""Patience with a cluster's address; ample for a handshake between continents."""


class RayExecutor(Executor):
    """Run tasks on a pool of single-threaded Ray actors, local or on a cluster.

    A worker's death costs the tasks that ran on it nothing but time: each is tried again on another worker, and counted
    once. Results and arguments are ordinary writable copies, as from a process pool, not views of Ray's shared memory.
    """

    def __init__(self, workers: int, *, address: str | None = None, max_retries: int = 2, time_limit_s: float | None = None) -> None:
        """Connect, and start the workers without waiting for them.

        Args:
            workers: Actors, at least 1; on a cluster each takes one CPU, and those that do not fit yet start when they do.
            address: ``host:port`` of a running cluster (with token authentication, set ``RAY_AUTH_MODE=token`` and
                ``RAY_AUTH_TOKEN`` or ``RAY_AUTH_TOKEN_PATH``). Without it the Ray this process is connected to is used, or else a
                local one is started: loopback only, no dashboard, with a token, no usage statistics.
            max_retries: Times to try a task again after its worker died, at least 0.
            time_limit_s: Seconds that a task may run; then its worker is ended and it fails with `TimeLimitError`. None for no limit.

        Raises:
            ValueError: If a number is out of range, the address malformed, or the process connected to another one.
            ConnectionError: If no cluster answers at ``address``.
        """
        check_workers(workers)
        if max_retries < 0:
            raise ValueError(f"max_retries {max_retries} is below its lower bound 0; give 0 to try each task once")
        check_time_limit(time_limit_s)
        self._max_workers = workers
        self._max_retries = max_retries
        self._time_limit_s = time_limit_s
        self._placement = _connect(workers, address)
        self._idle: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._actors: set[Any] = set()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="ray-executor")
        self._closer = threading.Thread(target=self._close, name="ray-executor-close")
        self._closing = threading.Lock()
        for _ in range(workers):
            self._start_actor()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Return the future of ``fn(*args, **kwargs)``; pending futures can be cancelled, running ones not."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further tasks, let those running finish, end the workers, and end Ray if this process started it.

        Args:
            wait: Return when all that is done, rather than at once.
            cancel_futures: Cancel the tasks not yet started rather than run them.
        """
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        if self._closing.acquire(blocking=False):
            self._closer.start()
        if wait:
            self._closer.join()

    def _run(self, fn: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]) -> R:
        """Run one task on an idle actor, again on another if the actor dies, and return its result or raise its exception."""
        import ray
        from ray import cloudpickle

        call = cloudpickle.dumps((fn, args, kwargs))
        death: BaseException | None = None
        for attempt in range(1 + self._max_retries):
            actor, death = self._idle.get() if attempt == 0 else self._take_live_actor()
            if death is None:
                try:
                    answer = ray.get(actor.run.remote(call), timeout=self._time_limit_s)
                except ray.exceptions.GetTimeoutError as error:
                    self._replace(actor)
                    raise TimeLimitError(task_name(fn, args), self._time_limit_s or 0.0) from error
                except _deaths() as error:
                    death = error
                except BaseException:
                    self._idle.put((actor, None))
                    raise
                else:
                    self._idle.put((actor, None))
                    result, failure = cloudpickle.loads(answer)
                    if failure is not None:
                        raise failure
                    return cast(R, result)
            self._replace(actor)
        raise WorkerDiedError(
            f"task {task_name(fn, args)} lost its worker {1 + self._max_retries} times (max_retries {self._max_retries}), the last "
            f'with "{str(death).splitlines()[0]}"; open fewer workers if memory is short, or run the task inline to see it crash'
        ) from death

    def _take_live_actor(self) -> tuple[Any, BaseException | None]:
        """Take an idle actor that answers: where one died, a whole node of idle ones may have, which is no fault of the task."""
        import ray

        while True:
            actor, death = self._idle.get()
            if death is not None:
                return actor, death
            try:
                ray.get(actor.ready.remote())
            except _deaths():
                self._replace(actor)
            else:
                return actor, None

    def _replace(self, actor: Any) -> None:
        """Start another actor for a dead one; killed first, as one only unreachable must not go on with a task that is repeated."""
        import ray

        self._actors.discard(actor)
        ray.kill(actor)
        self._start_actor()

    def _start_actor(self) -> None:
        """Start an actor; it joins the idle ones when it is ready, or with the reason why it will never be."""
        import ray

        actor = ray.remote(_Worker).options(**self._placement).remote()
        self._actors.add(actor)
        actor.ready.remote().future().add_done_callback(lambda ready: self._idle.put((actor, ready.exception())))

    def _close(self) -> None:
        """Wait for the tasks, then end the actors and leave Ray."""
        import ray

        self._threads.shutdown()
        for actor in self._actors:
            ray.kill(actor)
        _disconnect()


def _deaths() -> tuple[type[Exception], ...]:
    """Return the exceptions by which Ray says that a worker, its node, or its result on that node is gone."""
    from ray import exceptions

    return (
        exceptions.RayActorError,
        exceptions.WorkerCrashedError,
        exceptions.OutOfMemoryError,
        exceptions.NodeDiedError,
        exceptions.ObjectLostError,
    )


class _Worker:
    """The actor: runs pickled calls one at a time."""

    def ready(self) -> None:
        """Answer once the process is up."""

    def run(self, call: bytes) -> bytes:
        """Return the pickled ``(result, None)`` or ``(None, exception)`` of a pickled ``(fn, args, kwargs)``.

        SystemExit is an answer too; left alone, Ray would take it for a wish to end the actor.
        """
        from ray import cloudpickle

        try:
            fn, args, kwargs = cloudpickle.loads(call)
            return bytes(cloudpickle.dumps((fn(*args, **kwargs), None)))
        except BaseException as error:
            error.add_note(f"in Ray worker {os.getpid()}:\n{''.join(traceback.format_exception(error))}")
            try:
                answer = cloudpickle.dumps((None, error))
                cloudpickle.loads(answer)
            except Exception:
                stand_in = RuntimeError(f"task raised {type(error).__qualname__}, which cannot be pickled: {error}; give it arguments that can")
                stand_in.__notes__ = error.__notes__
                answer = cloudpickle.dumps((None, stand_in))
            return bytes(answer)


# A process has one connection to Ray, so its executors share it; the last one closes it if the first one opened it.
_lock = threading.Lock()
_users = 0
_opened = ExitStack()
_local = False


def _connect(workers: int, address: str | None) -> dict[str, Any]:
    """Join or open the process's connection to Ray and return the options of an actor on it."""
    global _users, _local
    import ray

    with _lock:
        if ray.is_initialized():
            current = ray.get_runtime_context().gcs_address
            if address not in (None, current):
                raise ValueError(f'Ray address "{address}" differs from "{current}", where this process is connected; shut that executor down first')
        else:
            with ExitStack() as stack:
                stack.enter_context(_fresh_authentication())
                if address is None:
                    _start_local(stack, workers)
                else:
                    _check_answers(address)
                    _init(address=address)
                    stack.callback(ray.shutdown)
                _opened.push(stack.pop_all())
            _local = address is None
        _users += 1
        # A local node has no other use: reserving its CPUs would only keep a second executor out. Its processes inherit the
        # thread limit, which starts them sooner than a runtime environment does.
        return {"num_cpus": 0} if _local else {"num_cpus": 1, "runtime_env": {"env_vars": ONE_THREAD}}


def _disconnect() -> None:
    """Leave the connection; the last to leave closes it if this module opened it."""
    global _users, _local
    with _lock:
        _users -= 1
        if _users == 0:
            _local = False
            _opened.close()


def _check_answers(address: str) -> None:
    """Raise unless something listens at ``host:port``; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise ValueError(f'Ray address "{address}" is not "host:port"; give those of the cluster\'s head, whose usual port is 6379')
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
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)))
    environment = ONE_THREAD | {
        "RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token"),
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
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
def _fresh_authentication() -> Iterator[None]:
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
