"""Each rule of what breaks a program that was written for the API before, and of what does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from optimizer.service import create_app, load_settings
from optimizer.service.breaking import breaking

Json = dict[str, Any]
ITEM: Json = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["a", "b"], "minLength": 1, "maxLength": 9},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
        "more": {"type": "object", "additionalProperties": {"type": "number"}},
        "any": {},
    },
    "required": ["kind", "note"],
    "additionalProperties": False,
}
REF = {"$ref": "#/components/schemas/Item"}
BASE: Json = {
    "paths": {
        "/things": {
            "post": {
                "x-scope": "write",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {"required": True, "content": {"application/json": {"schema": REF}}},
                "responses": {"200": {"content": {"application/json": {"schema": REF}}}, "409": {"description": "no"}},
            },
            "get": {"x-scope": "read", "responses": {"200": {"content": {"text/csv": {}}}}},
        }
    },
    "components": {"schemas": {"Item": ITEM}},
}
POST, GET = "POST /things", "GET /things"
Change = Callable[[Json], object]


def changed(change: Change) -> list[str]:
    new = copy.deepcopy(BASE)
    change(new)
    return breaking(BASE, new)


def post(document: Json) -> Json:
    found: Json = document["paths"]["/things"]["post"]
    return found


def item(document: Json) -> Json:
    found: Json = document["components"]["schemas"]["Item"]["properties"]
    return found


def parameter(**fields: Any) -> Change:
    return lambda d: post(d)["parameters"][0].update(fields)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["paths"]["/things"].pop("get"), [f"{GET}: is removed"]),
        (lambda d: d["paths"].pop("/things"), [f"{POST}: is removed", f"{GET}: is removed"]),
        (lambda d: post(d).update({"x-scope": "admin"}), [f"{POST}: takes the scope admin, took write"]),
        (lambda d: post(d)["parameters"].pop(0), [f"{POST}, parameter limit (query): is removed"]),
        (parameter(required=True), [f"{POST}, parameter limit (query): is required, was optional"]),
        (
            lambda d: post(d)["parameters"].append({"name": "new", "in": "query", "required": True}),
            [f"{POST}, parameter new (query): is required, was not there"],
        ),
        (parameter(schema={"type": "string"}), [f"{POST}, parameter limit (query): the type is string, was integer"]),
        (parameter(schema={"type": "integer", "maximum": 50}), [f"{POST}, parameter limit (query): maximum is 50, was 100"]),
        (
            parameter(schema={"type": "integer", "maximum": 100, "minimum": 1}),
            [f"{POST}, parameter limit (query): minimum is 1, was none"],
        ),
        (lambda d: post(d).pop("requestBody"), [f"{POST}, request: is removed"]),
        (
            lambda d: d["paths"]["/things"]["get"].update(requestBody={"required": True, "content": {}}),
            [f"{GET}, request: is required, was not there"],
        ),
        (
            lambda d: post(d)["requestBody"].update(content={"text/csv": {}}),
            [f"{POST}, request: takes no application/json any more"],
        ),
        (lambda d: post(d)["responses"].pop("409"), [f"{POST}, answer 409: is removed"]),
        (lambda d: post(d)["responses"].update({"202": {}}), [f"{POST}, answer 202: is new, and not an error"]),
        (lambda d: d["paths"]["/things"]["get"]["responses"]["200"].update(content={}), [f"{GET}, answer 200: comes as text/csv no more"]),
        # A named schema is both taken and given, so that each change has a side on which it breaks.
        (
            lambda d: item(d).pop("count"),
            [f"{POST}, request.count: is removed", f"{POST}, answer 200.count: is removed"],
        ),
        (
            lambda d: d["components"]["schemas"]["Item"].update(required=["kind", "note", "count"]),
            [f"{POST}, request.count: is required, was optional"],
        ),
        (
            lambda d: (item(d).update(new={"type": "string"}), d["components"]["schemas"]["Item"]["required"].append("new")),
            [f"{POST}, request.new: is required, was not there"],
        ),
        (lambda d: d["components"]["schemas"]["Item"].update(required=["note"]), [f"{POST}, answer 200.kind: may be missing, was always there"]),
        (
            lambda d: item(d)["count"].update(type="string"),
            [f"{POST}, request.count: the type is string, was integer", f"{POST}, answer 200.count: the type is string, was integer"],
        ),
        (lambda d: item(d)["count"].update(type="number"), [f"{POST}, answer 200.count: the type is number, was integer"]),
        (lambda d: item(d)["kind"].update(enum=["a"]), [f"{POST}, request.kind: takes no 'b' any more"]),
        (lambda d: item(d)["kind"].update(enum=["a", "b", "c"]), [f"{POST}, answer 200.kind: may be 'c' now"]),
        (lambda d: item(d)["kind"].pop("enum"), [f"{POST}, answer 200.kind: is any value now"]),
        (lambda d: item(d)["count"].update(enum=[1, 2]), [f"{POST}, request.count: is only 1, 2 now"]),
        (lambda d: item(d)["count"].update(const=1), [f"{POST}, request.count: is only 1 now"]),
        (lambda d: item(d)["kind"].update(maxLength=5), [f"{POST}, request.kind: maxLength is 5, was 9"]),
        (lambda d: item(d)["kind"].update(pattern="^a"), [f"{POST}, request.kind: pattern is ^a, was none"]),
        (lambda d: item(d).update(note={"type": "string"}), [f"{POST}, request.note: must not be null any more"]),
        (
            lambda d: item(d).update(count={"anyOf": [item(d)["count"], {"type": "null"}]}),
            [f"{POST}, answer 200.count: may be null now"],
        ),
        (lambda d: item(d).update(any={"type": "string"}), [f"{POST}, request.any: the type is string, was anything"]),
        (
            lambda d: item(d)["more"].update(additionalProperties={"type": "integer"}),
            [f"{POST}, request.more.*: the type is integer, was number"],
        ),
        (lambda d: item(d)["more"].update(additionalProperties=False), [f"{POST}, request.more: takes no properties but those named any more"]),
        (
            lambda d: item(d)["parts"].update(items={"type": "string"}),
            [f"{POST}, request.parts[]: the type is string, was object", f"{POST}, answer 200.parts[]: the type is string, was object"],
        ),
        (lambda d: item(d)["parts"].update(maxItems=3), [f"{POST}, request.parts: maxItems is 3, was none"]),
    ],
)
def test_breaking_change_is_named(change: Change, said: list[str]) -> None:
    assert changed(change) == said


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/new": {"get": {"responses": {}}}}),
        lambda d: post(d)["parameters"].append({"name": "new", "in": "query", "schema": {"type": "string"}}),
        lambda d: post(d)["parameters"][1].update(required=False),
        lambda d: post(d)["parameters"][1].update(name="if-match"),
        parameter(schema={"type": "integer", "maximum": 200}),
        parameter(schema={"type": "number"}),
        parameter(schema={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        parameter(schema={"type": ["integer", "null"]}),
        parameter(schema={}),
        lambda d: post(d)["requestBody"].update(required=False),
        lambda d: post(d)["requestBody"]["content"].update({"text/csv": {}}),
        lambda d: post(d)["responses"].update({"410": {}}),
        lambda d: item(d).update(new={"type": "string"}),
        lambda d: post(d).update(operationId="other", summary="other", description="other"),
        lambda d: item(d)["kind"].update(description="other", examples=["a"]),
    ],
)
def test_widening_change_breaks_nothing(change: Change) -> None:
    assert changed(change) == []


def test_schemas_written_out_are_the_same_as_named_ones() -> None:
    assert changed(lambda d: post(d)["requestBody"]["content"]["application/json"].update(schema=d["components"]["schemas"]["Item"])) == []


def test_own_description_breaks_nothing_of_itself_and_loses_each_operation_by_name() -> None:
    document = create_app(load_settings()).openapi()
    assert breaking(document, document) == []
    assert len(breaking(document, {**document, "paths": {}})) == sum(len(methods) for methods in document["paths"].values())
