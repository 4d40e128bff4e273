"""A microstructure as a VTK image (XML ImageData, .vti) for ParaView and the like; written here, with no VTK library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr  # nosec B406

import numpy as np
from numpy.typing import NDArray

from objectives.microstructure.generate import Microstructure

VTK_TYPES = {"uint8": "UInt8", "int32": "Int32", "float32": "Float32"}


def write_vtk(block: Microstructure, path: str | Path) -> None:
    """Write a microstructure: cell data ``label`` (0 pore, 1 AM, 2 SE), ``shell_fraction`` and ``grain``, coordinates in um.

    Raises:
        ValueError: If the name does not end in ``.vti``, by which other programs know the format.
    """
    write_image_data({"label": block.labels, "shell_fraction": block.shell, "grain": block.grain}, block.voxel_um, path)


def write_image_data(fields: Mapping[str, NDArray[np.generic]], voxel_um: float, path: str | Path) -> None:
    """Write fields of one shape ``(nx, ny, nz)``, one value a voxel; see `write_vtk`."""
    if Path(path).suffix != ".vti":
        raise ValueError(f'a VTK image needs a name ending in .vti, got "{path}"; rename it')
    shapes = {field.shape for field in fields.values()}
    (shape,) = shapes
    extent = quoteattr(" ".join(f"0 {n}" for n in shape))
    data = [field.astype(field.dtype.newbyteorder("<")).tobytes(order="F") for field in fields.values()]  # VTK counts x fastest
    starts = np.cumsum([0, *(8 + len(values) for values in data)])  # each block is preceded by its length, 8 bytes
    arrays = "".join(
        f'<DataArray type="{VTK_TYPES[field.dtype.name]}" Name={quoteattr(name)} format="appended" offset="{start}"/>'
        for (name, field), start in zip(fields.items(), starts[:-1], strict=True)
    )
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">'
        f'<ImageData WholeExtent={extent} Origin="0 0 0" Spacing="{voxel_um:g} {voxel_um:g} {voxel_um:g}"><Piece Extent={extent}>'
        f'<CellData Scalars={quoteattr(next(iter(fields)))}>{arrays}</CellData></Piece></ImageData>\n<AppendedData encoding="raw">_'
    )
    with Path(path).open("wb") as file:
        file.write(head.encode())
        for values in data:
            file.write(len(values).to_bytes(8, "little"))
            file.write(values)
        file.write(b"</AppendedData></VTKFile>\n")
