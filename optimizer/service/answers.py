"""How the answer of a job is given: at once where it is there in time, else the job's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Request, Response
from starlette.concurrency import run_in_threadpool

from optimizer.service.job_rows import Job
from optimizer.service.plain_json import PlainJSON
from optimizer.service.problems import Finding, Problem
from optimizer.service.settings import Settings
from optimizer.service.shield import PREFIX
from optimizer.service.state import Service
from optimizer.store import By

Prefer = Annotated[
    str | None,
    Header(max_length=100, description="`wait=30`: seconds to wait for the answer; `respond-async`: none.", examples=["wait=30"]),
]
_WAIT = re.compile(r"wait=([0-9]{1,4})")


async def job_answer(request: Request, service: Service, by: By, kind: str, campaign: str, wanted: Mapping[str, Any], prefer: str | None) -> Response:
    """Begin a job, or find the one that the same request began, and return its result if it is there in time: else 202 with its address.

    Raises:
        Problem: If the job failed, or may not begin.
    """
    seconds = seconds_to_wait(prefer, service.settings)
    job = await run_in_threadpool(service.jobs.ask, by, kind, campaign, wanted)
    if not job.ended:
        job = await service.jobs.wait(job.id, seconds)
    address = {"Content-Location": f"{PREFIX}/jobs/{job.id}"}
    if job.state == "succeeded":
        return PlainJSON(job.result, headers=address)
    if job.problem is not None:
        problem = Problem.from_json(job.problem)
        problem.headers.update(address)
        raise problem
    if job.state == "cancelled":
        raise Problem(409, "cancelled", "the job was cancelled; ask again with a new key", headers=address)
    return PlainJSON(job_json(service, job), 202, {"Location": f"{PREFIX}/jobs/{job.id}", "Retry-After": "1", **address})


def page(found: list[dict[str, Any]], limit: int, by: str) -> Response:
    """Return a page of at most so many items, of which one more was looked for, and where the next one starts."""
    items = found[:limit]
    return PlainJSON({"items": items, "next": items[-1][by] if len(found) > limit else None})


def page_of_json(found: list[tuple[int, str]], limit: int) -> Response:
    """Return the same of items that are numbers and JSON texts."""
    items = found[:limit]
    following = items[-1][0] if len(found) > limit else "null"
    return Response(f'{{"items":[{",".join(text for _, text in items)}],"next":{following}}}', media_type="application/json")


def job_json(service: Service, job: Job) -> dict[str, Any]:
    """Return a job as it is shown."""
    return {**job.as_json(), "progress": service.jobs.progress(job)}


def seconds_to_wait(prefer: str | None, settings: Settings) -> float:
    """Return how long a request waits for its job.

    Raises:
        Problem: If the header says neither.
    """
    if prefer is None:
        return settings.inline_s
    said = [part.strip().lower() for part in prefer.split(",")]
    waits = [match for match in map(_WAIT.fullmatch, said) if match]
    if waits:
        return min(float(waits[0][1]), settings.longest_inline_s)
    if "respond-async" in said:
        return 0.0
    rule = "must be wait=SECONDS or respond-async"
    raise Problem(400, "prefer", f"Prefer {rule}, got {prefer[:40]!r}; leave it out", [Finding("Prefer", rule, prefer[:40])])
