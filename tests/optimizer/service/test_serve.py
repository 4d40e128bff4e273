"""The command `serve`: the first key, keys, the check, a server that starts, answers and ends with its workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from optimizer.cli import app


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["serve", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_check_says_what_would_be_served_and_changes_nothing(tmp_path: Path) -> None:
    store = tmp_path / "lab.db"
    code, said, _ = run("--check", "--store", str(store), "--port", "0")
    assert (code, "will be made" in said, store.exists()) == (0, True, False)
    assert run("key", "create", "ann", "--scope", "read", "--store", str(store))[0] == 0
    code, said, _ = run("--check", "--store", str(store), "--port", "0")
    assert (code, "opens" in said) == (0, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "keys must travel under TLS"),
        (("--tls-key", "missing.pem"), "must be given together"),
        (("--store", "nowhere/at/all.db"), "the folder of the store must exist"),
        (("--store", "mysql://host/db"), "the address of a database must be"),
        (("--config", "missing.toml"), "must be a readable TOML file"),
    ],
)
def test_check_refuses_what_cannot_be_served(options: tuple[str, ...], said: str) -> None:
    code, _, error = run("--check", "--port", "0", *options)
    assert (code, said in error) == (1, True), error


def test_check_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, error = run("--check", "--store", str(tmp_path / "lab.db"), "--port", str(taken.getsockname()[1]))
    assert (code, "cannot be listened on" in error) == (1, True)


def test_check_refuses_a_certificate_that_is_none(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    files = ("--tls-certificate", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    code, _, error = run("--check", "--port", "0", "--store", str(tmp_path / "lab.db"), *files)
    assert (code, "must be a certificate and its key" in error) == (1, True)


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "lab.db"))
    code, key, said = run("key", "create", "press-robot", "--scope", "read", "--scope", "write", "--days", "30", *store)
    assert (code, key.startswith("gck_"), "shown this once" in said) == (0, True, True)
    listed = run("key", "list", *store)[1]
    assert "press-robot  (read, write)" in listed
    assert key.strip().split("_", 2)[2] not in listed
    key_id = key.split("_")[1]
    assert run("key", "revoke", key_id, *store)[0] == 0
    assert f"{key_id}  revoked" in run("key", "list", *store)[1]
    assert run("key", "create", "x", "--scope", "all", *store)[0] == 1
    assert run("key", "revoke", "000000000000", *store)[0] == 1


def test_server_starts_answers_and_ends_with_its_workers(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from optimizer.cli import main; main()", "serve", "--store", str(tmp_path / "lab.db"), "--port", "0"]
    environment = {**os.environ, "GLITTERCAKE_WARM": "false", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            first, url = server.stdout.readline(), server.stdout.readline()
            key = re.search(r"gck_\S+", first)
            address = re.search(r"http://127\.0\.0\.1:\d+/api/v1", url)
            assert key, first
            assert address, url
            head = {"Authorization": f"Bearer {key[0]}"}
            assert httpx2.get(f"{address[0]}/campaigns", headers=head, timeout=30.0).json() == {"items": [], "next": None}
            assert httpx2.get(f"{address[0]}/campaigns", timeout=30.0).status_code == 401
            assert "server" not in httpx2.get(f"{address[0]}/health", timeout=30.0).headers
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=60)
        finally:
            server.kill()
    assert "Traceback" not in errors
    assert server.returncode in (0, -signal.SIGTERM)
