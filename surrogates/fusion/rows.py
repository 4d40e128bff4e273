"""Rows of several sources as one."""

from __future__ import annotations

import numpy as np

from surrogates.protocol import Inputs, OutcomeData


def joined(first: OutcomeData, second: OutcomeData | None) -> OutcomeData:
    """Return the rows of both."""
    if second is None:
        return first
    a, b = first.inputs, second.inputs
    inputs = Inputs(*(np.concatenate([getattr(a, field), getattr(b, field)]) for field in ("features", "study", "physics", "directions")))
    return OutcomeData(inputs, np.concatenate([first.values, second.values]), np.concatenate([first.noise_sd, second.noise_sd]))
