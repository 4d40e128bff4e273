"""Observations of a store, on both databases: what was told comes back, corrections stand beside what they correct, nothing is rewritten."""

import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from objectives.cell import STATUSES, Measured
from optimizer.database import writing
from optimizer.store import By, Observation, RecordError, Report, Store, ToldError, UnknownError
from optimizer.store.tables import APPEND_ONLY
from tests.optimizer.store.conftest import TEXT, Lab, measured, recipe

FULL = Observation(
    recipe(84.96, 2.31),
    {"discharge_capacity": Measured(196.5, 1.5), "porosity": Measured(0.118), "ionic_conductivity": Measured(0.12)},
    name="A1",
    date="2026-03-25",
    planned=recipe(85.0),
    recipe_sd={"am_wt": 0.01},
    conditions={"temperature_c": 30.0, "c_rate": 0.1, "pressure_mpa": 500.0, "loading_mg_cm2": 30.6},
    lots={"se": "SE-7", "coated powder": "M3"},
    masses_mg={"coated_powder_mg": 447.4, "free_se_mg": 41.0, "vgcf_mg": 11.6},
    own={"glovebox": "2, left", "Bemerkung": "µ-Riss"},
    source="cycler 3",
)


def test_observation_comes_back_as_it_was_told(lab: Lab) -> None:
    (told,) = lab.tell(Report(FULL))
    kept = lab.store.observations.get(lab.name, told.number)
    assert (repr(kept.observation), kept.told, kept.by, kept.corrected_by, kept.at) == (repr(FULL), told, "ann", None, lab.clock.now)
    assert repr(Observation.from_json(json.loads(json.dumps(FULL.as_json())))) == repr(pickle.loads(pickle.dumps(FULL))) == repr(FULL)


NAMES = st.text(min_size=1, max_size=30)
NUMBERS = st.floats(min_value=0.5, max_value=90.0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outcomes=st.dictionaries(
        st.sampled_from(["discharge_capacity", "areal_capacity", "thickness"]), st.tuples(NUMBERS, NUMBERS | st.none()), min_size=1
    ),
    am=st.floats(min_value=1.0, max_value=97.0),
    sd=st.dictionaries(st.sampled_from(["am_wt", "vgcf_wt"]), NUMBERS),
    own=st.dictionaries(NAMES, NAMES, max_size=3),
    words=st.tuples(NAMES, NAMES),
    status=st.sampled_from(STATUSES),
)
def test_every_number_and_text_survives_or_is_refused_at_once(
    lab: Lab, outcomes: dict[str, Any], am: float, sd: dict[str, float], own: dict[str, str], words: tuple[str, str], status: Any
) -> None:
    values = {name: Measured(value, math.nan if error is None else error) for name, (value, error) in outcomes.items()}
    try:
        observation = Observation(recipe(am), values, status, words[0], words[1], recipe_sd=sd, own=own, conditions={"c_rate": am})
    except RecordError:
        return
    (told,) = lab.tell(Report(observation))
    assert repr(lab.store.observations.get(lab.name, told.number).observation) == repr(observation)


def test_replicates_are_numbered_and_a_cell_tested_again_is_none(lab: Lab) -> None:
    first = lab.tell(Report(measured(80.0)), Report(measured(80.0, 191.0)), Report(measured(81.0)))
    again = lab.tell(Report(measured(80.0, name="A7")), Report(measured(80.0, 170.0, name="A7", conditions={"c_rate": 0.5})))
    dated = lab.tell(Report(measured(80.0, name="A7", date="2026-03-26")))
    assert [one.replicate for one in (*first, *again, *dated)] == [1, 2, 1, 3, 3, 4]
    assert [one.cell for one in (*first, *again, *dated)] == [1, 2, 3, 4, 4, 5]


def test_correction_stands_for_what_it_corrects_and_keeps_it(lab: Lab) -> None:
    lab.tell(Report(measured(80.0, 1.0, name="A1")), Report(measured(81.0, 2.0)))
    second = lab.store.observations.correct(By("bob"), lab.name, 1, measured(80.0, 190.0, name="A1"))
    third = lab.store.observations.correct(By("bob"), lab.name, 3, measured(80.0, 195.0, name="A1"))
    assert (second.corrects, second.cell, third.corrects, third.replicate) == (1, 1, 3, 1)
    assert [row.outcomes["discharge_capacity"].value for row in lab.store.snapshot(lab.name).rows] == [195.0, 2.0]
    kept = lab.store.observations.page(lab.name)
    assert [(one.told.number, one.corrected_by) for one in kept] == [(1, 3), (2, None), (3, 4), (4, None)]
    assert kept[0].observation.outcomes["discharge_capacity"].value == 1.0
    with pytest.raises(ToldError, match="observation 1 has been corrected by 3 already; correct that one"):
        lab.store.observations.correct(By("bob"), lab.name, 1, measured(80.0))
    with pytest.raises(UnknownError, match="no observation 9"):
        lab.store.observations.correct(By("bob"), lab.name, 9, measured(80.0))


def test_correction_may_move_an_observation_to_another_recipe(lab: Lab) -> None:
    lab.tell(Report(measured(80.0)))
    told = lab.store.observations.correct(By("ann"), lab.name, 1, measured(81.0))
    assert (told.cell, told.replicate) == (2, 1)
    assert [one.recipe["am_wt"] for one in lab.store.snapshot(lab.name).observations] == [81.0]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_records_cannot_be_rewritten(lab: Lab, table: str, change: str) -> None:
    lab.tell(Report(FULL))
    column = {"lab_keys": "at", "lab_audit": "at"}.get(table, "campaign_id")
    with lab.store.engine.connect() as connection, pytest.raises(DBAPIError, match=f"{table} is append-only"), writing(connection):
        connection.execute(text(change.format(table, column, column)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"am_wt": 80.0}}, "reports[0].recipe must be a recipe of the campaign"),
        ({"recipe": recipe(99.0)}, "reports[0].recipe must be a recipe of the campaign: am_wt + vgcf_wt must be at most 100"),
        (
            {"outcomes": {"porosity": Measured(12.0)}},
            "reports[0].outcomes.porosity must be at least 0 and at most 0.9, got 12.0; correct the value or its",
        ),
        ({"outcomes": {"capacity": Measured(1.0)}}, "reports[0].outcomes.capacity must be an outcome of the campaign: porosity, "),
        ({"outcomes": {"volumetric_energy_density": Measured(1.0)}}, "reports[0].outcomes.volumetric_energy_density must be an outcome of"),
        ({"conditions": {"temperature_c": 333.0}}, "reports[0].conditions.temperature_c must be at least -100 and at most 200, got 333.0"),
        ({"masses_mg": {"salt": 1.0}}, "reports[0].masses_mg must be some of"),
        ({"own": {"AM (wt%)": "80"}}, "reports[0].own must have no name that a table takes for another column"),
    ],
)
def test_what_no_campaign_has_is_refused(lab: Lab, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as refused:
        lab.tell(Report(Observation(**{"recipe": recipe(80.0), "outcomes": {"discharge_capacity": Measured(190.0)}, **change})))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcomes": {}}, "outcomes must have an outcome, or the status a failure"),
        ({"outcomes": {"porosity": Measured(math.nan)}}, "outcomes.porosity must be a finite number, got nan"),
        ({"outcomes": {"porosity": Measured(math.inf)}}, "outcomes.porosity must be a finite number"),
        ({"outcomes": {"porosity": Measured(True)}}, "outcomes.porosity must be a finite number"),
        ({"outcomes": {"porosity": Measured(0.1, 0.0)}}, "outcomes.porosity.sd must be above 0, as a standard error"),
        ({"status": "broken"}, "status must be one of ok, failed_process, failed_cell, short, invalid"),
        ({"name": "=HYPERLINK(1)"}, "name must not be a formula"),
        ({"cause": "a\0b"}, "cause must have no control characters"),
        ({"name": " A1"}, "name must have no control characters and no outer blanks"),
        ({"name": "\ud800"}, "name must have no control characters"),
        ({"name": "x" * 201}, "name must have at most 200 letters"),
        ({"date": "25.3.2026"}, "date must be a day of the calendar as YYYY-MM-DD"),
        ({"date": "2026-02-30"}, "date must be a day of the calendar"),
        ({"conditions": {"humidity": 3.0}}, "conditions must be some of temperature_c, c_rate"),
        ({"masses_mg": {"vgcf_mg": -1.0}}, "masses_mg.vgcf_mg must be at least 0"),
        ({"lots": {"se": 7}}, "lots.se must be a text"),
        ({"own": {"": "x"}}, "a name in own must not be empty"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_is_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as refused:
        Observation(**{"recipe": recipe(80.0), "outcomes": {"discharge_capacity": Measured(190.0)}, **change})
    assert str(refused.value).startswith(message)
    assert str(refused.value).count("; ") == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"outcomes": {}}, "recipe must be given"),
        ({"recipe": []}, "recipe must be an object of names and values"),
        ({"recipe": {}, "salt": 1}, "salt must be one of"),
        ({"recipe": {}, "outcomes": {"porosity": {"value": 0.1, "unit": "%"}}}, 'outcomes.porosity must have "value" and perhaps "sd"'),
        ({"recipe": {}, "outcomes": {"porosity": "12 %"}}, "outcomes.porosity must be a finite number"),
    ],
)
def test_plain_data_that_is_no_observation_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as refused:
        Observation.from_json(data)
    assert str(refused.value).startswith(message)


def test_number_alone_is_an_outcome_without_error() -> None:
    found = Observation.from_json({"recipe": recipe(80.0), "outcomes": {"porosity": 0.1}})
    assert repr(found.outcomes) == repr({"porosity": Measured(0.1)})


def test_snapshot_has_what_another_process_told_corrected_and_revised(lab: Lab, place: str) -> None:
    def values() -> list[float]:
        return sorted(one.outcomes["discharge_capacity"].value for one in lab.store.snapshot(lab.name).observations)

    lab.tell(Report(measured(70.0, 181.0)))
    before = lab.store.snapshot(lab.name)
    assert values() == [181.0]
    with Store(place) as other:  # its writes are none that this store sees pass
        (told,) = other.observations.tell(By("bob"), lab.name, [Report(measured(71.0, 182.0))])
        assert values() == [181.0, 182.0]
        other.observations.correct(By("bob"), lab.name, told.number, measured(71.0, 183.0))
        assert values() == [181.0, 183.0]
        after = lab.store.snapshot(lab.name)
        assert after.data_hash != before.data_hash
        other.campaigns.revise(By("bob"), lab.name, TEXT.replace("upper = 92", "upper = 90"))
        assert (lab.store.snapshot(lab.name).revision, values()) == (2, [181.0, 183.0])
        assert lab.store.snapshot(lab.name).data_hash != after.data_hash
