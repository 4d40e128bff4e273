"""What a lab has on its shelf, and what making a batch costs it, as tables of a campaign file. Data only; masses in mg."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from objectives.composition import Array, Mask
from objectives.design_space import DesignSpace
from objectives.physics import SAME_SIZE
from objectives.recipe import Recipe
from optimizer.goal import CampaignError
from optimizer.toml_tables import build


def _check_amount(what: str, quantity_mg: float | None) -> None:
    if quantity_mg is not None and not (math.isfinite(quantity_mg) and quantity_mg >= 0.0):
        raise CampaignError(f"{what}: quantity_mg must be a number of mg, at least 0, got {quantity_mg:g}; leave it out if nobody counts it")


@dataclass(frozen=True)
class SELot:
    """Free SE of one size; ``quantity_mg`` is what is left before the pending recipes are weighed, None where nobody counts it.

    ``conductivity_ms_cm`` is the bulk's, measured at ``at_temperature_c``; without it, the study's by size.
    """

    name: str
    se_particle_um: float
    quantity_mg: float | None = None
    conductivity_ms_cm: float | None = None
    at_temperature_c: float | None = None

    def __post_init__(self) -> None:
        what, sigma, at = f'lot "{self.name}"', self.conductivity_ms_cm, self.at_temperature_c
        _check_amount(what, self.quantity_mg)
        if not (math.isfinite(self.se_particle_um) and self.se_particle_um > 0.0):
            raise CampaignError(f"{what}: se_particle_um must be above 0 um, got {self.se_particle_um:g}; give the median size")
        if (sigma is None) != (at is None):
            raise CampaignError(f"{what}: conductivity_ms_cm and at_temperature_c belong together, got one of them; give both or neither")
        if sigma is not None and not (math.isfinite(sigma) and sigma > 0.0):
            raise CampaignError(f"{what}: conductivity_ms_cm must be above 0 mS/cm, got {sigma:g}; give the bulk's")
        if at is not None and not -40.0 <= at <= 120.0:  # as for the campaign's own temperature
            raise CampaignError(f"{what}: at_temperature_c must be between -40 and 120 C, got {at:g}; correct it")


@dataclass(frozen=True)
class CoatedLot:
    """Coated powder AM@SE of one ratio; ``quantity_mg`` as in `SELot`."""

    name: str
    coating_se_wt: float
    quantity_mg: float | None = None

    def __post_init__(self) -> None:
        _check_amount(f'lot "{self.name}"', self.quantity_mg)
        if not 0.0 < self.coating_se_wt < 100.0:
            raise CampaignError(
                f'lot "{self.name}": coating_se_wt must lie between 0 and 100 wt%, got {self.coating_se_wt:g}; 95:5 is 5, and bare AM needs no lot'
            )


@dataclass(frozen=True)
class Lots:
    """The lots of a lab, no two that a recipe could not tell apart."""

    se: tuple[SELot, ...] = ()
    coated: tuple[CoatedLot, ...] = ()

    def __post_init__(self) -> None:
        names = [*(f'"{lot.name}"' for lot in self.se), *(f'"{lot.name}"' for lot in self.coated)]
        sizes, ratios = [f"{lot.se_particle_um:.6g} um" for lot in self.se], [f"{lot.coating_se_wt:.6g} wt%" for lot in self.coated]
        for what, values in (("name", names), ("SE size", sizes), ("coating", ratios)):
            twice = [value for i, value in enumerate(values) if value in values[:i]]
            if twice:
                raise CampaignError(f"lots must differ in {what}, got {twice[0]} twice; rename one, or add equal powders up in one [[lot]]")

    @property
    def conductivities(self) -> dict[float, tuple[float, float]]:
        """Return mS/cm and the temperature it was measured at by SE size, of the lots that give them."""
        return {
            lot.se_particle_um: (lot.conductivity_ms_cm, lot.at_temperature_c)
            for lot in self.se
            if lot.conductivity_ms_cm is not None and lot.at_temperature_c is not None
        }

    def of(self, recipe: Recipe) -> tuple[SELot | None, CoatedLot | None]:
        """Return the lots of a recipe's SE size and of its coating, where there are any."""
        se = (lot for lot in self.se if math.isclose(lot.se_particle_um, recipe.se_particle_um, rel_tol=SAME_SIZE))
        coated = (lot for lot in self.coated if math.isclose(lot.coating_se_wt, recipe.coating_se_wt, rel_tol=SAME_SIZE))
        return next(se, None), next(coated, None)

    def narrowed(self, space: DesignSpace) -> DesignSpace:
        """Return the space with the sizes of the SE lots as its only sizes; the space itself where no SE lot is named.

        Raises:
            CampaignError: If a lot lies outside the space, or every SE lot is used up.
        """
        by_name = {parameter.name: parameter for parameter in space.parameters}
        for lot in self.coated if "coating_se_wt" in by_name else ():
            coating = by_name["coating_se_wt"]
            if coating.snap(np.array([lot.coating_se_wt]))[0] != lot.coating_se_wt:
                raise CampaignError(
                    f'lot "{lot.name}": coating_se_wt must be a value of the design space ({coating.lower:g} to {coating.upper:g} wt%, '
                    f"step {f'{coating.step:g}' if coating.step else 'none'}), got {lot.coating_se_wt:g}; widen the space or change its step"
                )
        if not self.se or "se_particle_um" not in by_name:
            return space  # a space that is no electrode's is refused with its limits
        size = by_name["se_particle_um"]
        for se in self.se:
            if not size.lower <= se.se_particle_um <= size.upper:
                raise CampaignError(
                    f'lot "{se.name}": se_particle_um must lie within the design space, {size.lower:g} to {size.upper:g} um, '
                    f"got {se.se_particle_um:g}; widen the space or remove the lot"
                )
        left = sorted(lot.se_particle_um for lot in self.se if lot.quantity_mg != 0.0)
        if not left:
            raise CampaignError("every SE lot is used up (quantity_mg = 0); add a lot with some left, or remove the SE lots to allow any size")
        narrow = replace(size, choices=tuple(left), step=None, zero=False)
        return DesignSpace(tuple(narrow if parameter is size else parameter for parameter in space.parameters))


def read_lots(tables: Sequence[Mapping[str, Any]]) -> Lots:
    """Return the lots of ``[[lot]]`` tables, each with ``kind = "se"`` or ``"coated"``.

    Raises:
        CampaignError: If a table is neither, or has an unknown, missing or wrong setting.
    """
    made: dict[str, list[Any]] = {"se": [], "coated": []}
    for table in tables:
        kind = table.get("kind")
        if kind not in ("se", "coated"):
            raise CampaignError(f'[[lot]] kind must be "se" or "coated", got {kind!r}; write kind = "se" for SE powder, "coated" for AM@SE')
        settings = {key: value for key, value in table.items() if key != "kind"}
        made[kind].append(build(SELot if kind == "se" else CoatedLot, "[lot]", settings))
    return Lots(tuple(made["se"]), tuple(made["coated"]))


@dataclass(frozen=True)
class Cost:
    """What something costs, in the lab's own unit, and for what."""

    unit: str
    parts: Mapping[str, float]

    @property
    def value(self) -> float:
        """The sum of the parts."""
        return math.fsum(self.parts.values())


@dataclass(frozen=True)
class Effort:
    """What a cell, a run of the mill and a gram of mix cost a lab, in one unit of its own (hours, money)."""

    unit: str
    cell: float = 0.0
    coating_run: float = 0.0
    gram: float = 0.0

    def __post_init__(self) -> None:
        if not self.unit.strip():
            raise CampaignError('[effort] unit must name what effort is counted in, got ""; write unit = "h" or unit = "EUR"')
        for name in ("cell", "coating_run", "gram"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise CampaignError(f"[effort] {name} must be at least 0 {self.unit}, got {value:g}; correct it")
        if self.cell + self.gram <= 0.0:
            raise CampaignError("[effort] must make every recipe cost something, got cell = 0 and gram = 0; give one of them a cost above 0")

    def of(self, batch_mg: float, runs: Mask) -> Array:
        """Return what recipes cost, ``(n,)``, of which some need a run of the mill."""
        return np.asarray(self.cell + self.gram * batch_mg / 1000.0 + np.where(runs, self.coating_run, 0.0))

    def cost(self, batch_mg: float, *, run: bool) -> Cost:
        """Return what one recipe costs, by what it is for."""
        parts = {"cell": self.cell, "gram": self.gram * batch_mg / 1000.0, "coating_run": self.coating_run if run else 0.0}
        return Cost(self.unit, {name: value for name, value in parts.items() if value > 0.0})


def total(costs: Sequence[Cost]) -> Cost:
    """Return the sum of at least one cost of one unit."""
    names = dict.fromkeys(name for cost in costs for name in cost.parts)
    return Cost(costs[0].unit, {name: math.fsum(cost.parts.get(name, 0.0) for cost in costs) for name in names})
