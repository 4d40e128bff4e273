"""A campaign's data to take away: a table for people and spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io

from fastapi import APIRouter, Response

from optimizer.lab_table.values import is_formula
from optimizer.service import schemas, shown
from optimizer.service.plain_json import PlainJSON
from optimizer.service.security import Guarded, allowed
from optimizer.service.state import Running

router = APIRouter(route_class=Guarded, tags=["exports"])


@router.get("/campaigns/{name}/export.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}}, **allowed("read"))
def as_csv(service: Running, name: schemas.CampaignName) -> Response:
    """Return the standing observations as a table that an import reads back; no cell of it runs as a formula."""
    text = harmless(service.store.observations.export_csv(name))
    return Response(text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="observations.csv"'})


@router.get("/campaigns/{name}/export.json", response_model=shown.Export, **allowed("read"))
def as_json(service: Running, name: schemas.CampaignName) -> Response:
    """Return the settings, the standing observations and the recipes that are being made, as at one moment."""
    snapshot = service.store.snapshot(name)
    info = service.store.campaigns.get(name)
    pending = service.store.trials.page(name, ("proposed", "running"), limit=None)
    return PlainJSON(
        {
            "campaign": {**info.as_json(), "revision": snapshot.revision, "version": snapshot.version, "toml": snapshot.text},
            "data_hash": snapshot.data_hash,
            "observations": [one.as_json() for one in snapshot.observations],
            "pending": [trial.as_json() for trial in pending],
        }
    )


def harmless(table: str) -> str:
    """Return a CSV in which a cell that a spreadsheet would run is text.

    The store lets no such text in, but names of a campaign's own come with its file.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([f"'{cell}" if is_formula(cell) or cell[:1] in ("\t", "\r") else cell for cell in row] for row in csv.reader(io.StringIO(table)))
    return text.getvalue()
