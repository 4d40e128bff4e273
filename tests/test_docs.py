"""The examples in the documents run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from optimizer.space.campaign import parse_space_campaign

DOCS = Path(__file__).parents[1] / "docs"
PYTHON = [
    (path.name, number, block)
    for path in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize(("page", "number", "block"), PYTHON, ids=[f"{page}-{number}" for page, number, _ in PYTHON])
def test_python_example_runs(page: str, number: int, block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, f"{page}, block {number}", "exec"), {"__name__": "__example__"})
    assert capsys.readouterr().out


def test_campaign_of_the_page_on_any_space_is_one() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "any-space.md").read_text(encoding="utf-8"), re.DOTALL)
    campaign = parse_space_campaign(block, "any-space.md")
    assert len(campaign.declared) == 6
    assert campaign.mixtures[0].remainder == "graphite_wt"


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            if not link.startswith("http"):
                assert (path.parent / link).exists(), f"{path.name} links to {link}, which is not there"
