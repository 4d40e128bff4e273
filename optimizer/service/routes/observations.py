"""Measurements: tell, correct, import a table, list."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from optimizer.service import schemas, shown
from optimizer.service.answers import page
from optimizer.service.plain_json import PlainJSON
from optimizer.service.problems import Finding, Problem
from optimizer.service.security import Guarded, Writer, allowed
from optimizer.service.state import Running
from optimizer.store import Observation, RecordError, Report

router = APIRouter(route_class=Guarded, tags=["observations"])
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY = {"type": "string", "format": "binary"}
_UPLOAD: dict[str, Any] = allowed("write", accepts=(CSV, XLSX))
_UPLOAD["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {CSV: {"schema": {"type": "string"}, "example": "am_wt,coating,...\n"}, XLSX: {"schema": _BINARY}},
}


@router.get("/campaigns/{name}/observations", response_model=shown.KeptPage, **allowed("read"))
def listed(service: Running, name: schemas.CampaignName, after: schemas.After = 0, limit: schemas.Limit = 100) -> Response:
    """Return observations in order of number; corrected ones too, which say by what."""
    found = [kept.as_json() for kept in service.store.observations.page(name, after, limit + 1)]
    return page(found, limit, "number")


@router.get("/campaigns/{name}/observations/{number}", response_model=shown.KeptBody, **allowed("read"))
def get(service: Running, name: schemas.CampaignName, number: schemas.Number) -> Response:
    """Return one observation."""
    return PlainJSON(service.store.observations.get(name, number).as_json())


@router.post("/campaigns/{name}/observations", status_code=201, response_model=shown.ToldPage, **allowed("write"))
def tell(service: Running, by: Writer, name: schemas.CampaignName, body: schemas.Reports) -> Response:
    """Keep what was measured or failed: all reports or none."""
    if len(body.reports) > service.settings.rows:
        rule = f"must have at most {service.settings.rows} items"
        detail = f"reports {rule}, got {len(body.reports)}; split them, or import a table"
        raise Problem(422, "invalid", detail, [Finding("reports", rule, len(body.reports), "split them, or import a table")])
    reports = [Report(_observation(one.observation, f"reports[{i}]."), one.trial, one.attempt) for i, one in enumerate(body.reports)]
    return PlainJSON({"told": [told.as_json() for told in service.store.observations.tell(by, name, reports)]}, 201)


@router.post("/campaigns/{name}/observations/{number}/correction", status_code=201, response_model=shown.ToldBody, **allowed("write"))
def correct(service: Running, by: Writer, name: schemas.CampaignName, number: schemas.Number, body: schemas.Correction) -> Response:
    """Keep an observation that stands for an earlier one from now on; the earlier one stays on record."""
    return PlainJSON(service.store.observations.correct(by, name, number, _observation(body.observation, "")).as_json(), 201)


@router.post("/campaigns/{name}/imports", status_code=201, response_model=shown.ImportedBody, **_UPLOAD)
async def import_table(
    request: Request,
    service: Running,
    by: Writer,
    name: schemas.CampaignName,
    source: Annotated[str, Query(min_length=1, max_length=200, description="What to call the table; no file of this name is read.")] = "upload",
) -> Response:
    """Keep every row of a lab's table, CSV or XLSX, or none: the body is the file. Rows that were imported before are not kept twice."""
    content = await request.body()
    imported = await run_in_threadpool(service.store.observations.import_table, by, name, content, source)
    return PlainJSON(imported.as_json(), 201)


def _observation(body: schemas.ObservationBody, place: str) -> Observation:
    """Return the observation of a body; what was not stated is left to the store."""
    try:
        return Observation.from_json(body.model_dump(exclude_unset=True))
    except RecordError as error:
        raise RecordError(f"{place}observation.{error.field}", error.rule, error.value, error.remedy) from error
