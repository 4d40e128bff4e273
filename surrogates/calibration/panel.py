"""The panel: every electrode that a calibration evaluates, with latents and study offsets filled in from parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from objectives.composition import Array
from objectives.electrode import Electrodes, Outcomes, closed_form
from objectives.studies import OFFSETS, Study, load_studies

_FIELDS = tuple(f.name for f in fields(Electrodes) if not f.name.startswith("offset_"))
_NOT_GIVEN = ("measured_porosity", "sigma_fine", "sigma_coarse", "sigma_free", "plateau_mah_g")
_OPTIONAL = {"other_wt": 0.0, **dict.fromkeys(_NOT_GIVEN, math.nan)}


@dataclass
class Panel:
    """Electrodes by index. `add` while building; `evaluate` as often as wanted."""

    _keys: dict[tuple[object, ...], int] = field(default_factory=dict)
    _rows: list[dict[str, float]] = field(default_factory=list)
    _studies: list[str] = field(default_factory=list)
    _labels: list[str] = field(default_factory=list)

    def add(self, study: Study, label: str, inputs: Mapping[str, float]) -> int:
        """Return the index of an electrode, adding it if it is new.

        ``inputs`` overrides what the study fixes; NaN entries are ignored, so that the study or a latent supplies them.
        """
        given = {key: value for key, value in inputs.items() if not math.isnan(value)}
        row = {**_OPTIONAL, **study.fixed, **given}
        for latent in study.latents:
            if (not latent.labels or label in latent.labels) and latent.sets not in given:
                row[latent.sets] = latent.prior.value
        missing = [name for name in _FIELDS if name not in row]
        if missing:
            raise ValueError(f"{study.name} {label!r} gives no {', '.join(missing)}; add it to studies.toml or to the row")
        key = (study.name, label, *(str(row[name]) for name in _FIELDS))
        if key not in self._keys:
            self._keys[key] = len(self._rows)
            self._rows.append(row)
            self._studies.append(study.name)
            self._labels.append(label)
        return self._keys[key]

    @property
    def study_names(self) -> tuple[str, ...]:
        """Return the study of each electrode."""
        return tuple(self._studies)

    def __len__(self) -> int:
        return len(self._rows)

    def electrodes(self, parameters: Mapping[str, Array]) -> Electrodes:
        """Return all electrodes under parameters that are scalars or of shape ``(k, 1)``."""
        shape = np.broadcast_shapes(*(np.shape(value) for value in parameters.values()), (len(self),))
        inputs = {name: np.array([row[name] for row in self._rows]) for name in _FIELDS}
        names = np.array(self._studies)
        for study in load_studies().values():
            mine = names == study.name
            for latent in study.latents:
                uses = mine & (np.isin(self._labels, latent.labels) if latent.labels else True)
                if latent.prior.name in parameters and uses.any():
                    column = np.broadcast_to(inputs[latent.sets], shape).copy()
                    column[..., uses] = parameters[latent.prior.name]
                    inputs[latent.sets] = column
            for kind in OFFSETS:
                value = parameters.get(f"{study.name}.offset_{kind}")
                if value is not None and mine.any():
                    key = f"offset_{kind}"
                    column = np.broadcast_to(inputs.get(key, np.zeros(len(self))), shape).copy()
                    column[..., mine] = value
                    inputs[key] = column
        return Electrodes(**inputs)

    def evaluate(self, parameters: Mapping[str, Array]) -> Outcomes:
        """Return the outcomes of all electrodes, arrays ``(n,)`` or ``(k, n)``."""
        return closed_form(self.electrodes(parameters), parameters)
