"""Limits of time and memory."""

from pathlib import Path

import pytest

from tests.workers.conftest import Open
from tests.workers.processes import assert_all_end
from tests.workers.tasks import PATIENCE, raise_timeout, square, touch_and_wait
from workers import TimeLimitError, open_executor
from workers.limits import free_memory_mb


def test_task_beyond_its_time_limit_is_ended_and_its_worker_serves_on(isolated: Open, tmp_path: Path) -> None:
    with isolated(time_limit_s=8.0) as opened:
        stuck = opened.submit(touch_and_wait, tmp_path)
        with pytest.raises(TimeLimitError, match=r"task touch_and_wait\(.*\) ran longer than its limit of 8 s and was ended"):
            stuck.result(PATIENCE)
        assert_all_end({int((tmp_path / "begun").read_text())})
        assert [opened.submit(square, n).result(PATIENCE) for n in range(4)] == [0, 1, 4, 9]


def test_timeout_that_a_task_raises_is_its_own(isolated: Open) -> None:
    with isolated(time_limit_s=30.0) as opened, pytest.raises(TimeoutError, match="the furnace"):
        opened.submit(raise_timeout).result(PATIENCE)


def test_limit_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be kept inline"):
        open_executor("inline", 1, time_limit_s=1.0)
    with pytest.raises(ValueError, match="time limit 0 s is not above 0"):
        open_executor("processes", 1, time_limit_s=0.0)


def test_workers_that_do_not_fit_into_memory_are_refused() -> None:
    for kind in ("processes", "ray"):
        with pytest.raises(ValueError, match=r"2 workers of 900000000 MB need 1800000000 MB, and \d+ MB are free here; open at most 0, or say"):
            open_executor(kind, 2, memory_mb=9e8)
        with pytest.raises(ValueError, match="memory 0 MB of a worker is not above 0"):
            open_executor(kind, 2, memory_mb=0.0)


@pytest.mark.parametrize(("allowed", "free"), [("max", 2000.0), ("1500000000", 1500.0 - 900.0 + 200.0), ("9000000000", 2000.0)])
def test_free_memory_is_that_of_the_container_if_it_has_less(allowed: str, free: float, tmp_path: Path) -> None:
    assert free_memory_mb(tmp_path) == float("inf")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n")
    (group / "memory.max").write_text(f"{allowed}\n")
    (group / "memory.current").write_text("900000000\n")
    (group / "memory.stat").write_text("anon 700000000\nfile 200000000\n")
    assert free_memory_mb(tmp_path) == pytest.approx(free)
