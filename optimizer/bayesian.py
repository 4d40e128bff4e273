"""Bayesian proposals: noisy expected (hypervolume) improvement under the limits, for a joint batch, aware of pending recipes.

Two rules share candidates and model: `sampled` (default), joint posterior samples and a greedy pick, and BoTorch's qLogNEI and
qLogNEHVI (`optimizer.botorch_acquisition`). docs/decisions/0005-acquisition.md compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from objectives.composition import Array, Mask
from objectives.constraints import holds
from optimizer.batch_rule import BatchRule
from optimizer.candidates import Feasible, search
from optimizer.improvement import batch_gains, greedy_batch, improvement
from optimizer.model import FittedModel
from optimizer.protocol import Model
from optimizer.samples import Samples, objective_values, reference_point
from optimizer.threads import one_thread

Acquisition = Literal["sampled", "qlognehvi"]
ACQUISITIONS: tuple[Acquisition, ...] = ("sampled", "qlognehvi")
SCREEN, JOINT, CONFIRM = 64, 512, 1024  # posterior samples to screen candidates, to choose among them, to confirm a limit's probability
ENOUGH = 0.25  # share of the candidates that a rule still allows, below which candidates are searched anew
SPARE = 0.03  # probability beyond the required one asked of a candidate, against the noise of `JOINT` samples


class NoFeasibleRecipeError(ValueError):
    """Raised when no recipe meets the limits with the required probability."""


@dataclass(frozen=True)
class Choice:
    """A chosen recipe ``(d,)``, its expected improvement, and how much of it is exploration (0-1)."""

    recipe: Array
    gain: float
    exploration: float


@one_thread
def propose(
    model: Model,
    feasible: Feasible,
    measured: Array,
    pending: Array,
    n: int,
    seed: int,
    acquisition: Acquisition = "sampled",
    rule: BatchRule | None = None,
) -> list[Choice]:
    """Return n recipes worth making next, best first.

    Args:
        model: Fitted to what was measured.
        feasible: What may be proposed.
        measured: Recipes of the campaign's study that have cells, ``(k, d)``: the incumbents, whatever limits they break.
        pending: Recipes already out, ``(p, d)``: their unknown results are sampled too.
        n: How many.
        seed: Same data, seed and machine: same recipes.
        acquisition: Which rule.
        rule: What shelf and mill allow, and what it costs: gain is then weighed against cost. Anything, at no cost, when left out.

    Raises:
        NoFeasibleRecipeError: If no candidate meets all soft limits with the campaign's probability; says how near the best comes. Or if
            shelf and mill allow none.
    """
    campaign, reference = model.campaign, reference_point(model.campaign.objectives)
    front = _baseline(model, feasible, measured, pending, SCREEN, seed)

    def score(recipes: Array) -> Array:
        samples = model.samples(recipes, SCREEN, seed, joint=False)
        values = np.where(samples.feasible[..., None], objective_values(campaign.objectives, samples), reference)
        likely = samples.feasible.mean(axis=0)
        gain = improvement(front, values, reference).mean(axis=0)
        gain = gain * model.success_probability(recipes)  # a failed cell gains nothing
        if rule is not None and rule.effort is not None:
            gain = gain / rule.effort(recipes, [])
        scored = np.where(likely >= campaign.probability, gain, likely - 1.0)  # below the required probability: by how far
        return scored if rule is None else np.where(rule.alone(recipes), scored, -2.0)

    known = np.concatenate([measured, pending])
    candidates = search(feasible, score, known, measured, seed)
    if not len(candidates):
        raise NoFeasibleRecipeError("every feasible recipe has been measured or is pending; widen the design space or wait for results")
    if rule is not None:
        candidates = candidates[rule.alone(candidates)]
        if not len(candidates):
            raise NoFeasibleRecipeError("no recipe found can be made of the lots that are left; add a lot, or allow more with max_new_coatings")
    candidates = _likely(model, candidates, seed)
    joint = model.samples(np.concatenate([known, candidates]), JOINT, seed)
    values = objective_values(campaign.objectives, joint)
    counts = np.concatenate([_counts(feasible, known, joint), joint.feasible[:, len(known) :]], axis=1)
    usable = np.where(counts[..., None], values, reference)
    front, rest = usable[:, : len(known)], usable[:, len(known) :]
    success = model.success_probability(candidates)
    if acquisition == "qlognehvi":
        if rule is not None:
            raise ValueError("lots, effort and max_new_coatings are rules that BoTorch's acquisition does not know; use --acquisition sampled")
        if not isinstance(model, FittedModel):
            raise ValueError("BoTorch's acquisition needs the electrode's physics, which this campaign does without; use --acquisition sampled")
        from optimizer.botorch_acquisition import choose

        picks = choose(model, candidates, known, n, seed)
    else:
        open_to = None if rule is None else partial(_open_to, rule, candidates)
        effort = None if rule is None or rule.effort is None else partial(rule.effort, candidates)
        blocked = feasible.same(candidates, candidates) | np.eye(len(candidates), dtype=bool)
        picks = greedy_batch(front, rest, reference, n, blocked, success, open_to, effort)
    gains = batch_gains(front, rest, reference, picks)
    certain = batch_gains(front.mean(axis=0, keepdims=True), rest.mean(axis=0, keepdims=True), reference, picks)
    choices = [
        Choice(candidates[p], gain, float(np.clip(1.0 - sure / gain, 0.0, 1.0)) if gain > 0.0 else 0.0)
        for p, gain, sure in zip(picks, gains, certain, strict=True)
    ]
    if rule is None or len(choices) in (0, n):
        return choices
    taken = np.stack([choice.recipe for choice in choices])
    try:
        more = propose(model, feasible, measured, np.concatenate([pending, taken]), n - len(choices), seed, acquisition, rule.after(taken))
    except NoFeasibleRecipeError:  # a short batch says more than this, which is about what is left of the shelf
        return choices
    return [*choices, *more]


def _open_to(rule: BatchRule, candidates: Array, chosen: list[int]) -> Mask:
    """Return which candidates may join; none once few may, so that others are looked for: the best all wanted the lot that ran out."""
    allowed = rule.together(candidates, chosen)
    return allowed if not chosen or allowed.mean() >= ENOUGH else np.zeros_like(allowed)


def _likely(model: Model, candidates: Array, seed: int) -> Array:
    """Return the candidates that meet all limits with the required probability: the soft ones by `CONFIRM` samples, and percolation."""
    probability = model.samples(candidates, CONFIRM, seed + 101, joint=False).feasible.mean(axis=0)
    probability = probability * model.percolation_probability(candidates)
    required = model.campaign.probability
    for least in (required + SPARE, required):
        if (probability >= least).any():
            return np.asarray(candidates[probability >= least])
    raise NoFeasibleRecipeError(
        f"no recipe meets all limits with probability {required:g}; the best found reaches {probability.max():.2f}; "
        "lower limits.probability, loosen a limit or widen the design space"
    )


def _counts(feasible: Feasible, known: Array, samples: Samples) -> Mask:
    """Return in which samples a known recipe (the first columns) counts as an incumbent: every limit met, ``(s, k)`` bool."""
    return np.asarray(samples.feasible[:, : len(known)] & holds(feasible.constraints, known)[None, :])


def _baseline(model: Model, feasible: Feasible, measured: Array, pending: Array, n: int, seed: int) -> Array:
    """Return the front of what is known in each sample, ``(n, k, m)``."""
    known, reference = np.concatenate([measured, pending]), reference_point(model.campaign.objectives)
    if not len(known):
        return np.zeros((n, 0, len(reference)))
    samples = model.samples(known, n, seed)
    counts = _counts(feasible, known, samples)
    return np.where(counts[..., None], objective_values(model.campaign.objectives, samples), reference)
