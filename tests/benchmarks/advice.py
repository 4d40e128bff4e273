"""How often advice to stop is wrong: virtual labs (tests/benchmarks/virtual_labs) follow the proposals and are asked each round. Not a test.

The advice sees noisy cells only; the truth, without noise, judges it: what the next four cells would have gained, and what the best recipe of
all would have. Both families, whose form differs from our physics; Wh/L under the labs' two limits, 8 starting cells, then batches of four.

    OMP_NUM_THREADS=1 python tests/benchmarks/advice.py [labs a family] [cells] [easy|hard]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from optimizer.advice import Advice, advise_from
from optimizer.bayesian import NoFeasibleRecipeError
from optimizer.campaign import Campaign
from optimizer.kernel import use_own_directory
from optimizer.model import fit_model
from surrogates.scores import wilson
from tests.benchmarks.virtual_labs.lab import FAMILIES, Lab, Task, best, judge, make_lab
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of

BATCH = 4


@dataclass(frozen=True)
class Asked:
    """One round of one lab: the advice, and what would truly have come, Wh/L."""

    lab: str
    cells: int
    advice: Advice
    batch_gain: float
    most: float  # that any recipe of the space would gain

    @property
    def threshold(self) -> float:
        """Scatter of one cell, as the advice sees it."""
        return self.advice.outlook.threshold[0]


def follow(lab: Lab, campaign: Campaign, task: Task, most_cells: int) -> list[Asked]:
    """Return every round of a lab that makes what is proposed, whatever the advice says; it ends where no recipe can be proposed."""
    history, rounds = lab.start(task), []
    top = best(lab.family, lab.seed, task.condition).energy
    while len(history.recipes) < most_cells:
        seed = len(history.recipes)
        try:
            advice = advise_from(fit_model(campaign, cells=cells_of(history)), BATCH, seed, np.zeros((0, 4)))
        except NoFeasibleRecipeError:
            break
        batch = advice.recipes[advice.known :][:BATCH]
        measured, proposed = judge(lab.truth, history.recipes, task.condition), judge(lab.truth, batch, task.condition)
        had = max(float(measured.energy[measured.feasible].max(initial=0.0)), campaign.objectives[0].reference)
        gained = max(float(proposed.energy[proposed.feasible].max(initial=0.0)) - had, 0.0)
        rounds.append(Asked(f"{lab.family} {lab.seed}", seed, advice, gained, max(top - had, 0.0)))
        history = history.and_then(lab.measure(batch, task, len(history.recipes)))
    return rounds


def rate(label: str, wrong: Sequence[bool]) -> str:
    """Return a share with its Wilson interval."""
    low, high = wilson(sum(wrong), len(wrong))
    return f"{label}: {sum(wrong)} of {len(wrong)}" + (f", {sum(wrong) / len(wrong):.1%} (95 %: {low:.1%} to {high:.1%})" if wrong else "")


def show(rounds: Sequence[Asked]) -> None:
    """Print the false stops, of each lab's first advice to stop and of all, and how well the probability is calibrated."""
    stops = [one for one in rounds if one.advice.outlook.stop]
    first = list({one.lab: one for one in reversed(stops)}.values())
    labs = len({one.lab for one in rounds})
    after = f", after {np.median([one.cells for one in first]):g} cells (median)" if first else ""
    print(f"{labs} labs, {len(rounds)} rounds; {len(first)} labs were told to stop{after}")
    for name, some in (("first stop of each lab", first), ("every stop", stops)):
        print(rate(f"{name}: the next {BATCH} cells would have gained more than the noise", [s.batch_gain > s.threshold for s in some]))
        print(rate(f"{name}: some recipe would have gained more than the noise", [s.most > s.threshold for s in some]))
        if some:
            print(f"  lost by stopping, Wh/L: median {np.median([s.most for s in some]):.0f}, largest {max(s.most for s in some):.0f}")
    going = [one for one in rounds if not one.advice.outlook.stop]
    print(rate("advice to go on: the next cells gained more than the noise", [s.batch_gain > s.threshold for s in going]))
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.01)):
        some = [one for one in rounds if low <= one.advice.outlook.beyond < high]
        if some:
            said = float(np.mean([one.advice.outlook.beyond for one in some]))
            print(
                rate(
                    f"  said with probability {low:g} to {min(high, 1.0):g} (mean {said:.2f}), came true", [s.batch_gain > s.threshold for s in some]
                )
            )
    inside = [one.advice.outlook.gain.low - 1e-9 <= one.batch_gain <= one.advice.outlook.gain.high + 1e-9 for one in rounds]
    print(rate("gain of the next cells inside its 90 % interval", inside))


def main(labs: int, most_cells: int, condition: str) -> None:
    """Run and print."""
    use_own_directory()
    task = Task(condition)
    campaign = campaign_of(task)
    start, rounds = time.process_time(), []
    for family in FAMILIES:
        mine: list[Asked] = []
        for seed in range(labs):
            mine.extend(follow(make_lab(family, seed), campaign, task, most_cells))
        print(f"\n{family} family, {condition} condition, to {most_cells} cells")
        show(mine)
        rounds.extend(mine)
    print(f"\nboth families, {time.process_time() - start:.0f} CPU s")
    show(rounds)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 20, int(given[1]) if len(given) > 1 else 40, given[2] if len(given) > 2 else "easy")
