"""The template of a lab table: the headers with their units, and two example rows that import as they stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from optimizer.lab_table.problems import refused

Template = Mapping[str, tuple[str | float, ...]]  # header to the values of the example rows
# Kim et al., Nano-Micro Lett. 17, 119 (2025), Model 4 at 85 and 75 wt% AM: capacities at 0.05C and 60 °C, relative densities.
TEMPLATE: Template = {
    "name": ("Model 4, 85 wt%", "Model 4, 75 wt%"),
    "date": ("", ""),
    "AM (wt%)": (85.0, 75.0),
    "coating": ("95:5", "95:5"),
    "SE size (um)": (1.5, 1.5),
    "VGCF (wt%)": (2.34, 2.34),
    "SE lot": ("", ""),
    "coated powder lot": ("", ""),
    "AM lot": ("", ""),
    "coating AM (mg)": ("", ""),
    "coating SE (mg)": ("", ""),
    "coated powder (mg)": ("", ""),
    "free SE (mg)": ("", ""),
    "VGCF (mg)": ("", ""),
    "temperature (°C)": (60.0, 60.0),
    "C-rate (1/h)": (0.05, 0.05),
    "pressure (MPa)": ("", ""),
    "pellet mass (mg)": ("", ""),
    "diameter (mm)": ("", ""),
    "thickness (um)": ("", ""),
    "relative density (%)": (87.7, 88.4),
    "ionic resistance (ohm)": ("", ""),
    "electronic resistance (ohm)": ("", ""),
    "discharge capacity (mAh/g)": (198.88, 204.25),
    "discharge capacity sd (mAh/g)": ("", ""),
    "mean voltage (V)": ("", ""),
    "status": ("ok", "ok"),
    "cause": ("", ""),
}


def template_csv(template: Template = TEMPLATE) -> str:
    """Return a template as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(template)
    for row in zip(*template.values(), strict=True):
        writer.writerow(f"{value:g}" if isinstance(value, float) else value for value in row)
    return text.getvalue()


def _template_xlsx(template: Template) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]  # ships no types

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        sheet, bold = workbook.add_worksheet("cells"), workbook.add_format({"bold": True})
        text = workbook.add_format({"num_format": "@"})  # or a spreadsheet turns 95:5 into a time of day
        for column, (header, values) in enumerate(template.items()):
            is_text = header in ("name", "date", "coating", "status", "cause") or header.endswith("lot")
            sheet.set_column(column, column, max(12, len(header)), text if is_text else None)
            sheet.write_string(0, column, header, bold)
            for row, value in enumerate(values, start=1):
                if isinstance(value, float):
                    sheet.write_number(row, column, value)
                elif value:
                    sheet.write_string(row, column, value, text)
        sheet.freeze_panes(1, 1)
    return content.getvalue()


def write_template(path: Path, headers: Sequence[str] | None = None) -> None:
    """Write a template as CSV (with a byte order mark, so that Excel reads °C right) or XLSX, by the path's suffix.

    Args:
        path: A new file.
        headers: Of a table without example rows; the electrode's template when left out.

    Raises:
        LabTableError: If the suffix is neither, or the file exists or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".xlsx"):
        raise refused("must be written to a .csv or .xlsx file", path.name, "change the suffix")
    template: Template = TEMPLATE if headers is None else dict.fromkeys(headers, ())
    content = template_csv(template).encode("utf-8-sig") if suffix == ".csv" else _template_xlsx(template)
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise refused("must be a new file in a folder that can be written", str(path), f"choose another path ({error.strerror})") from error
