"""Make the functions of these tests importable in worker processes, which unpickle them by module name."""

import sys
from pathlib import Path

# Both spawned processes and Ray's workers take over the parent's path. Last, so that an installed package comes first.
sys.path.append(str(Path(__file__).parents[2]))
