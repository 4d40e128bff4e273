"""A real service process on 127.0.0.1, and clients of it; each test has a campaign of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from objectives.studies import read_data
from optimizer.client import Client, Retry
from optimizer.client.shapes import Observation

ROOT = Path(__file__).parents[3]
TEXT = read_data("ncm811-lpscl.toml")
RECIPE = {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3}
QUICK = Retry(attempts=40, first_s=0.05, longest_s=0.5)
ONCE = Retry(attempts=1)
NOWHERE = "http://127.0.0.1:9/api/v1"  # port 9, "discard": nobody listens there
_numbers = count(1)


def observed(am: float, value: float = 190.0, name: str = "") -> Observation:
    return {"recipe": {**RECIPE, "am_wt": am}, "outcomes": {"discharge_capacity": value}, "name": name}


@dataclass
class Server:
    """A service that can be killed and started again at the same address."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    key: str = ""
    work: str = "answers"
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def flag(self) -> Path:
        return self.folder / "die"

    def begin(self) -> None:
        where = [str(self.folder / "lab.db"), str(self.port), str(self.flag), self.work]
        command = [sys.executable, "-m", "tests.optimizer.client.serving", *where]
        limits = {"GLITTERCAKE_BURST": "100000", **self.settings}
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **limits}
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=ROOT)

    def start(self) -> None:
        self.begin()
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"gck_\S+", line):
                self.key = found[0]
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/api/v1", line):
                self.port = int(found[1])
                return
        raise AssertionError(f"the service did not start: {self.process.wait()}, {self.log.read_text(encoding='utf-8')[-2000:]}")

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()  # its workers end with it
        self.process.wait(60)
        self.kill()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @contextmanager
    def started_again_when_it_dies(self) -> Iterator[None]:
        def again() -> None:
            assert self.process is not None
            self.process.wait()
            self.kill()
            self.start()

        thread = threading.Thread(target=again)
        thread.start()
        yield
        thread.join()


@contextmanager
def serving(folder: Path, work: str = "answers", **settings: str) -> Iterator[Server]:
    server = Server(folder, settings, work=work)
    server.start()
    try:
        with Client(server.url, server.key, retry=QUICK) as client:
            client.ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, server.key, retry=QUICK) as found:
        yield found


@pytest.fixture
def campaign(client: Client) -> str:
    return client.create_campaign(toml=TEXT, name=f"campaign {next(_numbers)}")["name"]
