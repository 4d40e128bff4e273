"""The tables of a store: what the migrations make is what the code says, every released version opens, a newer one is refused."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from objectives.cell import STATUSES, Measured
from optimizer.database import writing
from optimizer.store import By, Observation, Report, Store, StoreError
from optimizer.store.migrate import MIGRATIONS, REVISIONS, VERSION_TABLE
from optimizer.store.tables import APPEND_ONLY, TRIAL_STATES, metadata
from optimizer.store.tables import STATUSES as TABLE_STATUSES
from tests.optimizer.store.conftest import TEXT, Clock, Lab, measured

FIXTURES = Path(__file__).parent / "fixtures"
TRIGGERS = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal",
}


def test_migrations_make_the_tables_that_the_code_has(shared_store: Store) -> None:
    with shared_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "include_name": _ours})
        assert compare_metadata(context, metadata) == []
        triggers = set(connection.execute(text(TRIGGERS[connection.dialect.name])).scalars())
        assert triggers == set(APPEND_ONLY)
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all() == [REVISIONS[-1]]


def _ours(name: str | None, kind: str, parent: object) -> bool:
    return kind != "table" or str(name).startswith("lab_")


def test_list_of_revisions_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert tuple(one.revision for one in reversed(list(script.walk_revisions()))) == REVISIONS


def test_words_of_the_tables_are_those_of_the_code() -> None:
    from typing import get_args

    from optimizer.store.records import TrialState

    assert (STATUSES, get_args(TrialState)) == (TABLE_STATUSES, TRIAL_STATES)


def test_every_revision_has_its_fixture() -> None:
    assert {path.stem for path in FIXTURES.glob("*.sql")} == {f"v{revision}" for revision in REVISIONS}


@pytest.mark.parametrize("fixture", sorted(FIXTURES.glob("*.sql")), ids=lambda path: path.stem)
def test_store_of_a_released_version_opens_and_goes_on(fixture: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(fixture.read_text(encoding="utf-8"))
    connection.close()
    clock = Clock()
    with Store(path, clock=clock) as store:
        assert [(info.name, info.revision, info.archived) for info in store.campaigns.page()] == [("clone", 1, False), ("released", 2, False)]
        assert [(trial.state, trial.attempt) for trial in store.trials.page("released")] == [
            ("completed", 1),
            ("failed", 1),
            ("abandoned", 1),
            ("running", 2),
            ("running", 1),
        ]
        snapshot = store.snapshot("released")
        values = [(one.status, one.recipe["am_wt"], [m.value for m in one.outcomes.values()]) for one in snapshot.observations]
        assert values == [("ok", 70.0, [191.5]), ("failed_process", 70.1, []), ("ok", 85.0, [196.0, 0.12])]
        assert (snapshot.observations[2].lots, snapshot.observations[2].masses_mg) == ({"se": "SE-7"}, {"vgcf_mg": 11.6})
        assert len(store.audit("released")) == 17
        key = By("ann", "tell 1")
        assert store.observations.tell(key, "released", [Report(measured(70.0, 190.0), 1)])[0].number == 1  # answered by the old version
        assert Lab(store, "released", clock).tell(Report(measured(70.0)))[0].replicate == 2
        with store.engine.connect() as connection2:
            assert connection2.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]


def test_newer_store_is_refused(shared_store: Store, place: str) -> None:
    def set_version(version: str) -> None:
        with shared_store.engine.connect() as connection, writing(connection):
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))

    set_version("9999")
    try:
        with pytest.raises(StoreError, match=r"must be of version \d+ or older, got 9999; open it with the newer glittercake that made it"):
            Store(place)
    finally:
        set_version(REVISIONS[-1])


def test_file_that_is_no_store_stays_as_it_was(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE bookmarks (a)")
    connection.close()
    with pytest.raises(StoreError, match="must be a store of campaigns or a new file, got a database with the table 'bookmarks'"):
        Store(other, create=True)
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"not a database, but long enough to have a header" * 10)
    with pytest.raises(ValueError, match=r"cannot be opened \(file is not a database\); name another file"):
        Store(noise, create=True)
    with pytest.raises(StoreError, match=r"there is no store .*none\.db; create it first"):
        Store(tmp_path / "none.db")
    with sqlite3.connect(other) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    connection.close()
    assert not (tmp_path / "none.db").exists()


def test_empty_database_becomes_a_store_on_request_only(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="there is no store in postgresql"):
        Store(postgres_url)


def test_many_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    program = "import sys; from optimizer.store import Store; Store(sys.argv[1], create=True).close()"
    started = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "lab.db")], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.wait(120), process.communicate()[1]) for process in started] == [(0, b"")] * 4
    Store(tmp_path / "lab.db").close()


def test_store_loads_neither_torch_nor_alembic_when_opened(tmp_path: Path) -> None:
    Store(tmp_path / "lab.db", create=True).close()
    program = (
        "import sys; from optimizer.store import Store; Store(sys.argv[1]).campaigns.page(); "
        "print([m for m in ('torch', 'botorch', 'alembic', 'ray') if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program, str(tmp_path / "lab.db")], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def make_fixture(path: Path) -> str:
    """Return a store of this version as SQL, for a new file in fixtures: python -c "...; print(make_fixture(Path('new.db')))"."""
    clock = Clock()
    with Store(path, create=True, clock=clock) as store:
        store.campaigns.create(By("ann", "create"), TEXT, "released")
        lab = Lab(store, "released", clock)
        lab.ask("ann", 3)
        lab.tell(Report(measured(70.0, 190.0), 1), key="tell 1")
        store.observations.correct(By("bob", "correct"), "released", 1, measured(70.0, 191.5))
        lab.tell(Report(failed(70.1), 2))
        store.trials.abandon(By("ann", "abandon"), "released", 3, "out of powder")
        lab.ask("ann")
        clock.move(3600.0)
        lab.ask("bob", 2)
        lab.tell(Report(weighed()))
        store.campaigns.revise(By("ann", "revise"), "released", TEXT.replace("lower = 70", "lower = 72"), reason="too little AM")
        store.campaigns.clone(By("ann", "clone"), "released", "clone")
    with sqlite3.connect(path) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def failed(am: float) -> Observation:
    return Observation(measured(am).recipe, {}, status="failed_process", cause="pellet crumbled")


def weighed() -> Observation:
    outcomes = {"discharge_capacity": Measured(196.0, 1.5), "ionic_conductivity": Measured(0.12)}
    return Observation(measured(85.0).recipe, outcomes, name="A1", lots={"se": "SE-7"}, masses_mg={"vgcf_mg": 11.6}, conditions={"c_rate": 0.1})
