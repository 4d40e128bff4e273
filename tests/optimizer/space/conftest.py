"""The bundled campaign without physics, and a made-up truth to measure it by: smooth, with a trade-off and a limit that bites."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from optimizer.space.campaign import SpaceCampaign, load_space_campaign

Recipe = Mapping[str, float | str]
BINDS = {"CMC-SBR": 1.0, "PVDF": 0.8, "PAA": 1.2}  # made up


@pytest.fixture(scope="session")
def graphite() -> SpaceCampaign:
    return load_space_campaign("graphite-anode")


@pytest.fixture(scope="session")
def truth() -> Callable[[Recipe], dict[str, float]]:
    def of(recipe: Recipe) -> dict[str, float]:
        r = {name: value for name, value in recipe.items() if not isinstance(value, str)}
        thick = (r["loading_mg_cm2"] / 10.0) ** 2 * (r["density_g_cm3"] / 1.4) ** 2
        return {
            "areal_capacity": 0.0035 * r["loading_mg_cm2"] * r["graphite_wt"],
            "rate_retention": 95.0 - 25.0 * thick + 4.0 * float(np.sqrt(r["carbon_wt"])) - r["binder_wt"],
            "adhesion": max(6.0 * r["binder_wt"] * BINDS[str(recipe["binder"])] - 3.0 * r["carbon_wt"] - 0.4 * r["loading_mg_cm2"], 0.1),
        }

    return of
