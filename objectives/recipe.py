"""A recipe: one full set of design-parameter values of the composite electrode, in lab units; knows no campaign's bounds."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields

from objectives.composition import Array, required_shell_wt, se_wt

SUM_TOLERANCE = 1e-9  # wt%, float noise of 100 - 91.9 - 8.1


class RecipeError(ValueError):
    """Raised for values that no electrode can have, whatever the campaign."""


@dataclass(frozen=True)
class Recipe:
    """One recipe. It may ask for more shell than it has SE (`free_se_wt` < 0): that is a limit's business, not a broken recipe.

    Args:
        am_wt: AM mass fraction of the composite, wt%.
        coating_se_wt: SE mass fraction of the AM@SE powder, wt% of that powder; 0 is uncoated.
        se_particle_um: Median size of the free SE, um.
        vgcf_wt: VGCF mass fraction of the composite, wt%.

    Raises:
        RecipeError: If a value can belong to no electrode.
    """

    am_wt: float
    coating_se_wt: float
    se_particle_um: float
    vgcf_wt: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise RecipeError(f"{field.name} must be a finite number, got {value}; give it a value")
        if not 0.0 < self.am_wt <= 100.0:
            raise RecipeError(f"am_wt must be above 0 and at most 100 wt%, got {self.am_wt:g}; give the AM's share of the whole composite")
        if not 0.0 <= self.coating_se_wt < 100.0:
            raise RecipeError(
                f"coating_se_wt must be at least 0 and below 100 wt% of the coated powder, got {self.coating_se_wt:g}; 95:5 is 5, and 0 is uncoated"
            )
        if self.se_particle_um <= 0.0:
            raise RecipeError(f"se_particle_um must be above 0 um, got {self.se_particle_um:g}; give the median size of the free SE")
        if self.vgcf_wt < 0.0:
            raise RecipeError(f"vgcf_wt must be at least 0 wt%, got {self.vgcf_wt:g}; 0 is a composite without fibre")
        if self.am_wt + self.vgcf_wt > 100.0 + SUM_TOLERANCE:
            raise RecipeError(
                f"am_wt + vgcf_wt must be at most 100 wt%, got {self.am_wt:g} + {self.vgcf_wt:g} = {self.am_wt + self.vgcf_wt:g}; lower one of them"
            )

    @property
    def se_wt(self) -> float:
        """All SE, wt% of the composite."""
        return float(se_wt(self.am_wt, self.vgcf_wt))  # type: ignore[arg-type]

    @property
    def shell_se_wt(self) -> float:
        """SE that the coating needs, wt% of the composite; may exceed `se_wt`."""
        return float(required_shell_wt(self.am_wt, self.coating_se_wt))  # type: ignore[arg-type]

    @property
    def free_se_wt(self) -> float:
        """SE mixed in beside the coated powder, wt% of the composite; negative where the coating asks for more than there is."""
        return self.se_wt - self.shell_se_wt

    def values(self) -> tuple[float, float, float, float]:
        """Return the values in field order, the order of every ``(n, 4)`` recipe array."""
        return astuple(self)

    @classmethod
    def from_row(cls, row: Array) -> Recipe:
        """Return the recipe of one row, shape ``(4,)``, of a recipe array."""
        am, coating, size, vgcf = (float(value) for value in row)
        return cls(am, coating, size, vgcf)


RECIPE_FIELDS = tuple(field.name for field in fields(Recipe))


def _coating_number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0.0:
        raise RecipeError(f'coating must be a ratio AM:SE or a share of SE in wt%, got "{whole}"; write it as 95:5, 5, 5% or none')
    return value


def parse_coating(text: str) -> float:
    """Return the SE share of the coated powder in wt% from ``"95:5"`` (AM:SE), ``"5"``, ``"5%"``, ``"none"`` or ``"0"``.

    A ratio need not sum to 100: ``"3:1"`` is 25.

    Raises:
        RecipeError: If the text is none of these, or the share is not below 100 wt%.
    """
    bare = text.strip().lower()
    if bare == "none":
        return 0.0
    if ":" in bare:
        am, se = (_coating_number(part, text) for part in bare.split(":", 1))
        share = 100.0 * se / (am + se) if am > 0.0 else 100.0
    else:
        share = _coating_number(bare.removesuffix("%").strip(), text)
    if share >= 100.0:
        raise RecipeError(f'coating must leave room for AM (below 100 wt% SE), got "{text}"; the AM stands first, as in 95:5')
    return share


def format_coating(coating_se_wt: float) -> str:
    """Return the coating as the lab writes it: ``"95:5"`` for 5 wt% SE, ``"none"`` for 0."""
    return "none" if coating_se_wt == 0.0 else f"{100.0 - coating_se_wt:g}:{coating_se_wt:g}"
