"""Advice on the next batch: go on, repeat a recipe, or stop; whether simulating first would change it; with the numbers that say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from objectives.cell import Cell as MadeCell
from objectives.composition import Array
from objectives.recipe import Recipe
from optimizer.batch_rule import BatchRule, campaign_ledger, stock_rule
from optimizer.bayesian import propose
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.fidelity_choice import CANDIDATES, SIMULATES, Simulating, drawable, learned_correlation, least_correlation, simulating
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.noise import Scatter, scatter
from optimizer.outlook import Outlook, beyond, judged, noise_of_best, survey
from optimizer.pushing import AnyModel, learned_outcomes
from optimizer.replicate import SAMPLES, Cell
from optimizer.replicate import cells as one_more
from optimizer.report import recipe_json, recipe_text, rounded
from optimizer.request import SuggestError, check_request
from optimizer.samples import reference_point
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.check import recipe_json as space_recipe_json
from optimizer.space.model import fit_space_model
from optimizer.space.suggestion import everything_goes
from optimizer.space.table import Trial, recipes_of
from optimizer.threads import one_thread

WIDE, WIDE_SAMPLES = 384, 1024  # recipes spread over the space, and joint samples, for what is left in it
FEWEST = 4  # measured recipes below which there is nothing to learn from, as for proposals

Verdict = Literal["go on", "repeat", "stop"]


@dataclass(frozen=True)
class Advice:
    """What to do next, and why.

    Args:
        campaign: What it is about.
        outlook: What the next cells may gain.
        scatter: Of one cell in each learned outcome.
        names: Of the measured recipes, the first of the known ones.
        recipes: Known recipes, then the candidates for the next cell, ``(k + c, d)``; the first of the candidates are the batch.
        known: How many of the recipes are known: measured, or being made.
        repeats: One more cell of a measured recipe, best first.
        new: One cell of a recipe of the batch, best first.
        left: Probability that the space holds a recipe better than the known ones by more than the threshold.
        simulate: What simulating the candidates first adds, by fidelity; empty where there is no simulation.
        trusted: Whether the correlation of simulation and truth was given; else it is the least at which simulating would pay.
        learned: The correlation of each fidelity's simulations by outcome as measured cells taught, and what simulating adds at it; empty if one is
            given.
        cost: Of the batch, and its unit; None where the campaign does not say.
    """

    campaign: Campaign | SpaceCampaign
    outlook: Outlook
    scatter: tuple[Scatter, ...]
    names: tuple[str, ...]
    recipes: Array
    known: int
    repeats: tuple[Cell, ...]
    new: tuple[Cell, ...]
    left: float
    simulate: tuple[Simulating, ...]
    trusted: bool
    learned: tuple[tuple[Mapping[str, float], Simulating], ...]
    cost: tuple[float, str] | None

    @property
    def repeat(self) -> Cell | None:
        """The cell worth repeating: the best one, if its result is told from nothing."""
        return self.repeats[0] if self.repeats and self.repeats[0].surely else None

    @property
    def verdict(self) -> Verdict:
        """Return what to do."""
        if self.outlook.stop:
            return "stop"
        best = self.new[0] if self.new else None
        return "repeat" if self.repeat and (best is None or self.repeat.rate > best.rate) else "go on"

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "campaign": self.campaign.name,
            "verdict": self.verdict,
            "outlook": self.outlook.as_json(),
            "scatter_of_one_cell": [vars(one) for one in self.scatter],
            "repeat": [{"name": self.names[one.at], "recipe": self.plain(one.at), **one.as_json()} for one in self.repeats],
            "new": [{"recipe": self.plain(one.at), **one.as_json()} for one in self.new],
            "probability_that_the_space_holds_better": rounded(self.left),
            "simulate": [{**one.as_json(), "correlation_given": self.trusted} for one in self.simulate],
            "simulate_as_learned": [
                {**one.as_json(), "correlation": {name: rounded(r) for name, r in taught.items()}} for taught, one in self.learned
            ],
            "cost": None if self.cost is None else {"value": rounded(self.cost[0]), "unit": self.cost[1]},
        }

    def plain(self, at: int) -> dict[str, Any]:
        """Return a recipe as plain data."""
        if isinstance(self.campaign, SpaceCampaign):
            return dict(space_recipe_json(self.campaign.recipe(self.recipes[at])))
        return recipe_json(Recipe.from_row(self.recipes[at]))

    def text(self, at: int) -> str:
        """Return a recipe as people write it."""
        if isinstance(self.campaign, SpaceCampaign):
            return self.campaign.text(self.recipes[at])
        return recipe_text(Recipe.from_row(self.recipes[at]))


@dataclass(frozen=True)
class _Known:
    """What advice starts from, with or without physics."""

    feasible: Feasible
    measured: Array
    names: tuple[str, ...]
    rule: BatchRule | None = None


def advise(
    campaign: Campaign,
    n: int | None = None,
    seed: int = 0,
    *,
    pending: Array | None = None,
    evidence: Collection[str] = ("primary", "secondary"),
    cells: Sequence[MadeCell] = (),
    least: Sequence[float] | None = None,
    trust: float | None = None,
) -> Advice:
    """Return advice on the next batch of a campaign.

    Args:
        campaign: Space, goal, conditions and limits.
        n: How many cells the batch would have; the campaign's batch size when left out.
        seed: Same data, seed and machine: same answer.
        pending: Recipes already being made, ``(p, 4)``.
        evidence: Which rows of the bundled table to learn from.
        cells: The lab's own cells.
        least: What a batch must gain in each objective to be worth its cost; the scatter of one cell when left out.
        trust: Correlation of a simulation with what is still unknown, 0-1; when left out, the least is told at which simulating pays.

    Raises:
        SuggestError: If too little was measured, or n, the seed or ``least`` make no sense.
        NoFeasibleRecipeError: If no recipe meets the limits with the required probability.
    """
    wanted = _check(campaign, n, seed, least)
    model = fit_model(campaign, evidence, cells)
    return advise_from(model, wanted, seed, np.zeros((0, 4)) if pending is None else pending, least, trust)


def advise_from(model: FittedModel, n: int, seed: int, pending: Array, least: Sequence[float] | None = None, trust: float | None = None) -> Advice:
    """Return advice from a fitted model; arguments as in `advise`."""
    campaign = model.campaign
    constraints = campaign.constraints(model.physics)
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    designs = measured_designs(model.data, model.physics, model.cells)
    own = [design for design in designs if design.study == campaign.study]
    rule = stock_rule(campaign, campaign_ledger(campaign, pending))
    known = _Known(feasible, incumbents(designs, campaign.study), tuple(design.name for design in own), rule)
    return _advice(model, known, n, seed, pending, least, trust)


def advise_in_space(
    campaign: SpaceCampaign,
    n: int | None = None,
    seed: int = 0,
    *,
    pending: Array | None = None,
    trials: Sequence[Trial] = (),
    least: Sequence[float] | None = None,
) -> Advice:
    """Return advice on the next batch of a campaign without physics; as `advise`."""
    wanted = _check(campaign, n, seed, least)
    model = fit_space_model(campaign, trials)
    tried = [trial for trial in trials if trial.status != "invalid"]
    made, first = np.unique(recipes_of(tried, campaign), axis=0, return_index=True)
    if model.missing or len(made) < FEWEST:
        raise SuggestError(
            f"advice needs at least {FEWEST} measured recipes with every objective, got {len(made)}; make what `suggest` proposes, then ask again"
        )
    feasible = Feasible(campaign.space, campaign.constraints, everything_goes)
    known = _Known(feasible, made, tuple(tried[i].name or f"row {tried[i].row}" for i in first))
    out = np.zeros((0, campaign.space.dimension)) if pending is None else pending
    return _advice(model, known, wanted, seed, out, least, None)


def _check(campaign: Campaign | SpaceCampaign, n: int | None, seed: int, least: Sequence[float] | None) -> int:
    if least is not None and (len(least) != len(campaign.objectives) or min(least) < 0.0):
        wanted = ", ".join(f"{campaign.outcomes[o.outcome].label} in {campaign.outcomes[o.outcome].unit}" for o in campaign.objectives)
        raise SuggestError(f"--least must be one number of at least 0 an objective ({wanted}), got {', '.join(map(str, least))}; correct it")
    return check_request(campaign.batch.size if n is None else n, seed)


@one_thread
def _advice(model: AnyModel, known: _Known, n: int, seed: int, pending: Array, least: Sequence[float] | None, trust: float | None) -> Advice:
    choices = propose(model, known.feasible, known.measured, pending, max(n, CANDIDATES), seed, rule=known.rule)
    candidates = np.stack([choice.recipe for choice in choices])
    before = np.concatenate([known.measured, pending])
    recipes = np.concatenate([before, candidates])
    found = survey(model, known.feasible, before, candidates, SAMPLES, seed)
    noise = noise_of_best(model, found, recipes, seed)
    batch = found.first(n)
    rule = known.rule
    costs = rule.effort(recipes, []) if rule and rule.effort else None
    repeats, new = one_more(model, batch, _measured_outcomes(model), seed, None if costs is None else costs[: len(before) + n])
    effort = getattr(model.campaign, "effort", None)
    drawn = {fidelity: drawable(model, candidates, fidelity) for fidelity in SIMULATES} if isinstance(model, FittedModel) else {}
    simulate = tuple(
        least_correlation(model, found, fidelity, effort, seed, at) if trust is None else simulating(model, found, fidelity, trust, effort, seed, at)
        for fidelity, at in drawn.items()
    )
    learned: list[tuple[Mapping[str, float], Simulating]] = []
    if trust is None and isinstance(model, FittedModel):
        for fidelity, at in drawn.items():
            if at.size:
                taught = learned_correlation(model, candidates[at], fidelity)
                learned.append((taught, simulating(model, found, fidelity, taught, effort, seed, at)))
    total = None
    if rule and rule.effort and effort:
        total = float(sum(rule.effort(candidates, list(range(j)))[j] for j in range(min(n, len(candidates))))), effort.unit
    return Advice(
        model.campaign,
        judged(model, batch, noise, least),
        scatter(model),
        known.names,
        recipes,
        len(before),
        tuple(one for one in repeats if one.at < len(known.measured)),
        tuple(new),
        _left(model, known.feasible, before, candidates, noise if least is None else tuple(least), seed),
        simulate,
        trust is not None,
        tuple(learned),
        total,
    )


def _measured_outcomes(model: AnyModel) -> tuple[str, ...]:
    """Return the learned outcomes that this lab's cells have measured so far; all where it has none."""
    made = [one for one in (model.cells if isinstance(model, FittedModel) else model.trials) if one.status == "ok"]
    conductivity = {"ionic_conductivity": "ionic_tortuosity_factor", "electronic_conductivity": "electronic_tortuosity_factor"}
    seen = {conductivity.get(name, name) for one in made for name in one.outcomes}
    return tuple(name for name in learned_outcomes(model) if name in seen) or learned_outcomes(model)


def _left(model: AnyModel, feasible: Feasible, known: Array, candidates: Array, threshold: tuple[float, ...], seed: int) -> float:
    """Return the probability that the space holds a recipe beyond the known ones by more than the threshold."""
    spread = feasible.new(feasible.sample(WIDE, seed), np.concatenate([known, candidates]))
    found = survey(model, feasible, known, np.concatenate([candidates, spread]), WIDE_SAMPLES, seed)
    return float(beyond(found, reference_point(model.campaign.objectives), threshold).mean())
