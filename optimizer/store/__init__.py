"""A durable store of campaigns, recipes given out, and everything measured; see docs/store.md. Knows no strategy, loads no torch."""

from optimizer.store.errors import (
    ConflictError,
    KeyReusedError,
    RecordError,
    StoreError,
    ToldError,
    UnavailableError,
    UnknownError,
)
from optimizer.store.observation import Observation
from optimizer.store.records import AuditEntry, By, CampaignInfo, Imported, Kept, Proposal, Report, Revision, Told, Trial
from optimizer.store.snapshots import Snapshot
from optimizer.store.store import Store

__all__ = [
    "AuditEntry",
    "By",
    "CampaignInfo",
    "ConflictError",
    "Imported",
    "Kept",
    "KeyReusedError",
    "Observation",
    "Proposal",
    "RecordError",
    "Report",
    "Revision",
    "Snapshot",
    "Store",
    "StoreError",
    "Told",
    "ToldError",
    "Trial",
    "UnavailableError",
    "UnknownError",
]
