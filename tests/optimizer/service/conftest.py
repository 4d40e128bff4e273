"""A service on a store of its own, served in this process; each test has a campaign of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from objectives.studies import read_data
from optimizer.service import create_app, load_settings
from optimizer.service.keys import SCOPES, Scope
from optimizer.service.state import Service

PREFIX = "/api/v1"
TEXT = read_data("ncm811-lpscl.toml")
SPACE_TEXT = read_data("graphite-anode.toml")
RECIPE = {"am_wt": 85.0, "coating_se_wt": 5.0, "se_particle_um": 1.5, "vgcf_wt": 2.3}
_numbers = count(1)


def recipe(am: float) -> dict[str, float]:
    return {**RECIPE, "am_wt": am}


def told(am: float, value: float = 190.0, **more: Any) -> dict[str, Any]:
    return {"observation": {"recipe": recipe(am), "outcomes": {"discharge_capacity": value}, **more}}


def as_described(client: TestClient, answer: Response) -> Response:
    """Return an answer, which must be one that the description of the API has: its status, its type, its fields."""
    description = cast("FastAPI", client.app).openapi()
    path = unquote(answer.request.url.path)
    for template, methods in description["paths"].items():
        operation = methods.get(answer.request.method.lower())
        if operation and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            content = operation["responses"][str(answer.status_code)]["content"]
            kind = answer.headers["content-type"].partition(";")[0]
            assert kind in content, f"{kind} is not described for {template}"
            if "json" in kind:
                validator = Draft202012Validator({**content[kind]["schema"], "components": description["components"]})
                validator.validate(answer.json())
            return answer
    assert answer.status_code in (404, 405)
    return answer


@dataclass
class Api:
    """A caller of the service: its requests with its key, and a new Idempotency-Key each unless one is given."""

    client: TestClient
    service: Service
    key: str
    name: str = "ann"

    def get(self, path: str, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return as_described(self.client, self.client.get(f"{PREFIX}{path}", headers=headers, **more))

    def send(self, method: str, path: str, body: Any = None, key: str | None = None, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key or f"key-{next(_numbers)}", **more.pop("headers", {})}
        return as_described(self.client, self.client.request(method, f"{PREFIX}{path}", json=body, headers=headers, **more))

    def post(self, path: str, body: Any = None, key: str | None = None, **more: Any) -> Response:
        return self.send("POST", path, body, key, **more)

    def upload(self, path: str, content: bytes, kind: str = "text/csv", key: str | None = None) -> Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key or f"key-{next(_numbers)}", "Content-Type": kind}
        return as_described(self.client, self.client.post(f"{PREFIX}{path}", content=content, headers=headers))

    def campaign(self, text: str = TEXT) -> str:
        name = f"campaign {next(_numbers)}"
        made = self.post("/campaigns", {"name": name, "toml": text})
        assert made.status_code == 201, made.text
        return name

    def as_(self, name: str, scopes: Sequence[Scope] = SCOPES) -> Api:
        _, key = self.service.keys.make("test", name, scopes)
        assert key is not None
        return Api(self.client, self.service, key, name)


def application(folder: Path, **settings: Any) -> FastAPI:
    return create_app(
        load_settings(
            **{"store": str(folder / "lab.db"), "warm": False, "burst": 100_000, "refusals_a_minute": 100_000, "jobs_of_one": 32, **settings}
        )
    )


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    app = application(tmp_path_factory.mktemp("service"))
    with TestClient(app) as client:
        _, key = app.state.service.keys.make("test", "ann", SCOPES)
        yield Api(client, app.state.service, key)
