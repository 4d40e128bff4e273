"""Preparing a batch: what to weigh for each cell, of which lots and runs of the mill, at what cost; and which recipe is its control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from objectives.composition import Array
from objectives.constraints import holds
from objectives.recipe import Recipe, format_coating
from objectives.weighing import Sheet, mill_charge, sheet
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.ledger import Ledger, Needs, Powder, needs
from optimizer.protocol import Model
from optimizer.request import SuggestError
from optimizer.samples import objective_values
from optimizer.stock import Cost

CONTROL_SAMPLES = 512  # for the mean of the first objective at measured recipes


@dataclass(frozen=True)
class Preparation:
    """How one cell of a batch is made.

    Args:
        sheet: What to weigh.
        powder: Where its coated powder comes from; None where every recipe has a run of its own.
        miller: Place in the batch of the cell whose run of the mill its powder comes from; its own place otherwise.
        takers: Places of the cells, its own too, whose powder its run makes; empty where it makes none.
        lots: Names of the lots it takes from, by ``se`` and ``coated``.
        cost: What it costs; None where a campaign does not say.
    """

    sheet: Sheet
    powder: Powder | None = None
    miller: int = 0
    takers: tuple[int, ...] = ()
    lots: Mapping[str, str] | None = None
    cost: Cost | None = None


def wanted(campaign: Campaign, recipes: Sequence[Recipe]) -> Needs:
    """Return what recipes take from the shelf, one batch mass each."""
    rows = np.array([recipe.values() for recipe in recipes]).reshape(-1, campaign.space.dimension)
    return needs(rows, campaign.batch.batch_mg, campaign.batch.balance_mg)


def prepare(campaign: Campaign, feasible: Feasible, controls: Sequence[Recipe], recipes: Sequence[Recipe], ledger: Ledger) -> list[Preparation]:
    """Return how each cell of a batch is made: the controls, which need not keep the limits, then the recipes, in their order.

    Recipes that share coated powder are weighed of powder of exactly their coating. A run of the mill makes it for all that want it,
    and stands on the sheet of the first.
    """
    batch = campaign.batch
    weighed = partial(sheet, batch_mg=batch.batch_mg, balance=batch.balance, mill_minimum_mg=campaign.mill_minimum_mg)
    sheets = [weighed(recipe) for recipe in controls]
    sheets += [weighed(recipe, accept=lambda x: holds(feasible.constraints, x), within=campaign.half_step) for recipe in recipes]
    if not campaign.shares_powder:
        return [Preparation(one) for one in sheets]
    cells = [*controls, *recipes]
    powders = ledger.powders(wanted(campaign, cells))
    prepared = []
    for place, (cell, one, (powder, miller)) in enumerate(zip(cells, sheets, powders, strict=True)):
        takers = tuple(i for i, other in enumerate(powders) if other == ("run", place))
        cost = campaign.effort.cost(batch.batch_mg, run=bool(takers)) if campaign.effort else None
        made = _milled(campaign, one, sum(sheets[i].masses_mg["mix_coated_powder"] for i in takers)) if takers else one
        prepared.append(Preparation(made, powder, miller, takers, _lots(campaign, cell, one, powder), cost))
    return prepared


def _milled(campaign: Campaign, one: Sheet, needed_mg: float) -> Sheet:
    am_mg, se_mg = mill_charge(one.recipe.coating_se_wt, needed_mg, campaign.batch.balance, campaign.batch.mill_minimum_mg)
    return replace(one, masses_mg={**one.masses_mg, "coating_am": am_mg, "coating_se": se_mg})


def _lots(campaign: Campaign, recipe: Recipe, one: Sheet, powder: Powder) -> dict[str, str]:
    """Return the named lots that a recipe takes from."""
    se, coated = campaign.lots.of(recipe)
    takes = {"se": se if one.masses_mg["mix_free_se"] > 0.0 else None, "coated": coated if powder == "stock" else None}
    return {kind: lot.name for kind, lot in takes.items() if lot}


def choose_control(model: Model, campaign: Campaign, measured: Array, blocks: int, ledger: Ledger, seed: int) -> Recipe | None:
    """Return the control of a batch: the one that the campaign states, or the measured recipe that the first objective is best for.

    "Best" is the model's mean, in which replicates and neighbours count, among the measured recipes of the study that can be weighed and
    made of what is left, once a block.

    Raises:
        SuggestError: If the stated control cannot be made of what is left, or no measured recipe can.
    """
    control = campaign.batch.control
    if control is None:
        return None
    if isinstance(control, Recipe):
        if not _can_be_made(campaign, control, blocks, ledger):
            raise SuggestError(
                f"the control needs {blocks} x {campaign.batch.batch_mg:g} mg of {format_coating(control.coating_se_wt)} with SE of "
                f"{control.se_particle_um:g} um, which lots and max_new_coatings do not allow; choose another control or add a lot"
            )
        return control
    if len(measured):
        values = objective_values(campaign.objectives, model.samples(measured, CONTROL_SAMPLES, seed, joint=False))
        for i in np.argsort(-values[..., 0].mean(axis=0), kind="stable"):
            recipe = Recipe.from_row(measured[i])
            if recipe.free_se_wt >= 0.0 and _can_be_made(campaign, recipe, blocks, ledger):
                return recipe
    raise SuggestError(
        f'control = "best" needs a measured recipe of study {campaign.study} that can be made of the lots, got none of {len(measured)}; '
        "give the control as a recipe"
    )


def _can_be_made(campaign: Campaign, recipe: Recipe, times: int, ledger: Ledger) -> bool:
    one = wanted(campaign, [recipe])
    for _ in range(times):
        if not ledger.allows(one)[0]:
            return False
        ledger = ledger.after(one)
    return True
