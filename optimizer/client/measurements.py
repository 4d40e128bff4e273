"""Measurements as requests, made without the service: to be sent now, or kept until it can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal
from uuid import uuid4

from optimizer.client import shapes
from optimizer.client.wire import Request, address, writing

Recipe = Mapping[str, float | str]
Failure = Literal["failed_process", "failed_cell", "short", "invalid"]
KINDS = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def telling(campaign: str, reports: Sequence[shapes.Report], key: str | None = None) -> Request:
    """Return the request that tells reports: all are kept, or none."""
    return writing(address("campaigns", campaign, "observations"), {"reports": list(reports)}, key)


def report(observation: shapes.Observation, trial: int | None, attempt: int | None) -> shapes.Report:
    """Return an observation as the result of a trial, or of none."""
    return {"observation": observation, "trial": trial, "attempt": attempt}


def correcting(campaign: str, number: int, observation: shapes.Observation, key: str | None = None) -> Request:
    """Return the request that puts an observation in the place of an earlier one."""
    return writing(address("campaigns", campaign, "observations", number, "correction"), {"observation": observation}, key)


def uploading(campaign: str, table: Path, source: str | None = None, key: str | None = None) -> Request:
    """Return the request that uploads a table, read now.

    Raises:
        ValueError: If the file is neither CSV nor XLSX by its name.
        OSError: If it cannot be read.
    """
    kind = KINDS.get(table.suffix.lower())
    if kind is None:
        raise ValueError(f'the table must be a .csv or .xlsx file, got "{table.name}"; save it as one')
    path = address("campaigns", campaign, "imports")
    return Request("POST", path, (("source", source or table.name),), table.read_bytes(), kind, key or str(uuid4()))
