"""One thread for linear algebra: matrices of a few hundred rows gain nothing from more, and lose much where cores are busy.

With the default of a thread a core, threads that wait for each other spin: beside two other processes on two cores a fit of 50 cells took
2.0 s instead of 0.34 s, and one of 200 cells 32 s instead of 2.8 s (`tests/benchmarks/fit_speed.py`). One thread also sums in one order,
whatever the machine.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with its linear algebra on one thread while it runs; the caller's setting comes back after it."""
    return cast(Callable[P, R], threadpool_limits.wrap(limits=1, user_api="blas")(function))
