"""The fused model of a lab: physics with shared parameters and a plain Gaussian process, averaged by how well each predicts unseen cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from objectives.composition import Array
from surrogates.fusion.average import Fused, average
from surrogates.fusion.linearised import AtPoint, fit_linearised
from surrogates.fusion.many import merged
from surrogates.fusion.plain import fit_plain
from surrogates.fusion.prior import PhysicsPrior
from surrogates.fusion.rows import joined
from surrogates.fusion.simulated import Correction, corrected
from surrogates.protocol import OutcomeData


class FusedFit(NamedTuple):
    """A fused model, where its physics is linearised ``(p,)``, and the rows it was fitted to, the lab's last."""

    fused: Fused
    point: Array
    training: Mapping[str, OutcomeData]


def fit_fused(
    pool: Mapping[str, OutcomeData], cells: AtPoint, prior: PhysicsPrior, lab: float, known: int, simulated: Correction | None = None
) -> FusedFit:
    """Return the fused model; arguments as in `fit_linearised`, and what simulated electrodes add, if they are to be heard. Deterministic."""

    def few(point: Array) -> dict[str, OutcomeData]:
        return {name: merged(name, rows) for name, rows in cells(point).items()}

    physics, point = fit_linearised(pool, few, prior, lab, known)
    mine = few(point)
    training = {name: joined(rows, mine.get(name)) for name, rows in pool.items()}
    models = {"physics": physics, "data": fit_plain(training)}
    if simulated is not None:
        models["simulation"] = corrected(physics, simulated)
    return FusedFit(average(models, training, lab, known), point, training)


def no_cells(point: Array) -> dict[str, OutcomeData]:
    """Return the rows of a lab that has none."""
    del point
    return {}
