"""A campaign without physics, as read from a TOML file: parameters, mixtures, outcomes, goal and limits. Data only; imports no torch.

A mixture takes one parameter out of the search: the remainder, which is what the others leave of the total. What is searched is
therefore a plain box with constraints, and a recipe always sums to the total exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.constraints import Constraint, View, bounds, from_tables
from objectives.design_space import DesignSpace
from objectives.expression import Columns, formula
from objectives.outcomes import Outcome, own_outcome
from objectives.parameter import Category, DesignSpaceError, Parameter
from objectives.repair import feasible_sample
from objectives.studies import read_data
from optimizer.goal import CampaignError, Objective, OutcomeLimit, OwnOutcome, check_mean, natural_mean
from optimizer.toml_tables import build, read_tables, take_objectives, take_probability

Mean = Callable[[Array], Array]
BUNDLED = ("graphite-anode",)
TABLES = ("space", "limits", "batch")
LISTS = ("objective", "outcome", "limit", "constraint", "mixture")
VALUES = ("name", "physics", "notes")
SUM_TOLERANCE = 1e-3  # of the total: how far a recipe that a person wrote may be from it, 0.1 wt% of 100
RESERVED = frozenset({"name", "status", "cause", "date"})  # columns of every table


@dataclass(frozen=True)
class Mixture:
    """Parameters that sum to ``total``; ``remainder`` is the one that the others leave, the widest when not named."""

    parameters: tuple[str, ...]
    total: float = 100.0
    remainder: str = ""


@dataclass(frozen=True)
class SpaceBatch:
    """How a batch is made: recipes, and mass of each mix to weigh (mg; none: no sheet) on the balance."""

    size: int = 4
    batch_mg: float | None = None
    balance_mg: float = 0.1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise CampaignError(f"a batch must hold at least 1 recipe, got {self.size}; correct [batch] size")
        for name in ("batch_mg", "balance_mg"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise CampaignError(f"[batch] {name} must be above 0 mg, got {value:g}; correct it")


@dataclass(frozen=True)
class SpaceCampaign:
    """Everything a proposal depends on but the measurements; immutable.

    ``declared`` are all parameters in the file's order; ``space`` is what is searched: those that are not a mixture's remainder.
    """

    name: str
    declared: tuple[Parameter, ...]
    mixtures: tuple[Mixture, ...]
    own: tuple[OwnOutcome, ...]
    objectives: tuple[Objective, ...]
    outcome_limits: tuple[OutcomeLimit, ...]
    constraint_tables: tuple[Mapping[str, Any], ...]
    probability: float
    batch: SpaceBatch

    @cached_property
    def space(self) -> DesignSpace:
        """What is searched."""
        remainders = {mixture.remainder for mixture in self.mixtures}
        return DesignSpace(tuple(p for p in self.declared if p.name not in remainders))

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Every outcome by name."""
        return {o.name: own_outcome(o.name, o.unit, o.scale) for o in self.own}

    @property
    def limit_units(self) -> Mapping[str, str]:
        """The unit of every limit on an outcome by the limit's name."""
        return {name: self.outcomes[limit.outcome].unit for limit in self.outcome_limits for name in limit.margins(np.zeros(1))}

    def values(self, x: Array) -> Columns:
        """Return every declared parameter's column of recipes ``(n, d)``, each ``(n,)``: remainders too, a category as its place."""
        found = self.space.columns(x)
        for mixture in self.mixtures:
            others = [found[name] for name in mixture.parameters if name != mixture.remainder]
            left = np.round(mixture.total - np.sum(others, axis=0), 9)  # float noise of 100 - 91.9 - 8.1
            found = {**found, mixture.remainder: left}
        return found

    def columns(self, x: Array) -> Columns:
        """Return what constraints may name: numbers by parameter, and the descriptors of categories as ``NAME_DESCRIPTOR``."""
        values = self.values(x)
        found = {}
        for p in self.declared:
            if not isinstance(p, Category):
                found[p.name] = values[p.name]
                continue
            for key, numbers in p.descriptors:
                found[f"{p.name}_{key}"] = np.array(numbers)[values[p.name].astype(np.intp)]
        return found

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The hard limits: bounds of every parameter, then the lab's own."""
        view = View(self.named, self.columns)
        by_name = {p.name: p for p in self.declared}
        left = tuple(
            Constraint(f"bounds.{m.remainder}", by_name[m.remainder].unit, partial(_remainder_margin, by_name[m.remainder], self.values))
            for m in self.mixtures
        )
        numbers = tuple(c for c, p in zip(bounds(self.space), self.space.parameters, strict=True) if not isinstance(p, Category))
        return (*numbers, *left, *from_tables(self.space, self.constraint_tables, view=view))

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns of a table to fill in."""
        units = [(p.name, p.unit) for p in self.declared] + [(o.name, o.unit) for o in self.own]
        return ("name", "date", *(f"{name} ({unit})" if unit else name for name, unit in units), "status", "cause")

    def mean(self, outcome: str) -> Mean | None:
        """Return the mean that the file writes down for an outcome, from recipes ``(n, d)`` to natural values ``(n,)``; None for none."""
        own = next(o for o in self.own if o.name == outcome)
        if not own.mean:
            return None
        value = formula(own.mean, self.named)
        return lambda x: natural_mean(value(self.columns(x)), own, self.outcomes[outcome])

    @cached_property
    def named(self) -> tuple[str, ...]:
        """What formulas may say: numbers by parameter, descriptors of categories as ``NAME_DESCRIPTOR``."""
        return tuple(self.columns(self.space.decode(np.full((1, self.space.dimension), 0.5))))

    def recipe(self, row: Array) -> dict[str, float | str]:
        """Return a recipe ``(d,)`` as plain data: every declared parameter, categories by name."""
        values = self.values(row[None, :])
        return {p.name: p.plain(float(values[p.name][0])) for p in self.declared}

    def text(self, row: Array) -> str:
        """Return a recipe as people write it."""
        values = self.values(row[None, :])
        return ", ".join(f"{p.name} {p.text(float(values[p.name][0]))}" for p in self.declared)

    def row(self, recipe: Mapping[str, Any]) -> Array:
        """Return a recipe given by names as one row ``(d,)``; a mixture's remainder may be left out.

        Raises:
            DesignSpaceError: If a parameter is missing or unknown, a value is no value of it, or a mixture does not sum to its total.
        """
        names = [p.name for p in self.declared]
        for name in recipe:
            if name not in names:
                raise DesignSpaceError(f'"{name}" is no parameter of {self.name}; use {", ".join(names)}')
        remainders = {mixture.remainder for mixture in self.mixtures}
        for name in names:
            if name not in recipe and name not in remainders:
                raise DesignSpaceError(f"{name} must be given, got none; a recipe of {self.name} has {', '.join(names)}")
        given = {p.name: p.read(recipe[p.name]) for p in self.declared if p.name in recipe}
        row = np.array([given[p.name] for p in self.space.parameters])
        left = self.values(row[None, :])
        for mixture in self.mixtures:
            stated, true = given.get(mixture.remainder), float(left[mixture.remainder][0])
            if stated is not None and abs(stated - true) > SUM_TOLERANCE * mixture.total:
                raise DesignSpaceError(
                    f"{' + '.join(mixture.parameters)} must sum to {mixture.total:g}, got {mixture.total - true + stated:g}; "
                    f"correct one, or leave {mixture.remainder} out"
                )
        return row


def _remainder_margin(parameter: Parameter, values: Any, x: Array) -> Array:
    value: Array = values(x)[parameter.name]
    inside = np.minimum(value - parameter.lower, parameter.upper - value)
    return np.maximum(inside, -np.abs(value)) if parameter.zero else inside


def _mixture(table: Mapping[str, Any], declared: tuple[Parameter, ...], origin: str) -> Mixture:
    names = table.get("parameters")
    numbers = {p.name: p for p in declared if not isinstance(p, Category)}
    if not isinstance(names, list) or len(names) < 2 or any(name not in numbers for name in names) or len(set(names)) < len(names):
        raise CampaignError(f"{origin}: [[mixture]] parameters must be two or more different ones of {', '.join(numbers)}, got {names!r}; correct it")
    made: Mixture = build(Mixture, "mixture", {**table, "parameters": tuple(names)})
    widest = max(names, key=lambda name: numbers[name].upper - numbers[name].lower)
    made = replace(made, remainder=made.remainder or widest)
    if made.remainder not in names:
        raise CampaignError(f"{origin}: [[mixture]] remainder must be one of {', '.join(names)}, got {made.remainder!r}; correct it")
    if len({numbers[name].unit for name in names}) > 1:
        raise CampaignError(f"{origin}: parameters of a mixture must have one unit, got {', '.join(numbers[n].unit or 'none' for n in names)}")
    return made


def parse_space_campaign(text: str, origin: str) -> SpaceCampaign:
    """Return the campaign of a TOML text that says ``physics = "none"``.

    Raises:
        CampaignError: If the text is not TOML, or a table is missing, unknown or contradicts itself.
        DesignSpaceError: If the space or a constraint does.
        InfeasibleError: If the hard limits leave no recipe.
    """
    data = read_tables(text, origin, TABLES, LISTS, VALUES, needed=("name", "physics", "space", "objective", "outcome"))
    if data["physics"] != "none":
        raise CampaignError(f'{origin}: physics must be "none" for a design space of the lab\'s own, got {data["physics"]!r}; correct it')
    declared = DesignSpace.from_table(data["space"]).parameters
    for p in declared:
        if p.name in RESERVED or not p.name.isidentifier():
            raise CampaignError(f"{origin}: a parameter's name must be a word other than {', '.join(sorted(RESERVED))}, got {p.name!r}; rename it")
    mixtures = tuple(_mixture(table, declared, origin) for table in data.get("mixture", []))
    mixed = [name for mixture in mixtures for name in mixture.parameters]
    if len(set(mixed)) < len(mixed) or len(mixtures) == len(declared):
        raise CampaignError(f"{origin}: a parameter may be in one mixture only, got {', '.join(mixed)}; correct the [[mixture]] tables")
    limits = dict(data.get("limits", {}))
    probability = take_probability(limits, origin)
    if limits:
        raise CampaignError(f"{origin}: [limits] has no setting {next(iter(limits))!r} without physics; write [[limit]] tables")
    own = tuple(build(OwnOutcome, "outcome", table) for table in data["outcome"])
    names = [outcome.name for outcome in own]
    for name in names:
        if names.count(name) > 1 or name in {p.name for p in declared} or name in RESERVED:
            raise CampaignError(f"{origin}: every outcome needs a name of its own, got {name!r} twice; rename one")
    campaign = SpaceCampaign(
        name=str(data["name"]),
        declared=declared,
        mixtures=mixtures,
        own=own,
        objectives=take_objectives(data, origin),
        outcome_limits=tuple(build(OutcomeLimit, "limit", table) for table in data.get("limit", [])),
        constraint_tables=tuple(data.get("constraint", [])),
        probability=probability,
        batch=build(SpaceBatch, "batch", data.get("batch", {})),
    )
    for kind, wanted in (("objective", campaign.objectives), ("limit", campaign.outcome_limits)):
        for item in wanted:
            if item.outcome not in names:
                raise CampaignError(f'{origin}: {kind} "{item.outcome}" is not an outcome; use one of {", ".join(names)}')
    everywhere = feasible_sample(campaign.space, campaign.constraints, 256)  # refuses limits that leave no recipe
    for outcome in own:
        check_mean(outcome, campaign.named)
        mean = campaign.mean(outcome.name)
        if mean is not None:
            mean(everywhere)  # refuses a mean without value
    return campaign


def is_space_campaign(text: str) -> bool:
    """Return whether a TOML text asks for no physics; a text that is no TOML is not asked further."""
    import tomllib

    try:
        return tomllib.loads(text).get("physics") == "none"
    except tomllib.TOMLDecodeError:
        return False


def load_space_campaign(source: Path | str) -> SpaceCampaign:
    """Return the campaign of a file, or a bundled one by name (`BUNDLED`).

    Raises:
        CampaignError: As `parse_space_campaign`, or if the file cannot be read.
    """
    if str(source) in BUNDLED:
        return parse_space_campaign(read_data(f"{source}.toml"), f"{source}.toml")
    try:
        return parse_space_campaign(Path(source).read_text(encoding="utf-8-sig"), str(source))
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"the campaign file {source} cannot be read ({error}); check the path") from error
