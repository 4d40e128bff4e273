"""Outcomes of an electrode: names, units, and the natural scale on which each learned one is modelled.

Learned outcomes are those a surrogate models; derived ones follow exactly from them and the recipe (`objectives.energy`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from objectives.composition import Array
from objectives.electrode import TAU_CAP, UTILISATION_REFERENCE

_EDGE = 1e-3  # shares are kept this far from 0 and 1 before the logit: a cell with no capacity is finite


@dataclass(frozen=True)
class Outcome:
    """One outcome: its unit, whether it is learned, and its natural scale."""

    name: str
    unit: str
    label: str
    learned: bool = False
    digits: int = 3  # significant digits people see
    to_natural: Callable[[Array], Array] = np.asarray
    from_natural: Callable[[Array], Array] = np.asarray


def _logit(share: Array) -> Array:
    kept = np.clip(share, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(kept / (1.0 - kept)))


def _expit(value: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-value)))


def _log_capped(tau: Array) -> Array:
    return np.asarray(np.log(np.minimum(tau, TAU_CAP)))


def _exp_capped(value: Array) -> Array:
    return np.asarray(np.minimum(np.exp(value), TAU_CAP))


Q_REF = UTILISATION_REFERENCE["NCM811"]
_ALL = (
    Outcome("porosity", "1", "porosity", True, 3, _logit, _expit),
    Outcome("ionic_tortuosity_factor", "1", "ionic tau", True, 3, _log_capped, _exp_capped),
    Outcome("electronic_tortuosity_factor", "1", "electronic tau", True, 3, _log_capped, _exp_capped),
    Outcome("discharge_capacity", "mAh/g", "capacity", True, 4, lambda q: _logit(q / Q_REF), lambda v: Q_REF * _expit(v)),
    Outcome("mean_discharge_voltage", "V", "mean voltage", False, 4),  # learned once a voltage has been measured; a prior until then
    Outcome("relative_density", "1", "relative density"),
    Outcome("electrode_density", "g/cm3", "density"),
    Outcome("thickness", "um", "thickness"),
    Outcome("areal_capacity", "mAh/cm2", "areal capacity"),
    Outcome("volumetric_energy_density", "Wh/L", "Wh/L", digits=4),
    Outcome("gravimetric_energy_density", "Wh/kg", "Wh/kg", digits=4),
)
OUTCOMES: Mapping[str, Outcome] = MappingProxyType({outcome.name: outcome for outcome in _ALL})
LEARNED = tuple(outcome.name for outcome in _ALL if outcome.learned)
SCALES = ("linear", "log", "share")


def natural_noise(outcome: Outcome, value: Array, sd: Array) -> Array:
    """Return standard deviations in the outcome's unit on its natural scale, ``(n,)``: the larger move of one up and one down.

    A move off the scale (a log of less than nothing) does not count.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        here = outcome.to_natural(value)
        moves = [np.abs(outcome.to_natural(value + step) - here) for step in (sd, -sd)]
    return np.asarray(np.max(np.nan_to_num(moves, nan=0.0, posinf=0.0), axis=0))


def own_outcome(name: str, unit: str, scale: str) -> Outcome:
    """Return an outcome that a lab defines: any further column, learned without physics on the scale it names.

    ``log`` is for positive quantities that vary by factors, ``share`` for fractions between 0 and 1.

    Raises:
        ValueError: If the scale is none of `SCALES`.
    """
    if scale not in SCALES:
        raise ValueError(f'outcome {name}: scale must be one of {", ".join(SCALES)}, got "{scale}"; choose one')
    if scale == "log":
        return Outcome(name, unit, name, True, 3, lambda v: np.asarray(np.log(v)), lambda v: np.asarray(np.exp(v)))
    if scale == "share":
        return Outcome(name, unit, name, True, 3, _logit, _expit)
    return Outcome(name, unit, name, True, 3)
