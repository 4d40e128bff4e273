"""Design space: the parameters a lab may set, as one grid and one unit cube; knows nothing of electrodes.

Arrays hold one recipe a row, shape ``(n, d)``, columns in parameter order and lab units; a category is the place of its option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array
from objectives.parameter import Category, DesignSpaceError, Parameter, category

_KEYS = frozenset({"lower", "upper", "step", "unit", "scale", "zero", "values"})
_CATEGORY_KEYS = frozenset({"options", "descriptors"})


@dataclass(frozen=True)
class DesignSpace:
    """All recipes that the parameters' grids allow, before any constraint.

    Raises:
        DesignSpaceError: If there is no parameter, or two share a name.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if not self.parameters:
            raise DesignSpaceError("a design space needs at least one parameter, got none; add a [space.NAME] table")
        for name in self.names:
            if self.names.count(name) > 1:
                raise DesignSpaceError(f'parameter names must differ, got "{name}" twice; rename one')

    @classmethod
    def from_table(cls, table: Mapping[str, Mapping[str, Any]]) -> DesignSpace:
        """Return the space of a TOML table.

        A number is ``NAME = {lower, upper, step, unit, scale, zero}``, the last four may be left out, or ``{values, unit, scale}``; a
        category is ``NAME = {options, descriptors}``, with ``descriptors = {KEY = [one number an option]}`` if there are any.

        Raises:
            DesignSpaceError: If a key is missing or unknown, a value is of the wrong kind, or the parameters contradict themselves.
        """
        return cls(tuple(_parameter(name, entry) for name, entry in table.items()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameter names in column order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def dimension(self) -> int:
        """Number of parameters, d."""
        return len(self.parameters)

    def columns(self, x: Array) -> dict[str, Array]:
        """Return the columns of x, shape ``(n, d)``, by parameter name."""
        return dict(zip(self.names, self._checked(x).T, strict=True))

    def index(self, x: Array) -> NDArray[np.intp]:
        """Return the places on each parameter's grid of the nearest values, shape ``(n, d)``."""
        return np.stack([p.index(column) for p, column in zip(self.parameters, self._checked(x).T, strict=True)], axis=1)

    def at_index(self, index: NDArray[np.intp]) -> Array:
        """Return the recipes at these places on the grids; places beyond an end count as the end. Shape ``(n, d)``."""
        columns = [p.values[np.clip(k, 0, p.values.size - 1)] for p, k in zip(self.parameters, index.T, strict=True)]
        return np.stack(columns, axis=1)

    def snap(self, x: Array) -> Array:
        """Return the nearest recipes on the lab grid, inside the bounds, shape ``(n, d)``."""
        return self._each("snap", x)

    def on_grid(self, x: Array) -> NDArray[np.bool_]:
        """Return whether every value of a recipe is exactly a grid value, shape ``(n,)``."""
        same: NDArray[np.bool_] = np.all(self.snap(x) == x, axis=1)
        return same

    def clip(self, x: Array) -> Array:
        """Return x moved inside the outer bounds (0 to upper for a semi-continuous parameter), not snapped, shape ``(n, d)``."""
        lowest = [0.0 if p.zero else p.lower for p in self.parameters]
        return np.clip(self._checked(x), lowest, [p.upper for p in self.parameters])

    def encode(self, x: Array) -> Array:
        """Return recipes in the unit cube of the declared bounds, shape ``(n, d)``.

        A log parameter is encoded by its logarithm. Of a semi-continuous one, 0 goes to 0 and the range to ``[ZERO_GAP, 1]``.
        A recipe outside the bounds is encoded outside the cube, so that an imported cell keeps its place.

        Raises:
            DesignSpaceError: If x has the wrong shape, or a value at or below 0 is given for a log parameter.
        """
        return self._each("encode", x)

    def decode(self, u: Array) -> Array:
        """Return the grid recipes at points of the unit cube, shape ``(n, d)``; ``decode(encode(x)) == x`` on the grid."""
        return self._each("decode", u)

    def sample(self, u: Array) -> Array:
        """Return grid recipes for an even point set in the unit cube, shape ``(n, d)``.

        Not `decode`: here each value of a stepped parameter gets an equal share of the points, and leaving a semi-continuous
        parameter out gets `ZERO_SHARE` of them.
        """
        return self._each("sample", u)

    def features(self, x: Array) -> Array:
        """Return what tells recipes apart to a model, ``(n, f)``, about 0-1: encoded numbers, and the descriptors of categories."""
        return np.concatenate([p.features(column) for p, column in zip(self.parameters, self._checked(x).T, strict=True)], axis=1)

    @cached_property
    def categories(self) -> tuple[int, ...]:
        """Columns that hold categories."""
        return tuple(i for i, parameter in enumerate(self.parameters) if isinstance(parameter, Category))

    def _each(self, method: str, x: Array) -> Array:
        columns = [getattr(p, method)(column) for p, column in zip(self.parameters, self._checked(x).T, strict=True)]
        return np.stack(columns, axis=1)

    def _checked(self, x: Array) -> Array:
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise DesignSpaceError(f"recipes must have shape (n, {self.dimension}) for {', '.join(self.names)}, got {x.shape}; give one recipe a row")
        return x


def _parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    if "options" in entry:
        return _category(name, entry)
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise DesignSpaceError(f'{name}: keys must be among {", ".join(sorted(_KEYS))}, got "{unknown[0]}"; correct or remove it')
    choices = _numbers(name, "values", entry["values"]) if "values" in entry else None
    if choices:
        entry = {"lower": min(choices), "upper": max(choices), **entry}
    for key in ("lower", "upper"):
        if key not in entry:
            raise DesignSpaceError(f"{name}: {key} must be given, got none; add {key} = NUMBER")
    for key in ("lower", "upper", "step"):
        value = entry.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise DesignSpaceError(f"{name}: {key} must be a number, got {value!r}; write it without quotes")
    zero = entry.get("zero", False)
    if not isinstance(zero, bool):
        raise DesignSpaceError(f"{name}: zero must be true or false, got {zero!r}; write it without quotes")
    step = entry.get("step")
    return Parameter(
        name=name,
        lower=float(entry["lower"]),
        upper=float(entry["upper"]),
        step=None if step is None else float(step),
        unit=str(entry.get("unit", "")),
        scale=entry.get("scale", "linear"),
        zero=zero,
        choices=choices,
    )


def _numbers(name: str, key: str, values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise DesignSpaceError(f"{name}: {key} must be a list of numbers, got {values!r}; write it as [0.5, 1.5, 5.0]")
    return tuple(float(value) for value in values)


def _category(name: str, entry: Mapping[str, Any]) -> Category:
    unknown = sorted(set(entry) - _CATEGORY_KEYS)
    if unknown:
        raise DesignSpaceError(f'{name}: keys of a category must be among {", ".join(sorted(_CATEGORY_KEYS))}, got "{unknown[0]}"; remove it')
    options, descriptors = entry["options"], entry.get("descriptors", {})
    if not isinstance(options, list) or not all(isinstance(option, str) and option.strip() for option in options):
        raise DesignSpaceError(f'{name}: options must be a list of names, got {options!r}; write it as ["CMC", "PVDF"]')
    if not isinstance(descriptors, Mapping):
        raise DesignSpaceError(f"{name}: descriptors must be a table, got {descriptors!r}; write it as {{ molar_mass = [700.0, 1000.0] }}")
    return category(name, tuple(options), {key: _numbers(name, f"descriptor {key}", values) for key, values in descriptors.items()})
