"""The service itself: whether it is ready, its keys, and who changed what in all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from optimizer.client import shapes
from optimizer.client.errors import data_of
from optimizer.client.method import method
from optimizer.client.pages import Page, listing
from optimizer.client.wire import Steps, address, reading, writing

Scope = Literal["read", "propose", "write", "admin"]


class Service:
    """What can be done with the service."""

    @method
    def ready(self) -> Steps[shapes.Health]:
        """Say that the service answers and reads its store."""
        return data_of((yield reading(address("health", "ready"))))

    @method
    def audit_of_all(self, *, after: int | None = None, limit: int | None = None) -> Steps[Page[shapes.Audit]]:
        """Return who changed what in every campaign, oldest first."""
        return (yield from listing(address("audit"), after, limit))

    @method
    def list_keys(self, *, after: str | None = None, limit: int | None = None) -> Steps[Page[shapes.Key]]:
        """Return keys without their secrets."""
        return (yield from listing(address("keys"), after, limit))

    @method
    def make_key(self, name: str, scopes: Sequence[Scope], *, expires_in_s: float | None = None, key: str | None = None) -> Steps[shapes.MadeKey]:
        """Make a key; the answer has it this once, and null where the request had to be sent again: revoke it then, and make another."""
        return data_of((yield writing(address("keys"), {"name": name, "scopes": list(scopes), "expires_in_s": expires_in_s}, key)))

    @method
    def revoke_key(self, key_id: str, *, key: str | None = None) -> Steps[shapes.Key]:
        """Close a key for good."""
        return data_of((yield writing(address("keys", key_id, "revoke"), None, key)))
