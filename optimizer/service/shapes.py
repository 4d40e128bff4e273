"""The data of the API as types of Python, written from its description: `optimizer/client/shapes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = '''"""What goes in and what comes out, as types. Written by `make api` from the description of the API; not edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict
'''
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def module(document: Mapping[str, Any]) -> str:
    """Return the module's text: a TypedDict for each schema of the document, in order of name."""
    schemas = {name_of(name): schema for name, schema in sorted(document["components"]["schemas"].items()) if "properties" in schema}
    return "\n\n".join([_HEAD, *(_shape(name, schema) for name, schema in sorted(schemas.items()))])


def name_of(schema: str) -> str:
    """Return the type's name: that of the schema, without what only tells it from a class of the service."""
    return schema.removesuffix("Body")


def type_of(schema: Mapping[str, Any]) -> str:
    """Return a schema as an annotation; what may be anything is Any."""
    if "$ref" in schema:
        return name_of(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(_quoted(value) for value in schema.get('enum', [schema.get('const')]))}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties", True)
        return f"Mapping[str, {type_of(more) if isinstance(more, dict) else 'Any'}]"
    return _PLAIN.get(str(kind), "Any")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    fields = [
        f"    {field}: {type_of(one) if field in required else f'NotRequired[{type_of(one)}]'}\n" for field, one in schema["properties"].items()
    ]
    said = schema.get("description", name).splitlines()[0]
    return f'class {name}(TypedDict):\n    """{said}"""\n\n{"".join(fields)}'
