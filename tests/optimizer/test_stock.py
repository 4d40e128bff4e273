"""Stock, effort, controls and order, as rules that hold whatever is on the shelf."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from objectives.composition import Array
from objectives.recipe import Recipe
from objectives.studies import read_data
from objectives.weighing import Balance, mill_charge
from optimizer.batch_rule import campaign_ledger, stock_rule
from optimizer.bayesian import NoFeasibleRecipeError
from optimizer.blocks import count_blocks, places
from optimizer.campaign import Campaign, parse_campaign
from optimizer.candidates import Feasible
from optimizer.cli.render import show_suggestions
from optimizer.goal import CampaignError
from optimizer.improvement import greedy_batch
from optimizer.model import FittedModel, fit_model
from optimizer.pending import read_pending
from optimizer.preparing import Preparation, prepare, wanted
from optimizer.request import SuggestError
from optimizer.stock import CoatedLot, Effort, Lots, SELot
from optimizer.suggestion import Suggestions, suggest_from

NONE = np.zeros((0, 4))
TEXT = read_data("ncm811-lpscl.toml")
SIZES = (0.5, 1.5, 3.0, 5.0)
SHELF = Lots((SELot("fine", 0.5, 120.0), SELot("small", 1.5, 900.0)), (CoatedLot("M3", 5.0, 1400.0),))
HOURS = Effort("h", cell=8.0, coating_run=5.0, gram=1.0)


@pytest.fixture(scope="module")
def recipes(feasible: Feasible) -> Array:
    """Feasible recipes of few coatings, so that lots and runs matter."""
    found = feasible.sample(400, 0)
    found[:, 1] = np.where(found[:, 1] == 0.0, 0.0, np.array([5.0, 8.0, 12.0])[np.arange(len(found)) % 3])
    return found


def with_stock(campaign: Campaign, lots: Lots, effort: Effort | None = None, **batch: object) -> Campaign:
    return replace(campaign, lots=lots, effort=effort, batch=replace(campaign.batch, **batch))  # type: ignore[arg-type]


def asked(model: FittedModel, campaign: Campaign, n: int = 4, seed: int = 0, pending: Array = NONE, strategy: str = "auto") -> Suggestions:
    fitted = replace(model, campaign=campaign, physics=campaign.physics())
    return suggest_from(fitted, n, seed, pending, strategy)  # type: ignore[arg-type]


def random_shelf(rng: np.random.Generator) -> Lots:
    def some(most: float) -> float | None:
        return None if rng.random() < 0.2 else float(np.round(rng.uniform(0.0, most), 1))

    se = tuple(SELot(f"se {size:g}", size, some(400.0)) for size in SIZES if rng.random() < 0.6)
    coated = tuple(CoatedLot(f"coated {ratio:g}", ratio, some(1500.0)) for ratio in (5.0, 8.0) if rng.random() < 0.6)
    return Lots(se or (SELot("se 1.5", 1.5, 300.0),), coated)


def quantities(lots: Lots) -> dict[str, float | None]:
    return {**{lot.name: lot.quantity_mg for lot in lots.se}, **{lot.name: lot.quantity_mg for lot in lots.coated}}


def taken(campaign: Campaign, prepared: list[Preparation]) -> dict[str, float]:
    """Return what the sheets of a batch take from each lot, mg."""
    found = dict.fromkeys(quantities(campaign.lots), 0.0)
    for one in prepared:
        for kind, name in (one.lots or {}).items():
            found[name] += one.sheet.masses_mg["mix_free_se" if kind == "se" else "mix_coated_powder"]
    return found


def test_two_hundred_random_shelves_are_never_overdrawn(campaign: Campaign, model: FittedModel, recipes: Array) -> None:
    made, short = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        most = (None, 0, 1, 2)[seed % 4]
        lab = with_stock(campaign, random_shelf(rng), HOURS if seed % 2 else None, max_new_coatings=most)
        constraints = lab.constraints(model.physics)
        feasible = Feasible(lab.space, constraints, lab.accept(constraints))
        pool = feasible.keep(lab.space.snap(recipes[rng.permutation(len(recipes))[:60]]))
        pending, pool = pool[:2], pool[2:]
        shelf = campaign_ledger(lab, pending)
        rule = stock_rule(lab, shelf)
        assert rule is not None
        values = rng.random((8, len(pool), 2))
        effort = partial(rule.effort, pool) if rule.effort else None
        n = int(rng.integers(1, 9))
        picks = greedy_batch(np.zeros((8, 0, 2)), values, np.zeros(2), n, np.eye(len(pool), dtype=bool), None, partial(rule.together, pool), effort)
        prepared = prepare(lab, feasible, [], [Recipe.from_row(pool[i]) for i in picks], shelf)
        out = prepare(lab, feasible, [], [Recipe.from_row(row) for row in pending], campaign_ledger(lab, NONE))
        used, before = taken(lab, prepared), taken(lab, out)
        for name, quantity in quantities(lab.lots).items():
            if quantity is not None:  # pending recipes may have been made of more than there was; the batch never is
                assert used[name] <= max(0.0, quantity - before[name]) + 1e-9
        runs = [one for one in prepared if one.takers]
        assert most is None or len(runs) <= most
        for i, one in enumerate(prepared):
            milled = one.sheet.masses_mg["coating_am"] + one.sheet.masses_mg["coating_se"]
            drawn = sum(prepared[j].sheet.masses_mg["mix_coated_powder"] for j in one.takers)
            assert milled >= (max(drawn, lab.batch.mill_minimum_mg) if one.takers else 0.0) - 1e-9
            assert (milled > 0.0) == bool(one.takers)
            assert one.powder != "run" or i in prepared[one.miller].takers
        left = rule.together(pool, picks)
        left[picks] = False
        assert len(picks) == n or not left.any()  # a batch is short only where nothing more can be made
        made, short = made + len(picks), short + (len(picks) < n)
    assert made > 300
    assert short > 10


def test_proposals_use_the_lots_sizes_and_what_is_left(campaign: Campaign, model: FittedModel) -> None:
    answer = asked(model, with_stock(campaign, SHELF), n=6)
    used = taken(answer.campaign, [s.preparation for s in answer.suggestions])
    assert {s.recipe.se_particle_um for s in answer.suggestions} == {0.5, 1.5}  # the free choice is 0.5 um for all, and it runs out
    assert used["fine"] <= 120.0
    assert used["M3"] <= 1400.0
    for s in answer.suggestions:
        free = s.sheet.masses_mg["mix_free_se"] > 0.0
        assert (s.preparation.lots or {}).get("se") == (("fine" if s.recipe.se_particle_um == 0.5 else "small") if free else None)


def test_lot_that_ran_out_is_not_proposed(campaign: Campaign, model: FittedModel) -> None:
    used_up = replace(SHELF, se=(SELot("fine", 0.5, 0.0), SHELF.se[1]))
    nearly = replace(SHELF, se=(SELot("fine", 0.5, 5.0), SHELF.se[1]))
    for lots in (used_up, nearly):
        answer = asked(model, with_stock(campaign, lots))
        assert {s.recipe.se_particle_um for s in answer.suggestions} == {1.5}


def test_pending_recipes_and_controls_use_stock(campaign: Campaign, model: FittedModel, tmp_path: Path) -> None:
    import json

    lab = with_stock(campaign, Lots((SELot("fine", 0.5, 150.0), SELot("small", 1.5, 2000.0))), control=Recipe(85.0, 0.0, 0.5, 2.0))
    first = asked(model, lab, n=1)
    file = tmp_path / "batch.json"
    file.write_text(json.dumps(first.as_json()), encoding="utf-8")
    pending = read_pending(file)
    assert pending[0].tolist() == [85.0, 0.0, 0.5, 2.0]  # the control first
    assert len(pending) == 2
    again = asked(model, replace(lab, batch=replace(lab.batch, control=None)), n=3, pending=pending)
    both = [*(s.preparation for s in (*first.suggestions, *again.suggestions)), *(control.preparation for control in first.controls)]
    assert taken(lab, both)["fine"] <= 150.0


@pytest.mark.parametrize("strategy", ["bayesian", "sobol"])
def test_either_strategy_keeps_to_the_shelf(campaign: Campaign, model: FittedModel, strategy: str) -> None:
    answer = asked(model, with_stock(campaign, SHELF, max_new_coatings=0), 4, 0, NONE, strategy)
    assert {s.recipe.coating_se_wt for s in answer.suggestions} <= {0.0, 5.0}
    assert {s.preparation.powder for s in answer.suggestions} <= {"plain", "stock"}
    assert taken(answer.campaign, [s.preparation for s in answer.suggestions])["M3"] <= 1400.0


def test_shelf_that_allows_nothing_is_refused(campaign: Campaign, model: FittedModel) -> None:
    with pytest.raises(NoFeasibleRecipeError, match="made of the lots that are left; add a lot"):
        asked(model, with_stock(campaign, Lots((SELot("fine", 0.5, 0.1),))))
    with pytest.raises(SuggestError, match="add a lot, allow more new coatings"):
        asked(model, with_stock(campaign, Lots((SELot("fine", 0.5, 60.0),))), n=8)


def test_shared_run_is_made_once_and_every_reason_says_where_powder_comes_from(campaign: Campaign, model: FittedModel) -> None:
    answer = asked(model, with_stock(campaign, Lots(), batch_mg=2000.0, max_new_coatings=1), n=6)
    prepared = [s.preparation for s in answer.suggestions]
    [run] = [i for i, one in enumerate(prepared) if one.takers]
    takers = prepared[run].takers
    assert len(takers) >= 3
    masses = prepared[run].sheet.masses_mg
    assert masses["coating_am"] + masses["coating_se"] >= sum(prepared[i].sheet.masses_mg["mix_coated_powder"] for i in takers)
    assert f"Needs a run of the mill for {100 - answer.suggestions[run].recipe.coating_se_wt:g}:" in answer.suggestions[run].reason
    for i in takers[1:]:
        assert prepared[i].sheet.masses_mg["coating_am"] == 0.0
        assert f"from the run of recipe {run + 1}" in answer.suggestions[i].reason


def test_powder_from_a_jar_makes_the_recipe_and_keeps_the_limits(campaign: Campaign, model: FittedModel) -> None:
    answer = asked(model, with_stock(campaign, SHELF, max_new_coatings=0))
    lab = answer.campaign
    for s in answer.suggestions:
        assert s.sheet.realised.coating_se_wt == s.recipe.coating_se_wt
        assert s.sheet.realised.am_wt == pytest.approx(s.recipe.am_wt, abs=0.05)
        assert all(constraint.margin(np.array([s.sheet.realised.values()]))[0] >= -1e-9 for constraint in lab.constraints(lab.physics()))


@given(st.integers(1, 2500), st.floats(1.0, 40_000.0), st.sampled_from([0.01, 0.1, 1.0]))
def test_charge_of_the_mill_is_enough_and_has_exactly_the_coating(hundredths: int, needed: float, resolution: float) -> None:
    coating, balance = hundredths / 100.0, Balance(resolution)
    am, se = mill_charge(coating, needed, balance, 5000.0)
    assert am + se >= max(needed, 5000.0) - 1e-9
    assert 100.0 * se / (am + se) == pytest.approx(coating, abs=1e-9)


def test_effort_turns_the_choice_to_what_is_cheap_to_make(campaign: Campaign, model: FittedModel) -> None:
    lots = Lots((), (CoatedLot("M9", 9.0),))
    free = asked(model, with_stock(campaign, lots))
    even = asked(model, with_stock(campaign, lots, Effort("h", cell=8.0)))
    dear = asked(model, with_stock(campaign, lots, Effort("h", cell=8.0, coating_run=1000.0)))
    assert [s.recipe for s in even.suggestions] == [s.recipe for s in free.suggestions]  # what costs the same for all decides nothing
    assert any(s.preparation.takers for s in free.suggestions)
    assert not any(s.preparation.takers for s in dear.suggestions)
    assert {s.recipe.coating_se_wt for s in dear.suggestions} <= {0.0, 9.0}


def test_greedy_batch_takes_the_most_gain_per_effort_and_shares_a_run() -> None:
    values = np.array([[[6.0, 1.0], [5.0, 1.0], [1.0, 4.0], [1.0, 3.9]]])
    run = np.array([True, False, False, True])

    def effort(dear: float, chosen: list[int]) -> Array:
        return 1.0 + np.where(run & ~run[chosen].any(), dear, 0.0)

    def picked(dear: float) -> list[int]:
        return greedy_batch(np.zeros((1, 0, 2)), values, np.zeros(2), 2, np.eye(4, dtype=bool), effort=partial(effort, dear))

    assert picked(0.0) == [0, 2]
    assert picked(0.1) == [0, 2]  # the run pays for itself, and for 3 it is made already
    assert picked(1.0) == [1, 2]


def test_answer_says_what_each_recipe_and_the_batch_cost(campaign: Campaign, model: FittedModel) -> None:
    data = asked(model, with_stock(campaign, SHELF, HOURS, control="best", block_size=3)).as_json()
    cells = [*data["suggestions"], *data["controls"]]
    assert data["effort"]["value"] == pytest.approx(math.fsum(cell["effort"]["value"] for cell in cells))
    for cell in cells:
        runs = cell["sheet"]["masses_mg"]["coating_am"] > 0.0
        assert cell["effort"] == {
            "value": 13.5 if runs else 8.5,
            "unit": "h",
            "parts": {"cell": 8.0, "gram": 0.5} | ({"coating_run": 5.0} if runs else {}),
        }
    reasons = [s["reason"] for s in data["suggestions"]]
    assert sum("h (cell 8, powders 0.5" in reason for reason in reasons) == 4
    assert sum(": the batch's best gain per h." in reason for reason in reasons) == 1


@pytest.mark.parametrize(("n", "size"), [(4, 3), (5, 4), (7, 3), (1, None), (6, None)])
def test_each_block_holds_one_control_in_an_order_that_the_seed_decides(n: int, size: int | None) -> None:
    recipes, controls = places(n, "best", size, 0)
    blocks = count_blocks(n, "best", size)
    assert [place.block for place in controls] == list(range(1, blocks + 1))
    assert len(recipes) == n
    for block in range(1, blocks + 1):
        turns = [place.position for place in (*recipes, *controls) if place.block == block]
        assert sorted(turns) == list(range(1, len(turns) + 1))
        assert size is None or len(turns) <= size
    assert [place.block for place in recipes] == sorted(place.block for place in recipes)  # the best are made first
    assert places(n, "best", size, 0) == (recipes, controls)
    assert n == 1 or any(places(n, "best", size, seed) != (recipes, controls) for seed in range(1, 5))


def test_control_is_the_best_measured_recipe_or_the_one_stated(campaign: Campaign, model: FittedModel) -> None:
    best = asked(model, with_stock(campaign, Lots(), control="best"))
    [control] = best.controls
    assert control.recipe == Recipe(75.0, 5.0, 1.5, 2.34)  # 204 mAh/g, the highest of the study
    assert control.recipe not in [s.recipe for s in best.suggestions]
    stated = Recipe(80.0, 0.0, 1.5, 2.0)
    assert [c.recipe for c in asked(model, with_stock(campaign, Lots(), control=stated, block_size=3)).controls] == [stated, stated]


def test_control_needs_powder_and_counts_as_a_new_coating(campaign: Campaign, model: FittedModel) -> None:
    control = Recipe(80.0, 8.0, 1.5, 2.0)
    answer = asked(model, with_stock(campaign, Lots(), control=control, max_new_coatings=1))
    assert {s.recipe.coating_se_wt for s in answer.suggestions} <= {0.0, 8.0}
    assert answer.controls[0].preparation.takers[0] == 0
    assert any("from the run of the control" in s.reason for s in answer.suggestions)
    with pytest.raises(SuggestError, match=r"the control needs 1 x 500 mg of 92:8 with SE of 1\.5 um"):
        asked(model, with_stock(campaign, Lots(), control=control, max_new_coatings=0))
    with pytest.raises(SuggestError, match='control = "best" needs a measured recipe of study kim2025'):
        asked(model, with_stock(campaign, Lots((SELot("large", 12.0),)), control="best"))


def test_people_see_order_control_and_effort(campaign: Campaign, model: FittedModel) -> None:
    text = io.StringIO()
    show_suggestions(asked(model, with_stock(campaign, SHELF, HOURS, control="best", block_size=3)), Console(file=text, width=150))
    shown = text.getvalue()
    assert "Control, once a block: AM 75 wt%" in shown
    [first, second] = re.findall(r"block \d: (.*)", shown)
    assert sorted([*first.strip().split(", "), *second.strip().split(", ")]) == ["1", "2", "3", "4", "control 1", "control 2"]
    assert "Effort: " in shown


def test_campaign_that_asks_for_none_of_it_answers_without(campaign: Campaign, model: FittedModel) -> None:
    data = suggest_from(model, 2, 0, NONE).as_json()
    new = {"lots", "effort", "block", "position", "controls"}
    assert not new & set(data)
    for s in data["suggestions"]:
        assert not new & set(s)
        assert s["sheet"]["masses_mg"]["coating_am"] > 0.0 or s["recipe"]["coating_se_wt"] == 0.0
        assert "Needs a run" not in s["reason"]


def test_lots_conductivity_replaces_the_studys_for_its_size(campaign: Campaign) -> None:
    x = np.array([[85.0, 0.0, 1.5, 2.0], [85.0, 0.0, 0.5, 2.0], [85.0, 5.0, 1.5, 2.0]])
    plain = campaign.physics().outcomes(x)

    def sigma(conductivity: float, at_c: float) -> Array:
        lots = Lots((SELot("a", 1.5, None, conductivity, at_c), SELot("b", 0.5)))
        return replace(campaign, lots=lots).physics().outcomes(x).sigma_0_ionic

    assert sigma(2.224, 30.0) == pytest.approx(plain.sigma_0_ionic)  # the study's own fine SE, as measured there
    doubled = sigma(4.448, 30.0) / plain.sigma_0_ionic
    assert doubled[:2] == pytest.approx([2.0, 1.0])
    assert 1.0 < doubled[2] < 2.0  # the shell keeps the study's
    assert sigma(4.0, 60.0)[0] == pytest.approx(4.0)  # at the campaign's own temperature: as stated
    warm = replace(campaign, lots=Lots((SELot("a", 1.5, None, 4.0, 60.0),)))
    assert warm.physics().draws(x, 3, 0).sigma_0_ionic[:, 0] == pytest.approx(4.0)
    cell = replace(warm, lots=Lots((SELot("a", 1.5, None, 40.0, 60.0),))).physics().outcomes(x)
    assert cell.discharge_capacity[0] > plain.discharge_capacity[0]


def test_better_conducting_lot_changes_the_limit_of_its_tau(campaign: Campaign, model: FittedModel) -> None:
    good = with_stock(campaign, Lots((SELot("a", 1.5, None, 8.0, 30.0),)))
    fitted = replace(fit_model(good), campaign=good)
    x = np.array([[85.0, 5.0, 1.5, 2.0]])
    margins = [m.samples(x, 64, 0).margins["ionic_tortuosity"].mean() for m in (fitted, model)]
    assert margins[0] > margins[1] + 5.0


def lot(text: str) -> str:
    return f'\n[[lot]]\nname = "x"\n{text}\n'


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (lot("se_particle_um = 1.5"), r'\[\[lot\]\] kind must be "se" or "coated", got None'),
        (lot('kind = "powder"\nse_particle_um = 1.5'), "got 'powder'; write kind"),
        (lot('kind = "se"\nse_particle_um = "1.5"'), r"\[\[lot\]\] se_particle_um must be a number, got '1\.5'"),
        (lot('kind = "se"\nsize = 1.5'), r"\[\[lot\]\] has no setting 'size'; its settings are"),
        (lot('kind = "se"'), r"\[\[lot\]\] is incomplete"),
        (lot('kind = "se"\nse_particle_um = 50'), r'lot "x": se_particle_um must lie within the design space, 0.5 to 20 um, got 50'),
        (lot('kind = "se"\nse_particle_um = 1.5\nquantity_mg = -1'), r'lot "x": quantity_mg must be .* at least 0, got -1'),
        (lot('kind = "se"\nse_particle_um = 1.5\nquantity_mg = inf'), r"at least 0, got inf"),
        (lot('kind = "se"\nse_particle_um = 1.5\nquantity_mg = 0'), "every SE lot is used up"),
        (lot('kind = "se"\nse_particle_um = 1.5\nconductivity_ms_cm = 2'), "conductivity_ms_cm and at_temperature_c belong together"),
        (lot('kind = "se"\nse_particle_um = 1.5\nconductivity_ms_cm = 0\nat_temperature_c = 30'), "must be above 0 mS/cm, got 0"),
        (lot('kind = "se"\nse_particle_um = 1.5\nconductivity_ms_cm = 2\nat_temperature_c = 300'), "between -40 and 120 C, got 300"),
        (lot('kind = "coated"\ncoating_se_wt = 0'), "must lie between 0 and 100 wt%, got 0"),
        (lot('kind = "coated"\ncoating_se_wt = 7.5'), r"must be a value of the design space \(2 to 25 wt%, step 1\), got 7\.5"),
        (lot('kind = "se"\nse_particle_um = 1.5') * 2, 'lots must differ in name, got "x" twice'),
        (
            lot('kind = "se"\nse_particle_um = 1.5') + lot('kind = "se"\nse_particle_um = 1.5').replace("x", "y"),
            "differ in SE size, got 1.5 um twice",
        ),
        ("coatings_in_stock = [5]\n" + lot('kind = "coated"\ncoating_se_wt = 5'), "its coating is in coatings_in_stock too"),
        ("\nlot = 3\n", r"\[batch\] has no setting 'lot'"),
        ('\n[effort]\nunit = ""\ncell = 1\n', r"\[effort\] unit must name"),
        ('\n[effort]\nunit = "h"\n', "must make every recipe cost something"),
        ('\n[effort]\nunit = "h"\ncell = -1\n', r"\[effort\] cell must be at least 0 h, got -1"),
        ('\n[effort]\nunit = "h"\ncell = "8"\n', r"\[effort\] cell must be a number, got '8'"),
        ('\n[effort]\nunit = "h"\nhour = 8\n', r"\[effort\] has no setting 'hour'"),
        ("\n[effort]\ncell = 8\n", r"\[effort\] is incomplete"),
        ('control = "last"\n', r'\[batch\] control must be "best" or a table with a recipe, got \'last\''),
        ("control = { am_wt = 85 }\n", r"\[batch\] control must give am_wt, coating_se_wt, se_particle_um, vgcf_wt as numbers"),
        ("control = { am_wt = 185, coating_se_wt = 5, se_particle_um = 1.5, vgcf_wt = 2 }\n", "control: am_wt must be above 0 and at most 100"),
        ("control = { am_wt = 90, coating_se_wt = 25, se_particle_um = 1.5, vgcf_wt = 2 }\n", "control has too little SE for its coating, by 22 wt%"),
        ('control = "best"\nblock_size = 1\n', "block_size must be at least 2, the control included, got 1"),
        ("block_size = 0\n", "block_size must be at least 1, got 0"),
        ("block_size = 2.5\n", r"\[batch\] block_size must be a whole number, got 2\.5"),
    ],
)
def test_broken_shelf_is_refused_in_one_sentence(extra: str, message: str) -> None:
    with pytest.raises(CampaignError, match=message) as error:
        parse_campaign(TEXT + extra, "mine.toml")
    assert "\n" not in str(error.value)


def test_page_on_stock_shows_a_campaign_that_can_be_read(campaign: Campaign) -> None:
    page = (Path(__file__).parents[2] / "docs" / "stock.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    lab = parse_campaign(TEXT + block, "mine.toml")
    assert quantities(lab.lots) == {"A12": 900.0, "A7": 120.0, "M3": 1400.0}
    assert lab.effort == HOURS
    assert (lab.batch.control, lab.batch.block_size) == ("best", 3)
    assert lab.space.parameters[2].values.tolist() == [0.5, 1.5]
    commented = "\n".join(line.removeprefix("# ") for line in TEXT[TEXT.index("# [[lot]]") :].splitlines() if not line.startswith("# What"))
    shown = parse_campaign(TEXT[: TEXT.index("# What is on the shelf")] + commented, "mine.toml")
    assert quantities(shown.lots) == {"A12": 900.0, "M3": 1400.0}
    assert shown.effort == HOURS
    assert wanted(shown, [Recipe(85.0, 0.0, 1.5, 0.0)]).free_se[0] == pytest.approx(75.3)
