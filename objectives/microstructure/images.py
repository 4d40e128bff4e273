"""Real electrodes in: a segmented tomography stack through the same analysis as a simulated block, at its own resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Mask
from objectives.electrode import TAU_CAP
from objectives.microstructure.network import Links
from objectives.microstructure.solve import effective_conductivity, tortuosity_factor

Stack = NDArray[np.generic]
PORE_NAME, AM_NAME, SE_NAME = "pore", "AM", "SE"
MAX_VOXELS = 256**3  # what the solver takes in about 4 GB


class ImageError(ValueError):
    """Raised for a stack that cannot be analysed, with the reason and the remedy."""


@dataclass(frozen=True)
class ImageAnalysis:
    """What an image of an electrode shows. Compare with simulations of the same voxel size only: fine SE and thin shells may be below it.

    Args:
        shape: Voxels along the direction of transport, then across.
        voxel_um: Edge of a voxel.
        volume_fractions: By phase.
        porosity: Volume fraction of the phase ``pore``; 0 where the image has none.
        tortuosity_factors: ``phi / sigma_eff`` of each phase but the pores, with that phase alone conducting; at most 200.
        percolates: By phase, whether it leads through the image.
        converged: By phase, whether the solver reached its tolerance.
        am_se_contact: Share of the AM surface that touches SE; None where the image lacks either.
    """

    shape: tuple[int, int, int]
    voxel_um: float
    volume_fractions: Mapping[str, float]
    porosity: float
    tortuosity_factors: Mapping[str, float]
    percolates: Mapping[str, bool]
    converged: Mapping[str, bool]
    am_se_contact: float | None

    @property
    def resolution(self) -> str:
        """What the image can show, in a sentence."""
        size = " x ".join(f"{n * self.voxel_um:.4g}" for n in self.shape)
        return f"{size} um in voxels of {self.voxel_um:g} um; what is finer than {2.0 * self.voxel_um:g} um is not in this image"


def analyse_image(image: str | Path | Stack, voxel_um: float, labels: Mapping[str, int], *, axis: int = 0) -> ImageAnalysis:
    """Return volume fractions, tortuosity factors and contact of a segmented stack.

    The image ends at walls on all sides: unlike a simulated block, its opposite faces do not fit together.

    Args:
        image: A TIFF (``.tif``, ``.tiff``) or ``.npy`` file, or an array ``(a, b, c)`` of integers or booleans.
        voxel_um: Edge of its cubic voxels.
        labels: Value of each phase, such as ``{"pore": 0, "AM": 1, "SE": 2}``; further phases under any name. All but ``pore`` conduct.
        axis: Axis that leads from the separator to the current collector.

    Raises:
        ImageError: If the image cannot be read or analysed as described.
    """
    if not (voxel_um > 0.0 and math.isfinite(voxel_um)):
        raise ImageError(f"voxel_um must be above 0 um, got {voxel_um:g}; give the edge of a voxel of the image")
    stack = _checked(read_stack(image) if isinstance(image, str | Path) else np.asarray(image), labels)
    if axis not in (0, 1, 2):
        raise ImageError(f"axis must be 0, 1 or 2, got {axis}; name the image's axis from separator to current collector")
    stack = np.moveaxis(stack, axis, 0)
    masks = {name: stack == value for name, value in labels.items()}
    fractions = {name: float(mask.mean()) for name, mask in masks.items()}
    walls = _walls(stack.shape)
    tau, percolates, converged = {}, {}, {}
    for name, mask in masks.items():
        if name == PORE_NAME:
            continue
        solution = effective_conductivity(mask.astype(np.float64), walls)
        found = tortuosity_factor(fractions[name], 1.0, solution.sigma_eff) if solution.percolates else TAU_CAP
        tau[name] = min(found, TAU_CAP)
        percolates[name], converged[name] = found < TAU_CAP, solution.converged
    contact = _contact(masks[AM_NAME], masks[SE_NAME]) if AM_NAME in masks and SE_NAME in masks else None
    return ImageAnalysis(stack.shape, voxel_um, fractions, fractions.get(PORE_NAME, 0.0), tau, percolates, converged, contact)


def read_stack(path: str | Path) -> Stack:
    """Return the array of a TIFF or ``.npy`` file, after a look at its size.

    Raises:
        ImageError: If the file is missing, of another kind, broken or too large.
    """
    file = Path(path)
    if not file.is_file():
        raise ImageError(f'there is no image "{path}"; check the name')
    try:
        if file.suffix.lower() == ".npy":
            stored: Stack = np.load(file, mmap_mode="r", allow_pickle=False)
            _check_size(stored.shape)
            return np.asarray(stored)
        if file.suffix.lower() in (".tif", ".tiff"):
            import tifffile

            with tifffile.TiffFile(file) as tiff:
                _check_size(tiff.series[0].shape)
                return np.asarray(tiff.asarray())
    except ImageError:
        raise
    except Exception as error:  # whatever a broken file makes its reader raise
        raise ImageError(f'"{path}" cannot be read as a stack of images ({error}); export it again as an uncompressed TIFF or .npy') from error
    raise ImageError(f'an image must be a .tif, .tiff or .npy file, got "{path}"; export the segmented stack as one of these')


def _check_size(shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        raise ImageError(f"an image must have three axes, got {len(shape)} ({' x '.join(map(str, shape))}); give the whole stack, one label a voxel")
    if math.prod(shape) > MAX_VOXELS:
        raise ImageError(
            f"an image may have at most {MAX_VOXELS:,} voxels, got {math.prod(shape):,} ({' x '.join(map(str, shape))}); crop it or use larger voxels"
        )
    if min(shape) < 2:
        raise ImageError(f"an image must be at least 2 voxels wide, got {' x '.join(map(str, shape))}; give the whole stack")


def _checked(stack: Stack, labels: Mapping[str, int]) -> Stack:
    """Return the stack if its values are the labels, each of them present."""
    _check_size(stack.shape)
    if stack.dtype.kind not in "iub":
        raise ImageError(f"an image must hold integer labels, got {stack.dtype}; segment it first, one whole number a phase")
    if not set(labels) - {PORE_NAME}:
        raise ImageError(f"labels must name a phase that conducts, got {dict(labels)}; for example pore=0, AM=1, SE=2")
    if len(set(labels.values())) < len(labels):
        raise ImageError(f"labels must differ, got {dict(labels)}; give each phase its own value")
    found = {int(value) for value in np.unique(stack)}
    if unknown := sorted(found - set(labels.values())):
        shown = ", ".join(map(str, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
        raise ImageError(
            f"the image holds values that no label names: {shown}; name each of its {len(found)} values, for example carbon={unknown[0]}"
        )
    if empty := [name for name, value in labels.items() if value not in found]:
        raise ImageError(f"phase {empty[0]} (label {labels[empty[0]]}) has no voxel in the image; correct the label or leave the phase out")
    return stack


def _walls(shape: tuple[int, ...]) -> Links:
    """Return link factors that close the sides of the block, which the solver takes as periodic."""
    along, across, up = np.ones((shape[0] - 1, *shape[1:])), np.ones(shape), np.ones(shape)
    across[:, -1, :] = 0.0
    up[:, :, -1] = 0.0
    return along, across, up


def _contact(am: Mask, se: Mask) -> float:
    """Return the share of the AM's voxel faces inside the image that touch SE instead of another phase."""
    surface = touching = 0
    for axis in range(3):
        for one, other in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
            here = tuple(one if a == axis else slice(None) for a in range(3))
            there = tuple(other if a == axis else slice(None) for a in range(3))
            surface += int(np.count_nonzero(am[here] & ~am[there]))
            touching += int(np.count_nonzero(am[here] & se[there]))
    return touching / surface if surface else 0.0
