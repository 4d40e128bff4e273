"""When a request is sent again: the same one under the same key, later each time, and not where that cannot help."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.client import ApiError, Retry
from optimizer.client.errors import data_of, error_of
from optimizer.client.retry import retried
from optimizer.client.wire import Answer, Pause, Request, Steps, writing

WRITE = writing("/campaigns/any/archive", None, None)


def asking() -> Steps[Any]:
    return data_of((yield WRITE))


def run(answers: list[Answer], retry: Retry) -> tuple[Any, list[Request], list[float]]:
    """Return the result of the steps above against answers, the requests that were sent, and the pauses between them."""
    steps, sent, pauses = retried(asking(), retry), [], []
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = steps.send(Answer(0))
            else:
                sent.append(step)
                step = steps.send(answers[len(sent) - 1])
    except StopIteration as end:
        return end.value, sent, pauses


GOOD = Answer(200, {}, b'"done"')


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_request_is_sent_again_with_its_key_and_growing_pauses(status: int) -> None:
    retry = Retry(first_s=1.0, longest_s=4.0, draw=lambda: 1.0)
    result, sent, pauses = run([Answer(status)] * 4 + [GOOD], retry)
    assert (result, {one.key for one in sent}, pauses) == ("done", {WRITE.key}, [1.0, 2.0, 4.0, 4.0])


@pytest.mark.parametrize(
    "answer", [Answer(400), Answer(401), Answer(404), Answer(409), Answer(422), Answer(503, {"content-location": "/api/v1/jobs/x"})]
)
def test_what_would_be_answered_the_same_is_not_sent_again(answer: Answer) -> None:
    with pytest.raises(ApiError, match="got status") as error:
        run([answer], Retry())
    assert (error.value.status, error.value.temporary) == (answer.status, False)


def test_pause_that_the_service_wants_is_kept_and_spread() -> None:
    result, _, pauses = run([Answer(429, {"retry-after": "7"}), Answer(503, {"retry-after": "soon"}), GOOD], Retry(first_s=2.0, draw=lambda: 0.5))
    assert (result, pauses) == ("done", [8.0, 2.0])


def test_service_that_wants_too_long_a_pause_is_not_waited_for() -> None:
    with pytest.raises(ApiError, match="got status") as error:
        run([Answer(429, {"retry-after": "3600"})], Retry())
    assert error.value.temporary


@given(st.integers(1, 12), st.floats(0.0, 1.0, exclude_max=True))
def test_pauses_are_bounded_and_attempts_counted(attempts: int, drawn: float) -> None:
    retry = Retry(attempts=attempts, draw=lambda: drawn)
    pauses = [retry.pause(sent, Answer(0)) for sent in range(1, attempts + 1)]
    assert pauses[-1] is None
    assert all(pause is not None and 0.0 <= pause <= min(retry.longest_s, retry.first_s * 2.0**i) for i, pause in enumerate(pauses[:-1]))


def test_answer_of_somebody_else_is_told_by_its_status() -> None:
    assert "got status 502 with '<html>'" in str(error_of(Answer(502, {}, b"<html>")))
    for odd in (b"[]", b'{"status": "x", "detail": 1}', b"3", b"\xff"):
        assert error_of(Answer(418, {}, odd)).status == 418
    with pytest.raises(ApiError, match="must be the service's"):
        data_of(Answer(200, {}, b"<html>"))


def test_error_has_every_field_of_the_problem() -> None:
    finding = {"field": "reports[0].trial", "rule": "must be open", "value": 3, "remedy": "ask again"}
    problem = {"type": "urn:glittercake:problem:told", "title": "Conflict", "status": 409, "detail": "said", "errors": [finding]}
    error = error_of(Answer(409, {}, json.dumps(problem).encode()))
    assert (error.status, error.title, error.detail, error.kind) == (409, "Conflict", "said", problem["type"])
    assert (error.field, error.value, error.errors) == ("reports[0].trial", 3, (finding,))
