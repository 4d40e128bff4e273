"""What a validator of pydantic found, as fields, rules and values, and as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 200  # letters of a value that are sent back
_PLACES = ("body", "header", "query", "path")
MOST = 100  # errors in one answer


def finding(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return one error as the field, the rule and the value."""
    place = [str(part) for part in error.get("loc", ()) if part not in _PLACES]
    return {"field": plain(".".join(place)) or "body", "rule": rule_of(error), "value": plain(error.get("input"))}


def rule_of(error: Mapping[str, Any]) -> str:
    """Return what must hold, following the field: "must be a number"."""
    kind, said = str(error.get("type", "")), str(error.get("msg", ""))
    if kind == "missing":
        return "must be given"
    if kind == "extra_forbidden":
        return "must be left out, there is no such field"
    said = said.removeprefix("Input should ").removeprefix("Value error, ")
    return f"must {said}" if said.startswith(("be ", "have ", "match ")) else said


def plain(value: Any) -> Any:
    """Return a value that can be sent back: short, and nothing that JSON has no word for."""
    if value is None or isinstance(value, bool | int):
        return value if not isinstance(value, int) or abs(value) < 1e18 else str(value)[:LONGEST]
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def sentences(errors: Iterable[Any]) -> list[str]:
    """Return errors as people read them."""
    found = [finding(error) for error in errors]
    return [f"{one['field']} {one['rule']}, got {one['value']!r}" for one in found]
