"""The live display of a run: a panel on a terminal, a plain line now and then elsewhere. Knows no store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

REFRESH = 2.0  # of the panel, a second
LINE_S = 30.0  # between two plain lines, if no tenth of the budget passes sooner
LEAST_S = 1.0  # between two plain lines, whatever passes
TREND = 40  # letters of the trend
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class View:
    """What is shown of a run at a moment."""

    name: str
    budget: int
    completed: int
    failed: int
    running: int
    hypervolume: float
    unit: str  # of the hypervolume
    volumes: tuple[float, ...]  # the hypervolume at even steps of the run, oldest first
    rate: float  # evaluations a second; 0 if not known yet
    best: tuple[str, ...]
    events: tuple[str, ...]
    steady: bool = True  # evaluations to come take as long as those before; stages of different fidelity do not

    @property
    def ended(self) -> int:
        """Evaluations that have ended."""
        return self.completed + self.failed

    @property
    def left(self) -> str:
        """How long the rest of the evaluations takes at this rate, in words."""
        if not self.steady:
            return "time left not known, stages differ"
        return f"{clock((self.budget - self.ended) / self.rate)} left" if self.rate > 0.0 else "time left not known yet"


def clock(seconds: float) -> str:
    """Return a length of time as h:mm:ss, or with the days before it."""
    days, rest = divmod(round(seconds), 86400)
    words = f"{rest // 3600}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days} d {words}" if days else words


def spark(values: Sequence[float], width: int = TREND) -> str:
    """Return values as a line of bars, the last of each of ``width`` even parts; empty while nothing has changed."""
    picked = [values[(i + 1) * len(values) // width - 1] for i in range(width)] if len(values) > width else list(values)
    low, high = (min(picked), max(picked)) if picked else (0.0, 0.0)
    if not high > low:
        return ""
    return "".join(BARS[min(int((value - low) / (high - low) * len(BARS)), len(BARS) - 1)] for value in picked)


def plain(view: View) -> str:
    """Return the view as one line without control codes."""
    rate = f", {view.rate:.3g} a second, {view.left}" if view.rate > 0.0 else ""
    return (
        f"{view.name}: {view.ended} of {view.budget} done, {view.running} running, {view.failed} failed, "
        f"hypervolume {view.hypervolume:.5g} {view.unit}{rate}"
    )


def panel(view: View) -> RenderableType:
    """Return the view as a panel. Names are shown as they are, whatever markup they hold."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    failed = Text(f"{view.failed} failed", style="bold red" if view.failed else "")
    rows.add_row("done", ProgressBar(total=max(view.budget, 1), completed=view.ended))
    rows.add_row("", Text.assemble(f"{view.ended} of {view.budget}, {view.running} running, ", failed))
    trend = spark(view.volumes)
    rows.add_row("hypervolume", Text(f"{view.hypervolume:.5g} {view.unit}" + (f"  {trend}" if trend else "")))
    rows.add_row("rate", Text((f"{view.rate:.3g} evaluations a second, " if view.rate > 0.0 else "") + view.left))
    for i, one in enumerate(view.best):
        rows.add_row("" if i else "best", Text(one))
    for i, one in enumerate(view.events):
        rows.add_row("" if i else "events", Text(one, style="dim"))
    return Panel(rows, title=Text(view.name, style="bold"), title_align="left", border_style="dim")


class Display:
    """Shows a view while inside; leaves a terminal as it was."""

    def __init__(self, view: Callable[[], View], out: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet.

        Args:
            view: What to show now; asked for from another thread on a terminal.
            out: Where to; stderr when left out, so that stdout holds the answer alone.
            clock: Seconds that only grow.
        """
        self._view, self._clock = view, clock
        self._out = out or Console(stderr=True, highlight=False)
        self.on_terminal = self._out.is_terminal and not self._out.is_dumb_terminal
        self._live: Live | None = None
        self._last, self._tenth = clock(), 0

    def __enter__(self) -> Self:
        if self.on_terminal:
            self._live = Live(get_renderable=lambda: panel(self._view()), console=self._out, refresh_per_second=REFRESH, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def moved(self, ended: int, budget: int) -> None:
        """Write a line where no terminal is, once a tenth of the budget has passed or the last line is old; the panel looks by itself."""
        if self._live is not None:
            return
        tenth, now = 10 * ended // max(budget, 1), self._clock()
        if now - self._last < (LEAST_S if tenth > self._tenth else LINE_S):
            return
        self._last, self._tenth = now, tenth
        self._out.print(Text(plain(self._view())), soft_wrap=True)
