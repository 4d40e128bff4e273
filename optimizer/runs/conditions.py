"""At which conditions a run discharges each recipe, and how the results beside the campaign's own are kept. Knows no fidelity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from objectives.physics import Conditions
from objectives.simulated import Simulated
from objectives.simulated_set import label
from optimizer.runs.history import Result

# What a discharge gives; the rest of an electrode is the same at each C-rate and temperature.
DISCHARGED = ("discharge_capacity", "mean_discharge_voltage", "areal_capacity", "volumetric_energy_density", "gravimetric_energy_density")


@dataclass(frozen=True)
class TestCondition:
    """A C-rate in 1/h and a temperature in C."""

    __test__ = False  # its name looks like one to pytest

    c_rate: float
    temperature_c: float

    @classmethod
    def of(cls, conditions: Conditions) -> TestCondition:
        """Return the C-rate and temperature of full conditions."""
        return cls(conditions.c_rate, conditions.temperature_c)

    @property
    def label(self) -> str:
        """Return the condition as it stands in names of columns: ``0.2C_30degC``."""
        return label(self.c_rate, self.temperature_c)


def column(outcome: str, condition: TestCondition) -> str:
    """Return the name of an outcome at a condition that is not the campaign's own: ``discharge_capacity@0.2C_30degC``."""
    return f"{outcome}@{condition.label}"


def at_conditions(own: Conditions, others: Sequence[TestCondition]) -> tuple[Conditions, ...]:
    """Return the campaign's own conditions, where its goal counts, and each other one once; pressure and loading are the campaign's.

    Raises:
        ValueError: If one is out of range.
    """
    wanted = dict.fromkeys((TestCondition.of(own), *others))
    return tuple(replace(own, c_rate=float(one.c_rate), temperature_c=float(one.temperature_c)) for one in wanted)


def beside(result: Result, others: Mapping[Conditions, Simulated]) -> Result:
    """Return a trial's result with what its discharges at other conditions gave, under names that hold the condition.

    A discharge that failed at another condition leaves its outcomes out and is named in the detail; the trial itself has not failed.
    """
    own = result.simulated
    outcomes, sd, said = dict(own.outcomes), dict(own.sd), [own.detail] if own.detail else []
    for conditions, found in others.items():
        condition = TestCondition.of(conditions)
        outcomes |= {column(name, condition): found.outcomes[name] for name in DISCHARGED if name in found.outcomes}
        sd |= {column(name, condition): found.sd[name] for name in DISCHARGED if name in found.sd}
        if found.status != "ok" and found.detail != own.detail:
            said.append(f"at {condition.label}: {found.status} ({found.detail})")
    return replace(result, simulated=replace(own, outcomes=outcomes, sd=sd, detail="; ".join(said)))
