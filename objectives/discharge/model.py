"""PyBaMM's half-cell DFN, built once a process and discharged for any cell; nothing of it leaves the machine, and no failure is silent."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.discharge import ocp, scaling
from objectives.discharge.scaling import HalfCell, mesh_inputs

MESH_UM = 100.0
POINTS = 20  # along electrode and radius: twice as many change a capacity cut to a half by 0.5 %, one cut to 0.3 by 3 %; three times the time
SEPARATOR_POINTS = 10  # a resistor, of a millivolt at 0.05C; PyBaMM leaves out half the last volume, 5 % of it
RTOL, ATOL = 1e-4, 1e-6
LONGEST = 1.1  # of the time to 2.5 V at equilibrium; 1.08 would fill every site
MAX_STEPS = 3000  # a discharge takes 100 to 300
BACKTRACKS = 20  # halvings of a Newton step; with PyBaMM's 5, cells that hardly conduct find no initial state
# Switching a large current on at once can leave a cell without an initial state (none of 2,861 tried, with the search below and the floor of the
# exchange current; 90 of 1,500 without that floor). A second and a third attempt let it rise as 1 - exp(-t/rise);
# rise as a share of the longest time. A voltage that passes 2.5 V within RISEN of it cannot bear the current at all.
RISES = (0.0, 1e-5, 1e-3)
RISEN = 7.0  # 99.9 % of the current
SOFT, RISE = "Soft start", "Rise of the current [s]"
VOLTAGE = "Terminal voltage [V]"
OUT_OF_WINDOW = "initial_voltage_out_of_window"
FAILED = "solver_failed"


class MissingSimulationError(ImportError):
    """Raised when PyBaMM is not installed."""


@dataclass(frozen=True)
class Discharge:
    """A discharge at constant current to 2.5 V. Where the status is ``solver_failed`` the numbers are NaN."""

    capacity_ah_m2: float
    mean_voltage_v: float  # over charge passed; NaN without any
    status: str = "ok"
    detail: str = ""
    attempts: int = 1  # the second and third start softly


def load_pybamm() -> Any:
    """Return the module pybamm, its telemetry off.

    PyBaMM asks at its first import whether it may report use, and then reports; the variable has to stand before that import.

    Raises:
        MissingSimulationError: If it is not installed.
    """
    os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
    try:
        # Not an import statement: PyBaMM is typed in part, and reading it would take mypy longer than all of ours.
        pybamm = importlib.import_module("pybamm")
    except ModuleNotFoundError as error:
        raise MissingSimulationError('the fidelity "cell" needs PyBaMM, which is not installed; install "glittercake[simulation]"') from error
    pybamm.telemetry.disable()  # for the case that somebody imported it before us
    return pybamm


@lru_cache(maxsize=8)
def simulation(mesh_um: float = MESH_UM, points: int = POINTS, rtol: float = RTOL, atol: float = ATOL) -> Any:
    """Return the compiled half-cell of one square metre; everything that changes from cell to cell is an input."""
    pybamm = load_pybamm()
    model = pybamm.lithium_ion.DFN({"working electrode": "positive", "transport efficiency": "tortuosity factor"})
    full, exchange, soft, rise = (pybamm.InputParameter(name) for name in (scaling.CURRENT, scaling.EXCHANGE, SOFT, RISE))

    def current(time: Any) -> Any:
        return full * (1.0 - soft * pybamm.exp(-time / rise))

    def potential(sto: Any) -> Any:
        return ocp.open_circuit_potential(sto, pybamm.tanh, pybamm.exp)

    def exchange_current(c_e: Any, c_surface: Any, c_maximum: Any, temperature: Any) -> Any:
        sto = c_surface / c_maximum
        return 2.0 * exchange * (sto * (1.0 - sto)) ** 0.5

    values = pybamm.ParameterValues("Xu2019")
    values.update(
        {
            **dict.fromkeys(scaling.INPUTS, "[input]"),
            "Current function [A]": current,
            "Positive electrode thickness [m]": mesh_um * 1e-6,
            "Separator thickness [m]": scaling.MESH_SEPARATOR_UM * 1e-6,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
            "Positive particle radius [m]": scaling.MESH_RADIUS_UM * 1e-6,
            "Positive electrode porosity": scaling.MESH_PORE,
            "Separator porosity": scaling.MESH_PORE,
            "Positive electrode conductivity [S.m-1]": 1.0,
            "Electrolyte conductivity [S.m-1]": 1.0,
            "Electrolyte diffusivity [m2.s-1]": 1e-10,  # of no effect at a transference number of one
            "Cation transference number": 1.0,
            "Thermodynamic factor": 1.0,
            "Initial concentration in electrolyte [mol.m-3]": 1000.0,
            "Exchange-current density for lithium metal electrode [A.m-2]": 1e4,  # the counter electrode is not what is studied
            "Positive electrode exchange-current density [A.m-2]": exchange_current,
            "Positive electrode OCP [V]": potential,
            "Maximum concentration in positive electrode [mol.m-3]": scaling.MAXIMUM_MOL_M3,
            "Initial concentration in positive electrode [mol.m-3]": scaling.MAXIMUM_MOL_M3 * ocp.CHARGED,
            "Lower voltage cut-off [V]": ocp.LOWER_V,
            "Upper voltage cut-off [V]": ocp.UPPER_V + 0.25,  # above the start, so that it ends no discharge
        },
        check_already_exists=False,
    )
    # The initial state, first. The solver's own search keeps the pivots of its sparse factors from one cell to the next, so that a result
    # depends in its last digits on what was discharged before it; a dense one keeps nothing.
    root = pybamm.NonlinearSolver(use_sparse=False, max_backtracks=BACKTRACKS)
    solver = pybamm.IDAKLUSolver(
        rtol=rtol,
        atol=atol,
        output_variables=[VOLTAGE],
        root_method=root,
        on_extrapolation="ignore",  # the potential is a formula, not a table
        options={
            "calc_ic": False,
            "newton_mode": "full",  # where IDA asks for a state itself: "auto" is the search that keeps its pivots
            "max_num_steps": MAX_STEPS,
            "silence_sundials_errors": True,  # they come as exceptions too
        },
    )
    mesh = {"x_n": points, "x_s": SEPARATOR_POINTS, "x_p": points, "r_n": points, "r_p": points}  # a half-cell asks for x_n and r_n too
    made = pybamm.Simulation(model, parameter_values=values, var_pts=mesh, solver=solver)
    made.build()  # here, so that a fault of the model is not taken for one of the solver
    return made


def discharge(cell: HalfCell, mesh_um: float = MESH_UM) -> Discharge:
    """Return the discharge of a cell; a failure has a name, and is tried three times.

    ``initial_voltage_out_of_window``: the voltage passes 2.5 V before the current flows, so the capacity is 0. ``solver_failed``: unknown.
    """
    pybamm, half_cell = load_pybamm(), simulation(mesh_um)
    inputs = dict(mesh_inputs(cell, mesh_um))
    longest = LONGEST * 3600.0 * cell.capacity_ah_m2 / cell.current_a_m2
    reason = "no reason given"
    for attempt, share in enumerate(RISES, start=1):
        rise = max(share, RISES[1]) * longest
        try:
            solution = half_cell.solve([0.0, longest], inputs={**inputs, SOFT: float(share > 0.0), RISE: rise})
        except (pybamm.SolverError, ArithmeticError, RuntimeError, ValueError) as error:  # the last three: CasADi and numpy under it
            reason = str(error).split(" with inputs", 1)[0].strip().partition("\n")[0]
            if "non-positive at initial conditions" in reason:
                return _out_of_window(cell, attempt)
            continue
        if "Minimum voltage" not in str(solution.termination):
            reason = f"it ended by {solution.termination} instead of {ocp.LOWER_V:g} V"
            continue
        if share > 0.0 and solution.t[-1] < RISEN * rise:
            return _out_of_window(cell, attempt)
        return _passed(cell, solution.t, solution[VOLTAGE].data, rise if share > 0.0 else 0.0, attempt)
    return Discharge(float("nan"), float("nan"), FAILED, f"the solver gave up {len(RISES)} times ({reason})", len(RISES))


def _out_of_window(cell: HalfCell, attempt: int) -> Discharge:
    detail = f"at {cell.current_a_m2:.3g} A/m2 the voltage starts below {ocp.LOWER_V:g} V, so nothing can be discharged"
    return Discharge(0.0, float("nan"), OUT_OF_WINDOW, detail, attempt)


def _passed(cell: HalfCell, seconds: Array, volts: Array, rise: float, attempt: int) -> Discharge:
    """Return capacity and mean voltage of a solved discharge; ``seconds`` and ``volts`` have shape ``(n,)``."""
    lacking = np.exp(-seconds / rise) if rise > 0.0 else np.zeros_like(seconds)  # of the full current
    equivalent = seconds[-1] - rise * (1.0 - lacking[-1])  # s at the full current
    mean = np.trapezoid(volts * (1.0 - lacking), seconds) / np.trapezoid(1.0 - lacking, seconds)
    return Discharge(float(cell.current_a_m2 * equivalent / 3600.0), float(mean), attempts=attempt)
