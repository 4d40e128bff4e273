"""Why a recipe is proposed in a space without physics: what changes against the nearest trial, what binds, how much is exploration."""

from __future__ import annotations

import numpy as np

from objectives.composition import Array
from optimizer.report import Interval, LimitState
from optimizer.space.model import SpaceModel
from optimizer.space.table import Trial, recipes_of

UNSURE = 0.9  # probability below which a limit is worth naming
CLOSE = 1e-9  # of a bound, in the parameter's unit: float noise


def reason(
    model: SpaceModel, row: Array, predicted: dict[str, Interval], limits: tuple[LimitState, ...], exploration: float | None, gain: float
) -> str:
    """Return the reason for one proposal, a few sentences."""
    parts = [_against_nearest(model, row), _expects(model, predicted), _binding(model, row, limits)]
    if exploration is None:
        parts.append("Chosen to fill the space, not for its expected result")
    elif gain <= 0.0:
        parts.append("No gain over what is measured is expected of it")
    else:
        parts.append(f"{100.0 * exploration:.0f} % of its expected gain is exploration")
    parts.append(_beyond(model, row))
    return ". ".join(part for part in parts if part) + "."


def _made(model: SpaceModel) -> list[Trial]:
    return [trial for trial in model.trials if trial.status == "ok" and trial.outcomes]


def _against_nearest(model: SpaceModel, row: Array) -> str:
    made, campaign = _made(model), model.campaign
    if not made:
        return "Nothing has been measured yet"
    features = campaign.space.features(recipes_of(made, campaign))
    trial = made[int(np.argmin(np.linalg.norm(features - campaign.space.features(row[None, :]), axis=1)))]
    old, new = (campaign.values(np.array([x])) for x in (trial.recipe, row))
    changes = [
        f"{p.name} {p.text(float(old[p.name][0]))} -> {p.text(float(new[p.name][0]))}" for p in campaign.declared if old[p.name] != new[p.name]
    ]
    results = [f"{name} {m.value:.4g} {campaign.outcomes[name].unit}".rstrip() for name, m in trial.outcomes.items()]
    return f"From {trial.name} (measured {', '.join(results)}): {', '.join(changes) or 'the same recipe'}"


def _expects(model: SpaceModel, predicted: dict[str, Interval]) -> str:
    shown = [(o.outcome, predicted[o.outcome]) for o in model.campaign.objectives if o.outcome in predicted]
    return "Expects " + " and ".join(f"{name} {i.mean:.4g} {i.unit} ({i.low:.4g} to {i.high:.4g})" for name, i in shown) if shown else ""


def _binding(model: SpaceModel, row: Array, limits: tuple[LimitState, ...]) -> str:
    campaign = model.campaign
    values = campaign.values(row[None, :])
    felt = [
        f"{p.name} at its {'lower' if abs(values[p.name][0] - p.lower) < CLOSE else 'upper'} bound"
        for p in campaign.declared
        if p.name not in {campaign.space.parameters[i].name for i in campaign.space.categories}
        and min(abs(values[p.name][0] - p.lower), abs(values[p.name][0] - p.upper)) < CLOSE
    ]
    felt += [f"{s.name} (holds with probability {s.probability:.2f})" for s in limits if s.kind != "hard" and s.probability < UNSURE]
    felt += [s.name for s in limits if s.kind == "hard" and not s.name.startswith("bounds.") and s.margin < CLOSE]
    return "Binds: " + ", ".join(felt) if felt else "No limit binds"


def _beyond(model: SpaceModel, row: Array) -> str:
    made, campaign = _made(model), model.campaign
    if not made:
        return ""
    known, here = campaign.values(recipes_of(made, campaign)), campaign.values(row[None, :])
    outside = []
    for i, p in enumerate(campaign.declared):
        column, value = known[p.name], here[p.name][0]
        is_category = campaign.declared[i].name in {campaign.space.parameters[k].name for k in campaign.space.categories}
        if (is_category and value not in column) or (not is_category and not column.min() - CLOSE <= value <= column.max() + CLOSE):
            outside.append(p.name)
    return f"Extrapolates: {', '.join(outside)} beyond every measured trial" if outside else ""
