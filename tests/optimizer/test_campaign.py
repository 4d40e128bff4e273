from __future__ import annotations

from pathlib import Path

import pytest

from objectives.parameter import DesignSpaceError
from objectives.recipe import Recipe
from objectives.studies import UnknownStudyError, read_data
from optimizer.campaign import Campaign, load_campaign, parse_campaign
from optimizer.checks import check
from optimizer.goal import CampaignError

TEXT = read_data("ncm811-lpscl.toml")


def test_bundled_campaign_is_the_reference(campaign: Campaign) -> None:
    assert campaign.name == "ncm811-lpscl"
    assert campaign.study == "kim2025"
    assert campaign.space.names == ("am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt")
    assert campaign.ohmic_is_limit


def test_ohmic_drop_is_a_price_at_another_condition(campaign: Campaign) -> None:
    assert not campaign.at(c_rate=0.2).ohmic_is_limit
    assert not campaign.at(temperature_c=30.0).ohmic_is_limit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "ncm811-lpscl"', "", "has no 'name'"),
        ('study = "kim2025"', 'study = "kim"', "there is no study 'kim'"),
        ("c_rate = 0.05\npressure", "c_rate = 50\npressure", "c_rate must be between"),
        ("probability = 0.8", "probability = 1.5", r"between 0 and 1, got 1\.5"),
        ("balance_mg = 0.1", "balance_gram = 0.1", r"\[batch\] has no setting 'balance_gram'"),
        ('outcome = "discharge_capacity"', 'outcome = "taste"', 'objective "taste" is not an outcome'),
        ("lower = 70", "lower = 95", "am_wt: lower must be below upper"),
        ("[conditions]", "[condition]", "unknown table 'condition'"),
        ("[conditions]", "[conditions", "is not valid TOML"),
        ("loading_mg_cm2 = 30.6", 'loading_mg_cm2 = "30.6"', r"\[conditions\] loading_mg_cm2 must be a number, got '30\.6'"),
        ("ohmic_drop_mv = 50.0", "ohmic_drop_mv = true", r"\[limits\] ohmic_drop_mv must be a number, got True"),
        ("relative_density_min = 0.82", "relative_density_min = 0.96", "must rise within 0 and 1, got 0.96 to 0.95"),
        ("{ temperature_c = 60.0, c_rate = 0.05 }", "{ temp = 60.0 }", "ohmic_limit_at must be a table of conditions"),
        ("[space.vgcf_wt]", "[space.vgcf]", "an electrode space must have the parameters"),
        ("mill_minimum_mg = 5000.0", "mill_minimum_mg = -1", "mill minimum must be at least 0 mg, got -1"),
        ("size = 4", "size = 4\ncoatings_in_stock = [5, 30]", r"values of space\.coating_se_wt \(2 to 25 wt%, step 1\), got 30; widen"),
        ("size = 4", "size = 4\ncoatings_in_stock = [5.5]", r"coatings_in_stock must be values of .* got 5\.5"),
        ("size = 4", "size = 0", "at least 1 recipe, got 0"),
        ("anode_um = 30.0", "anode_um = -30.0", "anode_um of the stack must be at least 0"),
    ],
)
def test_broken_campaign_is_refused_in_one_sentence(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises((CampaignError, ValueError, UnknownStudyError), match=message):
        parse_campaign(TEXT.replace(old, new, 1), "mine.toml")


def test_lab_that_coats_by_hand_has_no_minimum() -> None:
    campaign = parse_campaign(TEXT.replace("mill_minimum_mg = 5000.0", "mill_minimum_mg = 0"), "mine.toml")
    assert campaign.mill_minimum_mg == 0.0


def test_coatings_in_stock_may_be_any_of_the_space() -> None:
    campaign = parse_campaign(TEXT.replace("size = 4", "size = 4\ncoatings_in_stock = [0, 2, 25]"), "mine.toml")
    assert campaign.batch.coatings_in_stock == (0.0, 2.0, 25.0)


def test_byte_order_mark_of_a_campaign_file_is_read_over(campaign: Campaign, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEXT, encoding="utf-8-sig")
    assert load_campaign(file).space == campaign.space


@pytest.mark.parametrize(("encoding", "byte"), [("utf-16", "0xff"), ("utf-16-le", "0x00"), ("latin-1", "0xb5")])
def test_campaign_file_in_another_encoding_is_refused_with_the_remedy(tmp_path: Path, encoding: str, byte: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"# µm\n{TEXT}" if encoding == "latin-1" else TEXT, encoding=encoding)
    with pytest.raises(CampaignError, match=rf"mine\.toml must be UTF-8 text, got byte {byte}; save it as UTF-8"):
        load_campaign(file)


def test_fourth_objective_is_refused() -> None:
    extra = TEXT + 2 * '\n[[objective]]\noutcome = "areal_capacity"\nreference = 1.0\n'
    with pytest.raises(CampaignError, match="one to three objectives, got 4"):
        parse_campaign(extra, "mine.toml")


def test_constraint_of_the_labs_own_is_kept_and_named() -> None:
    extra = '\n[[constraint]]\nname = "solids of the slurry"\nunit = "wt%"\ncoefficients = { am_wt = 1.0, vgcf_wt = 2.0 }\nbound = 86.0\n'
    campaign = parse_campaign(TEXT + extra, "mine.toml")
    answer = check(campaign, Recipe(85.0, 5.0, 1.5, 2.3))
    assert "solids of the slurry by 3.6 wt%" in answer.verdict
    assert answer.nearest is not None
    assert answer.nearest.am_wt + 2.0 * answer.nearest.vgcf_wt <= 86.0 + 1e-9


def test_constraint_with_values_of_the_wrong_kind_is_refused() -> None:
    for line in ("coefficients = 5\nbound = 1", 'coefficients = { am_wt = "x" }\nbound = 1', 'coefficients = { am_wt = 1 }\nbound = "x"'):
        with pytest.raises(DesignSpaceError, match=r"x: (coefficient|bound)"):
            parse_campaign(TEXT + f'\n[[constraint]]\nname = "x"\n{line}\n', "mine.toml")


def test_constraint_on_an_unknown_parameter_is_refused() -> None:
    extra = '\n[[constraint]]\nname = "x"\ncoefficients = { am = 1.0 }\nbound = 86.0\n'
    with pytest.raises(ValueError, match=r'coefficients must be of am_wt, .* got "am"'):
        parse_campaign(TEXT + extra, "mine.toml")
