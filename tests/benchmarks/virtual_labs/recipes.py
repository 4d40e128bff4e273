"""The public design space, a copy of the bundled campaign's: bounds, lab grid, composition and shell budget. Imports nothing of the product.

Recipes are rows: AM wt%, SE wt% in the coated powder (0: uncoated), SE size um, VGCF wt%.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.virtual_labs.matter import Array

LOWER = np.array([70.0, 0.0, 0.5, 0.0])
UPPER = np.array([92.0, 25.0, 20.0, 5.0])
STEPS = (0.5, 1.0, None, 0.1)  # None: three significant digits
LEAST_COATING = 2.0  # none, or at least this
UNCOATED_SHARE = 0.1  # of random recipes


def unit(recipes: Array) -> Array:
    """Return recipes in the unit cube, the size by its logarithm, ``(n, 4)``."""
    x = np.array(recipes, dtype=float)
    low, high = LOWER.copy(), UPPER.copy()
    x[..., 2], low[2], high[2] = np.log(x[..., 2]), np.log(low[2]), np.log(high[2])
    return np.asarray((x - low) / (high - low))


def free_se(recipes: Array) -> Array:
    """Return the SE that the coating leaves, wt%; not below 0 for a recipe that can be made."""
    am, coating, _, carbon = recipes.T
    return np.asarray(100.0 - am - carbon - am * coating / (100.0 - coating))


def on_grid(u: Array) -> Array:
    """Return the lab recipes nearest to points of the unit cube ``(n, 4)``, with the coating lowered to what the SE allows."""
    u = np.clip(u, 0.0, 1.0)
    am = 70.0 + 0.5 * np.round(44.0 * u[:, 0])
    carbon = np.round(5.0 * u[:, 3], 1)
    size = significant(0.5 * 40.0 ** u[:, 2])
    se = 100.0 - am - carbon
    most = np.floor(100.0 * se / (am + se) + 1e-9)
    coating = np.minimum(np.round(25.0 * u[:, 1]), most)
    coating = np.where(
        coating < LEAST_COATING / 2.0, 0.0, np.where(coating < LEAST_COATING, np.where(most < LEAST_COATING, 0.0, LEAST_COATING), coating)
    )
    return np.stack([am, coating, size, carbon], axis=1)


def significant(size: Array) -> Array:
    """Return sizes to three significant digits."""
    decade = 10.0 ** (np.floor(np.log10(size)) - 2.0)
    return np.asarray(np.clip(np.round(np.round(size / decade) * decade, 6), 0.5, 20.0))


def allowed(recipes: Array) -> NDArray[np.bool_]:
    """Return which recipes ``(n, 4)`` lie in the bounds and hold the SE that their shell needs."""
    inside = np.all((recipes >= LOWER - 1e-9) & (recipes <= UPPER + 1e-9), axis=1)
    coated = (recipes[:, 1] < 1e-9) | (recipes[:, 1] >= LEAST_COATING - 1e-9)
    return np.asarray(inside & coated & (free_se(recipes) >= -1e-9))


def random_recipes(n: int, rng: np.random.Generator) -> Array:
    """Return n random recipes that can be made: uniform in the cube, those without enough SE drawn anew."""
    found = np.zeros((0, 4))
    while len(found) < n:
        u = rng.random((4 * n, 4))
        uncoated = rng.random(4 * n) < UNCOATED_SHARE
        u[:, 1] = np.where(uncoated, 0.0, (LEAST_COATING + (25.0 - LEAST_COATING) * u[:, 1]) / 25.0)
        wanted = LOWER + (UPPER - LOWER) * u  # before any lowering of the coating
        found = np.concatenate([found, on_grid(u[free_se(wanted) >= 0.0])])
    return found[:n]
