"""Pages about the API, written from its description, and with them the description itself and the client's types.

    python -m optimizer.service.pages

writes `docs/api/` and `optimizer/client/shapes.py` anew. `docs/api/released.json` is the description of the last release, which must not be broken; a
release copies `openapi.json` over it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.service import shapes
from optimizer.service.breaking import SCOPE, operations
from optimizer.service.shield import PREFIX

Json = Mapping[str, Any]
ROOT = Path(__file__).parents[2]
FOLDER = "docs/api"
SHAPES = "shapes.md"
NOTE = "<!-- Written by `make api` from the description of the API; not edited by hand. -->"


def files(document: Json) -> dict[str, str]:
    """Return everything that is written from a description: text by path in the repository."""
    common = common_problems(document)
    tags = dict.fromkeys(operation["tags"][0] for _, operation in operations(document))
    pages = {f"{tag}.md": _page(document, tag, common) for tag in tags}
    written = {**pages, "README.md": _index(document, list(tags), common), SHAPES: _shapes(document)}
    return {
        **{f"{FOLDER}/{name}": text for name, text in written.items()},
        f"{FOLDER}/openapi.json": json.dumps(document, indent=1, sort_keys=True) + "\n",
        "optimizer/client/shapes.py": shapes.module(document),
    }


def common_problems(document: Json) -> dict[str, str]:
    """Return the problems that every operation has, by status, with what they mean."""
    each = [_problems(operation) for _, operation in operations(document)]
    return {status: said for status, said in each[0].items() if all(one.get(status) == said for one in each)}


def _problems(operation: Json) -> dict[str, str]:
    return {status: answer["description"] for status, answer in sorted(operation["responses"].items()) if status >= "4"}


def _index(document: Json, tags: list[str], common: Mapping[str, str]) -> str:
    rows = [
        f"| [`{_short(name)}`]({tag}.md#{_anchor(name)}) | {_safe(operation['description'].partition(': ')[0].rstrip('.'))} | {operation[SCOPE]} |"
        for tag in tags
        for name, operation in operations(document)
        if operation["tags"][0] == tag
    ]
    return "\n".join(
        [
            NOTE,
            f"# The API of {document['info']['title']} {document['info']['version']}",
            "",
            f"All addresses are behind `{PREFIX}`. The rules that all keep are those of [the service](../service.md); from Python there is",
            f"[a client](../client.md). What goes in and comes out: [shapes]({SHAPES}). The same for programs: [openapi.json](openapi.json).",
            "",
            "| request | does | scope |",
            "|---|---|---|",
            *rows,
            "",
            "## Problems that any of them may answer with",
            "",
            *_statuses(common),
            "",
        ]
    )


def _page(document: Json, tag: str, common: Mapping[str, str]) -> str:
    parts = [_operation(document, name, operation, common) for name, operation in operations(document) if operation["tags"][0] == tag]
    return "\n\n".join([f"{NOTE}\n# {tag.capitalize()}", *parts]) + "\n"


def _operation(document: Json, name: str, operation: Json, common: Mapping[str, str]) -> str:
    scope = operation[SCOPE]
    lines = [f"## {_short(name)}", "", operation.get("description", operation["summary"]), ""]
    lines += [f"Scope: {'none, no key is needed' if scope == 'none' else f'`{scope}`'}.", ""]
    if operation.get("parameters"):
        lines += ["| parameter | in | type | |", "|---|---|---|---|", *map(_parameter, operation["parameters"]), ""]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += [f"Body: `{kind}`{_of(content.get('schema', {}))}.", ""]
    lines += ["```sh", _curl(document, name, operation), "```", ""]
    own = {status: said for status, said in _problems(operation).items() if status not in common}
    good = [_good(status, answer) for status, answer in sorted(operation["responses"].items()) if status < "4"]
    return "\n".join([*lines, *good, *(["", *_statuses(own)] if own else [])])


def _parameter(parameter: Json) -> str:
    must = "must be given. " if parameter.get("required") and parameter["in"] != "path" else ""
    schema = parameter.get("schema", {})
    default = f" {json.dumps(schema['default'])} when left out." if schema.get("default") not in (None, "") else ""
    said = f"{must}{parameter.get('description', '')}{default}".strip()
    return f"| `{parameter['name']}` | {parameter['in']} | {_type(schema)} | {_safe(said)} |"


def _good(status: str, answer: Json) -> str:
    kinds = "; ".join(f"`{kind}`{_of(content.get('schema', {}))}" for kind, content in answer.get("content", {}).items())
    said = answer["description"].rstrip(".")
    examples = [_shown(content) for content in answer.get("content", {}).values()]
    return "".join([f"- **{status}**{'' if said == 'Successful Response' else f' {said}'}: {kinds or 'nothing'}.", *examples])


def _shown(content: Json) -> str:
    """Return the description's own example of an answer, where it has one."""
    named = [one["value"] for one in content.get("examples", {}).values()]
    found = [content["example"]] if "example" in content else named[:1]
    return "".join(f"\n\n```json\n{json.dumps(one, indent=1)}\n```\n" for one in found)


def _statuses(said: Mapping[str, str]) -> list[str]:
    return ["| status | means |", "|---|---|", *(f"| {status} | {text} |" for status, text in said.items())]


def _shapes(document: Json) -> str:
    named = {shapes.name_of(name): schema for name, schema in document["components"]["schemas"].items() if "properties" in schema}
    return "\n\n".join([f"{NOTE}\n# What goes in and what comes out", *(_shape(name, schema) for name, schema in sorted(named.items()))]) + "\n"


def _shape(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        f"| `{field}`{'' if field in required else ' (may be left out)'} | {_type(one)} | {_safe(_limits(one))} |"
        for field, one in schema["properties"].items()
    ]
    return "\n".join([f"## {name}", "", schema.get("description", ""), "", "| field | type | |", "|---|---|---|", *rows])


def _limits(schema: Json) -> str:
    """Return what a field says of itself: its text, its bounds, its default."""
    forms = [schema, *schema.get("anyOf", ())]
    kinds = (("minimum", "maximum", ""), ("minLength", "maxLength", " letters"), ("minItems", "maxItems", " items"))
    bounds = [_range(form.get(least), form.get(most), unit) for form in forms for least, most, unit in kinds if least in form or most in form]
    default = [f"default {json.dumps(schema['default'])}"] if schema.get("default") not in (None, "") else []
    said = "; ".join([*bounds, *default])
    return " ".join(filter(None, [schema.get("description", ""), f"{said[0].upper()}{said[1:]}." if said else ""]))


def _range(least: float | None, most: float | None, unit: str) -> str:
    ends = [None if one is None else str(int(one) if one == int(one) else one) for one in (least, most)]
    if None not in ends:
        return f"{ends[0]} to {ends[1]}{unit}"
    return f"at most {ends[1]}{unit}" if ends[0] is None else f"at least {ends[0]}{unit}"


def _type(schema: Json) -> str:
    """Return a type as Python writes it, with links to shapes, safe in a table."""
    if "$ref" in schema:
        name = shapes.name_of(schema["$ref"].rpartition("/")[2])
        return f"[{name}]({SHAPES}#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"{_type(schema['additionalProperties'])}, by name"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    return {"null": "null", "object": "object"}.get(str(schema.get("type")), str(schema.get("type", "anything")))


def _of(schema: Json) -> str:
    return f", {_type(schema)}" if "$ref" in schema else ""


def _curl(document: Json, name: str, operation: Json) -> str:
    """Return the request as a command, with the examples of the description."""
    method, path = name.split(" ")
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(example(parameter["schema"], document)))
    parts = [f'curl{"" if method == "GET" else f" -X {method}"} "$URL{path.removeprefix(PREFIX)}"']
    parts += ['-H "Authorization: Bearer $KEY"'] if operation[SCOPE] != "none" else []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "header" and parameter["name"].lower() in ("idempotency-key", "if-match"):
            value = '"$(uuidgen)"' if parameter["name"].lower() == "idempotency-key" else f"'{example(parameter['schema'], document)}'"
            parts.append(f"-H {parameter['name']}:{value}")
    body = operation.get("requestBody", {}).get("content", {})
    for kind, content in list(body.items())[:1]:
        parts.append(f'-H "Content-Type: {kind}"')
        data = json.dumps(content["example"] if "example" in content else example(content["schema"], document)).replace("'", "'\\''")
        parts.append(f"-d '{data}'" if kind == "application/json" else "--data-binary @table.csv")
    return " \\\n  ".join(parts)


def example(schema: Json, document: Json) -> Any:
    """Return an example of a schema: its own, else one made of its required parts."""
    if "$ref" in schema:
        return example(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if schema.get("examples"):
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        return {name: example(one, document) for name, one in schema.get("properties", {}).items() if name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [example(schema.get("items", {}), document)]
    return {"string": "text", "integer": 1, "number": 1.0, "boolean": True}.get(str(schema.get("type")))


def _safe(text: str) -> str:
    """Return a text that does not end a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _short(name: str) -> str:
    method, path = name.split(" ")
    return f"{method} {path.removeprefix(PREFIX)}"


def _anchor(name: str) -> str:
    """Return the anchor of a heading, as GitHub and most others make it."""
    return "".join(letter for letter in _short(name).lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def main() -> None:
    """Write everything anew, and take away pages that there is nothing for any more."""
    from optimizer.service import create_app, load_settings

    written = files(create_app(load_settings()).openapi())
    for page in (ROOT / FOLDER).glob("*.md"):
        page.unlink()
    for name, text in written.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
