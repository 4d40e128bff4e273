"""What a running service has: its store, keys, jobs, limits and figures; opened and closed together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from optimizer.database import connect
from optimizer.service import tables
from optimizer.service.job_rows import JobRows
from optimizer.service.jobs import Jobs
from optimizer.service.keys import Keys
from optimizer.service.limits import Buckets
from optimizer.service.metrics import Metrics
from optimizer.service.settings import Settings
from optimizer.store import By, Store


@dataclass(frozen=True)
class Service:
    """A running service."""

    settings: Settings
    store: Store
    keys: Keys
    jobs: Jobs
    requests: Buckets
    refusals: Buckets
    metrics: Metrics

    def sweep(self) -> None:
        """Free trials whose lease ran out, keep how jobs ended, and forget old ones."""
        self.store.trials.sweep(By("service"))
        self.jobs.settle()
        self.jobs.rows.forget(time.time() - self.settings.jobs_kept_s)

    def close(self) -> None:
        """End the workers and close the store."""
        self.jobs.close()
        self.store.close()


def open_store(settings: Settings) -> Store:
    """Return the store with the service's own tables beside it, made where there are none.

    Raises:
        StoreError: As `Store`.
        DatabaseError: As `Store`.
        ServiceError: If the service's tables are of a newer version.
    """
    store = Store(settings.store, create=True, connections=settings.connections)
    try:
        with connect(store.engine) as connection:
            tables.bring_up(connection)
    except BaseException:
        store.close()
        raise
    return store


def open_service(settings: Settings) -> Service:
    """Return a service with its store open and its workers ready to start; errors as `open_store`."""
    store = open_store(settings)
    jobs = Jobs(store, JobRows(store.engine), settings)
    return Service(
        settings,
        store,
        Keys(store.engine),
        jobs,
        Buckets(settings.requests_a_minute, settings.burst),
        Buckets(settings.refusals_a_minute, settings.refusals_a_minute),
        Metrics(),
    )


def running(request: Request) -> Service:
    """Return the service that serves a request."""
    found: Service = request.app.state.service
    return found


Running = Annotated[Service, Depends(running)]
