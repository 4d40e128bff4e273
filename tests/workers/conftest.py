"""Executors for these tests, and their functions importable in worker processes, which unpickle them by module name."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest

from workers import RayExecutor, open_executor

# Both spawned processes and Ray's workers take over the parent's path. Last, so that an installed package comes first.
sys.path.append(str(Path(__file__).parents[2]))

WORKERS = 2

Open = Callable[..., Executor]


@pytest.fixture(scope="module")
def ray_executor() -> Iterator[RayExecutor]:
    with RayExecutor(WORKERS) as executor:
        yield executor


@pytest.fixture(scope="module", params=["inline", "processes", "ray"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def executor(kind: str, request: pytest.FixtureRequest) -> Iterator[Executor]:
    if kind == "ray":
        yield request.getfixturevalue("ray_executor")
    else:
        with open_executor(kind, WORKERS) as opened:  # type: ignore[arg-type]
            yield opened


@pytest.fixture
def open_another(kind: str, request: pytest.FixtureRequest) -> Open:
    """Open one more executor of the kind; on Ray it shares the module's connection and has workers of its own."""
    if kind == "ray":
        request.getfixturevalue("ray_executor")
    return lambda: open_executor(kind, WORKERS)  # type: ignore[arg-type]


@pytest.fixture(params=["processes", "ray"])
def isolated(request: pytest.FixtureRequest) -> Open:
    """Open an executor whose tasks run in processes of their own, one that can be lost."""
    if request.param == "ray":
        request.getfixturevalue("ray_executor")
    return lambda **options: open_executor(request.param, WORKERS, **options)
