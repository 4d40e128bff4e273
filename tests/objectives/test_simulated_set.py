"""The bundled simulated set: enough rows, each in its place, the flags kept, and physics that holds between its columns."""

import json

import numpy as np
import pytest

from objectives.electrode import TAU_CAP
from objectives.simulated_set import STRUCTURE, SimulatedSet, load_simulated_set, parse

ABOUT = json.dumps(
    {
        "simulator": "0123",
        "study": "kim2025",
        "conditions": [
            {"temperature_c": 60.0, "c_rate": 0.05, "pressure_mpa": 500.0, "loading_mg_cm2": 30.6},
            {"temperature_c": 30, "c_rate": 0.2, "pressure_mpa": 500.0, "loading_mg_cm2": 30.6},
        ],
    }
)
ROWS = """\
trial,am_wt,coating_se_wt,se_particle_um,vgcf_wt,status,percolates,fine_se,coarse_se,seeds,ionic_tortuosity_factor,sd.ionic_tortuosity_factor,\
discharge_capacity@0.05C_60degC,discharge_capacity@0.2C_30degC,sd.discharge_capacity@0.2C_30degC
0,85,5,1.5,2.3,ok,1,0,0,3,2.5,0.1,200,170,0.5
1,80,0,0.8,2.3,ok,1,1,0,3,5.5,,150,,
2,90,0,12,0,no_electronic_path,0,0,1,6,200,0,0,0,0
"""


@pytest.fixture(scope="module")
def bundled() -> SimulatedSet:
    return load_simulated_set()


def test_rows_are_read_into_their_columns() -> None:
    found = parse(ROWS, ABOUT)
    assert found.recipes.tolist() == [[85, 5, 1.5, 2.3], [80, 0, 0.8, 2.3], [90, 0, 12, 0]]
    assert found.trained_on.tolist() == [True, False, False]
    assert found.percolates.tolist() == [True, True, False]
    assert found.at(0.2, 30.0) == 1
    np.testing.assert_array_equal(found.discharge["discharge_capacity"], [[200, 170], [150, np.nan], [0, 0]])
    np.testing.assert_array_equal(found.structure_sd["ionic_tortuosity_factor"], [0.1, np.nan, 0.0])
    np.testing.assert_array_equal(found.discharge_sd["discharge_capacity"][:, 1], [0.5, np.nan, 0.0])
    assert np.isnan(found.structure_sd["porosity"]).all()


def test_condition_without_discharges_is_refused() -> None:
    with pytest.raises(KeyError, match=r"discharged at 0\.05C_60degC, 0\.2C_30degC, got 1C_25degC; choose one of them"):
        parse(ROWS, ABOUT).at(1.0, 25.0)


def test_set_is_read_once_and_cannot_be_changed(bundled: SimulatedSet) -> None:
    assert load_simulated_set() is bundled
    with pytest.raises(ValueError, match="read-only"):
        bundled.recipes[0, 0] = 1.0


def test_enough_rows_ended_well_and_may_be_learned_from(bundled: SimulatedSet) -> None:
    assert sum(status == "ok" for status in bundled.status) >= 300
    assert bundled.trained_on.sum() >= 250
    assert len({tuple(recipe) for recipe in bundled.recipes.tolist()}) == len(bundled.recipes)


def test_rows_cover_the_space_and_reach_over_its_edges(bundled: SimulatedSet) -> None:
    low, high = bundled.recipes.min(axis=0), bundled.recipes.max(axis=0)
    assert (low <= [70.5, 0.0, 0.55, 0.0]).all()
    assert (high >= [90.0, 25.0, 19.0, 4.9]).all()
    assert (bundled.trained_on & ~bundled.percolates).any()
    assert "no_electronic_path" in bundled.status


def test_rows_finer_than_two_voxels_are_flagged_and_not_learned_from(bundled: SimulatedSet) -> None:
    fine = bundled.recipes[:, 2] < 1.0
    np.testing.assert_array_equal(bundled.fine_se, fine)
    assert fine.any()
    assert not bundled.trained_on[fine | bundled.coarse_se].any()
    assert all(bundled.status[i] == "ok" for i in np.flatnonzero(bundled.trained_on))


def test_what_is_learned_from_is_whole(bundled: SimulatedSet) -> None:
    good = bundled.trained_on
    for name in STRUCTURE:
        assert np.isfinite(bundled.structure[name][good]).all()
    assert (bundled.structure_sd["ionic_tortuosity_factor"][good] >= 0.0).all()
    assert np.isfinite(bundled.discharge["discharge_capacity"][good, 0]).all()
    assert (bundled.discharge_sd["discharge_capacity"][good, 0] >= 0.0).all()
    assert np.isfinite(bundled.discharge["mean_discharge_voltage"][good & bundled.percolates, 0]).all()


def test_four_conditions_are_the_campaigns_first(bundled: SimulatedSet) -> None:
    assert [(one.c_rate, one.temperature_c) for one in bundled.conditions] == [(0.05, 60.0), (0.2, 60.0), (0.05, 30.0), (0.2, 30.0)]


def test_physics_holds_between_the_columns(bundled: SimulatedSet) -> None:
    tau, capacity = bundled.structure["ionic_tortuosity_factor"], bundled.discharge["discharge_capacity"]
    finite = tau[np.isfinite(tau)]
    assert (finite.min() >= 1.0, finite.max() <= TAU_CAP) == (True, True)
    for slow, fast in ((0, 1), (2, 3), (0, 2), (1, 3)):  # a higher rate, or a colder cell
        both = np.isfinite(capacity[:, slow]) & np.isfinite(capacity[:, fast])
        assert (capacity[both, fast] <= capacity[both, slow] + 1e-6).all()
    for name, share in bundled.shares.items():
        known = np.isfinite(share)
        assert ((share[known] >= 0.0) & (share[known] <= 1.0)).all(), name
