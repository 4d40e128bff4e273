"""What models say: predictions and what-if, checks, advice, diagnostics, validations, simulations. All of it is worked out in a worker process."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from optimizer.service import openapi, schemas, shown
from optimizer.service.answers import Prefer, job_answer
from optimizer.service.security import Guarded, Writer, allowed
from optimizer.service.state import Running

router = APIRouter(route_class=Guarded, tags=["models"])
_LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": shown.JobBody, "description": "It takes longer; look at the job."},
    504: openapi.MORE[504],
}


@router.post("/campaigns/{name}/checks", response_model=dict[str, Any], responses=_LATER, **allowed("read"))
async def check(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.CheckBody, prefer: Prefer = None
) -> Response:
    """Say which limits a recipe keeps, by how much, and the nearest recipe that passes; as `glittercake check`."""
    return await job_answer(request, service, by, "check", name, body.model_dump(), prefer)


@router.post("/campaigns/{name}/predictions", response_model=dict[str, Any], responses=_LATER, **allowed("read"))
async def predict(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.PredictBody, prefer: Prefer = None
) -> Response:
    """Say what the models expect of a recipe, and with `explain` why and what one step would change; as `glittercake predict`."""
    return await job_answer(request, service, by, "predict", name, body.model_dump(), prefer)


@router.post("/campaigns/{name}/advice", response_model=dict[str, Any], responses=_LATER, **allowed("read"))
async def advise(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.AdviceBody, prefer: Prefer = None
) -> Response:
    """Say whether to go on, repeat a recipe or stop, and whether simulating first would change it; as `glittercake advise`."""
    return await job_answer(request, service, by, "advise", name, body.model_dump(), prefer)


@router.post("/campaigns/{name}/diagnostics", response_model=dict[str, Any], responses=_LATER, **allowed("read"))
async def diagnose(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.DiagnosticsBody, prefer: Prefer = None
) -> Response:
    """Say which parameters matter to each outcome, and to how unsure the model is of it; as `glittercake importance`."""
    return await job_answer(request, service, by, "diagnose", name, body.model_dump(), prefer)


@router.post("/campaigns/{name}/validations", response_model=dict[str, Any], responses=_LATER, **allowed("read"))
async def validate(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.ValidationBody, prefer: Prefer = None
) -> Response:
    """Leave each of the campaign's own designs out, refit every model and predict it: honest errors, as `glittercake validate TABLE`."""
    return await job_answer(request, service, by, "validate", name, body.model_dump(), prefer)


@router.post("/campaigns/{name}/simulations", response_model=dict[str, Any], responses=_LATER, **allowed("propose"))
async def simulate(
    request: Request, service: Running, by: Writer, name: schemas.CampaignName, body: schemas.SimulationBody, prefer: Prefer = None
) -> Response:
    """Simulate a recipe: closed form, cell model or 3D microstructures; as `glittercake simulate`."""
    return await job_answer(request, service, by, "simulate", name, body.model_dump(), prefer)
