"""A virtual lab: measures recipes with noise, and judges them without.

The optimizers get a `Task` (what they are asked) and a `History` (what was measured), and return recipes; only the runner holds a lab.
Imports nothing of the product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.virtual_labs import far, near
from tests.benchmarks.virtual_labs.matter import Array, Outcomes, energy
from tests.benchmarks.virtual_labs.recipes import LOWER, UPPER, allowed, on_grid, random_recipes, unit

DENSITY_MIN, TAU_MAX = 0.84, 15.0  # the limits on outcomes that every optimizer knows
TAU_READABLE = 200.0  # an ionic tau beyond it reads as this: no path
NOISE: Mapping[str, float] = MappingProxyType(
    {"capacity": 0.025, "porosity": 0.008, "ionic_tau": 0.12, "electronic": 0.12, "voltage": 0.01}
)  # relative, porosity as a fraction, tau and conductivity on the logarithm, V
WORTH: Mapping[str, tuple[float, float]] = MappingProxyType({"easy": (1000.0, 1450.0), "hard": (600.0, 1150.0)})  # best Wh/L of a realistic lab
RANDOM_REGRET = (0.08, 0.25)  # and the regret of 16 random recipes there: neither trivial nor impossible
# Which draw of each seed is the first realistic one, `first_realistic`: kept, because the search takes seconds.
FIRST_REALISTIC: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"near": (1, 0, 0, 1, 1, 0, 6, 2, 1, 0, 2, 2), "far": (4, 2, 2, 0, 0, 0, 2, 1, 2, 4, 1, 3)}
)
START = 8  # cells that every optimizer starts from


class Condition(NamedTuple):
    """What a cell is tested under, and the reference point of two objectives there: mAh/g and Wh/L."""

    temperature_c: float
    c_rate: float
    reference: tuple[float, float]


CONDITIONS: Mapping[str, Condition] = MappingProxyType({"easy": Condition(60.0, 0.05, (150.0, 900.0)), "hard": Condition(30.0, 0.2, (100.0, 500.0))})


class Truth(Protocol):
    """What is behind a lab."""

    def outcomes(self, recipes: Array, temperature_c: float, c_rate: float) -> Outcomes:
        """Return the noise-free outcomes of recipes ``(n, 4)``."""


FAMILIES: Mapping[str, Callable[[np.random.Generator], Truth]] = MappingProxyType({"near": near.draw, "far": far.draw})


@dataclass(frozen=True)
class Task:
    """What an optimizer is asked: best Wh/L, or capacity and Wh/L, at a condition under `DENSITY_MIN` and `TAU_MAX`."""

    condition: str  # of the goal
    objectives: int = 1
    both_conditions: bool = False  # each cell is tested under the other condition too


@dataclass(frozen=True)
class History:
    """What was measured: n recipes, and each reading ``(n,)``; capacity and voltage by condition."""

    recipes: Array  # (n, 4)
    porosity: Array
    ionic_tau: Array
    electronic: Array  # mS/cm, effective
    capacity: Mapping[str, Array]
    voltage: Mapping[str, Array]

    def energy(self, condition: str) -> Array:
        """Return the Wh/L that the readings give, ``(n,)``."""
        return energy(self.recipes, self.porosity, self.capacity[condition], self.voltage[condition])

    def and_then(self, other: History) -> History:
        """Return this and what was measured after it."""
        join = np.concatenate
        return History(
            join([self.recipes, other.recipes]),
            join([self.porosity, other.porosity]),
            join([self.ionic_tau, other.ionic_tau]),
            join([self.electronic, other.electronic]),
            {name: join([values, other.capacity[name]]) for name, values in self.capacity.items()},
            {name: join([values, other.voltage[name]]) for name, values in self.voltage.items()},
        )


@dataclass(frozen=True)
class Lab:
    """One virtual lab; ``family`` and ``seed`` name it."""

    family: str
    seed: int
    truth: Truth

    def measure(self, recipes: Array, task: Task, first: int) -> History:
        """Return noisy readings of cells number ``first`` and on: their noise depends on lab, number and condition, not on who asks."""
        chosen = [task.condition, *(name for name in CONDITIONS if name != task.condition and task.both_conditions)]
        cells = range(first, first + len(recipes))
        built = self.truth.outcomes(recipes, *CONDITIONS[task.condition][:2])
        capacity, voltage = {}, {}
        for name in chosen:
            seen = self.truth.outcomes(recipes, *CONDITIONS[name][:2])
            noise = self._noise(cells, 1 + list(CONDITIONS).index(name))
            capacity[name] = np.maximum(seen.capacity * (1.0 + NOISE["capacity"] * noise[:, 0]), 0.0)
            voltage[name] = seen.voltage + NOISE["voltage"] * noise[:, 1]
        noise = self._noise(cells, 0)
        return History(
            np.array(recipes),
            np.clip(built.porosity + NOISE["porosity"] * noise[:, 0], 0.005, 0.6),
            np.clip(built.ionic_tau * np.exp(NOISE["ionic_tau"] * noise[:, 1]), 1.0, TAU_READABLE),
            built.electronic * np.exp(NOISE["electronic"] * noise[:, 2]),
            capacity,
            voltage,
        )

    def start(self, task: Task) -> History:
        """Return the cells that every optimizer starts from."""
        return self.measure(random_recipes(START, np.random.default_rng([self.seed, 101])), task, 0)

    def _noise(self, cells: range, kind: int) -> Array:
        family = list(FAMILIES).index(self.family)
        return np.stack([np.random.default_rng([family, self.seed, cell, kind]).standard_normal(3) for cell in cells])


class Judged(NamedTuple):
    """Recipes without noise, each ``(n,)``."""

    energy: Array  # Wh/L
    capacity: Array  # mAh/g
    feasible: NDArray[np.bool_]  # can be made, and truly keeps both limits


def judge(truth: Truth, recipes: Array, condition: str) -> Judged:
    """Return what recipes ``(n, 4)`` are truly worth."""
    found = truth.outcomes(recipes, *CONDITIONS[condition][:2])
    fine = allowed(recipes) & (1.0 - found.porosity >= DENSITY_MIN) & (found.ionic_tau <= TAU_MAX)
    return Judged(energy(recipes, found.porosity, found.capacity, found.voltage), found.capacity, fine)


def hypervolume(points: Array, reference: tuple[float, float]) -> float:
    """Return the area that points ``(n, 2)``, both maximised, dominate above the reference."""
    above = points[(points > np.array(reference)).all(axis=1)]
    area, height = 0.0, reference[1]
    for x, y in above[np.argsort(-above[:, 0], kind="stable")]:
        if y > height:
            area, height = area + (x - reference[0]) * (y - height), y
    return area


def _search(truth: Truth, condition: str, weight: float) -> tuple[Array, Judged]:
    """Return recipes around the best feasible one, by Wh/L (weight 0) or a weighted sum with capacity: dense sample, then polish on the grid."""
    rng = np.random.default_rng(0)

    def score(judged: Judged) -> Array:
        return np.where(judged.feasible, (1.0 - weight) * judged.energy / 1000.0 + weight * judged.capacity / 200.0, -np.inf)

    recipes = random_recipes(30_000, rng)
    for width in (0.05, 0.025, 0.012, 0.006, 0.003, 0.003):
        order = np.argsort(-score(judge(truth, recipes, condition)), kind="stable")[:100]
        kept = recipes[order]
        moves = width * rng.standard_normal((25, len(kept), 4)) * (rng.random((25, len(kept), 4)) < 0.6)
        moved = on_grid((unit(kept) + moves).reshape(-1, 4))
        recipes = np.unique(np.concatenate([kept, moved]), axis=0)
    judged = judge(truth, recipes, condition)
    order = np.argsort(-score(judged), kind="stable")
    return recipes[order], Judged(judged.energy[order], judged.capacity[order], judged.feasible[order])


class Best(NamedTuple):
    """The best attainable Wh/L at a condition, and its recipe."""

    energy: float
    recipe: tuple[float, ...]


@cache
def best(family: str, seed: int, condition: str) -> Best:
    """Return the best attainable of a lab."""
    recipes, judged = _search(make_lab(family, seed).truth, condition, 0.0)
    return Best(float(judged.energy[0]), tuple(recipes[0].tolist()))


@cache
def best_hypervolume(family: str, seed: int, condition: str) -> float:
    """Return the hypervolume of capacity and Wh/L that is attainable, above the condition's reference."""
    parts = [_search(make_lab(family, seed).truth, condition, weight)[1] for weight in (0.0, 0.3, 0.5, 0.7, 0.9)]
    points = np.concatenate([np.stack([part.capacity, part.energy], axis=1)[part.feasible] for part in parts])
    return hypervolume(points, CONDITIONS[condition].reference)


def regret(lab: Lab, recipes: Array, task: Task) -> float:
    """Return how far the best of measured recipes falls short of the best attainable, as a share of it; 1 while none is feasible."""
    judged, named = judge(lab.truth, recipes, task.condition), (lab.family, lab.seed, task.condition)
    if task.objectives == 1:
        return 1.0 - float(judged.energy[judged.feasible].max(initial=0.0)) / best(*named).energy
    points = np.stack([judged.capacity, judged.energy], axis=1)[judged.feasible]
    return 1.0 - hypervolume(points, CONDITIONS[task.condition].reference) / best_hypervolume(*named)


def random_regret(truth: Truth, condition: str, top: float) -> float:
    """Return the regret of 16 random recipes against the best Wh/L, the median of 250 draws."""
    judged = judge(truth, random_recipes(4000, np.random.default_rng(1)), condition)
    found = np.where(judged.feasible, judged.energy, 0.0).reshape(250, 16).max(axis=1)
    return float(np.median(1.0 - found / top))


def realistic(truth: Truth) -> bool:
    """Return whether a truth is a lab that one might meet: neither trivial nor impossible, and no optimum in a corner."""
    sample = random_recipes(1000, np.random.default_rng(1))
    for condition in CONDITIONS:
        pores = truth.outcomes(sample, *CONDITIONS[condition][:2]).porosity
        if not (0.15 <= judge(truth, sample, condition).feasible.mean() <= 0.85 and 0.09 <= np.median(pores) <= 0.20):
            return False
    for condition, (low, high) in WORTH.items():
        recipes, found = _search(truth, condition, 0.0)
        at_bound = (np.abs(recipes[0] - LOWER) < 1e-9) | (np.abs(recipes[0] - UPPER) < 1e-9)
        if not low <= found.energy[0] <= high or at_bound.sum() > 1:
            return False
        if not RANDOM_REGRET[0] <= random_regret(truth, condition, float(found.energy[0])) <= RANDOM_REGRET[1]:
            return False
    return True


def draw(family: str, seed: int, attempt: int) -> Truth:
    """Return one of a seed's draws of a family's truths."""
    return FAMILIES[family](np.random.default_rng([list(FAMILIES).index(family), seed, attempt]))


def first_realistic(family: str, seed: int) -> int:
    """Return which of a seed's draws is the first realistic one."""
    found = next((attempt for attempt in range(200) if realistic(draw(family, seed, attempt))), None)
    if found is None:
        raise RuntimeError(f"no realistic lab among 200 draws of {family} {seed}; widen `realistic`")
    return found


@cache
def make_lab(family: str, seed: int) -> Lab:
    """Return a lab: the first realistic truth of its family's draws from its seed."""
    known = FIRST_REALISTIC[family]
    return Lab(family, seed, draw(family, seed, known[seed] if seed < len(known) else first_realistic(family, seed)))


def version() -> str:
    """Return a fingerprint of what the labs measure: results of another one do not compare."""
    digest = hashlib.sha256()
    for family, attempts in FIRST_REALISTIC.items():
        for seed in range(len(attempts)):
            seen = make_lab(family, seed).start(Task("hard", both_conditions=True))
            for values in (seen.recipes, seen.porosity, seen.ionic_tau, seen.electronic, *seen.capacity.values(), *seen.voltage.values()):
                digest.update(" ".join(f"{value:.5g}" for value in values.ravel()).encode())
    return digest.hexdigest()[:12]
