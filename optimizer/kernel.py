"""BoTorch's compiled kernel for hypervolume improvement: where it is kept, whether it is there, and how to build it.

PyTorch would keep it in the user's home, shared by every environment and torch version; each environment gets its own directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "TORCH_EXTENSIONS_DIR"


def directory() -> Path:
    """Return where this environment keeps compiled extensions; the user's own setting wins."""
    return Path(os.environ.get(VARIABLE) or Path(sys.prefix) / "torch_extensions")


def use_own_directory() -> None:
    """Point PyTorch at this environment's directory; call before torch compiles anything.

    Puts the environment's programs on the path as well, because PyTorch looks for ninja there.
    """
    os.environ[VARIABLE] = str(directory())
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


def is_built() -> bool:
    """Return whether a compiled extension lies in the directory."""
    return any(directory().rglob("*.so"))


def build() -> None:
    """Compile the kernel (about half a minute, once), by the call BoTorch makes at its first hypervolume acquisition.

    Raises:
        RuntimeError: If it cannot be compiled; BoTorch then computes the same in Python, more slowly.
    """
    import warnings

    use_own_directory()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from botorch.acquisition.multi_objective import logei

        logei._try_load_fused_kernel()
    if logei._C is None:
        reasons = [str(w.message) for w in caught if "Failed to compile" in str(w.message)]
        raise RuntimeError(reasons[0] if reasons else "BoTorch's kernel could not be loaded; is g++ installed?")


if __name__ == "__main__":
    try:
        build()
    except RuntimeError as error:
        sys.exit(f"glittercake: {error}")
    print(f"BoTorch's kernel is compiled in {directory()}")
