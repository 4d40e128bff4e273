"""Work that takes long: wait for it, look at how far it is, give its result or its problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.client import shapes
from optimizer.client.errors import ApiError, data_of
from optimizer.client.wire import Pause, Request, Steps, address, reading

Progress = Callable[[shapes.Job], object]
LOOKS_S = (0.25, 2.0)  # between two looks at a job: short at first, for one that has nearly ended, then what a person would not notice
SLOWER = 1.3
ACCEPTED = 202


def result(request: Request, progress: Progress | None) -> Steps[Any]:
    """Return what a request is answered with, after the job that works on it where there is one.

    Raises:
        ApiError: If the request was refused, or the job failed or was cancelled.
    """
    answer = yield request
    data = data_of(answer)
    return data if answer.status != ACCEPTED else (yield from ended(data["id"], progress))


def ended(job_id: str, progress: Progress | None) -> Steps[Any]:
    """Return the result of a job, once it has one.

    Raises:
        ApiError: If the job failed or was cancelled.
    """
    pause, longest = LOOKS_S
    while True:
        job: shapes.Job = data_of((yield reading(address("jobs", job_id))))
        if progress is not None:
            progress(job)
        if job["state"] not in ("queued", "running"):
            return result_of(job)
        yield Pause(pause)
        pause = min(pause * SLOWER, longest)


def result_of(job: shapes.Job) -> Any:
    """Return the result of a job that has ended.

    Raises:
        ApiError: If there is none.
    """
    if job["problem"] is not None:
        raise ApiError.from_problem(job["problem"])
    if job["state"] != "succeeded":
        raise ApiError(409, f"the job {job['id']} has no result, it is {job['state']}; ask again", "Conflict")
    return job["result"]
