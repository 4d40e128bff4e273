from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.pending import PendingError, read_pending

GOOD = '{"am_wt": 85, "coating_se_wt": 5, "se_particle_um": 1.5, "vgcf_wt": 2.3}'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "pending.json"
    file.write_text(text, encoding="utf-8")
    return file


def test_no_file_means_nothing_pending() -> None:
    assert read_pending(None).shape == (0, 4)


@pytest.mark.parametrize("text", [f"[{GOOD}]", f'{{"suggestions": [{{"recipe": {GOOD}}}]}}'])
def test_list_and_answer_are_both_read(tmp_path: Path, text: str) -> None:
    assert read_pending(written(tmp_path, text)).tolist() == [[85.0, 5.0, 1.5, 2.3]]


def test_what_stands_beside_the_recipe_is_nobodys_business(tmp_path: Path) -> None:
    text = f'{{"seed": 3, "suggestions": [{{"recipe": {GOOD}, "reason": "x", "exploration": null, "limits": []}}]}}'
    assert read_pending(written(tmp_path, text)).shape == (1, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("3", "must hold a list of recipes"),
        ("{}", "must hold a list of recipes"),
        ("[1]", "recipe 1 in .*must be an object"),
        ('[{"am_wt": 85}]', "recipe 1 in .*gives no coating_se_wt"),
        (f"[{GOOD}, {GOOD.replace('85', '185')}]", "recipe 2 in .*am_wt must be above 0 and at most 100"),
        (f"[{GOOD.replace('85', 'null')}]", "recipe 1 in .*am_wt must be a number, got None"),
        ("[" + GOOD.replace("85", '"85"') + "]", "recipe 1 in .*am_wt must be a number, got '85'"),
        (f"[{GOOD.replace('85', 'true')}]", "recipe 1 in .*am_wt must be a number, got True"),
        (f"[{GOOD.replace('85', '[85]')}]", r"recipe 1 in .*am_wt must be a number, got \[85\]"),
        (f"[{GOOD.replace('85', '9' * 400)}]", "recipe 1 in .*am_wt must be a number, got 999"),
        (f"[{GOOD.replace('85', 'NaN')}]", "recipe 1 in .*am_wt must be a finite number, got nan"),
        ("[" + GOOD[:-1] + ', "am": 85}]', "recipe 1 in .*has the unknown key 'am' beside am_wt"),
    ],
)
def test_unusable_file_is_refused_with_the_entry(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PendingError, match=message):
        read_pending(written(tmp_path, text))
