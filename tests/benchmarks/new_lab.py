"""What a new lab may expect on real data: each bundled study as a lab that nobody has seen, its other designs as its own cells, one design predicted.

The physics is calibrated without the study; what simulations add to it has the shipped calibration. A lab's physics moves along its slopes at the
calibration, where the product computes it anew: in two studies that costs the product 0.1 of log density more. Prints errors, coverage of 90 %
intervals and log density on the natural scale, by how far a lab's parameters may lie from what studies share, in units of their priors.

OMP_NUM_THREADS=1 python tests/benchmarks/new_lab.py [deviation ...]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from objectives.composition import Array
from objectives.outcomes import LEARNED
from surrogates.calibration.fit import as_calibration, build_problem, fit
from surrogates.calibration.targets import Target
from surrogates.fusion.fit import fit_fused
from surrogates.fusion.simulated import bundled_correction
from surrogates.protocol import OutcomeData
from surrogates.training import ElectrodeData
from surrogates.validation import LEVEL, design_folds

FEWEST = 3  # designs of a study that is to be a lab
DEVIATIONS = (0.6, 1.0, 1.5)
Rows = Mapping[str, OutcomeData]


class Left(NamedTuple):
    """Left-out rows of one outcome, as predicted: how far off ``(n,)``, in standard deviations of the prediction with noise, and these."""

    off: Array
    sd: Array


def moved(rows: Rows, by: Array) -> Rows:
    """Return rows with their physics moved along its slopes."""
    return {
        name: replace(data, inputs=replace(data.inputs, physics=data.inputs.physics + data.inputs.directions @ by)) for name, data in rows.items()
    }


def as_labs(study: str, designs: Sequence[str]) -> list[dict[str, Left]]:
    """Return for each design of a study, left out with all that it measured, how it is predicted by outcome."""
    problem = build_problem()
    fitted = fit(problem, use=lambda target: target.study != study, ordinal=False, without_studies=(study,))
    data = ElectrodeData(problem, as_calibration(fitted), use=lambda target: target.study != study)
    training, lab = {name: data.training(name) for name in LEARNED}, float(len(data.studies))

    def of(wanted: Sequence[str]) -> dict[str, OutcomeData]:
        found = {}
        for name, rows in training.items():
            mine = np.array([t.study == study and bool(set(wanted) & set(t.designs)) for t in rows.targets], dtype=bool)
            if mine.any():
                kept = rows.data.take(mine)
                found[name] = replace(kept, inputs=replace(kept.inputs, study=np.full(int(mine.sum()), lab)))
        return found

    def elsewhere(target: Target) -> bool:
        return target.study != study

    pool = {name: rows.data.take(np.array([elsewhere(t) for t in rows.targets], dtype=bool)) for name, rows in training.items()}
    answers = []
    for design in designs:
        own, left = of([other for other in designs if other != design]), of([design])
        found = fit_fused(pool, lambda point, own=own: moved(own, point - data.point), data.prior, lab, len(data.studies), bundled_correction())  # type: ignore[misc]
        answer = {}
        for name, rows in moved(left, found.point - data.point).items():
            seen = found.fused.predict(name, rows.inputs).with_noise(rows.noise_sd)
            answer[name] = Left((rows.values - seen.mean) / seen.sd, seen.sd)
        answers.append(answer)
    return answers


def main(deviations: Sequence[float]) -> None:
    """Print."""
    designs: dict[str, list[str]] = {}
    for fold in design_folds():
        designs.setdefault(fold.study, []).append(str(fold.design))
    half = NormalDist().inv_cdf(0.5 + LEVEL / 2.0)
    for deviation in deviations:
        with patch("surrogates.fusion.linearised.OWN_SD", deviation):
            answers = [one for study, of in designs.items() if len(of) >= FEWEST for one in as_labs(study, of)]
        for name in LEARNED:
            off, sd = (np.concatenate([getattr(one[name], part) for one in answers if name in one]) for part in Left._fields)
            error, density = np.abs(off * sd), -0.5 * off**2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
            held, rms = np.mean(np.abs(off) <= half), np.sqrt((error**2).mean())
            print(
                f"own deviation {deviation:<5g}{name:<29}{len(off):>3} rows: median error {np.median(error):.3f}, rms {rms:.3f}, "
                f"{LEVEL:.0%} intervals hold {held:.0%}, log density {density.mean():+.3f}"
            )


if __name__ == "__main__":
    main([float(one) for one in sys.argv[1:]] or DEVIATIONS)
