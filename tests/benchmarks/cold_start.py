"""Measure whole commands from outside: seconds and peak memory, medians of several runs in new processes. Not a test.

python tests/benchmarks/cold_start.py [runs]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RECIPE = ("--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3")
COMMANDS = (("--help",), ("check", *RECIPE), ("predict", *RECIPE), ("suggest",))


def run(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return seconds and peak memory in MB of one command."""
    program = str(Path(sys.executable).parent / "glittercake")
    start = time.perf_counter()
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"glittercake {' '.join(arguments)} failed with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024.0


def main(runs: int) -> None:
    """Run the measurement and print it."""
    for arguments in COMMANDS:
        run(arguments)  # once to warm the disk's cache
        found = [run(arguments) for _ in range(runs)]
        seconds, megabytes = statistics.median(s for s, _ in found), max(m for _, m in found)
        print(f"glittercake {arguments[0]}: median {seconds:.2f} s of {runs} runs, peak {megabytes:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
