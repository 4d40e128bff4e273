"""Score runs in virtual labs: the table and the verdicts on the targets.

    python -m tests.benchmarks.virtual_labs.score [more-results.jsonl ...] [--method ours] [--objectives 1] [--both-conditions]

Reads the committed runs of the others beside the files named, and drops lines that other versions of the labs gave.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.virtual_labs.lab import CONDITIONS, FAMILIES, version
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.run import read

COMMITTED = Path(__file__).parent / "results"
OTHERS = ("botorch", "optuna-gp", "tpe", "random")
NEVER = 64  # cells that a run counts which never came within `NEAR`
NEAR = 0.03
RESAMPLES = 4000
WORST = 0.01  # of the best Wh/L: how much worse than the plain loop a lab may end
P_VALUE = 0.01
TARGETS: Mapping[str, tuple[float, float]] = {"easy": (1 / 3, 1 / 5), "hard": (1 / 2, 1 / 2)}  # of the best other: cells, regret after 16

Lab = tuple[str, int]
Runs = Mapping[str, Mapping[Lab, Mapping[str, Any]]]  # by method and lab


class Score(NamedTuple):
    """One method in the same labs, each ``(labs,)``."""

    cells: Array  # to within `NEAR`, `NEVER` for never
    after_16: Array  # regret
    after_32: Array
    end: Array  # regret of its last cell

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]]) -> Score:
        """Return the score of runs."""
        return cls(*np.array([[cells_to(line), after(line, 16), after(line, 32), line["regret"][-1]] for line in lines], dtype=float).T)


def cells_to(line: Mapping[str, Any]) -> int:
    """Return the cells after which a run was within `NEAR` of the best, whole batches counted; `NEVER` if it never was."""
    reached = np.flatnonzero(np.array(line["regret"]) <= NEAR)
    return int(line["start"] + line["batch"] * reached[0]) if len(reached) else NEVER


def after(line: Mapping[str, Any], cells: int) -> float:
    """Return the regret after so many cells, or the last there is."""
    regret: Sequence[float] = line["regret"]
    return regret[min((cells - line["start"]) // line["batch"], len(regret) - 1)]


def bootstrap(*values: Array) -> Array:
    """Return means of resampled labs, the same resamples for each argument: ``(arguments, RESAMPLES)``."""
    picks = np.random.default_rng(0).integers(0, len(values[0]), (RESAMPLES, len(values[0])))
    return np.stack([value[picks].mean(axis=1) for value in values])


def paired_p(ours: Array, theirs: Array) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test over labs; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(ours, theirs).pvalue) if np.any(ours != theirs) else 1.0


def show(scores: Mapping[str, Score]) -> None:
    """Print the table of one condition and family."""
    print(f"  {'method':<12}{'cells to 3 %':>22}{'reached':>10}{'regret after 16':>20}{'after 32':>16}{'end':>16}")
    for name, score in scores.items():
        low, high = np.percentile(bootstrap(score.cells), [2.5, 97.5])
        regrets = "".join(f"{np.median(r):>9.3f} ({r.mean():.3f})" for r in (score.after_16, score.after_32, score.end))
        reached = f"{int((score.after_32 <= NEAR).sum())}/{len(score.cells)}"
        print(f"  {name:<12}{score.cells.mean():>8.1f} [{low:.1f}, {high:.1f}]{reached + ' by 32':>13}  {regrets}")


def verdicts(scores: Mapping[str, Score], ours: str, condition: str) -> None:
    """Print how ours compares with the best of the others, against the targets."""
    mine, others = scores[ours], {name: scores[name] for name in OTHERS if name in scores}
    if not others:
        return
    cells_target, regret_target = TARGETS[condition]
    rival = min(others, key=lambda name: float(others[name].cells.mean()))
    ratio = mine.cells.mean() / others[rival].cells.mean()
    low, high = np.percentile(np.divide(*bootstrap(mine.cells, others[rival].cells)), [2.5, 97.5])
    p = paired_p(mine.cells, others[rival].cells)
    _verdict(ratio <= cells_target, f"cells to 3 %: {ratio:.2f} [{low:.2f}, {high:.2f}] of {rival}, target {cells_target:.2f}")
    _verdict(p < P_VALUE and ratio < 1.0, f"paired Wilcoxon on cells against {rival}: p {p:.2g}, target {P_VALUE:g}")
    for name, middle in (("median", np.median), ("mean", np.mean)):
        rival = min(others, key=lambda other: float(middle(others[other].after_16)))
        ratio = float(middle(mine.after_16) / middle(others[rival].after_16))
        p = paired_p(mine.after_16, others[rival].after_16)
        _verdict(
            ratio <= regret_target, f"{name} regret after 16 cells: {ratio:.2f} of {rival}, target {regret_target:.2f} (paired Wilcoxon p {p:.2g})"
        )
    if "botorch" in others:
        plain = others["botorch"]
        worse, worse_32 = mine.end - plain.end, mine.after_32 - plain.after_32
        _verdict(
            bool((worse <= WORST).all()),
            f"labs where it ends worse than the plain loop by over {WORST:.0%}: {(worse > WORST).sum()} of {len(worse)} "
            f"(worst {worse.max():+.3f}); after 32 cells of both: {(worse_32 > WORST).sum()} (worst {worse_32.max():+.3f})",
        )


def _verdict(met: bool, text: str) -> None:
    print(f"  {'MET   ' if met else 'missed'} {text}")


def gather(lines: Iterable[Mapping[str, Any]], condition: str, families: Sequence[str]) -> Runs:
    """Return the runs of a condition by method and lab."""
    found: dict[str, dict[Lab, Mapping[str, Any]]] = {}
    for line in lines:
        if line["condition"] == condition and line["family"] in families:
            found.setdefault(line["method"], {})[line["family"], line["lab"]] = line
    return found


def common(runs: Runs, methods: Sequence[str]) -> dict[str, Score]:
    """Return the scores of methods in the labs that all of them have run."""
    labs = sorted(set.intersection(*(set(runs[name]) for name in methods)))
    return {name: Score.of(runs[name][lab] for lab in labs) for name in methods} if labs else {}


def main() -> None:
    """Print tables and verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", type=Path)
    parser.add_argument("--method", default="ours", help="which is judged against the others")
    parser.add_argument("--objectives", type=int, default=1, choices=(1, 2))
    parser.add_argument("--both-conditions", action="store_true", help="the method judged had both conditions of each cell")
    parser.add_argument(
        "--others", nargs="+", default=list(OTHERS), choices=[*OTHERS, "ours-plain"], help="which to compare with: labs that lack one do not count"
    )
    options = parser.parse_args()
    labs, methods = version(), {options.method, "ours-plain", *options.others}
    lines = read([*sorted(COMMITTED.glob("*.jsonl")), *options.results])
    fitting = [line for line in lines if line["version"] == labs and line["objectives"] == options.objectives and line["method"] in methods]
    if any(line["version"] != labs for line in lines):
        print(f"{sum(line['version'] != labs for line in lines)} runs are of other labs than these ({labs}) and do not count: run them again")
    # The others' runs under one condition stand in where they were not given both.
    wanted = {(line["method"], line["both_conditions"]) for line in fitting}
    if options.both_conditions:
        alone = sorted({name for name, both in wanted if not both} - {name for name, both in wanted if both})
        print(f"not given both conditions: {', '.join(alone) or 'none'}")
    kept = [line for line in fitting if line["both_conditions"] is (options.both_conditions and (line["method"], True) in wanted)]
    for condition in CONDITIONS:
        for families in ((name,) for name in FAMILIES):
            _report(gather(kept, condition, families), options.method, condition, families)
        _report(gather(kept, condition, tuple(FAMILIES)), options.method, condition, tuple(FAMILIES))


def _report(runs: Runs, ours: str, condition: str, families: tuple[str, ...]) -> None:
    order = [name for name in (ours, "ours-plain", *OTHERS) if name in runs]
    scores = common(runs, list(dict.fromkeys(order))) if order else {}
    if not scores:
        return
    print(f"\n{condition}, {' and '.join(families)} labs, {len(next(iter(scores.values())).cells)} of them:")
    show(scores)
    if ours in scores:
        verdicts(scores, ours, condition)


if __name__ == "__main__":
    main()
