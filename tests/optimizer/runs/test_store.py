"""The store: what is acknowledged is there, each trial counts once, and nothing is rewritten."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from objectives.simulated import Simulated
from optimizer.runs.history import COMPLETED, FAILED, Proposal, Result
from optimizer.runs.lock import DrivenError, driven, hold
from optimizer.runs.store import Run, Store, StoreError
from tests.optimizer.runs.conftest import BOTH, MakePlan
from tests.postgres import database

RECIPE = (85.0, 5.0, 1.5, 2.3)
GOOD = Result(Simulated({"discharge_capacity": 190.0, "volumetric_energy_density": 1200.0}, facts={"seconds": 1.5}), {"a": 0.5, "b": -1.0})


@BOTH
def test_result_comes_back_as_it_was_told(store: Store, make_plan: MakePlan) -> None:
    run = store.create(make_plan("sobol", 5))
    first, second = store.ask(run, 0, [Proposal(RECIPE, "test", "why not", {"point": 7}), Proposal((80.0, *RECIPE[1:]), "test")])
    assert (first.asked < second.asked, first.notes, first.state) == (True, {"point": 7}, "running")
    assert store.history(run) == [first, second]
    (told,) = store.tell(run, [(first, GOOD)])
    assert (told.state, told.objectives, told.margins, told.counts) == (COMPLETED, (190.0, 1200.0), (0.5, -1.0), False)
    assert told.ended is not None
    assert told.ended > second.asked
    with Store(store.address) as other:
        assert other.history(run) == [told, second]
        assert next(iter(other.rows(run)))["facts"] == {"seconds": 1.5}


@BOTH
def test_failure_is_kept_with_its_name(store: Store, make_plan: MakePlan) -> None:
    run = store.create(make_plan("sobol", 5))
    (trial,) = store.ask(run, 0, [Proposal(RECIPE, "test")])
    (told,) = store.tell(run, [(trial, Result(Simulated({}, status="diverged", detail="the solver left 0 to 1"), {}))])
    assert (told.state, told.counts, told.objectives) == (FAILED, False, (None, None))
    (row,) = store.rows(run)
    assert (row["status"], row["detail"]) == ("diverged", "the solver left 0 to 1")


@BOTH
def test_trial_is_counted_once(store: Store, make_plan: MakePlan) -> None:
    run = store.create(make_plan("sobol", 5))
    one, two = store.ask(run, 0, [Proposal(RECIPE, "test"), Proposal((80.0, *RECIPE[1:]), "test")])
    store.tell(run, [(one, GOOD)])
    before = store.events(run), store.history(run)
    with pytest.raises(StoreError, match="trial 0 of run 'analytic-sobol' is not running"):
        store.tell(run, [(two, GOOD), (one, GOOD)])
    with pytest.raises(StoreError, match="has a trial from 1 to 2 already, and a trial is asked once"):
        store.ask(run, 1, [Proposal(RECIPE, "test"), Proposal(RECIPE, "test")])
    with pytest.raises(StoreError, match="trial 0 of run 'analytic-sobol' has ended; an ended trial is not repeated"):
        store.repeat(run, one)
    assert (store.events(run), store.history(run)) == before  # whole transactions only
    assert store.repeat(run, two).attempt == 2


@BOTH
def test_events_cannot_be_rewritten(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 5))
    for change in ("UPDATE events SET detail = ''", "DELETE FROM events"):
        with pytest.raises(IntegrityError, match="append-only"), store._writing() as connection:
            connection.execute(text(change))


@BOTH
def test_references_are_checked(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 5))
    with pytest.raises(IntegrityError), store._writing() as connection:
        connection.execute(text("INSERT INTO events (run_id, kind, at, detail) VALUES (7, 'asked', 0.0, '')"))


@BOTH
def test_store_that_is_not_there_is_not_made_unasked(address: str) -> None:
    with pytest.raises(StoreError, match=r"there is no store .*; create a run first, or name the store with --store"):
        Store(address)
    Store(address, create=True).close()
    Store(address).close()


@BOTH
def test_run_has_one_driver(store: Store, make_plan: MakePlan) -> None:
    one, two = store.create(make_plan("sobol", 5)), store.create(make_plan("random", 5))
    with Store(store.address) as other:
        assert not driven(other.connection, one.id)
        with hold(store.connection, one.id, one.name):
            for asking in (store, other):
                assert driven(asking.connection, one.id)
                assert not driven(asking.connection, two.id)
                with (
                    pytest.raises(DrivenError, match=rf"run 'analytic-sobol' is driven by process {os.getpid()}( on \S+)? already"),
                    hold(asking.connection, one.id, one.name),
                ):
                    raise AssertionError
            with hold(other.connection, two.id, two.name):
                assert driven(store.connection, two.id)
        assert not driven(other.connection, one.id)
        with hold(other.connection, one.id, one.name):
            assert driven(store.connection, one.id)


def test_lost_connection_takes_the_lock_and_the_right_to_write_along(postgres_url: str, make_plan: MakePlan) -> None:
    with Store(postgres_url, create=True) as store, Store(postgres_url) as other:
        run = store.create(make_plan("sobol", 5))
        with hold(store.connection, run.id, run.name):
            (trial,) = store.ask(run, 0, [Proposal(RECIPE, "test")])
            with other._writing() as connection:
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                assert connection.execute(text(cut)).scalar_one()
            for said in ("cannot be used now", "the connection to .* was lost"):
                with pytest.raises(StoreError, match=f"{said}.*go on with `glittercake campaign resume`"):
                    store.tell(run, [(trial, GOOD)])
        with hold(other.connection, run.id, run.name):
            assert other.history(run) == [trial]


@BOTH
def test_runs_are_found_by_name(store: Store, make_plan: MakePlan) -> None:
    with pytest.raises(StoreError, match="has no run; create one"):
        store.run()
    plan = make_plan("tpe", 5)
    assert store.create(plan).plan == plan
    store.create(make_plan("sobol", 5))
    assert (store.run().name, store.run("analytic-tpe").plan, store.names()) == ("analytic-sobol", plan, ("analytic-tpe", "analytic-sobol"))
    with pytest.raises(StoreError, match="has a run 'analytic-tpe' already; resume it"):
        store.create(plan)
    with pytest.raises(StoreError, match="has no run 'x', only: analytic-tpe, analytic-sobol"):
        store.run("x")


def test_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store .*none\.db; create a run first"):
        Store(tmp_path / "none.db")
    noise, other, newer = tmp_path / "noise.db", tmp_path / "other.db", tmp_path / "newer.db"
    noise.write_text("not a database, but long enough to have a header" * 10)
    for path, statement in ((other, "CREATE TABLE t (a)"), (newer, "PRAGMA user_version = 99")):
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
    with pytest.raises(StoreError, match=r"cannot be opened .*not a database.*; name another file"):
        Store(noise)
    for path, version in ((other, 0), (newer, 99)):
        with pytest.raises(StoreError, match=f"must be a store of runs of version 1, got version {version}"):
            Store(path)


@BOTH
def test_store_of_another_writer_is_waited_for(store: Store, make_plan: MakePlan) -> None:
    run = store.create(make_plan("sobol", 5))
    with Store(store.address) as reader:
        rows = reader.rows(run)
        store.ask(run, 0, [Proposal(RECIPE, "test")])  # a reader in the middle of a table keeps no writer out
        assert list(rows)[0]["number"] == 0  # noqa: RUF015


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=30, deadline=None)
@given(outcomes=st.dictionaries(st.text(min_size=1), NUMBERS, max_size=4), margin=NUMBERS, status=st.sampled_from(["ok", "diverged"]))
def test_every_number_survives(session_run: tuple[Store, Run], outcomes: dict[str, float], margin: float, status: str) -> None:
    store, run = session_run
    number = len(store.history(run))
    (trial,) = store.ask(run, number, [Proposal(RECIPE, "test")])
    (told,) = store.tell(run, [(trial, Result(Simulated(outcomes, status=status), {"m": margin}))])
    row = list(store.rows(run))[-1]
    assert (row["outcomes"], row["margins"], store.history(run)[-1]) == (outcomes, {"m": margin}, told)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def session_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_plan: MakePlan) -> Iterator[tuple[Store, Run]]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            address = str(tmp_path_factory.mktemp("store") / "runs.db")
        else:
            address = stack.enter_context(database(request.getfixturevalue("postgres_server")))
        store = stack.enter_context(Store(address, create=True))
        yield store, store.create(make_plan("sobol", 5))
