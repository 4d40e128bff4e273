"""Random smooth functions of a recipe: what a truth has beyond its formulas. Imports nothing of the product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.recipes import unit

WAVES = 48  # cosines summed: near enough to a Gaussian process


@dataclass(frozen=True)
class Field:
    """A draw of a zero-mean Gaussian process with a squared-exponential kernel on the unit cube, by random Fourier features."""

    waves: Array  # (WAVES, 4)
    phases: Array
    weights: Array

    def __call__(self, recipes: Array) -> Array:
        """Return the function at recipes ``(n, 4)``."""
        return np.asarray(np.cos(unit(recipes) @ self.waves.T + self.phases) @ self.weights)


def draw_field(sd: float, rng: np.random.Generator) -> Field:
    """Return a function of standard deviation ``sd``, its length scale between 0.4 and 0.9 of the cube."""
    length = rng.uniform(0.4, 0.9)
    return Field(
        rng.standard_normal((WAVES, 4)) / length,
        rng.uniform(0.0, 2.0 * np.pi, WAVES),
        sd * np.sqrt(2.0 / WAVES) * rng.standard_normal(WAVES),
    )
