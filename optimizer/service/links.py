"""What follows from what: the links of OpenAPI, by which a program walks from a campaign to its recipes, measurements, jobs and exports.

The description names here what a person would do next with an answer. Operations are named as in the description: tag and function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True)
class Link:
    """One step from the answer of an operation to the next.

    Args:
        source: Operation whose answer it follows from.
        status: Of that answer.
        target: Operation that may come next.
        says: What it is for.
        parameters: Of the next request, as expressions over the answer.
        body: Of the next request, likewise.
    """

    source: str
    status: str
    target: str
    says: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


_ANSWERED, _ASKED, _FIRST = {"name": "$response.body#/name"}, {"name": "$request.path.name"}, {"name": "$response.body#/items/0/name"}
_RECIPE = "$response.body#/trials/0/recipe"
_TRIAL = {**_ASKED, "number": "$response.body#/trials/0/number"}
_TOLD = {**_ASKED, "number": "$response.body#/told/0/number"}
_SAME_TRIAL = {**_ASKED, "number": "$request.path.number"}
_JOB = {"job_id": "$response.body#/id"}

# What a campaign's name opens, once it is made, copied or listed.
_OF_A_CAMPAIGN = (
    ("campaigns-get", "Look at it, for its ETag."),
    ("campaigns-revisions", "See what was changed."),
    ("trials-ask", "Ask for recipes."),
    ("trials-listed", "See what was given out."),
    ("observations-tell", "Tell what was measured."),
    ("observations-import_table", "Import the cells measured so far."),
    ("observations-listed", "See what was measured."),
    ("exports-as_csv", "Take the measurements away as a table."),
    ("exports-as_json", "Take everything away."),
    ("audit-of_campaign", "See who did what."),
    ("campaigns-clone", "Begin another from it."),
    ("campaigns-archive", "Close it."),
)
_MODELS = ("models-check", "models-predict", "models-simulate")
_OF_MODELS = (*_MODELS, "models-advise", "models-diagnose", "models-validate")

LINKS: tuple[Link, ...] = (
    *(Link(source, "201", target, says, _ANSWERED) for source in ("campaigns-create", "campaigns-clone") for target, says in _OF_A_CAMPAIGN),
    *(Link("campaigns-create", "201", target, "Ask the models.", _ANSWERED) for target in _OF_MODELS),
    Link("campaigns-listed", "200", "campaigns-get", "Look at the first.", _FIRST),
    Link("campaigns-get", "200", "campaigns-revise", "Change it, at the revision that was seen.", {**_ASKED, "If-Match": "$response.header.ETag"}),
    Link("campaigns-revise", "200", "campaigns-revisions", "See what was changed.", _ASKED),
    Link("campaigns-revise", "200", "campaigns-revise", "Change it once more.", {**_ASKED, "If-Match": "$response.header.ETag"}),
    Link("campaigns-revise", "200", "trials-ask", "Ask for recipes within the new bounds.", _ASKED),
    Link("campaigns-archive", "200", "campaigns-restore", "Take it up again.", _ASKED),
    Link("campaigns-archive", "200", "trials-ask", "Refused, as it is closed.", _ASKED),
    Link("campaigns-archive", "200", "observations-tell", "Measurements are still taken.", _ASKED),
    Link("campaigns-restore", "200", "trials-ask", "Ask for recipes again.", _ASKED),
    Link("trials-ask", "200", "trials-get", "Look at a recipe that was given.", _TRIAL),
    Link("trials-ask", "200", "trials-renew", "Keep it for longer.", _TRIAL),
    Link("trials-ask", "200", "trials-abandon", "Give it up.", _TRIAL),
    Link(
        "trials-ask",
        "200",
        "observations-tell",
        "Tell what became of it; here that its cell broke.",
        _ASKED,
        {"reports": [{"trial": "$response.body#/trials/0/number", "observation": {"recipe": _RECIPE, "status": "failed_cell", "cause": "it broke"}}]},
    ),
    *(Link("trials-ask", "200", target, "Ask the models about it.", _ASKED, {"recipe": _RECIPE}) for target in _MODELS),
    Link("trials-ask", "202", "jobs-get", "Look whether the recipes are there.", _JOB),
    Link("trials-renew", "200", "trials-abandon", "Give it up all the same.", _SAME_TRIAL),
    Link("trials-abandon", "200", "trials-get", "See that it was given up.", _SAME_TRIAL),
    Link("trials-listed", "200", "trials-get", "Look at the first.", {**_ASKED, "number": "$response.body#/items/0/number"}),
    Link("observations-tell", "201", "observations-get", "Look at what is kept.", _TOLD),
    Link(
        "observations-tell",
        "201",
        "observations-correct",
        "Correct it.",
        _TOLD,
        {"observation": "$request.body#/reports/0/observation"},
    ),
    Link("observations-tell", "201", "exports-as_csv", "Take the measurements away as a table.", _ASKED),
    Link("observations-tell", "201", "exports-as_json", "Take everything away.", _ASKED),
    *(Link("observations-tell", "201", target, "Ask the models, which know it now.", _ASKED) for target in _OF_MODELS),
    Link("observations-correct", "201", "observations-get", "Look at what stands now.", {**_ASKED, "number": "$response.body#/number"}),
    Link("observations-correct", "201", "observations-correct", "Refused: what was corrected is corrected no more.", _SAME_TRIAL),
    Link("observations-correct", "201", "exports-as_csv", "Take the measurements away as a table.", _ASKED),
    Link("observations-import_table", "201", "observations-get", "Look at the first row.", _TOLD),
    Link("observations-import_table", "201", "exports-as_csv", "Take the measurements away as a table.", _ASKED),
    Link("observations-listed", "200", "observations-get", "Look at the first.", {**_ASKED, "number": "$response.body#/items/0/number"}),
    *(
        Link(source, "202", target, says, _JOB)
        for source in _OF_MODELS
        for target, says in (("jobs-get", "Look at the job."), ("jobs-events", "Follow it."), ("jobs-cancel", "End it."))
    ),
    Link("jobs-listed", "200", "jobs-get", "Look at the first.", {"job_id": "$response.body#/items/0/id"}),
    Link("jobs-get", "200", "jobs-cancel", "End it.", _JOB),
    Link("jobs-get", "200", "jobs-events", "Follow it.", _JOB),
    Link("jobs-cancel", "200", "jobs-get", "See what came of it.", _JOB),
    Link("keys-make", "201", "keys-revoke", "Close it for good.", {"key_id": "$response.body#/id"}),
)


def add_links(paths: Mapping[str, Any]) -> None:
    """Write the links into the answers of a description's paths; a link between operations that there are not is a KeyError."""
    operations = {one["operationId"]: one for methods in paths.values() for method, one in methods.items() if method in METHODS}
    for link in LINKS:
        shown = {"operationId": operations[link.target]["operationId"], "description": link.says}
        if link.parameters:
            shown["parameters"] = dict(link.parameters)
        if link.body is not None:
            shown["requestBody"] = link.body
        links = operations[link.source]["responses"][link.status].setdefault("links", {})
        links[link.target] = shown
