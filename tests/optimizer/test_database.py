"""Databases: the same promises on SQLite and on a real PostgreSQL, and one clear sentence for what cannot be opened."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import JSON, Column, Engine, Integer, MetaData, Table, func, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import IntegrityError

from optimizer import database
from optimizer.database import DatabaseError, connect, locate, open_engine, prepare, reading, shown, writing

metadata = MetaData()
things = Table("things", metadata, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False), Column("more", JSON))


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "things.db") if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    opened = open_engine(address, connections=4)
    with connect(opened) as connection:
        prepare(connection, metadata, "things", 3)
    yield opened
    opened.dispose()


def test_row_comes_back_with_its_number(engine: Engine) -> None:
    kept = {"text": "µ \0", "numbers": [5e-324, 0.1, -1.7976931348623157e308], "order": {"b": 1, "a": 2}}
    with connect(engine) as connection, writing(connection):
        keys = [connection.execute(insert(things), {"value": i, "more": kept}).inserted_primary_key for i in range(2)]
    with connect(engine) as connection, reading(connection):
        rows = connection.execute(select(things).order_by(things.c.id)).all()
    assert [row.id for row in rows] == [key[0] for key in keys if key is not None]
    assert rows[0].more == kept
    assert list(rows[0].more["order"]) == ["b", "a"]


def test_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with connect(engine) as connection:
        with pytest.raises(IntegrityError), writing(connection):
            connection.execute(insert(things), [{"id": 1, "value": 1}, {"id": 1, "value": 1}])
        with reading(connection):
            assert connection.execute(select(func.count()).select_from(things)).scalar_one() == 0


def test_reader_sees_one_moment_and_keeps_no_writer_out(engine: Engine) -> None:
    query = select(func.count()).select_from(things)
    with connect(engine) as one, connect(engine) as other:
        with reading(one):
            assert one.execute(query).scalar_one() == 0
            with writing(other):
                other.execute(insert(things), {"value": 1})
            assert one.execute(query).scalar_one() == 0
        with reading(one):
            assert one.execute(query).scalar_one() == 1


def test_what_is_read_for_update_is_changed_by_one_at_a_time(engine: Engine) -> None:
    with connect(engine) as connection, writing(connection):
        connection.execute(insert(things), {"id": 1, "value": 0})

    def count_up() -> None:
        with connect(engine) as connection:
            for _ in range(25):
                with writing(connection):
                    value = connection.execute(select(things.c.value).where(things.c.id == 1).with_for_update()).scalar_one()
                    connection.execute(update(things).where(things.c.id == 1).values(value=value + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connect(engine) as connection, reading(connection):
        assert connection.execute(select(things.c.value)).scalar_one() == 100


def made_by_many(address: str) -> list[Exception]:
    """Make the same tables from six threads that start together; return what failed."""
    failures = list[Exception]()
    ready = threading.Barrier(6)

    def make() -> None:
        engine = open_engine(address)
        ready.wait()
        try:
            with connect(engine) as connection:
                prepare(connection, metadata, "things", 3)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(ready.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_tables_are_made_once_by_many_at_once(address: str) -> None:
    assert made_by_many(address) == []
    with connect(open_engine(address)) as connection:
        assert set(inspect(connection).get_table_names()) - {"glittercake_stores"} == {"things"}


def test_no_new_file_is_found_locked_by_those_who_open_it_together(tmp_path: Path) -> None:
    # SQLite refuses all but one of those who switch a file to the log at the same moment: about one file in ten, were it not tried again
    assert [failure for i in range(40) for failure in made_by_many(str(tmp_path / f"{i}.db"))] == []


def test_tables_of_another_version_are_refused(engine: Engine) -> None:
    with connect(engine) as connection, pytest.raises(DatabaseError, match="must be a store of things of version 4, got version 3; name another"):
        prepare(connection, metadata, "things", 4)


def test_tables_of_somebody_else_are_refused(address: str) -> None:
    with connect(open_engine(address)) as connection:
        with writing(connection):
            connection.execute(text("CREATE TABLE things (a INTEGER)"))
        with pytest.raises(DatabaseError, match="must be a store of things of version 3, got version 0"):
            prepare(connection, metadata, "things", 3)


def test_database_without_the_right_to_make_tables_is_a_sentence(postgres_url: str) -> None:
    with connect(open_engine(postgres_url)) as connection, writing(connection):
        connection.execute(text("CREATE ROLE guest LOGIN PASSWORD 'geheim'"))
    try:
        guest = make_url(postgres_url).set(username="guest", password="geheim").render_as_string(hide_password=False)
        with (
            connect(open_engine(guest)) as connection,
            pytest.raises(DatabaseError, match=r"store of things \(permission denied .*\); it takes the right"),
        ):
            prepare(connection, metadata, "things", 3)
    finally:
        with connect(open_engine(postgres_url)) as connection, writing(connection):
            connection.execute(text("DROP ROLE guest"))


def test_two_kinds_of_store_share_a_postgres_database_but_no_file(engine: Engine) -> None:
    others = MetaData()
    Table("others", others, Column("id", Integer, primary_key=True))
    with connect(engine) as connection:
        if engine.dialect.name == "sqlite":
            with pytest.raises(DatabaseError, match="must be a store of others of version 3, got version 3"):
                prepare(connection, others, "others", 3)
        else:
            prepare(connection, others, "others", 1)
            prepare(connection, metadata, "things", 3)


def test_sqlite_is_durable_and_patient(tmp_path: Path) -> None:
    with connect(open_engine(tmp_path / "a.db")) as connection, reading(connection):
        found = [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")]
    assert found == ["wal", 2, 1, 30_000]  # 2 is FULL


def test_postgres_is_durable_and_patient(postgres_url: str) -> None:
    names = ("synchronous_commit", "lock_timeout", "statement_timeout", "tcp_keepalives_idle", "transaction_isolation", "application_name")
    with connect(open_engine(postgres_url)) as connection, writing(connection):
        found = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert found[:-1] == ["on", "30s", "2min", "30", "read committed"]
    assert found[-1].startswith("process ")


def test_options_of_the_url_win(postgres_url: str) -> None:
    with connect(open_engine(f"{postgres_url}?application_name=mine&options=-c%20lock_timeout%3D1s")) as connection, reading(connection):
        assert [connection.execute(text(f"SHOW {name}")).scalar_one() for name in ("application_name", "lock_timeout")] == ["mine", "1s"]


def test_wrong_password_is_a_sentence_without_it(postgres_url: str) -> None:
    wrong = make_url(postgres_url).set(password="geheim-77").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match=r"cannot be opened \(.*password authentication failed.*\); check host, port, user, password") as caught:
        connect(open_engine(wrong))
    assert "geheim" not in str(caught.value)


def test_server_that_does_not_answer_is_a_sentence() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(DatabaseError, match=r"^postgresql://me:\*\*\*@127.0.0.1:1/runs cannot be opened \(.*refused") as caught:
        connect(open_engine("postgresql://me:geheim@127.0.0.1:1/runs"))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", ["postgresql://me:geheim@a:b/runs", "postgresql://me:ge@heim@a:12:13/x", "://geheim"])
def test_address_that_cannot_be_read_is_not_repeated(address: str) -> None:
    with pytest.raises(DatabaseError, match=r"must be a URL such as postgresql://user:password@host:5432/name") as caught:
        locate(address)
    assert "geheim" not in str(caught.value)
    assert "heim@" not in str(caught.value)


@pytest.mark.parametrize("address", ["mysql://me:geheim@a/runs", "postgresql+asyncpg://me:geheim@a/x", "sqlite://", "sqlite:///:memory:"])
def test_database_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(DatabaseError, match=r"must be a file, sqlite:///file or postgresql://\.\.\., got") as caught:
        locate(address)
    assert "geheim" not in str(caught.value)


def test_missing_driver_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "find_spec", lambda name: None)
    with pytest.raises(DatabaseError, match=r'needs the package psycopg, .* pip install "glittercake\[postgres\]"'):
        open_engine("postgresql://a/b")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setattr(database, "find_spec", lambda name: object())
    with pytest.raises(DatabaseError, match="needs the library libpq"):
        open_engine("postgresql://a/b")


def test_address_is_shown_without_passwords() -> None:
    assert shown(locate("postgres://me:geheim@host:5433/runs?sslpassword=geheim&sslmode=require")) == (
        "postgresql://me:***@host:5433/runs?sslmode=require&sslpassword=hidden"
    )
    assert shown(locate("sqlite:///folder/a.db")) == shown(locate("folder/a.db")) == "folder/a.db"
