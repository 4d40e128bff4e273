"""A good half-cell, and the reference paper's physics and recipes."""

import pytest

from objectives.discharge.scaling import HalfCell
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe


@pytest.fixture
def good() -> HalfCell:
    """A cell without any loss worth the name, at about 0.05C."""
    return HalfCell(
        current_a_m2=2.6,
        capacity_ah_m2=53.0,
        thickness_um=93.0,
        ionic_ms_cm=50.0,
        electronic_ms_cm=50.0,
        separator_um=30.0,
        separator_ms_cm=10.0,
        am_radius_um=3.75,
        diffusivity_m2_s=1e-12,
        exchange_a_m2=100.0,
        temperature_c=60.0,
    )


@pytest.fixture(scope="session")
def physics() -> Physics:
    return Physics(find_study("kim2025"))


@pytest.fixture(scope="session")
def model4() -> Recipe:
    """Model 4 of Kim et al. 2025 at 85 wt%."""
    return Recipe(85.0, 5.0, 1.5, 2.34)
