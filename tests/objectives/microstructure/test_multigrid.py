"""The multigrid preconditioner."""

import numpy as np
import pytest

from objectives.composition import Array
from objectives.microstructure.multigrid import apply, build_hierarchy, precondition
from objectives.microstructure.network import Graph, Integers, assemble, face_conductances


def matrix(graph: Graph) -> Array:
    dense = np.diag(graph.diagonal.astype(float))
    np.add.at(dense, (np.repeat(np.arange(len(graph.split)), np.diff(graph.first)), graph.neighbour), -graph.conductance)
    return dense


def network(shape: tuple[int, int, int], seed: int) -> tuple[Graph, Integers]:
    sigma = 10.0 ** np.random.default_rng(seed).uniform(-3.0, 0.0, shape)
    return assemble(sigma > 0.0, sigma, face_conductances(sigma))


def test_coarse_graph_is_the_fine_one_with_equal_potentials_in_each_aggregate() -> None:
    graph, at = network((14, 9, 10), seed=0)
    hierarchy = build_hierarchy(graph, at)
    assert len(hierarchy.levels) >= 2
    fine, coarse = hierarchy.levels[0], hierarchy.levels[1]
    prolong = np.zeros((len(fine.aggregate), len(coarse.inverse)))
    prolong[np.arange(len(fine.aggregate)), fine.aggregate] = 1.0
    assert matrix(coarse.graph) == pytest.approx(prolong.T @ matrix(fine.graph) @ prolong, rel=1e-5, abs=1e-5)


def test_aggregates_lie_in_cubes_of_two_voxels() -> None:
    graph, at = network((12, 9, 10), seed=1)
    aggregate = build_hierarchy(graph, at).levels[0].aggregate
    for one in range(aggregate.max() + 1):
        assert len(np.unique(at[aggregate == one] // 2, axis=0)) == 1


def test_two_channels_in_one_cube_are_not_aggregated() -> None:
    sigma = np.zeros((200, 2, 2))
    sigma[:, 0, 0] = sigma[:, 1, 1] = 1.0
    graph, at = assemble(sigma > 0.0, sigma, face_conductances(sigma))
    aggregate = build_hierarchy(graph, at).levels[0].aggregate
    channel = at[:, 1]
    assert all(len(np.unique(channel[aggregate == one])) == 1 for one in range(aggregate.max() + 1))


def test_a_graph_that_is_small_already_is_inverted() -> None:
    graph, at = network((5, 4, 4), seed=2)
    potential = np.random.default_rng(3).random(80).astype(np.float32)
    found = precondition(build_hierarchy(graph, at), np.asarray(apply(graph, potential.astype(float)), dtype=np.float32))
    assert found == pytest.approx(potential, rel=1e-3)


def test_one_cycle_removes_most_of_the_error() -> None:
    graph, at = network((20, 16, 16), seed=4)
    hierarchy = build_hierarchy(graph, at)
    potential = np.random.default_rng(5).random(len(at)) + at[:, 0]
    current = apply(graph, potential)
    error = potential - precondition(hierarchy, current.astype(np.float32))
    assert error @ apply(graph, error) < 0.3 * (potential @ current)
