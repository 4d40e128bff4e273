"""What a lab's shelf and mill allow in one batch, and what each recipe costs it: handed to the choice of recipes as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from objectives.composition import Array, Mask
from optimizer.campaign import Campaign
from optimizer.ledger import Ledger, Needs, needs, open_ledger

Chosen = list[int]  # indices of the candidates already in the batch


@dataclass(frozen=True)
class BatchRule:
    """Which recipes may be made, and at what cost.

    Args:
        alone: Which recipes may be made at all, ``(n, d) -> (n,)``.
        together: Which candidates may join those chosen, ``(c, d), indices -> (c,)``.
        after: The rule for what is added to recipes ``(k, d)`` that are taken.
        effort: What each candidate adds to the cost of those chosen, above 0, ``(c, d), indices -> (c,)``; None: cost does not count.
    """

    alone: Callable[[Array], Mask]
    together: Callable[[Array, Chosen], Mask]
    after: Callable[[Array], BatchRule]
    effort: Callable[[Array, Chosen], Array] | None = None


def campaign_ledger(campaign: Campaign, pending: Array) -> Ledger:
    """Return what the campaign's shelf holds once the pending recipes ``(p, 4)`` are weighed."""
    batch = campaign.batch
    shelf = open_ledger(campaign.lots, batch.coatings_in_stock, batch.max_new_coatings)
    return replace(shelf.after(needs(pending, batch.batch_mg, batch.balance_mg)), begun=())


def stock_rule(campaign: Campaign, ledger: Ledger) -> BatchRule | None:
    """Return lots, new coatings and effort as a rule for what is added to a ledger; None where a campaign names none of them."""
    return _rule(campaign, ledger) if campaign.shares_powder else None


def _rule(campaign: Campaign, ledger: Ledger) -> BatchRule:
    batch, effort = campaign.batch, campaign.effort

    def wanted(recipes: Array) -> Needs:
        return needs(recipes, batch.batch_mg, batch.balance_mg)

    def alone(recipes: Array) -> Mask:
        return ledger.allows(wanted(recipes))

    def together(candidates: Array, chosen: Chosen) -> Mask:
        return ledger.after(wanted(candidates[chosen])).allows(wanted(candidates))

    def after(recipes: Array) -> BatchRule:
        return _rule(campaign, ledger.after(wanted(recipes)))

    if effort is None:
        return BatchRule(alone, together, after)
    cost = effort.of

    def added(candidates: Array, chosen: Chosen) -> Array:
        return cost(batch.batch_mg, ledger.after(wanted(candidates[chosen])).new_runs(wanted(candidates)))

    return BatchRule(alone, together, after, added)
