"""Linear algebra runs on one thread where the product computes, and on the caller's own again after it."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from optimizer.threads import one_thread

SHOWN = """
import sys
from optimizer.cli.app import main
sys.argv = ["glittercake", "check", "--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3"]
try:
    main()
finally:
    from threadpoolctl import threadpool_info
    print("threads", max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"))
"""


def threads() -> int:
    """Threads of the linear algebra that is loaded."""
    np.linalg.cholesky(np.eye(2))
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


def test_caller_has_its_threads_back() -> None:
    inside = one_thread(threads)
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        assert inside() == 1
        assert threads() == before


def test_error_gives_the_threads_back() -> None:
    @one_thread
    def fails() -> None:
        raise ValueError("as it should")

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with pytest.raises(ValueError, match="as it should"):
            fails()
        assert threads() == before


@pytest.mark.parametrize(("set_to", "expected"), [(None, 1), ("2", min(2, os.cpu_count() or 1))])
def test_command_line_takes_one_unless_told(set_to: str | None, expected: int) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    if set_to is not None:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), set_to)
    answer = subprocess.run([sys.executable, "-c", SHOWN], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert f"threads {expected}" in answer.stdout, answer.stderr
