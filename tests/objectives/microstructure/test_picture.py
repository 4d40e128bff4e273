"""The picture: a PNG without a display, with every phase in it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from objectives.microstructure.generate import Microstructure
from objectives.microstructure.picture import COLOURS, render
from objectives.recipe import Recipe

Model = Callable[[int, float], Recipe]
Blocks = Callable[..., Microstructure]


def test_picture_shows_every_phase(model: Model, block: Blocks, tmp_path: Path) -> None:
    from matplotlib.image import imread

    render(block(model(2, 75.0)), tmp_path / "thick.png")
    pixels = imread(tmp_path / "thick.png")[..., :3]
    assert pixels.shape[0] > 1000
    for name, colour in COLOURS.items():
        near = np.abs(pixels - np.array(colour)).max(axis=-1) < 0.02
        assert near.mean() > (1e-4 if name == "SE" else 1e-3), name  # no free SE in this block: the legend's patch alone


def test_same_block_gives_the_same_picture(model: Model, block: Blocks, tmp_path: Path) -> None:
    for name in ("one", "other"):
        render(block(model(4, 85.0)), tmp_path / f"{name}.png", title="Model 4")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_other_suffix_is_refused(model: Model, block: Blocks, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a name ending in \.png"):
        render(block(model(4, 85.0)), tmp_path / "block.jpg")


def test_generator_loads_no_drawing_library() -> None:
    code = "import sys, objectives.microstructure.generate, objectives.microstructure.picture; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "numba", "scipy", "torch"} & set(loaded)
