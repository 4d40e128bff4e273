"""Problems as RFC 9457 has them: what went wrong, in one sentence, with field, rule and value. Every error of the service goes through here."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from objectives.studies import UnknownStudyError
from optimizer.lab_table.problems import LabTableError
from optimizer.service.plain_json import PlainJSON
from optimizer.service.validation import LONGEST, MOST, finding, plain, rule_of
from optimizer.store import (
    ConflictError,
    KeyReusedError,
    RecordError,
    StoreError,
    ToldError,
    UnavailableError,
    UnknownError,
)

KIND = "urn:glittercake:problem:"
MEDIA = "application/problem+json"
LOG = logging.getLogger("glittercake.service")
REFUSALS = (ValueError, UnknownStudyError, RecursionError, OverflowError)  # of what a caller wrote: a campaign, a recipe, a number too large
RETRY_S = 5  # after which what is busy may be free

# From the narrowest to the widest; the first that fits counts.
STATUSES: tuple[tuple[type[StoreError], int, str], ...] = (
    (UnknownError, 404, "unknown"),
    (KeyReusedError, 422, "key-reused"),
    (RecordError, 422, "invalid"),
    (UnavailableError, 503, "unavailable"),
    (ConflictError, 409, "conflict"),
    (ToldError, 409, "told"),
    (StoreError, 409, "refused"),
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a request."""

    field: str
    rule: str
    value: Any = None
    remedy: str = ""


class Problem(Exception):  # noqa: N818 (the word of RFC 9457)
    """A refusal: its status, kind and sentence, and the fields it is about."""

    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[Finding] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.errors, self.headers = status, kind, detail, tuple(errors), dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        errors = [{name: value for name, value in vars(one).items() if value != "" or name == "value"} for one in self.errors]
        return {
            "type": f"{KIND}{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **({"errors": errors} if errors else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Problem:
        """Return the problem of its plain data."""
        kind = str(data["type"]).removeprefix(KIND)
        return cls(data["status"], kind, data["detail"], [Finding(**one) for one in data.get("errors", ())])

    def response(self) -> PlainJSON:
        """Return the answer."""
        return PlainJSON(self.as_json(), self.status, self.headers, MEDIA)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error is: of the store, of a campaign file, of a table; anything else is a fault of ours and says nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, LabTableError):
        found = [Finding(_place(one.row, one.column), one.rule, one.value[:LONGEST], one.remedy) for one in error.problems[:MOST]]
        more = len(error.problems) - 1
        said = f"nothing was imported: {error.problems[0]}" + (f" (and {more} more problem{'s' if more > 1 else ''})" if more else "")
        return Problem(422, "table", said, found)
    if isinstance(error, RecordError):
        return Problem(422, "invalid", str(error), [Finding(error.field, error.rule, plain(error.value), error.remedy)])
    for kind, status, name in STATUSES:
        if isinstance(error, kind):
            headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
            return Problem(status, name, str(error), headers=headers)
    LOG.error("a fault in the service", exc_info=error)
    return Problem(500, "fault", "the service has a fault, which its log describes; tell whoever runs it")


def refusing(error: Exception, field_name: str) -> Problem:
    """Return the problem of a text that its parser refuses, as the command line would."""
    if isinstance(error, StoreError | LabTableError | Problem):
        return problem_of(error)
    if isinstance(error, RecursionError):
        return Problem(422, "invalid", f"the {field_name} must not be nested that deeply; make it flatter", [Finding(field_name, "must be flatter")])
    said = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    rule, _, remedy = said.rpartition("; ")
    return Problem(422, "invalid", said, [Finding(field_name, rule or said, None, remedy if rule else "")])


def _place(row: int, column: str) -> str:
    return " ".join(part for part in (f"row {row}" if row else "table", f'column "{column[:LONGEST]}"' if column else "") if part)


async def _problem(_: Request, error: Exception) -> PlainJSON:
    return problem_of(error).response()


async def _invalid(_: Request, error: Exception) -> PlainJSON:
    errors = list(cast("RequestValidationError", error).errors())
    if any(one.get("type") == "json_invalid" for one in errors):
        said = "; ".join(rule_of(one) for one in errors)
        return Problem(
            400, "not-json", f"the body must be JSON, got something else ({said}); correct it", [Finding("body", "must be JSON")]
        ).response()
    found = [Finding(**finding(one)) for one in errors[:MOST]]
    return Problem(422, "invalid", "; ".join(f"{one.field} {one.rule}" for one in found), found).response()


async def _http(_: Request, error: Exception) -> PlainJSON:
    found = cast("HTTPException", error)
    said = {
        400: "the body must be JSON and not nested deeply; correct it",
        404: "there is nothing at this address; see the list of routes at /api/v1/openapi.json",
        413: "the body is larger than this service takes; split it, or raise body_bytes",
        405: "this address does not take this method; see the list of routes at /api/v1/openapi.json",
    }
    phrase = HTTPStatus(found.status_code)
    detail = said.get(found.status_code, phrase.description or phrase.phrase)
    return Problem(found.status_code, "http", detail, headers=found.headers).response()


def add_handlers(app: FastAPI) -> None:
    """Let every error of a route become a problem."""
    for kind in (Problem, StoreError, LabTableError):
        app.add_exception_handler(kind, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
