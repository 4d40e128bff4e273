"""Trials of a store, on both databases: nobody is given what somebody has, and a lease that runs out is seen by the clock alone."""

import json
from typing import Any

import pytest

from optimizer.store import By, ConflictError, Observation, Proposal, RecordError, Report, StoreError, ToldError, UnknownError
from tests.optimizer.store.conftest import HOUR, TEXT, Lab, measured, recipe


def test_two_callers_never_have_the_same_recipe(lab: Lab) -> None:
    ann, bob = lab.ask("ann", 3), lab.ask("bob", 3)
    assert len({trial.recipe["am_wt"] for trial in (*ann, *bob)}) == 6
    assert [trial.number for trial in (*ann, *bob)] == [1, 2, 3, 4, 5, 6]
    assert {trial.holder for trial in bob} == {"bob"}


def test_caller_gets_its_open_recipe_back_with_the_lease_renewed(lab: Lab) -> None:
    (first,) = lab.ask()
    lab.clock.move(0.5 * HOUR)
    (again,) = lab.ask()
    assert (again.number, again.recipe, again.attempt, lab.asked) == (first.number, first.recipe, 1, 1)
    assert (again.expires_at, first.expires_at) == (lab.clock.now + (first.expires_at - first.proposed_at), first.expires_at)  # type: ignore[operator]
    assert [trial.number for trial in lab.ask(n=3)] == [1, 2, 3]
    assert [trial.number for trial in lab.ask(n=2)] == [1, 2]  # the third stays its own


def test_ask_sent_again_answers_the_same_without_a_strategy(lab: Lab) -> None:
    by = By("ann", f"{lab.name} ask")
    first = lab.store.trials.ask(by, lab.name, 2, lab.propose)
    lab.tell(Report(measured(70.0), 1))
    assert lab.store.trials.ask(by, lab.name, 2, lab.propose) == first
    assert lab.asked == 1


def test_expired_lease_is_seen_by_every_reader_at_once(lab: Lab) -> None:
    lab.ask()
    lab.clock.move(HOUR)
    (seen,) = lab.store.trials.page(lab.name)
    assert (seen.state, seen.holder, seen.attempt) == ("proposed", None, 1)
    assert lab.store.trials.page(lab.name, ["proposed"]) == [seen] == [lab.store.trials.get(lab.name, 1)]
    assert lab.store.trials.page(lab.name, ["running"]) == []
    assert len(lab.store.snapshot(lab.name).pending) == 1  # nobody proposes it anew
    assert lab.store.trials.sweep(By("timer"))[lab.name] == [1]
    assert lab.name not in lab.store.trials.sweep(By("timer"))
    assert lab.store.audit(lab.name)[-1].after == {"state": "proposed", "lease": "expired", "holder": "ann"}


def test_expired_recipe_goes_to_the_next_who_asks(lab: Lab) -> None:
    (first,) = lab.ask("ann")
    lab.clock.move(HOUR)
    (taken,) = lab.ask("bob")
    assert (taken.number, taken.recipe, taken.attempt, taken.holder, lab.asked) == (1, first.recipe, 2, "bob", 1)


def test_page_as_text_is_the_page(lab: Lab) -> None:
    lab.ask("ann", 2)
    lab.store.trials.ask(By('bob "é"', f"{lab.name} other"), lab.name, 2, lab.propose, lease_s=1800.0)
    lab.tell(Report(measured(70.0), 1))
    lab.store.trials.abandon(By("ann", f"{lab.name} no"), lab.name, 2, "spilt")

    def check(count: int, *how: Any, **more: Any) -> None:
        found = lab.store.trials.page_json(lab.name, *how, **more)
        wanted = lab.store.trials.page(lab.name, *how, **more)
        assert [(number, json.loads(text)) for number, text in found] == [(trial.number, trial.as_json()) for trial in wanted]
        assert len(found) == count

    check(4)
    check(2, ["running"])
    check(1, after=3)
    check(2, limit=2)
    lab.clock.move(HOUR)
    check(4)
    check(2, ["proposed"])
    check(0, ["running"])


def test_late_result_is_accepted_once_and_flagged(lab: Lab) -> None:
    lab.ask("ann")
    lab.clock.move(HOUR)
    lab.ask("bob")
    (late,) = lab.tell(Report(measured(70.0, 188.0), 1), who="ann")
    assert (late.late, late.attempt, lab.store.trials.get(lab.name, 1).state) == (True, 1, "running")  # bob is at it
    with pytest.raises(ToldError, match="attempt 1 at trial 1 has its result, observation 1; correct that"):
        lab.tell(Report(measured(70.0, 187.0), 1), who="ann")
    (told,) = lab.tell(Report(measured(70.0, 190.0), 1), who="bob")
    assert (told.late, told.attempt, lab.store.trials.get(lab.name, 1).state) == (False, 2, "completed")
    assert (late.replicate, told.replicate) == (1, 2)
    assert len(lab.store.snapshot(lab.name).rows) == 2


def test_late_result_ends_a_trial_that_nobody_holds(lab: Lab) -> None:
    lab.ask("ann")
    lab.clock.move(2 * HOUR)
    (late,) = lab.tell(Report(measured(70.0), 1))
    assert (late.late, lab.store.trials.get(lab.name, 1).state) == (True, "completed")
    assert lab.ask("bob")[0].number == 2


def test_result_of_an_abandoned_trial_is_kept(lab: Lab) -> None:
    (trial,) = lab.ask()
    assert lab.store.trials.abandon(By("bob"), lab.name, trial.number, "out of powder").state == "abandoned"
    (late,) = lab.tell(Report(measured(70.0), 1))
    assert (late.late, lab.store.trials.get(lab.name, 1).state) == (True, "abandoned")
    with pytest.raises(StoreError, match="trial 1 is abandoned, and only an open trial can be abandoned"):
        lab.store.trials.abandon(By("bob"), lab.name, 1)


def test_abandoned_recipe_may_be_given_again(lab: Lab) -> None:
    lab.ask()
    lab.store.trials.abandon(By("ann"), lab.name, 1)
    (again,) = lab.ask()
    assert (again.number, again.recipe) == (2, recipe(70.0))


def test_lease_is_renewed_by_its_holder_only(lab: Lab) -> None:
    lab.ask("ann")
    with pytest.raises(ConflictError, match="trial 1 is running and not held by bob"):
        lab.store.trials.renew(By("bob"), lab.name, 1)
    lab.clock.move(0.9 * HOUR)
    lab.store.trials.renew(By("ann"), lab.name, 1, lease_s=HOUR)
    lab.clock.move(0.9 * HOUR)
    assert lab.store.trials.get(lab.name, 1).holder == "ann"
    lab.clock.move(0.2 * HOUR)
    with pytest.raises(ConflictError, match="trial 1 is proposed and not held by ann"):
        lab.store.trials.renew(By("ann"), lab.name, 1)


def test_recipe_that_was_given_is_passed_over(lab: Lab) -> None:
    taken = [Proposal(recipe(70.0)), Proposal(recipe(70.0 + 1e-12)), Proposal(recipe(71.0))]
    given = lab.store.trials.reserve(By("ann"), lab.name, 2, taken, 1)
    assert [trial.recipe["am_wt"] for trial in given] == [70.0, 71.0]
    lab.tell(Report(measured(70.0), 1))
    with pytest.raises(ConflictError, match="2 new recipes are needed, and only 0 of the 3 proposed are not given already"):
        lab.store.trials.reserve(By("bob"), lab.name, 2, taken, 1)
    (replicate,) = lab.store.trials.reserve(By("bob"), lab.name, 1, [Proposal(recipe(70.0), replicate=2)], 1)
    assert (replicate.number, replicate.replicate) == (3, 2)


def test_proposals_from_an_old_revision_are_made_anew(lab: Lab) -> None:
    lab.store.campaigns.revise(By("ann"), lab.name, TEXT.replace("lower = 70", "lower = 72"))
    with pytest.raises(ConflictError, match="was revised from 1 to 2 in between"):
        lab.store.trials.reserve(By("ann"), lab.name, 1, lab.propose(lab.store.snapshot(lab.name), 1), 1)


def test_ask_that_is_overtaken_proposes_again(lab: Lab) -> None:
    def overtaken(snapshot: object, n: int) -> list[Proposal]:
        calls.append(n)
        if len(calls) == 1:  # another process is quicker
            lab.store.trials.reserve(By("bob"), lab.name, 1, [Proposal(recipe(70.0))], 1)
        return [Proposal(recipe(70.0 + len(calls) - 1))]

    calls: list[int] = []
    (trial,) = lab.store.trials.ask(By("ann"), lab.name, 1, overtaken)
    assert (trial.recipe, calls) == (recipe(71.0), [1, 1])


def test_holder_may_be_another_than_who_asks(lab: Lab) -> None:
    one, two = lab.ask("lab", holder="press 1"), lab.ask("lab", holder="press 2")
    assert ([one[0].holder, two[0].holder], [one[0].number, two[0].number]) == (["press 1", "press 2"], [1, 2])
    (told,) = lab.tell(Report(measured(70.0), 1), who="lab")
    assert (told.attempt, told.late) == (1, False)


def test_failed_trial_is_told_apart_and_judged_again_after_a_correction(lab: Lab) -> None:
    lab.ask()
    (told,) = lab.tell(Report(Observation(recipe(70.0), {}, status="failed_process", cause="pellet crumbled"), 1))
    assert lab.store.trials.get(lab.name, 1).state == "failed"
    lab.store.observations.correct(By("ann"), lab.name, told.number, measured(70.0))
    assert lab.store.trials.get(lab.name, 1).state == "completed"


def test_trial_takes_several_observations_in_one_telling(lab: Lab) -> None:
    lab.ask()
    slow, fast = measured(70.0, name="A1"), measured(70.0, 150.0, name="A1", conditions={"c_rate": 0.5})
    told = lab.tell(Report(slow, 1), Report(fast, 1), Report(measured(70.0, 189.0, name="A2"), 1))
    assert [(one.cell, one.replicate, one.trial) for one in told] == [(1, 1, 1), (1, 1, 1), (2, 2, 1)]


def test_trial_failed_only_if_all_of_it_did(lab: Lab) -> None:
    lab.ask(n=2)
    dead = Observation(recipe(70.0), {}, status="failed_cell")
    lab.tell(Report(dead, 1), Report(measured(70.0), 1))
    lab.tell(Report(dead, 2), Report(dead, 2))
    assert [trial.state for trial in lab.store.trials.page(lab.name)] == ["completed", "failed"]


def test_weighed_recipe_counts_as_the_trials(lab: Lab) -> None:
    lab.ask()
    (told,) = lab.tell(Report(measured(70.04), 1))
    kept = lab.store.observations.get(lab.name, told.number).observation
    assert (kept.recipe["am_wt"], kept.planned, told.replicate) == (70.04, recipe(70.0), 1)
    assert lab.tell(Report(measured(70.0)))[0].replicate == 2


def test_nonsense_is_refused(lab: Lab) -> None:
    lab.ask()
    for n in (0, 1001):
        with pytest.raises(RecordError, match="n must be a whole number from 1 to 1000"):
            lab.store.trials.reserve(By("ann"), lab.name, n, [], 1)
    with pytest.raises(RecordError, match="lease_s must be from 1 to"):
        lab.store.trials.reserve(By("ann"), lab.name, 1, [], 1, lease_s=0.0)
    with pytest.raises(RecordError, match="recipe must be a recipe of the campaign"):
        lab.store.trials.reserve(By("bob"), lab.name, 1, [Proposal({"am_wt": 80.0})], 1)
    with pytest.raises(UnknownError, match="no trial 9"):
        lab.tell(Report(measured(70.0), 9))
    with pytest.raises(UnknownError, match="trial 1 has had 1 attempts, got 2"):
        lab.tell(Report(measured(70.0), 1, 2))
    with pytest.raises(RecordError, match="attempt must stand beside a trial"):
        lab.tell(Report(measured(70.0), attempt=1))
    for note in ({"mean": float("nan")}, {"model": object()}, {"text": "x" * 100_001}):
        with pytest.raises(RecordError, match="note must"):
            Proposal(recipe(70.0), note)
    for who in ("", "a\nb\0", " ann"):
        with pytest.raises(RecordError, match="who must"):
            By(who)
