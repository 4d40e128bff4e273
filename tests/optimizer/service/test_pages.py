"""The pages about the API, the description and the client's types are those of the code; the description breaks nothing that was released."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from optimizer.service import create_app, load_settings
from optimizer.service.breaking import breaking, operations
from optimizer.service.pages import FOLDER, ROOT, common_problems, example, files
from optimizer.service.shapes import type_of

DOCUMENT: dict[str, Any] = create_app(load_settings()).openapi()
WRITTEN = files(DOCUMENT)


@pytest.mark.parametrize("name", WRITTEN)
def test_file_is_what_the_code_gives_now(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == WRITTEN[name], f"{name} is not up to date; run make api"


def test_there_is_no_page_that_nothing_is_written_for() -> None:
    assert {f"{FOLDER}/{path.name}" for path in (ROOT / FOLDER).iterdir()} - {f"{FOLDER}/released.json"} == {
        name for name in WRITTEN if name.startswith(FOLDER)
    }


def test_description_breaks_nothing_that_was_released() -> None:
    released = json.loads((ROOT / FOLDER / "released.json").read_text(encoding="utf-8"))
    found = breaking(released, DOCUMENT)
    assert not found, "a program that works with the last release would not with this:\n" + "\n".join(found)


def test_every_operation_is_on_a_page_with_its_scope_parameters_and_statuses() -> None:
    common = common_problems(DOCUMENT)
    for name, operation in operations(DOCUMENT):
        page = WRITTEN[f"{FOLDER}/{operation['tags'][0]}.md"]
        heading = f"## {name.replace('/api/v1', '')}\n"
        assert heading in page
        section = page.split(heading)[1].split("\n## ")[0]
        assert f"`{operation['x-scope']}`" in section or operation["x-scope"] == "none"
        assert all(f"| `{one['name']}` |" in section for one in operation.get("parameters", ()))
        assert all(f"**{status}**" in section or f"| {status} |" in section for status in operation["responses"] if status not in common)
        assert "curl" in section


def test_links_between_pages_lead_to_a_heading() -> None:
    anchors = {}
    for name, text in WRITTEN.items():
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        anchors[Path(name).name] = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    for name, text in WRITTEN.items():
        for page, anchor in re.findall(r"\]\(([\w.]+)#([\w-]+)\)", text) if name.endswith(".md") else ():
            assert anchor in anchors[page], f"{name} links to {page}#{anchor}"


def test_no_line_of_a_table_is_cut_by_what_is_in_it() -> None:
    for name, text in WRITTEN.items():
        for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE) if name.endswith(".md") else ():
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, f"{name}: {table}"


@pytest.mark.parametrize(
    ("schema", "said", "shown"),
    [
        ({"$ref": "#/components/schemas/NewClone"}, "NewClone", {"name": "slurry-3"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None", 1),
        ({"enum": ["a", "b"]}, 'Literal["a", "b"]', "a"),
        ({"const": "ok"}, 'Literal["ok"]', "ok"),
        ({"type": "array", "items": {"type": "number"}}, "list[float]", [1.0]),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Mapping[str, str]", {}),
        ({"type": "object"}, "Mapping[str, Any]", {}),
        ({}, "Any", None),
    ],
)
def test_schema_becomes_a_type_and_an_example(schema: dict[str, Any], said: str, shown: object) -> None:
    assert (type_of(schema), example(schema, DOCUMENT)) == (said, shown)
