"""Real images: known geometries give known answers, and what cannot be analysed is refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from objectives.electrode import TAU_CAP
from objectives.microstructure.images import MAX_VOXELS, ImageError, analyse_image

LABELS = {"pore": 0, "AM": 1, "SE": 2}


def layers() -> np.ndarray:
    """AM, SE and pore as plates along axis 0: an eighth, a half and the rest of the width, ``(6, 8, 5)``."""
    stack = np.zeros((6, 8, 5), dtype=np.uint8)
    stack[:, :1] = 1
    stack[:, 1:5] = 2
    return stack


def test_plates_along_the_current_have_tortuosity_one_and_their_fractions() -> None:
    found = analyse_image(layers(), 0.1, LABELS)
    assert found.volume_fractions == pytest.approx({"pore": 0.375, "AM": 0.125, "SE": 0.5})
    assert found.porosity == pytest.approx(0.375)
    assert found.tortuosity_factors == pytest.approx({"AM": 1.0, "SE": 1.0}, abs=1e-5)
    assert all(found.percolates.values())
    assert all(found.converged.values())


def test_plates_across_the_current_do_not_percolate() -> None:
    found = analyse_image(layers(), 0.1, LABELS, axis=1)
    assert found.shape == (8, 6, 5)
    assert found.tortuosity_factors == {"AM": TAU_CAP, "SE": TAU_CAP}
    assert not any(found.percolates.values())


def test_sides_of_an_image_are_walls() -> None:
    stack = np.zeros((6, 6, 6), dtype=np.uint8)
    stack[:3, 0] = 2  # two half plates that meet only across the period
    stack[3:, -1] = 2
    stack[2:4, 0, 0] = 2
    assert not analyse_image(stack, 0.1, {"pore": 0, "SE": 2}).percolates["SE"]


def test_contact_is_the_share_of_the_am_surface_that_touches_se() -> None:
    stack = np.zeros((5, 5, 5), dtype=np.uint8)
    stack[2, 2, 2] = 1
    stack[1, 2, 2] = stack[2, 1, 2] = stack[2, 2, 3] = 2
    assert analyse_image(stack, 0.1, LABELS).am_se_contact == pytest.approx(0.5)


def test_contact_needs_both_phases() -> None:
    stack = np.zeros((4, 4, 4), dtype=bool)
    stack[:, :2] = True
    found = analyse_image(stack, 0.1, {"pore": 0, "solid": 1})
    assert found.am_se_contact is None
    assert found.tortuosity_factors["solid"] == pytest.approx(1.0, abs=1e-5)


def test_resolution_of_the_image_is_stated() -> None:
    assert analyse_image(layers(), 0.1, LABELS).resolution == "0.6 x 0.8 x 0.5 um in voxels of 0.1 um; what is finer than 0.2 um is not in this image"


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".tiff"])
def test_files_give_what_the_array_gives(tmp_path: Path, suffix: str) -> None:
    import tifffile

    path = tmp_path / f"stack{suffix}"
    if suffix == ".npy":
        np.save(path, layers())
    else:
        tifffile.imwrite(path, layers(), photometric="minisblack")
    assert analyse_image(path, 0.1, LABELS) == analyse_image(layers(), 0.1, LABELS)


def stack_with(value: int) -> np.ndarray:
    stack = layers()
    stack[0, 0, 0] = value
    return stack


@pytest.mark.parametrize(
    ("stack", "labels", "message"),
    [
        (layers()[0], LABELS, "an image must have three axes, got 2"),
        (np.zeros((4, 4, 4, 3), np.uint8), LABELS, "three axes, got 4"),
        (layers().astype(float), LABELS, "must hold integer labels, got float64; segment it first"),
        (layers()[:1], LABELS, "at least 2 voxels wide"),
        (stack_with(7), LABELS, "values that no label names: 7; name each of its 4 values"),
        (layers(), {**LABELS, "carbon": 3}, r"phase carbon \(label 3\) has no voxel"),
        (layers(), {"pore": 0, "AM": 1, "SE": 1}, "labels must differ"),
        (layers(), {"pore": 0}, "name a phase that conducts"),
        (np.broadcast_to(np.uint8(0), (MAX_VOXELS, 2, 2)), LABELS, "at most 16,777,216 voxels, got 67,108,864"),
    ],
)
def test_image_that_cannot_be_analysed_is_refused(stack: np.ndarray, labels: dict[str, int], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        analyse_image(stack, 0.1, labels)


def test_impossible_voxel_or_axis_is_refused() -> None:
    with pytest.raises(ImageError, match="voxel_um must be above 0 um, got 0"):
        analyse_image(layers(), 0.0, LABELS)
    with pytest.raises(ImageError, match="axis must be 0, 1 or 2, got 3"):
        analyse_image(layers(), 0.1, LABELS, axis=3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npy", None, "there is no image"),
        ("stack.png", b"x", r"must be a \.tif, \.tiff or \.npy file"),
        ("stack.npy", b"not an array", "cannot be read as a stack"),
        ("stack.tif", b"not a picture", "cannot be read as a stack"),
    ],
)
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=message):
        analyse_image(tmp_path / name, 0.1, LABELS)


def test_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(1024, 256, 128))  # sparse: no voxel is written
    with pytest.raises(ImageError, match="at most 16,777,216 voxels, got 33,554,432"):
        analyse_image(path, 0.1, LABELS)
