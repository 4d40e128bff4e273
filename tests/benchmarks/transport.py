"""Measure the transport solver on blocks of the paper's models: seconds and memory beside pyamg and TauFactor. Not a test.

OMP_NUM_THREADS=1 taskset -c 1 python tests/benchmarks/transport.py
"""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, diags_array

from objectives.composition import Array
from objectives.microstructure.connectivity import spanning
from objectives.microstructure.contents import contents
from objectives.microstructure.generate import Shape, build
from objectives.microstructure.network import Links, assemble, face_conductances
from objectives.microstructure.properties import Medium, electronic_medium, ionic_medium
from objectives.microstructure.solve import effective_conductivity
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe

COLUMN, LARGEST = ((190, 52, 52), 0.5), (128, 128, 128)  # the column is the full thickness of the models
GRIDS = (((48, 48, 48), 0.5), ((64, 64, 64), 0.4), ((96, 96, 96), 0.4), COLUMN, (LARGEST, 0.4))  # voxels, um
MODELS = {
    "M1, 75": Recipe(75.0, 0.0, 4.83, 2.34),
    "M2, 75": Recipe(75.0, 25.0, 4.83, 2.34),
    "M3, 85": Recipe(85.0, 5.0, 4.83, 2.34),
    "M4, 85": Recipe(85.0, 5.0, 1.5, 2.34),
}
PYAMG_VOXELS = 600_000  # above, it takes too long and too much memory to wait for
RUNS = 3


def timed(run: Callable[[], float]) -> tuple[float, float]:
    """Return the least CPU seconds of a few runs, and what the run returns."""
    seconds, value = [], 0.0
    for _ in range(RUNS):
        start = time.process_time()
        value = run()
        seconds.append(time.process_time() - start)
    return min(seconds), value


def with_pyamg(sigma: Array, links: Links | None, kind: str) -> float:
    """Return the effective conductivity by conjugate gradients and pyamg's multigrid on the same graph, connectivity and assembly included."""
    import pyamg

    faces = face_conductances(sigma, links)
    inside = spanning(sigma > 0.0, faces)
    graph, at = assemble(inside, sigma, faces)
    n = len(at)
    matrix = csr_array(diags_array(graph.diagonal) - csr_array((graph.conductance, graph.neighbour, graph.first), shape=(n, n)))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    inlet = np.where(at[:, 0] == 0, graph.ground, 0.0)
    make = pyamg.smoothed_aggregation_solver if kind == "SA" else pyamg.ruge_stuben_solver
    linear = 1.0 - (at[:, 0] + 0.5) / len(sigma)
    potential = make(matrix).solve(inlet, x0=linear, tol=1e-6, accel="cg")
    nx, ny, nz = sigma.shape
    return float((inlet.sum() - inlet @ potential) * nx / (ny * nz))


def with_taufactor(sigma: Array) -> float:
    """Return the effective conductivity of a binary image by TauFactor's periodic solver, to its own tolerance of 1 %."""
    with warnings.catch_warnings():  # of what it imports for plotting
        warnings.simplefilter("ignore", DeprecationWarning)
        import taufactor
    conducting = sigma > 0.0
    solver = taufactor.PeriodicSolver(conducting.astype(np.uint8), device="cpu")
    solver.solve(verbose=False)
    return float(conducting.mean()) / float(np.squeeze(solver.tau))


def media(physics: Physics, recipe: Recipe, shape: Shape, voxel_um: float) -> dict[str, Medium]:
    """Return what a recipe's block conducts, by carrier."""
    content = contents(physics, recipe)
    block = build(content, shape, voxel_um, 0)
    return {"ions": ionic_medium(block, content), "electrons": electronic_medium(block, content)}


def main() -> None:
    """Print a row for each block and carrier, then for the binary images of the ions; memory of ours alone first."""
    physics = Physics(find_study("kim2025"))
    memory = []
    for medium in (None, *media(physics, MODELS["M2, 75"], *COLUMN).values()):  # the one with most conducting voxels
        if medium is not None:
            effective_conductivity(*medium)
        memory.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")
    print(f"peak memory: {memory[0]} MB before, {memory[1]} after the ions of a column, {memory[2]} after its electrons\n")

    blocks = {
        ("x".join(map(str, shape)), name, carrier): medium
        for shape, voxel_um in GRIDS
        for name, recipe in MODELS.items()
        if shape != LARGEST or name == "M4, 85"
        for carrier, medium in media(physics, recipe, shape, voxel_um).items()
    }
    print("CPU s, connectivity, assembly and set-up included\n")
    print("| voxels | model | carrier | ours | iterations | ours, pcg | iterations | pyamg SA | pyamg RS | largest difference |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (size, name, carrier), (sigma, links) in blocks.items():
        small = sigma.size < PYAMG_VOXELS
        ours, value = timed(lambda: effective_conductivity(sigma, links).sigma_eff)  # noqa: B023
        found = effective_conductivity(sigma, links)
        start = time.process_time()
        other = effective_conductivity(sigma, links, method="pcg")
        pcg = time.process_time() - start
        cells, values = [], [other.sigma_eff]
        for kind in ("SA", "RS"):
            if not (small and found.percolates):
                cells.append("-")
                continue
            start = time.process_time()
            values.append(with_pyamg(sigma, links, kind))
            cells.append(f"{time.process_time() - start:.2f}")
        off = max(abs(one / value - 1.0) for one in values) if found.percolates else 0.0
        row = f"{size} | {name} | {carrier} | {ours:.3f} | {found.iterations} | {pcg:.2f} | {other.iterations} | {' | '.join(cells)} | {off:.0e}"
        print(f"| {row} |", flush=True)

    print("\n| binary image of the ions | ours, s | TauFactor, s | sigma_eff, ours | TauFactor |\n|---|---|---|---|---|")
    with_taufactor(np.ones((8, 8, 8)))  # imports
    for (size, name, carrier), (sigma, _) in blocks.items():
        if carrier == "ions" and size != "128x128x128":
            binary = (sigma > 0.0).astype(float)
            if not effective_conductivity(binary).percolates:
                continue
            ours, value = timed(lambda: effective_conductivity(binary).sigma_eff)  # noqa: B023
            start = time.process_time()
            theirs = with_taufactor(binary)
            print(f"| {size}, {name} | {ours:.3f} | {time.process_time() - start:.2f} | {value:.5f} | {theirs:.5f} |", flush=True)


if __name__ == "__main__":
    main()
