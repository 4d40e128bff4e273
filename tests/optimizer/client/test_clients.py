"""The clients against a real service: what a lab does, the same awaited; errors; a service that dies or has too much to do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from optimizer.client import ApiError, AsyncClient, Client, Retry
from optimizer.client.shapes import Job
from tests.optimizer.client.conftest import NOWHERE, ONCE, QUICK, RECIPE, ROOT, TEXT, Server, observed, serving


def test_campaign_is_created_revised_listed_cloned_and_archived(client: Client, campaign: str) -> None:
    again = client.create_campaign(settings=tomllib.loads(TEXT), name=f"{campaign} of JSON")
    assert tomllib.loads(again["toml"]) == tomllib.loads(client.campaign(campaign)["toml"])
    revised = client.revise_campaign(campaign, 1, toml=TEXT.replace("batch_size = 4", "batch_size = 3"), reason="less powder")
    assert (revised["revision"], client.revisions(campaign)[1]["reason"]) == (2, "less powder")
    with pytest.raises(ApiError, match="revision") as refused:
        client.revise_campaign(campaign, 1, toml=TEXT)
    assert refused.value.status == 412
    copy = client.clone_campaign(campaign, f"{campaign} copy")
    assert (copy["cloned_from"], client.archive_campaign(copy["name"])["archived"]) == (campaign, True)
    assert client.restore_campaign(copy["name"])["archived"] is False
    assert {campaign, copy["name"]} <= {one["name"] for one in client.campaigns()}


def test_lists_come_in_pages_or_whole(client: Client, campaign: str) -> None:
    client.tell_many(campaign, [{"observation": observed(80.0 + i)} for i in range(5)])
    first = client.observations(campaign, limit=2)
    rest = client.observations(campaign, after=int(first.next or 0))
    assert [one["number"] for one in (*first, *rest)] == [one["number"] for one in client.observations(campaign)]
    assert (len(first), len(rest), rest.next) == (2, 3, None)


def test_list_longer_than_a_page_of_the_service_comes_whole(client: Client, campaign: str) -> None:
    for _ in range(2):
        client.tell_many(campaign, [{"observation": observed(80.0)} for _ in range(600)])
    assert len(client.observations(campaign)) == 1200
    assert len(client.observations(campaign, limit=1100)) == 1100


def test_recipes_are_asked_for_told_renewed_and_given_up(client: Client, campaign: str) -> None:
    one, two = client.ask(campaign, 2, seed=3)["trials"]
    told = client.tell(campaign, {"recipe": one["recipe"], "outcomes": {"discharge_capacity": {"value": 187.2, "sd": 1.5}}}, trial=one["number"])
    assert told["trial"] == one["number"]
    assert client.trial(campaign, one["number"])["state"] == "completed"
    assert (client.renew(campaign, two["number"], lease_s=30 * 86_400.0)["expires_at"] or "") > (two["expires_at"] or "")
    assert client.abandon(campaign, two["number"], reason="no powder")["state"] == "abandoned"
    assert [one["number"] for one in client.trials(campaign, states=["abandoned"])] == [two["number"]]


def test_failed_and_corrected_cells_and_tables(client: Client, campaign: str, tmp_path: Path) -> None:
    failed = client.tell_failed(campaign, RECIPE, cause="crumbled")
    assert client.correct(campaign, failed["number"], observed(85.0, 185.0))["corrects"] == failed["number"]
    head, row = ("name", "am_wt", "coating", "se_particle_um", "vgcf_wt", "discharge_capacity"), ("A1", 82, "95:5", 1.5, 2.3, 180)
    (tmp_path / "cells.csv").write_text(f"{','.join(head)}\n{','.join(map(str, row))}\n")
    with xlsxwriter.Workbook(tmp_path / "CELLS.XLSX") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, head)
        sheet.write_row(1, 0, row)
    assert len(client.upload(campaign, tmp_path / "cells.csv")["told"]) == 1
    assert client.upload(campaign, tmp_path / "CELLS.XLSX", source="cells.csv")["already"] == 1
    with pytest.raises(ValueError, match=r"must be a \.csv or \.xlsx file"):
        client.upload(campaign, tmp_path / "cells.ods")
    (tmp_path / "again.csv").write_text(client.export_csv(campaign))
    assert len(client.export_json(campaign)["observations"]) == 2
    copy = client.create_campaign(toml=TEXT, name=f"{campaign} again")["name"]
    assert len(client.upload(copy, tmp_path / "again.csv")["told"]) == 2


def test_models_are_asked_and_jobs_waited_for(client: Client, campaign: str) -> None:
    assert client.check(campaign, RECIPE) == {"kind": "check", "observations": 0}
    assert client.predict(campaign, RECIPE, explain=True)["kind"] == "predict"
    assert client.advise(campaign, 4, least=[1.0, 1.0])["kind"] == "advise"
    assert client.diagnose(campaign)["kind"] == "diagnose"
    assert client.validate(campaign, seed=1)["kind"] == "validate"
    assert client.simulate(campaign, RECIPE, c_rates=[0.1])["kind"] == "simulate"
    looks: list[Job] = []
    job = client.begin(campaign, "checks", {"recipe": RECIPE})
    assert client.wait(job["id"], progress=looks.append) == {"kind": "check", "observations": 0}
    assert looks[-1]["state"] == client.job(job["id"])["state"] == client.cancel(job["id"])["state"] == "succeeded"
    assert job["id"] in [one["id"] for one in client.jobs()]


def test_keys_and_audit(client: Client, server: Server, campaign: str) -> None:
    made = client.make_key("bob", ["read"], expires_in_s=3600.0)
    with Client(server.url, made["key"], retry=ONCE) as bob:
        assert bob.campaign(campaign)["name"] == campaign
        with pytest.raises(ApiError, match="scope write") as refused:
            bob.archive_campaign(campaign)
        assert (refused.value.status, refused.value.temporary) == (403, False)
    assert client.revoke_key(made["id"])["state"] == "revoked"
    assert made["id"] in [one["id"] for one in client.list_keys()]
    assert [one["operation"] for one in client.audit(campaign)] == [one["operation"] for one in client.audit_of_all() if one["campaign"] == campaign]


def test_refusal_names_status_field_rule_and_value(client: Client, campaign: str) -> None:
    with pytest.raises(ApiError, match="at most 5000") as refused:
        client.tell(campaign, observed(85.0, -5.0))
    error = refused.value
    assert (error.status, error.title, error.kind) == (422, "Unprocessable Entity", "urn:glittercake:problem:invalid")
    assert (error.field, float(error.value)) == ("reports[0].outcomes.discharge_capacity", -5.0)
    with pytest.raises(ApiError, match="nothing") as unknown:
        client.campaign("nothing")
    assert (unknown.value.status, unknown.value.field) == (404, None)


def test_awaited_calls_give_what_blocking_ones_give(client: Client, server: Server, campaign: str, tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    table.write_text("name,am_wt,coating,se_particle_um,vgcf_wt,discharge_capacity\nA1,82,95:5,1.5,2.3,180\n")
    calls: list[Callable[[Any], Any]] = [
        lambda c: c.create_campaign(toml=TEXT, name=f"{campaign} both", key=f"{campaign}1".replace(" ", "")),
        lambda c: c.ask(campaign, 2, key=f"{campaign}2".replace(" ", "")),
        lambda c: c.tell(campaign, observed(80.0), key=f"{campaign}3".replace(" ", "")),
        lambda c: c.upload(campaign, table, key=f"{campaign}4".replace(" ", "")),
        lambda c: c.predict(campaign, RECIPE, key=f"{campaign}5".replace(" ", "")),
        lambda c: c.observations(campaign, limit=1),
        lambda c: c.export_csv(campaign),
        lambda c: c.audit(campaign),
    ]
    blocking = [call(client) for call in calls]

    async def awaited() -> list[Any]:
        async with AsyncClient(server.url, server.key, retry=QUICK) as other:
            found = [await call(other) for call in calls]
            assert await asyncio.gather(*(other.campaign(campaign) for _ in range(8))) == [client.campaign(campaign)] * 8
            with pytest.raises(ApiError, match="nothing"):
                await other.campaign("nothing")
            return found

    assert asyncio.run(awaited()) == blocking
    assert len(client.observations(campaign)) == 2


def test_server_killed_between_a_write_and_its_answer_keeps_one_observation(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Client(server.url, server.key, retry=QUICK) as client:
        name = client.create_campaign(toml=TEXT)["name"]
        for i in range(2):
            server.flag.touch()
            with server.started_again_when_it_dies():
                told = client.tell(name, observed(80.0)) if i == 0 else asyncio.run(_tell(server, name))
            assert not server.flag.exists()
            assert [one["number"] for one in client.observations(name)] == list(range(1, i + 2))
            assert told["number"] == i + 1


async def _tell(server: Server, name: str) -> Any:
    async with AsyncClient(server.url, server.key, retry=QUICK) as client:
        return await client.tell(name, observed(81.0))


def test_too_many_requests_are_made_later(tmp_path: Path) -> None:
    with serving(tmp_path, GLITTERCAKE_BURST="3", GLITTERCAKE_REQUESTS_A_MINUTE="240") as server:
        with Client(server.url, server.key, retry=ONCE) as hasty, pytest.raises(ApiError, match="too many requests") as refused:
            [hasty.campaigns() for _ in range(100)]
        assert (refused.value.status, refused.value.temporary) == (429, True)
        with Client(server.url, server.key, retry=Retry(first_s=0.1)) as patient:
            name = patient.create_campaign(toml=TEXT)["name"]
            for i in range(4):
                patient.tell(name, observed(80.0 + i))
            assert len(patient.observations(name)) == 4


def test_service_that_is_not_there_is_said(server: Server) -> None:
    with Client(NOWHERE, server.key, retry=Retry(attempts=2, first_s=0.01)) as client, pytest.raises(ApiError, match="does not answer") as lost:
        client.campaigns()
    assert (lost.value.status, lost.value.temporary) == (0, True)


def test_address_and_key_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLITTERCAKE_CLIENT_URL", server.url)
    monkeypatch.setenv("GLITTERCAKE_CLIENT_KEY", server.key)
    with Client() as client:
        assert client.ready() == {"status": "ok"}
    for name, said in (("GLITTERCAKE_CLIENT_KEY", "the key must be"), ("GLITTERCAKE_CLIENT_URL", "the address must be")):
        monkeypatch.delenv(name)
        with pytest.raises(ValueError, match=said):
            Client()


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://lab/api/v1", "http://127.0.0.1:8765", "http://127.0.0.1:8765/api/v2"])
def test_address_that_cannot_be_right_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="as `glittercake serve` prints it"):
        Client(url, "gck_any")


def test_wrong_key_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="got something else") as refused:
        Client(NOWHERE, "gck_secret\n")
    assert "secret" not in str(refused.value)


def test_client_loads_nothing_of_the_service_or_the_models() -> None:
    program = (
        "import sys\nimport optimizer.client\n"
        "heavy = ('numpy', 'torch', 'scipy', 'sqlalchemy', 'fastapi', 'pydantic', 'starlette', 'objectives', 'surrogates', 'workers')\n"
        "print([name for name in heavy if name in sys.modules], [name for name in sys.modules if name.startswith('optimizer.') "
        "and not name.startswith('optimizer.client')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "[] []", done.stderr
