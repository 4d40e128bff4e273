"""Jobs: look at them, follow them, cancel them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from optimizer.service import schemas, shown
from optimizer.service.answers import job_json
from optimizer.service.plain_json import PlainJSON
from optimizer.service.problems import Problem
from optimizer.service.security import Caller, Guarded, Writer, allowed
from optimizer.service.state import Running, Service

router = APIRouter(route_class=Guarded, tags=["jobs"])
LOOK_S = 0.5  # between two looks at a job that somebody follows
_EVENT: dict[str, Any] = {  # of one event: OpenAPI 3.1 has no word for a stream of them
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "job"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/JobBody"}},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": _EVENT}}}}


@router.get("/jobs", response_model=shown.JobPage, **allowed("read"))
def listed(service: Running, after: schemas.After = 0, limit: schemas.Limit = 100) -> Response:
    """Return jobs in the order in which they were asked for; results are with each job."""
    found = service.jobs.rows.page(after, limit + 1)
    items = [{**job_json(service, job), "result": None} for job in found[:limit]]
    return PlainJSON({"items": items, "next": found[limit - 1].seq if len(found) > limit else None})


@router.get("/jobs/{job_id}", response_model=shown.JobBody, **allowed("read"))
def get(service: Running, job_id: schemas.JobId) -> Response:
    """Return a job: its state and progress, and once it has ended its result or problem."""
    return PlainJSON(job_json(service, service.jobs.rows.get(job_id)))


@router.post("/jobs/{job_id}/cancel", response_model=shown.JobBody, **allowed("read"))
def cancel(service: Running, by: Writer, key: Caller, job_id: schemas.JobId) -> Response:
    """End a job of one's own, or with the scope admin anybody's; one that has ended stays as it is."""
    job = service.jobs.rows.get(job_id)
    if job.who != by.who and "admin" not in key.scopes:
        raise Problem(403, "scope", f"the job must be one's own, got one of {job.who}; ask {job.who}, or an administrator")
    return PlainJSON(job_json(service, service.jobs.cancel(job)))


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=_STREAM, **allowed("read"))
async def events(request: Request, service: Running, job_id: schemas.JobId) -> Response:
    """Follow a job as server-sent events: `job` with what changed, until it has ended."""
    await run_in_threadpool(service.jobs.rows.get, job_id)
    return StreamingResponse(_follow(request, service, job_id), media_type="text/event-stream")


async def _follow(request: Request, service: Service, job_id: str) -> AsyncIterator[str]:
    end, last = time.monotonic() + service.settings.stream_s, ""
    while time.monotonic() < end and not await request.is_disconnected():
        job = await run_in_threadpool(service.jobs.rows.get, job_id)
        said = job_json(service, job)
        seen = f"{job.state} {said['progress']['stage']}"
        yield ": still there\n\n" if seen == last else f"event: job\ndata: {json.dumps(said)}\n\n"
        if job.ended:
            return
        last = seen
        await asyncio.sleep(LOOK_S)
