"""Axes, panels and marks as plain SVG, coordinates worked out here. Knows no run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from objectives.composition import Array
from objectives.parameter import Category, Parameter

WIDTH, HEIGHT = 480, 330  # of a panel, px
LEFT, RIGHT, TOP, BOTTOM = 74, 24, 14, 50  # around its frame
PAD = 0.04  # of the range, left free at either end
TICKS = 5  # about so many at an axis
CLASSES = 6  # colours of a scale, c0 to c5 in page.css


@dataclass(frozen=True)
class Axis:
    """A range with its name and ticks; shares of it run from 0 to 1."""

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, values: Array) -> Array:
        """Return where values lie on the axis, 0 at its low end and 1 at its high one."""
        if self.log:
            return np.asarray(np.log(values / self.low) / math.log(self.high / self.low))
        return np.asarray((values - self.low) / (self.high - self.low))


def linear_axis(name: str, values: Array, pad: float = PAD) -> Axis:
    """Return an axis over values ``(n,)``; from 0 to 1 if there are none."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if not high > low:
        low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
    free = pad * (high - low)
    low, high = low - free, high + free
    return Axis(name, low, high, _nice(low, high))


def log_axis(name: str, low: float, high: float) -> Axis:
    """Return a logarithmic axis between two values above 0, ticks at 1, 2 and 5 of each decade, or at decades where these are many."""
    steps_of = (1, 2, 5) if high / low < 1000.0 else (1,)
    marks = [m * 10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in steps_of]
    ticks = tuple((value, f"{value:g}") for value in marks if low * (1 - 1e-9) <= value <= high * (1 + 1e-9))
    return Axis(name, low, high, ticks, log=True)


def parameter_axis(name: str, parameter: Parameter) -> Axis:
    """Return an axis over all that a parameter may be, its options by name."""
    if isinstance(parameter, Category):
        return Axis(name, -0.5, len(parameter.options) - 0.5, tuple((float(i), option) for i, option in enumerate(parameter.options)))
    low, high = float(parameter.values[0]), float(parameter.values[-1])
    if parameter.scale == "log" and low > 0.0:
        stretch = (high / low) ** PAD
        return log_axis(name, low / stretch, high * stretch)
    return linear_axis(name, np.array([low, high]))


def _nice(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Return round values within a range, about `TICKS` of them."""
    raw = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * size >= raw * (1 - 1e-9))
    decimals = max(0, 1 - math.floor(math.log10(step))) if step < 10 else 0
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple((k * step, f"{round(k * step, decimals + 1) + 0.0:.10g}") for k in range(first, last + 1))


@dataclass(frozen=True)
class Panel:
    """A frame with two axes."""

    x: Axis
    y: Axis
    width: int = WIDTH
    height: int = HEIGHT

    def across(self, values: Array) -> Array:
        """Return pixels from the left."""
        return LEFT + np.clip(self.x.share(values), 0.0, 1.0) * (self.width - LEFT - RIGHT)

    def down(self, values: Array) -> Array:
        """Return pixels from the top."""
        return self.height - BOTTOM - np.clip(self.y.share(values), 0.0, 1.0) * (self.height - TOP - BOTTOM)

    def shows(self, x: float, y: float) -> bool:
        """Return whether a point lies inside the frame."""
        return self.x.low <= x <= self.x.high and self.y.low <= y <= self.y.high

    def drawn(self, marks: Iterable[str], label: str) -> str:
        """Return the panel with these marks; the label is read out where the drawing cannot be seen."""
        base, end = self.height - BOTTOM, self.width - RIGHT
        parts = []
        for value, text in self.x.ticks:
            at = f"{float(self.across(np.array([value]))[0]):.1f}"
            parts.append(f'<path class="grid" d="M{at} {TOP}V{base}"/><text x="{at}" y="{base + 17}" text-anchor="middle">{escape(text)}</text>')
        for value, text in self.y.ticks:
            at = f"{float(self.down(np.array([value]))[0]):.1f}"
            parts.append(
                f'<path class="grid" d="M{LEFT} {at}H{end}"/><text x="{LEFT - 7}" y="{at}" dy=".35em" text-anchor="end">{escape(text)}</text>'
            )
        parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{base}H{end}"/>')
        parts.extend(marks)
        parts.append(f'<text class="name" x="{(LEFT + end) / 2}" y="{self.height - 9}" text-anchor="middle">{escape(self.x.name)}</text>')
        parts.append(f'<text class="name" transform="translate(15 {(TOP + base) / 2}) rotate(-90)" text-anchor="middle">{escape(self.y.name)}</text>')
        return svg(self.width, self.height, parts, label)


def svg(width: int, height: int, parts: Iterable[str], label: str) -> str:
    """Return a drawing."""
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def dots(kind: str, x: Array, y: Array) -> str:
    """Return points at pixels ``(n,)`` as one mark, a tenth of the size of as many circles."""
    if not len(x):
        return ""
    where = "".join(f"M{across:.4g} {down:.4g}h0" for across, down in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="{kind}" d="{where}"/>'


def circles(kind: str, x: Array, y: Array, numbers: Sequence[int], titles: Sequence[str] = (), radius: float = 4.5) -> list[str]:
    """Return points at pixels ``(n,)`` that can be pointed at, each with the number of its trial."""
    said = [f"<title>{escape(title)}</title>" for title in titles] or [""] * len(numbers)
    return [
        f'<circle class="{kind}" data-t="{number}" cx="{across:.4g}" cy="{down:.4g}" r="{radius:g}">{title}</circle>'
        for across, down, number, title in zip(x.tolist(), y.tolist(), numbers, said, strict=True)
    ]


def steps(kind: str, x: Array, y: Array) -> str:
    """Return a line through pixels ``(n,)`` that holds each height until the next point."""
    if not len(x):
        return ""
    rest = "".join(f"H{across:.5g}V{down:.5g}" for across, down in zip(x[1:].tolist(), y[1:].tolist(), strict=True))
    return f'<path class="{kind}" d="M{float(x[0]):.5g} {float(y[0]):.5g}{rest}"/>'


def line(kind: str, x: Array, y: Array, more: str = "") -> str:
    """Return a line through pixels ``(n,)``, with further attributes or a title inside."""
    where = "L".join(f"{across:.4g} {down:.4g}" for across, down in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="{kind}" d="M{where}"{more}'


def shades(values: Array) -> Array:
    """Return the class of each value ``(n,)``, 0 to `CLASSES` - 1; each class has as many values, so that an outlier takes no colours away."""
    return np.asarray(np.searchsorted(_edges(values)[1:-1], values, side="right")) if values.size else values


def _edges(values: Array) -> Array:
    """Return the ends of the classes, ``(CLASSES + 1,)``."""
    return np.interp(np.linspace(0.0, len(values) - 1.0, CLASSES + 1), np.arange(len(values)), np.sort(values))


def scale_legend(title: str, values: Array) -> str:
    """Return what the classes of `shades` stand for."""
    if not values.size:
        return ""
    low, *edges = (f"{edge:.4g}" for edge in _edges(values))
    boxes = "".join(f'<i class="box c{i}"></i>{edge}' for i, edge in enumerate(edges))
    return f'<span class="key">{escape(title)}: {low} {boxes}</span>'
