"""A corpus of bad uploads, sent to the route: each is refused in one sentence that names the place, nothing is written, memory stays bounded."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from objectives.studies import read_data
from optimizer.service.routes.observations import CSV, XLSX
from optimizer.store.tables import metadata
from tests.optimizer.lab_table.test_bad_tables import CASES, delimited, good_rows, workbook
from tests.optimizer.service.conftest import Api
from tests.optimizer.service.hostile import HOSTILE

ROOT = Path(__file__).resolve().parents[3]
MOST_MB = 300  # that one upload may take beside what the service has: what 100 MB of XML comes to while it is unpacked
SPACE_HEADER = "graphite_wt,carbon_wt,binder_wt,binder,solids_wt,loading_mg_cm2,density_g_cm3,areal_capacity (mAh/cm2)"
SPACE_ROW = "95.5,1.5,3,PVDF,50,10,1.5,3.4"


@dataclass(frozen=True)
class Upload:
    """A bad upload: where the problem is told, and a part of its rule."""

    name: str
    campaign: str  # "electrode" or "space"
    kind: str
    data: bytes
    place: str
    rule: str
    status: int = 422


def tables() -> Iterator[Upload]:
    """Yield the importer's own corpus, but for what takes options that an upload has not, is more than a body may be, or is the same in UTF-16."""
    for case in CASES:
        if case.options is None and case.name != "more than 10 MB" and not case.name.endswith(("in tab-utf16", "in comma-bom")):
            place = " ".join(part for part in (f"row {case.row}" if case.row else "table", f'column "{case.column}"' if case.column else "") if part)
            yield Upload(case.name, "electrode", XLSX if case.name.endswith("xlsx") else CSV, case.data, place if case.alone else "", case.phrase)


def space_tables() -> Iterator[Upload]:
    """Yield tables for a campaign without physics, a value spoilt in each."""
    for column, value, rule in (
        ("graphite_wt", "NaN", "must be a finite number"),
        ("graphite_wt", "inf", "must be a finite number"),
        ("graphite_wt", "=95+0.5", "must not be a formula"),
        ("graphite_wt", "95,5", "must"),
        ("graphite_wt", "ninety", "must be a number"),
        ("graphite_wt", "#REF!", "must not be a spreadsheet error"),
        ("graphite_wt", "2026-05-01", "must be a number, not a date"),
        ("carbon_wt", "-1", "must"),
        ("carbon_wt", "1e999", "must be a finite number"),
        ("binder", "=cmd|' /C calc'!A0", "must"),
        ("binder", "", "must"),
        ("solids_wt", "50 wt%", "must"),
        ("loading_mg_cm2", "1 000", "must have no thousands separator"),
        ("density_g_cm3", "~1.5", "must be a number, not a bound"),
        ("areal_capacity (mAh/cm2)", "3.4±0.1", "must be one number"),
        ("areal_capacity (mAh/cm2)", "#N/A", "must not be a spreadsheet error"),
        ("areal_capacity (mAh/cm2)", "3.4 mAh", "must be a number without unit"),
    ):
        names, values = SPACE_HEADER.split(","), SPACE_ROW.split(",")
        values[names.index(column)] = value
        for kind, write in ((CSV, delimited), (XLSX, workbook)):
            data = write([names, SPACE_ROW.split(","), values])
            yield Upload(f"{column} = {value} in a space, {kind[-4:]}", "space", kind, data, f'row 3 column "{column}"', rule)
    yield Upload(
        "an option that there is not", "space", CSV, f"{SPACE_HEADER}\n{SPACE_ROW.replace('PVDF', 'glue')}\n".encode(), "row 2", "binder must be"
    )
    for column in SPACE_HEADER.split(",")[1:7]:  # graphite is what the others leave
        at = SPACE_HEADER.split(",").index(column)
        rows = [row[:at] + row[at + 1 :] for row in (SPACE_HEADER.split(","), SPACE_ROW.split(","))]
        yield Upload(f"no {column} in a space", "space", CSV, delimited(rows), "", "must")


def other_files() -> Iterator[Upload]:
    """Yield files that are no tables, and tables wrapped in what is not unwrapped."""
    text = delimited(good_rows())
    record = dict(zip(*good_rows()[:2], strict=True))
    for name, data in {
        "JSON": json.dumps([record]).encode(),
        "JSON lines": b"\n".join([json.dumps(record).encode()] * 3),
        "nested JSON": b"[" * 100_000 + b"]" * 100_000,
        "HTML": b"<!doctype html><table><tr><td>85</td></tr></table>",
        "XML with entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "YAML": b"am_wt: 85\nvgcf_wt: 2.3\n",
        "TOML": read_data("ncm811-lpscl.toml").encode()[:2000],
        "pickle": pickle.dumps(good_rows()),
        "base64": base64.b64encode(text),
        "gzip bomb": gzip.compress(b"0" * 50_000_000, mtime=0),
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(57),
        "SQLite": b"SQLite format 3\0" + bytes(84),
        "shell script": b"#!/bin/sh\nrm -rf /\n",
        "UTF-7": text.decode().encode("utf-7"),
        "EBCDIC": text.decode().replace("°", "").encode("cp500"),
        "form": b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n" + text + b"\r\n--x--\r\n",
        "headers twice": text.splitlines()[0] + b"\n" + text,
        "transposed": delimited([list(column) for column in zip(*good_rows(), strict=True)]),
        "one cell": b"85",
        "traversal": b"../../../etc/passwd\n",
    }.items():
        for kind in (CSV, XLSX):
            yield Upload(f"{name} as {kind[-4:]}", "electrode", kind, data, "", "must")
    yield Upload("beyond the body's limit", "electrode", CSV, text + b"x" * 10_000_000, "", "must have at most 10000000 bytes", 413)
    yield Upload("a type that none takes", "electrode", "application/zip", workbook(good_rows()), "Content-Type", "must be", 415)
    yield Upload("JSON by its type", "electrode", "application/json", json.dumps([record]).encode(), "Content-Type", "must be", 415)
    yield Upload("a form by its type", "electrode", "multipart/form-data; boundary=x", text, "Content-Type", "must be", 415)
    yield Upload("no type", "electrode", "", text, "Content-Type", "must be", 415)


UPLOADS = (*tables(), *space_tables(), *other_files())


@pytest.fixture(scope="module")
def campaigns(api: Api) -> dict[str, str]:
    return {"electrode": api.campaign(), "space": api.campaign(read_data("graphite-anode.toml"))}


def counts(api: Api) -> dict[str, int]:
    """Return how many rows every table of the store has."""
    with api.service.store.engine.connect() as connection:
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables}


def test_corpus_of_uploads_is_large_and_has_no_file_twice() -> None:
    assert len(UPLOADS) + len(HOSTILE) >= 300
    assert len({(one.campaign, one.kind, one.data) for one in UPLOADS}) == len(UPLOADS)
    assert len({one.name for one in UPLOADS}) == len(UPLOADS)


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_uploads_that_the_corpus_spoils_are_taken(api: Api, kind: str) -> None:
    write = delimited if kind == CSV else workbook
    assert api.upload(f"/campaigns/{api.campaign()}/imports", write(good_rows()), kind).status_code == 201
    rows = [SPACE_HEADER.split(","), SPACE_ROW.split(",")]
    assert api.upload(f"/campaigns/{api.campaign(read_data('graphite-anode.toml'))}/imports", write(rows), kind).status_code == 201


@pytest.mark.parametrize("upload", UPLOADS, ids=lambda one: one.name)
def test_bad_upload_is_refused_by_its_place_and_writes_nothing(api: Api, campaigns: dict[str, str], upload: Upload) -> None:
    before = counts(api)
    answer = api.upload(f"/campaigns/{campaigns[upload.campaign]}/imports", upload.data, upload.kind)
    assert answer.status_code == upload.status, answer.text
    said = answer.json()
    assert upload.status != 422 or said["detail"].startswith("nothing was imported: "), said["detail"]
    assert "\n" not in said["detail"]
    findings = [(one["field"], one["rule"]) for one in said.get("errors", [])] or [("", said["detail"])]
    assert [place for place, rule in findings if upload.rule in rule and upload.place in ("", place)], said
    assert all(one.get("remedy") for one in said.get("errors", []))
    assert counts(api) == before


def exhaust(*names: str) -> None:
    """Send hostile uploads to a service in a process of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "tests.optimizer.service.hostile", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert set(answers) == set(names)
    for name, answer in answers.items():
        assert (answer["status"], answer["kept"], answer["audited"]) == (422, 0, 1), answer  # the audit has the campaign's making
        assert answer["errors"][0]["remedy"], answer
        assert answer["mb"] < MOST_MB, f"{name} took {answer['mb']} MB"


def test_uploads_made_to_exhaust_are_refused_within_bounded_memory() -> None:
    exhaust("zip bomb of one part under many names", "shared texts without number", "wide rows of errors", "commas")


@pytest.mark.slow
def test_every_upload_made_to_exhaust_is_refused_within_bounded_memory() -> None:
    exhaust(*HOSTILE)
