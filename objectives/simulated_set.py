"""The simulated electrodes that ship with the package: the same recipes over the whole design space as `micro` and as `cell`, each discharged at
four conditions.

Reads `configs/simulated-micro.csv` and `simulated-cell.csv`, and what is said of them in the JSON files beside, once a process, when first asked.
What the rows are and how far to trust them: docs/simulated-data.md. Simulates nothing, and does not check that the simulator is still the same (a
test does).

    data = load_simulated_set()
    good = data.trained_on                                  # (n,) bool: what may be learned from
    recipes = data.recipes[good]                            # (m, 4), in the order of RECIPE_FIELDS
    tau = data.structure["ionic_tortuosity_factor"][good]   # (m,)
    scatter = data.structure_sd["ionic_tortuosity_factor"][good]
    k = data.at(c_rate=0.2, temperature_c=30.0)             # column of a condition
    capacity = data.discharge["discharge_capacity"][good, k]
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.physics import Conditions
from objectives.recipe import RECIPE_FIELDS
from objectives.simulated import Fidelity
from objectives.studies import read_data

A = TypeVar("A", Array, Mask, NDArray[np.int_])

BUNDLED: tuple[Fidelity, ...] = ("micro", "cell")
STRUCTURE = ("porosity", "ionic_tortuosity_factor", "electronic_tortuosity_factor")  # the same at every condition
DISCHARGE = ("discharge_capacity", "mean_discharge_voltage")  # one a condition
SHARES = ("connected_am_fraction", "wetted_am_fraction")


@dataclass(frozen=True)
class SimulatedSet:
    """Simulated electrodes, one a row, in the order of their trials. Arrays are read-only; NaN is what a row does not have.

    Args:
        trials: Number of each row's trial in its run, which is the seed of its microstructures too, ``(n,)``.
        recipes: ``(n, 4)``, in the order of `RECIPE_FIELDS`.
        status: ``ok``, or the name of what failed at the first condition. ``no_electronic_path`` rows have numbers too (electronic tau at
            the cap, capacity 0): two thirds of the rows below 0.6 wt% VGCF, which `trained_on` leaves out.
        percolates: Whether ions found a path in every seed, ``(n,)``. Where they did not, tau is a mean over seeds of which some are at
            the cap of 200, and the capacity one over seeds of which some have none.
        fine_se: Whether the SE is finer than two voxels, ``(n,)``; it was drawn too coarse.
        coarse_se: Whether the free SE is too coarse for the width of the block, ``(n,)``; its paths are a matter of chance.
        trained_on: Whether a row is to be learned from: ok, and neither fine nor coarse, ``(n,)``.
        conditions: Of the discharges, ``k`` of them; the first is the one that the campaign's goal counts at.
        structure: `STRUCTURE` by name, ``(n,)`` each: what does not depend on the condition.
        structure_sd: Standard deviation between the seeds of a row, by the same names. The porosity is the closed form's and has none, as all that
            `cell` gives has none: it needs no seed, and its structure is the closed form's.
        discharge: `DISCHARGE` by name, ``(n, k)`` each; mAh/g of AM, and V.
        discharge_sd: Standard deviation between the seeds of a row, ``(n, k)`` each. A voltage that only one seed has lacks it.
        shares: `SHARES` by name, ``(n,)`` each, 0-1.
        seeds: Microstructures of a row, ``(n,)``.
        study: Whose materials and offsets they have.
        simulator: Version of the simulator that made them, a hash.
    """

    trials: NDArray[np.int_]
    recipes: Array
    status: tuple[str, ...]
    percolates: Mask
    fine_se: Mask
    coarse_se: Mask
    trained_on: Mask
    conditions: tuple[Conditions, ...]
    structure: Mapping[str, Array]
    structure_sd: Mapping[str, Array]
    discharge: Mapping[str, Array]
    discharge_sd: Mapping[str, Array]
    shares: Mapping[str, Array]
    seeds: NDArray[np.int_]
    study: str
    simulator: str

    def at(self, c_rate: float, temperature_c: float) -> int:
        """Return the column of a condition in the discharges.

        Raises:
            KeyError: If nothing was discharged at it.
        """
        for k, one in enumerate(self.conditions):
            if abs(one.c_rate - c_rate) < 1e-9 and abs(one.temperature_c - temperature_c) < 1e-9:
                return k
        known = ", ".join(label(one.c_rate, one.temperature_c) for one in self.conditions)
        raise KeyError(f"the simulated set was discharged at {known}, got {label(c_rate, temperature_c)}; choose one of them")


def label(c_rate: float, temperature_c: float) -> str:
    """Return a condition as it stands in names of columns: ``0.2C_30degC``."""
    return f"{c_rate:g}C_{temperature_c:g}degC"


def file_names(fidelity: Fidelity) -> tuple[str, str]:
    """Return the names in `configs/` of a fidelity's rows and of what is said of them."""
    return f"simulated-{fidelity}.csv", f"simulated-{fidelity}.json"


def load_simulated_set(fidelity: Fidelity = "micro") -> SimulatedSet:
    """Return the bundled set of a fidelity of `BUNDLED`; both have the same recipes and conditions in the same order."""
    return _load(fidelity)


@lru_cache(maxsize=len(BUNDLED))
def _load(fidelity: Fidelity) -> SimulatedSet:
    rows, about = file_names(fidelity)
    return parse(read_data(rows), read_data(about))


def parse(rows_text: str, about_text: str) -> SimulatedSet:
    """Return the set of a CSV text and of the JSON text about it."""
    about: Mapping[str, Any] = json.loads(about_text)
    rows = list(csv.DictReader(io.StringIO(rows_text)))
    conditions = tuple(Conditions(**one) for one in about["conditions"])
    labels = [label(one.c_rate, one.temperature_c) for one in conditions]
    status = tuple(row["status"] for row in rows)
    fine, coarse = _mask(rows, "fine_se"), _mask(rows, "coarse_se")
    ok = np.array([one == "ok" for one in status], dtype=bool)
    return SimulatedSet(
        trials=_frozen(np.array([int(row["trial"]) for row in rows])),
        recipes=_frozen(_columns(rows, RECIPE_FIELDS)),
        status=status,
        percolates=_mask(rows, "percolates"),
        fine_se=fine,
        coarse_se=coarse,
        trained_on=_frozen(ok & ~fine & ~coarse),
        conditions=conditions,
        structure=_named({name: _columns(rows, [name])[:, 0] for name in STRUCTURE}),
        structure_sd=_named({name: _columns(rows, [f"sd.{name}"])[:, 0] for name in STRUCTURE}),
        discharge=_named({name: _columns(rows, [f"{name}@{at}" for at in labels]) for name in DISCHARGE}),
        discharge_sd=_named({name: _columns(rows, [f"sd.{name}@{at}" for at in labels]) for name in DISCHARGE}),
        shares=_named({name: _columns(rows, [name])[:, 0] for name in SHARES}),
        seeds=_frozen(np.array([int(row["seeds"]) for row in rows])),
        study=about["study"],
        simulator=about["simulator"],
    )


def _columns(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Array:
    """Return columns ``(n, len(names))``; empty cells and columns that are not there are NaN."""
    return np.array([[float(row.get(name) or "nan") for name in names] for row in rows]).reshape(len(rows), len(names))


def _mask(rows: Sequence[Mapping[str, str]], name: str) -> Mask:
    return _frozen(np.array([row[name] == "1" for row in rows], dtype=bool))


def _frozen(array: A) -> A:
    array.flags.writeable = False
    return array


def _named(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    return MappingProxyType({name: _frozen(array) for name, array in arrays.items()})
