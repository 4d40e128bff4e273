"""Keys of callers: make, list, revoke."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from optimizer.service import schemas, shown
from optimizer.service.answers import page
from optimizer.service.plain_json import PlainJSON
from optimizer.service.security import Guarded, Writer, allowed
from optimizer.service.state import Running

router = APIRouter(route_class=Guarded, tags=["keys"])
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", examples=["0a1b2c3d4e5f"])]


@router.get("/keys", response_model=shown.KeyPage, **allowed("admin"))
def listed(service: Running, after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,12}$")] = "", limit: schemas.Limit = 100) -> Response:
    """Return keys without their secrets, expired and revoked ones too."""
    return page([key.as_json() for key in service.keys.page(after, limit + 1)], limit, "id")


@router.post("/keys", status_code=201, response_model=shown.MadeKey, **allowed("admin"))
def make(service: Running, by: Writer, body: schemas.NewKey) -> Response:
    """Make a key; the answer shows it, this once."""
    info, key = service.keys.make(by.who, body.name, body.scopes, body.expires_in_s, by.key)
    return PlainJSON({**info.as_json(), "key": key}, 201)


@router.post("/keys/{key_id}/revoke", response_model=shown.KeyBody, **allowed("admin"))
def revoke(service: Running, by: Writer, key_id: KeyId) -> Response:
    """Close a key for good."""
    return PlainJSON(service.keys.revoke(by.who, key_id).as_json())
