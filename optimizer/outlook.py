"""What the next batch may gain over what is known, against the scatter of one cell. Cheap: one joint posterior of known recipes and batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.constraints import holds
from objectives.outcomes import Outcome
from optimizer.candidates import Feasible
from optimizer.goal import Objective
from optimizer.improvement import improvement
from optimizer.noise import objective_noise
from optimizer.pushing import AnyModel
from optimizer.report import quantiles, rounded
from optimizer.samples import Samples, objective_values, reference_point

SAMPLES = 2048
STOP_BELOW = 0.10  # probability of a gain beyond the noise below which a batch is not worth its cells (docs/advice.md has the false stops)


class Range(NamedTuple):
    """Mean and 90 % interval."""

    mean: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return plain data."""
        return {name: rounded(value) + 0.0 for name, value in self._asdict().items()}


def range_of(samples: Array) -> Range:
    """Return mean and 90 % interval of samples ``(s,)``."""
    low, high = quantiles(samples, (0.05, 0.95))
    return Range(float(samples.mean()), low, high)


class Field(NamedTuple):
    """Known recipes, the first ``known`` of them, and new ones, in joint posterior samples."""

    samples: Samples
    known: int
    values: Array  # (s, k + n, m): objectives to be maximised, at the reference where a sample breaks a limit or the cell fails
    counts: Mask  # (s, k + n): where they do not

    def first(self, n: int) -> Field:
        """Return the same of the first n new recipes."""
        return self.of(np.arange(n))

    def of(self, new: NDArray[np.int_]) -> Field:
        """Return the same of some of the new recipes, by index."""
        kept = np.concatenate([np.arange(self.known), self.known + new])
        parts = ({name: value[:, kept] for name, value in part.items()} for part in self.samples)
        return Field(Samples(*parts), self.known, self.values[:, kept], self.counts[:, kept])


def survey(model: AnyModel, feasible: Feasible, known: Array, new: Array, n: int, seed: int) -> Field:
    """Return n joint samples of known recipes ``(k, d)`` and new ones; a known one outside the hard limits counts for nothing."""
    recipes = np.concatenate([known, new])
    samples = model.samples(recipes, n, seed + 3)
    made = model.success_probability(new) * model.percolation_probability(new)
    works = np.random.default_rng([seed, n]).random((n, len(new))) < made
    counts = samples.feasible & np.concatenate([np.broadcast_to(holds(feasible.constraints, known), (n, len(known))), works], axis=1)
    objectives = model.campaign.objectives
    values = np.where(counts[..., None], objective_values(objectives, samples), reference_point(objectives))
    return Field(samples, len(known), values, counts)


@dataclass(frozen=True)
class Outlook:
    """What the next cells may gain.

    Args:
        cells: How many.
        gain: In the objective's unit; in hypervolume with more than one.
        each: Rise of the best value of each objective, whatever the others do.
        threshold: What a gain must exceed in each objective to count: the scatter of one cell, or what the lab asks for.
        noise: Standard deviation of one cell of the best known recipe in each objective.
        beyond: Probability that one of the cells is truly better than all that is known by more than the threshold.
    """

    objectives: tuple[Objective, ...]
    outcomes: tuple[Outcome, ...]
    cells: int
    gain: Range
    each: tuple[Range, ...]
    threshold: tuple[float, ...]
    noise: tuple[float, ...]
    beyond: float

    @property
    def stop(self) -> bool:
        """Whether the batch is not worth its cells."""
        return self.beyond < STOP_BELOW

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        unit = self.outcomes[0].unit if len(self.outcomes) == 1 else "hypervolume, " + " x ".join(o.unit for o in self.outcomes)
        return {
            "cells": self.cells,
            "expected_gain": {**self.gain.as_json(), "unit": unit},
            "gain_of_the_best": {  # above 0 is better, also where less is wanted
                o.name: {**r.as_json(), "unit": o.unit, "direction": objective.direction}
                for objective, o, r in zip(self.objectives, self.outcomes, self.each, strict=True)
            },
            "noise_of_one_cell": {o.name: rounded(sd) for o, sd in zip(self.outcomes, self.noise, strict=True)},
            "threshold": {o.name: rounded(sd) for o, sd in zip(self.outcomes, self.threshold, strict=True)},
            "probability_beyond_threshold": rounded(self.beyond),
            "stop": self.stop,
        }


def best_known(found: Field, reference: Array) -> int:
    """Return which known recipe is best on average, by the product of its objectives above the reference; the first new one where none is known."""
    above = np.maximum(found.values[:, : found.known or 1] - reference, 0.0)
    return int(np.prod(above, axis=-1).mean(axis=0).argmax())


def outlook(model: AnyModel, feasible: Feasible, known: Array, batch: Array, seed: int, least: Sequence[float] | None = None) -> Outlook:
    """Return what a batch ``(n, d)`` may gain over known recipes ``(k, d)``: measured and pending.

    Args:
        model: Fitted to what was measured.
        feasible: What may be made.
        known: Recipes that have cells, or will have.
        batch: What would be made next.
        seed: Same data, seed and machine: same answer.
        least: What a gain must exceed in each objective's unit; the scatter of one cell when left out.
    """
    found = survey(model, feasible, known, batch, SAMPLES, seed)
    return judged(model, found, noise_of_best(model, found, np.concatenate([known, batch]), seed), least)


def noise_of_best(model: AnyModel, found: Field, recipes: Array, seed: int) -> tuple[float, ...]:
    """Return the scatter of one cell of the best known recipe in each objective, of `survey`'s recipes ``(k + n, d)``."""
    at = best_known(found, reference_point(model.campaign.objectives))
    return tuple(map(float, objective_noise(model, recipes[at], _alone(found.samples, at), seed)))


def _alone(samples: Samples, at: int) -> Samples:
    return Samples({name: value[:, [at]] for name, value in samples.outcomes.items()}, {n: v[:, [at]] for n, v in samples.margins.items()})


def judged(model: AnyModel, found: Field, noise: tuple[float, ...], least: Sequence[float] | None = None) -> Outlook:
    """Return the outlook of the new recipes of joint samples."""
    objectives = tuple(model.campaign.objectives)
    reference = reference_point(objectives)
    threshold = noise if least is None else tuple(least)
    front, new = found.values[:, : found.known], found.values[:, found.known :]
    gain = np.zeros(len(front))
    grown = front
    for j in range(new.shape[1]):
        gain += improvement(grown, new[:, [j]], reference)[:, 0]
        grown = np.concatenate([grown, new[:, [j]]], axis=1)
    before = np.maximum(front.max(axis=1, initial=-np.inf), reference)  # (s, m)
    rise = np.maximum(new.max(axis=1, initial=-np.inf) - before, 0.0)
    return Outlook(
        objectives,
        tuple(model.campaign.outcomes[o.outcome] for o in objectives),
        new.shape[1],
        range_of(gain),
        tuple(range_of(column) for column in rise.T),
        threshold,
        noise,
        float(beyond(found, reference, threshold).mean()),
    )


def beyond(found: Field, reference: Array, threshold: Sequence[float]) -> Mask:
    """Return in which samples a new recipe lies beyond the front of the known ones moved out by the threshold in every objective, ``(s,)``."""
    raised = found.values[:, : found.known] + np.where(found.counts[:, : found.known, None], np.asarray(threshold), 0.0)
    return np.asarray((improvement(raised, found.values[:, found.known :], reference) > 0.0).any(axis=1))
