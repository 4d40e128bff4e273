"""Whether the service is there, its figures, and what it can do."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from optimizer.service.plain_json import PlainJSON
from optimizer.service.security import Guarded, allowed, anybody
from optimizer.service.shown import Health
from optimizer.service.state import Running

router = APIRouter(route_class=Guarded, tags=["service"])
METHODS = ("get", "post", "put", "delete")


@router.get("/health", response_model=Health, **anybody())
async def health() -> Response:
    """Say that the process answers."""
    return PlainJSON({"status": "ok"})


@router.get("/health/ready", response_model=Health, **anybody())
def ready(service: Running) -> Response:
    """Say that the store can be read; 503 where it cannot."""
    service.store.campaigns.page(limit=1)
    return PlainJSON({"status": "ok"})


@router.get("/metrics", response_class=PlainTextResponse, **allowed("read"))
def metrics(service: Running) -> Response:
    """Return figures for Prometheus."""
    return Response(service.metrics.page(service.jobs.rows.count()), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/openapi.json", response_model=dict, **allowed("read"))
def description(request: Request) -> Response:
    """Return the description of the API, OpenAPI 3.1."""
    return PlainJSON(request.app.openapi())


@router.get("/docs", response_class=Response, responses={200: {"content": {"text/html": {}}}}, **allowed("read"))
def docs(request: Request) -> Response:
    """Return a page that lists the routes; it needs nothing from outside and runs no script."""
    rows = []
    for path, methods in request.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                cells = (method.upper(), path, operation["x-scope"], operation.get("description", ""))
                rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    head = "<tr><th>method</th><th>address</th><th>scope</th><th>what it does</th></tr>"
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>glittercake</title><h1>glittercake</h1><table>{head}{body}</table></html>'
    return Response(page, media_type="text/html; charset=utf-8")
