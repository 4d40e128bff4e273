"""A real PostgreSQL for tests: on loopback, in a folder of its own, ended whatever happens. Skips where its programs are missing.

`postgres_server` and `postgres_url` are fixtures (see tests/conftest.py); benchmarks use `server` and `database`.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

USER = "tester"
PATIENCE_S = 60.0  # until a server that does not answer counts as failed
NOBODY = "nobody"  # PostgreSQL refuses to run as root
_numbers = count()


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: that of the path, else Debian's newest; None where there are none."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    path = Path(found).resolve() if found else installed[-1] if installed else None
    return path.parent if path and (path.parent / "postgres").exists() else None


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Run a server and yield its URL, password included, without a database's name.

    Args:
        durable: Let commits wait for the disk, as a server does unless told otherwise; only figures need it, since no test cuts the power.
    """
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's programs initdb and postgres are neither on the path nor in /usr/lib/postgresql; apt-get install postgresql")
    pytest.importorskip("psycopg", reason="the package psycopg is not installed")
    password = secrets.token_hex(16)
    person: dict[str, Any] = {"user": NOBODY, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        data, secret, log = (Path(name) / part for part in ("data", "secret", "log"))
        secret.write_text(password, encoding="ascii")
        secret.chmod(0o644)  # inside a folder of mode 700
        if person:
            shutil.chown(name, NOBODY, "nogroup")
        made = [
            str(folder / "initdb"),
            "-D",
            str(data),
            "-U",
            USER,
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=name, **person)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "on" if durable else "off"}
        command = [str(folder / "postgres"), "-D", str(data), *(f"--{setting}={value}" for setting, value in settings.items())]
        with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said, cwd=name, preexec_fn=_end_with_parent, **person) as process:
            try:
                url = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
                _wait(url, process, log)
                yield url
            finally:
                process.send_signal(signal.SIGINT)  # ends its sessions, then itself
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()


@contextmanager
def database(address: str) -> Iterator[str]:
    """Make an empty database on a server and yield its URL; dropped at the end, whoever is still connected."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{address}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a server that serves all tests of a session."""
    with server() as address:
        yield address


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Yield the URL of an empty database."""
    with database(postgres_server) as url:
        yield url


def _end_with_parent() -> None:
    """Ask Linux to interrupt this process when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # 1: PR_SET_PDEATHSIG


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(f"{url}/postgres").close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(encoding='utf-8')}") from None
            time.sleep(0.05)
        else:
            return
