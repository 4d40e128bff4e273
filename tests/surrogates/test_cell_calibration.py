"""The shipped numbers of the discharge: made from the present data, and as close to the rows as docs/decisions/0008-cell.md says."""

import numpy as np
import pytest

from objectives.calibration import parse
from objectives.composition import Array
from objectives.discharge import load_kinetics
from objectives.studies import read_data
from surrogates.calibration.targets import Target
from surrogates.cell_calibration import IMPLIED_V, PRIORS, CellFit, cell_fit, fingerprint, fit_cell_parameters, rows


@pytest.fixture(scope="module")
def problem() -> CellFit:
    return cell_fit()


@pytest.fixture(scope="module")
def table(problem: CellFit) -> list[tuple[Target, float, float]]:
    return rows(problem, load_kinetics())


@pytest.fixture(scope="module")
def shipped() -> Array:
    return parse(read_data("cell.json")).z


def kim(table: list[tuple[Target, float, float]], name: str, note: str, observe: str = "discharge_capacity") -> tuple[float, float]:
    """Return what was measured and what the cell gives."""
    ((measured, cell),) = [(t.value, cell) for t, cell, _ in table if (t.study, t.name, t.note, t.observe) == ("kim2025", name, note, observe)]
    return measured, cell


def test_shipped_numbers_are_of_the_present_data_and_priors() -> None:
    made = parse(read_data("cell.json"))
    assert made.fingerprint == fingerprint(), "the data or the closed form changed; run python -m surrogates.cell_calibration"
    assert [(p.name, p.value, p.spread, p.log) for p in made.priors] == [(p.name, p.value, p.spread, p.log) for p in PRIORS]


def test_reference_capacities_are_the_closed_forms(table: list[tuple[Target, float, float]]) -> None:
    reference = [(cell, closed) for t, cell, closed in table if (t.c_rate, t.temperature_c, t.observe) == (0.05, 60.0, "discharge_capacity")]
    assert len(reference) == 10
    for cell, closed in reference:
        assert cell == pytest.approx(closed, rel=2e-3)


def test_other_rate_and_temperature_of_the_paper_are_near(table: list[tuple[Target, float, float]]) -> None:
    measured, cell = kim(table, "Model 2, 85 wt%", "0.2C, 60 C")
    assert abs(cell - measured) < 10.0
    for note, share in (("0.05C, 60 C", 0.035), ("0.05C, 30 C", 0.05)):
        measured, cell = kim(table, "Model 4, 85 wt%", note, "volumetric_energy_density")
        assert cell == pytest.approx(measured, rel=share)


def test_rates_of_lee_are_near_and_thin_shells_lead(table: list[tuple[Target, float, float]]) -> None:
    fast = {t.name: (t.value, cell) for t, cell, _ in table if t.study == "lee2026" and t.c_rate == 0.5}
    assert max(abs(cell - measured) for measured, cell in fast.values()) < 12.0
    thin = min(fast[name][1] for name in ("90:10, 75 wt%", "95:5, 75 wt%"))
    assert thin - max(cell for name, (_, cell) in fast.items() if name not in ("90:10, 75 wt%", "95:5, 75 wt%")) > 20.0


def test_voltage_that_the_paper_implies_is_kept(problem: CellFit) -> None:
    voltage = problem.observe(load_kinetics())["voltage"][problem.voltage_member]
    assert voltage == pytest.approx(IMPLIED_V, abs=0.02)


@pytest.mark.slow
def test_shipped_numbers_are_the_minimum(problem: CellFit, shipped: Array) -> None:
    at_shipped = float(np.sum(problem.residuals(shipped) ** 2))
    refitted = fit_cell_parameters(problem, start=shipped)
    assert float(np.sum(problem.residuals(refitted.z) ** 2)) > 0.99 * at_shipped
    assert refitted.z == pytest.approx(shipped, abs=0.3)  # a tenth of the posterior's width or less, but where the data say nothing
