"""Who is let in: every route without a key, with a key of another scope; limits, headers, and what an error does not tell."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from optimizer.service.keys import SCOPES, Keys
from optimizer.service.routes import ROUTERS
from optimizer.service.security import OPEN, Guarded
from optimizer.service.shield import HEADERS
from tests.optimizer.service.conftest import PREFIX, SPACE_TEXT, Api, application

ROUTES = [route for router in ROUTERS for route in router.routes]
GUARDED = [route for route in ROUTES if isinstance(route, Guarded) and route.scope != OPEN]
VALUES = {"name": "any", "number": "1", "job_id": "0" * 36, "key_id": "0" * 12}


def calls() -> Iterator[tuple[str, str, str]]:
    """Yield method, address and scope of every route."""
    for route in GUARDED:
        for method in sorted(route.methods or ()):
            yield method, PREFIX + re.sub(r"{(\w+)}", lambda match: VALUES[match[1]], route.path), route.scope


def test_every_route_is_guarded_and_described(api: Api) -> None:
    assert all(isinstance(route, Guarded) for route in ROUTES)
    described = {(path, method.upper()) for path, methods in api.get("/openapi.json").json()["paths"].items() for method in methods}
    made = {(PREFIX + route.path, method) for route in ROUTES if isinstance(route, APIRoute) for method in route.methods or ()}
    assert described == made
    assert {route.path for route in ROUTES if isinstance(route, Guarded) and route.scope == OPEN} == {"/health", "/health/ready"}
    assert {"/jobs/{job_id}/events", "/campaigns/{name}/export.csv", "/openapi.json", "/docs", "/metrics"} <= {route.path for route in GUARDED}


def test_the_application_has_no_route_beside_the_routers(tmp_path: Path) -> None:
    inside = [getattr(route, "original_router", None) for route in application(tmp_path).routes]
    assert inside == list(ROUTERS)


@pytest.mark.parametrize(("method", "path", "scope"), list(calls()))
def test_route_refuses_who_has_no_key_or_not_its_scope(api: Api, method: str, path: str, scope: str) -> None:
    nobody = api.client.request(method, path)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    for wrong in ("gck_000000000000_" + "a" * 43, "gck_", "", "x" * 500):
        assert api.client.request(method, path, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    other = api.as_("other", [one for one in SCOPES if one != scope])
    refused = api.client.request(method, path, headers={"Authorization": f"Bearer {other.key}"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:glittercake:problem:scope")
    only = api.as_("only", [scope])  # type: ignore[list-item]
    assert api.client.request(method, path, headers={"Authorization": f"Bearer {only.key}"}).status_code not in (401, 403)


def test_a_route_without_a_scope_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="must name its scope"):
        Guarded("/x", lambda: None)


def test_unknown_address_takes_a_key_too(api: Api) -> None:
    assert api.client.get("/api/v1/nothing").status_code == 401
    assert api.get("/nothing").status_code == 404
    assert api.client.get("/").status_code == 401


def test_key_of_a_health_route_is_not_asked_for(api: Api) -> None:
    assert api.client.get("/api/v1/health").json() == {"status": "ok"}
    assert api.client.get("/api/v1/health/ready").json() == {"status": "ok"}


def test_revoked_and_expired_keys_open_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = api.post("/keys", {"name": "robot", "scopes": ["read"], "expires_in_s": 3600.0})
    assert made.status_code == 201
    robot = Api(api.client, api.service, made.json()["key"])
    assert robot.get("/campaigns").status_code == 200
    now = time.time()
    with monkeypatch.context() as later:
        later.setattr("optimizer.service.keys.time.time", lambda: now + 3601.0)
        assert robot.get("/campaigns").status_code == 401
    assert api.post(f"/keys/{made.json()['id']}/revoke").json()["state"] == "revoked"
    assert robot.get("/campaigns").status_code == 401


def test_secret_is_shown_once_and_kept_as_a_hash(api: Api) -> None:
    body = {"name": "press", "scopes": ["read", "write"]}
    first = api.post("/keys", body, key="make-press")
    again = api.post("/keys", body, key="make-press")
    assert first.json()["id"] == again.json()["id"]
    assert again.json()["key"] is None
    assert api.post("/keys", {**body, "scopes": ["read"]}, key="make-press").status_code == 422
    secret = first.json()["key"].split("_", 2)[2]
    assert len(secret) == 43  # 256 bits
    assert secret not in api.get("/keys", params={"limit": 1000}).text
    content = Path(str(api.service.store.engine.url.database)).read_bytes()
    log = Path(str(api.service.store.engine.url.database) + "-wal").read_bytes()
    assert secret.encode() not in content + log


def test_key_is_compared_whole(api: Api) -> None:
    keys: Keys = api.service.keys
    assert keys.find(api.key) is not None
    assert keys.find(api.key[:-1]) is None
    assert keys.find(api.key.replace("gck_", "gcx_", 1)) is None
    assert keys.find(api.key + "a") is None


@pytest.mark.parametrize("path", ["/health", "/nothing", "/campaigns"])
def test_every_answer_has_the_security_headers(api: Api, path: str) -> None:
    for answer in (api.get(path), api.client.get(PREFIX + path), api.post(path, {})):
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_another_origin_is_told_nothing(api: Api) -> None:
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST", "Authorization": f"Bearer {api.key}"}
    answer = api.client.options(f"{PREFIX}/campaigns", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_body_beyond_the_limit_is_refused_stated_or_not(tmp_path: Path) -> None:
    app = application(tmp_path, body_bytes=10_000)
    with TestClient(app) as client:
        _, key = app.state.service.keys.make("test", "ann", SCOPES)
        api = Api(client, app.state.service, key or "")
        name = api.campaign(SPACE_TEXT)
        for content in (b"x" * 10_001, iter([b"x" * 1000] * 11)):
            answer = api.upload(f"/campaigns/{name}/imports", content)  # type: ignore[arg-type]
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_many_requests_of_one_key_wait(tmp_path: Path) -> None:
    app = application(tmp_path, burst=3, requests_a_minute=1)
    with TestClient(app) as client:
        keys = [Api(client, app.state.service, app.state.service.keys.make("test", name, SCOPES)[1] or "") for name in ("ann", "bob")]
        assert [keys[0].get("/campaigns").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert int(keys[0].get("/campaigns").headers["retry-after"]) > 0
        assert keys[1].get("/campaigns").status_code == 200


def test_too_many_wrong_keys_from_one_address_wait(tmp_path: Path) -> None:
    app = application(tmp_path, refusals_a_minute=2)
    with TestClient(app) as client:
        wrong = {"Authorization": "Bearer gck_0_0"}
        assert [client.get(f"{PREFIX}/campaigns", headers=wrong).status_code for _ in range(3)] == [401, 401, 429]
        _, key = app.state.service.keys.make("test", "ann", SCOPES)
        assert client.get(f"{PREFIX}/campaigns", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_fault_shows_no_traceback(api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(api.service.store.campaigns, "get", broken)
    answer = api.get("/campaigns/any")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:glittercake:problem:fault"
    assert not re.search(r"secret detail|Traceback|\.py|ZeroDivision", answer.text)
    assert "secret detail" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_jobs_are_ended_by_their_owner_or_an_administrator_only(api: Api) -> None:
    name = api.campaign()
    job = api.post(f"/campaigns/{name}/checks", {"recipe": {"am_wt": 1.0}}, headers={"Prefer": "respond-async"}).json()["id"]
    assert api.as_("eve", ["read", "propose", "write"]).post(f"/jobs/{job}/cancel").status_code == 403
    assert api.as_("chief").post(f"/jobs/{job}/cancel").status_code == 200
