"""The product without physics or simulation: the same four parameters as a design space of its own, every outcome learned from the cells."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from optimizer import read_trials, suggest_in_space
from optimizer.bayesian import NoFeasibleRecipeError
from optimizer.request import SuggestError
from optimizer.space.campaign import SpaceCampaign, parse_space_campaign
from tests.benchmarks.virtual_labs.lab import CONDITIONS, DENSITY_MIN, NOISE, TAU_MAX, History, Task
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.recipes import random_recipes

PROBABILITIES = (0.5, 0.2, 0.0)  # as in `ours`
NAMES = ("am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt")
SPACE = """
name = "virtual lab"
physics = "none"
[space.am_wt]
lower = 70
upper = 92
step = 0.5
[space.coating_se_wt]
lower = 2
upper = 25
step = 1
zero = true
[space.se_particle_um]
lower = 0.5
upper = 20
scale = "log"
[space.vgcf_wt]
lower = 0
upper = 5
step = 0.1
[[constraint]]
name = "shell budget"
expression = "100 - am_wt - vgcf_wt - am_wt * coating_se_wt / (100 - coating_se_wt)"
min = 0
[[limit]]
outcome = "porosity"
max = {porosity}
[[limit]]
outcome = "ionic_tau"
max = {tau}
[[outcome]]
name = "porosity"
unit = ""
scale = "share"
repeatability = {porosity_sd}
[[outcome]]
name = "ionic_tau"
unit = ""
scale = "log"
repeatability = {tau_sd}
"""
OBJECTIVE = """
[[outcome]]
name = "{name}"
unit = ""
repeatability = {sd}
[[objective]]
outcome = "{name}"
reference = {reference}
"""


@cache
def campaign_of(task: Task) -> SpaceCampaign:
    """Return the campaign of a task; repeatabilities are those of middling values (tau 5, 150 mAh/g, 1000 Wh/L)."""
    text = SPACE.format(porosity=1.0 - DENSITY_MIN, tau=TAU_MAX, porosity_sd=NOISE["porosity"], tau_sd=5.0 * NOISE["ionic_tau"])
    reference = CONDITIONS[task.condition].reference
    if task.objectives == 2:
        text += OBJECTIVE.format(name="capacity", sd=150.0 * NOISE["capacity"], reference=reference[0])
    text += OBJECTIVE.format(name="energy", sd=1000.0 * NOISE["capacity"], reference=0.0 if task.objectives == 1 else reference[1])
    return parse_space_campaign(text, "plain_space.py")


def ours_plain(task: Task, history: History, n: int, seed: int) -> Array:
    """Return n recipes ``(n, 4)``."""
    campaign = campaign_of(task)
    columns = {"porosity": history.porosity, "ionic_tau": history.ionic_tau, "energy": history.energy(task.condition)}
    if task.objectives == 2:
        columns["capacity"] = history.capacity[task.condition]
    named = {**dict(zip(NAMES, history.recipes.T, strict=True)), **columns}
    rows = [{name: float(values[i]) for name, values in named.items()} for i in range(len(history.recipes))]
    trials = read_trials(rows, campaign).require_clean()
    for probability in PROBABILITIES:
        try:
            answer = suggest_in_space(replace(campaign, probability=probability), n, seed, trials=trials)
        except (NoFeasibleRecipeError, SuggestError):  # none, or not n of them
            continue
        return np.array([[float(suggestion.recipe[name]) for name in NAMES] for suggestion in answer.suggestions])
    return random_recipes(n, np.random.default_rng(seed))
