"""Calibration targets: each usable row of the literature table as a number the closed form has to give."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array
from objectives.electrode import Outcomes
from objectives.literature import Row, load_literature
from objectives.studies import Study, load_studies
from surrogates.calibration.panel import Panel


def _ionic_tau(o: Outcomes) -> Array:
    return o.phi_se * o.sigma_0_ionic / o.ionic_conductivity  # uncapped, so that a fit feels its way back to percolation


def _electronic_tau(o: Outcomes) -> Array:
    return o.phi_am * o.sigma_0_electronic / o.electronic_conductivity


OBSERVE: Mapping[str, Callable[[Outcomes], Array]] = {
    "discharge_capacity": lambda o: o.discharge_capacity,
    "porosity": lambda o: 100.0 * o.porosity,
    "volumetric_energy_density": lambda o: o.volumetric_energy_density,
    "ionic_conductivity": lambda o: o.ionic_conductivity,
    "electronic_conductivity": lambda o: o.electronic_conductivity,
    "electronic_resistivity": lambda o: 1e3 / o.electronic_conductivity,
    "ionic_resistance": lambda o: 0.1 * o.thickness_um / o.ionic_conductivity,  # um, mS/cm -> ohm cm2
    "ionic_tortuosity_factor": _ionic_tau,
    "electronic_tortuosity_factor": _electronic_tau,
    "se_conductivity": lambda o: o.sigma_0_ionic,
    "electrode_density": lambda o: o.electrode_density,
}


@dataclass(frozen=True)
class Target:
    """One number to reproduce: an outcome of one electrode, or the difference or ratio of two."""

    name: str
    study: str
    quantity: str  # as in the table
    rows: tuple[int, ...]
    observe: str
    members: tuple[int, ...]  # panel indices; a difference or ratio is first against second
    combine: str  # value, difference, ratio, percent (ratio in percent)
    log: bool  # residual on the natural log
    value: float
    sd: float  # of the residual: natural-log units when log
    unit: str
    note: str = ""
    designs: tuple[str, ...] = ()  # designs it speaks of; rows of one design share it, whatever the rate, temperature or replicate
    relative_sd: float = math.nan  # stated by the source, over the value
    c_rate: float = math.nan
    temperature_c: float = math.nan
    evidence: str = ""

    def predict(self, observed: Mapping[str, Array]) -> Array:
        """Return the model's number, shape ``()`` or ``(k,)``, from observed outcomes by name."""
        outcome = observed[self.observe]
        first = outcome[..., self.members[0]]
        if self.combine == "value":
            return first
        second = outcome[..., self.members[1]]
        if self.combine == "difference":
            return np.asarray(first - second)
        return np.asarray(first / second * (100.0 if self.combine == "percent" else 1.0))

    def residual(self, predicted: Array) -> Array:
        """Return (model - measured) over its standard deviation."""
        if self.log:
            return np.asarray((np.log(predicted) - math.log(self.value)) / self.sd)
        return np.asarray((predicted - self.value) / self.sd)


# quantity in the table -> (outcome, residual on the log)
_PLAIN: Mapping[str, tuple[str, bool]] = {
    "discharge_capacity": ("discharge_capacity", False),
    "discharge_capacity_first_cycle_at_rate": ("discharge_capacity", False),
    "porosity": ("porosity", False),
    "relative_electrode_density": ("porosity", False),
    "volumetric_energy_density": ("volumetric_energy_density", True),
    "effective_ionic_conductivity": ("ionic_conductivity", True),
    "effective_electronic_conductivity": ("electronic_conductivity", True),
    "electronic_resistivity": ("electronic_resistivity", True),
    "ionic_tortuosity_factor_tau2": ("ionic_tortuosity_factor", True),
}
_NOISE_KEY = {"discharge_capacity_first_cycle_at_rate": "discharge_capacity", "relative_electrode_density": "porosity"}
NOT_FITTED: Mapping[tuple[str, str], str] = {
    ("minnmann2021", "effective_ionic_conductivity"): "the same measurement as its tau",
    ("lee2026", "electrode_density"): "the same measurement as its porosity",
    ("cho2024", "tortuosity"): "method not stated; trend only",
    ("kim2025", "capacity_retention_50cyc"): "ageing is outside the closed form",
    ("lee2026", "shell_thickness_FIB"): "geometry, no parameter to fit",
    ("kim2025", "shell_thickness_FIB"): "geometry, no parameter to fit",
    ("kim2025", "shell_thickness_calculated"): "geometry, no parameter to fit",
}
VGCF_KIM = 2.34  # wt%, every recipe of Kim 2025


def row_inputs(row: Row, study: Study) -> dict[str, float]:
    """Return the electrode inputs a row states; NaN where the study or a latent has to supply them."""
    design = dict(study.designs.get(row.label, {}))
    inputs = {
        "am_wt": row.am_wt,
        "coating_se_wt": 0.0 if math.isnan(row.coating_se_wt) else row.coating_se_wt,
        "se_particle_um": row.se_particle_um,
        "vgcf_wt": row.vgcf_wt,
        "temperature_c": row.temperature_c,
        "c_rate": row.c_rate,
    }
    percent = design.pop("volume_percent_am", math.nan)
    if not math.isnan(percent):  # vol% of the whole electrode, at the measured porosity, to wt%
        am = percent / 100.0 * study.fixed["am_density"]
        se = (1.0 - percent / 100.0 - design["measured_porosity"]) * study.fixed["se_density"]
        inputs["am_wt"] = 100.0 * am / (am + se)
    if row.quantity != "ionic_tortuosity_factor_tau2":
        design.pop("measured_porosity", None)
    return {**inputs, **design}


def design_name(label: str, am_wt: float) -> str:
    """Return the name of a design: label without its replicate number, and AM content."""
    return f"{re.sub(r', replicate [0-9]+', '', label)}, {am_wt:.0f} wt%"


def _plain_target(row: Row, study: Study, panel: Panel) -> Target | None:
    if row.quantity not in _PLAIN or (study.name, row.quantity) in NOT_FITTED or math.isnan(row_inputs(row, study)["am_wt"]):
        return None
    observe, log = _PLAIN[row.quantity]
    if "liquid-electrolyte" in row.label:
        return None  # not a solid-state cell; it is the prior of Qp
    key = _NOISE_KEY.get(row.quantity, row.quantity)
    sd = study.row_sd(key, row.c_rate)
    if sd is None:
        return None
    stated = row.sd / row.value if log else row.sd
    value = 100.0 - row.value if row.quantity == "relative_electrode_density" else row.value
    inputs = row_inputs(row, study)
    return Target(
        name=row.label if math.isnan(row.am_wt) else f"{row.label}, {row.am_wt:g} wt%",
        study=study.name,
        quantity=key,
        rows=(row.number,),
        observe=observe,
        members=(panel.add(study, row.label, inputs),),
        combine="value",
        log=log,
        value=value,
        sd=sd if math.isnan(stated) else max(sd, stated),
        unit=row.unit,
        note=", ".join(
            part
            for part in (
                "" if math.isnan(row.c_rate) else f"{row.c_rate:g}C",
                "" if math.isnan(row.temperature_c) else f"{row.temperature_c:g} C",
            )
            if part
        ),
        designs=(design_name(row.label, inputs["am_wt"]),),
        relative_sd=row.sd / value,
        c_rate=row.c_rate,
        temperature_c=row.temperature_c,
        evidence=row.evidence,
    )


def kim_inputs(model: int, am_wt: float, temperature_c: float = 60.0, c_rate: float = 0.05) -> dict[str, float]:
    """Return the electrode inputs of one of the paper's Models 1-5 at an AM content."""
    coating = {1: 0.0, 2: 100.0 - am_wt, 3: 5.0, 4: 5.0, 5: 0.0}[model]  # Model 2: 75:25 at 75, 80:20 at 80, 85:15 at 85 wt%
    size = 1.5 if model in (4, 5) else math.nan  # the large SE is a latent
    return {
        "am_wt": am_wt,
        "coating_se_wt": coating,
        "se_particle_um": size,
        "vgcf_wt": VGCF_KIM,
        "temperature_c": temperature_c,
        "c_rate": c_rate,
    }


def kim_index(panel: Panel, model: int, am_wt: float, temperature_c: float = 60.0, c_rate: float = 0.05) -> int:
    """Return the panel index of one of the paper's Models 1-5."""
    return panel.add(load_studies()["kim2025"], f"Model {model}", kim_inputs(model, am_wt, temperature_c, c_rate))


def _compared(
    study: Study,
    rows: tuple[Row, ...],
    quantity: str,
    observe: str,
    combine: str,
    members: tuple[int, int],
    value: float,
    name: str,
    designs: tuple[str, ...],
) -> Target:
    """Return a target that compares two electrodes; ratios are fitted on the logarithm."""
    unit = {"difference": "points", "ratio": "1", "percent": "%"}[combine]
    numbers = tuple(row.number for row in rows)
    sd = study.noise[quantity]
    return Target(
        name,
        study.name,
        quantity,
        numbers,
        observe,
        members,
        combine,
        combine == "ratio",
        value,
        sd,
        unit,
        designs=designs,
        evidence=rows[0].evidence,
    )


def _pair_targets(rows: tuple[Row, ...], panel: Panel) -> list[Target]:
    """Return the targets that compare two electrodes: differences, ratios, and bulk conductivity against temperature."""
    studies = load_studies()
    kim, cho = studies["kim2025"], studies["cho2024"]
    targets: list[Target] = []
    designs: tuple[str, ...]
    for row in rows:
        if row.quantity == "porosity_difference":
            for am in (75.0, 85.0):  # the sentence does not say at which AM content, so at both
                members = (kim_index(panel, 4, am), kim_index(panel, 1, am))
                designs = (f"Model 4, {am:g} wt%", f"Model 1, {am:g} wt%")
                name = f"Model 4 minus Model 1, {am:g} wt%"
                targets.append(_compared(kim, (row,), row.quantity, "porosity", "difference", members, row.value, name, designs))
        elif row.quantity == "ionic_tortuosity_ratio":
            members = (kim_index(panel, 3, row.am_wt), kim_index(panel, 4, row.am_wt))
            designs = (f"Model 3, {row.am_wt:g} wt%", f"Model 4, {row.am_wt:g} wt%")
            name = f"Model 3 / Model 4, {row.am_wt:g} wt%"
            targets.append(_compared(kim, (row,), row.quantity, "ionic_tortuosity_factor", "ratio", members, row.value, name, designs))
        elif row.quantity == "capacity_ratio_1C_to_0.1C":
            inputs = row_inputs(row, cho)
            members = (panel.add(cho, row.label, {**inputs, "c_rate": 1.0}), panel.add(cho, row.label, {**inputs, "c_rate": 0.1}))
            designs = (design_name(row.label, row.am_wt),)
            targets.append(_compared(cho, (row,), row.quantity, "discharge_capacity", "percent", members, row.value, row.label, designs))
    resistances = [row for row in rows if row.study == cho.name and row.quantity == "ionic_resistance_area"]
    bare, carbon = sorted(resistances, key=lambda row: row.vgcf_wt)
    members = (panel.add(cho, carbon.label, row_inputs(carbon, cho)), panel.add(cho, bare.label, row_inputs(bare, cho)))
    designs = (design_name(carbon.label, carbon.am_wt), design_name(bare.label, bare.am_wt))
    name, ratio = "NCM811/LPSCl f_AM=72 with / without VGCF", carbon.value / bare.value
    targets.append(_compared(cho, (carbon, bare), "ionic_resistance_ratio", "ionic_resistance", "ratio", members, ratio, name, designs))
    targets.extend(_bulk_targets(rows, panel))
    return targets


def _bulk_targets(rows: tuple[Row, ...], panel: Panel) -> list[Target]:
    """Return Lee's bulk SE conductivities at 25-45 C over that at 60 C, which carry the activation energy."""
    study = load_studies()["lee2026"]
    bulk = [row for row in rows if row.study == study.name and row.quantity == "se_ionic_conductivity"]
    hot = {row.label: row for row in bulk if row.temperature_c == 60.0}
    carrier = {"am_wt": 75.0, "coating_se_wt": 0.0, "vgcf_wt": 0.0}  # any uncoated recipe: only its SE is read
    targets = []
    for row in bulk:
        if row.temperature_c == 60.0:
            continue
        inputs = {**carrier, "se_particle_um": row.se_particle_um}
        members = (
            panel.add(study, row.label, {**inputs, "temperature_c": row.temperature_c}),
            panel.add(study, row.label, {**inputs, "temperature_c": 60.0}),
        )
        value = row.value / hot[row.label].value
        sd = study.noise["se_ionic_conductivity"]
        name = f"{row.label}, {row.temperature_c:g} / 60 C"
        numbers = (row.number, hot[row.label].number)
        targets.append(Target(name, study.name, "se_ionic_conductivity_ratio", numbers, "se_conductivity", members, "ratio", True, value, sd, "1"))
    return targets


def build_targets(panel: Panel) -> tuple[Target, ...]:
    """Return every target of the bundled table, adding their electrodes to the panel."""
    rows = load_literature()
    studies = load_studies()
    plain = [target for row in rows if row.study and (target := _plain_target(row, studies[row.study], panel))]
    return (*plain, *_pair_targets(rows, panel))
