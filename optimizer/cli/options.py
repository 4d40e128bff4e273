"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
CampaignFile = Annotated[
    Path | None, typer.Option("--campaign", metavar="FILE", help="Campaign TOML, or graphite-anode; the reference campaign when left out.")
]
StudyName = Annotated[str | None, typer.Option("--study", metavar="NAME", help="A bundled study, or `new` for a lab not measured yet.")]
Temperature = Annotated[float | None, typer.Option("--temperature", metavar="C", help="Test temperature; the campaign's when left out.")]
CRate = Annotated[float | None, typer.Option("--c-rate", metavar="1/H", help="Test C-rate; the campaign's when left out.")]
Am = Annotated[float | None, typer.Option("--am", metavar="WT%", help="Active material, wt% of the composite.")]
Coating = Annotated[str | None, typer.Option("--coating", metavar="RATIO", help='AM:SE of the coated powder ("95:5"), its SE wt% (5), or none.')]
SeSize = Annotated[float | None, typer.Option("--se-size", metavar="UM", help="Median size of the free SE, um.")]
Vgcf = Annotated[float | None, typer.Option("--vgcf", metavar="WT%", help="VGCF, wt% of the composite.")]


class Evidence(StrEnum):
    """Which rows of the bundled table to learn from."""

    all = "all"
    primary = "primary"

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the evidence flags it stands for."""
        return ("primary",) if self is Evidence.primary else ("primary", "secondary")


class StrategyName(StrEnum):
    """How recipes are chosen."""

    auto = "auto"
    bayesian = "bayesian"
    sobol = "sobol"


class AcquisitionName(StrEnum):
    """The rule of the bayesian strategy."""

    sampled = "sampled"
    qlognehvi = "qlognehvi"


class SimulateName(StrEnum):
    """What is simulated before recipes are chosen."""

    auto = "auto"
    cell = "cell"
    micro = "micro"


class ExecutorName(StrEnum):
    """Where folds run."""

    inline = "inline"
    processes = "processes"
    ray = "ray"


class FidelityName(StrEnum):
    """How deeply a recipe is simulated."""

    analytic = "analytic"
    cell = "cell"
    micro = "micro"


class Leave(StrEnum):
    """What a fold leaves out."""

    design = "design"
    study = "study"


EvidenceOption = Annotated[Evidence, typer.Option("--evidence", help="Learn from all rows, or from those read in the primary source.")]
Cells = Annotated[Path | None, typer.Option("--cells", metavar="TABLE", help="Your own cells, CSV or XLSX (`glittercake template` writes one).")]
SkipBadRows = Annotated[bool, typer.Option("--skip-bad-rows", help="Leave out rows with problems instead of refusing the table.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter's value in a campaign without physics; repeat for each.")
]
JournalFile = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE", help="Append the batch, its settings and what changed since the last one to FILE.")
]
Candidates = Annotated[
    Path | None, typer.Option("--candidates", metavar="LIST", help="Propose only recipes of this list, CSV or XLSX: powders already prepared.")
]
