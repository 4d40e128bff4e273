"""A lab's program that keeps measurements in an outbox and sends them; it is killed by the tests. Names what was kept before it goes on.

    python -m tests.optimizer.client.replaying URL OUTBOX CAMPAIGN RUN HOW_MANY DIES_AT

DIES_AT: the n-th time that a measurement was sent and is about to be marked so, it kills itself; 0 never does.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Literal

from optimizer.client import Client, Outbox, Retry
from tests.optimizer.client.conftest import observed


class Dying(Outbox):
    """An outbox whose process dies between a sending and its mark."""

    left = 0

    def mark(self, kept_id: int, state: Literal["sent", "refused"], said: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().mark(kept_id, state, said)


def main(url: str, file: str, campaign: str, run: str, how_many: str, dies_at: str) -> None:
    outbox = Dying(Path(file))
    outbox.left = int(dies_at)
    with Client(url, os.environ["GLITTERCAKE_CLIENT_KEY"], retry=Retry(attempts=1)) as client:
        for i in range(int(how_many)):
            outbox.tell(campaign, observed(80.0 + i % 100 / 10.0, name=f"{run}-{i}"))
            print(f"{run}-{i}", flush=True)
            if i % 3 == 2:
                client.replay(outbox)
        client.replay(outbox)


if __name__ == "__main__":
    main(*sys.argv[1:])
