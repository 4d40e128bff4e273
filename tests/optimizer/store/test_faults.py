"""What goes wrong around a store: each is one clear error, and nothing acknowledged is lost. The same key then has its one effect."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from optimizer.store import By, Report, Store, UnavailableError
from tests.optimizer.store.conftest import HOUR, TEXT, Lab, measured
from tests.postgres import NOBODY, programs, server

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def every_connection(store: Store, pragma: str) -> Iterator[None]:
    """Set a pragma of SQLite on every connection of a store while inside."""

    def set_pragma(raw: Any, _: object) -> None:
        raw.execute(f"PRAGMA {pragma}")

    event.listen(store.engine, "connect", set_pragma)
    store.engine.dispose()
    try:
        yield
    finally:
        event.remove(store.engine, "connect", set_pragma)
        store.engine.dispose()


def integrity(store: Store) -> list[str]:
    with store.engine.connect() as connection:
        return [str(line) for line in connection.execute(text("PRAGMA integrity_check")).scalars()]


def test_full_disk_is_a_clear_error_and_loses_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.tell(Report(measured(80.0)))
    with lab.store.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    reports = [Report(measured(80.0, name="x" * 150 + f"{i}", own={"notes": "y" * 5000})) for i in range(40)]
    with every_connection(lab.store, f"max_page_count = {pages + 4}"):
        for _ in range(3):
            with pytest.raises(UnavailableError, match=r"its disk is full or fails \(database or disk is full\), nothing was lost; free some space"):
                lab.tell(*reports, key="full")
        assert len(lab.store.observations.page(lab.name)) == 1
    assert len(lab.tell(*reports, key="full")) == 40
    assert len(lab.tell(*reports, key="full")) == 40
    assert (len(lab.store.observations.page(lab.name, limit=None)), integrity(lab.store)) == (41, ["ok"])


def fill_up(path: Path) -> None:
    """Write until a file may not grow any more, then look whether all that was acknowledged is there; prints what happened."""
    with Store(path) as store:
        limit = path.stat().st_size + 400_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        acknowledged = 0
        try:
            while True:
                store.observations.tell(By("ann", f"{acknowledged}"), "campaign", [Report(measured(80.0, own={"notes": "y" * 5000}))])
                acknowledged += 1
        except UnavailableError as error:
            print(error)
        assert len(store.observations.page("campaign", limit=None)) == acknowledged > 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.observations.tell(By("ann", f"{acknowledged}"), "campaign", [Report(measured(80.0, own={"notes": "y" * 5000}))])
        assert len(store.observations.page("campaign", limit=None)) == acknowledged + 1
        assert integrity(store) == ["ok"]


def read_only(path: Path) -> None:
    """Try to write a file as somebody who may not; prints what happened."""
    with Store(path) as store:
        store.observations.tell(By("ann", "warm"), "campaign", [Report(measured(80.0))])  # loads all there is to load
        store.close()
        if os.geteuid() == 0:
            os.setgroups([])
            os.setuid(65534)  # nobody's
        try:
            store.observations.tell(By("ann", "cold"), "campaign", [Report(measured(80.0))])
        except UnavailableError as error:
            print(error)


def in_a_process(function: Callable[[Path], None], path: Path) -> str:
    program = f"from pathlib import Path; from tests.optimizer.store.test_faults import {function.__name__} as f; f(Path({str(path)!r}))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_file_that_cannot_grow_is_a_clear_error_and_loses_nothing(sqlite_lab: Lab, tmp_path: Path) -> None:
    sqlite_lab.store.close()
    said = in_a_process(fill_up, tmp_path / "lab.db")
    assert "cannot be written, its disk is full or fails" in said
    assert said.rstrip().endswith("free some space, then send it again with the same key, which never counts twice")


def test_read_only_store_is_a_clear_error() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        with Store(folder / "lab.db", create=True) as store:
            store.campaigns.create(By("ann"), TEXT, "campaign")
        folder.chmod(0o755)
        (folder / "lab.db").chmod(0o644 if os.geteuid() == 0 else 0o444)
        said = in_a_process(read_only, folder / "lab.db")
        assert "may not be written" in said
        assert "nothing was; allow writing of the file and its folder" in said
        (folder / "lab.db").chmod(0o644)
        with Store(folder / "lab.db") as store:
            assert len(store.observations.page("campaign")) == 1


def test_store_that_is_gone_is_a_clear_error(sqlite_lab: Lab, tmp_path: Path) -> None:
    sqlite_lab.store.close()
    shutil.rmtree(tmp_path)
    with pytest.raises(UnavailableError, match=r"lab\.db"):
        sqlite_lab.tell(Report(measured(80.0)))


def test_store_locked_by_another_process_is_a_clear_error_and_can_be_read(sqlite_lab: Lab, tmp_path: Path) -> None:
    lab = sqlite_lab
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(tmp_path / "lab.db")]
    with (
        every_connection(lab.store, "busy_timeout = 100"),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(UnavailableError, match=r"is locked by another process \(database is locked\), nothing was written; end that process"):
            lab.tell(Report(measured(80.0)), key="locked")
        assert lab.store.observations.page(lab.name) == []
        other.communicate()
        assert lab.tell(Report(measured(80.0)), key="locked")[0].number == 1
    assert len(lab.store.observations.page(lab.name)) == 1


def test_clock_that_goes_back_orders_nothing_and_lengthens_no_lease(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.ask("ann")
    lab.tell(Report(measured(80.0, 1.0)))
    start = lab.clock.now
    lab.clock.move(-30 * 24 * HOUR)
    assert lab.store.trials.get(lab.name, 1).state == "running"
    assert lab.store.trials.sweep(By("timer")) == {}  # seen, and granted anew from now
    lab.store.observations.correct(By("ann"), lab.name, 1, measured(80.0, 2.0))
    lab.tell(Report(measured(81.0, 3.0)))
    lab.clock.move(HOUR - 1.0)
    assert lab.store.trials.get(lab.name, 1).holder == "ann"
    lab.clock.move(1.0)
    assert lab.store.trials.get(lab.name, 1).state == "proposed"
    values = [one.outcomes["discharge_capacity"].value for one in lab.store.snapshot(lab.name).observations]
    entries = lab.store.audit(lab.name)
    assert (values, [one.seq for one in entries]) == ([2.0, 3.0], list(range(1, len(entries) + 1)))
    assert entries[-1].at < entries[0].at == start
    assert {"clock": "went back"}.items() <= dict(entries[3].after or {}).items()


def test_clock_that_jumps_ahead_loses_no_result(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.ask("ann")
    lab.clock.now += timedelta(days=4000)
    (told,) = lab.tell(Report(measured(70.0), 1))
    assert (told.late, lab.store.trials.get(lab.name, 1).state) == (True, "completed")


@contextmanager
def restartable() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Yield the URL of a database, and what has `pg_ctl` stop or restart its server, as a crash does."""
    with server() as address:
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE restarted")
            row = connection.execute("SHOW data_directory").fetchone()
        folder = programs()
        assert row is not None
        assert folder is not None
        data = str(row[0])

        def control(what: str) -> None:
            person: dict[str, Any] = {"user": NOBODY, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
            how = {"stop": ["-m", "immediate"], "restart": ["-m", "immediate", "-l", f"{data}/log"]}[what]
            subprocess.run(
                [folder / "pg_ctl", what, "-D", data, "-w", *how],
                check=what != "stop",
                cwd=data,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **person,
            )

        try:
            yield f"{address}/restarted", control
        finally:
            control("stop")


def test_postgresql_restarted_under_load_loses_and_doubles_nothing() -> None:
    with restartable() as (url, control), Store(url, create=True) as store:
        store.campaigns.create(By("ann"), TEXT, "campaign")
        errors: list[str] = []
        acknowledged: list[str] = []
        end = threading.Event()

        def write(writer: int) -> None:
            count = 0
            while not end.is_set():
                key = f"{writer}.{count}"
                try:
                    store.observations.tell(By(f"{writer}", key), "campaign", [Report(measured(80.0, name=key))])
                except UnavailableError as error:
                    errors.append(str(error))
                    time.sleep(0.02)  # and the same again
                else:
                    acknowledged.append(key)
                    count += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(acknowledged)
            while len(acknowledged) < before + 30:
                time.sleep(0.01)
            control("restart")
        before = len(acknowledged)
        while len(acknowledged) < before + 30:
            time.sleep(0.01)
        end.set()
        for thread in threads:
            thread.join()
        names = [one.observation.name for one in store.observations.page("campaign", limit=None)]
        assert sorted(names) == sorted(acknowledged)
        assert all("send it again with the same key" in error for error in errors)


def test_postgresql_that_is_down_is_a_clear_error() -> None:
    with restartable() as (url, control), Store(url, create=True) as store:
        store.campaigns.create(By("ann"), TEXT, "campaign")
        control("stop")
        for refused in (lambda: store.campaigns.page(), lambda: store.campaigns.archive(By("ann", "k"), "campaign")):
            with pytest.raises(UnavailableError, match=r"the store postgresql://tester:\*\*\*@127\.0\.0\.1:\d+/restarted does not answer"):
                refused()
        control("restart")
        assert store.campaigns.archive(By("ann", "k"), "campaign").archived
