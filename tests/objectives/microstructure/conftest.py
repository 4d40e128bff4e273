"""The reference electrodes (Models 1-5 of Kim et al. 2025) and small blocks of them, shared by the tests of the microstructure."""

from collections.abc import Callable

import pytest

from objectives.microstructure.generate import Microstructure, generate
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe

LARGE_UM, SMALL_UM, VGCF_WT = 4.83, 1.5, 2.34  # 4.83: the calibrated size of the large SE
CUBE = (40, 40, 40)
CUBE_VOXEL_UM = 0.6

Blocks = Callable[..., Microstructure]


@pytest.fixture(scope="session")
def model() -> Callable[[int, float], Recipe]:
    """``model(number, am_wt)``: 1 no shell, 2 all SE in the shell, 3 thin shell and large SE, 4 the same and small SE, 5 small SE alone."""

    def of(number: int, am_wt: float) -> Recipe:
        thick = 25.0 if am_wt < 80.0 else 15.0
        coating, size = {1: (0.0, LARGE_UM), 2: (thick, LARGE_UM), 3: (5.0, LARGE_UM), 4: (5.0, SMALL_UM), 5: (0.0, SMALL_UM)}[number]
        return Recipe(am_wt, coating, size, VGCF_WT)

    return of


@pytest.fixture(scope="session")
def physics() -> Physics:
    return Physics(find_study("kim2025"))


@pytest.fixture(scope="session")
def block(physics: Physics) -> Blocks:
    """A cube of 24 um: ``block(recipe, seed=0, porosity=None)``; made once for each recipe."""
    made: dict[tuple[Recipe, int, float | None], Microstructure] = {}

    def of(recipe: Recipe, seed: int = 0, porosity: float | None = None) -> Microstructure:
        key = (recipe, seed, porosity)
        if key not in made:
            made[key] = generate(physics, recipe, CUBE, CUBE_VOXEL_UM, seed, porosity)
        return made[key]

    return of
