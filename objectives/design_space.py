"""Design space: the parameters a lab may set, their lab grid, and their place in the unit cube; knows nothing of electrodes.

Arrays hold one recipe a row, shape ``(n, d)``, columns in parameter order and lab units. A parameter's grid is a sorted list of
the values a lab would write down, built from integers so that every value is the double nearest to its printed decimals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array

DIGITS = 3  # significant digits of a continuous parameter: what a label on a jar can carry
ZERO_GAP = 0.1  # encoded distance between "none" and the smallest amount of a semi-continuous parameter: about two coating steps
ZERO_SHARE = 0.1  # share of samples that leave a semi-continuous parameter out: more than one grid value's, so that "none" is tried
MOST_VALUES = 1_000_000  # grid values of one parameter; finer is not a lab grid but a continuous parameter
MAGNITUDE = (1e-12, 1e12)  # magnitudes in which printed decimals are exact doubles

_KEYS = frozenset({"lower", "upper", "step", "unit", "scale", "zero"})


class DesignSpaceError(ValueError):
    """Raised when a design space contradicts itself or is given values it cannot place."""


def decimals_of(value: float) -> int:
    """Return how many decimals a number shows when printed: 1 for 0.5, 0 for 20."""
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _multiples(lower: float, upper: float, step: float) -> Array:
    """Return lower, lower + step, ..., each the double nearest to its decimals; upper is included only when the step meets it."""
    decimals = max(decimals_of(lower), decimals_of(step))
    scale = 10**decimals
    first, last, stride = (int((Decimal(repr(float(v))) * scale).to_integral_value()) for v in (lower, upper, step))
    values: Array = np.arange(first, last + 1, stride, dtype=np.int64) / float(scale)
    return values


def _significant(lower: float, upper: float) -> Array:
    """Return every number of `DIGITS` significant digits from lower to upper, both above zero, and the two bounds."""
    mantissas = np.arange(10 ** (DIGITS - 1), 10**DIGITS, dtype=np.int64)
    decades = range(math.floor(math.log10(lower)) - DIGITS, math.floor(math.log10(upper)) - DIGITS + 3)
    values = np.concatenate([mantissas * float(10**k) if k >= 0 else mantissas / float(10**-k) for k in decades])
    return values[(values > lower) & (values < upper)]


@dataclass(frozen=True)
class Parameter:
    """One design parameter.

    Args:
        name: As in the API.
        lower, upper: Bounds, in ``unit``; both are on the grid.
        step: Lab step, counted from ``lower``; None is continuous, kept to three significant digits (log) or to three digits
            of the range (linear) so that a proposal can be printed and made.
        unit: What the values are in.
        scale: How distances count in the unit cube.
        zero: Semi-continuous: 0 is allowed beside the range ("none, or 2 to 25").

    Raises:
        DesignSpaceError: If the bounds, step, scale and zero contradict each other.
    """

    name: str
    lower: float
    upper: float
    step: float | None
    unit: str
    scale: Literal["linear", "log"] = "linear"
    zero: bool = False

    def __post_init__(self) -> None:
        name, unit = self.name, f" {self.unit}" if self.unit else ""
        if not (math.isfinite(self.lower) and math.isfinite(self.upper)):
            raise DesignSpaceError(f"{name}: bounds must be finite, got {self.lower} to {self.upper}{unit}; give both a value")
        if not self.lower < self.upper:
            raise DesignSpaceError(f"{name}: lower must be below upper, got {self.lower:g} to {self.upper:g}{unit}; widen the range")
        if self.scale not in ("linear", "log"):
            raise DesignSpaceError(f'{name}: scale must be "linear" or "log", got "{self.scale}"; choose one of the two')
        if self.scale == "log" and self.lower <= 0.0:
            raise DesignSpaceError(f"{name}: a log scale needs lower above 0, got {self.lower:g}{unit}; raise it, or set zero = true to allow none")
        if self.zero and self.lower <= 0.0:
            raise DesignSpaceError(f"{name}: zero = true needs lower above 0, got {self.lower:g}{unit}; leave zero out, the range has it already")
        width = self.upper - self.lower
        if max(abs(self.lower), abs(self.upper)) > MAGNITUDE[1] or width < MAGNITUDE[0] or (self.scale == "log" and self.lower < MAGNITUDE[0]):
            raise DesignSpaceError(
                f"{name}: bounds must lie within {MAGNITUDE[0]:g} and {MAGNITUDE[1]:g}, got {self.lower:g} to {self.upper:g}{unit}; "
                "choose another unit"
            )
        if self.step is not None:
            self._check_step(self.step, unit)

    def _check_step(self, step: float, unit: str) -> None:
        if not (math.isfinite(step) and step > 0.0):
            raise DesignSpaceError(f"{self.name}: step must be above 0, got {step}{unit}; leave it out for a continuous parameter")
        exact = [Decimal(repr(float(v))) for v in (self.lower, self.upper, step)]
        if (exact[1] - exact[0]) % exact[2] != 0:
            raise DesignSpaceError(
                f"{self.name}: step must fit the range a whole number of times, got {self.lower:g} to {self.upper:g} by {step:g}{unit}; "
                "change step or bounds"
            )
        if (exact[1] - exact[0]) / exact[2] >= MOST_VALUES:
            raise DesignSpaceError(
                f"{self.name}: step must leave fewer than {MOST_VALUES} values, got {self.lower:g} to {self.upper:g} by {step:g}{unit}; "
                "leave step out for a continuous parameter"
            )
        if max(abs(self.lower), abs(self.upper)) * 10.0 ** max(decimals_of(self.lower), decimals_of(step)) >= 2.0**53:
            raise DesignSpaceError(f"{self.name}: lower and step must have at most 15 digits, got {self.lower!r} and {step!r}{unit}; round them")

    @cached_property
    def values(self) -> Array:
        """The lab grid, ascending, shape ``(k,)``; read only."""
        if self.step is not None:
            inside = _multiples(self.lower, self.upper, self.step)
        elif self.scale == "log":
            inside = _significant(self.lower, self.upper)
        else:
            decimals = DIGITS - 1 - math.floor(math.log10(self.upper - self.lower))
            scale = 10.0 ** abs(decimals)
            first, last = (math.floor(v * scale if decimals >= 0 else v / scale) for v in (self.lower, self.upper))
            whole = np.arange(first + 1, last + 1, dtype=np.int64)
            inside = np.asarray(whole / scale if decimals >= 0 else whole * scale, dtype=np.float64)
            inside = inside[(inside > self.lower) & (inside < self.upper)]
        ends = [0.0, self.lower, self.upper] if self.zero else [self.lower, self.upper]
        grid: Array = np.unique(np.concatenate([inside, ends]))
        grid.flags.writeable = False
        return grid

    @cached_property
    def encoded_values(self) -> Array:
        """The lab grid in the unit interval, ascending, shape ``(k,)``; read only."""
        encoded = self.encode(self.values)
        encoded.flags.writeable = False
        return encoded

    def index(self, x: Array) -> NDArray[np.intp]:
        """Return the place on the grid of the value nearest to each x; a tie goes to the smaller."""
        above = np.clip(np.searchsorted(self.values, x), 1, self.values.size - 1)
        nearer_below = x - self.values[above - 1] <= self.values[above] - x
        return above - nearer_below

    def snap(self, x: Array) -> Array:
        """Return the grid value nearest to each x."""
        snapped: Array = self.values[self.index(x)]
        return snapped

    def _to_range(self, x: Array) -> Array:
        if self.scale == "log":
            log_position: Array = np.log(x / self.lower) / math.log(self.upper / self.lower)
            return log_position
        return (x - self.lower) / (self.upper - self.lower)

    def _from_range(self, share: Array) -> Array:
        if self.scale == "log":
            value: Array = self.lower * np.exp(share * math.log(self.upper / self.lower))
            return value
        return self.lower + share * (self.upper - self.lower)

    def encode(self, x: Array) -> Array:
        """Return each x in the unit interval; beyond the bounds it goes on beyond 0 and 1. See `DesignSpace.encode`."""
        if self.zero:
            inside = self._to_range(np.maximum(x, self.lower))
            return np.where(x < self.lower, x * (ZERO_GAP / self.lower), ZERO_GAP + (1.0 - ZERO_GAP) * inside)
        if self.scale == "log" and np.any(x <= 0.0):
            raise DesignSpaceError(f"{self.name} must be above 0 {self.unit} on a log scale, got {np.min(x):g}; correct the recipe")
        return self._to_range(x)

    def decode(self, u: Array) -> Array:
        """Return the grid value at each u of the unit interval."""
        clipped = np.clip(u, 0.0, 1.0)
        if self.zero:
            inside = self._from_range((np.maximum(clipped, ZERO_GAP) - ZERO_GAP) / (1.0 - ZERO_GAP))
            return self.snap(np.where(clipped < ZERO_GAP, clipped * (self.lower / ZERO_GAP), inside))
        return self.snap(self._from_range(clipped))

    def sample(self, u: Array) -> Array:
        """Return a grid value for each u of an even point set in ``[0, 1)``; see `DesignSpace.sample`."""
        share = np.maximum(u - ZERO_SHARE, 0.0) / (1.0 - ZERO_SHARE) if self.zero else u
        if self.step is not None and self.scale == "linear":  # half a step wider at either end, so that the end values get a full share
            share = share + (share - 0.5) * (self.step / (self.upper - self.lower))
        inside = np.clip(self._from_range(share), self.lower, self.upper)
        return self.snap(np.where(u < ZERO_SHARE, 0.0, inside) if self.zero else inside)


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
        """Return the space of a TOML table ``NAME = {lower, upper, step, unit, scale, zero}``; the last four may be left out.

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

    def _each(self, method: str, x: Array) -> Array:
        columns = [getattr(p, method)(column) for p, column in zip(self.parameters, self._checked(x).T, strict=True)]
        return np.stack(columns, axis=1)

    def _checked(self, x: Array) -> Array:
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise DesignSpaceError(f"recipes must have shape (n, {self.dimension}) for {', '.join(self.names)}, got {x.shape}; give one recipe a row")
        return x


def _parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise DesignSpaceError(f'{name}: keys must be among {", ".join(sorted(_KEYS))}, got "{unknown[0]}"; correct or remove it')
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
    )
