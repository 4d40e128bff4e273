from __future__ import annotations

import datetime
import io
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from optimizer.lab_table import Options, read_table, template_csv, write_template
from optimizer.lab_table.problems import LabTableError

HEADERS = ("name", "AM (wt%)", "coating", "SE size (µm)", "VGCF (wt%)", "capacity (mAh/g)")
ROW = ("a", 85, "95:5", 1.5, 2.34, 198.88)
TEXT = f"{';'.join(HEADERS)}\na;85;95:5;1.5;2.34;198.88\n"


def book(*sheets: tuple[tuple[object, ...], ...]) -> io.BytesIO:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        day, percent = workbook.add_format({"num_format": "dd/mm/yyyy"}), workbook.add_format({"num_format": '"about "0.0%'})
        for rows in sheets:
            sheet = workbook.add_worksheet()
            for i, row in enumerate(rows):
                for j, value in enumerate(row):
                    shape = day if isinstance(value, datetime.date) else percent if isinstance(value, float) and value == 0.123 else None
                    if isinstance(value, str) and value.startswith("="):
                        sheet.write_formula(i, j, value, None, 75)
                    elif value is not None:
                        sheet.write(i, j, value, shape)
    return content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_end_are_found_out(encoding: str, delimiter: str, eol: str) -> None:
    text = TEXT.replace(";", delimiter).replace("\n", eol)
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)
    table = read_table(data)
    assert [cell.recipe.values() for cell in table.require_clean()] == [(85.0, 5.0, 1.5, 2.34)]
    assert any("Windows-1252" in note for note in table.notes) == (encoding == "cp1252")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_comma_is_read_where_commas_do_not_separate(delimiter: str) -> None:
    table = read_table(TEXT.replace(".", ",").replace(";", delimiter).encode())
    assert table.require_clean()[0].recipe.values() == (85.0, 5.0, 1.5, 2.34)
    assert "decimal comma" in table.notes


def test_decimal_comma_between_commas_is_refused_with_the_remedy() -> None:
    [problem] = read_table(TEXT.replace(";", ",").replace("1.5", '"1,5"').encode()).problems
    assert str(problem) == 'row 2, column "SE size (µm)": must use a decimal point, got "1,5"; write 1.5, or separate the columns by semicolons'


def test_line_that_excel_writes_to_tell_the_delimiter_is_understood() -> None:
    assert [cell.row for cell in read_table(("sep=;\n" + TEXT).encode()).require_clean()] == [3]


def test_blank_rows_are_passed_over_and_rows_keep_their_numbers() -> None:
    assert [cell.row for cell in read_table((TEXT.replace("\n", "\n;;;;;\n\n", 1)).encode()).require_clean()] == [4]


def test_quoted_text_may_hold_delimiter_quote_and_line_break() -> None:
    [cell] = read_table(TEXT.replace("\na;", '\n"a;""b""\nc";').encode()).require_clean()
    assert cell.name == 'a;"b"\nc'


def test_sheet_is_read_with_dates_percents_and_computed_formulas() -> None:
    rows = ((*HEADERS, "date", "porosity [1]"), (*ROW, datetime.date(2026, 4, 3), 0.123), ("b", "=70+5", "none", 3.5, 2, 204, None, None))
    first, second = read_table(book(rows).getvalue()).require_clean()
    assert first.date == "2026-04-03"
    assert first.outcomes["porosity"].value == 0.123
    assert second.recipe.am_wt == 75.0


def test_percent_format_under_a_percent_header_is_not_taken_for_a_fraction() -> None:
    [cell] = read_table(book(((*HEADERS, "porosity (%)"), (*ROW, 0.123))).getvalue()).require_clean()
    assert cell.outcomes["porosity"].value == pytest.approx(0.123)


def test_first_sheet_that_holds_a_table_is_read_and_said() -> None:
    content = book((), (HEADERS, ROW), (HEADERS, (*ROW[:-1], 100))).getvalue()
    table = read_table(content)
    assert table.require_clean()[0].outcomes["discharge_capacity"].value == 198.88
    assert table.notes == ('read sheet "Sheet2" of 3',)
    named = read_table(content, options=Options(sheet="Sheet3"))
    assert named.require_clean()[0].outcomes["discharge_capacity"].value == 100.0


def test_table_need_not_start_in_the_first_row_of_a_sheet() -> None:
    assert [
        cell.row
        for cell in read_table(
            book(
                (),
            ).getvalue()
        ).cells
    ] == []
    assert [cell.row for cell in read_table(book(((), (), HEADERS, ROW)).getvalue()).require_clean()] == [4]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_template_imports_as_it_stands(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"template{suffix}"
    write_template(file)
    cells = read_table(file).require_clean()
    assert [cell.recipe.values() for cell in cells] == [(85.0, 5.0, 1.5, 2.34), (75.0, 5.0, 1.5, 2.34)]
    assert [cell.outcomes["discharge_capacity"].value for cell in cells] == [198.88, 204.25]
    assert [cell.outcomes["relative_density"].value for cell in cells] == [0.877, 0.884]
    assert {(cell.temperature_c, cell.c_rate) for cell in cells} == {(60.0, 0.05)}
    assert all(cell.own == {} for cell in cells)
    assert list(tmp_path.iterdir()) == [file]


def test_template_as_text_is_the_one_written(tmp_path: Path) -> None:
    write_template(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8-sig") == template_csv()


def test_template_of_another_kind_or_over_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabTableError, match=r"must be written to a \.csv or \.xlsx file"):
        write_template(tmp_path / "t.ods")
    (tmp_path / "t.csv").write_text("mine")
    with pytest.raises(LabTableError, match="must be a new file"):
        write_template(tmp_path / "t.csv")
    with pytest.raises(LabTableError, match="must be a new file"):
        write_template(tmp_path / "none" / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "mine"
