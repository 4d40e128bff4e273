"""A ledger of what a batch takes from the shelf: what is left of every lot, and which runs of the mill are begun. Knows no campaign.

Masses are in mg. Of every recipe, the most that rounding to the balance can make of it is reckoned with, so that no lot is overdrawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from objectives.composition import Array, Mask, required_shell_wt, se_wt
from objectives.physics import SAME_SIZE
from optimizer.stock import Lots

ROUNDED = 3.0  # units of the balance that rounding adds at most: 1.5 each to coated powder and VGCF, and both together to the free SE
Powder = Literal["plain", "stock", "run"]  # an uncoated recipe's AM, coated powder from a lot, or from a run of the mill


class Needs(NamedTuple):
    """What recipes take from the shelf, each ``(n,)``."""

    size: Array  # um
    free_se: Array  # mg, of SE of that size
    coating: Array  # wt%; 0 is uncoated
    coated: Array  # mg, of powder of that coating; 0 where uncoated

    def row(self, i: int) -> Needs:
        """Return one recipe's."""
        return Needs(*(column[[i]] for column in self))


def needs(recipes: Array, batch_mg: float, balance_mg: float) -> Needs:
    """Return what recipes ``(n, 4)`` take at most, whichever way they are rounded to the balance."""
    am, coating, size, vgcf = recipes.T
    free = np.maximum(se_wt(am, vgcf) - required_shell_wt(am, coating), 0.0) * batch_mg / 100.0
    coated = np.where(coating > 0.0, batch_mg * am / (100.0 - coating) + ROUNDED * balance_mg, 0.0)
    return Needs(size, free + ROUNDED * balance_mg, coating, coated)


def _same(values: Array, key: float) -> Mask:
    return np.isclose(values, key, rtol=SAME_SIZE, atol=0.0)


def _left(values: Array, shelf: Mapping[float, float], missing: float) -> Array:
    found = np.full(values.shape, missing)
    for key, amount in shelf.items():
        found[_same(values, key)] = amount
    return found


@dataclass(frozen=True)
class Ledger:
    """What is left on the shelf, and which coatings a batch has begun to make; immutable.

    Args:
        se: mg left by SE size, infinite where nobody counts it; None: SE of any size can be had.
        coated: mg left of coated powder, by coating.
        most: New coatings that the batch may need; None: any number.
        begun: The batch's new coatings so far.
    """

    se: Mapping[float, float] | None
    coated: Mapping[float, float]
    most: int | None = None
    begun: tuple[float, ...] = ()

    def runs(self, wanted: Needs) -> Mask:
        """Return which recipes need powder of a run of the mill, new or begun, ``(n,)``: coated, and too little of it in stock."""
        return np.asarray((wanted.coating > 0.0) & (wanted.coated > _left(wanted.coating, self.coated, 0.0)))

    def new_runs(self, wanted: Needs) -> Mask:
        """Return which recipes need a run of the mill that the batch has not begun, ``(n,)``."""
        begun = np.zeros(wanted.coating.shape, dtype=bool)
        for coating in self.begun:
            begun |= _same(wanted.coating, coating)
        return self.runs(wanted) & ~begun

    def allows(self, wanted: Needs) -> Mask:
        """Return which recipes can be made of what is left, each by itself, ``(n,)``."""
        enough = np.ones(wanted.size.shape, dtype=bool) if self.se is None else wanted.free_se <= _left(wanted.size, self.se, 0.0)
        return enough if self.most is None or len(self.begun) < self.most else enough & ~self.new_runs(wanted)

    def after(self, wanted: Needs) -> Ledger:
        """Return the ledger after recipes were made one after the other, those of `Needs` in their order.

        Powder that a ledger does not allow is taken as far as it goes: a recipe that is out already was made of something.
        """
        ledger = self
        for i in range(len(wanted.size)):
            ledger = ledger._after_one(wanted.row(i))
        return ledger

    def _after_one(self, one: Needs) -> Ledger:
        se = self.se and {size: max(0.0, left - float(one.free_se[0])) if _same(one.size, size)[0] else left for size, left in self.se.items()}
        if self.runs(one)[0]:
            begun = (*self.begun, float(one.coating[0])) if self.new_runs(one)[0] else self.begun
            return replace(self, se=se, begun=begun)
        coated = {ratio: left - float(one.coated[0]) if _same(one.coating, ratio)[0] else left for ratio, left in self.coated.items()}
        return replace(self, se=se, coated=coated)

    def powders(self, wanted: Needs) -> list[tuple[Powder, int]]:
        """Return where each recipe of a batch takes its coated powder from, in order, and the place of the recipe that mills it.

        That place is the recipe's own where it takes none of another's run.
        """
        found: list[tuple[Powder, int]] = []
        ledger, first = self, dict[float, int]()
        for i in range(len(wanted.size)):
            one = wanted.row(i)
            if one.coating[0] == 0.0:
                found.append(("plain", i))
            elif ledger.runs(one)[0]:
                found.append(("run", first.setdefault(float(one.coating[0]), i)))
            else:
                found.append(("stock", i))
            ledger = ledger._after_one(one)
        return found


def open_ledger(lots: Lots, coatings_in_stock: Sequence[float], most: int | None) -> Ledger:
    """Return the ledger of a shelf: lots, and coated powders at hand whose quantity nobody counts."""
    se = {lot.se_particle_um: math.inf if lot.quantity_mg is None else lot.quantity_mg for lot in lots.se}
    counted = {lot.coating_se_wt: math.inf if lot.quantity_mg is None else lot.quantity_mg for lot in lots.coated}
    return Ledger(se or None, {**dict.fromkeys(coatings_in_stock, math.inf), **counted}, most)
