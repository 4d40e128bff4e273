"""Recipes: ask for them, list them, renew their leases, give them up."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from optimizer.service import openapi, schemas, shown
from optimizer.service.answers import Prefer, job_answer, page_of_json
from optimizer.service.plain_json import PlainJSON
from optimizer.service.security import Guarded, Writer, allowed
from optimizer.service.state import Running
from optimizer.store import By

router = APIRouter(route_class=Guarded, tags=["trials"])
State = Literal["proposed", "running", "completed", "failed", "abandoned"]


@router.post(
    "/campaigns/{name}/suggestions",
    response_model=shown.Suggested,
    responses={202: {"model": shown.JobBody, "description": "It takes longer; look at the job."}, 504: openapi.MORE[504]},
    **allowed("propose"),
)
async def ask(request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.Ask, prefer: Prefer = None) -> Response:
    """Give the caller n recipes under leases: its open ones, then any that nobody holds, then new ones that reckon with all that are being made."""
    wanted = {**body.model_dump(exclude={"machine"}), "holder": _holder(by, body.machine)}
    return await job_answer(request, service, by, "ask", name, wanted, prefer)


@router.get("/campaigns/{name}/trials", response_model=shown.TrialPage, **allowed("read"))
def listed(
    service: Running,
    name: schemas.CampaignName,
    state: Annotated[list[State] | None, Query(max_length=5)] = None,
    after: schemas.After = 0,
    limit: schemas.Limit = 100,
) -> Response:
    """Return trials as they are now, in order of number."""
    return page_of_json(service.store.trials.page_json(name, state or (), after, limit + 1), limit)


@router.get("/campaigns/{name}/trials/{number}", response_model=shown.TrialBody, **allowed("read"))
def get(service: Running, name: schemas.CampaignName, number: schemas.Number) -> Response:
    """Return one trial as it is now."""
    return PlainJSON(service.store.trials.get(name, number).as_json())


@router.post("/campaigns/{name}/trials/{number}/renew", response_model=shown.TrialBody, **allowed("propose"))
def renew(service: Running, by: Writer, name: schemas.CampaignName, number: schemas.Number, body: schemas.Renewal) -> Response:
    """Grant the caller's lease anew, from now."""
    trial = service.store.trials.renew(by, name, number, holder=_holder(by, body.machine), lease_s=body.lease_s)
    return PlainJSON(trial.as_json())


@router.post("/campaigns/{name}/trials/{number}/abandon", response_model=shown.TrialBody, **allowed("propose"))
def abandon(service: Running, by: Writer, name: schemas.CampaignName, number: schemas.Number, body: schemas.Reason) -> Response:
    """Give an open trial up: nobody will make it, and its recipe may be proposed again."""
    return PlainJSON(service.store.trials.abandon(by, name, number, body.reason).as_json())


def _holder(by: By, machine: str | None) -> str:
    """Return whose recipes are meant: a caller's own, or those of one of its machines; never another caller's."""
    return by.who if machine is None else f"{by.who}/{machine}"
