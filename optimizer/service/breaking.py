"""What of a change to the API's description breaks a program that was written for the description before.

A pure comparison of two OpenAPI documents, by the rules of `oasdiff` (which is in Go) for what this API has. Not compared: texts, examples, names of
operations, headers of answers, bounds of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from optimizer.service.breaking_schemas import Side, schema_breaks

Json = Mapping[str, Any]
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
SCOPE = "x-scope"


def breaking(old: Json, new: Json) -> list[str]:
    """Return each breaking difference as a sentence that names operation, place and change; none where old programs go on working."""
    found: list[str] = []
    now = dict(operations(new))
    for name, operation in operations(old):
        later = now.get(name)
        said = [": is removed"] if later is None else _operation(operation, later, old, new)
        found += [f"{name}{one}" for one in said]
    return found


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Iterate over the operations by name, `GET /path`."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def _operation(old: Json, new: Json, before: Json, after: Json) -> list[str]:
    def schemas(one: Json, other: Json, side: Side) -> list[str]:
        return schema_breaks(one, other, side, before, after)

    said = [] if old.get(SCOPE) == new.get(SCOPE) else [f": takes the scope {new.get(SCOPE)}, took {old.get(SCOPE)}"]
    return said + _parameters(old, new, schemas) + _body(old, new, schemas) + _answers(old, new, schemas)


Schemas = Callable[[Json, Json, Literal["request", "response"]], list[str]]


def _parameters(old: Json, new: Json, schemas: Schemas) -> list[str]:
    before, after = ({_named(one): one for one in operation.get("parameters", ())} for operation in (old, new))
    said = [f", parameter {name}: is removed" for name in before if name not in after]
    for name, parameter in after.items():
        if parameter.get("required") and not before.get(name, {}).get("required"):
            said.append(f", parameter {name}: is required, was {'optional' if name in before else 'not there'}")
        if name in before:
            said += [f", parameter {name}{one}" for one in schemas(before[name].get("schema", {}), parameter.get("schema", {}), "request")]
    return said


def _named(parameter: Json) -> str:
    """Return a parameter's name and place; a header's in small letters, since it is the same in large ones."""
    name, place = parameter["name"], parameter["in"]
    return f"{name.lower() if place == 'header' else name} ({place})"


def _body(old: Json, new: Json, schemas: Schemas) -> list[str]:
    before, after = (operation.get("requestBody", {}) for operation in (old, new))
    said = []
    if after.get("required") and not before.get("required"):
        said.append(f", request: is required, was {'optional' if before else 'not there'}")
    if before and not after:
        return [", request: is removed"]
    for kind, content in before.get("content", {}).items():
        if kind not in after["content"]:
            said.append(f", request: takes no {kind} any more")
        else:
            said += [f", request{one}" for one in schemas(content.get("schema", {}), after["content"][kind].get("schema", {}), "request")]
    return said


def _answers(old: Json, new: Json, schemas: Schemas) -> list[str]:
    before, after = old["responses"], new["responses"]
    said = [f", answer {status}: is removed" for status in before if status not in after]
    said += [f", answer {status}: is new, and not an error" for status in after if status not in before and not status.startswith(("4", "5"))]
    for status in before:
        kinds, now = before[status].get("content", {}), after.get(status, {}).get("content", {})
        for kind, content in kinds.items() if status in after else ():
            if kind not in now:
                said.append(f", answer {status}: comes as {kind} no more")
            else:
                said += [f", answer {status}{one}" for one in schemas(content.get("schema", {}), now[kind].get("schema", {}), "response")]
    return said
