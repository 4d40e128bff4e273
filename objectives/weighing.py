"""Weighing: from recipes to masses on a balance, and back to what was really weighed; knows no campaign's limits.

Masses are whole numbers of the balance's resolution. Rounding may carry a recipe over a limit it just met (92.0004 wt% AM), so
among the neighbouring roundings the one nearest to the recipe that the caller accepts is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, required_shell_wt, se_wt
from objectives.parameter import decimals_of
from objectives.recipe import Recipe, RecipeError

Accept = Callable[[Array], NDArray[np.bool_]]

MILL_MINIMUM_MG = 5000.0  # [A] smallest charge that a mechanofusion mill coats evenly; not checked against a source
WHOLE_CHARGE = 100  # the coated powder is made in hundreds of units, so that a coating of whole wt% is weighed exactly
CHARGE_DIGITS = 2  # decimals of a coating (7.25 wt%) that a shared run of the mill weighs exactly; more would charge a bucket
ROWS = 16384  # recipes rounded at once: 27 roundings of each stay in cache

# Shifts of (coating SE, coated powder, VGCF) from their nearest roundings, in units; the unshifted one first, so that it wins ties.
_SHIFTS = np.array(sorted(product((-1.0, 0.0, 1.0), repeat=3), key=lambda shift: sum(map(abs, shift))))


class WeighingError(RecipeError):
    """Raised when a batch, a balance or a recipe cannot be put on the balance."""


@dataclass(frozen=True)
class Balance:
    """A balance that shows whole multiples of its resolution, in mg.

    Raises:
        WeighingError: If the resolution is not a finite number above 0.
    """

    resolution_mg: float = 0.1

    def __post_init__(self) -> None:
        if not (np.isfinite(self.resolution_mg) and self.resolution_mg > 0.0):
            raise WeighingError(f"balance resolution must be above 0 mg, got {self.resolution_mg}; give the smallest step of its display")

    def units(self, mass_mg: float) -> int:
        """Return a mass in units of the resolution, rounded up."""
        return int((Decimal(repr(float(mass_mg))) / Decimal(repr(float(self.resolution_mg)))).to_integral_value(ROUND_CEILING))

    def mg(self, units: Array) -> Array:
        """Return masses in mg, each the double nearest to the decimals on the display."""
        scale = 10 ** decimals_of(self.resolution_mg)
        return units * float(round(self.resolution_mg * scale)) / float(scale)


class Weighed(NamedTuple):
    """Masses of recipes on the balance, mg, each ``(n,)``; NaN where no rounding was accepted.

    An uncoated recipe has no coating step: its coating masses are 0 and ``mix_coated_powder`` is plain AM. Neither has a recipe whose
    coated powder is at hand.
    """

    coating_am: Array
    coating_se: Array  # with coating_am: the charge of the mill
    mix_coated_powder: Array
    mix_free_se: Array
    mix_vgcf: Array  # the three mix masses sum to the batch
    se_particle_um: Array  # as in the recipe: a balance does not change it
    weighable: NDArray[np.bool_]  # some rounding was accepted
    coated_se: Array  # SE share of the coated powder, 0-1


@dataclass(frozen=True)
class Sheet:
    """What to weigh for one recipe: masses in mg by step, and the recipe that these masses really make."""

    recipe: Recipe
    batch_mg: float
    masses_mg: dict[str, float]
    realised: Recipe


MASSES = Weighed._fields[:5]


class _Roundings(NamedTuple):
    """The 27 roundings of n recipes, in units; each ``(27, n)`` but the first."""

    charge: Array  # (n,)
    coating_se: Array
    coated_se: Array  # share of the coated powder, 0-1
    coated: Array
    free_se: Array
    vgcf: Array
    distance: Array  # to the recipe, wt%; inf where a mass would be negative or an absent ingredient appear


def _composition(coated_se: Array, coated: Array, free_se: Array, vgcf: Array) -> tuple[Array, Array]:
    """Return AM and coating SE as weighed, in wt% of the mix and of the coated powder; any one unit of mass."""
    batch = coated + free_se + vgcf
    return 100.0 * coated * (1.0 - coated_se) / batch, 100.0 * coated_se


def _roundings(x: Array, batch: int, mill: int | None) -> _Roundings:
    am, coating, _, vgcf = x.T
    wanted = batch * am / (100.0 - coating)
    nearest = np.rint(wanted)
    shift_se, shift_coated, shift_vgcf = (_SHIFTS[:, column, None] for column in range(3))
    if mill is None:  # the powder is at hand, of exactly the coating: nothing of it is rounded
        charge, made_se = np.zeros_like(wanted), np.zeros((len(_SHIFTS), len(x)))
        coated_se, possible_se = np.broadcast_to(coating / 100.0, made_se.shape), shift_se == 0.0
    else:
        charge = np.where(coating > 0.0, np.ceil(np.maximum(mill, nearest + 1.0) / WHOLE_CHARGE) * WHOLE_CHARGE, 0.0)
        made_se = np.rint(charge * coating / 100.0) + shift_se
        coated_se = made_se / np.maximum(charge, 1e-9)  # an uncoated recipe has no charge
        possible_se = np.where(coating > 0.0, made_se >= 1.0, shift_se == 0.0)
    made_coated = nearest + shift_coated
    made_vgcf = np.rint(batch * vgcf / 100.0) + shift_vgcf
    made_free = batch - made_coated - made_vgcf
    made_am, made_coating = _composition(coated_se, made_coated, made_free, made_vgcf)
    shell, made_shell = required_shell_wt(am, coating), required_shell_wt(made_am, made_coating)
    percent = 100.0 / batch
    distance = np.sqrt(
        (made_am - am) ** 2 + (made_shell - shell) ** 2 + (percent * made_free - (se_wt(am, vgcf) - shell)) ** 2 + (percent * made_vgcf - vgcf) ** 2
    )
    possible = (made_coated >= 1.0) & (made_free >= 0.0) & (made_vgcf >= 0.0)
    possible &= possible_se & ((vgcf > 0.0) | (shift_vgcf == 0.0))
    return _Roundings(charge, made_se, coated_se, made_coated, made_free, made_vgcf, np.where(possible, distance, np.inf))


def _weigh_rows(x: Array, batch: int, mill: int | None, accept: Accept | None, within: Array | None) -> tuple[Array, NDArray[np.bool_]]:
    """Return units ``(n, 6)`` in the order of `MASSES`, then the SE share of the coated powder; and whether a rounding was accepted, ``(n,)``."""
    made = _roundings(x, batch, mill)
    order = np.argsort(made.distance, axis=0, kind="stable")
    units = np.full((x.shape[0], len(MASSES) + 1), np.nan)
    done = np.zeros(x.shape[0], dtype=np.bool_)
    left = np.arange(x.shape[0])
    for choice in order:  # the nearest rounding of every recipe, then the next of those refused
        pick = choice[left]
        left, pick = (rows[np.isfinite(made.distance[pick, left])] for rows in (left, pick))
        if not left.size:
            break
        charge, se, coated_se, coated, free, vgcf = made.charge[left], *(field[pick, left] for field in made[1:6])
        am_wt, coating_wt = _composition(coated_se, coated, free, vgcf)
        made_recipes = np.stack([am_wt, coating_wt, x[left, 2], 100.0 * vgcf / batch], axis=1)
        accepted = np.ones(left.size, dtype=np.bool_) if accept is None else accept(made_recipes)
        if within is not None:
            accepted = accepted & (np.abs(made_recipes - x[left]) <= within + 1e-9).all(axis=1)
        units[left[accepted]] = np.stack([charge - se, se, coated, free, vgcf, coated_se], axis=1)[accepted]
        done[left[accepted]] = True
        left = left[~accepted]
    return units, done


def weigh(
    x: Array,
    batch_mg: float,
    balance: Balance | None = None,
    mill_minimum_mg: float | None = MILL_MINIMUM_MG,
    accept: Accept | None = None,
    within: Array | None = None,
) -> Weighed:
    """Return the masses to weigh for each recipe.

    Args:
        x: Recipes in the order of `Recipe`'s fields, shape ``(n, 4)``.
        batch_mg: Mass of the mix, mg; a whole multiple of the resolution.
        balance: Resolution 0.1 mg when left out.
        mill_minimum_mg: Least coated powder to make; more is made where the mix needs it. 0 is no minimum (coated by hand). None: coated
            powder of exactly the recipe's coating is at hand, and none is made.
        accept: Whether recipes as weighed, ``(n, 4)``, will do; any will when left out. Of the roundings that move coating SE,
            coated powder and VGCF by at most one unit from the nearest, the accepted one closest to the recipe (Euclidean over
            AM, shell SE, free SE and VGCF in wt%) is taken.
        within: How far what is weighed may lie from the recipe in each value, ``(4,)``; as far as it takes when left out. Beyond
            it, the balance or the batch makes another recipe.

    Raises:
        WeighingError: If the batch is not above 0 or no multiple of the resolution, or the mill's minimum is below 0.
    """
    balance = balance or Balance()
    least = 0.0 if mill_minimum_mg is None else mill_minimum_mg
    if not (np.isfinite(batch_mg) and batch_mg > 0.0 and np.isfinite(least) and least >= 0.0):
        raise WeighingError(f"batch must be above 0 mg and the mill's minimum at least 0 mg, got {batch_mg:g} and {least:g}; correct them")
    batch, mill = balance.units(batch_mg), None if mill_minimum_mg is None else balance.units(mill_minimum_mg)
    if Decimal(repr(float(balance.resolution_mg))) * batch != Decimal(repr(float(batch_mg))):
        raise WeighingError(
            f"batch must be a whole multiple of the balance's {balance.resolution_mg:g} mg, got {batch_mg:g} mg; round the batch to the balance"
        )
    parts = [_weigh_rows(x[start : start + ROWS], batch, mill, accept, within) for start in range(0, max(x.shape[0], 1), ROWS)]
    units = np.concatenate([units for units, _ in parts])
    coating_am, coating_se, coated, free, vgcf = balance.mg(units[:, :-1]).T
    return Weighed(coating_am, coating_se, coated, free, vgcf, x[:, 2], np.concatenate([done for _, done in parts]), units[:, -1])


def realised(weighed: Weighed) -> Array:
    """Return the recipes that the masses make, shape ``(n, 4)``; SE size unchanged, NaN where nothing was weighable."""
    batch = weighed.mix_coated_powder + weighed.mix_free_se + weighed.mix_vgcf
    am, coating = _composition(weighed.coated_se, weighed.mix_coated_powder, weighed.mix_free_se, weighed.mix_vgcf)
    return np.stack([am, coating, weighed.se_particle_um, 100.0 * weighed.mix_vgcf / batch], axis=1)


def _weighable(batch_mg: float, balance: Balance, mill_minimum_mg: float | None, accept: Accept, within: Array | None, x: Array) -> NDArray[np.bool_]:
    return weigh(x, batch_mg, balance, mill_minimum_mg, accept, within).weighable


def weighable(
    batch_mg: float, accept: Accept, balance: Balance | None = None, mill_minimum_mg: float | None = MILL_MINIMUM_MG, within: Array | None = None
) -> Accept:
    """Return a function of recipes ``(n, 4)``: whether some rounding on the balance is accepted. For `objectives.repair`."""
    return partial(_weighable, batch_mg, balance or Balance(), mill_minimum_mg, accept, within)


def mill_charge(coating_se_wt: float, needed_mg: float, balance: Balance, mill_minimum_mg: float) -> tuple[float, float]:
    """Return AM and SE to coat, mg, for a run of the mill that makes at least ``needed_mg`` of powder of exactly this coating.

    The charge is whole to as many digits as the coating has, so that the powder's SE is a whole number of the balance's units.
    """
    whole = WHOLE_CHARGE * 10 ** min(decimals_of(coating_se_wt), CHARGE_DIGITS)
    charge = -(-max(balance.units(mill_minimum_mg), balance.units(needed_mg)) // whole) * whole
    se = round(charge * coating_se_wt / 100.0)
    am_mg, se_mg = balance.mg(np.array([charge - se, se], dtype=np.float64))
    return float(am_mg), float(se_mg)


def sheet(
    recipe: Recipe,
    batch_mg: float,
    balance: Balance | None = None,
    mill_minimum_mg: float | None = MILL_MINIMUM_MG,
    accept: Accept | None = None,
    within: Array | None = None,
) -> Sheet:
    """Return what to weigh for one recipe; arguments as in `weigh`.

    Raises:
        WeighingError: If no rounding is accepted, or as in `weigh`.
    """
    balance = balance or Balance()
    weighed = weigh(np.array([recipe.values()]), batch_mg, balance, mill_minimum_mg, accept, within)
    if not weighed.weighable[0]:
        raise WeighingError(
            f"recipe must keep its limits when weighed, but no rounding of a {batch_mg:g} mg batch to {balance.resolution_mg:g} mg does; "
            "make a larger batch, use a finer balance, or move the recipe off its limit"
        )
    masses = {name: float(getattr(weighed, name)[0]) for name in MASSES}
    return Sheet(recipe, float(batch_mg), masses, Recipe.from_row(realised(weighed)[0]))
