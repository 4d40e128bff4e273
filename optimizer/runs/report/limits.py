"""What went wrong: failures by name, and which limit broke how often."""

from __future__ import annotations

from collections import Counter

import numpy as np

from optimizer.runs.history import COMPLETED, FAILED
from optimizer.runs.report.gathered import Gathered
from optimizer.runs.report.html import paragraph, table


def failures(data: Gathered) -> list[str]:
    """Return failed evaluations by name, with an example of each."""
    failed = [one for one in data.seen if one.trial.state == FAILED]
    if not failed:
        return [paragraph("No evaluation failed.")]
    names = Counter(one.status for one in failed)
    examples = {one.status: one for one in reversed(failed)}
    rows = [
        (name, f"{n}", f"trial {examples[name].trial.number}", examples[name].detail, data.words(examples[name].trial.recipe))
        for name, n in names.most_common()
    ]
    return [
        table(
            ("failure", "evaluations", "first", "what it said", "recipe"),
            rows,
            caption="Failures by name. A failed evaluation counts for nothing and is not repeated.",
        )
    ]


def limits_broken(data: Gathered) -> list[str]:
    """Return how often each soft limit broke, the most frequent first."""
    done = [one for one in data.shown if one.trial.state == COMPLETED]
    if not done:
        return []
    units, rows = data.campaign.limit_units, []
    for name in dict.fromkeys(name for one in done for name in one.margins):
        margins = np.array([one.margins[name] for one in done if name in one.margins])
        broken = margins < 0.0
        alone = sum(one.margins.get(name, 0.0) < 0.0 and sum(m < 0.0 for m in one.margins.values()) == 1 and one.trial.percolates for one in done)
        unit = units.get(name, "")
        worst = f"{float(margins.min()):+.3g}{'' if unit in ('', '1') else ' ' + unit}"
        rows.append((name, int(broken.sum()), alone, worst))
    lost = sum(not one.trial.percolates for one in done)
    rows.append(("ions find a path", lost, sum(not one.trial.percolates and all(m >= 0.0 for m in one.margins.values()) for one in done), ""))
    rows.sort(key=lambda row: -row[1])
    shown = [(name, f"{count}", f"{100 * count / len(done):.1f} %", f"{alone}", worst if count else "") for name, count, alone, worst in rows]
    within = sum(one.trial.counts for one in done)
    caption = (
        f"Soft limits of {len(done)} evaluations completed by {data.fidelity}, of which {within} ({100 * within / len(done):.1f} %) keep all, "
        f"at {data.test}. "
        "Bounds, composition, shell budget and what can be weighed hold for every recipe asked for, by construction."
    )
    return [table(("limit", "broken", "of completed", "the only one broken", "worst margin"), shown, caption=caption)]
