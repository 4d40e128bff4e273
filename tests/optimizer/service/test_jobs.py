"""Jobs: waited for or followed, cancelled, failed with a reason; what a dead worker and a stopped service leave behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from optimizer.service.job_rows import JobRows
from optimizer.service.keys import SCOPES
from optimizer.store import By, UnavailableError
from tests.optimizer.service import killing
from tests.optimizer.service.conftest import TEXT, Api, application, recipe, told

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Workers answer without a model."""
    monkeypatch.setattr("optimizer.service.jobs.work", killing.answers)
    return monkeypatch


def ended(api: Api, job: str) -> dict[str, object]:
    for _ in range(600):
        found: dict[str, object] = api.get(f"/jobs/{job}").json()
        if found["state"] not in ("queued", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"job {job} does not end")


def test_ask_gives_the_callers_open_recipes_back_before_new_ones(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    first = api.post(f"/campaigns/{name}/suggestions", {"n": 2})
    assert first.status_code == 200, first.text
    assert [one["recipe"]["am_wt"] for one in first.json()["trials"]] == [70.0, 70.1]
    assert first.json()["batch"]["strategy"] == "steps"
    again = api.post(f"/campaigns/{name}/suggestions", {"n": 2}).json()
    assert ([one["number"] for one in again["trials"]], again["batch"]) == ([1, 2], None)
    bob = api.as_("bob")
    assert [one["number"] for one in bob.post(f"/campaigns/{name}/suggestions", {"n": 1}).json()["trials"]] == [3]
    machine = api.post(f"/campaigns/{name}/suggestions", {"n": 1, "machine": "press-2"}).json()["trials"]
    assert [(one["number"], one["holder"]) for one in machine] == [(4, "ann/press-2")]
    assert machine[0]["note"]["strategy"] == "steps"


def test_ask_without_reserving_shows_and_gives_nothing(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    shown = api.post(f"/campaigns/{name}/suggestions", {"n": 2, "reserve": False}).json()
    assert (shown["trials"], len(shown["batch"]["suggestions"])) == ([], 2)
    assert api.get(f"/campaigns/{name}/trials").json()["items"] == []


def test_ask_sent_again_gives_the_same_answer(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    answers = [api.post(f"/campaigns/{name}/suggestions", {"n": 1}, key=f"{name}-ask".replace(" ", "-")) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert len(api.get(f"/campaigns/{name}/trials").json()["items"]) == 1
    other = api.post(f"/campaigns/{name}/suggestions", {"n": 2}, key=f"{name}-ask".replace(" ", "-"))
    assert other.status_code == 422


def test_trial_is_told_renewed_and_given_up(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    one, two = api.post(f"/campaigns/{name}/suggestions", {"n": 2}).json()["trials"]
    done = api.post(f"/campaigns/{name}/observations", {"reports": [{**told(70.0), "trial": one["number"]}]})
    assert done.json()["told"][0]["trial"] == one["number"]
    assert api.post(f"/campaigns/{name}/observations", {"reports": [{**told(70.0), "trial": one["number"]}]}).status_code == 409
    longer = api.post(f"/campaigns/{name}/trials/{two['number']}/renew", {"lease_s": 30 * 86_400.0})
    assert longer.json()["expires_at"] > two["expires_at"]
    assert api.as_("bob").post(f"/campaigns/{name}/trials/{two['number']}/renew", {}).status_code == 409
    assert api.post(f"/campaigns/{name}/trials/{two['number']}/abandon", {"reason": "no powder"}).json()["state"] == "abandoned"
    states = [trial["state"] for trial in api.get(f"/campaigns/{name}/trials").json()["items"]]
    assert states == ["completed", "abandoned"]
    assert [t["number"] for t in api.get(f"/campaigns/{name}/trials", params={"state": ["abandoned"]}).json()["items"]] == [two["number"]]


def test_job_is_followed_as_events_and_has_its_result(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    begun = api.post(f"/campaigns/{name}/checks", {"recipe": recipe(85.0)}, headers=ASYNC)
    assert begun.status_code == 202
    assert begun.headers["location"].endswith(begun.json()["id"])
    events = api.get(f"/jobs/{begun.json()['id']}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    states = [json.loads(line[6:])["state"] for line in events.text.splitlines() if line.startswith("data: ")]
    assert states[-1] == "succeeded"
    assert ended(api, begun.json()["id"])["result"] == {"kind": "check", "observations": 0}
    listed = [job["id"] for job in api.get("/jobs", params={"limit": 1000}).json()["items"]]
    assert begun.json()["id"] in listed


@pytest.mark.parametrize("prefer", ["wait=x", "soon", "wait=99999"])
def test_preference_that_is_none_is_refused(api: Api, prefer: str) -> None:
    assert api.post(f"/campaigns/{api.campaign()}/checks", {"recipe": recipe(85.0)}, headers={"Prefer": prefer}).status_code == 400


def test_dead_worker_is_a_failed_job_and_the_service_goes_on(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    work.setattr("optimizer.service.jobs.work", killing.dies)
    answer = api.post(f"/campaigns/{name}/predictions", {"recipe": recipe(85.0)}, headers={"Prefer": "wait=60"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:glittercake:problem:worker-died")
    job = answer.headers["content-location"].rpartition("/")[2]
    assert (ended(api, job)["state"], "died" in str(ended(api, job)["problem"])) == ("failed", True)
    asked = api.post(f"/campaigns/{name}/suggestions", {"n": 1}, headers={"Prefer": "wait=60"})
    assert asked.status_code == 503
    work.setattr("optimizer.service.jobs.work", killing.answers)
    assert api.post(f"/campaigns/{name}/suggestions", {"n": 1}, headers={"Prefer": "wait=60"}).status_code == 200


def test_end_that_the_database_did_not_take_is_kept_later(api: Api, work: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise UnavailableError("the disk is full; make room")

    work.setattr("optimizer.service.jobs.work", killing.answers)
    with work.context() as full:
        full.setattr(api.service.jobs.rows, "end", unavailable)
        job = api.post(f"/campaigns/{api.campaign()}/checks", {"recipe": recipe(85.0)}, headers={"Prefer": "wait=10"}).json()["id"]
        while "stays open" not in caplog.text:
            time.sleep(0.02)
        with pytest.raises(UnavailableError):
            api.service.sweep()
    assert api.get(f"/jobs/{job}").json()["state"] == "running"
    api.service.sweep()
    found = api.get(f"/jobs/{job}").json()
    assert (found["state"], found["problem"]["status"], found["problem"]["detail"]) == ("failed", 503, "the disk is full; make room")


def test_fault_of_a_worker_shows_no_traceback(api: Api, work: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    work.setattr("optimizer.service.jobs.work", killing.has_a_fault)
    answer = api.post(f"/campaigns/{api.campaign()}/checks", {"recipe": recipe(85.0)}, headers={"Prefer": "wait=60"})
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


def test_running_job_is_cancelled_with_its_worker(api: Api, work: pytest.MonkeyPatch) -> None:
    work.setattr("optimizer.service.jobs.work", killing.sleeps)
    name = api.campaign()
    job = api.post(f"/campaigns/{name}/checks", {"recipe": recipe(85.0)}, headers=ASYNC).json()["id"]
    while api.get(f"/jobs/{job}").json()["progress"]["stage"] != "computing":
        time.sleep(0.02)
    assert api.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert ended(api, job)["result"] is None
    work.setattr("optimizer.service.jobs.work", killing.answers)
    assert api.post(f"/campaigns/{name}/checks", {"recipe": recipe(85.0)}, headers={"Prefer": "wait=60"}).status_code == 200


def test_job_that_takes_too_long_is_ended(tmp_path: Path, work: pytest.MonkeyPatch) -> None:
    work.setattr("optimizer.service.jobs.work", killing.sleeps)
    app = application(tmp_path, job_s=0.5)
    with TestClient(app) as client:
        api = Api(client, app.state.service, app.state.service.keys.make("test", "ann", SCOPES)[1] or "")
        answer = api.post(f"/campaigns/{api.campaign()}/checks", {"recipe": recipe(85.0)}, headers={"Prefer": "wait=60"})
        assert (answer.status_code, answer.json()["type"]) == (504, "urn:glittercake:problem:too-long")


def test_too_many_jobs_wait(tmp_path: Path, work: pytest.MonkeyPatch) -> None:
    work.setattr("optimizer.service.jobs.work", killing.sleeps)
    app = application(tmp_path, jobs=3, jobs_of_one=2)
    with TestClient(app) as client:
        ann, bob = (Api(client, app.state.service, app.state.service.keys.make("test", who, SCOPES)[1] or "") for who in ("ann", "bob"))
        name = ann.campaign()

        def begin(api: Api) -> int:
            return api.post(f"/campaigns/{name}/checks", {"recipe": recipe(85.0)}, headers=ASYNC).status_code

        assert [begin(ann), begin(ann), begin(ann), begin(bob), begin(bob)] == [202, 202, 429, 202, 429]


def test_job_of_a_stopped_service_is_taken_up_by_the_next(tmp_path: Path, work: pytest.MonkeyPatch) -> None:
    work.setattr("optimizer.service.jobs.work", killing.sleeps)
    app = application(tmp_path)
    with TestClient(app) as client:
        api = Api(client, app.state.service, app.state.service.keys.make("test", "ann", SCOPES)[1] or "")
        name = api.campaign()
        job = api.post(f"/campaigns/{name}/suggestions", {"n": 1}, headers=ASYNC).json()["id"]
        while api.get(f"/jobs/{job}").json()["attempts"] != 1:
            time.sleep(0.02)
    work.setattr("optimizer.service.jobs.work", killing.answers)
    with TestClient(application(tmp_path)) as client:
        later = Api(client, client.app.state.service, api.key)  # type: ignore[attr-defined]
        found = ended(later, job)
        assert (found["state"], found["attempts"]) == ("succeeded", 2)
        assert len(later.get(f"/campaigns/{name}/trials").json()["items"]) == 1


def test_job_that_took_the_service_down_three_times_is_given_up(tmp_path: Path) -> None:
    app = application(tmp_path)
    with TestClient(app):
        service = app.state.service
        service.store.campaigns.create(By("ann"), TEXT, "any")
        rows: JobRows = service.jobs.rows
        job, _ = rows.add(By("ann", "a key"), "check", "any", {"recipe": {}})
        for _ in range(3):
            rows.begin(job.id)
        service.jobs.resume()
        assert rows.get(job.id).state == "failed"


def test_old_jobs_are_forgotten(api: Api, work: pytest.MonkeyPatch) -> None:
    job = api.post(f"/campaigns/{api.campaign()}/checks", {"recipe": recipe(85.0)}, headers=ASYNC).json()["id"]
    ended(api, job)
    api.service.jobs.rows.forget(time.time() + 1.0)
    assert api.get(f"/jobs/{job}").status_code == 404


def test_web_process_loads_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom optimizer.service import create_app, load_settings\nimport optimizer.service.server\n"
        "from fastapi.testclient import TestClient\napp = create_app(load_settings(store=sys.argv[1], warm=False))\n"
        "with TestClient(app) as client:\n    assert client.get('/api/v1/health/ready').status_code == 200\n    app.openapi()\n"
        "print([name for name in ('torch', 'botorch', 'gpytorch', 'sklearn', 'ray', 'pybamm') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "lab.db")], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_sweep_frees_what_has_run_out(api: Api, work: pytest.MonkeyPatch) -> None:
    name = api.campaign()
    (trial,) = api.post(f"/campaigns/{name}/suggestions", {"n": 1, "lease_s": 1.0}).json()["trials"]
    while api.get(f"/campaigns/{name}/trials/{trial['number']}").json()["state"] == "running":
        time.sleep(0.1)
    api.service.sweep()
    entries = api.get(f"/campaigns/{name}/audit").json()["items"]
    assert ("service", "sweep") in [(one["who"], one["operation"]) for one in entries]
    assert [one["number"] for one in api.as_("bob").post(f"/campaigns/{name}/suggestions", {"n": 1}).json()["trials"]] == [trial["number"]]
