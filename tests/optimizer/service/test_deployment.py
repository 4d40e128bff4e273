"""The container file and the page about the service say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from optimizer.service.keys import SCOPES
from optimizer.service.routes import ROUTERS
from optimizer.service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
LINES = [
    line
    for line in (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")


def values(instruction: str) -> list[str]:
    return [line.removeprefix(instruction).strip() for line in LINES if line.startswith(f"{instruction} ")]


def test_container_has_known_instructions_and_pinned_images() -> None:
    known = ("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT")
    assert {line.split()[0] for line in LINES} == set(known)  # no ADD, which fetches and unpacks
    assert all(re.fullmatch(r"python:3\.11-slim-[a-z]+( AS [a-z]+)?", image) for image in values("FROM"))


def test_container_runs_without_root_and_takes_signals() -> None:
    (user,) = values("USER")
    assert int(user) > 0
    assert [line.split()[0] for line in LINES].index("USER") > max(i for i, line in enumerate(LINES) if line.startswith("RUN"))
    (entry,) = values("ENTRYPOINT")
    assert json.loads(entry) == ["glittercake", "serve"]  # no shell between, which would keep signals to itself
    assert "/api/v1/health/ready" in values("HEALTHCHECK")[0]


def test_settings_of_the_container_are_settings() -> None:
    names = re.findall(r"(\w+)=", " ".join(values("ENV")))
    set_here = [name.removeprefix(PREFIX).lower() for name in names if name.startswith(PREFIX)]
    assert set(set_here) <= set(Settings.model_fields)
    assert int(values("EXPOSE")[0]) == Settings.model_fields["port"].default


@pytest.mark.parametrize("name", Settings.model_fields)
def test_page_has_every_setting_with_its_default(name: str) -> None:
    field = Settings.model_fields[name]
    row = re.search(rf"^\| `{name}` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert row, f"{name} is not in docs/service.md"
    assert row[2] == field.description
    default = field.default
    assert row[1] in (
        str(default).lower() if isinstance(default, bool) else f"{default}",
        f"{default}".removesuffix(".0"),
        "none" if default is None else "",
    )


def test_page_has_every_scope_and_resource() -> None:
    assert all(f"| `{scope}` |" in PAGE for scope in SCOPES)
    last = {route.path.rstrip("/").rpartition("/")[2] for router in ROUTERS for route in router.routes if hasattr(route, "path")}
    assert [part for part in last if not part.startswith("{") and part not in PAGE] == []
