"""Campaigns over HTTP: create, revise, archive, clone, page; what is wrong is named."""

from __future__ import annotations

import tomllib

import pytest

from tests.optimizer.service.conftest import SPACE_TEXT, TEXT, Api, told


def test_campaign_is_created_from_toml_and_from_json_alike(api: Api) -> None:
    first = api.campaign()
    made = api.post(
        "/campaigns", {"name": f"{first} json", "settings": {**tomllib.loads(TEXT), "study": None} | {"study": tomllib.loads(TEXT)["study"]}}
    )
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"r1"'
    assert tomllib.loads(made.json()["toml"]) == tomllib.loads(TEXT)
    assert api.client.get(made.headers["location"], headers={"Authorization": f"Bearer {api.key}"}).json() == made.json()


def test_write_sent_again_has_one_effect_and_one_answer(api: Api) -> None:
    name = api.campaign()
    body = {"reports": [told(85.0)]}
    answers = [api.post(f"/campaigns/{name}/observations", body, key="tell-once") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(api.get(f"/campaigns/{name}/observations").json()["items"]) == 1
    other = api.post(f"/campaigns/{name}/observations", {"reports": [told(86.0)]}, key="tell-once")
    assert (other.status_code, other.json()["type"]) == (422, "urn:glittercake:problem:key-reused")


def test_every_write_takes_an_idempotency_key(api: Api) -> None:
    for path, methods in api.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            if method != "get":
                assert any(p["name"] == "idempotency-key" and p["required"] for p in operation["parameters"]), (method, path)
    answer = api.client.post("/api/v1/campaigns/any/archive", headers={"Authorization": f"Bearer {api.key}"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


def test_revision_takes_the_etag_of_what_was_looked_at(api: Api) -> None:
    name = api.campaign(SPACE_TEXT)
    changed = SPACE_TEXT.replace("upper = 98", "upper = 97")
    assert api.send("PUT", f"/campaigns/{name}", {"toml": changed}).status_code == 428
    for wrong in ('"r7"', "r1", "*", '"x"', 'W/"r1"'):
        refused = api.send("PUT", f"/campaigns/{name}", {"toml": changed}, headers={"If-Match": wrong})
        assert refused.status_code == 412, wrong
    etag = api.get(f"/campaigns/{name}").headers["etag"]
    revised = api.send(
        "PUT", f"/campaigns/{name}", {"toml": changed, "reason": "coater"}, headers={"If-Match": etag}, key=f"rev {name}".replace(" ", "-")
    )
    assert (revised.status_code, revised.headers["etag"], revised.json()["revision"]) == (200, '"r2"', 2)
    again = api.send(
        "PUT", f"/campaigns/{name}", {"toml": changed, "reason": "coater"}, headers={"If-Match": etag}, key=f"rev {name}".replace(" ", "-")
    )
    assert again.json() == revised.json()  # sent again, not a conflict
    late = api.send("PUT", f"/campaigns/{name}", {"toml": SPACE_TEXT}, headers={"If-Match": etag})
    assert late.status_code == 412
    revisions = api.get(f"/campaigns/{name}/revisions").json()["items"]
    assert [one["number"] for one in revisions] == [1, 2]
    assert revisions[1]["reason"] == "coater"
    assert revisions[1]["changes"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"toml": "", "settings": {}}, "body"),
        ({"toml": "this is no toml"}, "campaign"),
        ({"toml": 'name = "x"\nphysics = "none"\n'}, "campaign"),
        ({"toml": 'name = "x"\nstudy = "nowhere"\n'}, "campaign"),
        ({"settings": {"name": 7}}, "campaign"),
        ({"toml": TEXT, "name": "a/b"}, "name"),
        ({"toml": TEXT, "name": 5}, "name"),
        ({"toml": TEXT, "more": 1}, "more"),
    ],
)
def test_campaign_that_is_none_is_refused_with_the_field(api: Api, body: dict[str, object], field: str) -> None:
    answer = api.post("/campaigns", body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["rule"]


def test_name_that_is_taken_conflicts_and_one_unknown_is_not_found(api: Api) -> None:
    name = api.campaign()
    assert api.post("/campaigns", {"name": name, "toml": TEXT}).status_code == 409
    assert api.get("/campaigns/nowhere").status_code == 404
    assert api.post("/campaigns/nowhere/archive").status_code == 404


def test_archived_campaign_is_asked_nothing_and_still_told(api: Api) -> None:
    name = api.campaign()
    assert api.post(f"/campaigns/{name}/archive").json()["archived"] is True
    assert api.post(f"/campaigns/{name}/observations", {"reports": [told(85.0)]}).status_code == 201
    refused = api.send("PUT", f"/campaigns/{name}", {"toml": TEXT}, headers={"If-Match": '"r1"'})
    assert (refused.status_code, "archived" in refused.json()["detail"]) == (409, True)
    assert api.post(f"/campaigns/{name}/restore").json()["archived"] is False


def test_clone_has_the_observations(api: Api) -> None:
    name = api.campaign()
    api.post(f"/campaigns/{name}/observations", {"reports": [told(85.0)]})
    made = api.post(f"/campaigns/{name}/clone", {"name": f"{name} copy"})
    assert (made.status_code, made.json()["cloned_from"]) == (201, name)
    assert len(api.get(f"/campaigns/{name} copy/observations").json()["items"]) == 1


def test_pages_follow_each_other_and_end(api: Api) -> None:
    name = api.campaign()
    api.post(f"/campaigns/{name}/observations", {"reports": [told(80.0 + i) for i in range(5)]})
    found, after = [], 0
    while True:
        page = api.get(f"/campaigns/{name}/observations", params={"after": after, "limit": 2}).json()
        found += [one["number"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == [1, 2, 3, 4, 5]
    names, behind = [], ""
    while True:
        page = api.get("/campaigns", params={"after": behind, "limit": 3}).json()
        names += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        behind = page["next"]
    assert names == sorted(names)
    assert name in names


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 1001}, {"after": -1}, {"after": 10**30}, {"limit": "x"}])
def test_page_out_of_range_is_refused(api: Api, params: dict[str, object]) -> None:
    assert api.get("/audit", params=params).status_code == 422


def test_audit_says_who_did_what(api: Api) -> None:
    name = api.campaign()
    bob = api.as_("bob", ["read", "write"])
    bob.post(f"/campaigns/{name}/observations", {"reports": [told(85.0)]})
    entries = api.get(f"/campaigns/{name}/audit").json()["items"]
    assert ("ann", "create") in [(one["who"], one["operation"]) for one in entries]
    assert ("bob", "tell") in [(one["who"], one["operation"]) for one in entries]
    assert bob.get("/audit").status_code == 403
    assert name in {one["campaign"] for one in api.get("/audit", params={"limit": 1000}).json()["items"]}


@pytest.mark.parametrize(
    "content",
    [
        '{"toml": "name = \\"\\ud800\\""}',
        '{"name": "\\ud800", "toml": ""}',
        '{"name": "\\u0000", "toml": "a = 1"}',
        '{"settings": {"name": "\\ud800"}}',
        '{"settings": {"name": "x", "limits": {"probability": 1' + "0" * 400 + "}}}",
        '{"settings": {"name": 1' + "0" * 5000 + "}}",
        '{"settings": ' + '{"a":' * 900 + "1" + "}" * 900 + "}",
        '{"\\ud800": 1}',
        '{"settings": {"\\u0000": 1}}',
    ],
)
def test_odd_text_or_number_is_refused_and_no_fault(api: Api, content: str) -> None:
    answer = api.upload("/campaigns", content.encode(), "application/json")
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("content", ['{"\\ud800": 1.0}', '{"a": 1' + "0" * 400 + "}", '{"a": "\\ud800"}', '{"a": "\\u0000"}', '{"\\u0000": 1.0}'])
def test_odd_recipe_is_refused_and_no_fault(api: Api, content: str) -> None:
    for path in (f"/campaigns/{api.campaign()}/checks", f"/campaigns/{api.campaign(SPACE_TEXT)}/checks"):
        answer = api.upload(path, f'{{"recipe": {content}}}'.encode(), "application/json")
        assert answer.status_code in (400, 422), answer.text
