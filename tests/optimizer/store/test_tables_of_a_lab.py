"""A lab's table through a store, on both databases: read as `suggest` reads it, kept whole or not at all, given back equal."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from objectives.studies import read_data
from optimizer.campaign import parse_campaign
from optimizer.lab_table import LabTableError
from optimizer.lab_table.template import template_csv
from optimizer.own_table import read_cells
from optimizer.space.campaign import parse_space_campaign
from optimizer.space.suggestion import suggest_in_space
from optimizer.space.table import read_trials
from optimizer.store import By, RecordError, Report, Snapshot, Store
from optimizer.suggestion import suggest
from tests.optimizer.store.conftest import SPACE_TEXT, TEXT, Clock, Lab, measured

WEIGHED = """\
name;date;AM (wt%);coating;SE size (um);VGCF (wt%);coating AM (mg);coating SE (mg);coated powder (mg);free SE (mg);VGCF (mg);SE lot;°C;C-rate;\
pellet mass (mg);diameter (mm);thickness (um);ionic resistance (ohm);capacity (mAh/g);capacity sd;mean voltage (V);status;cause;glovebox
A1;2026-03-25;85;95:5;1,5;2,3;4750,2;250,1;447,4;41,0;11,6;SE-7;60;C/20;31,2;10;132;25;195,5;1,5;3,71;ok;;2, left
A1;2026-03-25;85;95:5;1,5;2,3;4750,2;250,1;447,4;41,0;11,6;SE-7;60;0,5C;31,2;10;132;25;160,5;;3,65;ok;;2, left
;;80;none;0,7;0;;;;;;;;;;;;;;;;failed process;crumbled, twice;
A3;;75;90:10;3;1;;;;;;;;;;;;;188;;;ok;;µ
"""
GRAPHITE = """\
name,graphite_wt,carbon_wt,binder_wt,binder,solids_wt,loading_mg_cm2,density_g_cm3,areal_capacity,rate_retention,adhesion,adhesion sd,status,operator
G1,95,1,4,PVDF,50,8,1.5,2.7,61,12,1,ok,Ann
G2,,0,3.3,CMC-SBR,52,9,1.4,3.1,55,11,,ok,
G3,92,2,6,PAA,48,10,1.6,,,,,failed cell,
G4,94,1.5,4.5,PAA,50,7,1.3,2.2,70,15,,ok,
G5,93.3,1.2,5.5,PVDF,55,6.5,1.2,2.1,71,14,,ok,
"""


def test_imported_cells_are_those_of_the_table(lab: Lab) -> None:
    content = WEIGHED.encode()
    added = lab.store.observations.import_table(By("ann"), lab.name, content, "cells.csv")
    assert [(one.number, one.cell, one.replicate) for one in added.told] == [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 3, 1)]
    assert added.notes == ("columns separated by semicolon", "decimal comma")
    campaign, cells = lab.store.snapshot(lab.name).electrode
    assert repr(cells) == repr(read_cells(content, campaign))
    first = lab.store.observations.get(lab.name, 1)
    assert first.observation.masses_mg == {
        "coating_am_mg": 4750.2,
        "coating_se_mg": 250.1,
        "coated_powder_mg": 447.4,
        "free_se_mg": 41.0,
        "vgcf_mg": 11.6,
    }
    assert (first.observation.lots, first.observation.source, first.observation.planned) == (
        {"se": "SE-7"},
        "cells.csv",
        {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3},
    )


def in_order(snapshot: Snapshot) -> list[object]:
    """Return rows with their outcomes by name: a table has its columns in one order, whatever each row was derived from."""
    return [replace(row, outcomes=dict(sorted(row.outcomes.items()))) for row in snapshot.rows]


@pytest.mark.parametrize("table", [WEIGHED, template_csv()])
def test_exported_table_reads_back_equal(lab: Lab, table: str) -> None:
    lab.store.observations.import_table(By("ann"), lab.name, table.encode(), "cells.csv")
    exported = lab.store.observations.export_csv(lab.name)
    lab.store.campaigns.create(By("ann"), TEXT, f"{lab.name} back")
    lab.store.observations.import_table(By("ann"), f"{lab.name} back", exported.encode(), "back.csv")
    before, after = lab.store.snapshot(lab.name), lab.store.snapshot(f"{lab.name} back")
    assert repr(in_order(after)) == repr(in_order(before))
    assert [one.masses_mg for one in after.observations] == [one.masses_mg for one in before.observations]
    assert lab.store.observations.export_csv(f"{lab.name} back") == exported


def test_table_with_a_bad_cell_leaves_nothing(lab: Lab) -> None:
    before = lab.store.campaigns.get(lab.name)
    with pytest.raises(LabTableError, match='row 5, column "C-rate"'):
        lab.store.observations.import_table(
            By("ann"), lab.name, WEIGHED.replace("A3;;75;90:10;3;1;;;;;;;;", "A3;;75;90:10;3;1;;;;;;;;fast").encode(), "x"
        )
    with pytest.raises(RecordError, match="name must have at most 200 letters"):
        lab.store.observations.import_table(By("ann"), lab.name, WEIGHED.replace("A3", "A" * 201).encode(), "x")
    assert lab.store.campaigns.get(lab.name) == before
    assert lab.store.observations.page(lab.name) == []


def test_table_that_has_grown_adds_its_new_rows(lab: Lab) -> None:
    lab.store.observations.import_table(By("ann"), lab.name, WEIGHED.encode(), "cells.csv")
    lab.store.observations.correct(By("ann"), lab.name, 4, measured(75.5, name="A3"))
    added = lab.store.observations.import_table(By("ann"), lab.name, (WEIGHED + "A4;;75;90:10;3;1;;;;;;;;;;;;;189;;;ok;;\n").encode(), "cells.csv")
    assert ([one.number for one in added.told], added.already) == ([6], 4)


def test_import_sent_again_has_one_effect(lab: Lab) -> None:
    by = By("ann", f"{lab.name} import")
    first = lab.store.observations.import_table(by, lab.name, WEIGHED.encode(), "cells.csv")
    assert lab.store.observations.import_table(by, lab.name, WEIGHED.encode(), "cells.csv") == first
    assert len(lab.store.observations.page(lab.name)) == 4


def test_import_of_a_campaign_without_physics_goes_there_and_back(lab: Lab) -> None:
    name = f"{lab.name} graphite"
    lab.store.campaigns.create(By("ann"), SPACE_TEXT, name)
    lab.store.observations.import_table(By("ann"), name, GRAPHITE.encode(), "g.csv")
    campaign, trials = lab.store.snapshot(name).space
    assert repr(trials) == repr(read_trials(GRAPHITE.encode(), campaign).require_clean())
    exported = lab.store.observations.export_csv(name)
    assert repr(read_trials(exported.encode(), campaign).require_clean()) == repr(trials)


def test_suggestions_without_physics_are_those_of_the_table(lab: Lab) -> None:
    name = f"{lab.name} graphite"
    lab.store.campaigns.create(By("ann"), SPACE_TEXT, name)
    lab.store.observations.import_table(By("ann"), name, GRAPHITE.encode(), "g.csv")
    campaign, trials = lab.store.snapshot(name).space
    read = read_trials(GRAPHITE.encode(), parse_space_campaign(SPACE_TEXT, "file")).require_clean()
    assert (
        suggest_in_space(campaign, 1, trials=trials, strategy="sobol").as_json()
        == suggest_in_space(campaign, 1, trials=read, strategy="sobol").as_json()
    )


def test_suggestions_from_the_store_are_those_from_the_same_table(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.store.observations.import_table(By("ann"), lab.name, WEIGHED.encode(), "cells.csv")
    lab.ask("ann", 2)
    snapshot = lab.store.snapshot(lab.name)
    campaign, cells = snapshot.electrode
    file = parse_campaign(read_data("ncm811-lpscl.toml"), "file")
    pending = np.array([[70.0, 5.0, 1.5, 2.3], [70.1, 5.0, 1.5, 2.3]])
    from_file = suggest(file, 2, seed=3, cells=read_cells(WEIGHED.encode(), file), pending=pending, strategy="bayesian")
    from_store = suggest(campaign, 2, seed=3, cells=cells, pending=snapshot.pending, strategy="bayesian")
    assert from_store.as_json() == from_file.as_json()


def test_data_hash_is_of_settings_and_standing_data_alone(lab: Lab) -> None:
    def now() -> str:
        return lab.store.snapshot(lab.name).data_hash

    empty = now()
    lab.ask()
    assert now() == empty  # pending recipes change no model
    lab.tell(Report(measured(80.0)))
    one = now()
    lab.store.observations.correct(By("ann"), lab.name, 1, measured(80.0, 170.0))
    corrected = now()
    lab.store.observations.correct(By("ann"), lab.name, 2, measured(80.0))
    assert (len({empty, one, corrected}), now()) == (3, one)
    lab.store.campaigns.revise(By("ann"), lab.name, TEXT.replace("lower = 70", "lower = 71"))
    assert now() != one


def test_large_table_is_one_transaction(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> None:
    rows = "".join(f"c{i},{70 + i % 40 / 2},5,1.5,{i % 30 / 10},{150 + i % 50}\n" for i in range(3000))
    content = ("name,am_wt,coating_se_wt,se_particle_um,vgcf_wt,discharge_capacity\n" + rows).encode()
    with Store(tmp_path_factory.mktemp("large") / "lab.db", create=True, clock=clock) as store:
        store.campaigns.create(By("ann"), TEXT, "large")
        added = store.observations.import_table(By("ann"), "large", content, "large.csv")
        assert (len(added.told), store.campaigns.get("large").version) == (3000, 2)
        assert repr(store.snapshot("large").electrode[1]) == repr(read_cells(content, store.snapshot("large").electrode[0]))
        assert store.observations.page("large", after=2998)[-1].told.replicate == added.told[-1].replicate


def test_snapshot_goes_to_another_process_and_back(lab: Lab) -> None:
    lab.store.observations.import_table(By("ann"), lab.name, WEIGHED.encode(), "cells.csv")
    lab.ask()
    snapshot = lab.store.snapshot(lab.name)
    there = pickle.loads(pickle.dumps(snapshot))
    assert (repr(there.rows), there.data_hash, there.pending.tolist()) == (repr(snapshot.rows), snapshot.data_hash, [[70.0, 5.0, 1.5, 2.3]])
    with pytest.raises(TypeError, match="has physics; take its `electrode`"):
        _ = there.space
