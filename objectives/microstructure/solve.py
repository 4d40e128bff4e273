"""Effective conductivity of a voxel block between two plane electrodes: preconditioned conjugate gradients. Knows no electrode's recipe.

The current is read from the dissipated power, whose error is the square of the potential's, never from an average of the two end currents:
these differ as long as the solve has not converged, which `Solution.imbalance` reports.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from objectives.composition import Array
from objectives.microstructure.connectivity import spanning
from objectives.microstructure.multigrid import apply, build_hierarchy, precondition
from objectives.microstructure.network import Floats, Graph, Integers, Links, assemble, check_links, face_conductances

Preconditioner = Callable[[Array], Floats]
Method = Literal["amg", "pcg"]
MAX_ITERATIONS = 10_000  # the hardest blocks tried needed 6,700 of pcg and 19 of amg


class Solution(NamedTuple):
    """What a block conducts from one electrode to the other.

    Args:
        sigma_eff: Effective conductivity in the unit of the voxels'; 0 where nothing spans. Not to be used unless ``converged``.
        percolates: Whether a path leads from one electrode to the other.
        converged: Whether the solve kept its tolerance; True where there is no path and thus nothing to solve.
        iterations: Of the conjugate gradients.
        imbalance: Difference between the currents in and out, of their larger one.
        method: Preconditioner.
    """

    sigma_eff: float
    percolates: bool
    converged: bool
    iterations: int
    imbalance: float
    method: Method


def tortuosity_factor(phi: float, sigma_0: float, sigma_eff: float) -> float:
    """Return ``phi * sigma_0 / sigma_eff``, infinite without conduction; phi is the phase's share of the whole block."""
    return phi * sigma_0 / sigma_eff if sigma_eff > 0.0 else np.inf


def effective_conductivity(
    sigma: Array, links: Links | None = None, *, tolerance: float = 1e-6, method: Method = "amg", max_iterations: int = MAX_ITERATIONS
) -> Solution:
    """Return the effective conductivity of a block along axis 0, between two plane electrodes; y and z are periodic.

    Connectivity is found first: only voxels connected to both electrodes are solved for, and without any nothing is.

    Args:
        sigma: Conductivity of each voxel, at least 0, in any unit, shape ``(nx, ny, nz)``.
        links: Factors of the conductances towards the next voxel in x, ``(nx - 1, ny, nz)``, y and z, ``(nx, ny, nz)``.
        tolerance: Relative error of ``sigma_eff`` to stop at (met within a factor of three in all trials); the imbalance, linear where that
            error is quadratic, must be below its root.
        method: ``amg``, multigrid, fast everywhere, or ``pcg``, the diagonal, slow and simple, to check the former.
        max_iterations: After which the solution is not converged.

    Raises:
        ValueError: If a shape is wrong, a conductivity or factor is negative or not finite, or the tolerance is out of range.
    """
    _check(sigma, links, tolerance)
    scale = sigma.max()
    if not scale > 0.0:
        return Solution(0.0, percolates=False, converged=True, iterations=0, imbalance=0.0, method=method)
    scaled = sigma / scale
    faces = face_conductances(scaled, links)
    inside = spanning(scaled > 0.0, faces)
    if not inside.any():
        return Solution(0.0, percolates=False, converged=True, iterations=0, imbalance=0.0, method=method)
    graph, at = assemble(inside, scaled, faces)
    nx, ny, nz = sigma.shape
    if method == "amg":
        preconditioner, limit = _multigrid(graph, at), tolerance
    else:
        preconditioner, limit = partial(np.multiply, 1.0 / graph.diagonal), tolerance**2  # squared: the diagonal says little of the error
    conductance, converged, iterations, imbalance = _conjugate_gradients(graph, at[:, 0], preconditioner, limit, tolerance**0.5, max_iterations)
    return Solution(float(scale * conductance * nx / (ny * nz)), True, converged, iterations, imbalance, method)


def _check(sigma: Array, links: Links | None, tolerance: float) -> None:
    if sigma.ndim != 3 or not sigma.size:
        raise ValueError(f"sigma must have voxels along x, y and z, got the shape {sigma.shape}; give an array (nx, ny, nz)")
    if not (np.isfinite(sigma).all() and (sigma >= 0.0).all()):
        raise ValueError(f"sigma must be finite and at least 0, got {sigma.min():g} to {sigma.max():g}; give insulators 0")
    if not 1e-12 <= tolerance < 1.0:  # 1e-12: rounding of sums over a million voxels
        raise ValueError(f"tolerance must be at least 1e-12 and below 1, got {tolerance:g}; 1e-6 is far below the error of the voxels")
    if links is not None:
        check_links(sigma.shape, links)


def _multigrid(graph: Graph, at: Integers) -> Preconditioner:
    hierarchy = build_hierarchy(graph, at)
    return lambda residual: precondition(hierarchy, residual.astype(np.float32))


def _conjugate_gradients(
    graph: Graph, plane: Integers, preconditioner: Preconditioner, limit: float, most_imbalance: float, max_iterations: int
) -> tuple[float, bool, int, float]:
    """Return the conductance of the graph at a voltage of 1, whether it converged, iterations and imbalance.

    ``limit`` bounds the residual in the preconditioner's norm, about the square of the potential's error in power, relative to the power.
    Flexible (Polak-Ribiere), as the preconditioner is not quite linear. Starts from the linear potential.
    """
    inlet = np.where(plane == 0, graph.ground, 0.0)
    if plane.max() == 0:
        inlet = 0.5 * inlet  # a block one voxel thick: both electrodes at each voxel
    outlet = graph.ground - inlet
    potential = 1.0 - (plane + 0.5) / (plane.max() + 1.0)
    residual: Array = np.asarray(inlet - apply(graph, potential), dtype=np.float64)
    direction, flow = np.zeros_like(potential), np.zeros_like(potential)
    previous, length = 1.0, 0.0
    for iteration in range(max_iterations + 1):
        step = preconditioner(residual)
        size = float(residual @ step)
        power = float(inlet.sum() - inlet @ potential - residual @ potential)
        currents = float(inlet.sum() - inlet @ potential), float(outlet @ potential)
        imbalance = abs(currents[0] - currents[1]) / max(abs(currents[0]), abs(currents[1]), np.finfo(float).tiny)
        if abs(size) <= limit * power and imbalance <= most_imbalance:
            return power, True, iteration, imbalance
        if iteration == max_iterations or not size > 0.0:  # 0: less than the preconditioner's single precision tells
            break
        direction = step + (-length * float(flow @ step) / previous) * direction
        flow = apply(graph, direction)
        length = float(residual @ direction) / float(direction @ flow)
        potential += length * direction
        residual -= length * flow
        previous = size
    return power, False, iteration, imbalance
