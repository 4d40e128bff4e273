"""BoTorch's compiled kernel for multi-objective acquisitions: built once per environment, found by every later run.

Left alone, BoTorch compiles it at the first acquisition (half a minute, into the user's home) and needs a compiler and ninja at each later start.
Here the set-up builds it into the environment, and BoTorch imports the finished library. Without it BoTorch computes the same in Python.
"""

import hashlib
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

NAME = "logei_fused_ext"  # the module that BoTorch looks for
LIBRARY = f"{NAME}.so"  # the file that torch.utils.cpp_extension makes of it


class KernelBuildError(RuntimeError):
    """The kernel could not be compiled."""


def directory() -> Path:
    """Return the folder for the kernel that fits this torch, this BoTorch and this processor (it is compiled for the one it is built on)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    processor = hashlib.sha256(f"{platform.machine()} {features}".encode()).hexdigest()[:8]
    return Path(sys.prefix) / "torch_extensions" / f"torch-{version('torch')}-botorch-{version('botorch')}-{processor}"


def is_built() -> bool:
    """Return whether the kernel for this environment and processor is there."""
    return (directory() / LIBRARY).is_file()


def use_own_directory() -> bool:
    """Let BoTorch find the kernel; call before the first multi-objective acquisition. Takes milliseconds and imports no torch.

    Returns:
        Whether the kernel is there. If not, BoTorch tries to compile it at the first acquisition, or warns and goes on in Python.
    """
    folder = directory()
    if (folder / LIBRARY).is_file():
        if str(folder) not in sys.path:
            sys.path.append(str(folder))  # BoTorch first tries `import logei_fused_ext`
        return True
    scripts = sysconfig.get_path("scripts")  # has ninja, which is not on the path of an environment that is not activated
    searched = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if scripts not in searched:
        os.environ["PATH"] = os.pathsep.join([*searched, scripts])
    if os.access(sys.prefix, os.W_OK):
        os.environ.setdefault("TORCH_EXTENSIONS_DIR", str(folder))
    return False


def build() -> Path:
    """Compile the kernel unless it is there, about half a minute, and return the library's path.

    The library is moved to its place when it is complete: a build that is killed, or two at once, leave nothing half-made to trip over.

    Raises:
        KernelBuildError: If there is no C++ compiler, no header of Python, or the compiler fails.
    """
    library = directory() / LIBRARY
    if use_own_directory():
        return library
    compiler = os.environ.get("CXX", "c++").split()[0]
    if shutil.which(compiler) is None:
        raise KernelBuildError(f"there is no C++ compiler ({compiler}); on Debian or Ubuntu: apt-get install g++")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise KernelBuildError("Python.h is missing; on Debian or Ubuntu: apt-get install python3-dev")
    before = os.environ.get("TORCH_EXTENSIONS_DIR")
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=library.parent) as scratch:
            os.environ["TORCH_EXTENSIONS_DIR"] = scratch
            _compile()
            (Path(scratch) / NAME / LIBRARY).replace(library)
    except OSError as error:
        raise KernelBuildError(f"cannot write the kernel to {library.parent}: {error}") from error
    finally:
        if before is None:
            os.environ.pop("TORCH_EXTENSIONS_DIR", None)
        else:
            os.environ["TORCH_EXTENSIONS_DIR"] = before
    use_own_directory()
    return library


def _compile() -> None:
    """Make the smallest multi-objective acquisition there is, which has BoTorch compile its kernel."""
    import torch
    from botorch.acquisition.multi_objective import qLogNoisyExpectedHypervolumeImprovement
    from botorch.models import SingleTaskGP

    points = torch.tensor([[0.0], [1.0]], dtype=torch.double)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="Failed to compile")
        model = SingleTaskGP(points, torch.cat([points, 1.0 - points], dim=-1))
        try:
            qLogNoisyExpectedHypervolumeImprovement(model, ref_point=[0.0, 0.0], X_baseline=points)
        except UserWarning as warning:
            raise KernelBuildError(str(warning)) from warning


def main() -> int:
    """Build the kernel from the command line, ``python -m optimizer.kernel``; return the exit code."""
    if not use_own_directory():
        print("Compiling BoTorch's kernel (once, about half a minute) ...", flush=True)
    try:
        library = build()
    except KernelBuildError as error:
        print(f"BoTorch's kernel was not built: {error}", file=sys.stderr)
        return 1
    print(f"BoTorch's kernel: {library}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
