"""Compare the default acquisition rule with BoTorch's on the bundled data: worth of the batch, and time. Not a test.

Both choose four recipes among the same candidates. A batch is worth its expected hypervolume improvement under fresh joint
posterior samples that neither rule saw. Prints the ratio of worth and of time, medians over seeds, all in one run.

    python tests/benchmarks/acquisition.py [seeds]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from optimizer.bayesian import ACQUISITIONS, Acquisition, propose
from optimizer.campaign import load_campaign
from optimizer.candidates import Feasible
from optimizer.improvement import batch_gains
from optimizer.kernel import use_own_directory
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.samples import objective_values, reference_point

FRESH = 4096  # joint samples that judge a batch


def worth(model: FittedModel, feasible: Feasible, measured: np.ndarray, batch: np.ndarray, seed: int) -> float:
    """Return the expected hypervolume improvement of a batch under fresh samples."""
    reference = reference_point(model.campaign.objectives)
    samples = model.samples(np.concatenate([measured, batch]), FRESH, 10_000 + seed)
    values = np.where(samples.feasible[..., None], objective_values(model.campaign.objectives, samples), reference)
    k = len(measured)
    return sum(batch_gains(values[:, :k], values[:, k:], reference, range(len(batch))))


def main(seeds: int) -> None:
    """Run the comparison and print it."""
    use_own_directory()
    campaign = load_campaign()
    model = fit_model(campaign)
    constraints = campaign.constraints(model.physics)
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    measured, pending = incumbents(measured_designs(model.data, model.physics), campaign.study), np.zeros((0, 4))
    found: dict[Acquisition, list[tuple[float, float]]] = {rule: [] for rule in ACQUISITIONS}
    for rule in ACQUISITIONS:  # warm up: the compiled kernel loads at its first use
        propose(model, feasible, measured, pending, 4, 0, rule)
    for seed in range(seeds):
        for rule in ACQUISITIONS:
            start = time.perf_counter()
            batch = np.stack([choice.recipe for choice in propose(model, feasible, measured, pending, 4, seed, rule)])
            found[rule].append((worth(model, feasible, measured, batch, seed), time.perf_counter() - start))
    ratios = [ours[0] / theirs[0] for ours, theirs in zip(found["sampled"], found["qlognehvi"], strict=True)]
    speed = [theirs[1] / ours[1] for ours, theirs in zip(found["sampled"], found["qlognehvi"], strict=True)]
    print(f"{seeds} seeds, batches of 4, two objectives, limits on")
    print(f"worth of the batch, sampled over qlognehvi: median {statistics.median(ratios):.4f}, range {min(ratios):.4f}-{max(ratios):.4f}")
    print(f"time, qlognehvi over sampled: median {statistics.median(speed):.1f}")
    for rule in ACQUISITIONS:
        values, seconds = zip(*found[rule], strict=True)
        print(f"{rule}: worth median {statistics.median(values):.1f}, seconds median {statistics.median(seconds):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
