"""Compilation of plain loops over grains and voxels by numba, when first used; knows no electrode."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


@cache
def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function compiled to machine code, kept for the next process where a folder for it can be written.

    numba keeps the code beside the package, else in the user's cache folder; where neither can be written it compiles in each process.
    """
    from numba import njit

    try:
        return cast("Callable[P, T]", njit(cache=True)(function))
    except RuntimeError:  # "no locator available": nowhere to keep it
        return cast("Callable[P, T]", njit(function))
