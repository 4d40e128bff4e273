"""The Python interface: `from optimizer import ...`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import optimizer


def test_every_exported_name_is_what_it_says() -> None:
    assert sorted(optimizer.__all__) == list(optimizer.__all__)
    for name in optimizer.__all__:
        assert getattr(optimizer, name).__name__ == name


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="no name 'magic'; it has Campaign"):
        optimizer.magic  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, optimizer; from optimizer import check, load_campaign; bad = {'torch', 'scipy', 'ray'} & set(sys.modules); assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_proposals_and_predictions_of_an_electrode_load_no_torch() -> None:
    code = (
        "import sys; from optimizer import load_campaign; from optimizer.model import fit_model; from optimizer.suggestion import suggest; "
        "made = suggest(load_campaign(), 1).suggestions; fit_model(load_campaign()); "
        "bad = {'torch', 'botorch', 'sklearn', 'ray'} & set(sys.modules); assert made and not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
