"""Fewer marks where a browser would get slow: the same ones for the same run, and the reader is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def thinned(items: Sequence[T], most: int) -> tuple[list[T], str]:
    """Return every k-th item so that at most so many are left, and a sentence that says so, empty where all are left."""
    every = -(-len(items) // most) or 1
    said = "" if every == 1 else f" Drawn: {len(items[::every])} of {len(items)} such trials, one in {every} by number."
    return list(items[::every]), said
