"""A microstructure as a PNG: the block seen from a corner, and three slices through its middle. Needs no display."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from objectives.microstructure.generate import AM, SE, Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHELL = (0.85, 0.42, 0.10)
COLOURS = {  # told apart in grey and with any colour vision (light to dark: pore last)
    "AM": (0.62, 0.68, 0.74),
    "SE": (0.98, 0.77, 0.30),
    "SE shell (dark: thinner than a voxel)": SHELL,
    "pore, carbon": (0.10, 0.11, 0.15),
}
SHADES = (1.0, 0.82, 0.66)  # brightness of the faces towards the viewer: top, front, end
DEPTH = np.array([0.45, 0.30])  # where the axis into the picture points, in block lengths: a cabinet projection keeps the front undistorted
SCALE_BARS_UM = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def render(block: Microstructure, path: str | Path, *, title: str = "") -> None:
    """Write a PNG of the block: a view of three faces, slices across each axis, a legend and a scale bar.

    Raises:
        ValueError: If the name does not end in ``.png``.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f'a picture needs a name ending in .png, got "{path}"; rename it')
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = _voxel_colours(block)
    nx, ny, nz = block.labels.shape
    length, width, height = (n * block.voxel_um for n in (nx, ny, nz))
    figure = Figure(figsize=(10.0, 8.0), layout="constrained")
    FigureCanvasAgg(figure)
    (view,), (slices,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1.0))
    axes = view.subplots()
    _draw_block(axes, colours, (length, width, height))
    _draw_scale(axes, length)
    patches = [Patch(facecolor=colour, edgecolor="0.3", label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    axes.set_title(title or f"{length:.0f} x {width:.0f} x {height:.0f} um, voxels of {block.voxel_um:g} um, seed {block.seed}", fontsize=11)

    flat = length > 1.5 * width  # then the two long slices go above each other
    layout = [["xy", "yz"], ["xz", "yz"]] if flat else [["xy", "xz", "yz"]]
    grid = slices.subplot_mosaic(layout, width_ratios=(length, 1.2 * width) if flat else (length, length, width))
    cuts = {
        "xy": (colours[:, :, nz // 2], (length, width), "x", "y"),
        "xz": (colours[:, ny // 2], (length, height), "x", "z"),
        "yz": (colours[nx // 2], (width, height), "y", "z"),
    }
    for name, (cut, (right, top), across, up) in cuts.items():
        grid[name].imshow(cut.swapaxes(0, 1), origin="lower", extent=(0.0, right, 0.0, top), interpolation="nearest")
        grid[name].set(xlabel=f"{across} (um)", ylabel=f"{up} (um)")
        grid[name].tick_params(labelsize=8)
    figure.savefig(path, dpi=150)


def _voxel_colours(block: Microstructure) -> NDArray[np.float64]:
    """Return the colour of each voxel, ``(nx, ny, nz, 3)``: shells blended in by their share, AM grains told apart by brightness."""
    colours: NDArray[np.float64] = np.empty((*block.labels.shape, 3))
    colours[:] = COLOURS["pore, carbon"]
    colours[block.labels == SE] = COLOURS["SE"]
    share = np.sqrt(block.shell)[..., None]  # root: a shell of a tenth of a voxel can still be seen
    colours = np.asarray(colours * (1.0 - share) + np.array(SHELL) * share)
    am = block.labels == AM
    brightness = 0.85 + 0.30 * ((block.grain[am] * 0.6180339887) % 1.0)  # golden ratio: neighbours in number differ most
    colours[am] = np.minimum(np.array(COLOURS["AM"]) * brightness[:, None], 1.0)
    return colours


def _draw_block(axes: Axes, colours: NDArray[np.float64], size: tuple[float, float, float]) -> None:
    """Draw the front (x, z), top (x, y) and right end (y, z) of the block; y leads into the picture."""
    from matplotlib.transforms import Affine2D

    length, width, height = size
    right, up, into = np.array([1.0, 0.0]), np.array([0.0, 1.0]), DEPTH
    faces = (
        (colours[:, :, -1], (length, width), right, into, up * height, SHADES[0]),
        (colours[:, 0], (length, height), right, up, np.zeros(2), SHADES[1]),
        (colours[-1], (width, height), into, up, right * length, SHADES[2]),
    )
    for face, (across, along), e1, e2, origin, shade in faces:
        place = Affine2D(np.array([[e1[0], e2[0], origin[0]], [e1[1], e2[1], origin[1]], [0.0, 0.0, 1.0]]))
        image = axes.imshow(face.swapaxes(0, 1) * shade, origin="lower", extent=(0.0, across, 0.0, along), interpolation="nearest")
        image.set_transform(place + axes.transData)
    far = np.array([length, height]) + DEPTH * width
    axes.set(xlim=(-1.0, far[0] + 1.0), ylim=(-0.16 * height, far[1] + 1.0), aspect="equal")
    axes.axis("off")
    axes.annotate("separator", (0.0, 0.5 * height), xytext=(-4, 0), textcoords="offset points", rotation=90, ha="right", va="center", fontsize=9)
    end = (length + DEPTH[0] * width, 0.5 * height + DEPTH[1] * width)
    axes.annotate("current collector", end, xytext=(4, 0), textcoords="offset points", rotation=90, ha="left", va="center", fontsize=9)


def _draw_scale(axes: Axes, length: float) -> None:
    """Draw a scale bar of a round length under the block, at most a third of it."""
    bar = max((um for um in SCALE_BARS_UM if um <= length / 3.0), default=SCALE_BARS_UM[0])
    bottom = axes.get_ylim()[0]
    axes.plot([0.0, bar], [0.5 * bottom] * 2, color="black", linewidth=3.0, solid_capstyle="butt")
    axes.annotate(f"{bar:g} um", (bar, 0.5 * bottom), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
