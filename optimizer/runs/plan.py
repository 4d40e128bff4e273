"""The plan of a run as read from a TOML file: campaign, fidelity or stages, strategy, budget, cost, stop rule, executor, seed. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from objectives.outcomes import OUTCOMES
from objectives.simulated import FIDELITIES, Fidelity
from optimizer.campaign import DEFAULT, Campaign, parse_campaign
from optimizer.goal import CampaignError, Objective
from optimizer.request import LARGEST_SEED
from optimizer.runs.conditions import TestCondition, at_conditions
from optimizer.runs.cost import Costs
from optimizer.runs.schedule import Stage, check_stages, stated
from optimizer.toml_tables import build, is_kind, read_tables

Kind = Literal["auto", "bayesian", "sobol", "random", "optuna"]
KINDS: tuple[Kind, ...] = ("auto", "bayesian", "sobol", "random", "optuna")
SAMPLERS = ("tpe", "nsga-ii", "nsga-iii", "cma-es", "gp")
EXECUTORS = ("inline", "processes", "ray")
NEEDS = {"cell": ("pybamm",), "micro": ("numba", "pybamm"), "cma-es": ("cmaes",)}  # packages that an installation may lack
NEEDED_MB: Mapping[Fidelity, float] = {"analytic": 200.0, "cell": 400.0, "micro": 1000.0}  # a worker: twice its largest resident size measured
MOST_EVALUATIONS = 1_000_000


class PlanError(CampaignError):
    """Raised when a run's file contradicts itself or names what does not exist."""


@dataclass(frozen=True)
class StrategySettings:
    """How recipes are chosen.

    Args:
        kind: One of `KINDS`; ``random`` is the yardstick of the others.
        sampler: Of ``optuna``, and what ``auto`` hands over to.
        fill: Space-filling recipes before ``bayesian`` learns.
        hand_over: Finished evaluations at which ``auto`` leaves the Gaussian process, whose cost grows with their third power.
        population: Recipes a generation of the genetic samplers.
    """

    kind: Kind = "auto"
    sampler: str = "tpe"
    fill: int = 8
    hand_over: int = 150
    population: int = 12

    def __post_init__(self) -> None:
        _one_of("[strategy] kind", self.kind, KINDS)
        _one_of("[strategy] sampler", self.sampler, SAMPLERS)
        _at_least("[strategy] fill", self.fill, 1)
        _at_least("[strategy] hand_over", self.hand_over, self.fill)
        _at_least("[strategy] population", self.population, 4)

    @property
    def uses(self) -> str | None:
        """Return the sampler that may be used, if any."""
        return self.sampler if self.kind in ("optuna", "auto") else None


@dataclass(frozen=True)
class Budget:
    """What a run may use: evaluations, hours of driving, those before an interruption included, and cost in the unit of `Costs`."""

    evaluations: int = 100
    hours: float | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        _at_least("[budget] evaluations", self.evaluations, 1)
        if self.evaluations > MOST_EVALUATIONS:
            raise PlanError(f"[budget] evaluations must be at most {MOST_EVALUATIONS}, got {self.evaluations}; plan several runs")
        if self.hours is not None and not self.hours > 0.0:
            raise PlanError(f"[budget] hours must be above 0, got {self.hours:g}; leave it out for no limit")
        if self.cost is not None and not self.cost > 0.0:
            raise PlanError(f"[budget] cost must be above 0, got {self.cost:g}; leave it out for no limit")


@dataclass(frozen=True)
class Stop:
    """When to stop before the budget is used: after ``without_gain`` evaluations that improved the result by less than the share ``gain``."""

    without_gain: int | None = None
    gain: float = 0.001

    def __post_init__(self) -> None:
        if self.without_gain is not None:
            _at_least("[stop] without_gain", self.without_gain, 1)
        if not 0.0 <= self.gain < 1.0:
            raise PlanError(f"[stop] gain must be a share from 0 to below 1, got {self.gain:g}; 0.001 is a thousandth of the result so far")


@dataclass(frozen=True)
class ExecutorSettings:
    """Where evaluations run, how many at once, and how long one may take; no limit when left out.

    Args:
        kind: One of `EXECUTORS`.
        workers: Evaluations at once.
        time_limit_s: Of one.
        address: Of a Ray cluster, ``host:port`` or ``auto``; a Ray of this machine alone when left out.
        memory_mb: What one worker may need; by the fidelity when left out.
    """

    kind: Literal["inline", "processes", "ray"] = "inline"
    workers: int = 1
    time_limit_s: float | None = None
    address: str = ""
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        _one_of("[executor] kind", self.kind, EXECUTORS)
        _at_least("[executor] workers", self.workers, 1)
        if self.kind == "inline" and self.workers > 1:
            raise PlanError(f"[executor] workers must be 1 inline, got {self.workers}; use processes or ray to evaluate several at once")
        if self.time_limit_s is not None and not self.time_limit_s > 0.0:
            raise PlanError(f"[executor] time_limit_s must be above 0 s, got {self.time_limit_s:g}; leave it out for no limit")
        if self.kind == "inline" and self.time_limit_s is not None:
            raise PlanError(
                f"[executor] time_limit_s {self.time_limit_s:g} cannot be kept inline, where nothing can stop a task; use processes or ray"
            )
        if self.address and self.kind != "ray":
            raise PlanError(f'[executor] address {self.address!r} is a Ray cluster\'s, got kind "{self.kind}"; write kind = "ray"')
        if self.memory_mb is not None and not self.memory_mb > 0.0:
            raise PlanError(f"[executor] memory_mb must be above 0, got {self.memory_mb:g}; leave it out for what the fidelity needs")

    def at(self, address: str | None, workers: int | None) -> ExecutorSettings:
        """Return the same on another cluster (``local``: on this machine's own Ray), with another number of workers; None changes nothing."""
        moved = self if address is None else replace(self, kind="ray", address="" if address == "local" else address)
        return moved if workers is None else replace(moved, workers=workers)


@dataclass(frozen=True)
class Plan:
    """Everything a run depends on; the text of its campaign travels with it, so that a store needs no other file."""

    name: str
    campaign_text: str
    fidelity: Fidelity = "analytic"
    seed: int = 0
    objectives: tuple[str, ...] = ()  # which of the campaign's; all when empty
    conditions: tuple[TestCondition, ...] = ()  # at which each recipe is discharged beside the campaign's own, where its goal counts
    stages: tuple[Stage, ...] = ()  # of rising fidelity, the first at the plan's own; a single one when empty
    strategy: StrategySettings = field(default_factory=StrategySettings)
    budget: Budget = field(default_factory=Budget)
    cost: Costs = field(default_factory=Costs)
    stop: Stop = field(default_factory=Stop)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > 100 or not self.name.isprintable():
            raise PlanError(f"the name of a run must be a line of 1 to 100 characters, got {self.name!r}; choose another")
        _one_of("fidelity", self.fidelity, FIDELITIES)
        if not 0 <= self.seed <= LARGEST_SEED:
            raise PlanError(f"the seed must be a whole number from 0 to {LARGEST_SEED}, got {self.seed}; choose another")
        campaign = self.campaign()
        goal = campaign.objectives
        for kind, items in (("objective", goal), ("limit", campaign.outcome_limits)):
            for item in items:
                if item.outcome not in OUTCOMES:
                    raise PlanError(f"{kind} {item.outcome} of run {self.name!r} must be an outcome that a simulation gives; leave it out")
        if self.strategy.uses == "cma-es" and len(goal) != 1:
            named = ", ".join(objective.outcome for objective in goal)
            raise PlanError(f'sampler cma-es seeks one objective, got {len(goal)} ({named}); choose with objectives = ["{goal[-1].outcome}"]')
        try:
            at_conditions(campaign.conditions, self.conditions)
        except ValueError as error:
            raise PlanError(f"conditions of run {self.name!r}: {error}") from error
        check_stages(self.stages)
        if self.stages and self.stages[0].fidelity != self.fidelity:
            raise PlanError(
                f"fidelity of run {self.name!r} must be that of its first stage, {self.stages[0].fidelity}, got {self.fidelity}; leave it out"
            )
        self.cost.check(self.fidelities)
        needs = {f'fidelity "{fidelity}"': NEEDS.get(fidelity, ()) for fidelity in self.fidelities}
        needs[f"sampler {self.strategy.uses}"] = NEEDS.get(str(self.strategy.uses), ())
        for what, packages in needs.items():
            for package in packages:
                if find_spec(package) is None:
                    raise PlanError(f"{what} needs the package {package}, which is not installed; install it (extra simulation) or choose another")

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """Return the fidelities of its evaluations, the lowest first."""
        return tuple(dict.fromkeys(stage.fidelity for stage in self.stages)) or (self.fidelity,)

    def campaign(self) -> Campaign:
        """Return the campaign, with the objectives that this run seeks."""
        campaign = parse_campaign(self.campaign_text, f"the campaign of run {self.name!r}")
        if not self.objectives:
            return campaign
        known = {objective.outcome: objective for objective in campaign.objectives}
        for name in self.objectives:
            if name not in known:
                raise PlanError(f"objectives of run {self.name!r} must be the campaign's ({', '.join(known)}), got {name!r}; correct it")
        return replace(campaign, objectives=tuple(known[name] for name in self.objectives))

    def goal(self) -> tuple[Objective, ...]:
        """Return what this run seeks."""
        return self.campaign().objectives

    def as_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        stages = {"stages": [asdict(stage) for stage in self.stages]}
        return {**asdict(self), "objectives": list(self.objectives), "conditions": [asdict(one) for one in self.conditions], **stages}

    @property
    def memory_mb(self) -> float:
        """Return what one worker may need, MB."""
        return self.executor.memory_mb or NEEDED_MB[self.fidelities[-1]]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan of plain data."""
        kinds = {"strategy": StrategySettings, "budget": Budget, "stop": Stop, "executor": ExecutorSettings}
        tables = {name: kind(**data[name]) for name, kind in kinds.items()}
        conditions = tuple(TestCondition(**one) for one in data.get("conditions", ()))
        stages = tuple(Stage(**one) for one in data.get("stages", ()))
        cost = Costs(**data.get("cost", {}))
        return cls(**{**data, "objectives": tuple(data["objectives"]), "conditions": conditions, "stages": stages, "cost": cost, **tables})


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise PlanError(f"{name} must be one of {', '.join(choices)}, got {value!r}; choose one")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise PlanError(f"{name} must be at least {least}, got {value}; raise it")


def parse_plan(text: str, origin: str, folder: Path | None = None) -> Plan:
    """Return the plan of a TOML text.

    Args:
        text: Of the file.
        origin: Its name, for messages.
        folder: Where a campaign file that it names is looked for; the working directory when left out.

    Raises:
        CampaignError: If the text is not TOML, a table is unknown or contradicts itself, or the campaign is wrong.
    """
    tables, lists = ("strategy", "budget", "cost", "stop", "executor"), ("conditions", "stage")
    data = read_tables(text, origin, tables, lists, ("name", "campaign", "fidelity", "seed", "objectives"), needed=("name",))
    stages = tuple(build(Stage, "stage", table) for table in data.get("stage", []))
    if "budget" not in data and not stages:
        raise PlanError(f"{origin} has no 'budget'; add it (see the bundled runs)")
    for key, kind, what in (("name", str, "a text"), ("campaign", str, "a text"), ("fidelity", str, "a text"), ("seed", int, "a whole number")):
        if key in data and not is_kind(data[key], kind):
            raise PlanError(f"{origin}: {key} must be {what}, got {data[key]!r}; correct it")
    objectives = data.get("objectives", [])
    if not isinstance(objectives, list) or not all(isinstance(name, str) for name in objectives):
        raise PlanError(f"{origin}: objectives must be a list of outcomes in quotes, got {objectives!r}; correct it")
    return Plan(
        name=data["name"],
        campaign_text=_campaign_text(data.get("campaign", DEFAULT), folder or Path()),
        fidelity=data.get("fidelity", stages[0].fidelity if stages else "analytic"),
        seed=data.get("seed", 0),
        objectives=tuple(objectives),
        conditions=tuple(build(TestCondition, "conditions", table) for table in data.get("conditions", [])),
        strategy=build(StrategySettings, "strategy", data.get("strategy", {})),
        stages=stages,
        budget=build(Budget, "budget", _with_stages(data.get("budget", {}), stages, origin)),
        cost=build(Costs, "cost", data.get("cost", {})),
        stop=build(Stop, "stop", data.get("stop", {})),
        executor=build(ExecutorSettings, "executor", data.get("executor", {})),
    )


def _with_stages(budget: dict[str, Any], stages: tuple[Stage, ...], origin: str) -> dict[str, Any]:
    """Return the table of the budget with the evaluations that the stages add up to, where they state all of theirs."""
    check_stages(stages)
    *before, last = stated(stages) if stages else [None]
    rest, given = sum(filter(None, before)), budget.get("evaluations")
    if not stages or not is_kind(given, int, type(None)):
        return budget
    if given is None and last is None:
        raise PlanError(f"{origin}: the last stage takes what the budget leaves; give evaluations in [budget], or of that stage")
    if given is not None and last is not None and given != rest + last:
        raise PlanError(f"{origin}: [budget] evaluations must be what the stages add up to, {rest + last}, got {given}; leave one out")
    if given is not None and given <= rest:
        raise PlanError(f"{origin}: [budget] evaluations must be above the {rest} of the stages before the last, got {given}; raise it")
    return {**budget, "evaluations": given or rest + (last or 0)}


def _campaign_text(name: str, folder: Path) -> str:
    """Return the text of a campaign file, or of a bundled campaign by its name."""
    bundled = files("configs").joinpath(f"{name}.toml")
    if "/" not in name and bundled.is_file():
        return bundled.read_text(encoding="utf-8")
    return _read(folder / name, "campaign")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"the {what} file {path} cannot be read ({error}); check the path, or name a bundled one") from error


def shipped() -> tuple[str, ...]:
    """Return the names of the bundled run files."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in files("configs").joinpath("runs").iterdir() if entry.name.endswith(".toml")))


def load_plan(name: str) -> Plan:
    """Return the plan of a file, or of a bundled run by its name.

    Raises:
        CampaignError: As `parse_plan`, or if there is no such file.
    """
    if name in shipped():
        return parse_plan(files("configs").joinpath("runs", f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    path = Path(name)
    if not path.exists():
        raise PlanError(f"there is no run file {name!r}; write one, or use a bundled one: {', '.join(shipped())}")
    return parse_plan(_read(path, "run"), str(path), path.parent)
