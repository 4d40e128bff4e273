"""Campaigns: create, list, look at, revise, archive, clone."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import tomli_w
from fastapi import APIRouter, Header, Query, Response

from optimizer.service import openapi, schemas, shown
from optimizer.service.answers import page
from optimizer.service.plain_json import PlainJSON
from optimizer.service.problems import REFUSALS, Finding, Problem, refusing
from optimizer.service.security import Guarded, Writer, allowed
from optimizer.service.shield import PREFIX
from optimizer.service.state import Running
from optimizer.store import CampaignInfo, ConflictError, Revision, Store
from optimizer.store.records import iso

router = APIRouter(route_class=Guarded, tags=["campaigns"])
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description="The ETag of the revision that was looked at.", examples=['"r1"'])
]


@router.get("/campaigns", response_model=shown.CampaignPage, **allowed("read"))
def listed(service: Running, after: Annotated[str, Query(max_length=200)] = "", limit: schemas.Limit = 100) -> Response:
    """Return campaigns in order of name."""
    found = [info.as_json() for info in service.store.campaigns.page(after.replace("\x00", ""), limit + 1)]
    return page(found, limit, "name")


@router.post("/campaigns", status_code=201, response_model=shown.CampaignBody, **allowed("write"))
def create(service: Running, by: Writer, body: schemas.NewCampaign) -> Response:
    """Keep a new campaign."""
    text = text_of(body)
    try:
        info = service.store.campaigns.create(by, text, body.name)
    except REFUSALS as error:
        raise refusing(error, "campaign") from error
    return _shown(service.store, info, 201, {"Location": f"{PREFIX}/campaigns/{quote(info.name, safe='')}"})


@router.get("/campaigns/{name}", response_model=shown.CampaignBody, **allowed("read"))
def get(service: Running, name: schemas.CampaignName) -> Response:
    """Return a campaign with its file; its ETag is of the revision."""
    return _shown(service.store, service.store.campaigns.get(name))


@router.put("/campaigns/{name}", response_model=shown.CampaignBody, responses={k: openapi.MORE[k] for k in (412, 428)}, **allowed("write"))
def revise(service: Running, by: Writer, name: schemas.CampaignName, body: schemas.NewRevision, if_match: IfMatch = None) -> Response:
    """Keep a new revision: bounds, steps, limits, goals. Old data stay; `revisions` says what changed."""
    expected = _expected(if_match)
    text = text_of(body)
    try:
        info = service.store.campaigns.revise(by, name, text, expected=expected, reason=body.reason)
    except ConflictError as error:
        raise Problem(412, "conflict", str(error), [Finding("If-Match", "must be the ETag of the current revision", if_match)]) from error
    except REFUSALS as error:
        raise refusing(error, "campaign") from error
    return _shown(service.store, info)


@router.get("/campaigns/{name}/revisions", response_model=shown.Revisions, **allowed("read"))
def revisions(service: Running, name: schemas.CampaignName) -> Response:
    """Return every state of a campaign's file, oldest first, with what changed."""
    return PlainJSON({"items": [_revision(one) for one in service.store.campaigns.revisions(name)]})


@router.post("/campaigns/{name}/archive", response_model=shown.CampaignBody, **allowed("write"))
def archive(service: Running, by: Writer, name: schemas.CampaignName) -> Response:
    """Close a campaign to new recipes and revisions; it still takes measurements."""
    return _shown(service.store, service.store.campaigns.archive(by, name))


@router.post("/campaigns/{name}/restore", response_model=shown.CampaignBody, **allowed("write"))
def restore(service: Running, by: Writer, name: schemas.CampaignName) -> Response:
    """Take an archived campaign up again."""
    return _shown(service.store, service.store.campaigns.restore(by, name))


@router.post("/campaigns/{name}/clone", status_code=201, response_model=shown.CampaignBody, **allowed("write"))
def clone(service: Running, by: Writer, name: schemas.CampaignName, body: schemas.NewClone) -> Response:
    """Keep a copy of the current settings and the standing observations under a new name."""
    info = service.store.campaigns.clone(by, name, body.name)
    return _shown(service.store, info, 201, {"Location": f"{PREFIX}/campaigns/{quote(info.name, safe='')}"})


def text_of(body: schemas.CampaignFile) -> str:
    """Return a campaign's file, written from JSON where it was given so.

    Raises:
        Problem: If the JSON has what TOML has no word for.
    """
    if body.toml is not None:
        return body.toml
    try:
        return tomli_w.dumps(_without_nulls(body.settings or {}))
    except (TypeError, *REFUSALS) as error:
        raise refusing(error, "settings") from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _expected(if_match: str | None) -> int:
    if if_match is None:
        raise Problem(428, "no-if-match", "a revision takes If-Match with the ETag of what was looked at; get the campaign, then send its ETag along")
    number = if_match.strip().removeprefix('"r').removesuffix('"')
    if if_match != f'"r{number}"' or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise Problem(412, "conflict", f"If-Match must be an ETag of this campaign, got {if_match!r}; get the campaign for its own")
    return int(number)


def _shown(store: Store, info: CampaignInfo, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a campaign as an answer said it is: the file is that of the answer's revision, whatever came after."""
    text = next(one.text for one in store.campaigns.revisions(info.name) if one.number == info.revision)
    return PlainJSON({**info.as_json(), "toml": text}, status, {"ETag": f'"r{info.revision}"', **(headers or {})})


def _revision(one: Revision) -> dict[str, Any]:
    return {"number": one.number, "toml": one.text, "changes": list(one.changes), "reason": one.reason, "at": iso(one.at), "by": one.by}
