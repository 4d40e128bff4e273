"""A design parameter: its lab grid, and its place in the unit interval; a number, or a category.

The grid is a sorted list of the values a lab would write down, built from integers so that every value is the double nearest to its
printed decimals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array

DIGITS = 3  # significant digits of a continuous parameter: what a label on a jar can carry
ZERO_GAP = 0.1  # encoded distance between "none" and the smallest amount of a semi-continuous parameter: about two coating steps
ZERO_SHARE = 0.1  # share of samples that leave a semi-continuous parameter out: more than one grid value's, so that "none" is tried
MOST_VALUES = 1_000_000  # grid values of one parameter; finer is not a lab grid but a continuous parameter
MAGNITUDE = (1e-12, 1e12)  # magnitudes in which printed decimals are exact doubles

CLOSEST = 1e-9  # of the range: values nearer than this are one value in the unit interval
MOST_OPTIONS = 50  # of a category: apart by 1/49 of the unit interval, still two recipes to a lab


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
        choices: The only values there are, ascending and within the bounds (powders at hand); None is every value of the grid.

    Raises:
        DesignSpaceError: If the bounds, step, scale, zero and choices contradict each other.
    """

    name: str
    lower: float
    upper: float
    step: float | None
    unit: str
    scale: Literal["linear", "log"] = "linear"
    zero: bool = False
    choices: tuple[float, ...] | None = None

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
        if self.choices is not None:
            self._check_choices(self.choices, unit)

    def _check_choices(self, choices: tuple[float, ...], unit: str) -> None:
        shown = ", ".join(f"{value:g}" for value in choices)
        if self.step is not None or self.zero:
            raise DesignSpaceError(
                f"{self.name}: a list of values has neither step nor zero, got {shown}{unit}; leave them out, and list 0 as a value"
            )
        gaps = np.diff(choices)
        if not choices or not (gaps > CLOSEST * (self.upper - self.lower)).all():
            raise DesignSpaceError(f"{self.name}: values must rise and differ, got {shown or 'none'}{unit}; sort them and drop repeats")
        if not self.lower <= choices[0] <= choices[-1] <= self.upper:
            raise DesignSpaceError(
                f"{self.name}: values must lie within the bounds {self.lower:g} to {self.upper:g}{unit}, got {shown}; correct one or the other"
            )

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
        if self.choices is not None:
            listed: Array = np.array(self.choices, dtype=np.float64)
            listed.flags.writeable = False
            return listed
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
        ordered = np.sort(np.concatenate([inside, ends]))
        grid: Array = ordered[np.append(True, np.diff(ordered) > 0.0)]
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
        if self.values.size == 1:
            return np.zeros(np.shape(x), dtype=np.intp)
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
        if self.choices is not None:
            return np.asarray(self.values[np.minimum((u * self.values.size).astype(np.intp), self.values.size - 1)])
        share = np.maximum(u - ZERO_SHARE, 0.0) / (1.0 - ZERO_SHARE) if self.zero else u
        if self.step is not None and self.scale == "linear":  # half a step wider at either end, so that the end values get a full share
            share = share + (share - 0.5) * (self.step / (self.upper - self.lower))
        inside = np.clip(self._from_range(share), self.lower, self.upper)
        return self.snap(np.where(u < ZERO_SHARE, 0.0, inside) if self.zero else inside)

    def features(self, x: Array) -> Array:
        """Return what tells values apart to a model, ``(n, f)``, about 0-1: here the encoded value alone."""
        return self.encode(x)[:, None]

    def text(self, value: float) -> str:
        """Return a value as people write it."""
        return f"{value:.4g}{' ' + self.unit if self.unit else ''}"

    def read(self, value: float | str) -> float:
        """Return a value that a person gave, off the grid or beyond the bounds as it may be.

        Raises:
            DesignSpaceError: If it is no finite number.
        """
        if isinstance(value, bool | str) or not math.isfinite(value):
            raise DesignSpaceError(f"{self.name} must be a finite number, got {value!r}; write it in {self.unit or 'plain digits'}")
        return float(value)

    def plain(self, value: float) -> float | str:
        """Return a value as plain data."""
        return float(value)


@dataclass(frozen=True)
class Category(Parameter):
    """A parameter whose values are names: in arrays, the place of an option in the list. Make one with `category`.

    ``descriptors`` are numbers that a chemist would compare options by, ``(name, one value an option)``; without any, every option is
    equally far from every other.
    """

    options: tuple[str, ...] = ()
    descriptors: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @cached_property
    def _table(self) -> Array:
        """Features of each option, ``(k, f)``; two options at the ends of one descriptor, or any two without, are 1 apart."""
        if not self.descriptors:
            one_hot: Array = np.eye(len(self.options)) / math.sqrt(2.0)
            return one_hot
        columns = np.array([values for _, values in self.descriptors], dtype=np.float64).T
        low, high = columns.min(axis=0), columns.max(axis=0)
        return np.asarray((columns - low) / np.where(high > low, high - low, 1.0))

    def features(self, x: Array) -> Array:
        """Return the descriptors of each option, each 0-1 over the options, ``(n, f)``."""
        return np.asarray(self._table[x.astype(np.intp)])

    def text(self, value: float) -> str:
        """Return the option's name."""
        return self.options[int(value)]

    def read(self, value: float | str) -> float:
        """Return the place of an option given by name.

        Raises:
            DesignSpaceError: If there is no such option.
        """
        if value not in self.options:
            raise DesignSpaceError(f"{self.name} must be one of {', '.join(self.options)}, got {value!r}; correct the name or add the option")
        return float(self.options.index(str(value)))

    def plain(self, value: float) -> float | str:
        """Return the option's name."""
        return self.text(value)


def category(name: str, options: tuple[str, ...], descriptors: Mapping[str, tuple[float, ...]] | None = None) -> Category:
    """Return a parameter whose values are names.

    Raises:
        DesignSpaceError: If there are fewer than two options or they repeat, or descriptors do not fit or do not tell them apart.
    """
    if not 2 <= len(options) <= MOST_OPTIONS or len(set(options)) < len(options):
        raise DesignSpaceError(f"{name}: options must be 2 to {MOST_OPTIONS} different names, got {', '.join(options) or 'none'}; correct the list")
    described = tuple((key, tuple(float(value) for value in values)) for key, values in (descriptors or {}).items())
    for key, values in described:
        if len(values) != len(options) or not all(math.isfinite(value) for value in values):
            raise DesignSpaceError(
                f"{name}: descriptor {key} must have one finite number for each of the {len(options)} options, got {list(values)}; correct it"
            )
    rows = list(zip(*(values for _, values in described), strict=True))
    for i, row in enumerate(rows):
        if row in rows[:i]:
            twin = options[rows.index(row)]
            raise DesignSpaceError(f"{name}: descriptors must tell options apart, got the same for {twin} and {options[i]}; add a descriptor")
    return Category(name, 0.0, len(options) - 1.0, 1.0, "", options=options, descriptors=described)
