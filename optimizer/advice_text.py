"""Advice in sentences, with units and conditions. Words only: every number comes from `optimizer.advice` and `optimizer.outlook`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from objectives.outcomes import OUTCOMES, Outcome
from optimizer.advice import Advice
from optimizer.explain import listed
from optimizer.fidelity_choice import Simulating
from optimizer.goal import Objective
from optimizer.noise import Scatter
from optimizer.outlook import Outlook, Range


def amount(value: float, outcome: Outcome, *, signed: bool = True) -> str:
    """Return a difference of an outcome as people say it: two or three digits, with its unit, or its name where it has none."""
    unit = outcome.label if outcome.unit == "1" else outcome.unit
    return f"{plain(value, signed=signed)} {unit}"


def plain(value: float, *, signed: bool = True) -> str:
    """Return a number with two digits or, from ten on, none after the point."""
    decimals = 0 if abs(value) >= 9.95 or value == 0.0 else min(max(1 - math.floor(math.log10(abs(value))), 0), 4)
    rounded = round(value, decimals) + 0.0
    return f"{rounded:{'+' if signed else ''}.{decimals}f}" if rounded else "0"


def _rise(value: float, outcome: Outcome) -> str:
    """Return a difference beside the outcome's name, without a unit that says the same."""
    return plain(value) if outcome.unit in ("1", outcome.label) else f"{plain(value)} {outcome.unit}"


def chance(probability: float) -> str:
    """Return a probability from samples: never quite nothing, never quite certain."""
    return "below 0.01" if probability < 0.01 else "over 0.99" if probability > 0.99 else f"{probability:.2f}"


def span(found: Range) -> str:
    """Return a 90 % interval."""
    return f"90 %: {plain(found.low)} to {plain(found.high)}"


def outlook_text(found: Outlook) -> str:
    """Return what the next cells may gain, in one or two sentences."""
    cells = "Next cell" if found.cells == 1 else f"Next {found.cells} cells"
    pairs = [(outcome, _towards(o, rise)) for o, outcome, rise in zip(found.objectives, found.outcomes, found.each, strict=True)]
    noise = listed([amount(sd, outcome, signed=False) for outcome, sd in zip(found.outcomes, found.threshold, strict=True)])
    asked = _bar(found)
    if len(pairs) == 1:
        gain = _towards(found.objectives[0], found.gain)
        said = f"{cells}: {amount(gain.mean, found.outcomes[0])} expected ({span(gain)})"
    else:
        said = f"{cells}: best " + listed([f"{outcome.label} {_rise(rise.mean, outcome)} ({span(rise)})" for outcome, rise in pairs]) + " expected"
    if found.stop:
        return f"{said}, with probability {chance(1.0 - found.beyond)} no more than {asked}, {noise}"
    beats = "all that is known" if len(pairs) == 1 else "every trade-off known"
    return f"{said}; with probability {chance(found.beyond)} one of them beats {beats} by more than {asked}, {noise}"


def _towards(objective: Objective, gain: Range) -> Range:
    """Return a gain as a change of the outcome: a fall where less is better."""
    return gain if objective.sign > 0.0 else Range(-gain.mean, -gain.high, -gain.low)


def _bar(found: Outlook) -> str:
    """Return what a gain has to exceed, in words."""
    return "the scatter of one cell" if found.threshold == found.noise else "what you ask a batch to gain"


def sentences(advice: Advice) -> list[str]:
    """Return the advice, the verdict first."""
    found = [verdict_text(advice), outlook_text(advice.outlook) + ".", _repeat_text(advice), _left_text(advice)]
    if advice.verdict != "stop":
        found += [simulating_text(one, advice) for one in advice.simulate]
        found += [learned_text(*one) for one in advice.learned]
    if advice.cost is not None:
        value, unit = advice.cost
        outlook = advice.outlook
        per = f": {amount(outlook.gain.mean / value, outlook.outcomes[0])} expected for each {unit}" if len(outlook.outcomes) == 1 else ""
        found.append(f"Cost: {value:.4g} {unit} for the next {_cells(outlook.cells)}{per}.")
    return [*found, scatter_text(advice.scatter)]


def _cells(n: int) -> str:
    return "cell" if n == 1 else f"{n} cells"


def verdict_text(advice: Advice) -> str:
    """Return what to do, in one sentence."""
    name = advice.names[advice.repeat.at] if advice.repeat else ""
    if advice.verdict == "stop":
        return (
            f"Stop{f', or repeat {name}' if name else ''}: the next {_cells(advice.outlook.cells)} will hardly gain more than {_bar(advice.outlook)}."
        )
    if advice.verdict == "repeat":
        return f"Repeat {name} before you explore: knowing it better is worth more than a new recipe."
    return f"Go on: make the next {_cells(advice.outlook.cells)}."


def _repeat_text(advice: Advice) -> str:
    """Return what one more cell is worth, of a known recipe and of a new one."""
    before = "Repeat or explore, for one cell: "
    if not advice.repeat:
        return f"{before}no measured recipe is worth repeating, since one more cell of it would not change which is best."
    repeat, best = advice.repeat, advice.new[0] if advice.new else None
    name = f"{advice.names[repeat.at]} ({advice.text(repeat.at)})"
    outcomes = advice.outlook.outcomes
    if best is None or best.value.gain <= 0.0:
        return f"{before}repeating {name} is worth something, a new recipe nothing."
    number = best.at - advice.known + 1
    if len(outcomes) == 1:
        gains = amount(repeat.value.gain, outcomes[0]), amount(best.value.gain, outcomes[0])
        said = f"a repeat of {name} is worth {gains[0]} to the best recipe made, new recipe {number} {gains[1]}"
    else:
        share = repeat.value.gain / best.value.gain
        said = f"a repeat of {name} is worth {plain(100.0 * share, signed=False)} % of what new recipe {number} is"
    dearer = f" (for its cost, {plain(repeat.rate / best.rate, signed=False)} times as much)" if repeat.cost != best.cost else ""
    return f"{before}{said}{dearer}."


def _left_text(advice: Advice) -> str:
    return f"Whole space: with probability {chance(advice.left)} it holds a recipe that is better by more than {_bar(advice.outlook)}."


def simulating_text(one: Simulating, advice: Advice) -> str:
    """Return whether to simulate the candidates before the next cell is chosen."""
    if not one.recipes:
        return f"Simulating first ({one.fidelity}): the free SE of every candidate is too fine or too coarse to be drawn."
    many = f"{one.recipes} candidate{'s' if one.recipes > 1 else ''}"
    first = f"Simulating first ({one.fidelity}, {many}, {plain(one.seconds, signed=False)} s): "
    if not one.changes:
        how = f"at a correlation of {one.correlation:g}" if advice.trusted else "however good"
        return f"{first}cannot change the next cell for the better, {how}."
    share = plain(100.0 * one.value.gain / one.gain, signed=False)
    adds = f"raises its expected gain by {share} % and changes it with probability {chance(one.value.changes)}"
    if not one.pays:
        return f"{first}{adds}, less than its cost ({plain(100.0 * one.cost_share, signed=False)} % of a cell): measure."
    if advice.trusted:
        return f"{first}{adds}: simulate."
    return f"{first}pays from a correlation of {one.correlation:g} with what is still unknown; there it {adds}."


def learned_text(correlations: Mapping[str, float], one: Simulating) -> str:
    """Return what measured cells teach of how far a fidelity's simulations are to be trusted, and what follows for the next cell."""
    taught = listed([f"{r:.2f} ({OUTCOMES[name].label})" for name, r in correlations.items()])
    first = f"Measured cells teach a correlation of {taught} of `{one.fidelity}` with what is still unknown: there simulating"
    if not one.changes:
        return f"{first} cannot change the next cell for the better."
    share = plain(100.0 * one.value.gain / one.gain, signed=False)
    return f"{first} raises the next cell's expected gain by {share} %, {'more' if one.pays else 'less'} than it costs."


def scatter_text(found: Sequence[Scatter]) -> str:
    """Return how much one cell scatters, and what says so."""
    parts = []
    for one in found:
        of = OUTCOMES[one.outcome].label if one.outcome in OUTCOMES else one.outcome
        said = f"{of} {plain(one.sd, signed=False)} {one.unit}".rstrip()
        replicates = f"{one.cells} replicates of {one.recipes} recipe{'s' if one.recipes > 1 else ''}"
        parts.append(f"{said} ({replicates}, usually {plain(one.usual, signed=False)})" if one.cells else said)
    basis = (
        "from replicates and stated errors, the usual repeatability counting as four cells" if any(o.cells for o in found) else "no replicates yet"
    )
    return f"Scatter of one cell, as standard deviation: {listed(parts)}; {basis}."
