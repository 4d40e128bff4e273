"""The live display of a run: on a terminal, elsewhere, for programs, and of a run that another process drives."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from optimizer.cli.app import app
from optimizer.cli.following import Following
from optimizer.cli.live import Display, View, clock, panel, plain, spark
from optimizer.runs.driver import Progress, drive
from optimizer.runs.history import COMPLETED, FAILED, Trial
from optimizer.runs.plan import Budget, load_plan
from optimizer.runs.schedule import Stage
from optimizer.runs.store import Run, Store

GLITTERCAKE = str(Path(sys.executable).parent / "glittercake")
VIEW = View(
    name="[bold]mine[/bold]",
    budget=800,
    completed=300,
    failed=3,
    running=4,
    hypervolume=20754.2,
    unit="mAh/g x Wh/L",
    volumes=tuple(map(float, range(100))),
    rate=35.0,
    best=("trial 7: 203.9 mAh/g, 968.2 Wh/L: AM 70.5 wt%",),
    events=("trial 150 on: optuna tpe", "failed: time_limit 3"),
)


class Clock:
    """Seconds as a test wants them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> Run:
    with Store(tmp_path / "one.db", create=True) as store:
        return store.create(replace(load_plan("analytic-sobol"), budget=Budget(1000)))


def result(number: int, values: tuple[float, float] | None, by: str = "sobol", status: str = "ok", volume: float = 0.0) -> Progress:
    """Return the progress that a driver reports of a result; no values is a failure."""
    trial = Trial(number, (85.0, 5.0, 1.5, 2.3), by, 2 * number, ended=2 * number + 1, state=COMPLETED if values else FAILED, objectives=values or ())
    return Progress(number + 5, number + 1, 0 if values else 1, 1000, volume, float(number), trial, status)


def lines_of(view: Callable[[], View], console: Console, ticks: list[tuple[float, int]]) -> None:
    """Move a display through moments, each with the evaluations that have ended."""
    seconds = Clock()
    with Display(view, console, seconds) as display:
        for now, ended in ticks:
            seconds.now = now
            display.moved(ended, 100)


def test_panel_has_counts_worth_rate_best_and_events() -> None:
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=True, no_color=True).print(panel(VIEW))
    text = out.getvalue()
    for said in (
        "[bold]mine[/bold]",
        "303 of 800, 4 running",
        "3 failed",
        "20754 mAh/g x Wh/L",
        "▁",
        "35 evaluations a second, 0:00:14 left",
        *VIEW.best,
        *VIEW.events,
    ):
        assert said in text


def test_display_leaves_a_terminal_as_it_was_after_an_interruption() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, height=30, force_terminal=True, legacy_windows=False)
    with pytest.raises(KeyboardInterrupt), Display(lambda: VIEW, console):
        raise KeyboardInterrupt
    written = out.getvalue()
    assert written.index("\x1b[?25l") < written.index("303 of 800")  # the cursor goes ...
    assert written.rindex("\x1b[?25h") > written.rindex("303 of 800")  # ... and comes back
    drawn = written.rsplit("303 of 800", 1)[1].count("\n")
    assert written.count("\x1b[2K") >= drawn  # every line of the panel is wiped


def test_display_elsewhere_writes_a_plain_line_a_tenth() -> None:
    out = io.StringIO()
    lines_of(lambda: VIEW, Console(file=out, width=40), [(0.2 * ended, ended) for ended in range(101)])
    assert out.getvalue().splitlines() == [plain(VIEW)] * 10
    assert "\x1b" not in out.getvalue()


def test_display_elsewhere_writes_a_line_when_the_last_is_old_and_never_floods() -> None:
    slow, quick = io.StringIO(), io.StringIO()
    lines_of(lambda: VIEW, Console(file=slow), [(float(second), 1) for second in range(121)])
    lines_of(lambda: VIEW, Console(file=quick), [(0.001 * ended, ended) for ended in range(101)])
    assert len(slow.getvalue().splitlines()) == 4  # every 30 s
    assert quick.getvalue() == ""  # over within a second


def test_following_keeps_the_best_of_each_objective(run: Run) -> None:
    following = Following(run, [])
    for number, values in enumerate([(180.0, 1000.0), (200.0, 950.0), (190.0, 990.0)]):
        following(result(number, values, volume=100.0 * number))
    view = following.view()
    assert [one.split(": ")[0] for one in view.best] == ["trial 1", "trial 0"]
    assert "200 mAh/g, 950 Wh/L: AM 85 wt%, AM@SE 95:5, SE 1.5 um, VGCF 2.3 wt%" in view.best[0]
    assert (view.completed, view.failed, view.running, view.hypervolume) == (3, 0, 4, 200.0)


def test_following_names_failures_and_changes_of_strategy(run: Run) -> None:
    following = Following(run, [])
    following(result(0, (180.0, 1000.0)))
    following(result(1, None, "optuna tpe", "time_limit"))
    assert following.view().events == ("trial 0 on: sobol", "trial 1 on: optuna tpe", "failed: time_limit 1")


def test_following_ranks_the_highest_fidelity_alone(run: Run) -> None:
    stages = (Stage("analytic", 500), Stage("cell"))
    following = Following(replace(run, plan=replace(run.plan, stages=stages)), [])
    for number, (fidelity, values) in enumerate([("analytic", (200.0, 1200.0)), ("cell", (150.5, 950.0)), ("analytic", (201.0, 1201.0))]):
        progress = result(number, values)
        following(replace(progress, trial=replace(progress.trial, notes={"stage": number % 2, "fidelity": fidelity})))
    assert [one.split(": ")[0] for one in following.view().best] == ["trial 1"]
    assert following.view().events[:2] == ("trial 0 on: sobol, analytic", "trial 1 on: sobol, cell")
    assert following.view().left == "time left not known, stages differ"


def test_following_takes_the_rate_from_results_not_from_looks(run: Run) -> None:
    seconds = Clock()
    following = Following(run, [], seconds)
    assert following.view().left == "time left not known yet"
    for number in range(10):
        seconds.now += 600.0
        following(result(number, (180.0, 1000.0)))
        for _ in range(100):
            view = following.view()
    assert view.rate == pytest.approx(1 / 600)
    assert view.left == "6 d 21:00:00 left"


def test_following_goes_on_from_a_history(run: Run, tmp_path: Path) -> None:
    with Store(tmp_path / "one.db") as store:
        seen: list[int] = []
        with pytest.raises(InterruptedError):
            drive(store, watch=lambda progress: _stop_at(progress, 40, seen))
        history = store.history(run)
    view = Following(run, history).view()
    assert (view.completed, bool(view.best)) == (len([trial for trial in history if trial.state == COMPLETED]), True)


def _stop_at(progress: Progress, ended: int, seen: list[int]) -> None:
    seen.append(progress.ended)
    if progress.ended >= ended:
        raise InterruptedError


def test_following_keeps_a_thousand_points_of_a_long_run(run: Run) -> None:
    following = Following(replace(run, plan=replace(run.plan, budget=Budget(20_000))), [])
    for number in range(20_000):
        following(result(number, (180.0, 1000.0), volume=float(number)))
    volumes = following.view().volumes
    assert len(volumes) == 1001
    assert (volumes[-1], sorted(volumes)) == (19_999.0, list(volumes))


def test_spark_rises_with_its_values() -> None:
    assert spark([1.0, 1.0]) == ""
    assert spark([]) == ""
    assert spark([0.0, 1.0, 2.0]) == "▁▅█"
    drawn = spark([float(i) for i in range(1000)], 40)
    assert (len(drawn), "".join(sorted(drawn))) == (40, drawn)


def test_clock_is_read_at_a_glance() -> None:
    assert [clock(seconds) for seconds in (0.4, 75.0, 3600.0, 200_000.0)] == ["0:00:00", "0:01:15", "1:00:00", "2 d 7:33:20"]


def test_json_prints_the_answer_alone(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["campaign", "run", "analytic-sobol", "--budget", "30", "--store", str(tmp_path / "runs.db"), "--json"])
    assert json.loads(answer.stdout)["evaluations"]["completed"] == 30
    assert "\x1b" not in answer.stderr


def test_watch_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.cli.runs.WATCH_S", 0.05)
    path = tmp_path / "runs.db"
    with Store(path, create=True) as store:
        store.create(replace(load_plan("analytic-sobol"), budget=Budget(64)))
    looked, go_on = threading.Event(), threading.Event()

    def wait(progress: Progress) -> None:
        if progress.ended == 32:
            looked.set()
            assert go_on.wait(60.0)

    def driving() -> None:
        with Store(path) as mine:
            drive(mine, watch=wait)

    driver = threading.Thread(target=driving)
    driver.start()
    assert looked.wait(60.0)
    threading.Timer(0.3, go_on.set).start()
    answer = CliRunner().invoke(app, ["campaign", "status", "--watch", "--store", str(path)])
    driver.join()
    assert answer.exit_code == 0
    assert answer.stdout.startswith("analytic-sobol: finished (budget of 64 evaluations used)\n")


@pytest.mark.slow
def test_interrupted_terminal_is_clean_and_the_run_goes_on(tmp_path: Path) -> None:
    # `env`, since a test suite in the background of a shell hands down that interrupts are ignored
    command = [GLITTERCAKE, "campaign", "run", "analytic-sobol", "--budget", "100000", "--store", str(tmp_path / "runs.db")]
    arguments = ["env", "--default-signal=INT", *command]
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        written = b""
        while b"of 100000" not in written or b"evaluations a second" not in written:
            written += os.read(master, 65536)
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(master, 65536):
                written += chunk
        except OSError:  # the other end is closed
            pass
        assert process.wait(60.0) == 1
    os.close(master)
    text = written.decode()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.rsplit("\x1b[2K", 1)[1])
    assert last.strip().startswith("glittercake: run 'analytic-sobol' was interrupted; go on with: glittercake campaign resume")
    assert "Traceback" not in text
