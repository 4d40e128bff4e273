"""Calibration of the discharge to every measured capacity at a rate and temperature, jointly with the closed form that says what is connected.

``python -m surrogates.cell_calibration`` writes `configs/cell.json` anew; ``--report`` prints each row instead, ``--report STUDY`` those
of a study that was left out of the fit.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from scipy.optimize import least_squares

from objectives.calibration import FILE as CLOSED_FORM_FILE
from objectives.calibration import Calibration, load_calibration, to_parameters
from objectives.composition import Array
from objectives.discharge.cellspec import CellSpec, cell_specs
from objectives.discharge.connected import connected_share
from objectives.discharge.kinetics import FILE, Kinetics, load_kinetics
from objectives.discharge.model import discharge
from objectives.energy import Stack, derive
from objectives.studies import Prior, read_data
from surrogates.calibration.fit import Problem, build_problem
from surrogates.calibration.targets import Target, kim_index

IMPLIED_V, IMPLIED_SD = 3.716, 0.02  # mean voltage that 1258 Wh/L and 198.88 mAh/g of Kim 2025's Model 4 imply (physics, not measured)
PRIORS = (
    Prior("diffusivity", 2e-15, 3.0, True, "diffusivity of wetted bare AM at 60 C", "m2/s", "[F] chemical diffusion in NCM811 1e-15 to 1e-14"),
    Prior("diffusion_ev", 0.45, 0.1, False, "activation energy of the diffusivity", "eV", "[F] 0.35-0.55 eV"),
    Prior("bare_loss", 0.9, 2.0, True, "surface that bare AM lacks", "1", "closed form's rs"),
    Prior("contact", 0.4, 2.5, True, "electron contact through the shell", "1", "closed form's ce over rc"),
    Prior("access", 0.05, 3.0, True, "ion access through the SE network", "mS/cm", "[F] matters where kappa is a tenth of the SE's"),
    Prior("exchange", 1.0, 3.0, True, "exchange-current density at 60 C", "A/m2", "[F] 0.1-10 A/m2 between NCM and sulfides"),
    Prior("voltage_offset", -0.10, 0.05, False, "offset of every mean voltage", "V", "[F] 3.82 V of the model against 3.72 V implied"),
)
STEP = 0.05  # of a prior standard deviation: well above the solver's tolerance
STEPS = 8


@dataclass(frozen=True)
class CellFit:
    """The targets a discharge can speak to, with the electrodes they need: made once, `observe` as often as wanted."""

    problem: Problem
    targets: tuple[Target, ...]
    checks: tuple[Target, ...]  # not fitted: 1258 Wh/L enters as the voltage it implies
    voltage_member: int
    voltage_sd: float = IMPLIED_SD

    def without(self, study: str) -> CellFit:
        """Return the fit that a study takes no part in; the implied voltage is of Kim 2025."""
        kept = tuple(target for target in self.targets if target.study != study)
        return replace(self, targets=kept, voltage_sd=np.inf if study == "kim2025" else self.voltage_sd)

    def observe(self, kinetics: Kinetics) -> dict[str, Array]:
        """Return capacity, volumetric energy and mean voltage of the panel, ``(n,)``; NaN where no target asks."""
        parameters = load_calibration().parameters()
        electrodes = self.problem.panel.electrodes(parameters)
        given = electrodes.arrays()
        specs = cell_specs(electrodes, parameters, kinetics)
        stack, shares = Stack(), dict[CellSpec, float]()
        observed = {name: np.full(len(specs), np.nan) for name in ("discharge_capacity", "volumetric_energy_density", "voltage")}
        for n in sorted({self.voltage_member, *(m for target in (*self.targets, *self.checks) for m in target.members)}):
            spec = specs[n]
            if spec not in shares:
                shares[spec] = connected_share(spec, kinetics, stack.separator_um)
            rate, temperature = float(given["c_rate"][n]), float(given["temperature_c"][n])
            found = discharge(spec.half_cell(kinetics, shares[spec], rate, temperature, stack.separator_um))
            if found.status != "ok":
                raise RuntimeError(f"{self.problem.panel.study_names[n]}: {found.status}, {found.detail}; narrow the prior that led there")
            capacity, voltage = found.capacity_ah_m2 / (spec.am_mg_cm2 * 1e-2), found.mean_voltage_v + kinetics.voltage_offset
            derived = derive(spec.theoretical_density, spec.am_wt, spec.transport.porosity, capacity, voltage, spec.loading_mg_cm2, stack)
            for name, value in zip(observed, (capacity, derived.volumetric_energy_density, voltage), strict=True):
                observed[name][n] = value
        return observed

    def residuals(self, z: Array) -> Array:
        """Return rows, the implied voltage, and z itself (the priors)."""
        observed = self.observe(as_kinetics(z))
        rows = [float(target.residual(target.predict(observed))) for target in self.targets]
        return np.array([*rows, (observed["voltage"][self.voltage_member] - IMPLIED_V) / self.voltage_sd, *z])


def as_kinetics(z: Array) -> Kinetics:
    """Return z, in units of the priors, as kinetics."""
    return Kinetics(**{name: float(value) for name, value in to_parameters(PRIORS, z).items()})


def cell_fit() -> CellFit:
    """Return what is fitted: every capacity, ratio of capacities and energy of the literature table."""
    problem = build_problem()
    usable = tuple(t for t in problem.targets if t.observe in ("discharge_capacity", "volumetric_energy_density"))
    member = kim_index(problem.panel, 4, 85.0)
    checks = tuple(t for t in usable if t.observe == "volumetric_energy_density" and t.members == (member,))
    return CellFit(problem, tuple(t for t in usable if t not in checks), checks, member)


def fingerprint() -> str:
    """Return a hash of the closed form's calibration, which names its own data."""
    return hashlib.sha256(read_data(CLOSED_FORM_FILE).encode()).hexdigest()[:16]


def fit_cell_parameters(problem: CellFit | None = None, start: Array | None = None) -> Calibration:
    """Return the discharge's numbers, fitted with priors from z of the start (the priors' medians); two minutes on one core."""
    problem = problem or cell_fit()

    def jacobian(z: Array) -> Array:
        steps = STEP * np.eye(len(PRIORS))
        return np.column_stack([(problem.residuals(z + step) - problem.residuals(z - step)) / (2.0 * STEP) for step in steps])

    solved = least_squares(
        problem.residuals, np.zeros(len(PRIORS)) if start is None else start, jac=jacobian, x_scale=1.0, xtol=1e-3, ftol=1e-4, max_nfev=STEPS
    )
    slope = jacobian(solved.x)
    return Calibration(PRIORS, solved.x, np.asarray(np.linalg.inv(slope.T @ slope)), fingerprint())


def rows(problem: CellFit, kinetics: Kinetics) -> list[tuple[Target, float, float]]:
    """Return each target with what the discharge and what the closed form give."""
    observed: Mapping[str, Array] = problem.observe(kinetics)
    closed = problem.problem.observe(load_calibration().z)
    return [(t, float(t.predict(observed)), float(t.predict(closed))) for t in (*problem.targets, *problem.checks)]


def main(arguments: list[str]) -> None:
    """Write the calibration; or print the table of every row, in sample or of a study that was left out of the fit."""
    if arguments[:1] == ["--report"]:
        left_out = arguments[1] if len(arguments) > 1 else ""
        problem = cell_fit()
        kinetics = as_kinetics(fit_cell_parameters(problem.without(left_out)).z) if left_out else load_kinetics()
        print("| study | row | measured | cell | closed form | (cell - measured) / sd |\n|---|---|---|---|---|---|")
        for target, cell, closed in rows(problem, kinetics):
            if left_out in ("", target.study):
                what = f"{target.name}{', ' + target.note if target.note else ''}, {target.unit}"
                print(
                    f"| {target.study} | {what} | {target.value:.4g} | {cell:.4g} | {closed:.4g} | {float(target.residual(np.asarray(cell))):+.1f} |"
                )
        return
    text = fit_cell_parameters().dumps()
    files("configs").joinpath(FILE).write_text(text, encoding="utf-8")  # type: ignore[attr-defined]
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
