from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.checks import Check, check
from optimizer.cli.render import interval_text
from optimizer.html import MASSES
from optimizer.model import FittedModel
from optimizer.report import Interval
from optimizer.stock import Effort
from optimizer.suggestion import Suggestions, suggest_from

SHOWN = {"p", "table", "caption", "thead", "tbody", "tr", "th", "td", "ol", "li"}


class Page(HTMLParser):
    """The tables of a text by caption, rows of cells, and its other words; refuses tags that are not closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.tables: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHOWN
        self.open.append(tag)
        self.attributes |= set(attrs)
        if tag == "caption":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.open, f"words outside of any element: {data}"
        if self.open[-1] == "caption":
            self.tables[data] = self._rows
        elif self.open[-1] in ("th", "td"):
            self._rows[-1][-1] += data
        else:
            self.words.append(data)


@pytest.fixture(scope="module")
def batch(model: FittedModel) -> Suggestions:
    return suggest_from(model, 2, 0, np.zeros((0, 4)))


@pytest.fixture(scope="module")
def refused(campaign: Campaign) -> Check:
    return check(campaign, Recipe(85.0, 25.0, 1.5, 2.3))


def test_batch_shows_the_numbers_of_its_json(batch: Suggestions, campaign: Campaign) -> None:
    page, data = Page(batch._repr_html_()), batch.as_json()
    titles, *rows = page.tables["Recipes"]
    assert titles[:5] == ["", "AM wt%", "AM:SE", "SE um", "VGCF wt%"]
    for row, s in zip(rows, data["suggestions"], strict=True):
        recipe = s["recipe"]
        assert [float(row[i]) for i in (1, 3, 4)] == [recipe["am_wt"], recipe["se_particle_um"], recipe["vgcf_wt"]]
        assert float(row[2].split(":")[1]) == recipe["coating_se_wt"]
        shown = [interval_text(Interval(**s["predicted"][name]), campaign.outcomes[name].digits) for name in data["objectives"]]
        assert set(shown) <= set(row)
        assert row[-1] == f"p {s['probability_of_all_limits']:.2f}"
        assert s["reason"] in page.words


def test_batch_shows_every_limit_and_mass_of_its_json(batch: Suggestions) -> None:
    page, data = Page(batch._repr_html_()), batch.as_json()
    for number, s in enumerate(data["suggestions"], start=1):
        shown = {row[0].split(",")[0]: row[number] for row in page.tables["Margin to every limit"][1:]}
        assert shown == {limit["name"]: f"{limit['margin']:+.3g} (p {limit['probability']:.2f})" for limit in s["limits"]}
        masses = [float(cell) for cell in page.tables["Weigh, mg"][number][1:]]
        assert masses == [*(s["sheet"]["masses_mg"][name] for name in MASSES), s["sheet"]["batch_mg"]]


def test_controls_order_and_effort_are_shown_where_a_campaign_asks_for_them(model: FittedModel, batch: Suggestions) -> None:
    campaign = model.campaign
    lab = replace(campaign, batch=replace(campaign.batch, control="best", block_size=3), effort=Effort("h<", cell=8.0))
    answer = suggest_from(replace(model, campaign=lab), 2, 0, np.zeros((0, 4)))
    page = Page(answer._repr_html_())
    assert sorted(row[2] for row in page.tables["Make in this order"][1:]) == ["1", "2", "control 1"]
    assert page.tables["Weigh, mg"][-1][0] == "control 1"
    assert any(words.startswith("Effort: 24 h< (") for words in page.words)
    assert "Make in this order" not in Page(batch._repr_html_()).tables


def test_check_shows_the_numbers_of_its_json(refused: Check, campaign: Campaign) -> None:
    page, data = Page(refused._repr_html_()), refused.as_json()
    shown = {row[0].split(",")[0]: row[1] for row in page.tables["Predicted"][1:]}
    assert shown == {name: interval_text(Interval(**entry), campaign.outcomes[name].digits) for name, entry in data["predicted"].items()}
    limits = {row[0].split(",")[0]: row[2:] for row in page.tables["Limits"][1:]}
    assert {name: cells[:2] for name, cells in limits.items()} == {
        limit["name"]: [f"{limit['margin']:+.3g}", f"{limit['probability']:.2f}"] for limit in data["limits"]
    }
    assert limits["shell_budget"][-1] == "BROKEN"
    assert page.words[-1] == refused.verdict


def test_names_are_shown_as_they_are_and_never_as_markup(batch: Suggestions) -> None:
    name = '<b>x</b> & "y"<script>alert(1)</script>'
    named = replace(batch, campaign=replace(batch.campaign, name=name))
    page = Page(named._repr_html_())
    assert any(f"campaign {name}," in words for words in page.words)
    assert "<b>" not in named._repr_html_()


def test_nothing_is_coloured_or_fetched(batch: Suggestions, refused: Check) -> None:
    for text in (batch._repr_html_(), refused._repr_html_()):
        assert Page(text).attributes <= {("scope", "col"), ("scope", "row")}
        assert not re.search(r"https?:|url\(|color|style", text)
