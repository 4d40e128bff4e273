"""A pool of Ray actors behind ``concurrent.futures.Executor``. Imports Ray only when one is opened.

One thread per worker takes the next task, then any idle actor, and waits for the result. Tasks take *any* idle actor rather than owning one,
so that a replacement that the cluster cannot place yet holds up no task. Short tasks travel in batches (`workers.batches`).
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar, cast

from workers.batches import BATCH_S, Running, Task, Waiting
from workers.failures import TimeLimitError, WorkerDiedError, check_time_limit, task_name
from workers.limits import check_workers
from workers.ray_cluster import join, leave
from workers.ray_worker import Answer, Worker

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class RayExecutor(Executor):
    """Run tasks on a pool of single-threaded Ray actors, local or on a cluster.

    A worker's death costs the tasks that ran on it nothing but time: each is tried again on another worker, and counted
    once. Results and arguments are ordinary writable copies, as from a process pool, not views of Ray's shared memory.

    Tasks of a function that lately took a few milliseconds each are sent several at a time. If their worker dies or their time passes the limit
    of one, they run again one by one; with ``max_retries`` 0 nothing is sent together, so that nothing is begun twice.
    """

    def __init__(
        self,
        workers: int,
        *,
        address: str | None = None,
        max_retries: int = 2,
        time_limit_s: float | None = None,
        memory_mb: float | None = None,
        packages: Sequence[str] = (),
    ) -> None:
        """Connect, and start the workers without waiting for them.

        Args:
            workers: Actors, at least 1; on a cluster each takes one CPU, and those that do not fit yet start when they do.
            address: ``host:port`` of a running cluster, or ``auto`` for the one that this machine is a node of (with token authentication, set
                ``RAY_AUTH_MODE=token`` and ``RAY_AUTH_TOKEN`` or ``RAY_AUTH_TOKEN_PATH``). Without it, or with ``local``, the Ray this process is
                connected to is used, or else a local one is started: loopback only, no dashboard, with a token, no usage statistics.
            max_retries: Times to try a task again after its worker died, at least 0.
            time_limit_s: Seconds that a task may run; then its worker is ended and it fails with `TimeLimitError`. None for no limit.
            memory_mb: What one worker may need, MB. A cluster starts a worker only where that much is free; here all must fit. None to not count.
            packages: Importable packages that tasks need, sent to the nodes of a cluster with their data files; third-party ones must be there.

        Raises:
            ValueError: If a number is out of range, the address malformed, the process connected to another one, or memory short.
            ConnectionError: If no cluster answers at ``address``.
        """
        check_workers(workers)
        if max_retries < 0:
            raise ValueError(f"max_retries {max_retries} is below its lower bound 0; give 0 to try each task once")
        check_time_limit(time_limit_s)
        self._max_workers = workers
        self._max_retries = max_retries
        self._time_limit_s = time_limit_s
        self._placement = join(workers, address, packages, memory_mb)
        # Half the limit of one: a batch as long as was measured is never taken for a task that hangs.
        self._waiting = Waiting(workers, min(BATCH_S, 0.5 * (time_limit_s or BATCH_S * 2.0)) if max_retries else 0.0)
        self._idle: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._actors: set[Any] = set()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="ray-executor")
        self._closer = threading.Thread(target=self._close, name="ray-executor-close")
        self._closing = threading.Lock()
        for _ in range(workers):
            self._start_actor()

    @property
    def batch(self) -> int:
        """Return how many tasks a worker takes at once at present; who keeps twice as many for each in hand keeps all busy."""
        return self._waiting.size

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Return the future of ``fn(*args, **kwargs)``; a running one can be cancelled too, which ends its worker."""
        future = Running()
        self._waiting.put(Task(fn, args, kwargs, 1 + self._max_retries, future))
        try:
            self._threads.submit(self._serve)
        except RuntimeError:
            future.cancel()
            raise
        return cast("Future[R]", future)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further tasks, let those running finish, end the workers, and end Ray if this process started it.

        Args:
            wait: Return when all that is done, rather than at once.
            cancel_futures: Cancel the tasks not yet started rather than run them.
        """
        self._threads.shutdown(wait=False)
        if cancel_futures:
            self._waiting.cancel()
        if self._closing.acquire(blocking=False):
            self._closer.start()
        if wait:
            self._closer.join()

    def _serve(self) -> None:
        """Run the tasks that are next; nothing is left if an earlier call took them all in a batch."""
        tasks = self._waiting.take()
        if len(tasks) > 1 and self._together(tasks):
            return
        for task in tasks:
            try:
                self._alone(task)
            except BaseException as error:  # of Ray itself, say, if the cluster is gone
                task.future.settle(None, error)

    def _together(self, tasks: list[Task]) -> bool:
        """Run tasks as one call; False if they have to run one by one, none of them being known to have ended."""
        import ray

        try:
            calls = [_pickled(task) for task in tasks]
        except Exception:  # whose it is will be seen
            return False
        actor, death = self._idle.get()
        if death is not None:
            self._replace(actor)
            return False
        for task in tasks:
            task.future.on(partial(ray.kill, actor))
        try:
            answers = ray.get(actor.run.options(name=f"{len(tasks)} from {_name(tasks[0])}").remote(calls), timeout=self._time_limit_s)
        except (ray.exceptions.GetTimeoutError, *_deaths()) as error:
            timed_out = isinstance(error, ray.exceptions.GetTimeoutError)
            logger.info("the worker of %d tasks from %s was lost (%s); they run again one by one", len(tasks), _name(tasks[0]), _said(error))
            self._waiting.forget(tasks[0].kind)
            cancelled = self._give_up(tasks, actor)
            for task in tasks:
                task.left -= not (timed_out or cancelled)
            return False
        except BaseException:
            self._give_back(tasks, actor)
            return False
        self._give_back(tasks, actor)
        for task, answer in zip(tasks, answers, strict=True):
            self._settle(task, answer)
        return True

    def _alone(self, task: Task) -> None:
        """Run one task on an idle actor, again on another if the actor dies."""
        import ray

        name = _name(task)
        try:
            call = _pickled(task)
        except Exception as error:
            task.future.settle(None, error)
            return
        death: BaseException | None = None
        for attempt in range(task.left):
            actor, death = self._idle.get() if attempt == 0 and task.left > self._max_retries else self._take_live_actor()
            if death is None:
                if not task.future.on(partial(ray.kill, actor)):
                    self._idle.put((actor, None))
                    return
                try:
                    (answer,) = ray.get(actor.run.options(name=name).remote([call]), timeout=self._time_limit_s)
                except ray.exceptions.GetTimeoutError as error:
                    logger.info("task %s passed its time limit of %s s; its worker is replaced", name, self._time_limit_s)
                    self._replace(actor)
                    raise TimeLimitError(name, self._time_limit_s or 0.0) from error
                except _deaths() as error:
                    death = error
                except BaseException:
                    self._give_back([task], actor)
                    raise
                else:
                    self._give_back([task], actor)
                    self._settle(task, answer)
                    return
            logger.info("task %s lost its worker (%s)", name, _said(death))
            if self._give_up([task], actor):
                return
        raise WorkerDiedError(
            f"task {name} lost its worker {1 + self._max_retries} times (max_retries {self._max_retries}), the last "
            f'with "{_said(death)}"; open fewer workers if memory is short, or run the task inline to see it crash'
        ) from death

    def _settle(self, task: Task, answer: Answer) -> None:
        """Pass on what came of a task."""
        from ray import cloudpickle

        said, seconds = answer
        self._waiting.measured(task.kind, seconds)
        try:
            result, failure = cloudpickle.loads(said)
        except Exception as error:
            result, failure = None, error
        task.future.settle(result, failure)

    def _give_back(self, tasks: Sequence[Task], actor: Any) -> None:
        """Count an actor among the idle, or replace it where one of its tasks was cancelled at its very end, and the actor ended with it."""
        if _still_wanted(tasks):
            self._idle.put((actor, None))
        else:
            self._replace(actor)

    def _give_up(self, tasks: Sequence[Task], actor: Any) -> bool:
        """Replace an actor that is lost; whether it was ended because one of its tasks was cancelled."""
        wanted = _still_wanted(tasks)
        self._replace(actor)
        return not wanted

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

        actor = ray.remote(Worker).options(**self._placement).remote()
        self._actors.add(actor)
        actor.ready.remote().future().add_done_callback(lambda ready: self._idle.put((actor, ready.exception())))

    def _close(self) -> None:
        """Wait for the tasks, then end the actors and leave Ray."""
        import ray

        self._threads.shutdown()
        for actor in self._actors:
            ray.kill(actor)
        leave()


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


def _still_wanted(tasks: Sequence[Task]) -> bool:
    """Take tasks off their worker; whether none of them was cancelled on it."""
    wanted = [task.future.on(None) for task in tasks]
    return all(wanted)


def _pickled(task: Task) -> bytes:
    from ray import cloudpickle

    return bytes(cloudpickle.dumps((task.fn, task.args, task.kwargs)))


def _name(task: Task) -> str:
    """Return what logs call a task, Ray's own included: its function and its first argument, such as the recipe."""
    return task_name(task.fn, task.args)


def _said(error: BaseException | None) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
