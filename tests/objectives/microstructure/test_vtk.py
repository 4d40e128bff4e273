"""The VTK file, read back by the format's own rules."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from objectives.microstructure.generate import Microstructure
from objectives.microstructure.vtk import write_vtk
from objectives.recipe import Recipe

Model = Callable[[int, float], Recipe]
Blocks = Callable[..., Microstructure]
NUMPY_TYPES = {"UInt8": "<u1", "Int32": "<i4", "Float32": "<f4"}


def read(path: Path) -> tuple[dict[str, NDArray[np.generic]], tuple[float, ...]]:
    """Return the cell data and the spacing of an XML ImageData file with raw appended data."""
    head, _, raw = path.read_bytes().partition(b'<AppendedData encoding="raw">_')
    image = ElementTree.fromstring(head + b"</VTKFile>").find("ImageData")
    assert image is not None
    extent = [int(n) for n in image.attrib["WholeExtent"].split()]
    shape = tuple(np.diff(extent)[::2])
    fields = {}
    for array in image.iter("DataArray"):
        start = int(array.attrib["offset"])
        length = int.from_bytes(raw[start : start + 8], "little")
        values = np.frombuffer(raw[start + 8 : start + 8 + length], NUMPY_TYPES[array.attrib["type"]])
        fields[array.attrib["Name"]] = values.reshape(shape, order="F")
    return fields, tuple(float(x) for x in image.attrib["Spacing"].split())


def test_written_block_is_read_back(model: Model, block: Blocks, tmp_path: Path) -> None:
    drawn = block(model(4, 85.0))
    write_vtk(drawn, tmp_path / "block.vti")
    fields, spacing = read(tmp_path / "block.vti")
    assert spacing == (drawn.voxel_um,) * 3
    assert list(fields) == ["label", "shell_fraction", "grain"]
    for name, values in (("label", drawn.labels), ("shell_fraction", drawn.shell), ("grain", drawn.grain)):
        np.testing.assert_array_equal(fields[name], values)


def test_file_ends_as_xml_does(model: Model, block: Blocks, tmp_path: Path) -> None:
    write_vtk(block(model(4, 85.0)), tmp_path / "block.vti")
    assert re.search(rb"</AppendedData></VTKFile>\n\Z", (tmp_path / "block.vti").read_bytes())


def test_other_suffix_is_refused(model: Model, block: Blocks, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a name ending in \.vti"):
        write_vtk(block(model(4, 85.0)), tmp_path / "block.vtk")
