"""What the store gives back, and who asks: small frozen records, each with its plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from optimizer.store.errors import RecordError
from optimizer.store.observation import Observation, Parameters, as_parameters, check_name

Kind = Literal["electrode", "space"]
TrialState = Literal["proposed", "running", "completed", "failed", "abandoned"]


MOST_NOTE = 100_000  # letters; a suggestion with its predictions, limits and sheet has some thousands


@dataclass(frozen=True)
class By:
    """Who writes, and the key of this one request: sent again with the same key it has one effect and the same answer."""

    who: str
    key: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        check_name("who", self.who)
        check_name("key", self.key)


@dataclass(frozen=True)
class CampaignInfo:
    """A campaign without its data. ``version`` rises with every write to it."""

    name: str
    kind: Kind
    revision: int
    version: int
    archived: bool
    cloned_from: str | None
    created_at: datetime
    created_by: str

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**vars(self), "created_at": iso(self.created_at)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CampaignInfo:
        """Return the record of its plain data."""
        return cls(**{**data, "created_at": datetime.fromisoformat(data["created_at"])})


@dataclass(frozen=True)
class Revision:
    """One state of a campaign's file; ``changes`` are the settings that differ from the one before, as in `journal.Change`."""

    number: int
    text: str
    changes: tuple[Mapping[str, Any], ...]
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Proposal:
    """A recipe that a strategy proposes, and what it says of it (plain data). ``replicate`` above 1 gives a recipe again on purpose."""

    recipe: Parameters
    note: Mapping[str, Any] = field(default_factory=dict)
    replicate: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", as_parameters("recipe", self.recipe))
        try:
            size = len(json.dumps(self.note, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise RecordError("note", "must be plain data with finite numbers", str(error), "leave out what is not") from error
        if size > MOST_NOTE:
            raise RecordError("note", f"must have at most {MOST_NOTE} letters as JSON", size, "keep what people will read")
        if isinstance(self.replicate, bool) or self.replicate < 1 or self.replicate % 1:
            raise RecordError("replicate", "must be a whole number of at least 1", self.replicate, "1 is the first cell of a recipe")


@dataclass(frozen=True)
class Trial:
    """A recipe that was given to somebody. While it runs, ``holder`` has it until ``expires_at``; ``attempt`` counts the leases so far."""

    number: int
    recipe: Parameters
    state: TrialState
    attempt: int
    replicate: int
    revision: int
    note: Mapping[str, Any]
    proposed_at: datetime
    proposed_by: str
    holder: str | None = None
    expires_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        times = {"proposed_at": iso(self.proposed_at), "expires_at": self.expires_at and iso(self.expires_at)}
        return {**vars(self), "recipe": dict(self.recipe), "note": dict(self.note), **times}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Return the record of its plain data."""
        expires = data["expires_at"] and datetime.fromisoformat(data["expires_at"])
        return cls(**{**data, "proposed_at": datetime.fromisoformat(data["proposed_at"]), "expires_at": expires})


@dataclass(frozen=True)
class Report:
    """An observation, and the trial it is the result of, if it is of one.

    ``attempt`` says which lease of the trial it comes from: the teller's own last one when left out, else the trial's last one.
    """

    observation: Observation
    trial: int | None = None
    attempt: int | None = None


@dataclass(frozen=True)
class Told:
    """What became of a report: the number of its observation, its cell, which replicate of the recipe that cell is, and whether it was late."""

    number: int
    cell: int
    replicate: int
    trial: int | None = None
    attempt: int | None = None
    late: bool = False
    corrects: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class Kept:
    """An observation as it is kept; ``corrected_by`` is the number of the one that stands for it now."""

    told: Told
    observation: Observation
    revision: int
    at: datetime
    by: str
    corrected_by: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        more = {"revision": self.revision, "at": iso(self.at), "by": self.by, "corrected_by": self.corrected_by}
        return {**self.told.as_json(), "observation": self.observation.as_json(), **more}


@dataclass(frozen=True)
class Imported:
    """What an import added; ``already`` rows were there, number by number, from an earlier one."""

    told: tuple[Told, ...]
    already: int
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"told": [told.as_json() for told in self.told], "already": self.already, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Imported:
        """Return the record of its plain data."""
        return cls(tuple(Told(**told) for told in data["told"]), data["already"], tuple(data["notes"]))


@dataclass(frozen=True)
class AuditEntry:
    """One change of one thing: who, when, in which operation, from what to what. ``seq`` orders, ``at`` does not."""

    seq: int
    at: datetime
    who: str
    operation: str
    campaign: str | None
    thing: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**vars(self), "at": iso(self.at)}


def utc(seconds: float) -> datetime:
    """Return a time of the tables."""
    return datetime.fromtimestamp(seconds, UTC)


def iso(time: datetime) -> str:
    """Return a time as text, UTC."""
    return time.astimezone(UTC).isoformat()
