"""A service, its worker and a driver that are killed: nothing acknowledged is lost or doubled. Long forms: the commands `kills` and `crowd`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.optimizer.client.conftest import serving
from tests.optimizer.runs import kills as driver_kills
from tests.optimizer.service.crowd import crowd
from tests.optimizer.service.kills import service_kills


@pytest.mark.slow
def test_killed_service_and_worker_lose_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service_kills(14, tmp_path, seed=1)
    assert "kills of a service: 0 lost, 0 doubled" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_driver_loses_and_doubles_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    driver_kills.main(6, tmp_path, seed=1)
    assert "0 lost, 0 doubled" in capsys.readouterr().out


@pytest.mark.slow
def test_crowd_gets_no_recipe_twice_while_the_service_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, "never_twice", GLITTERCAKE_WARM="false", GLITTERCAKE_REQUESTS_A_MINUTE="100000") as server:
        crowd(server, 12, 4, between_s=1.0, seed=1)
    assert "0 lost, 0 doubled" in capsys.readouterr().out
