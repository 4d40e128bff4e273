"""Figures for Prometheus: requests by route and status, how long they took, jobs by state. Each service has a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 10.0, 30.0, 60.0)


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("glittercake_requests", "Answers given.", (*labels, "status"), registry=self._registry)
        self._seconds = Histogram("glittercake_request_seconds", "How long answers took.", labels, buckets=BUCKETS, registry=self._registry)
        self._jobs = Gauge("glittercake_jobs", "Jobs that are kept.", ("state",), registry=self._registry)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer, under its route's pattern: an address made up by a caller makes no new series."""
        route = scope.get("route")
        pattern = str(getattr(route, "path", "") or "none")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
        self._requests.labels(method, pattern, str(status)).inc()
        self._seconds.labels(method, pattern).observe(seconds)

    def page(self, jobs: dict[str, int]) -> bytes:
        """Return the figures as Prometheus reads them."""
        self._jobs.clear()
        for state, number in jobs.items():
            self._jobs.labels(state).set(number)
        return generate_latest(self._registry)
