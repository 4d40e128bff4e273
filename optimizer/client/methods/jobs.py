"""Jobs: begin one without waiting, look, wait with progress, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from optimizer.client import shapes
from optimizer.client.errors import JOB, data_of, error_of
from optimizer.client.jobs import Progress, ended
from optimizer.client.method import method
from optimizer.client.pages import Page, listing
from optimizer.client.wire import Steps, address, reading, writing

Work = Literal["suggestions", "checks", "predictions", "advice", "diagnostics", "validations", "simulations"]


class Jobs:
    """What can be done with long work."""

    @method
    def begin(self, campaign: str, work: Work, body: Mapping[str, Any], *, key: str | None = None) -> Steps[shapes.Job]:
        """Begin long work and return its job at once; the body is that of the route, as docs/api has it."""
        answer = yield writing(address("campaigns", campaign, work), body, key, more=[("Prefer", "respond-async")])
        job_id = answer.headers.get(JOB, "").rpartition("/")[2]
        if not job_id:
            raise error_of(answer)
        return data_of((yield reading(address("jobs", job_id))))

    @method
    def wait(self, job_id: str, *, progress: Progress | None = None) -> Steps[Any]:
        """Return the result of a job once it has ended; `progress` is called with the job at each look. Raises its problem if it failed."""
        return (yield from ended(job_id, progress))

    @method
    def job(self, job_id: str) -> Steps[shapes.Job]:
        """Return a job as it is now: state, progress, and once it has ended result or problem."""
        return data_of((yield reading(address("jobs", job_id))))

    @method
    def jobs(self, *, after: int | None = None, limit: int | None = None) -> Steps[Page[shapes.Job]]:
        """Return jobs in the order in which they were asked for, without their results."""
        return (yield from listing(address("jobs"), after, limit))

    @method
    def cancel(self, job_id: str, *, key: str | None = None) -> Steps[shapes.Job]:
        """End a job; one that has ended stays as it is."""
        return data_of((yield writing(address("jobs", job_id, "cancel"), None, key)))
