"""A service in a process of its own, for tests of the client: its workers answer without a model, and it can die between a write and its answer.

    python -m tests.optimizer.client.serving STORE PORT FLAG [WORK]

Settings come from the environment. Where the file FLAG exists, it is removed and the process kills itself when the next write of observations is kept
and about to be answered. WORK names what of `tests.optimizer.service.killing` its workers do; `models` leaves them the product's own work.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from optimizer.service import create_app, jobs, load_settings, server, worker
from optimizer.service.settings import Settings
from tests.optimizer.service import killing

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


def dying(app: Any, flag: Path) -> Any:
    async def served(scope: Message, receive: Any, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["method"] == "POST" and scope["path"].endswith("/observations") and flag.exists():
                flag.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await app(scope, receive, sent if scope["type"] == "http" else send)

    return served


def main(store: str, port: str, flag: str, work: str) -> None:
    def made(settings: Settings) -> Any:
        return dying(create_app(settings), Path(flag))

    settings = load_settings(store=store, port=int(port), warm=False)
    done = worker.work if work == "models" else getattr(killing, work)
    with patch.object(server, "create_app", made), patch.object(jobs, "work", done):
        server.announce(settings, print)
        server.run(settings, print)


if __name__ == "__main__":
    main(*sys.argv[1:])
