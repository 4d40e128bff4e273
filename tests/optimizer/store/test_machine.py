"""Any order of writes, sent again or not, against a plain model in memory, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from objectives.cell import FAILURES
from optimizer.store import By, Observation, Proposal, Report, Snapshot, Store, StoreError
from tests.optimizer.store.conftest import HOUR, TEXT, Clock, measured, recipe

PEOPLE = st.sampled_from(["ann", "bob", "cleo"])
STATUSES = st.sampled_from(["ok", "ok", "failed_cell", "invalid"])


@dataclass
class ModelTrial:
    """What a trial must be: its leases are (holder, end, told), the last one open while it runs."""

    am: float
    state: str
    leases: list[list[Any]]


@dataclass
class ModelObservation:
    """What an observation must be."""

    am: float
    value: float
    status: str
    trial: int | None
    late: bool
    root: int
    stands: bool = True


class Model(RuleBasedStateMachine):
    """A campaign in memory, beside one in a store: lists, and no rule that the store's own documents do not state."""

    store: Store
    clock: Clock
    campaigns = 0
    told = Bundle("told")

    @initialize()
    def begin(self) -> None:
        Model.campaigns += 1
        self.name = f"{id(self.store)} machine {Model.campaigns}"
        self.store.campaigns.create(By("ann"), TEXT, self.name)
        self.trials: list[ModelTrial] = []
        self.observations: list[ModelObservation] = []
        self.replicates: dict[float, int] = {}
        self.last: Any = None

    def expire(self) -> None:
        for trial in self.trials:
            if trial.state == "running" and trial.leases[-1][1] <= self.clock.now.timestamp():
                trial.state = "proposed"

    def twice(self, write: Any, who: str) -> Any:
        """Send a request twice under one key: one effect, one answer."""
        by = By(who)
        first = write(by)
        assert write(by) == first
        self.last = (write, by, first)
        return first

    @rule(who=PEOPLE, n=st.integers(1, 3))
    def ask(self, who: str, n: int) -> None:
        def propose(snapshot: Snapshot, missing: int) -> list[Proposal]:
            return [Proposal(recipe(70.0 + 0.1 * (len(self.trials) + i))) for i in range(missing)]

        self.expire()
        given = self.twice(lambda by: self.store.trials.ask(by, self.name, n, propose, lease_s=HOUR), who)
        end = self.clock.now.timestamp() + HOUR
        expected = [i for i, trial in enumerate(self.trials) if trial.state == "running" and trial.leases[-1][0] == who][:n]
        for i in expected:
            self.trials[i].leases[-1][1] = end
        freed = [i for i, trial in enumerate(self.trials) if trial.state == "proposed"][: n - len(expected)]
        for i in freed:
            self.trials[i].state = "running"
            self.trials[i].leases.append([who, end, False])
        expected += freed
        while len(expected) < n:
            self.trials.append(ModelTrial(70.0 + 0.1 * len(self.trials), "running", [[who, end, False]]))
            expected.append(len(self.trials) - 1)
        assert [(trial.number - 1, trial.holder, trial.attempt) for trial in given] == [(i, who, len(self.trials[i].leases)) for i in expected]

    @rule(hours=st.sampled_from([0.5, 1.0]))
    def wait(self, hours: float) -> None:
        self.clock.move(hours * HOUR)

    @rule(who=PEOPLE, pick=st.integers(0, 5), back=st.sampled_from([0, 0, 1]), status=STATUSES, value=st.floats(1.0, 250.0), target=told)
    def tell(self, who: str, pick: int, back: int, status: Any, value: float) -> int | None:
        """Tell a result of an attempt at a trial, the last or an earlier one."""
        if not self.trials:
            return None
        self.expire()
        number = pick % len(self.trials)
        trial = self.trials[number]
        attempt = max(len(trial.leases) - back, 1)
        lease = trial.leases[attempt - 1]
        report = Report(measured(trial.am, value, status=status), number + 1, attempt)
        if lease[2]:
            with pytest.raises(StoreError, match="has its result"):
                self.store.observations.tell(By(who), self.name, [report])
            return None
        (told,) = self.twice(lambda by: self.store.observations.tell(by, self.name, [report]), who)
        late = not (trial.state == "running" and attempt == len(trial.leases))
        lease[2] = True
        self.keep(told, trial.am, value, status, number, late)
        if trial.state == "proposed" or not late:
            trial.state = self.judged(number)
        return int(told.number)

    @rule(who=PEOPLE, am=st.sampled_from([70.0, 70.1, 90.0]), status=STATUSES, value=st.floats(1.0, 250.0), target=told)
    def observe(self, who: str, am: float, status: Any, value: float) -> int:
        report = Report(measured(am, value, status=status))
        (told,) = self.twice(lambda by: self.store.observations.tell(by, self.name, [report]), who)
        self.keep(told, am, value, status, None, False)
        return int(told.number)

    def keep(self, told: Any, am: float, value: float, status: str, trial: int | None, late: bool) -> None:
        key = round(am, 6)
        self.replicates[key] = self.replicates.get(key, 0) + 1
        self.observations.append(ModelObservation(am, value, status, trial, late, len(self.observations)))
        assert (told.number, told.late, told.replicate) == (len(self.observations), late, self.replicates[key])

    def judged(self, trial: int) -> str:
        standing = [one for one in self.observations if one.trial == trial and one.stands]
        return "failed" if all(one.status in FAILURES for one in standing) else "completed"

    @rule(who=PEOPLE, number=told, status=STATUSES, value=st.floats(1.0, 250.0))
    def correct(self, who: str, number: int | None, status: Any, value: float) -> None:
        if number is None:
            return
        old = self.observations[number - 1]
        new: Observation = measured(old.am, value, status=status)
        if not old.stands:
            with pytest.raises(StoreError, match="has been corrected"):
                self.store.observations.correct(By(who), self.name, number, new)
            return
        told = self.twice(lambda by: self.store.observations.correct(by, self.name, number, new), who)
        old.stands = False
        self.observations.append(ModelObservation(old.am, value, status, old.trial, old.late, old.root))
        assert (told.number, told.corrects, told.late) == (len(self.observations), number, old.late)
        if old.trial is not None and self.trials[old.trial].state in ("completed", "failed"):
            self.trials[old.trial].state = self.judged(old.trial)

    @rule(who=PEOPLE, pick=st.integers(0, 5))
    def abandon(self, who: str, pick: int) -> None:
        if not self.trials:
            return
        self.expire()
        number = pick % len(self.trials)
        trial = self.trials[number]
        if trial.state not in ("proposed", "running"):
            with pytest.raises(StoreError, match="only an open trial can be abandoned"):
                self.store.trials.abandon(By(who), self.name, number + 1)
            return
        self.twice(lambda by: self.store.trials.abandon(by, self.name, number + 1), who)
        trial.state = "abandoned"

    @rule()
    def send_again(self) -> None:
        if self.last is not None:
            write, by, answer = self.last
            assert write(by) == answer

    @rule()
    def sweep(self) -> None:
        """Frees trials whose lease ran out, each once; the invariant has marked them already, as every read shows them."""
        self.expire()
        freed = self.store.trials.sweep(By("timer")).get(self.name, [])
        assert {self.trials[number - 1].state for number in freed} <= {"proposed"}
        assert all(self.trials[number - 1].leases[-1][1] <= self.clock.now.timestamp() for number in freed)
        assert self.name not in self.store.trials.sweep(By("timer"))

    @invariant()
    def store_is_as_the_model(self) -> None:
        if not hasattr(self, "name"):
            return
        self.expire()
        seen = self.store.trials.page(self.name, limit=None)
        assert [(t.state, t.attempt, t.holder, t.recipe["am_wt"]) for t in seen] == [
            (t.state, len(t.leases), t.leases[-1][0] if t.state == "running" else None, t.am) for t in self.trials
        ]
        kept = self.store.observations.page(self.name, limit=None)
        assert [(k.observation.status, k.told.late, k.told.trial, k.corrected_by is None) for k in kept] == [
            (o.status, o.late, None if o.trial is None else o.trial + 1, o.stands) for o in self.observations
        ]
        snapshot = self.store.snapshot(self.name)
        standing = sorted((o for o in self.observations if o.stands), key=lambda o: o.root)
        assert [one.outcomes["discharge_capacity"].value for one in snapshot.observations] == [o.value for o in standing]
        assert snapshot.pending[:, 0].tolist() == [t.am for t in self.trials if t.state in ("proposed", "running")]


def test_store_does_what_a_plain_model_does(shared_store: Store, clock: Clock) -> None:
    Model.store, Model.clock = shared_store, clock
    health = [HealthCheck.too_slow]
    run_state_machine_as_test(
        Model, settings=settings(max_examples=20, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=health)
    )
