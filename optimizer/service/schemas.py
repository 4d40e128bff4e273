"""What goes in, as pydantic checks and OpenAPI shows it. Strict: nothing is converted, nothing unknown is let through.

What a recipe or an observation must be is the store's and the campaign's to say; here is only its shape.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from optimizer.service.keys import Scope
from optimizer.store.trials import LEASE_S, LONGEST_LEASE_S

LARGEST = 2**31 - 1  # of a number of a record, and of a seed
MOST_ROWS = 10_000
RECIPE: JsonDict = {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3}
OBSERVATION: JsonDict = {"recipe": RECIPE, "outcomes": {"discharge_capacity": {"value": 187.2, "sd": 1.5}}, "name": "C-12", "date": "2026-03-25"}
SPACE_TOML = 'name = "slurry"\nphysics = "none"\n...'

CampaignName = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f/]+$", examples=["ncm811-lpscl"])]
Number = Annotated[int, Path(ge=1, le=LARGEST, examples=[1])]
JobId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$", examples=["7b7c4a0e-6a33-4f0c-9a52-3a0e5b1c1f77"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of a page.")]
After = Annotated[int, Query(ge=0, le=LARGEST, description="Items behind this one: `next` of the page before.")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Value = Annotated[float | str, Field(description="A number, or an option by name.")]
Recipe = Annotated[dict[str, Value], Field(min_length=1, max_length=200, description="By parameter.", examples=[RECIPE])]
Seed = Annotated[int, Field(ge=0, le=LARGEST, description="Same data, pending recipes, seed and machine: same answer.")]
Lease = Annotated[float, Field(ge=1.0, le=LONGEST_LEASE_S, description="Seconds until the recipes are free again, unless told or renewed.")]
Machine = Annotated[
    str | None, Field(min_length=1, max_length=60, pattern=r"^[\w.-]+$", description="One of the caller's machines: it has recipes of its own.")
]


class Body(BaseModel):
    """What every body keeps to."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class CampaignFile(Body):
    """A campaign's settings, as the TOML file or as the same tables in JSON."""

    toml: str | None = Field(None, max_length=1_000_000, description="The whole file.")
    settings: dict[str, Any] | None = Field(None, description="The same tables and values in JSON; a setting that is null is left out.")

    @model_validator(mode="after")
    def _one(self) -> CampaignFile:
        if (self.toml is None) == (self.settings is None):
            raise ValueError('must have either "toml" or "settings"')
        return self


class NewCampaign(CampaignFile):
    """A campaign to keep."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "slurry-2", "toml": SPACE_TOML}]})
    name: Name | None = Field(None, description="The file's own when left out.")


class NewRevision(CampaignFile):
    """A campaign as it is to be from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"toml": SPACE_TOML, "reason": "the coater does 14 mg/cm2 now"}]})
    reason: str = Field("", max_length=10_000, description="For people.")


class NewClone(Body):
    """A copy's name."""

    name: Name = Field(examples=["slurry-3"])


class Ask(Body):
    """Recipes wanted. The caller's open ones come first, then any that nobody holds, then new ones."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"n": 4, "seed": 0}]})
    n: int = Field(1, ge=1, le=32)
    seed: Seed = 0
    strategy: Literal["auto", "bayesian", "sobol"] = "auto"
    machine: Machine = None
    lease_s: Lease = LEASE_S
    reserve: bool = Field(True, description="False only shows what would be proposed: nobody holds it.")


class Renewal(Body):
    """A lease granted anew."""

    machine: Machine = None
    lease_s: Lease = LEASE_S


class Reason(Body):
    """Why, for people."""

    reason: str = Field("", max_length=10_000)


class Measurement(Body):
    """A value, and its standard error where there is one."""

    value: float
    sd: float | None = None


class ObservationBody(Body):
    """One test of one cell, or how the cell failed."""

    model_config = ConfigDict(json_schema_extra={"examples": [OBSERVATION]})
    recipe: Recipe
    outcomes: dict[str, float | Measurement] = Field(default_factory=dict, max_length=200)
    status: Literal["ok", "failed_process", "failed_cell", "short", "invalid"] = "ok"
    cause: str = Field("", max_length=10_000)
    name: str = Field("", max_length=200)
    date: str = Field("", max_length=10, description="YYYY-MM-DD")
    planned: Recipe | None = None
    recipe_sd: dict[str, float] = Field(default_factory=dict, max_length=200)
    conditions: dict[str, float] = Field(default_factory=dict, max_length=200)
    lots: dict[str, str] = Field(default_factory=dict, max_length=200)
    masses_mg: dict[str, float] = Field(default_factory=dict, max_length=200)
    own: dict[str, str] = Field(default_factory=dict, max_length=200)
    source: str = Field("measured", max_length=200)


class ReportBody(Body):
    """An observation, and the trial it is the result of, if it is of one."""

    observation: ObservationBody
    trial: int | None = Field(None, ge=1, le=LARGEST)
    attempt: int | None = Field(None, ge=1, le=LARGEST)


class Reports(Body):
    """What is told: all of it is kept, or nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reports": [{"observation": OBSERVATION, "trial": 1}]}]})
    reports: list[ReportBody] = Field(min_length=1, max_length=MOST_ROWS)


class Correction(Body):
    """What stands for an earlier observation from now on."""

    observation: ObservationBody


class CheckBody(Body):
    """A recipe to check by physics and hard limits alone."""

    recipe: Recipe


class PredictBody(CheckBody):
    """A recipe to predict, and whether to say why and what one step would change."""

    explain: bool = False


class AdviceBody(Body):
    """What advice is wanted on the next batch."""

    n: int | None = Field(None, ge=1, le=32, description="Cells of the batch; the campaign's batch size when left out.")
    seed: Seed = 0
    least: list[float] | None = Field(None, max_length=10, description="What a batch must gain in each objective; the scatter of one cell.")
    trust: float | None = Field(None, ge=0, le=1, description="Correlation of a simulation with what is still unknown.")


class DiagnosticsBody(Body):
    """What is wanted of the surrogates."""

    seed: Seed = 0


class ValidationBody(Body):
    """How models are compared."""

    seed: Seed = 0


class SimulationBody(CheckBody):
    """A recipe to simulate, and how deeply."""

    c_rates: list[float] | None = Field(None, min_length=1, max_length=20, description="1/h; the campaign's when left out.")
    fidelity: Literal["analytic", "cell", "micro"] = "analytic"
    seeds: int = Field(3, ge=1, le=64, description="Microstructures to average over (micro).")
    screen: bool = Field(False, description="One small cube instead of the full thickness (micro).")


class NewKey(Body):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "press-robot", "scopes": ["read", "propose", "write"], "expires_in_s": 2592000}]}
    )
    name: Name = Field(description="Whose it is: the name that the audit shows.")
    scopes: list[Scope] = Field(min_length=1, max_length=4)
    expires_in_s: float | None = Field(None, ge=1.0, description="Never when left out.")
