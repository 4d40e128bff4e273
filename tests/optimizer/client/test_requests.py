"""Every request that the client makes is one of the description, every operation has a method, and both clients have all methods, typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from optimizer.client import AsyncClient, Client
from optimizer.client.method import method
from optimizer.client.methods import Methods
from optimizer.client.wire import Request, Steps
from optimizer.service import create_app, load_settings
from optimizer.service.breaking import operations
from tests.optimizer.client.conftest import RECIPE, observed

DOCUMENT = create_app(load_settings()).openapi()
OPERATIONS = dict(operations(DOCUMENT))
JOB = "7b7c4a0e-6a33-4f0c-9a52-3a0e5b1c1f77"
NAME = "a lab's / own"  # but for the slash, which the service takes in no name
M = Methods
CALLS: dict[str, Callable[[], Steps[Any]]] = {
    "campaigns": lambda: M.campaigns.steps(None, after="b", limit=3),
    "campaign": lambda: M.campaign.steps(None, NAME),
    "create_campaign": lambda: M.create_campaign.steps(None, toml="x", name="y"),
    "revise_campaign": lambda: M.revise_campaign.steps(None, NAME, 2, settings={"a": 1}, reason="why"),
    "revisions": lambda: M.revisions.steps(None, NAME),
    "archive_campaign": lambda: M.archive_campaign.steps(None, NAME),
    "restore_campaign": lambda: M.restore_campaign.steps(None, NAME),
    "clone_campaign": lambda: M.clone_campaign.steps(None, NAME, "copy"),
    "export_csv": lambda: M.export_csv.steps(None, NAME),
    "export_json": lambda: M.export_json.steps(None, NAME),
    "audit": lambda: M.audit.steps(None, NAME, after=3),
    "ask": lambda: M.ask.steps(None, NAME, 4, seed=1, strategy="sobol", machine="press-2", lease_s=60.0, reserve=False),
    "trials": lambda: M.trials.steps(None, NAME, states=["proposed", "running"], limit=2),
    "trial": lambda: M.trial.steps(None, NAME, 1),
    "renew": lambda: M.renew.steps(None, NAME, 1, machine="press-2", lease_s=60.0),
    "abandon": lambda: M.abandon.steps(None, NAME, 1, reason="why"),
    "tell": lambda: M.tell.steps(None, NAME, observed(80.0), trial=1, attempt=1),
    "tell_many": lambda: M.tell_many.steps(None, NAME, [{"observation": observed(80.0)}]),
    "tell_failed": lambda: M.tell_failed.steps(None, NAME, RECIPE, status="short", cause="why"),
    "correct": lambda: M.correct.steps(None, NAME, 1, observed(80.0)),
    "upload": lambda: M.upload.steps(None, NAME, Path(__file__).parents[3] / "configs" / "literature.csv"),
    "observations": lambda: M.observations.steps(None, NAME),
    "observation": lambda: M.observation.steps(None, NAME, 1),
    "check": lambda: M.check.steps(None, NAME, RECIPE),
    "predict": lambda: M.predict.steps(None, NAME, RECIPE, explain=True),
    "advise": lambda: M.advise.steps(None, NAME, 4, seed=1, least=[1.0], trust=0.5),
    "diagnose": lambda: M.diagnose.steps(None, NAME, seed=1),
    "validate": lambda: M.validate.steps(None, NAME, seed=1),
    "simulate": lambda: M.simulate.steps(None, NAME, RECIPE, c_rates=[0.1], fidelity="micro", seeds=2, screen=True),
    "begin": lambda: M.begin.steps(None, NAME, "checks", {"recipe": RECIPE}),
    "wait": lambda: M.wait.steps(None, JOB),
    "job": lambda: M.job.steps(None, JOB),
    "jobs": lambda: M.jobs.steps(None, after=3),
    "cancel": lambda: M.cancel.steps(None, JOB),
    "ready": lambda: M.ready.steps(None),
    "audit_of_all": lambda: M.audit_of_all.steps(None),
    "list_keys": lambda: M.list_keys.steps(None, after="0a1b2c3d4e5f"),
    "make_key": lambda: M.make_key.steps(None, "bob", ["read"], expires_in_s=60.0),
    "revoke_key": lambda: M.revoke_key.steps(None, "0a1b2c3d4e5f"),
}
# For probes, for Prometheus and for people's eyes; a job is followed by looking at it, which a lost connection does not end.
NOT_OF_THE_CLIENT = {"/health", "/metrics", "/docs", "/openapi.json", "/jobs/{job_id}/events"}


def operation_of(request: Request) -> str:
    for name in OPERATIONS:
        verb, path = name.split(" ")
        pattern = re.sub(r"{\w+}", "[^/]+", path.removeprefix("/api/v1"))
        if verb == request.method and re.fullmatch(pattern, request.path):
            return name
    raise AssertionError(f"{request.method} {request.path} is not described")


def first(call: str) -> Request:
    step = next(CALLS[call]())
    assert isinstance(step, Request)
    return step


@pytest.mark.parametrize("call", CALLS)
def test_request_is_one_of_the_description(call: str) -> None:
    request = first(call)
    operation = OPERATIONS[operation_of(request)]
    parameters = {(one["in"], one["name"].lower()): one for one in operation.get("parameters", ())}
    for name, _ in request.query:
        assert ("query", name) in parameters
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert {("header", name) for name in headers if name != "content-type"} <= set(parameters)
    assert {name for (place, name), one in parameters.items() if place == "header" and one["required"]} <= set(headers)
    if request.body is None:
        assert "requestBody" not in operation
    else:
        schema = operation["requestBody"]["content"][headers["content-type"]]["schema"]
        if headers["content-type"] == "application/json":
            Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(json.loads(request.body))
    assert (request.method == "GET") == (request.key == "")


def test_every_operation_has_a_method_and_every_method_is_tried_here() -> None:
    described = {name.split(" ")[1].removeprefix("/api/v1") for name in OPERATIONS}
    assert described >= NOT_OF_THE_CLIENT
    called = {operation_of(first(call)) for call in CALLS}
    assert set(OPERATIONS) - called == {f"GET /api/v1{path}" for path in NOT_OF_THE_CLIENT}
    assert {name for name in dir(Methods) if isinstance(getattr(Methods, name), method)} == {*CALLS, "replay"}


def test_names_of_any_letters_stay_one_part_of_the_address() -> None:
    assert unquote(first("archive_campaign").path).endswith(f"/{NAME}/archive")
    assert first("archive_campaign").path.count("/") == 3


def test_writes_have_a_new_key_each_unless_one_is_given() -> None:
    assert first("tell").key != first("tell").key
    request = next(M.tell.steps(None, NAME, observed(80.0), key="mine"))
    assert isinstance(request, Request)
    assert request.headers["Idempotency-Key"] == "mine"


def test_methods_say_what_they_are_and_take(client: Client) -> None:
    assert (Client.tell.__doc__ or "").startswith("Keep one observation")
    assert (client.tell.__name__, client.tell.__doc__) == ("tell", Client.tell.__doc__)
    assert issubclass(AsyncClient, Methods)
    assert all(getattr(Methods, name).__doc__ for name in CALLS)
