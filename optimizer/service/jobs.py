"""Work that takes long: each job in a thread that waits for a worker process, so that a crash there is a failed job and never a dead server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Lock
from typing import Any
from zlib import crc32

from starlette.concurrency import run_in_threadpool

from optimizer.service.job_rows import Job, JobRows
from optimizer.service.problems import RETRY_S, Problem, problem_of
from optimizer.service.settings import Settings
from optimizer.service.worker import warm, work
from optimizer.store import By, Proposal, Snapshot, Store, UnavailableError
from workers import ProcessExecutor, TimeLimitError, WorkerDiedError

MOST_ATTEMPTS = 3  # of a job that a stopped service had begun: one that takes the service down does so no more often
LOG = logging.getLogger("glittercake.service")


class _Running:
    """What is known of a job only here: what it waits for, and whether somebody wants it to end."""

    def __init__(self) -> None:
        self.stage = "queued"
        self.since = time.monotonic()
        self.cancelled = False
        self.call: Future[dict[str, Any]] | None = None
        self.done: Future[None] = Future()


class Jobs:
    """The jobs of a service. Rows are the truth; this adds what runs here."""

    def __init__(self, store: Store, rows: JobRows, settings: Settings) -> None:
        """Open the workers; processes start with the first job."""
        self.rows = rows
        self._store, self._settings = store, settings
        self._models = [ProcessExecutor(1, time_limit_s=settings.job_s, max_retries=0) for _ in range(settings.workers)]
        self._simulations = ProcessExecutor(1, time_limit_s=settings.job_s, max_retries=0)
        self._threads = ThreadPoolExecutor(settings.jobs, thread_name_prefix="job")
        self._running: dict[str, tuple[Job, _Running]] = {}
        self._unkept: dict[str, dict[str, Any]] = {}  # how jobs ended, by id, where the database did not take it
        self._lock = Lock()
        self._closing = False

    def resume(self) -> None:
        """Take up what a service that was stopped, or killed, left undone: its requests have their keys, so nothing is done twice."""
        for job in self.rows.open():
            if job.attempts >= MOST_ATTEMPTS:
                problem = Problem(
                    500, "given-up", f"the job was begun {job.attempts} times and the service ended each time; ask again with a new key"
                )
                self.rows.end(job.id, "failed", problem=problem.as_json())
            else:
                self._start(job)

    def warm(self) -> None:
        """Let the workers of models load what they need."""
        for pool in self._models:
            pool.submit(warm)

    def ask(self, by: By, kind: str, campaign: str, request: Mapping[str, Any]) -> Job:
        """Begin a job, or find the one that the same request began.

        Raises:
            Problem: If there are too many jobs.
            UnknownError: If there is no such campaign.
            KeyReusedError: If the key has begun another job.
        """
        self._store.campaigns.get(campaign)
        with self._lock:
            of_one = sum(job.who == by.who and job.key != by.key for job, _ in self._running.values())
            every = len(self._running)
        if every >= self._settings.jobs or of_one >= self._settings.jobs_of_one:
            most = f"{self._settings.jobs} jobs at once, {self._settings.jobs_of_one} of one caller"
            raise Problem(429, "too-many-jobs", f"the service takes {most}, got one more; wait for one to end", headers={"Retry-After": str(RETRY_S)})
        job, fresh = self.rows.add(by, kind, campaign, request)
        if fresh:
            self._start(job)
        return job

    async def wait(self, job_id: str, seconds: float) -> Job:
        """Return a job when it has ended, or as it is after some seconds; no thread waits with it."""
        with self._lock:
            found = self._running.get(job_id)
        if found is not None and seconds > 0:
            await asyncio.wait([asyncio.wrap_future(found[1].done)], timeout=seconds)
        return await run_in_threadpool(self.rows.get, job_id)

    def progress(self, job: Job) -> dict[str, Any]:
        """Return what a job is at, and for how long."""
        with self._lock:
            found = self._running.get(job.id)
        if found is None:
            return {"stage": job.state, "seconds": None}
        return {"stage": found[1].stage, "seconds": round(time.monotonic() - found[1].since, 1)}

    def cancel(self, job: Job) -> Job:
        """End a job, running or not; its worker is ended with it. One that has ended stays as it is."""
        with self._lock:
            found = self._running.get(job.id)
        if found is not None:
            found[1].cancelled = True
            if found[1].call is not None:
                found[1].call.cancel()
        self.rows.end(job.id, "cancelled")
        return self.rows.get(job.id)

    def close(self) -> None:
        """End the workers at once. Jobs stay as they are in the database, and the next service takes them up."""
        with self._lock:
            self._closing = True
            running = [one for _, one in self._running.values()]
        for one in running:
            if one.call is not None:
                one.call.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for pool in (*self._models, self._simulations):
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, job: Job) -> None:
        state = _Running()
        with self._lock:
            self._running[job.id] = job, state
        self._threads.submit(self._run, job, state)

    def _run(self, job: Job, state: _Running) -> None:
        try:
            self.rows.begin(job.id)
            result = self._ask(job, state) if job.kind == "ask" else self._work(job, state, job.kind, self._store.snapshot(job.campaign), job.request)
            self.rows.end(job.id, "succeeded", result=result)
        except (CancelledError, RuntimeError) as error:
            if not self._closing:  # else the next service takes it up
                self._fail(job, error)
        except Exception as error:
            self._fail(job, error)
        finally:
            with self._lock:
                self._running.pop(job.id, None)
            state.done.set_result(None)

    def _fail(self, job: Job, error: BaseException) -> None:
        cancelled = isinstance(error, CancelledError)
        end = {"state": "cancelled"} if cancelled else {"state": "failed", "problem": _why(error, self._settings).as_json()}
        try:
            self.rows.end(job.id, **end)
        except UnavailableError as unavailable:
            LOG.error("job %s stays open until the database can be written: %s", job.id, unavailable)
            with self._lock:
                self._unkept[job.id] = end

    def settle(self) -> None:
        """Keep how jobs ended that the database did not take when they did.

        Raises:
            UnavailableError: If it still does not.
        """
        with self._lock:
            left = dict(self._unkept)
        for job_id, end in left.items():
            self.rows.end(job_id, **end)
            with self._lock:
                self._unkept.pop(job_id, None)

    def _work(self, job: Job, state: _Running, kind: str, snapshot: Snapshot, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a worker makes of a request; a campaign has its own, which has its models."""
        state.stage, state.since = "computing", time.monotonic()
        pool = self._simulations if kind == "simulate" else self._models[crc32(job.campaign.encode()) % len(self._models)]
        state.call = pool.submit(work, kind, snapshot, dict(request))
        if state.cancelled or self._closing:
            state.call.cancel()
        answer = state.call.result()
        if "problem" in answer:
            raise Problem.from_json(answer["problem"])
        found: dict[str, Any] = answer["result"]
        return found

    def _ask(self, job: Job, state: _Running) -> dict[str, Any]:
        """Give recipes to a holder: its open ones first, then what a worker proposes; or only propose, where nothing is to be reserved."""
        batch: dict[str, Any] = {}
        request = job.request

        def propose(snapshot: Snapshot, n: int) -> Sequence[Proposal]:
            found = self._work(job, state, "suggest", snapshot, {**request, "n": n})
            batch.update(found["batch"])
            state.stage, state.since = "reserving", time.monotonic()
            made = zip(found["recipes"], batch["suggestions"], strict=True)
            said = {name: batch[name] for name in ("seed", "strategy", "why_strategy")}
            return [Proposal(recipe, {**said, **suggestion, "data_hash": snapshot.data_hash}) for recipe, suggestion in made]

        if not request["reserve"]:
            propose(self._store.snapshot(job.campaign), request["n"])
            return {"trials": [], "batch": batch}
        by, holder = By(job.who, job.key), request["holder"]
        state.stage = "waiting for its turn"
        trials = self._store.trials.ask(by, job.campaign, request["n"], propose, holder=holder, lease_s=request["lease_s"])
        return {"trials": [trial.as_json() for trial in trials], "batch": batch or None}


def _why(error: BaseException, settings: Settings) -> Problem:
    """Return the problem of a job that failed."""
    if isinstance(error, WorkerDiedError):
        said = "the worker process died while it computed (out of memory, killed, or crashed in compiled code)"
        return Problem(503, "worker-died", f"{said}, and nothing was written; ask again with a new key")
    if isinstance(error, TimeLimitError):
        return Problem(
            504, "too-long", f"the job must compute for at most {settings.job_s:g} s, got longer, and was ended; ask for less, or raise job_s"
        )
    return problem_of(error if isinstance(error, Exception) else RuntimeError(repr(error)))
