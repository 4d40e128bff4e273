"""Campaigns of a store, on both databases: revisions keep what was, and every write has one effect under its key."""

import pytest

from optimizer.goal import CampaignError
from optimizer.store import By, ConflictError, KeyReusedError, RecordError, Report, StoreError, UnknownError
from tests.optimizer.store.conftest import SPACE_TEXT, TEXT, Lab, measured, recipe

NARROW = TEXT.replace("lower = 70\nupper = 92\nstep = 0.5", "lower = 75\nupper = 92\nstep = 1").replace("reference = 150.0", "reference = 160.0")


def test_revision_keeps_the_text_before_and_says_what_changed(lab: Lab) -> None:
    info = lab.store.campaigns.revise(By("bob"), lab.name, NARROW, expected=1, reason="too little AM")
    assert (info.revision, info.kind, info.archived) == (2, "electrode", False)
    first, second = lab.store.campaigns.revisions(lab.name)
    assert (first.text, first.changes, second.text, second.reason, second.by) == (TEXT, (), NARROW, "too little AM", "bob")
    assert {change["setting"]: (change["before"], change["after"]) for change in second.changes} == {
        "space.am_wt.lower": (70.0, 75.0),
        "space.am_wt.step": (0.5, 1.0),
        "objectives.discharge_capacity.reference": (150.0, 160.0),
    }


def test_old_data_stay_beyond_new_bounds_and_teach(lab: Lab) -> None:
    lab.tell(Report(measured(71.0)))
    lab.ask(n=1)
    lab.store.campaigns.revise(By("ann"), lab.name, NARROW)
    snapshot = lab.store.snapshot(lab.name)
    campaign, cells = snapshot.electrode
    assert (campaign.space.parameters[0].lower, cells[0].recipe.am_wt, snapshot.pending[0][0]) == (75.0, 71.0, 70.0)


def test_revision_of_what_was_not_looked_at_is_refused(lab: Lab) -> None:
    lab.store.campaigns.revise(By("ann"), lab.name, NARROW, expected=1)
    with pytest.raises(ConflictError, match="is at revision 2 by now, got 1; look at what changed"):
        lab.store.campaigns.revise(By("bob"), lab.name, TEXT, expected=1)
    with pytest.raises(StoreError, match="cannot add or remove the physics"):
        lab.store.campaigns.revise(By("bob"), lab.name, SPACE_TEXT)
    with pytest.raises(CampaignError):
        lab.store.campaigns.revise(By("bob"), lab.name, "name = 1")
    assert len(lab.store.campaigns.revisions(lab.name)) == 2


def test_revision_that_loses_a_parameter_of_old_data_is_refused(lab: Lab) -> None:
    name = f"{lab.name} of graphite"
    lab.store.campaigns.create(By("ann"), SPACE_TEXT, name)
    row = {"graphite_wt": 95.0, "carbon_wt": 1.0, "binder_wt": 4.0, "binder": "PVDF", "solids_wt": 50.0, "loading_mg_cm2": 8.0, "density_g_cm3": 1.5}
    csv = ",".join([*row, "adhesion"]) + "\n" + ",".join(map(str, [*row.values(), 12.0])) + "\n"
    lab.store.observations.import_table(By("ann"), name, csv.encode(), "a.csv")
    with pytest.raises(
        StoreError, match=r'the new revision of ".*" must fit what was made before, got one where recipe .*binder must be one of CMC-SBR, PAA'
    ):
        lab.store.campaigns.revise(By("ann"), name, SPACE_TEXT.replace('"PVDF", ', ""))
    assert lab.store.campaigns.get(name).revision == 1


def test_archived_campaign_takes_measurements_and_nothing_else(lab: Lab) -> None:
    (trial,) = lab.ask()
    assert lab.store.campaigns.archive(By("ann"), lab.name).archived
    with pytest.raises(StoreError, match="is archived, so it takes measurements but nothing new is asked of it; restore it first"):
        lab.ask("bob")
    with pytest.raises(StoreError, match="is archived"):
        lab.store.campaigns.revise(By("ann"), lab.name, NARROW)
    lab.tell(Report(measured(70.0), trial.number))
    assert not lab.store.campaigns.restore(By("ann"), lab.name).archived
    assert lab.ask("bob")[0].number == 2


def test_clone_has_settings_and_standing_data_but_no_trials(lab: Lab) -> None:
    lab.ask()
    lab.tell(Report(measured(80.0, name="A1")), Report(measured(81.0)))
    lab.store.observations.correct(By("ann"), lab.name, 1, measured(80.0, 200.0, name="A1"))
    lab.store.campaigns.revise(By("ann"), lab.name, NARROW)
    clone = lab.store.campaigns.clone(By("ann"), lab.name, f"{lab.name} again")
    assert (clone.cloned_from, clone.revision) == (lab.name, 1)
    old, new = lab.store.snapshot(lab.name), lab.store.snapshot(clone.name)
    assert (new.rows, new.text, len(new.pending)) == (old.rows, NARROW, 0)
    assert [one.source for one in new.observations] == [f"{lab.name}, observation 3", f"{lab.name}, observation 2"]


def test_request_sent_again_has_one_effect_and_one_answer(lab: Lab) -> None:
    by = By("ann", f"{lab.name} create")
    created = [lab.store.campaigns.create(by, TEXT, f"{lab.name} b") for _ in range(10)]
    revised = [lab.store.campaigns.revise(By("ann", f"{lab.name} revise"), lab.name, NARROW) for _ in range(10)]
    assert len(set(created)) == len(set(revised)) == 1
    assert len(lab.store.audit(f"{lab.name} b")) == 1
    with pytest.raises(KeyReusedError, match="has answered another request"):
        lab.store.campaigns.create(by, TEXT, f"{lab.name} c")
    lab.store.campaigns.create(By("bob", by.key), TEXT, f"{lab.name} c")  # another person's keys are another person's


def test_refused_request_leaves_nothing_and_its_key_free(lab: Lab) -> None:
    before = lab.store.campaigns.get(lab.name), lab.store.audit(lab.name)
    with pytest.raises(RecordError):
        lab.tell(Report(measured(80.0)), Report(measured(80.0, 6000.0)), key=f"{lab.name} x")
    assert (lab.store.campaigns.get(lab.name), lab.store.audit(lab.name)) == before
    assert lab.tell(Report(measured(80.0)), key=f"{lab.name} x")[0].number == 1


def test_names_are_told_apart_and_listed(lab: Lab) -> None:
    with pytest.raises(ConflictError, match=f'has a campaign "{lab.name}" already'):
        lab.store.campaigns.create(By("ann"), TEXT, lab.name)
    with pytest.raises(UnknownError, match='no campaign "none of these"'):
        lab.store.snapshot("none of these")
    for name in ("", "a/b", "x" * 101, " a", "=a"):
        with pytest.raises(StoreError):
            lab.store.campaigns.create(By("ann"), TEXT, name)
    names = [info.name for info in lab.store.campaigns.page(limit=1000)]
    assert lab.name in names
    assert [info.name for info in lab.store.campaigns.page(after=names[0], limit=1)] == names[1:2]


def test_audit_says_who_did_what_from_what_to_what(lab: Lab) -> None:
    lab.ask("bob")
    lab.tell(Report(measured(70.0), 1), who="cleo")
    lab.store.observations.correct(By("ann"), lab.name, 1, measured(70.0, 191.0))
    entries = lab.store.audit(lab.name)
    assert [(one.who, one.operation, one.thing) for one in entries] == [
        ("ann", "create", "campaign"),
        ("bob", "ask", "trial 1"),
        ("cleo", "tell", "observation 1"),
        ("cleo", "tell", "trial 1"),
        ("ann", "correct", "observation 2"),
        ("ann", "correct", "observation 1"),
    ]
    assert [one.seq for one in entries] == sorted(one.seq for one in entries)
    ended, corrected = entries[3], entries[5]
    assert (ended.before, ended.after) == ({"state": "running"}, {"state": "completed", "observation": 1})
    assert corrected.before is not None
    assert (corrected.before["observation"]["recipe"], corrected.after) == (recipe(70.0), {"corrected_by": 2})
    assert lab.store.audit(lab.name, after=entries[1].seq, limit=2) == entries[2:4]
