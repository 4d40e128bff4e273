"""A lab's own cells: what they teach, and how failures lower the probability of success nearby."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from objectives.cell import Cell, Measured, Status
from objectives.physics import Physics
from objectives.recipe import Recipe
from objectives.studies import read_data
from optimizer.campaign import Campaign, parse_campaign
from optimizer.candidates import Feasible
from optimizer.goal import CampaignError
from optimizer.lab_table import LabTableError
from optimizer.model import FittedModel, fit_model
from optimizer.own_table import ELECTRONIC_TAU, read_cells, read_own_table
from optimizer.suggestion import predict, suggest_from
from surrogates.cells import cell_data

NONE = np.zeros((0, 4))


def lab_cells(campaign: Campaign, n: int, seed: int, *, drift: float = 0.0) -> list[Cell]:
    """Return cells of a lab whose truth is one posterior draw of the physics with offsets of its own and noise."""
    physics = campaign.at(study="new").physics()
    rng = np.random.default_rng(seed)
    z = physics.calibration.draws(1, seed + 1)
    constraints = campaign.constraints(physics)
    recipes = Feasible(campaign.space, constraints, campaign.accept(constraints)).sample(4 * n, seed)[::4][:n]
    truth = physics.outcomes(recipes, z)
    cells = []
    for i, recipe in enumerate(recipes):
        outcomes = {
            "porosity": Measured(float(truth.porosity[0, i] + 0.005 * rng.standard_normal())),
            "ionic_tortuosity_factor": Measured(float(truth.ionic_tortuosity_factor[0, i] * math.exp(0.1 * rng.standard_normal()))),
            "discharge_capacity": Measured(float(truth.discharge_capacity[0, i] * (1.0 + drift) * (1.0 + 0.02 * rng.standard_normal()))),
        }
        cells.append(Cell(i + 2, f"cell {i + 1}", Recipe.from_row(recipe), outcomes))
    return cells


@pytest.fixture(scope="module")
def lab(campaign: Campaign) -> Campaign:
    return campaign.at(study="new")


def test_cells_narrow_the_prediction_and_move_it_to_the_lab(lab: Campaign, campaign: Campaign) -> None:
    cells = lab_cells(campaign, 12, 5)
    held, kept = cells[0], cells[1:]
    before, after = predict(lab, held.recipe), predict(lab, held.recipe, cells=kept)
    name = "porosity"
    truth = held.outcomes[name].value
    width = [p.predicted[name].high - p.predicted[name].low for p in (before, after)]
    assert width[1] < 0.8 * width[0]
    assert abs(after.predicted[name].mean - truth) < abs(before.predicted[name].mean - truth) + 0.005


def test_cells_of_another_condition_teach_too(lab: Campaign, campaign: Campaign) -> None:
    cells = [replace(c, c_rate=0.2, temperature_c=30.0) for c in lab_cells(campaign, 8, 3)]
    model = fit_model(lab, cells=cells)
    rows = model.training["discharge_capacity"].inputs.features[-8:, 4:]
    assert np.allclose(rows, [math.log(4.0) / math.log(20.0), 0.0])


def test_new_cell_updates_the_model_without_a_refit(lab: Campaign, campaign: Campaign) -> None:
    cells = lab_cells(campaign, 9, 5)
    before = fit_model(lab, cells=cells[1:])
    after, recipe = before.updated(cells[:1]), np.array([cells[0].recipe.values()])
    assert after.cells == (*cells[1:], cells[0])
    assert after.fused.trust == before.fused.trust
    widths = [np.ptp(np.percentile(m.samples(recipe, 2048, 0).outcomes["porosity"], (5, 95))) for m in (before, after)]
    assert widths[1] < 0.9 * widths[0]


def test_conductivity_becomes_the_tau_it_implies(lab: Campaign) -> None:
    physics = lab.physics()
    recipe = Recipe(80.0, 5.0, 1.5, 2.0)
    expected = physics.outcomes(np.array([recipe.values()]))
    conductivity = float(expected.ionic_conductivity[0])
    model = fit_model(lab)
    data = cell_data(model.data, physics, [Cell(2, "a", recipe, {"ionic_conductivity": Measured(conductivity)})])
    assert math.exp(data["ionic_tortuosity_factor"].values[0]) == pytest.approx(float(expected.ionic_tortuosity_factor[0]))


def test_stated_error_and_weighing_error_widen_the_noise(lab: Campaign, model: FittedModel) -> None:
    physics, recipe = lab.physics(), Recipe(88.0, 5.0, 3.0, 2.0)
    exact = Cell(2, "a", recipe, {"discharge_capacity": Measured(170.0)})
    stated = replace(exact, outcomes={"discharge_capacity": Measured(170.0, 15.0)})
    weighed = replace(exact, recipe_sd=(0.5, 0.0, 0.0, 0.0))
    noise = [float(cell_data(model.data, physics, [cell])["discharge_capacity"].noise_sd[0]) for cell in (exact, stated, weighed)]
    assert noise[1] > 2.0 * noise[0]
    assert noise[2] > 1.1 * noise[0]


def test_replicates_set_the_noise(lab: Campaign, model: FittedModel) -> None:
    physics, recipe = lab.physics(), Recipe(80.0, 5.0, 1.5, 2.0)

    def noise(values: tuple[float, ...]) -> float:
        cells = [Cell(i + 2, f"c{i}", recipe, {"discharge_capacity": Measured(v)}) for i, v in enumerate(values)]
        return float(cell_data(model.data, physics, cells)["discharge_capacity"].noise_sd[0])

    assert noise((150.0, 190.0, 170.0, 200.0)) > 2.0 * noise((180.0, 180.5, 179.5, 180.0))


def test_measured_voltage_replaces_the_prior(lab: Campaign) -> None:
    recipe = Recipe(85.0, 5.0, 1.5, 2.3)
    cells = [Cell(i + 2, f"c{i}", recipe, {"mean_discharge_voltage": Measured(3.80)}) for i in range(4)]
    voltage = predict(lab, recipe, cells=cells).predicted["mean_discharge_voltage"]
    assert voltage.mean == pytest.approx(3.80, abs=0.01)
    assert voltage.high - voltage.low < 0.08


@pytest.mark.parametrize(("status", "falls"), [("failed_process", True), ("failed_cell", True), ("short", True), ("invalid", False), ("ok", False)])
def test_failures_lower_success_nearby_and_nowhere_else(lab: Campaign, status: Status, falls: bool) -> None:
    recipe = Recipe(88.0, 5.0, 0.6, 1.0)
    outcomes = {"discharge_capacity": Measured(190.0)} if status == "ok" else {}
    model = fit_model(lab, cells=[Cell(2, "a", recipe, outcomes, status=status)])
    near, far = model.success_probability(np.array([recipe.values(), (74.0, 20.0, 8.0, 4.0)]))
    assert bool(near < 0.7) is falls
    assert far > 0.85


def test_invalid_measurement_teaches_nothing(lab: Campaign, model: FittedModel) -> None:
    cell = Cell(2, "a", Recipe(80.0, 5.0, 1.5, 2.0), {"discharge_capacity": Measured(10.0)}, status="invalid")
    assert cell_data(model.data, lab.physics(), [cell]) == {}


def test_proposals_leave_a_region_where_cells_fail(lab: Campaign, campaign: Campaign) -> None:
    fine = fit_model(lab, cells=lab_cells(campaign, 6, 1))
    first = np.array([s.recipe.values() for s in suggest_from(fine, 4, 0, NONE).suggestions])
    failed = [Cell(20 + i, f"f{i}", Recipe.from_row(row), {}, status="failed_process", cause="crumbled") for i, row in enumerate(first)]
    taught = fit_model(lab, cells=[*lab_cells(campaign, 6, 1), *failed])
    second = suggest_from(taught, 4, 0, NONE).suggestions
    encoded = lab.space.encode(np.array([s.recipe.values() for s in second]))
    distance = np.linalg.norm(encoded[:, None, :] - lab.space.encode(first)[None, :, :], axis=-1).min(axis=1)
    assert distance.min() > 0.1
    assert taught.success_probability(first).max() < 0.05
    assert min(state.probability for s in second for state in s.limits if state.name == "success") > 0.4


@pytest.mark.slow
def test_share_of_failing_proposals_falls_in_a_replay(lab: Campaign, campaign: Campaign) -> None:
    """A lab whose pellets crumble below 1 um SE: nobody tells, only its failures do."""
    physics: Physics = lab.physics()
    cells = lab_cells(campaign, 6, 2)
    shares = []
    for batch in range(5):
        model = fit_model(lab, cells=cells)
        suggestions = suggest_from(model, 4, batch, NONE).suggestions
        recipes = np.array([s.recipe.values() for s in suggestions])
        truth = physics.outcomes(recipes)
        crumbled = recipes[:, 2] < 1.0
        shares.append(float(crumbled.mean()))
        for i, row in enumerate(recipes):
            good = {"discharge_capacity": Measured(float(truth.discharge_capacity[i])), "porosity": Measured(float(truth.porosity[i]))}
            status: Status = "failed_process" if crumbled[i] else "ok"
            cells.append(Cell(100 * batch + i, f"b{batch}-{i}", Recipe.from_row(row), {} if crumbled[i] else good, status=status))
    assert shares[0] >= 0.75
    assert np.mean(shares[-2:]) <= 0.5


def test_cell_that_measured_nothing_is_learned_from(lab: Campaign, model: FittedModel) -> None:
    dead = Cell(2, "a", Recipe(85.0, 5.0, 1.5, 2.3), {"discharge_capacity": Measured(0.0), "porosity": Measured(0.0)})
    data = cell_data(model.data, lab.physics(), [dead])
    for name in ("discharge_capacity", "porosity"):
        assert np.isfinite(data[name].values).all()
        assert np.isfinite(data[name].noise_sd).all()


# What a campaign says for its table.

HEADERS = "AM (wt%),coating,SE size (um),VGCF (wt%),SE lot,coated powder lot,discharge capacity (mAh/g)\n"
SHELF = """
[defaults]
vgcf_wt = 2.3
[[lot]]
kind = "se"
name = "A12"
se_particle_um = 1.5
[[lot]]
kind = "coated"
name = "M3"
coating_se_wt = 5
"""


def test_lots_and_defaults_of_the_campaign_fill_blank_inputs() -> None:
    lab = parse_campaign(read_data("ncm811-lpscl.toml") + SHELF, "mine.toml")
    (cell,) = read_cells((HEADERS + "85,,,,A12,M3,196\n").encode(), lab)
    assert cell.recipe == Recipe(85.0, 5.0, 1.5, 2.3)
    with pytest.raises(LabTableError, match=r'column "SE size \(um\)": must agree with the SE lot "A12", which has 1.5, got "3"'):
        read_cells((HEADERS + "85,,3,,A12,M3,196\n").encode(), lab)
    with pytest.raises(LabTableError, match=r'column "SE size \(um\)": must not be blank; fill it in, say in the options what lot "B1" has'):
        read_cells((HEADERS + "85,,,,B1,M3,196\n").encode(), lab)


def test_default_that_is_no_input_is_refused() -> None:
    with pytest.raises(CampaignError, match=r"\[defaults\] gives numbers for am_wt, .*, got binder = 3"):
        parse_campaign(read_data("ncm811-lpscl.toml") + "[defaults]\nbinder = 3\n", "mine.toml")
    with pytest.raises(LabTableError, match="must hold a vgcf_wt of 0 to 50"):
        read_cells((HEADERS + "85,5,1.5,,,,196\n").encode(), parse_campaign(read_data("ncm811-lpscl.toml") + "[defaults]\nvgcf_wt = 60\n", "m"))


def test_rows_and_frames_are_read_like_files(campaign: Campaign) -> None:
    row = {"AM (wt%)": 85.0, "coating": "95:5", "SE size (um)": 1.5, "VGCF (wt%)": 2.3, "discharge capacity (mAh/g)": 196.0}

    class Frame:
        def to_dict(self, orient: str) -> list[dict[str, object]]:
            assert orient == "records"
            return [dict(row)]

    assert read_cells([row], campaign)[0].recipe == read_cells(Frame(), campaign)[0].recipe == Recipe(85.0, 5.0, 1.5, 2.3)


def test_electronic_tau_that_teaches_nothing_is_said(campaign: Campaign) -> None:
    row = {"AM (wt%)": 85.0, "coating": "95:5", "SE size (um)": 1.5, "VGCF (wt%)": 2.3, "electronic tortuosity factor": 5.0}
    assert read_own_table([row], campaign).notes == (f"1 rows: {ELECTRONIC_TAU}",)
    assert not read_own_table([{**row, "electronic conductivity (mS/cm)": 0.2}], campaign).notes
