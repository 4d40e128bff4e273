"""Units as labs write them in headers, converted with pint to the unit of a column.

Only a small grammar reaches pint (letters with a one-digit power, joined by / or a space), so a header cannot make it compute.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_FACTOR = re.compile(r"([A-Za-zμΩ°]+)(?:\^|\*\*)?([+-]?[1-9])?")
_PER_AM = re.compile(r"(?<=g)[\s_]*\(?(?:AM|CAM|cathode active material)\)?(?=$|[\s^*-])")
_LONGEST = 40
_SPELLINGS = {  # as labs write it: as pint knows it
    "mah": "mAh",
    "ah": "Ah",
    "mpa": "MPa",
    "gpa": "GPa",
    "ohms": "ohm",
    "Ohm": "ohm",
    "Ohms": "ohm",
    "Ω": "ohm",
    "kΩ": "kiloohm",
    "mΩ": "milliohm",
    "micron": "um",
    "microns": "um",
    "cc": "cm**3",
    "volt": "V",
    "volts": "V",
    "hr": "hour",
}
_TEMPERATURES = {"C": "degC", "°C": "degC", "degC": "degC", "deg C": "degC", "celsius": "degC", "K": "kelvin", "F": "degF", "°F": "degF"}
_RATES = {"C": "1/hour", "1/h": "1/hour", "h-1": "1/hour", "h^-1": "1/hour"}
_PERCENT = {"%", "pct", "percent"}
_MASS_PERCENT = {"wt%", "wt.%", "wt %", "wt. %", "wt", "%wt", "w%", "w/w%", "m%", "mass%", "mass %", "weight%", "weight %", "% w/w", "wt-%", "m.-%"}
_VOLUME_PERCENT = {"vol%", "vol.%", "vol %", "vol-%", "v/v%", "% v/v"}
_ONE = {"1", "-", "fraction", "dimensionless"}


class UnitError(ValueError):
    """Raised for a text that is no unit, or not one of the column's kind."""

    def __init__(self, text: str) -> None:
        super().__init__(f'"{text}" is no unit of the kind asked for')


@dataclass(frozen=True)
class Scale:
    """From a header's unit to the column's: ``offset + factor * value``."""

    factor: float = 1.0
    offset: float = 0.0

    def value(self, number: float) -> float:
        """Return a value in the column's unit; the last digits of float noise dropped."""
        return number if self == SAME else float(f"{self.offset + self.factor * number:.12g}")

    def sd(self, number: float) -> float:
        """Return a standard error in the column's unit."""
        return number if self.factor == 1.0 else float(f"{abs(self.factor) * number:.12g}")


SAME = Scale()


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


def plain(text: str) -> str:
    """Return a header's text in one spelling: compatibility characters folded, spaces single."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("·", " ").replace("⋅", " ").replace("\u2044", "/")
    return " ".join(folded.replace("µ", "μ").split())


def _pint_text(text: str) -> str:
    """Return a unit text in pint's grammar.

    Raises:
        UnitError: If it is not factors with one-digit powers joined by ``/``, ``*`` or a space.
    """
    if len(text) > _LONGEST:
        raise UnitError(text)
    parts: list[str] = []
    for position, group in enumerate(_PER_AM.sub("", text).split("/")):
        for factor in re.split(r"(?<!\*)\*(?!\*)|\s+", group.strip()):
            if factor == "1" and not parts:
                continue
            match = _FACTOR.fullmatch(factor)
            if match is None:
                raise UnitError(text)
            name, power = match[1], int(match[2] or 1)
            parts.append(f"({_SPELLINGS.get(name, name)})**({-power if position else power})")
    if not parts:
        raise UnitError(text)
    return " * ".join(parts)


def _share(text: str, canonical: str) -> Scale | None:
    """Return the scale between shares, or None where the text is no share; mass and volume shares do not mix."""
    low = text.lower()
    own = _MASS_PERCENT if canonical == "wt%" else _VOLUME_PERCENT
    percent = 1.0 if canonical in ("wt%", "%") else 0.01
    if low in _PERCENT | own:
        return Scale(percent)
    if low in _ONE:
        return Scale(percent * 100.0)
    return None


@lru_cache(maxsize=1024)
def scale_between(text: str, canonical: str) -> Scale:
    """Return how values in a written unit become values in a column's unit.

    Args:
        text: The unit as written.
        canonical: The column's unit: of `columns.COLUMNS`, or what the lab states for a column of its own.

    Raises:
        UnitError: If the text is no unit, or measures something else.
    """
    text = plain(text)
    if text == plain(canonical):
        return SAME
    if canonical in ("wt%", "%", "1"):
        share = _share(text, canonical)
        if share is None:
            raise UnitError(text)
        return share
    if canonical == "degC":
        text = _TEMPERATURES.get(text, text)
        if text == "degC":
            return SAME
    if canonical == "1/h":
        if text in _RATES:
            return SAME
        text = _RATES.get(text, text)
    import pint

    try:
        ureg = _registry()
        unit, target = (ureg.parse_units(_pint_text(plain(part)) if part not in ("degC", "degF") else part) for part in (text, canonical))
        zero, million = (float(ureg.Quantity(number, unit).to(target).magnitude) for number in (0.0, 1e6))
    except (pint.errors.PintError, UnitError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UnitError(text) from error
    return Scale(float(f"{(million - zero) / 1e6:.15g}"), float(f"{zero:.12g}"))
