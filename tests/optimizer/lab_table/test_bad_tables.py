"""A corpus of bad tables: each is refused with row, column and rule, whatever file it comes in, and leaves nothing behind."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.lab_table import LabTableError, Options, read_table
from optimizer.lab_table.grid import MAX_ROWS

Rows = list[list[str]]
GOOD: Mapping[str, tuple[str, str]] = {
    "name": ("a", "b"),
    "AM (wt%)": ("85", "75"),
    "coating": ("95:5", "none"),
    "SE size (um)": ("1.5", "3.5"),
    "VGCF (wt%)": ("2.34", "2.25"),
    "temperature (°C)": ("60", "30"),
    "C-rate": ("0.05", "C/20"),
    "pellet mass (mg)": ("30.5", "20.5"),
    "area (cm2)": ("0.785", "0.785"),
    "porosity (%)": ("12.3", "11.6"),
    "porosity sd (%)": ("0.5", "0.5"),
    "discharge capacity (mAh/g)": ("198.88", "204.25"),
    "capacity sd (mAh/g)": ("2.5", "2.5"),
    "status": ("ok", ""),
    "date": ("2026-01-13", "2026-02-14"),
    "SE lot": ("SE-7", "SE-7"),
    "note": ("fine", "odd"),
}
OWN = Options(extra_outcomes={"retention": "%"})


def delimited(rows: Rows, delimiter: str = ",", encoding: str = "utf-8", eol: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=eol).writerows(rows)
    return text.getvalue().encode(encoding)


def workbook(rows: Rows, change: Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], object] | None = None) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("cells")
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                if text:
                    sheet.write_string(i, j, text)
        if change:
            change(book, sheet)
    return content.getvalue()


CONTAINERS: Mapping[str, Callable[[Rows], bytes]] = {
    "comma": delimited,
    "semicolon-cp1252": lambda rows: delimited(rows, ";", "cp1252", "\r\n"),
    "tab-utf16": lambda rows: delimited(rows, "\t", "utf-16"),
    "comma-bom": lambda rows: delimited(rows, ",", "utf-8-sig", "\r\n"),
    "xlsx": workbook,
}


@dataclass(frozen=True)
class Case:
    """A bad table and where the problem is expected; ``alone`` where it must be the only one."""

    name: str
    data: bytes
    row: int
    column: str
    phrase: str
    alone: bool = True
    options: Options | None = None


def good_rows() -> Rows:
    return [list(GOOD), *map(list, zip(*GOOD.values(), strict=True))]


def with_cell(column: str, value: str, *, row: int = 3) -> Rows:
    rows = good_rows()
    rows[row - 1][rows[0].index(column)] = value
    return rows


def with_header(old: str, new: str) -> Rows:
    rows = good_rows()
    rows[0][rows[0].index(old)] = new
    return rows


def with_column(header: str, *cells: str) -> Rows:
    return [[*row, cell] for row, cell in zip(good_rows(), (header, *cells), strict=True)]


def without(column: str) -> Rows:
    index = list(GOOD).index(column)
    return [row[:index] + row[index + 1 :] for row in good_rows()]


BAD_VALUES = (
    ("AM (wt%)", "", "must not be blank"),
    ("AM (wt%)", "n/a", "must not be blank"),
    ("AM (wt%)", "NaN", "must be a finite number"),
    ("AM (wt%)", "-inf", "must be a finite number"),
    ("AM (wt%)", "1e999", "must be a finite number"),
    ("AM (wt%)", "eighty", "must be a number"),
    ("AM (wt%)", "0.75", "must be at least 1 and at most 100 wt%"),
    ("AM (wt%)", "175", "must be at least 1 and at most 100 wt%"),
    ("AM (wt%)", "99", "am_wt + vgcf_wt must be at most 100 wt%"),
    ("AM (wt%)", "٧٥", "must be a number"),
    ("AM (wt%)", "7" * 200, "must be at most 100 characters"),
    ("AM (wt%)", "75 wt%", "must be a number"),
    ("AM (wt%)", "#DIV/0!", "must not be a spreadsheet error"),
    ("AM (wt%)", "#REF!", "must not be a spreadsheet error"),
    ("coating", "", "must not be blank"),
    ("coating", "5:95", "must be at most 50 wt% SE"),
    ("coating", "0.05", "may be a fraction or wt%"),
    ("coating", "-5", "must be at least 0 wt% SE"),
    ("coating", "thin", "must be a number"),
    ("coating", "3 days, 23:05:00", "must not be a time of day"),
    ("coating", "0:5", "must leave room for AM"),
    ("SE size (um)", "1.5 um", "must be a number without unit"),
    ("SE size (um)", "1500", "must be above 0 and at most 500 um"),
    ("SE size (um)", "0", "must be above 0 and at most 500 um"),
    ("SE size (um)", "1-2", "must be a number"),
    ("SE size (um)", "2026-05-01", "must be a number, not a date"),
    ("SE size (um)", "<1.5", "must be a number, not a bound"),
    ("VGCF (wt%)", "1,5", "must use a decimal point"),
    ("VGCF (wt%)", "-2", "must be at least 0 and at most 50 wt%"),
    ("VGCF (wt%)", "=B3*2", "must not be a formula"),
    ("VGCF (wt%)", "TRUE", "must be a number"),
    ("temperature (°C)", "333.15", "must be at least -100 and at most 200 degC"),
    ("temperature (°C)", "60 °C", "must be a number without unit"),
    ("C-rate", "C20", "must be a C-rate"),
    ("C-rate", "20 h", "must be a C-rate"),
    ("C-rate", "C/0", "must be above 0 and at most 1000 1/h"),
    ("pellet mass (mg)", "1,234.5", "must have no thousands separator"),
    ("pellet mass (mg)", "1 234", "must have no thousands separator"),
    ("pellet mass (mg)", "1'234", "must have no thousands separator"),
    ("porosity (%)", "0.116", "must be in percent"),
    ("porosity (%)", "116", "must be at least 0 and at most 90 %"),
    ("porosity (%)", "", "must stand beside a value"),
    ("porosity sd (%)", "0", "must be above 0, as a standard error"),
    ("discharge capacity (mAh/g)", "204±3", "must be one number"),
    ("discharge capacity (mAh/g)", "-204", "must be at least 0"),
    ("discharge capacity (mAh/g)", "#N/A", "must not be a spreadsheet error"),
    ("status", "failed", "must say what failed"),
    ("status", "so-so", "must be a status"),
    ("date", "03/04/2026", "must not be ambiguous"),
    ("date", "25.03.2026", "must be written year first"),
    ("date", "2026-02-30", "must be a day of the calendar"),
    ("date", "46081", "must be a date"),
    ("date", "1926-02-03", "must lie between 1990 and 2100"),
    ("note", "=HYPERLINK(1)", "must not be a formula"),
    ("note", "@cmd", "must not be a formula"),
    ("note", "x" * 10_001, "must be at most 10000 characters"),
)
BAD_COLUMN = {("porosity (%)", ""): "porosity sd (%)"}  # where the problem is told of another column than the changed one


def bad_values() -> Iterator[Case]:
    for column, value, phrase in BAD_VALUES:
        for container, write in CONTAINERS.items():
            rows = with_cell(column, value)
            if container == "semicolon-cp1252" and not value.isascii() and "±" not in value and "°" not in value:
                continue  # cannot be written in Windows-1252
            name = f"{column} = {value[:12]} in {container}"
            yield Case(name, write(rows), 3, BAD_COLUMN.get((column, value), column), phrase)


BAD_SHAPES: tuple[tuple[str, Rows, int, str, str], ...] = (
    ("duplicated header", with_column("note", "x", "y"), 1, "note", 'must mean something else than column Q, "note"'),
    ("same column in two spellings", with_column("am_wt", "85", "75"), 1, "am_wt", 'must mean something else than column B, "AM (wt%)"'),
    ("no header over data", with_column("", "x", "y"), 1, "R", "must have a header"),
    ("no header inside", with_header("note", ""), 1, "Q", "must have a header"),
    ("porosity without unit", with_header("porosity (%)", "porosity"), 1, "porosity", "must say its unit"),
    ("capacity without unit", with_header("discharge capacity (mAh/g)", "capacity"), 1, "capacity", "must say its unit"),
    ("conductivity without unit", with_column("ionic conductivity", "1", "2"), 1, "ionic conductivity", "must say its unit"),
    ("VGCF without unit", with_header("VGCF (wt%)", "VGCF"), 1, "VGCF", "must say its unit"),
    ("wrong unit of size", with_header("SE size (um)", "SE size (mg)"), 1, "SE size (mg)", "must have a unit of its kind"),
    ("vol% of AM", with_header("AM (wt%)", "AM (vol%)"), 1, "AM (vol%)", "must have a unit of its kind"),
    ("wt% porosity", with_header("porosity (%)", "porosity (wt%)"), 1, "porosity (wt%)", "must have a unit of its kind"),
    ("no unit at all", with_header("area (cm2)", "area (cm2!)"), 1, "area (cm2!)", "must have a unit of its kind"),
    ("unit that computes", with_header("area (cm2)", "area (9**9**9**9)"), 1, "area (9**9**9**9)", "must have a unit of its kind"),
    (
        "per gram of composite",
        with_header("discharge capacity (mAh/g)", "capacity (mAh/g electrode)"),
        1,
        "capacity (mAh/g electrode)",
        "unit of its kind",
    ),
    ("tortuosity or its square", with_column("ionic tortuosity", "2", "3"), 1, "ionic tortuosity", "means more than one thing"),
    ("which conductivity", with_column("conductivity (mS/cm)", "2", "3"), 1, "conductivity (mS/cm)", "means more than one thing"),
    ("missing AM", without("AM (wt%)"), 1, "AM (wt%)", "must be a column of the table"),
    ("missing coating", without("coating"), 1, "coating", "must be a column of the table"),
    ("missing SE size", without("SE size (um)"), 1, "SE size (um)", "must be a column of the table"),
    ("missing VGCF", without("VGCF (wt%)"), 1, "VGCF (wt%)", "must be a column of the table"),
    ("orphan standard error", without("porosity (%)"), 1, "porosity sd (%)", "must stand beside one column"),
    ("repeated row", [*good_rows(), good_rows()[2]], 4, "", "repeats row 3"),
    ("headers alone", good_rows()[:1], 1, "", "must have a row below the headers"),
    ("long header", with_header("note", "x" * 201), 1, "Q", "must be a header of at most 200 characters"),
    ("density against porosity", with_column("electrode density (g/cm3)", "", "2.5"), 3, "porosity (%)", "must agree within 2 %"),
    (
        "density too high",
        with_column("electrode density (g/cm3)", "", "5"),
        3,
        "electrode density (g/cm3)",
        "must be at most the density without pores",
    ),
    ("two areas", with_column("diameter (mm)", "", "12"), 3, "area (cm2)", "must agree within 2 % with the area"),
    ("two loadings", with_column("loading (mg/cm2)", "", "40"), 3, "loading (mg/cm2)", "must agree within 2 % with the loading"),
    ("two capacities", with_column("areal capacity (mAh/cm2)", "", "9"), 3, "discharge capacity (mAh/g)", "must agree within 2 %"),
    ("resistance alone", with_column("ionic resistance (ohm)", "", "9"), 3, "ionic resistance (ohm)", "must stand beside a thickness"),
    ("failing twice", with_column("result", "ok", "ok"), 1, "result", "must mean something else"),
)


def bad_shapes() -> Iterator[Case]:
    for name, rows, row, column, phrase in BAD_SHAPES:
        for container, write in CONTAINERS.items():
            yield Case(f"{name} in {container}", write(rows), row, column, phrase)
    wide = [[*row, *(f"c{i}" for i in range(200))] for row in good_rows()]
    yield Case("too many columns", delimited(wide), 1, "", "must have at most 200 columns")
    yield Case("too many columns in a sheet", workbook(wide), 3, "HI", "must have at most 100000 rows and 200 columns")
    for container, write in CONTAINERS.items():
        yield Case(f"no outcome in {container}", write(_no_outcome()), 3, "", "must have an outcome or a failure")
        lean = [row[:5] for row in good_rows()]
        yield Case(f"no outcome column in {container}", write(lean), 1, "", "must have a column of outcomes or failures")
        yield Case(f"absent own outcome in {container}", write(good_rows()), 1, "retention", "must be a column of the table", options=OWN)
        own = with_column("retention (V)", "3", "4")
        yield Case(f"unit of own outcome in {container}", write(own), 1, "retention (V)", "must have a unit of its kind", options=OWN)
        masses = [
            [*row, *cells]
            for row, cells in zip(good_rows(), (["coated powder (mg)", "free SE (mg)", "VGCF (mg)"], ["", "", ""], ["400", "90", ""]), strict=True)
        ]
        yield Case(f"mass left out in {container}", write(masses), 3, "VGCF (mg)", "must be given with the other masses of the mix")
        if container != "xlsx":
            ragged = good_rows()
            ragged[2].append("more")
            yield Case(f"cell too many in {container}", write(ragged), 3, "", "must have one cell for each header")
            yield Case(f"cell too few in {container}", write([*good_rows()[:2], good_rows()[2][:-1]]), 3, "", "must have one cell for each header")


def _no_outcome() -> Rows:
    rows = good_rows()
    for column in ("porosity (%)", "porosity sd (%)", "discharge capacity (mAh/g)", "capacity sd (mAh/g)"):
        rows[2][rows[0].index(column)] = ""
    return rows


def _edited(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """Return a workbook with one part changed."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            text = source.read(name)
            target.writestr(name, text.replace(old, new) if name == part else text)
    return content.getvalue()


def _archive(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return content.getvalue()


SHEET, OLE = "xl/worksheets/sheet1.xml", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def bad_workbooks() -> Iterator[Case]:
    rows = good_rows()
    plain = workbook(rows)
    yield Case("merged cells", workbook(rows, lambda b, s: s.merge_range("B2:B3", "85")), 2, "B", "must have no merged cells")
    yield Case("merged title", workbook(rows, lambda b, s: s.merge_range("A1:C1", "cells")), 1, "A", "must have no merged cells")
    error = workbook(rows, lambda b, s: s.write_formula("L3", "=1/0", None, "#DIV/0!"))
    yield Case("error cell", error, 3, "discharge capacity (mAh/g)", "must not be a spreadsheet error")
    error = workbook(rows, lambda b, s: s.write_formula("B3", "=NA()", None, "#N/A"))
    yield Case("error in an input", error, 3, "AM (wt%)", "must not be a spreadsheet error")
    never = _edited(workbook(rows, lambda b, s: s.write_formula("L3", "=1+1", None, "")), SHEET, b"<v></v>", b"")
    yield Case("formula never computed", never, 3, "discharge capacity (mAh/g)", "must have a value, not a formula that was never computed")
    typed = workbook(rows, lambda b, s: s.write_datetime("D3", datetime.date(2026, 5, 1), b.add_format({"num_format": "yyyy-mm-dd"})))
    yield Case("number turned date", typed, 3, "SE size (um)", "must be a number, not a date")
    timed = workbook(rows, lambda b, s: s.write_number("C3", 95.0 / 24.0 + 5.0 / 1440.0, b.add_format({"num_format": "[h]:mm:ss"})))
    yield Case("ratio turned time", timed, 3, "coating", "must not be a time of day")
    yield Case("boolean", workbook(rows, lambda b, s: s.write_boolean("D3", True)), 3, "SE size (um)", "must be a number")
    percent = workbook(rows, lambda b, s: s.write_number("D3", 0.015, b.add_format({"num_format": "0.0%"})))
    yield Case("percent where none is", percent, 3, "SE size (um)", "must be a number without unit")
    yield Case("sheet that is not there", plain, 0, "", "must have the sheet that was asked for", options=Options(sheet="other"))
    yield Case("no data", workbook([]), 0, "", "must not be empty")
    far = _edited(plain, SHEET, b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    yield Case("a cell far off", far, 1048576, "XFD", "must have at most 100000 rows and 200 columns")
    wide = _edited(plain, SHEET, b"</sheetData>", b'<row r="90000"><c r="FZ90000"><v>1</v></c></row></sheetData>')
    yield Case("a large empty area", wide, 90000, "FZ", "must have at most 100000 rows")
    copies = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (row, row) for row in range(4, 300))
    many = _edited(
        _edited(plain, SHEET, b"</sheetData>", copies + b"</sheetData>"), "xl/sharedStrings.xml", b"<t>name</t>", b"<t>" + b"x" * 500_000 + b"</t>"
    )
    yield Case("one long text in many cells", many, 0, "", "must hold at most 100 million characters")
    bomb = _archive(xl__workbook_xml=b"<workbook/>", xl__worksheets__sheet1_xml=b"0" * 100_000_001)
    yield Case("zip bomb", bomb, 0, "", "must unpack to at most 100 MB")
    yield Case("many parts", _archive(xl__workbook_xml=b"<a/>", **{f"p{i}_xml": b"" for i in range(1001)}), 0, "", "must unpack to at most")
    entity = _edited(plain, "xl/workbook.xml", b"<workbook ", b'<!DOCTYPE a [<!ENTITY b "c">]><workbook ')
    yield Case("entities", entity, 0, "", "must be an XLSX file as spreadsheets write it")
    yield Case("half a workbook", plain[: len(plain) // 2], 0, "", "must be a whole XLSX file")
    yield Case("damaged workbook", plain[:200] + bytes(100) + plain[300:], 0, "", "must be a whole XLSX file")
    yield Case("broken sheet", _edited(plain, SHEET, b"</sheetData>", b""), 0, "", "must be a whole XLSX file")
    yield Case("broken reference to a text", _edited(plain, SHEET, b"<v>1</v>", b"<v>9999</v>"), 0, "", "must be a whole XLSX file")
    yield Case("no relations", _archive(xl__workbook_xml=b"<workbook/>"), 0, "", "must be a whole XLSX file")
    yield Case("old XLS", OLE + bytes(600), 0, "", "must be XLSX or CSV")
    yield Case("encrypted", OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), 0, "", "must not be encrypted")
    locked = bytearray(_archive(xl__workbook_xml=b"<workbook/>"))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    yield Case("zip with a password", bytes(locked), 0, "", "must not be encrypted")
    yield Case("OpenDocument", _archive(mimetype=b"application/vnd.oasis"), 0, "", "must be XLSX or CSV")
    yield Case("XLSB", _archive(xl__workbook_bin=b"x"), 0, "", "must be XLSX or CSV")
    yield Case("zip of something", _archive(readme_txt=b"x"), 0, "", "must be XLSX or CSV")
    yield Case("empty zip", b"PK\x05\x06" + bytes(18), 0, "", "must be XLSX or CSV")


def bad_files() -> Iterator[Case]:
    text = delimited(good_rows()).decode()
    semicolons = delimited(good_rows(), ";").decode()
    yield Case("nothing", b"", 0, "", "must not be empty")
    yield Case("blank lines", b"\n\n  \n,,,\n", 0, "", "must not be empty")
    yield Case("byte order mark alone", b"\xef\xbb\xbf", 0, "", "must not be empty")
    yield Case("NUL", text.replace("odd", "o\0d").encode(), 3, "", "must be text, without control characters")
    yield Case("bell", text.replace("odd", "o\x07d").encode(), 3, "", "must be text, without control characters")
    yield Case("UTF-16 without mark", text.encode("utf-16-le"), 0, "", "must be", alone=False)
    yield Case("UTF-32", text.encode("utf-32"), 0, "", "must be", alone=False)
    yield Case("half a UTF-16 character", text.encode("utf-16")[:-1], 0, "", "must be valid UTF-16")
    yield Case("mark of another encoding", b"\xef\xbb\xbf" + text.encode("cp1252"), 0, "", "must be valid UTF-8-SIG")
    for encoding, word in (
        ("euc_kr", "양극 활물질"),
        ("shift_jis", "正極活物質"),
        ("gbk", "正极活性材料"),
        ("koi8_r", "катод"),
        ("iso8859_7", "κάθοδος"),
    ):
        own = text.replace("odd", word).replace("°", "").encode(encoding)
        yield Case(f"{encoding} text", own, 0, "", "must be", alone=False)
    yield Case("lost characters", text.replace("odd", "\ufffd").encode(), 3, "", "must not hold lost characters")
    for name, data in (
        ("PNG", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        ("PDF", b"%PDF-1.7\n\x00\xff\xfe\x01"),
        ("gzip", gzip.compress(text.encode(), mtime=0)),
    ):
        yield Case(name, data, 0, "", "must be", alone=False)
    yield Case("random bytes", bytes(range(256)) * 4, 0, "", "must be", alone=False)
    yield Case("separated by bars", text.replace(",", "|").encode(), 1, "", "must have columns separated by")
    yield Case("separated by spaces", b"AM VGCF\n85 2.3\n", 1, "", "must have columns separated by")
    yield Case("Excel's sep line", b"sep=|\n" + text.replace(",", "|").encode(), 1, "", "must be separated by commas")
    yield Case("open quote", text.replace("odd", '"odd').encode(), 3, "", "must be valid CSV")
    yield Case("text after a quote", text.replace("odd", '"od"d').encode(), 3, "", "must be valid CSV")
    yield Case("a field beyond all limits", (text.replace("odd", "x" * 200_000)).encode(), 3, "", "must be valid CSV")
    yield Case("more than 10 MB", text.encode() + b"x" * 10_000_000, 0, "", "must be at most 10 MB")
    tall = text.encode() + b"".join(b"%d\n" % i for i in range(MAX_ROWS))
    yield Case("too many rows", tall, MAX_ROWS + 2, "", "must have at most 100000 rows")
    yield Case("too many blank rows", text.encode() + b"\n" * 1_000_001, 1_000_001, "", "must have at most 100000 rows")
    mixed = semicolons.replace("2.25", "2,25")
    yield Case("comma among points", mixed.encode(), 3, "VGCF (wt%)", "must use a decimal point")
    commas = semicolons.replace(".", ",").replace("2,25", "2.25")
    yield Case("point among commas", commas.encode(), 3, "VGCF (wt%)", "must use the table's decimal comma")
    grouped = semicolons.replace(".", ",").replace("20,5", "1.020,5")
    yield Case("German thousands", grouped.encode(), 3, "pellet mass (mg)", "must have no thousands separator")
    tabbed = delimited(good_rows(), "\t").decode().replace("20.5", "1,020,500")
    yield Case("thousands among tabs", tabbed.encode(), 3, "pellet mass (mg)", "must have no thousands separator")


CASES = (*bad_values(), *bad_shapes(), *bad_workbooks(), *bad_files())


def trace(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def test_corpus_is_large_and_has_no_table_twice() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("container", CONTAINERS)
def test_table_that_the_corpus_spoils_is_clean(container: str) -> None:
    table = read_table(CONTAINERS[container](good_rows()))
    assert [cell.row for cell in table.require_clean()] == [2, 3]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_table_is_refused_with_row_column_and_rule(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TMPDIR", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, os.fspath(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "table"
    file.write_bytes(case.data)
    before = trace(tmp_path)
    table = read_table(file, options=case.options)
    assert trace(tmp_path) == before
    told = "\n".join(map(str, table.problems))
    matching = [p for p in table.problems if (p.row, p.column) == (case.row, case.column) and case.phrase in f"{p.rule}" and p.remedy]
    assert matching or (not case.alone and case.phrase in told), told
    if case.alone:
        assert len(table.problems) == 1, told
    with pytest.raises(LabTableError, match="nothing was imported"):
        table.require_clean()
    if any(problem.fatal for problem in table.problems):
        with pytest.raises(LabTableError, match="nothing was imported"):
            table.require_clean(skip_bad_rows=True)
    else:
        assert [cell.row for cell in table.require_clean(skip_bad_rows=True)] == [row for row in (2, 3) if row != case.row]
        assert table.skipped_rows == (case.row,)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from((delimited(good_rows()), workbook(good_rows()))),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=3)), max_size=4),
)
def test_damaged_bytes_raise_nothing(data: bytes, damages: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(data)
    for place, new in damages:
        at = place % len(damaged)
        damaged[at : at + len(new)] = new
    table = read_table(bytes(damaged))
    assert table.cells or table.problems
