"""Uploads made to exhaust whoever reads them: small files that unpack, multiply or nest; and a program that sends them and prints what each took.

python -m tests.optimizer.service.hostile
"""

from __future__ import annotations

import gc
import io
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi.testclient import TestClient

from optimizer.lab_table.xlsx import MAX_UNPACKED
from optimizer.service.keys import SCOPES
from optimizer.service.routes.observations import CSV, XLSX
from tests.optimizer.lab_table.test_bad_tables import SHEET, delimited, good_rows, workbook
from tests.optimizer.service.conftest import TEXT, Api, application

FULL = MAX_UNPACKED - 100_000  # bytes that a part may have beside a small workbook's others
STRINGS, STYLES, BOOK = "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"
HEADER = delimited(good_rows())[:-1]


def grown(part: str, before: bytes, piece: bytes, most: int = FULL) -> bytes:
    """Return a good workbook, one part of which has a piece as often as the limit allows, before a mark."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(good_rows()))) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            text = source.read(name)
            if name == part:
                assert before in text
                text = text.replace(before, piece * ((most - len(text)) // len(piece)) + before, 1)
            target.writestr(name, text)
    return content.getvalue()


def packed(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


def overlapping() -> bytes:
    """Return an archive of many names for one large part."""
    large, many = b"0" * 9_000_000, 900
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(BOOK, large)
        info = archive.infolist()[0]
        for i in range(many):
            copy = zipfile.ZipInfo(f"xl/{i}.xml")
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(copy, name, getattr(info, name))
            archive.filelist.append(copy)
    return content.getvalue()


def lying() -> bytes:
    """Return a bomb that states a size of one byte."""
    data = packed(**{BOOK: b"0" * MAX_UNPACKED})
    return data.replace(MAX_UNPACKED.to_bytes(4, "little"), (1).to_bytes(4, "little"))


HOSTILE: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "zip bomb of one part": (XLSX, lambda: packed(**{BOOK: b"0" * (3 * MAX_UNPACKED)})),
    "zip bomb of many parts": (XLSX, lambda: packed(**{BOOK: b"", **{f"xl/{i}.xml": b"0" * 1_000_000 for i in range(120)}})),
    "zip bomb that states a small size": (XLSX, lying),
    "zip bomb of one part under many names": (XLSX, overlapping),
    "zip bomb in a zip": (XLSX, lambda: packed(**{"inner.zip": packed(**{BOOK: b"0" * MAX_UNPACKED})})),
    "shared texts without number": (XLSX, lambda: grown(STRINGS, b"</sst>", b"<si/>")),
    "shared texts of nothing but tags": (XLSX, lambda: grown(STRINGS, b"</sst>", b"<si><t/><t/><t/><t/><t/><t/><t/><t/></si>")),
    "styles without number": (XLSX, lambda: grown(STYLES, b"</cellXfs>", b"<xf/>")),
    "formats without number": (XLSX, lambda: grown(STYLES, b"<fonts", b"<numFmt/>")),
    "sheets without number": (XLSX, lambda: grown(BOOK, b"</sheets>", b"<sheet/>")),
    "relations without number": (XLSX, lambda: grown("xl/_rels/workbook.xml.rels", b"</Relationships>", b"<Relationship/>")),
    "cells in one row": (XLSX, lambda: grown(SHEET, b"</sheetData>", b'<c t="e"/>')),
    "rows of errors": (XLSX, lambda: grown(SHEET, b"</sheetData>", b'<row><c t="e"/><c t="e"/></row>')),
    "rows of formulas": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<row><c><f/></c></row>")),
    "rows of numbers": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<row><c><v>1</v></c></row>")),
    "wide rows of numbers": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<row>" + b"<c><v>1</v></c>" * 49 + b"</row>")),
    "wide rows of errors": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<row>" + b'<c t="e"/>' * 49 + b"</row>")),
    "merged cells without number": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<mergeCell/>")),
    "tags nested": (XLSX, lambda: grown(SHEET, b"</sheetData>", b"<a>", 10_000_000)),
    "tags nested in the styles": (XLSX, lambda: grown(STYLES, b"</styleSheet>", b"<a>", 10_000_000)),
    "commas": (CSV, lambda: b"," * 9_999_999),
    "line breaks": (CSV, lambda: HEADER + b"\n" * 9_990_000),
    "quotes": (CSV, lambda: b'"' * 9_999_999),
    "headers": (CSV, lambda: b"a," * 4_999_999),
    "short rows": (CSV, lambda: HEADER + b"\n1" * 4_990_000),
    "wrong rows": (CSV, lambda: HEADER + b"\n" + b"\n".join(b"%d" % i + b",x" * 16 for i in range(99_990))),
    "one field": (CSV, lambda: HEADER + b'\n"' + b"x" * 9_990_000 + b'"'),
    "one long number": (CSV, lambda: HEADER.replace(b"85", b"8" * 100_000)),
    "letters of four bytes": (CSV, lambda: HEADER.replace(b"odd", "\U0001f50b".encode() * 2_400_000)),
}


def peak_mb() -> float:
    """Return the most memory that this process had since it was last forgotten, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024.0


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main() -> None:
    """Send each, and print a line of JSON for each: status, detail, how far memory rose, MB, and seconds."""
    chosen = sys.argv[1:] or HOSTILE
    with tempfile.TemporaryDirectory() as folder:
        app = application(Path(folder))
        with TestClient(app) as client:
            api = Api(client, app.state.service, app.state.service.keys.make("test", "ann", SCOPES)[1] or "")
            name = api.campaign(TEXT)
            api.upload(f"/campaigns/{name}/imports", workbook([["a"]]), XLSX)  # loads what reading needs
            for one in chosen:
                kind, build = HOSTILE[one]
                data = build()
                forget_peak()
                before, began = peak_mb(), time.perf_counter()
                answer = api.upload(f"/campaigns/{name}/imports", data, kind)
                said = {"name": one, "bytes": len(data), "status": answer.status_code, "detail": answer.json().get("detail", "")}
                said |= {"errors": answer.json().get("errors", []), "mb": round(peak_mb() - before), "s": round(time.perf_counter() - began, 1)}
                kept = len(api.get(f"/campaigns/{name}/observations").json()["items"])
                print(json.dumps({**said, "kept": kept, "audited": len(api.get(f"/campaigns/{name}/audit").json()["items"])}), flush=True)


if __name__ == "__main__":
    main()
