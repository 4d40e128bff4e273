"""The schedule of a run: stages of rising fidelity, how many evaluations each has, and at which fidelity the result counts. Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from objectives.simulated import FIDELITIES, Fidelity
from optimizer.goal import CampaignError
from optimizer.runs.history import COMPLETED, Trial

if TYPE_CHECKING:
    from optimizer.runs.plan import Plan

Choice = Literal["strategy", "promotion"]
# Of a stage's promotions, those that go to recipes which a lower fidelity refuses: enough to notice where it is wrong. The cell model takes
# the structure from the closed form, and with it every limit on density and tortuosity: about these it cannot tell otherwise.
DOUBT: Mapping[Fidelity, float] = {"analytic": 0.0, "cell": 0.0, "micro": 0.2}


@dataclass(frozen=True)
class Stage:
    """A part of a run at one fidelity.

    Args:
        fidelity: Of its evaluations.
        evaluations: How many.
        share: How many, as a share of those of the stage before; give one of the two, and neither in the last stage for all that is left.
        by: Who chooses its recipes: ``strategy``, or ``promotion`` of the best of the fidelity below; the latter when left out, but in
            the first stage.
        doubt: Share of its promotions that go to recipes which break a limit at the fidelity below, the nearest misses first; `DOUBT` of
            the fidelity when left out.
    """

    fidelity: Fidelity
    evaluations: int | None = None
    share: float | None = None
    by: Choice | None = None
    doubt: float | None = None

    def __post_init__(self) -> None:
        if self.fidelity not in FIDELITIES:
            raise CampaignError(f"[[stage]] fidelity must be one of {', '.join(FIDELITIES)}, got {self.fidelity!r}; choose one")
        if self.by not in (None, "strategy", "promotion"):
            raise CampaignError(f"[[stage]] by must be strategy or promotion, got {self.by!r}; choose one")
        if self.evaluations is not None and self.share is not None:
            raise CampaignError(f"[[stage]] {self.fidelity} has evaluations {self.evaluations} and share {self.share:g}; keep one of the two")
        if self.evaluations is not None and self.evaluations < 1:
            raise CampaignError(f"[[stage]] evaluations must be at least 1, got {self.evaluations}; raise it")
        if self.share is not None and not 0.0 < self.share <= 1.0:
            raise CampaignError(f"[[stage]] share must be above 0 and at most 1, got {self.share:g}; 0.05 promotes one recipe of twenty")
        if self.doubt is not None and not 0.0 <= self.doubt <= 1.0:
            raise CampaignError(f"[[stage]] doubt must be a share from 0 to 1, got {self.doubt:g}; 0.2 is one promotion of five")

    @property
    def doubting(self) -> float:
        """Return the share of promotions in doubt."""
        return DOUBT[self.fidelity] if self.doubt is None else self.doubt


def check_stages(stages: Sequence[Stage]) -> None:
    """Refuse stages that contradict each other.

    Raises:
        CampaignError: If so; names the stage.
    """
    for k, stage in enumerate(stages):
        what, before = f"stage {k + 1} ({stage.fidelity})", stages[max(k - 1, 0)].fidelity
        if k == 0 and stage.by == "promotion":
            raise CampaignError(f"{what} has nothing below it to promote from; leave by out of the first stage")
        if k == 0 and stage.share is not None:
            raise CampaignError(f"{what} has share {stage.share:g} of no stage before it; give its evaluations")
        if FIDELITIES.index(stage.fidelity) < FIDELITIES.index(before):
            raise CampaignError(f"{what} follows {before}, and fidelity must not fall; put the cheaper stage first")
        if promotes(stages, k) and source(stages, k) is None:
            raise CampaignError(f'{what} promotes from a lower fidelity, and no stage before it has one; give it by = "strategy"')
        if k < len(stages) - 1 and stage.evaluations is None and stage.share is None:
            raise CampaignError(f"{what} needs evaluations or share; only the last stage may take what is left")


def promotes(stages: Sequence[Stage], k: int) -> bool:
    """Return whether a stage's recipes are promoted from the fidelity below."""
    return k > 0 and stages[k].by != "strategy"


def source(stages: Sequence[Stage], k: int) -> Fidelity | None:
    """Return the fidelity that a stage promotes from: the last one before its own; None if there is none."""
    lower = [stage.fidelity for stage in stages[:k] if stage.fidelity != stages[k].fidelity]
    return lower[-1] if lower else None


def stated(stages: Sequence[Stage]) -> list[int | None]:
    """Return how many evaluations each stage states; None for a last one that takes what is left."""
    found: list[int | None] = []
    for stage in stages:
        before = found[-1] if found else None
        found.append(stage.evaluations if stage.share is None or before is None else max(1, round(stage.share * before)))
    return found


def rooms(stages: Sequence[Stage], evaluations: int) -> list[int]:
    """Return how many evaluations each stage has of a run's: as stated, and the last one all that the others leave."""
    found: list[int] = []
    for room in stated(stages)[:-1]:
        found.append(min(room or 0, evaluations - sum(found)))
    return [*found, evaluations - sum(found)]


def stage_of(trial: Trial) -> int:
    """Return the stage that a trial belongs to, from 0."""
    return int((trial.notes or {}).get("stage", 0))


def fidelity_of(plan: Plan, trial: Trial) -> Fidelity:
    """Return the fidelity at which a trial is evaluated."""
    return (trial.notes or {}).get("fidelity", plan.fidelity) if plan.stages else plan.fidelity


def higher(one: Fidelity, other: Fidelity) -> bool:
    """Return whether the one fidelity is higher than the other."""
    return FIDELITIES.index(one) > FIDELITIES.index(other)


def reached(plan: Plan, history: Sequence[Trial]) -> Fidelity:
    """Return the highest fidelity with a completed evaluation, at which a run's result counts; the first stage's before there is any."""
    if not plan.stages:
        return plan.fidelity
    found = {fidelity_of(plan, trial) for trial in history if trial.state == COMPLETED}
    return max(found, key=FIDELITIES.index, default=plan.fidelity)


def counted(plan: Plan, history: Sequence[Trial]) -> Sequence[Trial]:
    """Return the trials that a run's result is made of: those of the highest fidelity reached, never of two."""
    if not plan.stages:
        return history
    fidelity = reached(plan, history)
    return [trial for trial in history if fidelity_of(plan, trial) == fidelity]
