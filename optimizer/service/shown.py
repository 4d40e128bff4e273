"""What comes out, as OpenAPI shows it; the tests hold every answer to it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from optimizer.service.keys import Scope


class Shown(BaseModel):
    """What comes out."""

    model_config = ConfigDict(extra="forbid")


class FindingBody(Shown):
    """One thing that is wrong with a request."""

    field: str
    rule: str
    value: Any = None
    remedy: str | None = None


class ProblemBody(Shown):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["urn:glittercake:problem:conflict"])
    title: str
    status: int
    detail: str
    errors: list[FindingBody] | None = None


class Health(Shown):
    """Whether the service answers."""

    status: Literal["ok"]


class CampaignInfoBody(Shown):
    """A campaign without its data."""

    name: str
    kind: Literal["electrode", "space"]
    revision: int
    version: int
    archived: bool
    cloned_from: str | None
    created_at: str
    created_by: str


class CampaignBody(CampaignInfoBody):
    """A campaign with its file."""

    toml: str


class CampaignPage(Shown):
    """Campaigns in order of name."""

    items: list[CampaignInfoBody]
    next: str | None


class RevisionBody(Shown):
    """One state of a campaign's file, with what changed."""

    number: int
    toml: str
    changes: list[dict[str, Any]]
    reason: str
    at: str
    by: str


class Revisions(Shown):
    """Every state, oldest first."""

    items: list[RevisionBody]


class TrialBody(Shown):
    """A recipe that was given to somebody."""

    number: int
    recipe: dict[str, float | str]
    state: Literal["proposed", "running", "completed", "failed", "abandoned"]
    attempt: int
    replicate: int
    revision: int
    note: dict[str, Any]
    proposed_at: str
    proposed_by: str
    holder: str | None
    expires_at: str | None


class TrialPage(Shown):
    """Trials in order of number."""

    items: list[TrialBody]
    next: int | None


class Suggested(Shown):
    """The trials that the caller holds now, and the batch that was proposed for it; null where nothing new had to be."""

    trials: list[TrialBody]
    batch: dict[str, Any] | None


class ToldBody(Shown):
    """What became of a report."""

    number: int
    cell: int
    replicate: int
    trial: int | None
    attempt: int | None
    late: bool
    corrects: int | None


class ToldPage(Shown):
    """What became of each report, in their order."""

    told: list[ToldBody]


class ImportedBody(ToldPage):
    """What an import added."""

    already: int
    notes: list[str]


class KeptBody(ToldBody):
    """An observation as it is kept."""

    observation: dict[str, Any]
    revision: int
    at: str
    by: str
    corrected_by: int | None


class KeptPage(Shown):
    """Observations in order of number."""

    items: list[KeptBody]
    next: int | None


class AuditBody(Shown):
    """One change of one thing."""

    seq: int
    at: str
    who: str
    operation: str
    campaign: str | None
    thing: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Shown):
    """Changes, oldest first."""

    items: list[AuditBody]
    next: int | None


class Progress(Shown):
    """What a job is at, and for how many seconds; null where it does not run here."""

    stage: str
    seconds: float | None


class JobBody(Shown):
    """Long work that somebody asked for."""

    id: str
    who: str
    kind: str
    campaign: str
    request: dict[str, Any]
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    attempts: int
    progress: Progress
    result: dict[str, Any] | None
    problem: ProblemBody | None
    at: str
    ended_at: str | None


class JobPage(Shown):
    """Jobs in the order in which they were asked for."""

    items: list[JobBody]
    next: int | None


class KeyBody(Shown):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    state: Literal["valid", "expired", "revoked"]
    at: str
    by: str
    expires_at: str | None
    revoked_at: str | None
    revoked_by: str | None


class MadeKey(KeyBody):
    """A new key; its secret is shown this once, and null where the request is sent again."""

    key: str | None


class KeyPage(Shown):
    """Keys."""

    items: list[KeyBody]
    next: str | None


class Export(Shown):
    """A campaign as it stands."""

    campaign: CampaignBody
    data_hash: str
    observations: list[dict[str, Any]]
    pending: list[TrialBody]
