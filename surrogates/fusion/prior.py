"""What is known of the physics' parameters before a surrogate sees a row: one Gaussian for all studies, and how far a lab may lie from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from objectives.calibration import Calibration
from objectives.composition import Array, Mask


@dataclass(frozen=True)
class PhysicsPrior:
    """Gaussian of the calibrated numbers z in units of their priors: mean ``(p,)`` and covariance ``(p, p)``, linearised at ``point``.

    ``own`` ``(p,)`` bool: where a lab can have a value of its own beside what all share; its offsets and latents are its own anyway.
    """

    mean: Array
    covariance: Array
    point: Array
    own: Mask

    @cached_property
    def root(self) -> Array:
        """A square root of the covariance, ``(p, p)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))

    @classmethod
    def with_new_study(cls, mean: Array, covariance: Array, calibration: Calibration) -> PhysicsPrior:
        """Return the prior of a calibration whose last numbers are the offsets of a new study: zero, one standard deviation wide."""
        size, known = len(calibration.priors), len(mean)
        full_mean, full = np.zeros(size), np.eye(size)
        full_mean[:known], full[:known, :known] = mean, covariance
        own = np.array(["." not in prior.name for prior in calibration.priors])
        return cls(full_mean, full, calibration.z, own)
