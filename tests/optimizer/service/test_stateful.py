"""Schemathesis walks the API along its links: no fault, no answer that the description lacks, whatever is sent in whatever order.

The machine begins a scenario with a real campaign and tells real cells; all else of a request is made up from the description, a tenth of
it wrong on purpose. Workers answer without a model, as what models say has tests of its own.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import rule
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation.stateful import APIStateMachine
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from optimizer.service import load_settings
from optimizer.service.keys import SCOPES, Keys
from optimizer.service.links import LINKS
from optimizer.service.routes.observations import CSV
from optimizer.service.state import open_store
from tests.optimizer.service import killing
from tests.optimizer.service.conftest import RECIPE, SPACE_TEXT, TEXT, application, told
from tests.optimizer.service.test_observations import TABLE

HOST = "http://testserver"
LONG = ("models-advise", "models-diagnose", "models-validate")  # answered by a job's address, the others by a result, so that a scenario goes one way
RARE = {"observations-correct"}  # reached in one of sixty scenarios, with a made-up body; that it succeeds has tests of its own
PARTS = ("method", "url", "headers", "params", "json", "data", "cookies")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@dataclass(frozen=True)
class Walked:
    """A service to walk through, and what was seen of it: answers by operation and status."""

    app: FastAPI
    fresh: Path  # a store with a key and nothing else
    key: str
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def succeeded(self) -> set[str]:
        """Return the operations that did what they were asked."""
        return {name for name, status in self.answers if status < 300}

    def machine(self) -> type[APIStateMachine]:
        """Return the state machine of the whole API; each scenario has a fresh store, so that it goes the same way each time."""
        schema = schemathesis.openapi.from_dict(json.loads(json.dumps(self.app.openapi())))
        schema.config.update(base_url=HOST)
        schema.config.phases.stateful.inference.algorithms = []  # the links of the description alone, as a client follows them
        walked = self

        base = schema.as_state_machine()

        class Machine(base):  # type: ignore[misc, valid-type]
            def setup(self) -> None:
                self.times: Counter[str] = Counter()
                for old in walked.fresh.parent.glob("lab.db*"):
                    old.unlink()
                shutil.copy(walked.fresh, walked.fresh.with_name("lab.db"))
                self.client = TestClient(walked.app, raise_server_exceptions=False)
                self.client.__enter__()

            @rule()
            def looks_whether_it_is_there(self) -> None:
                """There is always a next step."""
                assert self.client.get("/api/v1/health/ready").status_code == 200

            def teardown(self) -> None:
                self.client.__exit__()

            def step(self, input: Any) -> Any:
                """Make every second request that no link gave a body one that can succeed, which made-up texts hardly do."""
                case, name = input.case, operation_id(input.case)
                self.times[name] += 1
                body = sensible_body(name, self.times[name])
                if self.times[name] % 2 and body is not None and (input.transition is None or input.transition.request_body is None):
                    case.body = body
                    case.media_type = CSV if name == "observations-import_table" else "application/json"
                if "prefer" in case.headers:  # few letters mean anything there; what others get is in `test_jobs`
                    case.headers["prefer"] = "respond-async" if name in LONG else "wait=30"
                return super().step(input)

            def call(self, case: Any, **_: Any) -> Response:
                made = case.as_transport_kwargs(base_url=HOST)
                sent = requests.Request(**{name: made[name] for name in PARTS if name in made}).prepare()
                sent.headers["Authorization"] = f"Bearer {walked.key}"  # requests without a right key are the subject of `test_security`
                head = {name: str(value) for name, value in sent.headers.items()}
                answer = self.client.request(str(sent.method), str(sent.url), headers=head, content=cast("bytes | str | None", sent.body))
                walked.answers[operation_id(case), answer.status_code] += 1
                return Response.from_any(answer)

            def validate_response(self, response: Response, case: Any, additional_checks: Any = None, **_: Any) -> None:
                case.validate_response(response, checks=CHECKS)

        for made_up in base.root_rules:  # names that were made up lead nowhere: what is of a campaign begins at its making
            if "_name_" in made_up or "_id_" in made_up:
                setattr(Machine, made_up, None)
        return Machine


def operation_id(case: Any) -> str:
    return str(case.operation.definition.raw["operationId"])


def sensible_body(name: str, times: int) -> Any:
    """Return a body that an operation takes, if it is one of those that made-up bodies do not reach."""
    text = SPACE_TEXT if times % 4 == 3 else TEXT
    bodies: dict[str, Any] = {
        "campaigns-create": {"toml": text, "name": f"walk {times}"},
        "campaigns-revise": {"toml": TEXT, "reason": "another look"},
        "campaigns-clone": {"name": f"copy {times}"},
        "trials-ask": {"n": 2},
        "trials-renew": {},
        "observations-tell": {"reports": [told(85.0)]},
        "observations-correct": told(85.0, 181.5),
        "observations-import_table": TABLE,
        **{f"models-{model}": {"recipe": RECIPE} for model in ("check", "predict", "simulate")},
    }
    return bodies.get(name)


@pytest.fixture
def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walked:
    """A service whose workers are threads that answer without a model."""
    monkeypatch.setattr("optimizer.service.jobs.work", killing.takes_a_while_for_some)
    monkeypatch.setattr("optimizer.service.jobs.ProcessExecutor", lambda number, **_: ThreadPoolExecutor(number))
    app = application(tmp_path, stream_s=2.0)
    with open_store(load_settings(store=str(tmp_path / "fresh.db"))) as store:
        _, key = Keys(store.engine).make("test", "ann", SCOPES)
    return Walked(app, tmp_path / "fresh.db", key or "")


def walk(walked: Walked, scenarios: int, steps: int) -> None:
    """Walk through the API, the same way each time."""
    walked.machine().run(
        settings=settings(
            max_examples=scenarios,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )


def test_walk_along_the_links_finds_no_fault(walked: Walked) -> None:
    walk(walked, 20, 25)
    assert {"campaigns-create", "trials-ask", "observations-tell", "exports-as_csv"} <= walked.succeeded()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_long_walk_along_the_links_does_everything_and_finds_no_fault(walked: Walked) -> None:
    walk(walked, 400, 40)
    every = {link.target for link in LINKS} | {link.source for link in LINKS}
    assert walked.succeeded() >= every - RARE
    assert {name for name, _ in walked.answers} >= every
