"""The calibration problem and its fits, each computed once."""

import pytest

from objectives.calibration import load_calibration
from objectives.composition import Array
from surrogates.calibration.fit import Fit, Problem, build_problem, fit
from surrogates.calibration.report import left_out
from surrogates.training import ElectrodeData


@pytest.fixture(scope="session")
def problem() -> Problem:
    return build_problem()


@pytest.fixture(scope="session")
def shipped(problem: Problem) -> Fit:
    """The calibration of configs/, not a refit; its cost is not in the file."""
    calibration = load_calibration()
    return Fit(problem, calibration.z, calibration.covariance, cost=float("nan"))


@pytest.fixture(scope="session")
def observed(shipped: Fit) -> dict[str, Array]:
    return shipped.problem.observe(shipped.z)


@pytest.fixture(scope="session")
def refit(problem: Problem) -> Fit:
    return fit(problem)


@pytest.fixture(scope="session")
def numeric(problem: Problem) -> Fit:
    """A fit without ordinal rows."""
    return fit(problem, ordinal=False)


@pytest.fixture(scope="session")
def held_out(problem: Problem) -> dict[str, Fit]:
    return left_out(problem)


@pytest.fixture(scope="session")
def electrode_data(problem: Problem) -> ElectrodeData:
    return ElectrodeData(problem, load_calibration())
