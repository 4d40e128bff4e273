"""Open-circuit potential of NCM811 against Li, and the window of stoichiometry that a cell uses. Works on numpy and on PyBaMM's symbols."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

UPPER_V, LOWER_V = 4.25, 2.5  # Kim et al. 2025: cycled between 2.50 and 4.25 V
EMPTY = 0.95  # stoichiometry at which the potential reaches LOWER_V: the fit's data end there, Chen et al. 2020
_STEEPNESS = 80.0  # of the drop at the end [A]: as steep as that of layered oxides; the potential falls from 3.4 V within 0.02


def _chen2020(sto: Any, tanh: Callable[[Any], Any]) -> Any:
    """Return the fit of Chen et al., J. Electrochem. Soc. 167, 080534 (2020), V; it never falls to 2.5 V."""
    return (
        -0.8090 * sto
        + 4.4875
        - 0.0428 * tanh(18.5138 * (sto - 0.5542))
        - 17.7326 * tanh(15.7890 * (sto - 0.3117))
        + 17.5842 * tanh(15.9308 * (sto - 0.3120))
    )


# Where the added drop sets in, so that the potential is LOWER_V at EMPTY.
_DROP = EMPTY - math.log(_chen2020(EMPTY, math.tanh) - LOWER_V) / _STEEPNESS


def open_circuit_potential(sto: Any, tanh: Callable[[Any], Any] = np.tanh, exp: Callable[[Any], Any] = np.exp) -> Any:
    """Return the open-circuit potential in V against Li at a stoichiometry (lithium per site), falling to 2.5 V at `EMPTY`."""
    return _chen2020(sto, tanh) - exp(_STEEPNESS * (sto - _DROP))


def _stoichiometry_at(potential_v: float) -> float:
    low, high = 0.2, EMPTY  # the potential falls monotonically between them
    for _ in range(60):
        middle = 0.5 * (low + high)
        if open_circuit_potential(middle, math.tanh, math.exp) > potential_v:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


CHARGED = _stoichiometry_at(UPPER_V)
WINDOW = EMPTY - CHARGED
