"""What ran, when, why it ended, who chose the recipes, and what failed by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optimizer.report import rounded
from optimizer.runs.report.gathered import Gathered, duration, utc
from optimizer.runs.report.html import facts, paragraph, table, tiles
from optimizer.runs.schedule import fidelity_of


def summary(data: Gathered) -> list[str]:
    """Return the head of the page."""
    said = data.said
    counts = said["evaluations"]
    shown = [
        (f"of {counts['budget']} evaluations completed", f"{counts['completed']}"),
        ("failed", f"{counts['failed']}"),
        ("running", f"{counts['running']}"),
        ("keep every limit", f"{sum(one.trial.counts for one in data.shown)}"),
    ]
    if len(data.goal) > 1:
        shown += [("on the Pareto front", f"{len(data.front.trials)}"), (f"hypervolume, {volume_unit(data)}", f"{rounded(data.front.volume):g}")]
    ended = f"{said['state']}{': ' + said['reason'] if said['reason'] else ''}"
    return [
        tiles(shown),
        facts(
            (
                ("State", ended),
                ("When", _when(data)),
                ("Rate", f"{said['evaluations_a_second']:.3g} evaluations a second over {duration(said['seconds'])} of driving"),
                ("Campaign", f"{said['campaign']}, study {said['conditions']['study']}"),
                ("Fidelity", f"{_fidelity(data)}, seed {said['seed']}"),
                ("Conditions", "; ".join((data.test, *(f"beside it {one.c_rate:g}C, {one.temperature_c:g} C" for one in data.run.plan.conditions)))),
                ("Energies", f"{data.campaign.stack.basis}, {data.test}"),
                ("Sought", "; ".join(_sought(data))),
                ("Strategy", _strategy(data)),
                ("Repeated", f"{counts['repeated']} evaluations, begun again after an interruption"),
            )
        ),
        *_stages(data),
        *(
            paragraph(f"{utc(event['at'])}: {event['detail']}", "event")
            for event in data.events
            if event["kind"] == "strategy" and "(" in event["detail"]
        ),
    ]


def volume_unit(data: Gathered) -> str:
    """Return the unit of the hypervolume."""
    return " x ".join(data.outcome(objective).unit for objective in data.goal)


def _sought(data: Gathered) -> Iterator[str]:
    for objective in data.goal:
        outcome, side = data.outcome(objective), "above" if objective.sign > 0 else "below"
        verb = "more" if objective.sign > 0 else "less"
        basis = data.basis.get(outcome.name, data.test)
        yield f"{verb} {outcome.name.replace('_', ' ')}, counted {side} {objective.reference:g} {outcome.unit} ({basis})"


def _fidelity(data: Gathered) -> str:
    """Return the fidelity, or each one's evaluations in a run of several."""
    plan = data.run.plan
    if not plan.stages:
        return data.fidelity
    counts = Counter(fidelity_of(plan, one.trial) for one in data.seen)
    asked = ", ".join(f"{counts[fidelity]} by {fidelity}" for fidelity in plan.fidelities)
    return f"{asked}; fronts, pictures and limits below are of {data.fidelity} alone"


def _stages(data: Gathered) -> list[str]:
    """Return the stages of a run of several fidelities as a table, and what the run has cost, as far as that is counted."""
    stages, cost = data.said["stages"], data.said["cost"]
    parts = []
    if len(stages) > 1:
        keys = ("fidelity", "by", "evaluations", "completed", "failed", "running", "within_limits")
        rows = [[f"{k}", *(f"{stage[key]}" for key in keys)] for k, stage in enumerate(stages, start=1)]
        titles = ("stage", "fidelity", "chosen by", "evaluations", "completed", "failed", "running", "keep every limit")
        parts.append(table(titles, rows, caption="Stages of rising fidelity; a promotion evaluates the best of the fidelity below again."))
    if cost is not None:
        budget = "" if cost["budget"] is None else f" of a budget of {cost['budget']:g}"
        measured = "" if cost["stated"] else ", as measured"
        parts.append(paragraph(f"Cost: {cost['spent']:.6g} {cost['unit']}{budget}{measured}."))
    return parts


def _strategy(data: Gathered) -> str:
    chosen = ", ".join(f"{count} by {by}" for by, count in data.said["chosen_by"].items())
    return f"{data.said['strategy']}: {chosen}" if chosen else data.said["strategy"]


def _when(data: Gathered) -> str:
    """Return first start and last end; how often it was begun, if more than once."""
    starts = [event["at"] for event in data.events if event["kind"] == "started"]
    ends = [event["at"] for event in data.events if event["kind"] in ("finished", "stopped")]
    if not starts:
        return f"created {utc(data.run.created_at)}, not started"
    ended = f", ended {utc(ends[-1])}" if ends and ends[-1] >= starts[-1] else ""
    again = f", begun {len(starts)} times" if len(starts) > 1 else ""
    return f"started {utc(starts[0])}{ended}{again}"
