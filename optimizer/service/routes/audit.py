"""Who changed what."""

from __future__ import annotations

from fastapi import APIRouter, Response

from optimizer.service import schemas, shown
from optimizer.service.answers import page
from optimizer.service.security import Guarded, allowed
from optimizer.service.state import Running

router = APIRouter(route_class=Guarded, tags=["audit"])


@router.get("/audit", response_model=shown.AuditPage, **allowed("admin"))
def everything(service: Running, after: schemas.After = 0, limit: schemas.Limit = 100) -> Response:
    """Return every change of every campaign, oldest first."""
    return page([entry.as_json() for entry in service.store.audit(None, after, limit + 1)], limit, "seq")


@router.get("/campaigns/{name}/audit", response_model=shown.AuditPage, **allowed("read"))
def of_campaign(service: Running, name: schemas.CampaignName, after: schemas.After = 0, limit: schemas.Limit = 100) -> Response:
    """Return every change of one campaign, oldest first."""
    return page([entry.as_json() for entry in service.store.audit(name, after, limit + 1)], limit, "seq")
