"""The resistor network of a voxel block."""

import numpy as np
import pytest

from objectives.composition import Array
from objectives.microstructure.network import Links, assemble, check_links, face_conductances


def dense(sigma: Array, links: Links) -> Array:
    """The matrix of a block by plain loops over faces, zero rows for insulating voxels."""
    nx, ny, nz = sigma.shape
    number = np.arange(sigma.size).reshape(sigma.shape)
    matrix = np.zeros((sigma.size, sigma.size))
    for i, j, k in np.ndindex(*sigma.shape):
        for axis, there in enumerate(((i + 1, j, k), (i, (j + 1) % ny, k), (i, j, (k + 1) % nz))):
            if there[0] == nx or sigma[i, j, k] == 0.0 or sigma[there] == 0.0:
                continue
            g = links[axis][i, j, k] / (0.5 / sigma[i, j, k] + 0.5 / sigma[there])
            a, b = number[i, j, k], number[there]
            matrix[[a, b], [a, b]] += g
            matrix[[a, b], [b, a]] -= g
            if a == b:
                matrix[a, a] = matrix[a, a] - g + g  # both ends are the same voxel: the four terms cancel
        for end in (0, nx - 1):
            if i == end:
                matrix[number[i, j, k], number[i, j, k]] += 2.0 * sigma[i, j, k]
    return matrix


def random_block(shape: tuple[int, int, int], seed: int) -> tuple[Array, Links]:
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.1, 1.0, shape) * (rng.random(shape) < 0.8)
    return sigma, (rng.random((shape[0] - 1, *shape[1:])), rng.random(shape), rng.random(shape))


def test_face_between_two_voxels_has_their_harmonic_mean_times_its_link() -> None:
    sigma = np.array([1.0, 3.0]).reshape(2, 1, 1)
    links = (np.full((1, 1, 1), 0.5), np.ones((2, 1, 1)), np.ones((2, 1, 1)))
    assert face_conductances(sigma)[0].item() == pytest.approx(1.5)
    assert face_conductances(sigma, links)[0].item() == pytest.approx(0.75)


def test_faces_of_an_insulator_or_a_negligible_conductor_are_closed() -> None:
    sigma = np.array([1.0, 0.0, 1.0, 1.0, 1e-13, 1.0]).reshape(6, 1, 1)
    assert face_conductances(sigma)[0].ravel() == pytest.approx([0.0, 0.0, 1.0, 0.0, 0.0])


def test_last_face_along_y_and_z_closes_the_period() -> None:
    sigma = np.array([1.0, 2.0, 3.0])
    expected = [4.0 / 3.0, 12.0 / 5.0, 3.0 / 2.0]
    assert face_conductances(sigma.reshape(1, 3, 1))[1].ravel() == pytest.approx(expected)
    assert face_conductances(sigma.reshape(1, 1, 3))[2].ravel() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4, 3, 5), (3, 2, 2), (1, 3, 4)])
def test_graph_is_the_matrix_that_loops_over_faces_give(shape: tuple[int, int, int]) -> None:
    sigma, links = random_block(shape, seed=1)
    inside = sigma > 0.0
    graph, at = assemble(inside, sigma, face_conductances(sigma, links))
    matrix = np.diag(graph.diagonal)
    np.add.at(matrix, (np.repeat(np.arange(len(at)), np.diff(graph.first)), graph.neighbour), -graph.conductance)
    assert matrix == pytest.approx(dense(sigma, links)[np.ix_(inside.ravel(), inside.ravel())])
    assert at == pytest.approx(np.argwhere(inside))


def test_graph_lists_lower_neighbours_before_the_split() -> None:
    sigma, links = random_block((4, 3, 3), seed=2)
    graph, _ = assemble(sigma > 0.0, sigma, face_conductances(sigma, links))
    for node, (start, split, end) in enumerate(zip(graph.first[:-1], graph.split, graph.first[1:], strict=True)):
        assert (graph.neighbour[start:split] < node).all()
        assert (graph.neighbour[split:end] > node).all()


def test_a_voxel_that_is_its_own_neighbour_has_no_link_to_itself() -> None:
    sigma = np.ones((3, 1, 1))
    graph, _ = assemble(sigma > 0.0, sigma, face_conductances(sigma))
    assert list(graph.neighbour) == [1, 0, 2, 1]
    assert list(graph.diagonal) == [3.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ((np.ones((2, 2, 2)), np.ones((2, 2, 2)), np.ones((2, 2, 2))), r"links along x must have the shape \(1, 2, 2\), got \(2, 2, 2\)"),
        ((np.ones((1, 2, 2)), np.ones((2, 2, 2)), np.ones((2, 1, 2))), "links along z must have the shape"),
        ((np.ones((1, 2, 2)), np.full((2, 2, 2), -1.0), np.ones((2, 2, 2))), "links along y must be finite and at least 0, got -1"),
        ((np.full((1, 2, 2), np.nan), np.ones((2, 2, 2)), np.ones((2, 2, 2))), "links along x must be finite"),
    ],
)
def test_wrong_links_are_refused(links: Links, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_links((2, 2, 2), links)
