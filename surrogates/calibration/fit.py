"""Regularised least squares of the closed form to every usable row at once: parameters, latents and study offsets.

Each fitted number has a prior and is solved for in units of it (z, standard normal), so that the regularisation is ``z' z`` and
an undetermined direction stays at its prior. All perturbed models are evaluated in one vectorised call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from objectives.calibration import Calibration, all_priors, to_parameters
from objectives.composition import Array
from objectives.studies import Prior, read_data
from surrogates.calibration.panel import Panel
from surrogates.calibration.sentences import Sentence, build_sentences
from surrogates.calibration.targets import OBSERVE, Target, build_targets

STEP = 1e-3  # of a prior standard deviation, for central differences
POLISH = 6  # Gauss-Newton steps at the end: the minimum then does not depend on where the solver stopped, nor on the machine


@dataclass(frozen=True)
class Problem:
    """What is fitted: panel, targets, sentences and priors. Build once with `build_problem`; choose rows at `fit`."""

    panel: Panel
    targets: tuple[Target, ...]
    sentences: tuple[Sentence, ...]
    priors: tuple[Prior, ...]

    def observe(self, z: Array) -> dict[str, Array]:
        """Return every observed outcome of the panel, ``(n,)`` or ``(k, n)``."""
        outcomes = self.panel.evaluate(to_parameters(self.priors, z))
        return {name: np.asarray(function(outcomes)) for name, function in OBSERVE.items()}


def build_problem() -> Problem:
    """Return the calibration problem of the bundled data."""
    panel = Panel()
    targets = build_targets(panel)
    sentences = build_sentences(panel)
    return Problem(panel, targets, sentences, all_priors())


@dataclass(frozen=True)
class Fit:
    """A calibration: z at the minimum, its covariance (Gauss-Newton), and half the summed squares there."""

    problem: Problem
    z: Array
    covariance: Array
    cost: float

    def without_offsets(self) -> Array:
        """Return z with every study offset at zero."""
        return np.where(["offset_" in prior.name for prior in self.problem.priors], 0.0, self.z)

    def predict(self, targets: tuple[Target, ...], z: Array | None = None) -> Array:
        """Return each target's number, shape ``(m,)``."""
        observed = self.problem.observe(self.z if z is None else z)
        return np.array([target.predict(observed) for target in targets])


def fit(
    problem: Problem,
    *,
    use: Callable[[Target], bool] = lambda target: True,
    ordinal: bool = True,
    without_studies: Collection[str] = (),
    start: Array | None = None,
) -> Fit:
    """Return the calibration to the rows that ``use`` keeps, without the rows, sentences and offsets of ``without_studies``.

    Args:
        problem: From `build_problem`.
        use: Which targets enter.
        ordinal: Whether sentences with a scale enter as one-sided rows.
        without_studies: Studies left out whole; their offsets stay at zero and their latents at the prior.
        start: z to start from; the priors when left out.
    """
    targets = tuple(t for t in problem.targets if t.study not in without_studies and use(t))
    sentences = tuple(s for s in problem.sentences if ordinal and s.scale is not None and s.study not in without_studies)

    def residuals(z: Array) -> Array:
        observed = problem.observe(z)
        rows = [np.asarray(t.residual(t.predict(observed)))[..., None] for t in targets]
        rows.extend(s.residual(observed) for s in sentences)
        return np.concatenate([*rows, z], axis=-1)

    size = len(problem.priors)

    def jacobian(z: Array) -> Array:
        step = STEP * np.eye(size)
        both = residuals(np.concatenate([z + step, z - step]))
        return (both[:size] - both[size:]).T / (2.0 * STEP)

    solved = least_squares(
        residuals, np.zeros(size) if start is None else start, jac=jacobian, method="trf", x_scale=1.0, xtol=1e-10, ftol=1e-10, gtol=1e-8
    )
    z = solved.x
    for _ in range(POLISH):
        slope = jacobian(z)
        trial = z - np.linalg.lstsq(slope, residuals(z), rcond=None)[0]
        if np.sum(residuals(trial) ** 2) > np.sum(residuals(z) ** 2) * (1.0 + 1e-12):
            break
        z = trial
    final = jacobian(z)
    return Fit(problem, z, np.asarray(np.linalg.inv(final.T @ final)), 0.5 * float(np.sum(residuals(z) ** 2)))


def information_beside(problem: Problem, z: Array, use: Callable[[Target], bool]) -> tuple[Array, Array]:
    """Return mean ``(p,)`` and covariance ``(p, p)`` of z by its priors and the targets that ``use`` keeps alone, linearised at z.

    What a calibration knows without the rows that a surrogate learns from anew, so that no row is used twice.
    """
    targets = [t for t in problem.targets if use(t)]
    size = len(problem.priors)
    step = STEP * np.eye(size)
    observed = problem.observe(np.concatenate([z[None], z + step, z - step]))
    rows = np.array([np.asarray(t.residual(t.predict(observed))) for t in targets]).reshape(len(targets), 2 * size + 1)
    slope = (rows[:, 1 : size + 1] - rows[:, size + 1 :]) / (2.0 * STEP)
    covariance = np.asarray(np.linalg.inv(np.eye(size) + slope.T @ slope))
    return z - covariance @ (z + slope.T @ rows[:, 0]), covariance


def fingerprint() -> str:
    """Return a hash of everything a calibration is made from, so that a stale file is noticed."""
    digest = hashlib.sha256()
    for name in ("literature.csv", "studies.toml", "priors.toml"):
        digest.update(read_data(name).encode())
    return digest.hexdigest()[:16]


def as_calibration(fitted: Fit) -> Calibration:
    """Return a fit as the calibration that is shipped and used."""
    return Calibration(fitted.problem.priors, fitted.z, fitted.covariance, fingerprint())
