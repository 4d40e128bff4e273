"""Campaigns: create, list, look at, revise, archive, clone, take away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.client import shapes
from optimizer.client.errors import data_of, error_of
from optimizer.client.method import method
from optimizer.client.pages import Page, listing
from optimizer.client.wire import Steps, address, reading, writing


class Campaigns:
    """What can be done with a campaign."""

    @method
    def campaigns(self, *, after: str | None = None, limit: int | None = None) -> Steps[Page[shapes.CampaignInfo]]:
        """Return campaigns in order of name, all of them unless limited."""
        return (yield from listing(address("campaigns"), after, limit))

    @method
    def campaign(self, name: str) -> Steps[shapes.Campaign]:
        """Return a campaign with its file and revision."""
        return data_of((yield reading(address("campaigns", name))))

    @method
    def create_campaign(
        self, *, toml: str | None = None, settings: Mapping[str, Any] | None = None, name: str | None = None, key: str | None = None
    ) -> Steps[shapes.Campaign]:
        """Keep a new campaign, of a TOML file's text or of the same tables as data; under the file's own name unless one is given."""
        return data_of((yield writing(address("campaigns"), {"toml": toml, "settings": settings, "name": name}, key)))

    @method
    def revise_campaign(
        self,
        name: str,
        revision: int,
        *,
        toml: str | None = None,
        settings: Mapping[str, Any] | None = None,
        reason: str = "",
        key: str | None = None,
    ) -> Steps[shapes.Campaign]:
        """Keep a new state of a campaign, made from the revision that was looked at; status 412 if it was revised since."""
        body = {"toml": toml, "settings": settings, "reason": reason}
        return data_of((yield writing(address("campaigns", name), body, key, "PUT", [("If-Match", f'"r{revision}"')])))

    @method
    def revisions(self, name: str) -> Steps[list[shapes.Revision]]:
        """Return every state of a campaign's file, oldest first, with what changed."""
        return data_of((yield reading(address("campaigns", name, "revisions"))))["items"]

    @method
    def archive_campaign(self, name: str, *, key: str | None = None) -> Steps[shapes.Campaign]:
        """Close a campaign to new recipes and revisions; it still takes measurements."""
        return data_of((yield writing(address("campaigns", name, "archive"), None, key)))

    @method
    def restore_campaign(self, name: str, *, key: str | None = None) -> Steps[shapes.Campaign]:
        """Take an archived campaign up again."""
        return data_of((yield writing(address("campaigns", name, "restore"), None, key)))

    @method
    def clone_campaign(self, name: str, copy: str, *, key: str | None = None) -> Steps[shapes.Campaign]:
        """Keep a copy of the current settings and the standing observations under a new name."""
        return data_of((yield writing(address("campaigns", name, "clone"), {"name": copy}, key)))

    @method
    def export_csv(self, name: str) -> Steps[str]:
        """Return the standing observations as a table that `upload` reads back."""
        answer = yield reading(address("campaigns", name, "export.csv"))
        if not answer.good:
            raise error_of(answer)
        return answer.body.decode("utf-8")

    @method
    def export_json(self, name: str) -> Steps[shapes.Export]:
        """Return settings, standing observations and recipes that are being made, as at one moment."""
        return data_of((yield reading(address("campaigns", name, "export.json"))))

    @method
    def audit(self, name: str, *, after: int | None = None, limit: int | None = None) -> Steps[Page[shapes.Audit]]:
        """Return who changed what in a campaign, oldest first."""
        return (yield from listing(address("campaigns", name, "audit"), after, limit))
