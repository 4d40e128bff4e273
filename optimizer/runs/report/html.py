"""Parts of a page: tables, figures, keys. Escapes everything it is given but drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST_SHOWN = 15  # rows; a longer table scrolls on a screen, and is whole on paper


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def section(name: str, title: str, parts: Iterable[str]) -> str:
    """Return a section, or nothing where it has no part."""
    inside = "".join(parts)
    return f'<section id="{escape(name)}"><h2>{escape(title)}</h2>{inside}</section>' if inside else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = (), caption: str = "") -> str:
    """Return a table that a click on a title sorts.

    Args:
        titles: Of the columns.
        rows: Of texts.
        numbers: Of the trial that each row is about; none where rows are about something else.
        caption: What it shows.
    """
    rows = [list(row) for row in rows]
    words = [any(_is_text(row[column]) for row in rows) for column in range(len(titles))]
    kinds = [' class="text"' if word else "" for word in words]
    head = "".join(f'<th scope="col"{kind}>{escape(title)}</th>' for title, kind in zip(titles, kinds, strict=True))
    marked = [f' data-t="{number}"' for number in numbers] or [""] * len(rows)
    body = [
        f"<tr{mark}>" + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row, mark in zip(rows, marked, strict=True)
    ]
    said = paragraph(caption, "caption") if caption else ""  # not a <caption>, which would be as wide as the table and scroll with it
    tall = " tall" if len(rows) > MOST_SHOWN else ""
    return f'{said}<div class="wide{tall}"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and what they are."""
    inside = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in pairs)
    return f'<dl class="facts">{inside}</dl>'


def tiles(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the few numbers that a reader looks for first."""
    inside = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in pairs)
    return f'<div class="tiles">{inside}</div>'


def figure(drawing: str, caption: str, keys: Iterable[str] = (), kind: str = "") -> str:
    """Return a drawing with what its marks mean and what to see in it."""
    legend = "".join(keys)
    shown = f'<div class="keys">{legend}</div>' if legend else ""
    return f"<figure{_kind(kind)}>{shown}{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def key(mark: str, text: str) -> str:
    """Return what a kind of mark means."""
    return f'<span class="key"><i class="box {mark}"></i>{escape(text)}</span>'


def panels(drawings: Iterable[str], kind: str = "") -> str:
    """Return small drawings side by side, as many as the window is wide; of kind ``two``, at most two."""
    return f'<div class="panels {kind}">{"".join(drawings)}</div>'


def _is_text(cell: str) -> bool:
    """Return whether a cell holds words, which stand to the left; numbers, with a unit or without, stand to the right."""
    return bool(cell) and not cell.lstrip("+-")[:1].isdigit()


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
