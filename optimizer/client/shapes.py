"""What goes in and what comes out, as types. Written by `make api` from the description of the API; not edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict


class Advice(TypedDict):
    """What advice is wanted on the next batch."""

    n: NotRequired[int | None]
    seed: NotRequired[int]
    least: NotRequired[list[float] | None]
    trust: NotRequired[float | None]


class Ask(TypedDict):
    """Recipes wanted. The caller's open ones come first, then any that nobody holds, then new ones."""

    n: NotRequired[int]
    seed: NotRequired[int]
    strategy: NotRequired[Literal["auto", "bayesian", "sobol"]]
    machine: NotRequired[str | None]
    lease_s: NotRequired[float]
    reserve: NotRequired[bool]


class Audit(TypedDict):
    """One change of one thing."""

    seq: int
    at: str
    who: str
    operation: str
    campaign: str | None
    thing: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class AuditPage(TypedDict):
    """Changes, oldest first."""

    items: list[Audit]
    next: int | None


class Campaign(TypedDict):
    """A campaign with its file."""

    name: str
    kind: Literal["electrode", "space"]
    revision: int
    version: int
    archived: bool
    cloned_from: str | None
    created_at: str
    created_by: str
    toml: str


class CampaignInfo(TypedDict):
    """A campaign without its data."""

    name: str
    kind: Literal["electrode", "space"]
    revision: int
    version: int
    archived: bool
    cloned_from: str | None
    created_at: str
    created_by: str


class CampaignPage(TypedDict):
    """Campaigns in order of name."""

    items: list[CampaignInfo]
    next: str | None


class Check(TypedDict):
    """A recipe to check by physics and hard limits alone."""

    recipe: Mapping[str, float | str]


class Correction(TypedDict):
    """What stands for an earlier observation from now on."""

    observation: Observation


class Diagnostics(TypedDict):
    """What is wanted of the surrogates."""

    seed: NotRequired[int]


class Export(TypedDict):
    """A campaign as it stands."""

    campaign: Campaign
    data_hash: str
    observations: list[Mapping[str, Any]]
    pending: list[Trial]


class Finding(TypedDict):
    """One thing that is wrong with a request."""

    field: str
    rule: str
    value: NotRequired[Any]
    remedy: NotRequired[str | None]


class Health(TypedDict):
    """Whether the service answers."""

    status: Literal["ok"]


class Imported(TypedDict):
    """What an import added."""

    told: list[Told]
    already: int
    notes: list[str]


class Job(TypedDict):
    """Long work that somebody asked for."""

    id: str
    who: str
    kind: str
    campaign: str
    request: Mapping[str, Any]
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    attempts: int
    progress: Progress
    result: Mapping[str, Any] | None
    problem: Problem | None
    at: str
    ended_at: str | None


class JobPage(TypedDict):
    """Jobs in the order in which they were asked for."""

    items: list[Job]
    next: int | None


class Kept(TypedDict):
    """An observation as it is kept."""

    number: int
    cell: int
    replicate: int
    trial: int | None
    attempt: int | None
    late: bool
    corrects: int | None
    observation: Mapping[str, Any]
    revision: int
    at: str
    by: str
    corrected_by: int | None


class KeptPage(TypedDict):
    """Observations in order of number."""

    items: list[Kept]
    next: int | None


class Key(TypedDict):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[Literal["read", "propose", "write", "admin"]]
    state: Literal["valid", "expired", "revoked"]
    at: str
    by: str
    expires_at: str | None
    revoked_at: str | None
    revoked_by: str | None


class KeyPage(TypedDict):
    """Keys."""

    items: list[Key]
    next: str | None


class MadeKey(TypedDict):
    """A new key; its secret is shown this once, and null where the request is sent again."""

    id: str
    name: str
    scopes: list[Literal["read", "propose", "write", "admin"]]
    state: Literal["valid", "expired", "revoked"]
    at: str
    by: str
    expires_at: str | None
    revoked_at: str | None
    revoked_by: str | None
    key: str | None


class Measurement(TypedDict):
    """A value, and its standard error where there is one."""

    value: float
    sd: NotRequired[float | None]


class NewCampaign(TypedDict):
    """A campaign to keep."""

    toml: NotRequired[str | None]
    settings: NotRequired[Mapping[str, Any] | None]
    name: NotRequired[str | None]


class NewClone(TypedDict):
    """A copy's name."""

    name: str


class NewKey(TypedDict):
    """A key to make."""

    name: str
    scopes: list[Literal["read", "propose", "write", "admin"]]
    expires_in_s: NotRequired[float | None]


class NewRevision(TypedDict):
    """A campaign as it is to be from now on."""

    toml: NotRequired[str | None]
    settings: NotRequired[Mapping[str, Any] | None]
    reason: NotRequired[str]


class Observation(TypedDict):
    """One test of one cell, or how the cell failed."""

    recipe: Mapping[str, float | str]
    outcomes: NotRequired[Mapping[str, float | Measurement]]
    status: NotRequired[Literal["ok", "failed_process", "failed_cell", "short", "invalid"]]
    cause: NotRequired[str]
    name: NotRequired[str]
    date: NotRequired[str]
    planned: NotRequired[Mapping[str, float | str] | None]
    recipe_sd: NotRequired[Mapping[str, float]]
    conditions: NotRequired[Mapping[str, float]]
    lots: NotRequired[Mapping[str, str]]
    masses_mg: NotRequired[Mapping[str, float]]
    own: NotRequired[Mapping[str, str]]
    source: NotRequired[str]


class Predict(TypedDict):
    """A recipe to predict, and whether to say why and what one step would change."""

    recipe: Mapping[str, float | str]
    explain: NotRequired[bool]


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[Finding] | None]


class Progress(TypedDict):
    """What a job is at, and for how many seconds; null where it does not run here."""

    stage: str
    seconds: float | None


class Reason(TypedDict):
    """Why, for people."""

    reason: NotRequired[str]


class Renewal(TypedDict):
    """A lease granted anew."""

    machine: NotRequired[str | None]
    lease_s: NotRequired[float]


class Report(TypedDict):
    """An observation, and the trial it is the result of, if it is of one."""

    observation: Observation
    trial: NotRequired[int | None]
    attempt: NotRequired[int | None]


class Reports(TypedDict):
    """What is told: all of it is kept, or nothing."""

    reports: list[Report]


class Revision(TypedDict):
    """One state of a campaign's file, with what changed."""

    number: int
    toml: str
    changes: list[Mapping[str, Any]]
    reason: str
    at: str
    by: str


class Revisions(TypedDict):
    """Every state, oldest first."""

    items: list[Revision]


class Simulation(TypedDict):
    """A recipe to simulate, and how deeply."""

    recipe: Mapping[str, float | str]
    c_rates: NotRequired[list[float] | None]
    fidelity: NotRequired[Literal["analytic", "cell", "micro"]]
    seeds: NotRequired[int]
    screen: NotRequired[bool]


class Suggested(TypedDict):
    """The trials that the caller holds now, and the batch that was proposed for it; null where nothing new had to be."""

    trials: list[Trial]
    batch: Mapping[str, Any] | None


class Told(TypedDict):
    """What became of a report."""

    number: int
    cell: int
    replicate: int
    trial: int | None
    attempt: int | None
    late: bool
    corrects: int | None


class ToldPage(TypedDict):
    """What became of each report, in their order."""

    told: list[Told]


class Trial(TypedDict):
    """A recipe that was given to somebody."""

    number: int
    recipe: Mapping[str, float | str]
    state: Literal["proposed", "running", "completed", "failed", "abandoned"]
    attempt: int
    replicate: int
    revision: int
    note: Mapping[str, Any]
    proposed_at: str
    proposed_by: str
    holder: str | None
    expires_at: str | None


class TrialPage(TypedDict):
    """Trials in order of number."""

    items: list[Trial]
    next: int | None


class Validation(TypedDict):
    """How models are compared."""

    seed: NotRequired[int]
