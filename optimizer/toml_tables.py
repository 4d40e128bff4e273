"""From a TOML table to a dataclass, with every setting checked by name and kind."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from optimizer.goal import CampaignError, Objective

MOST_OBJECTIVES = 3  # beyond it a front is too large to choose from, and hypervolume too dear

# What a setting may be, by the annotation of its field.
_KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    "float": ((int, float), "a number"),
    "float | None": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "int | None": ((int,), "a whole number"),
    "str": ((str,), "a text in quotes"),
}


def is_kind(value: Any, *kinds: type) -> bool:
    """Return whether a TOML value is of a kind; true and false are no numbers, and nan is none."""
    return isinstance(value, kinds) and not isinstance(value, bool) and value == value


def build(kind: type[Any], name: str, table: Mapping[str, Any]) -> Any:
    """Return the dataclass that a table describes.

    Raises:
        CampaignError: If a setting is unknown, missing or of the wrong kind.
    """
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise CampaignError(f"[{name}] has no setting {unknown[0]!r}; its settings are {', '.join(sorted(known))}")
    for f in fields(kind):
        if f.name in table and f.type in _KINDS and not is_kind(table[f.name], *_KINDS[f.type][0]):
            raise CampaignError(f"[{name}] {f.name} must be {_KINDS[f.type][1]}, got {table[f.name]!r}; correct it")
    try:
        return kind(**table)
    except TypeError as error:
        raise CampaignError(f"[{name}] is incomplete or has a value of the wrong kind ({error}); see the bundled campaigns") from error


def read_tables(
    text: str, origin: str, tables: Collection[str], lists: Collection[str], values: Collection[str], needed: Collection[str]
) -> dict[str, Any]:
    """Return the content of a TOML text that has the needed parts and no unknown one, each of its kind.

    Args:
        text: Of the file.
        origin: Its name, for messages.
        tables: Names of ``[table]``; `space` is a table of tables.
        lists: Names of ``[[table]]``.
        values: Names of plain settings.
        needed: Which of them must be there.

    Raises:
        CampaignError: If not; names the part.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(f"{origin} is not valid TOML: {error}; correct the file") from error
    known = sorted({*tables, *lists, *values})
    for key in sorted(data):
        if key not in known:
            raise CampaignError(f"{origin} has an unknown table {key!r}; use {', '.join(known)}")
    for key in needed:
        if key not in data:
            raise CampaignError(f"{origin} has no {key!r}; add it (see the bundled campaigns)")
    for key in tables:
        if not isinstance(data.get(key, {}), dict):
            raise CampaignError(f"{origin}: {key!r} must be a table, got {data[key]!r}; write it as [{key}]")
    for key, entry in data.get("space", {}).items():
        if not isinstance(entry, dict):
            raise CampaignError(f"{origin}: space.{key} must be a table with lower and upper, got {entry!r}; write it as [space.{key}]")
    for key in lists:
        if not isinstance(data.get(key, []), list) or not all(isinstance(entry, dict) for entry in data.get(key, [])):
            raise CampaignError(f"{origin}: {key!r} must be a list of tables; write [[{key}]]")
    return data


def take_probability(limits: dict[str, Any], origin: str) -> float:
    """Return ``probability`` out of the table of limits, 0.8 when left out.

    Raises:
        CampaignError: If it does not lie between 0 and 1.
    """
    probability = limits.pop("probability", 0.8)
    if not is_kind(probability, int, float) or not 0.0 < probability < 1.0:
        raise CampaignError(f"{origin}: limits.probability must lie between 0 and 1, got {probability!r}; correct it")
    return float(probability)


def take_objectives(data: Mapping[str, Any], origin: str) -> tuple[Objective, ...]:
    """Return the objectives of a file.

    Raises:
        CampaignError: If there are none or more than three.
    """
    objectives = tuple(build(Objective, "objective", table) for table in data["objective"])
    if not 1 <= len(objectives) <= MOST_OBJECTIVES:
        raise CampaignError(f"{origin}: a goal has one to three objectives, got {len(objectives)}; remove the others")
    return objectives
