"""Studies: what one lab, powder lot and press fixes, and what its source leaves open.

Read from `configs/studies.toml`. A study never names a recipe; it is what the recipes of one lab share.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

OFFSETS = ("porosity", "ionic", "electronic", "capacity")


class UnknownStudyError(KeyError):
    """Raised when a study is asked for that is neither bundled nor `new`."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Prior:
    """Prior of one fitted number: ``value + spread z`` (linear) or ``value * spread**z`` (log) with z standard normal."""

    name: str
    value: float
    spread: float
    log: bool
    meaning: str
    unit: str
    origin: str

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Prior:
        """Return the prior of a TOML table."""
        return cls(
            name,
            float(table["value"]),
            float(table["spread"]),
            table["scale"] == "log",
            str(table.get("meaning", table.get("sets", ""))),
            str(table.get("unit", "")),
            str(table["origin"]),
        )


@dataclass(frozen=True)
class Latent:
    """A number a study's source does not give: its prior, the input it stands for, and the designs that use it (empty: all)."""

    prior: Prior
    sets: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """What a study fixes: inputs of `objectives.electrode.Electrodes`, designs by label, latents, offsets and row noise."""

    name: str
    source: str
    title: str
    active_material: str
    fixed: Mapping[str, float]
    designs: Mapping[str, Mapping[str, float]]
    latents: tuple[Latent, ...]
    offset_sd: Mapping[str, float]
    noise: Mapping[str, float]
    provenance: Mapping[str, str]

    def row_sd(self, quantity: str, c_rate: float) -> float | None:
        """Return the standard deviation of one row of a quantity at a C-rate, or None where the study states none."""
        return self.noise.get(f"{quantity}@{c_rate:g}", self.noise.get(quantity))


# Offsets of a study nobody has measured yet: the spread between the bundled studies' fitted offsets (docs/reproduced.md).
NEW_STUDY_OFFSET_SD: Mapping[str, float] = MappingProxyType({"porosity": 0.15, "ionic": 0.4, "electronic": 1.2, "capacity": 0.03})


def _study(name: str, table: Mapping[str, Any]) -> Study:
    latents = tuple(
        Latent(Prior.from_table(f"{name}.{key}", entry), str(entry["sets"]), tuple(entry["labels"])) for key, entry in table.get("latent", {}).items()
    )
    return Study(
        name=name,
        source=str(table["source"]),
        title=str(table["title"]),
        active_material=str(table["active_material"]),
        fixed=table["fixed"],
        designs=table.get("design", {}),
        latents=latents,
        offset_sd=table["offset"],
        noise=table["noise"],
        provenance=table["provenance"],
    )


def read_data(name: str) -> str:
    """Return the text of a bundled data file."""
    return files("configs").joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def load_studies() -> Mapping[str, Study]:
    """Return the bundled studies by name, in file order."""
    tables = tomllib.loads(read_data("studies.toml"))
    return MappingProxyType({name: _study(name, table) for name, table in tables.items()})


@lru_cache(maxsize=1)
def load_priors() -> tuple[Prior, ...]:
    """Return the priors of the closed form's parameters, in file order."""
    return tuple(Prior.from_table(name, table) for name, table in tomllib.loads(read_data("priors.toml")).items())
