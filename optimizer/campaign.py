"""A campaign: design space, goal, conditions and limits, as read from a TOML file. Data only; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from objectives.calibration import Calibration, load_calibration
from objectives.composition import Array
from objectives.constraints import Constraint, from_tables, holds
from objectives.design_space import DesignSpace
from objectives.energy import Stack
from objectives.limits import FUNCTIONS, SOFT_UNITS, SoftLimits, electrode_constraints
from objectives.outcomes import OUTCOMES, Outcome, own_outcome
from objectives.physics import Conditions, Physics, find_study
from objectives.recipe import RECIPE_FIELDS
from objectives.repair import Accept
from objectives.studies import read_data
from objectives.weighing import Balance, weighable
from optimizer.blocks import Control, check_blocks, read_control
from optimizer.goal import CampaignError, Objective, OutcomeLimit, OwnOutcome, check_mean
from optimizer.stock import Effort, Lots, read_lots
from optimizer.toml_tables import build, is_kind, read_tables, take_objectives, take_probability

DEFAULT = "ncm811-lpscl"
TABLES = ("space", "conditions", "stack", "limits", "batch", "defaults", "effort")
LISTS = ("objective", "outcome", "limit", "constraint", "lot")
VALUES = ("name", "study", "physics")
# What the mean of a lab's own outcome may say: the recipe, the test, and what the closed form gives.
MEAN_NAMES = (*RECIPE_FIELDS, "temperature_c", "c_rate", *OUTCOMES)
UNITS = {"am_wt": "wt%", "coating_se_wt": "wt%", "se_particle_um": "um", "vgcf_wt": "wt%"}  # of a recipe's values


@dataclass(frozen=True)
class Batch:
    """How a batch is made: recipes, mass of each mix, the balance, the mill, and which coated powders there are already.

    A coating ratio that is not in stock costs a mechanofusion run of hours; a batch holds at most ``max_new_coatings`` of them.
    ``control`` is a recipe that each block of ``block_size`` cells holds once, to tell a bad day from a bad recipe.
    """

    size: int = 4
    batch_mg: float = 500.0
    balance_mg: float = 0.1
    mill_minimum_mg: float = 5000.0
    coatings_in_stock: tuple[float, ...] = ()  # SE wt% of coated powders at hand; uncoated AM always is
    max_new_coatings: int | None = None  # None: as many as are worth it
    control: Control | None = None
    block_size: int | None = None  # cells made in one go, the control included; None: all of them

    def __post_init__(self) -> None:
        if self.size < 1:
            raise CampaignError(f"a batch must hold at least 1 recipe, got {self.size}; correct [batch] size")
        object.__setattr__(self, "coatings_in_stock", tuple(float(value) for value in self.coatings_in_stock))
        if self.max_new_coatings is not None and self.max_new_coatings < 0:
            raise CampaignError(f"max_new_coatings must be at least 0, got {self.max_new_coatings}; leave it out for no limit")
        if not (np.isfinite(self.mill_minimum_mg) and self.mill_minimum_mg >= 0.0):
            raise CampaignError(f"[batch] mill minimum must be at least 0 mg, got {self.mill_minimum_mg:g}; 0 is no minimum, coated by hand")
        check_blocks(self.control, self.block_size)

    @property
    def balance(self) -> Balance:
        """Return the balance."""
        return Balance(self.balance_mg)


@dataclass(frozen=True)
class Campaign:
    """Everything a proposal depends on but the measurements; immutable."""

    name: str
    study: str
    conditions: Conditions
    stack: Stack
    space: DesignSpace
    objectives: tuple[Objective, ...]
    limits: SoftLimits
    probability: float
    ohmic_limit_at: Mapping[str, float]
    batch: Batch
    own: tuple[OwnOutcome, ...] = ()
    outcome_limits: tuple[OutcomeLimit, ...] = ()
    own_constraints: tuple[Constraint, ...] = ()  # hard limits of the lab's own, beside the electrode's
    defaults: Mapping[str, float] = field(default_factory=dict)  # what a table of cells leaves blank, by the names of a recipe
    lots: Lots = field(default_factory=Lots)
    effort: Effort | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", self.lots.narrowed(self.space))
        _check_stock(self.batch.coatings_in_stock, self.space)
        for lot in self.lots.coated:
            if lot.coating_se_wt in self.batch.coatings_in_stock:
                raise CampaignError(f'lot "{lot.name}": its coating is in coatings_in_stock too, got {lot.coating_se_wt:g} wt% twice; leave one out')
        for own in self.own:
            if own.name in OUTCOMES:
                raise CampaignError(f"outcome {own.name} is built in; leave its [[outcome]] table out")
            check_mean(own, MEAN_NAMES)
        for kind, items in (("objective", self.objectives), ("limit", self.outcome_limits)):
            for item in items:
                if item.outcome not in self.outcomes:
                    raise CampaignError(f'{kind} "{item.outcome}" is not an outcome; use one of {", ".join(self.outcomes)}')

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Return every outcome by name: the built-in ones, then the lab's own."""
        return {**OUTCOMES, **{o.name: own_outcome(o.name, o.unit, o.scale) for o in self.own}}

    @property
    def limit_units(self) -> Mapping[str, str]:
        """Return the unit of every soft limit by name."""
        own = {name: self.outcomes[limit.outcome].unit for limit in self.outcome_limits for name in limit.margins(np.zeros(1))}
        return {**SOFT_UNITS, **own}

    def physics(self, calibration: Calibration | None = None) -> Physics:
        """Return the closed form for this campaign's study and conditions, at the bundled calibration unless another is given."""
        return Physics(find_study(self.study), self.conditions, self.stack, calibration or load_calibration(), self.lots.conductivities)

    def constraints(self, physics: Physics) -> tuple[Constraint, ...]:
        """Return the hard limits: the lab's own first, since they are cheap, then the electrode's."""
        return (*self.own_constraints, *electrode_constraints(self.space, physics.percolation_margin))

    @property
    def half_step(self) -> Array:
        """Return half a lab step of each parameter, ``(d,)``: what is weighed may lie that far from a recipe and still be it."""
        return np.array([np.inf if p.step is None else 0.5 * p.step for p in self.space.parameters])

    def accept(self, constraints: tuple[Constraint, ...]) -> Accept:
        """Return whether recipes, as weighed on this campaign's balance, keep the hard limits and are still themselves."""
        batch = self.batch
        return weighable(batch.batch_mg, lambda x: holds(constraints, x), batch.balance, self.mill_minimum_mg, self.half_step)

    @property
    def shares_powder(self) -> bool:
        """Whether coated powder is reckoned with as such: taken from stock, or milled once for all recipes of a batch that want it."""
        batch = self.batch
        return bool(self.lots.se or self.lots.coated or batch.coatings_in_stock or self.effort) or batch.max_new_coatings is not None

    @property
    def mill_minimum_mg(self) -> float | None:
        """Least charge of the mill where each recipe has a run of its own; None where coated powder is shared."""
        return None if self.shares_powder else self.batch.mill_minimum_mg

    @property
    def ohmic_is_limit(self) -> bool:
        """Whether the ohmic drop is a limit at this campaign's conditions; elsewhere it is priced."""
        return all(abs(getattr(self.conditions, key) - value) < 1e-9 for key, value in self.ohmic_limit_at.items())

    def at(self, *, study: str | None = None, temperature_c: float | None = None, c_rate: float | None = None) -> Campaign:
        """Return the campaign for another study or condition; None keeps what it has."""
        conditions = replace(
            self.conditions,
            temperature_c=self.conditions.temperature_c if temperature_c is None else temperature_c,
            c_rate=self.conditions.c_rate if c_rate is None else c_rate,
        )
        find_study(study or self.study)
        return replace(self, study=study or self.study, conditions=conditions)


def _defaults(table: Mapping[str, Any], origin: str) -> Mapping[str, float]:
    """Return what a table of cells may leave blank."""
    for name, value in table.items():
        if name not in RECIPE_FIELDS or not is_kind(value, int, float):
            raise CampaignError(f"{origin}: [defaults] gives numbers for {', '.join(RECIPE_FIELDS)}, got {name} = {value!r}; correct it")
    return {name: float(value) for name, value in table.items()}


def _check_stock(coatings: tuple[float, ...], space: DesignSpace) -> None:
    """Refuse coated powders that no recipe of the space could use; a space that is no electrode's is refused with its limits."""
    for coating in (parameter for parameter in space.parameters if parameter.name == "coating_se_wt"):
        for value in coatings:
            if coating.snap(np.array([value]))[0] != value:
                raise CampaignError(
                    f"[batch] coatings_in_stock must be values of space.coating_se_wt ({coating.lower:g} to {coating.upper:g} wt%, "
                    f"step {f'{coating.step:g}' if coating.step else 'none'}), got {value:g}; widen the space or leave it out"
                )


def parse_campaign(text: str, origin: str) -> Campaign:
    """Return the campaign of a TOML text.

    Raises:
        CampaignError: If the text is not TOML, or a table is missing, unknown or contradicts itself.
    """
    data = read_tables(text, origin, TABLES, LISTS, VALUES, needed=("name", "space", "objective"))
    if data.get("physics", "closed-form") != "closed-form":
        raise CampaignError(f'{origin}: physics must be "closed-form" here, got {data["physics"]!r}; a campaign without physics is a `SpaceCampaign`')
    limits = dict(data.get("limits", {}))
    probability = take_probability(limits, origin)
    objectives = take_objectives(data, origin)
    ohmic_limit_at = limits.pop("ohmic_limit_at", {})
    if not isinstance(ohmic_limit_at, dict) or set(ohmic_limit_at) - {f.name for f in fields(Conditions)}:
        raise CampaignError(
            f"{origin}: limits.ohmic_limit_at must be a table of conditions such as {{ c_rate = 0.05 }}, got {ohmic_limit_at!r}; correct it"
        )
    build(Conditions, "limits.ohmic_limit_at", ohmic_limit_at)
    space = DesignSpace.from_table(data["space"])
    for parameter in space.parameters:
        unit = UNITS.get(parameter.name, parameter.unit)
        if parameter.unit not in ("", unit):
            raise CampaignError(f"{origin}: space.{parameter.name} is in {unit}, got unit {parameter.unit!r}; convert its bounds and step")
    campaign = Campaign(
        name=str(data["name"]),
        study=str(data.get("study", "new")),
        conditions=build(Conditions, "conditions", data.get("conditions", {})),
        stack=build(Stack, "stack", data.get("stack", {})),
        space=space,
        objectives=objectives,
        limits=build(SoftLimits, "limits", limits),
        probability=probability,
        ohmic_limit_at=ohmic_limit_at,
        batch=build(Batch, "batch", read_control(data.get("batch", {}))),
        own=tuple(build(OwnOutcome, "outcome", table) for table in data.get("outcome", [])),
        own_constraints=from_tables(space, data.get("constraint", []), FUNCTIONS),
        defaults=_defaults(data.get("defaults", {}), origin),
        outcome_limits=tuple(build(OutcomeLimit, "limit", table) for table in data.get("limit", [])),
        lots=read_lots(data.get("lot", [])),
        effort=build(Effort, "effort", data["effort"]) if "effort" in data else None,
    )
    physics = campaign.physics()
    campaign.accept(campaign.constraints(physics))(np.zeros((0, campaign.space.dimension)))  # refuses a space or a batch that cannot be
    return campaign


def load_campaign(path: Path | None = None) -> Campaign:
    """Return the campaign of a file, or the bundled reference campaign.

    Raises:
        CampaignError: As `parse_campaign`, or if the file cannot be read.
    """
    if path is None:
        return parse_campaign(read_data(f"{DEFAULT}.toml"), f"{DEFAULT}.toml")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CampaignError(f"the campaign file {path} cannot be read ({error}); check the path") from error
    except UnicodeDecodeError as error:
        raise CampaignError(f"the campaign file {path} must be UTF-8 text, got byte 0x{error.object[error.start]:02x}; save it as UTF-8") from error
    if "\0" in text:  # UTF-16 without a byte order mark
        raise CampaignError(f"the campaign file {path} must be UTF-8 text, got byte 0x00; save it as UTF-8")
    return parse_campaign(text, str(path))
