"""From a header as a lab writes it to the column and unit it means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.lab_table.columns import AMBIGUOUS, COLUMNS, NAMES, Column, canonical_unit
from optimizer.lab_table.problems import Problem
from optimizer.lab_table.units import SAME, Scale, UnitError, plain, scale_between

_BRACKETS = re.compile(r"[\[(]((?:[^\[\]()]|\([^()]*\))*)[\])]")
_ERROR_WORDS = r"(?:s\.?d\.?|std\.?(?: dev\.?| error)?|stdev|stderr|sem|standard (?:error|deviation)|uncertainty|error|±|\+/-)"
_ERROR = re.compile(rf"^{_ERROR_WORDS} ?(?:of )?(?P<after>.+)$|^(?P<before>.+?) ?{_ERROR_WORDS}$", re.IGNORECASE)
_RATIOS = {"am:se", "am:se ratio", "ratio", "95:5"}


@dataclass(frozen=True)
class Header:
    """One column of the table: what it means, or the lab's own where ``column`` is None."""

    index: int
    text: str  # as written
    column: Column | None = None
    is_error: bool = False  # a standard error of the column
    scale: Scale = SAME
    unit: str = ""  # as written

    @property
    def key(self) -> str:
        """Return the column's key, with `` sd`` for its standard error; the written text for the lab's own."""
        if self.column is None:
            return self.text
        return f"{self.column.key} sd" if self.is_error else self.column.key


@dataclass(frozen=True)
class Vocabulary:
    """What headers may say.

    Args:
        names: Columns by spelling (see `normal`); several under one: the unit decides.
        codes: Columns by their name in code, which has the unit in code.
        ambiguous: Spellings that mean more than one thing, with what to write instead.
    """

    names: Mapping[str, tuple[Column, ...]]
    codes: Mapping[str, Column]
    ambiguous: Mapping[str, str]


def own_column(name: str, unit: str) -> Column:
    """Return the column of an outcome that a lab defines."""
    return Column(name, f"{name} ({unit})" if unit else name, (), unit or "1", "number", measured=True)


@dataclass
class _UnclearError(Exception):
    """Raised where a header's name is known but its unit is missing or no unit of it."""

    rule: str
    value: str
    remedy: str
    candidates: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Headers:
    """What the columns of a table mean; ``unclear`` are keys that some refused header may have meant."""

    known: tuple[Header, ...]
    problems: tuple[Problem, ...]
    unclear: frozenset[str]


def normal(name: str) -> str:
    """Return a column name in the spelling of `columns.NAMES`."""
    return " ".join(re.sub(r"[\[\]()]", " ", plain(name).lower()).replace("_", " ").replace("-", " ").replace(".", " ").split())


def _readings(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each name and unit a header may mean, and whether the unit stands where only a unit does."""
    yield text, "", True
    for match in reversed(list(_BRACKETS.finditer(text))):
        yield f"{text[: match.start()]} {text[match.end() :]}", match[1].strip(), True
    if "/" in text:
        name, unit = text.split(" / " if " / " in text else "/", 1)
        yield name, unit.strip(), True
    words = text.split(" ")
    for cut in range(len(words) - 1, 0, -1):
        yield " ".join(words[:cut]), " ".join(words[cut:]), False


def _with_unit(candidates: tuple[Column, ...], unit: str, exact: bool) -> tuple[Column, Scale]:
    """Return the column a name and a unit mean.

    Raises:
        _UnclearError: If the name needs a unit and has none, or has one that does not fit.
    """
    labels = " or ".join(f'"{column.label}"' for column in candidates)
    first = candidates[0]
    if not first.unit or (first.kind == "coating" and unit.lower() in _RATIOS):
        return first, SAME
    if not unit:
        if exact:
            return first, SAME
        if len(candidates) > 1 or first.must_say_unit:
            raise _UnclearError("must say its unit", "", f"write {labels}", candidates)
        return first, SAME
    spelled = [column for column in candidates if unit == plain(canonical_unit(column))]  # so that a usual unit needs no pint
    for column in (*spelled, *candidates):
        try:
            return column, scale_between(unit, canonical_unit(column))
        except UnitError:
            continue
    raise _UnclearError("must have a unit of its kind", unit, f"write {labels}", candidates)


def _read(index: int, written: str, vocabulary: Vocabulary) -> Header:
    names, ambiguous = vocabulary.names, vocabulary.ambiguous
    if written in vocabulary.codes:
        column, scale = _with_unit((vocabulary.codes[written],), "", True)
        return Header(index, written, column, False, scale, canonical_unit(column))
    for name, unit, strict in _readings(plain(written)):
        error = _ERROR.match(" ".join(re.sub(r"[_]", " ", name).split()))
        bare = normal(name)
        if bare in ambiguous and bare not in names:
            raise _UnclearError("means more than one thing", "", ambiguous[bare])
        candidates, is_error = names.get(bare, ()), False
        if not candidates and error:
            candidates, is_error = tuple(c for c in names.get(normal(error["after"] or error["before"]), ()) if c.measured), True
        if not candidates:
            continue
        if is_error and not unit:
            return Header(index, written, candidates[0], True)  # its unit is that of its column: `_paired`
        try:
            column, scale = _with_unit(candidates, unit, False)
        except _UnclearError:
            if strict and (unit or plain(written) == name):
                raise
            continue
        return Header(index, written, column, is_error, scale, unit)
    return Header(index, written)


def _paired(header: Header, headers: Sequence[Header], candidates: Sequence[Column]) -> Header | None:
    """Return a standard error with the column it belongs to, in that column's unit where it states none; None without one."""
    values = [h for h in headers if h.column in candidates and not h.is_error]
    if len(values) != 1:
        return None
    return replace(header, column=values[0].column, scale=header.scale if header.unit else values[0].scale)


def letter(index: int) -> str:
    """Return a spreadsheet's name of a column, 0 being A."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def read_headers(row: int, texts: Sequence[str], extras: Mapping[str, str]) -> Headers:
    """Return what each column of an electrode lab's table means, and what is wrong with the headers.

    Args:
        row: Row of the headers.
        texts: Headers as written; empty ones are passed over.
        extras: Unit of each of the lab's own columns that is an outcome, by name.
    """
    own = {normal(name): (own_column(name, unit),) for name, unit in extras.items()}
    codes = {key: column for key, column in COLUMNS.items() if key != "porosity"}  # which is also a lab's word
    return understood(row, texts, Vocabulary({**NAMES, **own}, codes, AMBIGUOUS), tuple(extras))


def understood(row: int, texts: Sequence[str], vocabulary: Vocabulary, required: Sequence[str]) -> Headers:
    """Return what each column means to a vocabulary; arguments as in `read_headers`, ``required`` columns must be there."""
    names = vocabulary.names
    headers: list[Header] = []
    problems: list[Problem] = []
    unclear: set[str] = set()

    def report(column: str, rule: str, value: str, remedy: str) -> None:
        problems.append(Problem(row, column, rule, value, remedy, fatal=True))

    for index, text in enumerate(texts):
        if not text:
            continue
        try:
            headers.append(_read(index, text, vocabulary))
        except _UnclearError as error:
            report(text, error.rule, error.value, error.remedy)
            unclear.update(column.key for column in error.candidates)
    for position, header in reversed(list(enumerate(headers))):
        if header.is_error and header.column:
            family = [header.column] if header.unit else [c for columns in names.values() if header.column in columns for c in columns]
            paired = _paired(header, headers, family)
            if paired:
                headers[position] = paired
                continue
            del headers[position]
            if not unclear & {column.key for column in family}:
                report(header.text, "must stand beside one column that it is the standard error of", "", f'add the column "{header.column.label}"')
    seen: dict[str, Header] = {}
    for header in headers:
        key = header.key if header.column else normal(header.text)
        if key in seen:
            first = seen[key]
            place = f'column {letter(first.index)}, "{first.text}"'
            report(header.text, f"must mean something else than {place}", f"column {letter(header.index)}", "remove one of the two or rename it")
        seen.setdefault(key, header)
    for name in required:
        if name not in unclear and all(header.key != name for header in headers):
            report(name, "must be a column of the table, as the campaign names it", "", "add the column or take it out of the campaign")
    return Headers(tuple(headers), tuple(problems), frozenset(unclear))
