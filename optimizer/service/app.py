"""The application: routes, shield and problems put together. `create_app` opens nothing until it is served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from optimizer.service import openapi
from optimizer.service.problems import add_handlers
from optimizer.service.routes import ROUTERS
from optimizer.service.settings import Settings
from optimizer.service.shield import PREFIX, Shield
from optimizer.service.state import Service, open_service
from optimizer.store import StoreError

LOG = logging.getLogger("glittercake.service")


def create_app(settings: Settings) -> FastAPI:
    """Return the application of a service; its store opens and its jobs are taken up when it starts, and its workers end when it stops."""
    app = FastAPI(
        title="glittercake",
        version=version("glittercake"),
        summary="Plans, gives out and keeps the recipes and measurements of a lab.",
        openapi_url=None,  # the routes for it take a key, as all do
        lifespan=partial(_lifespan, settings),
        middleware=[Middleware(Shield)],
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_name,
        separate_input_output_schemas=False,
    )
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=openapi.PROBLEMS, max_body_size=settings.body_bytes)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(settings: Settings, app: FastAPI) -> AsyncIterator[None]:
    service = await run_in_threadpool(open_service, settings)
    app.state.service = service
    sweeper = asyncio.create_task(_sweep(service))
    try:
        await run_in_threadpool(service.jobs.resume)
        if settings.warm:
            service.jobs.warm()
        yield
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        await run_in_threadpool(service.close)


async def _sweep(service: Service) -> None:
    while True:
        await asyncio.sleep(service.settings.sweep_s)
        try:
            await run_in_threadpool(service.sweep)
        except StoreError as error:  # the next round finds what this one did not
            LOG.warning("leases were not looked at: %s", error)
