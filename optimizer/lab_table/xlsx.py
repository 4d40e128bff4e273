"""An XLSX file as text, read without trusting it.

The parts are unpacked here under a limit and handed to calamine unpacked, so what was checked is what is read. Checked because calamine
does not say: error cells and formulas never computed (both read as blank), percent formats (12% reads as 0.12), merged cells, a
far-off cell that would make it allocate the whole sheet, and one long text shared by many cells, of which it makes as many copies.
Half a megabyte can unpack to twenty million tags, so tags are counted before any is parsed, and a sheet is left when it is past all limits.
"""

from __future__ import annotations

import datetime
import io
import posixpath
import re
import zipfile
import zlib
from array import array
from xml.parsers import expat

from defusedxml import ElementTree

from optimizer.lab_table.grid import MAX_COLUMNS, UNCOMPUTED, Grid, make_grid
from optimizer.lab_table.headers import letter
from optimizer.lab_table.problems import LabTableError, refused
from optimizer.lab_table.xlsx_scan import SAVE, Scan, check_size, position, scan, shared_lengths

MAX_UNPACKED = 100_000_000  # bytes
_MAX_PARTS = 1000
_MAX_TAGS = 300_000  # of a part that is parsed as a tree: Excel allows 65,490 cell styles, of some tags each
_MAX_TEXT_TAGS = 8_000_000  # of the shared texts: four a text
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PERCENT_FORMATS = {"9", "10"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_workbook(data: bytes) -> bool:
    """Return whether bytes are a workbook of some kind: a zip archive or an old Office file."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def _unpack(data: bytes) -> dict[str, bytes]:
    """Return the XML parts of the archive by name.

    Raises:
        LabTableError: If it is no XLSX, is encrypted or damaged, or would unpack to more than the limit.
    """
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise refused("must not be encrypted", "a workbook with a password", "save it without the password")
        raise refused("must be XLSX or CSV", "an XLS file", SAVE)
    too_large = refused(f"must unpack to at most {MAX_UNPACKED // 1_000_000} MB", "", "save only the sheet of the cells")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_PARTS or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise too_large
            if any(entry.flag_bits & 1 for entry in entries):
                raise refused("must not be encrypted", "an archive with a password", "save it without the password")
            names = {entry.filename for entry in entries}
            if "xl/workbook.xml" not in names:
                kind = "an XLSB file" if "xl/workbook.bin" in names else "an OpenDocument file" if "mimetype" in names else "a zip archive"
                raise refused("must be XLSX or CSV", kind, SAVE)
            parts = {}
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        parts[entry.filename] = part.read(MAX_UNPACKED + 1)
    except LabTableError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise refused("must be a whole XLSX file", str(error), f"copy it again, or {SAVE}") from error
    for name, content in parts.items():
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise refused("must be an XLSX file as spreadsheets write it", f"{name} with a document type or in UTF-16", SAVE)
    return parts


def _percent_styles(styles: bytes) -> set[int]:
    """Return the indices of cell styles that show a share as percent."""
    root = ElementTree.fromstring(styles)
    formats = {f.get("numFmtId", ""): f.get("formatCode", "") for f in root.iter(f"{_MAIN}numFmt")}
    percent = _PERCENT_FORMATS | {number for number, code in formats.items() if "%" in re.sub(r'"[^"]*"|\\.', "", code)}
    cells = root.find(f"{_MAIN}cellXfs")
    return {index for index, style in enumerate(cells if cells is not None else ()) if style.get("numFmtId", "") in percent}


def _check_tags(parts: dict[str, bytes]) -> None:
    """Refuse parts of so many tags that a tree of them would not fit into memory; a sheet is never made into one.

    Raises:
        LabTableError: If there are more than a spreadsheet writes.
    """
    for name, content in parts.items():
        most = _MAX_TEXT_TAGS if name == "xl/sharedStrings.xml" else _MAX_TAGS
        if "/worksheets/" not in f"/{name}" and content.count(b"<") > most:
            raise refused(f"must have at most {most} tags in {name}", f"{content.count(b'<')}", "save only the sheet of the cells")


def _sheets(parts: dict[str, bytes]) -> dict[str, str]:
    """Return the part of each worksheet by the sheet's name, in the workbook's order."""
    relations = ElementTree.fromstring(parts["xl/_rels/workbook.xml.rels"])
    targets = {r.get("Id"): r.get("Target", "") for r in relations}
    sheets = ElementTree.fromstring(parts["xl/workbook.xml"]).iter(f"{_MAIN}sheet")
    named = {s.get("name", ""): targets.get(s.get(_RELATION), "") for s in sheets}
    resolved = {name: target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}") for name, target in named.items()}
    return {name: part for name, part in resolved.items() if part in parts and "/worksheets/" in f"/{part}"}


def cell_text(value: object) -> str:
    """Return a cell's value as text: whole numbers without point, dates year first."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
    return str(value)


def read_xlsx(data: bytes, sheet: str | None) -> Grid:
    """Return one sheet of a workbook: the one named, else the first that holds anything.

    Raises:
        LabTableError: If the workbook cannot be read, or its sheet is not one plain table.
    """
    parts = _unpack(data)
    _check_tags(parts)
    try:
        sheets = _sheets(parts)
        styles = _percent_styles(parts["xl/styles.xml"]) if "xl/styles.xml" in parts else set()
        shared = shared_lengths(parts["xl/sharedStrings.xml"]) if "xl/sharedStrings.xml" in parts else array("q")
        if sheet is not None and sheet not in sheets:
            raise refused("must have the sheet that was asked for", sheet, f"name one of {', '.join(sheets)}")
        name, found = "", Scan()
        for name in [sheet] if sheet is not None else sheets:
            found = scan(parts[sheets[name]], styles, shared)
            if found.last_row or found.last_column:
                break
    except LabTableError:
        raise
    except (ElementTree.ParseError, expat.ExpatError, LookupError, ValueError, TypeError) as error:
        raise refused("must be a whole XLSX file", str(error), SAVE) from error
    if found.merged:
        first = ", ".join(found.merged[:5])
        start = position(found.merged[0].split(":")[0]) or (0, 0)
        rule = f'must have no merged cells in sheet "{name}"'
        raise refused(rule, first, "unmerge them and fill every cell", row=start[0] + 1, column=letter(start[1]))
    if found.characters > MAX_UNPACKED:
        raise refused(f"must hold at most {MAX_UNPACKED // 1_000_000} million characters of text", f"{found.characters}", "shorten the texts")
    check_size(found)
    return _grid(parts, name, found, len(sheets))


def _grid(parts: dict[str, bytes], name: str, found: Scan, count: int) -> Grid:
    from python_calamine import CalamineError, load_workbook

    unpacked = io.BytesIO()
    with zipfile.ZipFile(unpacked, "w", zipfile.ZIP_STORED) as archive:
        while parts:  # let go of each as it is copied
            archive.writestr(*parts.popitem())
    unpacked.seek(0)
    try:
        with load_workbook(unpacked) as workbook:
            values = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except BaseException as error:
        # A panic of calamine's Rust is no Exception; anything else that is none (an interrupt) passes.
        if isinstance(error, CalamineError | ValueError | OSError) or type(error).__name__ == "PanicException":
            raise refused("must be a whole XLSX file", str(error), SAVE) from error
        raise
    texts = [[cell_text(value) for value in row] for row in values]
    for (row, column), text in found.errors.items():
        _put(texts, row, column, text or "#ERROR!")
    for row, column in (divmod(place, MAX_COLUMNS) for place in found.percents):
        value = values[row][column]
        if isinstance(value, int | float):
            _put(texts, row, column, f"{100.0 * value:.12g}%")
    for row, column in found.uncomputed:
        _put(texts, row, column, UNCOMPUTED)
    notes = (f'read sheet "{name}" of {count}',) if count > 1 else ()
    return make_grid(enumerate(texts, start=1), decimal_comma=False, problems=(), notes=notes)


def _put(texts: list[list[str]], row: int, column: int, text: str) -> None:
    """Write a text into a table that calamine may have left without the cell's row or column."""
    texts.extend([] for _ in range(row + 1 - len(texts)))
    texts[row].extend("" for _ in range(column + 1 - len(texts[row])))
    texts[row][column] = text
