"""Draw docs/suggest.svg: what `glittercake suggest` prints, as a picture. Run: python docs/picture.py"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from optimizer.campaign import load_campaign
from optimizer.cli.render import show_suggestions
from optimizer.suggestion import suggest

PAPER = TerminalTheme((250, 250, 248), (40, 44, 52), [(40, 44, 52)] * 8, [(40, 44, 52)] * 8)


def main() -> None:
    """Draw the picture; fonts are the reader's own, so that it loads nothing."""
    console = Console(record=True, width=132, highlight=False, file=io.StringIO())
    show_suggestions(suggest(load_campaign()), console)
    svg = console.export_svg(title="glittercake suggest", theme=PAPER)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    (Path(__file__).parent / "suggest.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
