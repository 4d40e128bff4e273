"""Measurements over HTTP: told, corrected, uploaded, exported; a bad one leaves nothing behind."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from optimizer.service.routes.exports import harmless
from optimizer.service.routes.observations import CSV, XLSX
from tests.optimizer.service.conftest import Api, recipe, told

TABLE = "name,am_wt,coating,se_particle_um,vgcf_wt,discharge_capacity\nA1,85,95:5,1.5,2.3,187.5\nA2,82,95:5,1.5,2.3,180\n"


def workbook(rows: list[list[Any]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet()
        for i, row in enumerate(rows):
            sheet.write_row(i, 0, row)
    return content.getvalue()


def test_told_measurement_comes_back_as_it_was(api: Api) -> None:
    name = api.campaign()
    report = told(85.0, name="C-1", date="2026-03-25", own={"operator": "kim"})
    report["observation"]["outcomes"] = {"discharge_capacity": {"value": 187.25, "sd": 1.5}, "porosity": 0.125}
    (one,) = api.post(f"/campaigns/{name}/observations", {"reports": [report]}).json()["told"]
    kept = api.get(f"/campaigns/{name}/observations/{one['number']}").json()
    assert kept["observation"]["outcomes"] == {"discharge_capacity": {"value": 187.25, "sd": 1.5}, "porosity": {"value": 0.125}}
    assert kept["observation"]["own"] == {"operator": "kim"}
    assert kept["by"] == "ann"


def test_failed_and_corrected_measurements(api: Api) -> None:
    name = api.campaign()
    failed = {"observation": {"recipe": recipe(84.0), "status": "failed_cell", "cause": "crumbled"}}
    (one,) = api.post(f"/campaigns/{name}/observations", {"reports": [failed]}).json()["told"]
    path = f"/campaigns/{name}/observations/{one['number']}/correction"
    made = api.post(path, told(84.0, 185.0))
    assert (made.status_code, made.json()["corrects"]) == (201, one["number"])
    assert api.get(f"/campaigns/{name}/observations/{one['number']}").json()["corrected_by"] == made.json()["number"]
    assert api.post(path, told(84.0, 186.0)).status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"outcomes": {"discharge_capacity": -5.0}}, "reports[1].outcomes.discharge_capacity"),
        ({"outcomes": {"nonsense": 1.0}}, "reports[1].outcomes.nonsense"),
        ({"outcomes": {}}, "reports[1].observation.outcomes"),
        ({"date": "25.3.2026"}, "reports[1].observation.date"),
        ({"cause": "=HYPERLINK(1)"}, "reports[1].observation.cause"),
        ({"recipe": {"am_wt": 85.0}}, "reports[1].recipe"),
        ({"status": "odd"}, "reports.1.observation.status"),
        ({"outcomes": {"discharge_capacity": "187"}}, "reports.1.observation.outcomes.discharge_capacity.float"),
        ({"typo": 1}, "reports.1.observation.typo"),
    ],
)
def test_one_bad_report_keeps_none_and_names_the_field(api: Api, change: dict[str, Any], field: str) -> None:
    name = api.campaign()
    bad = told(86.0)
    bad["observation"].update(change)
    answer = api.post(f"/campaigns/{name}/observations", {"reports": [told(85.0), bad]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert api.get(f"/campaigns/{name}/observations").json()["items"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_number_that_is_none_is_refused(api: Api, number: str) -> None:
    name = api.campaign()
    content = '{"reports":[{"observation":{"recipe":{"am_wt":NUMBER},"outcomes":{"discharge_capacity":1.0}}}]}'.replace("NUMBER", number)
    answer = api.upload(f"/campaigns/{name}/observations", content.encode(), "application/json")
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'"text"', b"[]", b"null", b"{}"])
def test_body_that_is_no_object_is_refused(api: Api, content: bytes) -> None:
    answer = api.upload("/campaigns", content, "application/json")
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"])
def test_body_of_another_type_is_refused(api: Api, kind: str) -> None:
    assert api.upload("/campaigns", b'{"toml": ""}', kind).status_code == 415


def test_table_is_kept_once_however_often_it_is_sent(api: Api) -> None:
    name = api.campaign()
    first = api.upload(f"/campaigns/{name}/imports?source=March", TABLE.encode(), CSV)
    assert (first.status_code, len(first.json()["told"]), first.json()["already"]) == (201, 2, 0)
    rows: list[list[Any]] = [["name", "am_wt", "coating", "se_particle_um", "vgcf_wt", "discharge_capacity"], ["A1", 85, "95:5", 1.5, 2.3, 187.5]]
    again = api.upload(f"/campaigns/{name}/imports", workbook([*rows, ["A3", 80, "95:5", 1.5, 2.3, 170]]), XLSX)
    assert (again.status_code, len(again.json()["told"]), again.json()["already"]) == (201, 1, 1)


@pytest.mark.parametrize(
    ("content", "kind", "field"),
    [
        (TABLE.replace("187.5", "high").encode(), CSV, 'row 2 column "discharge_capacity"'),
        (TABLE.replace("A1", "=1+1").encode(), CSV, 'row 2 column "name"'),
        (b"", CSV, "table"),
        (b"PK\x03\x04 damaged", XLSX, "table"),
        (b"\x00\x01\x02", CSV, "row 1"),
        (b"am_wt\n", CSV, "row 1"),
    ],
)
def test_bad_table_is_refused_by_row_and_column_and_leaves_nothing(api: Api, content: bytes, kind: str, field: str) -> None:
    name = api.campaign()
    answer = api.upload(f"/campaigns/{name}/imports", content, kind)
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert api.get(f"/campaigns/{name}/observations").json()["items"] == []


def test_source_names_no_file(api: Api) -> None:
    name = api.campaign()
    answer = api.upload(f"/campaigns/{name}/imports?source=../../etc/passwd", TABLE.encode(), CSV)
    assert answer.status_code == 201
    assert api.get(f"/campaigns/{name}/observations/1").json()["observation"]["source"] == "../../etc/passwd"  # a name, and no more


def test_export_comes_back_by_import(api: Api) -> None:
    name, copy = api.campaign(), api.campaign()
    api.upload(f"/campaigns/{name}/imports", TABLE.encode(), CSV)
    table = api.get(f"/campaigns/{name}/export.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert api.upload(f"/campaigns/{copy}/imports", table.content, CSV).status_code == 201
    whole = api.get(f"/campaigns/{name}/export.json").json()
    assert [one["recipe"]["am_wt"] for one in whole["observations"]] == [85.0, 82.0]
    assert whole["campaign"] == api.get(f"/campaigns/{name}").json()


def test_export_has_no_cell_that_runs_and_keeps_numbers() -> None:
    table = 'name,=cmd|calc,y\n@SUM(1),-5,"+1e-3"\n"\t=1",-x,ok\n'
    rows = list(csv.reader(io.StringIO(harmless(table))))
    assert rows == [["name", "'=cmd|calc", "y"], ["'@SUM(1)", "-5", "+1e-3"], ["'\t=1", "'-x", "ok"]]
