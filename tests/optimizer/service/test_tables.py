"""The service's own tables: made once beside the store's, on both databases, and refused when newer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from optimizer.database import connect, writing
from optimizer.service import ServiceError, load_settings, tables
from optimizer.service.job_rows import JobRows
from optimizer.service.keys import Keys
from optimizer.service.state import open_store
from optimizer.store import By, KeyReusedError, RecordError, Store, UnknownError
from tests.postgres import database


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "lab.db")
    else:
        with database(request.getfixturevalue("postgres_server")) as url:
            yield url


def test_tables_are_made_once_and_the_store_still_opens(place: str) -> None:
    for _ in range(2):
        open_store(load_settings(store=place)).close()
    Store(place).close()


def test_newer_tables_are_refused(tmp_path: Path) -> None:
    settings = load_settings(store=str(tmp_path / "lab.db"))
    with open_store(settings) as store, connect(store.engine) as connection, writing(connection):
        connection.execute(update(tables.versions).values(version=99))
    with pytest.raises(ServiceError, match="version 1 or older, got 99"):
        open_store(settings)


def test_keys_and_jobs_are_kept_alike_on_both_databases(place: str) -> None:
    with open_store(load_settings(store=place)) as store:
        keys, rows = Keys(store.engine), JobRows(store.engine)
        assert keys.none
        info, key = keys.make("test", "ann", ["write", "read"], 60.0, "first")
        assert (info.scopes, keys.none) == (("read", "write"), False)
        assert keys.make("test", "ann", ["read", "write"], 60.0, "first") == (info, None)
        assert keys.find(key or "") == info
        assert keys.revoke("test", info.id).state(0.0) == "revoked"
        assert keys.find(key or "") is None
        with pytest.raises(UnknownError, match="no key"):
            keys.revoke("test", "nothing")
        with pytest.raises(RecordError, match="scopes must be some of"):
            keys.make("test", "ann", [])
        job, fresh = rows.add(By("ann", "k"), "check", "any", {"n": 1})
        assert (fresh, rows.add(By("ann", "k"), "check", "any", {"n": 1})) == (True, (job, False))
        with pytest.raises(KeyReusedError, match="another job"):
            rows.add(By("ann", "k"), "check", "any", {"n": 2})
        rows.begin(job.id)
        rows.end(job.id, "succeeded", result={"x": 1.5})
        rows.end(job.id, "cancelled")  # too late
        assert (rows.get(job.id).state, rows.get(job.id).result, rows.count()) == ("succeeded", {"x": 1.5}, {"succeeded": 1})
