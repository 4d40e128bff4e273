"""The one error of the client: what the service said was wrong (RFC 9457), or that nothing was heard of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.client.wire import NO_ANSWER, Answer

TEMPORARY = (NO_ANSWER, 429, 500, 502, 503, 504)  # of a proxy too; what was asked may well be answered later
JOB = "content-location"  # names the job in its answer; a failed one stays failed under its key


class ApiError(Exception):
    """A request that was not answered as asked.

    Attributes:
        status: HTTP status; 0 where no answer came.
        title: The status in words.
        detail: One sentence: the thing, the rule, the value and the remedy.
        kind: Which problem it is, `urn:glittercake:problem:...`.
        errors: Each with `field`, `rule`, `value` and maybe `remedy`; empty where no field is to blame.
        temporary: Whether the same request, with the same key, may be answered later.
    """

    def __init__(
        self, status: int, detail: str, title: str = "", kind: str = "", errors: Sequence[Mapping[str, Any]] = (), temporary: bool = False
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.title, self.kind, self.temporary = status, detail, title, kind, temporary
        self.errors = tuple(errors)

    @property
    def field(self) -> str | None:
        """The first field that is to blame."""
        return str(self.errors[0]["field"]) if self.errors else None

    @property
    def value(self) -> Any:
        """What was sent in that field."""
        return self.errors[0].get("value") if self.errors else None

    @classmethod
    def from_problem(cls, problem: Mapping[str, Any], temporary: bool = False) -> ApiError:
        """Return the error of a problem as the service words it."""
        status, detail = int(problem["status"]), str(problem["detail"])
        return cls(status, detail, str(problem.get("title", "")), str(problem.get("type", "")), problem.get("errors") or (), temporary)


def may_come_later(answer: Answer) -> bool:
    """Return whether the same request may be answered later: not where the answer is that of a job which failed."""
    return answer.status in TEMPORARY and JOB not in answer.headers


def error_of(answer: Answer) -> ApiError:
    """Return the error that an answer is; one that is not the service's (of a proxy, say) is told by its status."""
    later = may_come_later(answer)
    text = answer.body.decode("utf-8", "replace")
    if answer.status == NO_ANSWER:
        return ApiError(NO_ANSWER, f"the service does not answer ({text}); see that it runs and that the address is right", temporary=later)
    try:
        return ApiError.from_problem(answer.json(), later)
    except (ValueError, KeyError, TypeError, AttributeError):
        said = f"the answer must be the service's, got status {answer.status} with {text[:100]!r}; see what else listens at the address"
        return ApiError(answer.status, said, temporary=later)


def data_of(answer: Answer) -> Any:
    """Return the data of an answer.

    Raises:
        ApiError: If it is a problem, or no JSON.
    """
    if not answer.good:
        raise error_of(answer)
    try:
        return answer.json()
    except ValueError:
        raise error_of(answer) from None
