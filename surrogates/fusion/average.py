"""How far to trust the physics, outcome by outcome: models averaged by how well each predicted cells that it was not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import ndtri, softmax
from scipy.stats.qmc import Sobol

from objectives.composition import Array
from surrogates.fusion.linearised import LinearBasis
from surrogates.fusion.process import Seen
from surrogates.fusion.shared import SharedModel
from surrogates.protocol import Inputs, OutcomeData, Prediction

PRIOR_TRUST = {"physics": 0.8, "simulation": 0.1, "data": 0.1}  # before the cells' votes are counted; docs/decisions/0014-fusion.md compares
UNSEEN = {"physics": 8.0 / 9.0, "simulation": 1.0 / 9.0, "data": 0.0}  # a lab that measured nothing: as above, but for the data
BOOTSTRAP = 400  # reweightings of the cells, against a few of them deciding
COMPOSITION = 4  # features that make a cell; the others are its test


@dataclass(frozen=True)
class Fused:
    """Models of all outcomes under names, and how much each counts for each outcome."""

    models: Mapping[str, SharedModel]
    trust: Mapping[str, Mapping[str, float]]  # by outcome, then model; sums to one
    judged_by: Mapping[str, int]  # rows, by outcome, that the trust is learned from; none: nothing was measured

    def predict(self, name: str, inputs: Inputs) -> Prediction:
        """Return mean and standard deviation of the average at each point by itself."""
        seen = self._seen(name, inputs)
        parts = [(weight, self.models[model].predict(name, inputs, seen[model])) for model, weight in self.trust[name].items()]
        mean: Array = sum((w * p.mean for w, p in parts), np.zeros(len(inputs)))
        variance: Array = sum((w * (p.sd**2 + (p.mean - mean) ** 2) for w, p in parts), np.zeros(len(inputs)))
        return Prediction(mean, np.sqrt(variance))

    def draws(self, inputs: Mapping[str, Inputs], n: int, seed: int, *, joint: bool = True) -> dict[str, Array]:
        """Return n samples ``(n, m)`` of each outcome at m points: joint over the points, or each point by itself beyond the shared weights.

        Each model gives its share of the samples; within the physics' share all outcomes come from one draw of its parameters.
        """
        widths = {model: fitted.weights.size for model, fitted in self.models.items() if fitted.weights.size}
        base = _normals(max(widths.values(), default=1), n, seed)  # one for all models: a scrambled sequence of many dimensions takes its time
        weights = {model: self.models[model].draw_weights(base[:, :width]) for model, width in widths.items()}
        found = {}
        for k, (name, points) in enumerate(inputs.items()):
            rng = np.random.default_rng([seed, k, n])
            noise = rng.permutation(_normals(len(points) if joint else 1, n, seed), axis=0)
            turns = rng.permutation(n)
            ends = np.round(np.cumsum(list(self.trust[name].values())) * n).astype(int)
            sampled, seen = np.empty((n, len(points))), self._seen(name, points)
            for model, rows in zip(self.trust[name], np.split(turns, ends[:-1]), strict=True):
                if len(rows):
                    drawn = weights[model][rows] if model in weights else np.zeros((len(rows), 0))
                    sampled[rows] = self.models[model].draw(name, points, drawn, noise[rows], seen[model])
            found[name] = sampled
        return found

    def moments(self, name: str, inputs: Inputs) -> tuple[Array, Array]:
        """Return mean ``(m,)`` and covariance ``(m, m)`` of the average, joint over the points."""
        mean, covariance, seen = self.predict(name, inputs).mean, np.zeros((len(inputs), len(inputs))), self._seen(name, inputs)
        for model, weight in self.trust[name].items():
            apart = self.models[model].predict(name, inputs, seen[model]).mean - mean
            covariance += weight * (self.models[model].covariance(name, inputs, seen[model]) + np.outer(apart, apart))
        return mean, covariance

    def numbers(self, n: int, seed: int) -> Array:
        """Return n posterior samples of the lab's calibrated numbers, ``(n, p)``, in units of their priors: what its cells say of the physics."""
        physics = self.models["physics"]
        assert isinstance(physics.basis, LinearBasis)
        return physics.basis.numbers(physics.draw_weights(_normals(physics.weights.size, n, seed)))

    def _seen(self, name: str, inputs: Inputs) -> dict[str, Seen]:
        """Return points as each model's rows see them; models of the same rows, as physics and simulation are, share it."""
        found: dict[str, Seen] = {}
        for model, fitted in self.models.items():
            rows = fitted.processes[name].rows
            found[model] = next((seen for seen in found.values() if seen.rows is rows), None) or fitted.seen(name, inputs)
        return found

    def extended(self, rows: Mapping[str, OutcomeData]) -> Fused:
        """Return the average with further rows, nothing refitted; trust stays as it was learned."""
        return replace(self, models={model: fitted.extended(rows) for model, fitted in self.models.items()})


@dataclass(frozen=True)
class FusedPredictor:
    """One outcome of a fused model, by itself."""

    fused: Fused
    name: str

    def predict(self, inputs: Inputs) -> Prediction:
        """Return the prediction at each point."""
        return self.fused.predict(self.name, inputs)


def average(models: Mapping[str, SharedModel], training: Mapping[str, OutcomeData], lab: float, known: int) -> Fused:
    """Return the average of models fitted to the same rows, for a lab.

    Each outcome's trust follows from the predictive density of the lab's cells, every one left out with all that it measured, summed over
    bootstrapped cells (pseudo-BMA+, Yao et al. 2018). A bundled study (index below ``known``) is judged by the cells of all of them. Where a
    lab has measured nothing the physics counts alone: it predicts whole studies left out better than the data do.
    """
    cells = {name: _cells(data.inputs) for name, data in training.items()}
    mine = {name: (data.inputs.study == lab) | (0.0 <= lab < known) for name, data in training.items()}
    density = {model: fitted.left_out(cells) for model, fitted in models.items()} if any(rows.any() for rows in mine.values()) else {}
    trust = {}
    for name, rows in mine.items():
        found = _weights(np.array([density[m][name][rows] for m in models]), cells[name][rows], models) if rows.any() else UNSEEN
        total = sum(found[model] for model in models)
        trust[name] = {model: found[model] / total for model in models}
    return Fused(models, trust, {name: int(rows.sum()) for name, rows in mine.items()})


def _weights(density: Array, label: Array, models: Iterable[str]) -> dict[str, float]:
    """Return the models' weights from densities ``(models, rows)`` whose rows belong to labelled cells."""
    total = np.stack([density[:, label == one].sum(axis=1) for one in np.unique(label)])  # (cells, models)
    share = np.random.default_rng(0).dirichlet(np.ones(len(total)), BOOTSTRAP) * len(total)
    prior = np.log([PRIOR_TRUST[model] for model in models])
    return {model: float(w) for model, w in zip(models, softmax(share @ total + prior, axis=1).mean(axis=0), strict=True)}


def _cells(inputs: Inputs) -> Array:
    """Return a label a row: its cell, which is recipe and study; replicates and other tests of a recipe are one."""
    rows = np.column_stack([inputs.study, np.round(inputs.features[:, :COMPOSITION], 6)])
    return np.array([hash(tuple(row)) for row in rows.tolist()], dtype=np.int64)


@lru_cache(maxsize=12)
def _normals(width: int, n: int, seed: int) -> Array:
    """Return n scrambled-Sobol standard normal rows ``(n, width)``; kept, since the outcomes of one question share them."""
    drawn = Sobol(width, scramble=True, rng=np.random.default_rng([seed, width])).random(1 << (n - 1).bit_length())[:n]
    return np.asarray(ndtri(np.clip(drawn, 1e-9, 1.0 - 1e-9)))
