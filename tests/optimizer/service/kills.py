"""Kill -9 a service and its workers under load, and the driver of a campaign: is anything acknowledged lost or doubled?

python -m tests.optimizer.service.kills [kills] [seed] [models]

A tenth of the kills are the driver's. With `models` the workers do the product's own work instead of proposing without a model.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from optimizer.client import Client
from tests.optimizer.client.conftest import TEXT, serving
from tests.optimizer.runs import kills as driver_kills
from tests.optimizer.service.under_fire import PATIENT, Acknowledged, Killer, check_store, load

WRITERS = 4
ROUND = 20  # kills of a campaign, before it is looked at and another one begun: its observations are read again at each ask


def service_kills(kills: int, folder: Path, seed: int, work: str = "never_twice") -> None:
    """Kill a service so often, in rounds; print what was acknowledged and found."""
    cells = corrections = failed = 0
    with serving(folder, work=work, GLITTERCAKE_WARM="false", GLITTERCAKE_REQUESTS_A_MINUTE="100000") as server:
        killer = Killer(server, random.Random(seed))
        while (done := sum(killer.kills.values())) < kills:
            seen, campaign = Acknowledged(), f"campaign-{done}"
            with Client(server.url, server.key, retry=PATIENT) as client:
                client.create_campaign(toml=TEXT, name=campaign)
            with load(server, campaign, WRITERS, seen):
                while sum(killer.kills.values()) < min(done + ROUND, kills):
                    killer.strike(seen.count)
            check_store(folder / "lab.db", campaign, seen)
            killer.check()
            cells, corrections, failed = cells + len(seen.told), corrections + len(seen.corrected), failed + seen.failed_jobs
            said = ", ".join(f"{n} {what}" for what, n in killer.kills.items())
            print(f"kills: {said}; {cells} cells told, {corrections} corrected; {killer.start}", flush=True)
    print(
        f"{sum(killer.kills.values())} kills of a service: 0 lost, 0 doubled, no recipe given twice, integrity ok; {failed} failed jobs asked again"
    )


def main(kills: int, seed: int, work: str) -> None:
    """Run both parts."""
    with tempfile.TemporaryDirectory(dir=".") as folder:  # not /tmp, which may be memory
        drivers = kills // 10
        driver_kills.main(drivers, Path(folder), seed)
        service_kills(kills - drivers, Path(folder), seed, work)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 1000, int(given[1]) if given[1:] else 0, given[2] if given[2:] else "never_twice")
