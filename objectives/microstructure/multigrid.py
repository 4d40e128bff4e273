"""A multigrid preconditioner for resistor networks on voxels, in single precision. Knows graphs, no electrode.

Coarse nodes are aggregates: the voxels of a 2 x 2 x 2 cube that strong links connect, then aggregates of those in a cube of 4, and so on.
So two channels that pass through the same cube stay apart, and a contact with a high resistance stays one. Conductances
between aggregates add up, and the nodes of one share its potential (plain aggregation, Galerkin). Such a correction has the right
shape and the wrong size, which two steps of conjugate gradients on each coarse level put right (K-cycle).
Source: Notay, Electron. Trans. Numer. Anal. 37, 123 (2010); Notay and Vassilevski, Numer. Linear Algebra Appl. 15, 473 (2008), but
for the aggregates, which the grid makes cheap. docs/decisions/0009-transport-solver.md compares pyamg's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectives.microstructure.compiled import compiled
from objectives.microstructure.network import Floats, Graph, Integers

STRONG = 0.25  # of the largest link of both nodes: links that aggregate (Notay 2010)
LOOSE = 0.125  # of a node's diagonal: the least link by which it joins when none is strong (Notay 2010: a pair's quality of 8)
ENOUGH = 0.25  # residual after one step on a coarse level, of that before, which saves the second (Notay and Vassilevski 2008)
COARSEST = 200  # nodes that a dense inverse takes at no cost


class Level(NamedTuple):
    """A graph in single precision, the aggregate of each of its nodes, and the inverse of its diagonal."""

    graph: Graph
    aggregate: Integers
    inverse: Floats


class Hierarchy(NamedTuple):
    """Levels from the finest on, and the inverse of the coarsest matrix."""

    levels: tuple[Level, ...]
    coarsest: Floats


def build_hierarchy(graph: Graph, at: Integers) -> Hierarchy:
    """Return the levels of a graph whose nodes have the voxel indices ``at``, ``(n, 3)``.

    Every connected part must have ground, or its coarsest matrix has no inverse.
    """
    fine = Graph(*graph[:3], *(values.astype(np.float32) for values in graph[3:]))
    levels = []
    while len(fine.split) > COARSEST:
        at = at // 2
        size = at.max(axis=0).astype(np.int64) + 1
        cube = (at[:, 0] * size[1] + at[:, 1]) * size[2] + at[:, 2]
        aggregate, count = compiled(_aggregate)(fine.first, fine.neighbour, fine.conductance, fine.diagonal, cube, STRONG, LOOSE)
        levels.append(Level(fine, aggregate, 1.0 / fine.diagonal))
        coarse_at = np.empty((count, 3), dtype=np.int32)
        coarse_at[aggregate] = at
        fine, at = Graph(*compiled(_coarsen)(fine.first, fine.neighbour, fine.conductance, fine.ground, aggregate, count)), coarse_at
    return Hierarchy(tuple(levels), np.linalg.inv(_dense(fine)).astype(np.float32))


def precondition(hierarchy: Hierarchy, residual: Floats, depth: int = 0) -> Floats:
    """Return an approximate potential of the currents ``residual`` into the nodes of a level, by one cycle over the coarser ones."""
    if depth == len(hierarchy.levels):
        return np.asarray(hierarchy.coarsest @ residual)
    graph, aggregate, inverse = hierarchy.levels[depth]
    coarse_size = len(hierarchy.coarsest) if depth + 1 == len(hierarchy.levels) else len(hierarchy.levels[depth + 1].inverse)
    potential, coarse = compiled(_descend)(graph.first, graph.split, graph.neighbour, graph.conductance, inverse, residual, aggregate, coarse_size)
    correction = _solve_coarse(hierarchy, coarse, depth + 1)
    compiled(_ascend)(graph.first, graph.neighbour, graph.conductance, inverse, residual, aggregate, correction, potential)
    return np.asarray(potential)


def _solve_coarse(hierarchy: Hierarchy, current: Floats, depth: int) -> Floats:
    """Return the potential of a coarse level after at most two steps of conjugate gradients."""
    if depth == len(hierarchy.levels):
        return precondition(hierarchy, current, depth)
    graph = hierarchy.levels[depth].graph
    step = precondition(hierarchy, current, depth)
    flow = apply(graph, step)
    power = float(step @ flow)
    if not power > 0.0:  # nothing to correct, or less than single precision tells
        return step
    length = float(step @ current) / power
    left = current - length * flow
    if left @ left <= ENOUGH**2 * (current @ current):
        return length * step
    other = precondition(hierarchy, left, depth)
    shared = float(other @ flow)
    other_power = float(other @ apply(graph, other)) - shared * shared / power
    if not other_power > 0.0:
        return length * step
    other_length = float(other @ left) / other_power
    return (length - other_length * shared / power) * step + other_length * other


def apply(graph: Graph, potential: Floats) -> Floats:
    """Return the currents into the nodes that hold the potentials ``(n,)``, in the precision of both."""
    current: Floats = compiled(_apply)(graph.first, graph.neighbour, graph.conductance, graph.diagonal, potential)
    return current


def _apply(first: Integers, neighbour: Integers, conductance: Floats, diagonal: Floats, potential: Floats) -> Floats:
    current = np.empty_like(potential)
    for node in range(len(potential)):
        total = diagonal[node] * potential[node]
        for link in range(first[node], first[node + 1]):
            total -= conductance[link] * potential[neighbour[link]]
        current[node] = total
    return current


def _descend(
    first: Integers,
    split: Integers,
    neighbour: Integers,
    conductance: Floats,
    inverse: Floats,
    current: Floats,
    aggregate: Integers,
    coarse_size: int,
) -> tuple[Floats, Floats]:
    """Return the potential after a Gauss-Seidel sweep upwards from zero, and what current it leaves to the aggregates."""
    potential, coarse = np.empty_like(current), np.zeros(coarse_size, dtype=np.float32)
    for node in range(len(current)):
        total = current[node]
        for link in range(first[node], split[node]):
            total += conductance[link] * potential[neighbour[link]]
        potential[node] = total * inverse[node]
    for node in range(len(current)):  # a node's current was met when its lower neighbours were known: the higher ones are left
        for link in range(split[node], first[node + 1]):
            coarse[aggregate[node]] += conductance[link] * potential[neighbour[link]]
    return potential, coarse


def _ascend(
    first: Integers,
    neighbour: Integers,
    conductance: Floats,
    inverse: Floats,
    current: Floats,
    aggregate: Integers,
    correction: Floats,
    potential: Floats,
) -> None:
    """Add the aggregates' correction to the potential, then sweep downwards: the mirror of `_descend`, so that the cycle is symmetric."""
    for node in range(len(current)):
        potential[node] += correction[aggregate[node]]
    for node in range(len(current) - 1, -1, -1):
        total = current[node]
        for link in range(first[node], first[node + 1]):
            total += conductance[link] * potential[neighbour[link]]
        potential[node] = total * inverse[node]


def _aggregate(
    first: Integers, neighbour: Integers, conductance: Floats, diagonal: Floats, cube: NDArray[np.int64], strong: float, loose: float
) -> tuple[Integers, int]:
    """Return the aggregate of each node, numbered by their lowest node, and their number.

    Nodes of one cube join where strong links connect them. A node left alone then joins its best neighbour, and only that: a voxel of
    a poor conductor between two good ones must not make them one.
    """
    n = len(first) - 1
    largest = np.zeros(n, dtype=np.float32)
    for node in range(n):
        for link in range(first[node], first[node + 1]):
            largest[node] = max(largest[node], conductance[link])
    root, alone = np.arange(n).astype(np.int32), np.ones(n, dtype=np.bool_)
    for node in range(n):
        for link in range(first[node], first[node + 1]):
            other = neighbour[link]
            if other < node and cube[other] == cube[node] and conductance[link] >= strong * max(largest[node], largest[other]):
                alone[node] = alone[other] = False
                one = node
                while root[one] != one:
                    root[one] = root[root[one]]
                    one = root[one]
                while root[other] != other:
                    root[other] = root[root[other]]
                    other = root[other]
                root[max(one, other)] = min(one, other)
    for node in range(n):
        if not alone[node]:
            continue
        best, least = node, loose * diagonal[node]
        for link in range(first[node], first[node + 1]):
            if cube[neighbour[link]] == cube[node] and conductance[link] > least:
                best, least = neighbour[link], conductance[link]
        alone[node] = alone[best] = False
        while root[best] != best:
            best = root[best]
        root[max(node, best)] = min(node, best)
    aggregate, count = np.empty(n, dtype=np.int32), 0
    for node in range(n):
        top = node
        while root[top] != top:
            top = root[top]
        if top == node:
            aggregate[node] = count
            count += 1
        else:
            aggregate[node] = aggregate[top]
    return aggregate, count


def _coarsen(
    first: Integers, neighbour: Integers, conductance: Floats, ground: Floats, aggregate: Integers, count: int
) -> tuple[Integers, Integers, Integers, Floats, Floats, Floats]:
    """Return the graph of the aggregates, as the fields of `Graph`."""
    n = len(aggregate)
    start = np.zeros(count + 1, dtype=np.int32)
    for node in range(n):
        start[aggregate[node] + 1] += 1
    for one in range(count):
        start[one + 1] += start[one]
    member, filled = np.empty(n, dtype=np.int32), start[:count].copy()
    for node in range(n):
        member[filled[aggregate[node]]] = node
        filled[aggregate[node]] += 1
    coarse_first, coarse_split = np.empty(count + 1, dtype=np.int32), np.empty(count, dtype=np.int32)
    coarse_neighbour, coarse_conductance = np.empty_like(neighbour), np.empty_like(conductance)
    coarse_ground, diagonal = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
    found_at = np.full(count, -1, dtype=np.int32)  # of each neighbour in the row being made; older rows are below its start
    m = 0
    for one in range(count):
        begin = m
        for lower in (True, False):
            for k in range(start[one], start[one + 1]):
                node = member[k]
                for link in range(first[node], first[node + 1]):
                    other = aggregate[neighbour[link]]
                    if other == one or (other < one) != lower:
                        continue
                    if found_at[other] < begin:
                        found_at[other] = m
                        coarse_neighbour[m], coarse_conductance[m] = other, np.float32(0.0)
                        m += 1
                    coarse_conductance[found_at[other]] += conductance[link]
                    diagonal[one] += conductance[link]
            if lower:
                coarse_split[one] = m
        coarse_first[one] = begin
        for k in range(start[one], start[one + 1]):
            coarse_ground[one] += ground[member[k]]
        diagonal[one] += coarse_ground[one]
    coarse_first[count] = m
    return coarse_first, coarse_split, coarse_neighbour[:m].copy(), coarse_conductance[:m].copy(), coarse_ground, diagonal


def _dense(graph: Graph) -> NDArray[np.float64]:
    """Return the matrix of a small graph; its diagonal summed anew in double precision, so that a small ground is not rounded away."""
    n = len(graph.split)
    matrix = np.zeros((n, n))
    matrix[np.repeat(np.arange(n), np.diff(graph.first)), graph.neighbour] = -graph.conductance.astype(np.float64)
    matrix[np.arange(n), np.arange(n)] = graph.ground - matrix.sum(axis=1)
    return matrix
