"""The description of the API: OpenAPI 3.1, with the key, the problems and the scope of every route in it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from optimizer.service.links import add_links
from optimizer.service.problems import MEDIA
from optimizer.service.shown import ProblemBody

_WORDS = {
    400: "The body is not JSON.",
    401: "No key, or a wrong, expired or revoked one.",
    403: "The key does not have the scope.",
    404: "There is no such thing.",
    409: "Something else was written in between, or the thing's state forbids it.",
    413: "The body is too large.",
    415: "The body is of another type than this takes.",
    422: "A field breaks a rule: `errors` names field, rule and value.",
    429: "Too many requests or jobs; `Retry-After` says when to come again.",
    500: "A fault of the service.",
    503: "The store or a worker is not available; come again with the same key.",
}
_PROBLEM = {"content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"description": said, **_PROBLEM} for status, said in _WORDS.items()}
MORE: dict[int | str, dict[str, Any]] = {
    412: {"description": "The campaign is at another revision than If-Match says.", **_PROBLEM},
    428: {"description": "If-Match is missing.", **_PROBLEM},
    504: {"description": "The work took longer than it may.", **_PROBLEM},
}


def operation_name(route: APIRoute) -> str:
    """Return an operation's name in the description, which programs made from it show: its resource and what it does."""
    return f"{route.tags[0]}-{route.name}"


def document(app: FastAPI) -> dict[str, Any]:
    """Return the description, made once."""
    if not app.openapi_schema:
        found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes, separate_input_output_schemas=False)
        parts = found.setdefault("components", {})
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "A key of the service, `gck_...`."}}
        schemas = parts.setdefault("schemas", {})
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        add_links(found["paths"])
        app.openapi_schema = found
    return app.openapi_schema
