"""The report of a run: one page that stands alone, says every number, and escapes what people typed."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from objectives.constraints import holds
from objectives.parameter import Parameter, category
from objectives.recipe import Recipe
from objectives.simulated import Simulated
from objectives.weighing import sheet
from optimizer.runs.driver import drive
from optimizer.runs.evaluate import Job, evaluate, failed
from optimizer.runs.history import Result
from optimizer.runs.plan import Plan
from optimizer.runs.report import report_html
from optimizer.runs.report.drawing import CLASSES, dots, linear_axis, log_axis, parameter_axis, shades
from optimizer.runs.report.gathered import duration, gather
from optimizer.runs.report.thin import thinned
from optimizer.runs.schedule import Stage
from optimizer.runs.status import status
from optimizer.runs.store import Store
from tests.optimizer.runs.conftest import MakePlan

SECTIONS = ("summary", "best", "front", "convergence", "coordinates", "slices", "tortuosity", "limits", "failures")
EMPTY = {"meta", "br", "hr", "img", "input", "link"}
MARKUP = '<b onmouseover="x()">&amp;</b>'


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, make_plan: MakePlan) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.db"
    with Store(path, create=True) as store:
        store.create(make_plan("nsga-ii", 40))
        drive(store)
    return path


class Reader(HTMLParser):
    """Refuses tags that do not match, and keeps tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def broken_above_85(job: Job) -> Result:
    """Evaluate, but let recipes of much AM fail with a text that holds markup."""
    return failed("solver", MARKUP) if job.recipe[0] > 85.0 else evaluate(job)


def without_a_path(job: Job) -> Result:
    """Evaluate, but let no ions through recipes of much AM."""
    found = evaluate(job)
    if job.recipe[0] <= 80.0:
        return found
    return replace(found, simulated=replace(found.simulated, percolates=False))


def named(plan: Plan, name: str) -> Plan:
    return replace(plan, name=name)


def test_page_needs_nothing_from_outside(finished: Path) -> None:
    with Store(finished) as store:
        page = report_html(store)
    reader = read(page)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp|import\(", page)
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in reader.tags}
    assert not any({"src", "href", "srcset", "action"} & set(attributes) for _, attributes in reader.tags)


def test_page_has_every_section_and_well_formed_drawings(finished: Path) -> None:
    with Store(finished) as store:
        page, said = report_html(store), status(store)
    assert tuple(attributes["id"] for tag, attributes in read(page).tags if tag == "section") == SECTIONS
    drawings = re.findall(r"<svg.*?</svg>", page)
    assert len(drawings) == 1 + 3 + 1 + 2 * 6 + 4  # front; convergence; lines; pairs of parameters for each objective; tortuosity
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert not re.search(r"\b(nan|inf)\b", drawing)
    assert page.count('<circle class="front"') == said["front"]
    assert page.count('<circle class="ring"') == said["front"] * 12
    assert page.count('class="thread best') == said["front"]


def test_page_says_what_status_says_at_its_conditions(finished: Path) -> None:
    with Store(finished) as store:
        page, said = report_html(store), status(store)
    assert "<b>40</b>" in page
    assert f"<b>{said['hypervolume']:g}</b>" in page
    assert "0.05C, 60 C, 30.6 mg/cm2 of composite pressed at 500 MPa" in page
    assert "stack: cathode + 30 um separator + 30 um Li" in page
    assert said["reason"] in page
    for one in said["best"]:
        assert f"<td>{one['volumetric_energy_density']:.4g}</td>" in page


def test_best_recipes_have_the_sheets_that_suggest_prints(finished: Path) -> None:
    with Store(finished) as store:
        page, data = report_html(store), gather(store)
    campaign = data.campaign
    constraints = campaign.constraints(campaign.physics())
    accept = campaign.accept(constraints)
    assert data.best
    for trial in data.best:
        made = sheet(
            Recipe(*trial.recipe),
            campaign.batch.batch_mg,
            campaign.batch.balance,
            campaign.mill_minimum_mg,
            lambda x: holds(constraints, x),
            campaign.half_step,
        )
        assert accept(np.array([trial.recipe])).all()
        masses = "".join(f"<td>{mass:.10g}</td>" for mass in made.masses_mg.values())
        assert f"{masses}<td>{campaign.batch.batch_mg:.10g}</td>" in page


def test_names_with_markup_are_text(store: Store, make_plan: MakePlan) -> None:
    plan = named(make_plan("sobol", 40), f"{MARKUP}</title><script>alert(1)</script>")
    store.create(replace(plan, campaign_text=plan.campaign_text.replace('name = "ncm811-lpscl"', f"name = '{MARKUP}'", 1)))
    drive(store, evaluator=broken_above_85)
    reader, page = read(report_html(store)), report_html(store)
    assert not any("onmouseover" in attributes or (tag == "b" and attributes) for tag, attributes in reader.tags)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert "&lt;b onmouseover=&quot;x()&quot;&gt;" in page


def test_failures_are_told_by_name(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 40))
    drive(store, evaluator=broken_above_85)
    page, count = report_html(store), status(store)["evaluations"]["failed"]
    assert count > 0
    assert f'<td class="text">solver</td><td>{count}</td>' in page


def test_lost_paths_are_shown_at_the_cap(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 40))
    drive(store, evaluator=without_a_path)
    lost = sum(not one.trial.percolates for one in gather(store).seen)
    page = report_html(store)
    assert lost > 0
    assert f'<td class="text">ions find a path</td><td>{lost}</td>' in page
    assert page.count('<path class="lost"') >= 2 * lost


def test_strategy_that_hands_over_is_marked(store: Store, make_plan: MakePlan) -> None:
    plan = make_plan("auto", 14)
    store.create(replace(plan, strategy=replace(plan.strategy, fill=4, hand_over=6, sampler="tpe")))
    drive(store)
    page = report_html(store)
    assert page.count('<path class="change"') == 3 * 3  # three strategies on three curves
    assert "handed over to optuna" in page


@pytest.mark.parametrize(
    ("objectives", "fronts"), [(("discharge_capacity",), 1), (("discharge_capacity", "volumetric_energy_density", "areal_capacity"), 3)]
)
def test_one_and_three_objectives_have_their_own_fronts(store: Store, make_plan: MakePlan, objectives: tuple[str, ...], fronts: int) -> None:
    plan = make_plan("sobol", 40)
    third = '[[objective]]\noutcome = "areal_capacity"\nreference = 2.0\n[limits]'
    store.create(replace(plan, campaign_text=plan.campaign_text.replace("[limits]", third, 1), objectives=objectives))
    drive(store)
    page = report_html(store)
    read(page)
    assert page.count('<figure class="large">') == fronts
    assert ("Pareto front" in page) == (fronts > 1)


def test_fidelities_are_never_mixed(store: Store, make_plan: MakePlan) -> None:
    def quick(job: Job) -> Result:
        return evaluate(replace(job, fidelity="analytic"))  # the schedule counts here, not the solver

    store.create(replace(make_plan("sobol", 30), stages=(Stage("analytic", 20), Stage("cell"))))
    drive(store, evaluator=quick)
    data, page = gather(store), report_html(store)
    assert (data.fidelity, len(data.seen), len(data.shown)) == ("cell", 30, 10)
    assert {trial.number for trial in data.best} <= {one.trial.number for one in data.shown}
    assert "20 by analytic, 10 by cell; fronts, pictures and limits below are of cell alone" in page
    assert "Soft limits of 10 evaluations completed by cell" in page
    assert '<td>2</td><td class="text">cell</td><td class="text">promotion</td><td>10</td>' in page


def test_run_without_results_is_a_page(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 5))
    page = report_html(store)
    read(page)
    assert "No evaluation keeps every limit yet." in page


def test_other_conditions_have_a_table(store: Store, make_plan: MakePlan) -> None:
    def elsewhere(job: Job) -> Result:
        found = evaluate(job)
        more = {**found.simulated.outcomes, "discharge_capacity@0.2C_30degC": 123.4}
        return replace(found, simulated=replace(found.simulated, outcomes=more))

    store.create(make_plan("sobol", 10))
    drive(store, evaluator=elsewhere)
    page = report_html(store)
    assert "capacity, mAh/g at 0.2C_30degC" in page
    assert "<td>123.4</td>" in page


def test_thinning_is_even_and_said() -> None:
    assert thinned(range(10), 10) == (list(range(10)), "")
    kept, said = thinned(range(10), 4)
    assert kept == [0, 3, 6, 9]
    assert said == " Drawn: 4 of 10 such trials, one in 3 by number."


def test_many_points_are_one_short_mark() -> None:
    drawn = dots("kept", np.linspace(0.0, 480.0, 3000), np.linspace(0.0, 330.0, 3000))
    assert drawn.count("<path") == 1
    assert len(drawn) < 3000 * 14  # so that 10,000 trials stay a page of about a megabyte


def test_shades_share_the_values_evenly_whatever_outliers_there_are() -> None:
    classes = shades(np.append(np.arange(599.0), 1e9))
    assert np.bincount(classes.astype(int)).tolist() == [100] * CLASSES


def test_axes_span_what_they_must() -> None:
    axis = linear_axis("x", np.array([70.0, 92.0]))
    assert [text for _, text in axis.ticks] == ["70", "75", "80", "85", "90"]
    assert axis.share(np.array([axis.low, axis.high])).tolist() == [0.0, 1.0]
    assert [text for _, text in log_axis("x", 0.5, 20.0).ticks] == ["0.5", "1", "2", "5", "10", "20"]
    assert [text for _, text in linear_axis("x", np.array([3.0, 3.0])).ticks]  # one value is a range all the same
    assert parameter_axis("size", Parameter("size", 0.5, 20.0, None, "um", "log")).log
    assert [text for _, text in parameter_axis("binder", category("binder", ("PTFE", "none"))).ticks] == ["PTFE", "none"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.25 s"), (61.0, "1 min 1 s"), (3599.7, "1 h 0 min"), (11520.0, "3 h 12 min"), (190800.0, "2 d 5 h")]
)
def test_durations_are_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_simulation_without_an_electronic_tau_is_drawn(store: Store, make_plan: MakePlan) -> None:
    def bare(job: Job) -> Result:
        found = evaluate(job).simulated
        kept = {name: value for name, value in found.outcomes.items() if "electronic" not in name}
        return Result(Simulated(kept), {})

    store.create(make_plan("sobol", 10))
    drive(store, evaluator=bare)
    assert "nan" not in re.sub(r"<style>.*?</style>", "", report_html(store))
