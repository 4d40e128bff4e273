"""Ask a database of vulnerabilities about every package of this environment, and say so where it cannot be reached. Not a test.

python -m tests.audit

Ends with 1 where a package has a known vulnerability. `pip-audit` itself ends with 0 also where it could look nothing up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

LONGEST_S = 180.0  # a database that answers is through all packages in half a minute


def verdict(report: dict[str, Any]) -> tuple[str, bool]:
    """Return what a report of pip-audit says in words, and whether it is free of known vulnerabilities."""
    packages = report["dependencies"]
    known = [one for one in packages if "vulns" in one]
    bad = [f"{one['name']} {one['version']}: {', '.join(flaw['id'] for flaw in one['vulns'])}" for one in known if one["vulns"]]
    if bad:
        return "known vulnerabilities in " + "; ".join(bad), False
    if not known:
        return (
            f"NOT audited: the database knows none of {len(packages)} packages, so it cannot be the public one; run this where that one answers",
            True,
        )
    return f"no known vulnerability in {len(known)} of {len(packages)} packages; the others the database does not know", True


def main() -> int:
    """Run pip-audit and print what it found; return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        print(f"NOT audited: no answer of the database within {LONGEST_S:.0f} s")
        return 0
    try:
        said, clean = verdict(json.loads(done.stdout))
    except (ValueError, LookupError, TypeError):
        print(f"NOT audited: the database cannot be reached ({(done.stderr.strip().splitlines() or ['no answer'])[-1]})")
        return 0
    print(said)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
