"""The calibrated closed form: fitted numbers with their covariance, as shipped in `configs/calibration.json`.

Everything is kept in units of the prior (z, standard normal before any data), so that an undetermined number shows as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from objectives.composition import Array
from objectives.studies import NEW_STUDY_OFFSET_SD, OFFSETS, Prior, load_priors, load_studies, read_data

FILE = "calibration.json"
DECIMALS = 5  # of z and its covariance: far below what any datum could show, far above the noise of floating point
NEW_STUDY = "new"


class CalibrationError(ValueError):
    """Raised when a calibration file cannot be used."""


def all_priors() -> tuple[Prior, ...]:
    """Return every fitted number: parameters, then latents and offsets study by study."""
    priors = list(load_priors())
    for study in load_studies().values():
        priors.extend(latent.prior for latent in study.latents)
        priors.extend(
            Prior(f"{study.name}.offset_{kind}", 0.0, study.offset_sd[kind], False, f"study offset, ln {kind}", "1", "studies.toml")
            for kind in OFFSETS
            if study.offset_sd.get(kind, 0.0) > 0.0
        )
    return tuple(priors)


def to_parameters(priors: tuple[Prior, ...], z: Array) -> dict[str, Array]:
    """Return parameters by name from z of shape ``(p,)`` or ``(k, p)``; values are scalars or of shape ``(k, 1)``."""
    return {
        prior.name: np.asarray(prior.value * prior.spread**column if prior.log else prior.value + prior.spread * column)
        for prior, column in zip(priors, (z[..., [j]] if z.ndim == 2 else z[j] for j in range(len(priors))), strict=True)
    }


@dataclass(frozen=True)
class Calibration:
    """Fitted numbers of the closed form: priors, z at the minimum and the covariance of z; ``fingerprint`` names the data."""

    priors: tuple[Prior, ...]
    z: Array  # (p,)
    covariance: Array  # (p, p)
    fingerprint: str

    def parameters(self, z: Array | None = None) -> dict[str, Array]:
        """Return parameters by name at the minimum, or at z of shape ``(p,)`` or ``(k, p)``."""
        return to_parameters(self.priors, self.z if z is None else z)

    @cached_property
    def root(self) -> Array:
        """A square root of the covariance, ``(p, p)``: columns are independent moves of z, one standard deviation long."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))

    def draws(self, k: int, seed: int) -> Array:
        """Return k draws of z, shape ``(k, p)``, normal with the calibration's covariance."""
        noise = np.random.default_rng(seed).standard_normal((k, len(self.priors)))
        return np.asarray(self.z + noise @ self.root.T)

    def with_new_study(self) -> Calibration:
        """Return the calibration with the offsets of a study that nobody has measured: zero, as uncertain as their prior."""
        if any(prior.name.startswith(f"{NEW_STUDY}.") for prior in self.priors):
            return self
        extra = tuple(
            Prior(f"{NEW_STUDY}.offset_{kind}", 0.0, NEW_STUDY_OFFSET_SD[kind], False, f"study offset, ln {kind}", "1", "studies.py")
            for kind in OFFSETS
        )
        size, added = len(self.priors), len(extra)
        covariance = np.eye(size + added)
        covariance[:size, :size] = self.covariance
        return replace(self, priors=(*self.priors, *extra), z=np.concatenate([self.z, np.zeros(added)]), covariance=covariance)

    def same_as(self, other: Calibration) -> bool:
        """Return whether two calibrations are one, up to the noise of floating point on different machines."""
        if self.fingerprint != other.fingerprint or [p.name for p in self.priors] != [p.name for p in other.priors]:
            return False
        near = 2.0 * 10.0**-DECIMALS
        return bool(np.abs(self.z - other.z).max() <= near and np.abs(self.covariance - other.covariance).max() <= near)

    def dumps(self) -> str:
        """Return the calibration as JSON text, z and its covariance to five decimals of a prior standard deviation."""

        def rounded(value: float) -> float:
            return round(value, DECIMALS) + 0.0

        z_kept = np.round(self.z, DECIMALS)
        parameters = self.parameters(z_kept)
        sd = np.sqrt(np.round(np.diag(self.covariance), DECIMALS))
        table = {
            prior.name: {
                "value": float(f"{float(parameters[prior.name]):.5g}"),
                "z": rounded(float(z)),
                "z_sd": rounded(float(s)),
                "prior": {"value": prior.value, "spread": prior.spread, "scale": "log" if prior.log else "linear"},
            }
            for prior, z, s in zip(self.priors, z_kept, sd, strict=True)
        }
        lower = [[rounded(float(v)) for v in self.covariance[i, : i + 1]] for i in range(len(self.priors))]
        head = json.dumps({"fingerprint": self.fingerprint, "parameters": table}, indent=1)
        rows = ",\n".join(json.dumps(row) for row in lower)
        return f'{head[:-2]},\n "covariance_lower": [\n{rows}\n]\n}}\n'


def parse(text: str) -> Calibration:
    """Return the calibration written by `Calibration.dumps`.

    Raises:
        CalibrationError: If the text is not such a file.
    """
    try:
        data = json.loads(text)
        origins = {prior.name: prior for prior in all_priors()}
        priors = []
        for name, entry in data["parameters"].items():
            known, prior = origins.get(name), entry["prior"]
            priors.append(
                Prior(
                    name,
                    float(prior["value"]),
                    float(prior["spread"]),
                    prior["scale"] == "log",
                    known.meaning if known else "",
                    known.unit if known else "",
                    known.origin if known else "",
                )
            )
        z = np.array([float(entry["z"]) for entry in data["parameters"].values()])
        lower = data["covariance_lower"]
        if [len(row) for row in lower] != list(range(1, len(z) + 1)):
            raise ValueError(f"its covariance has not the {len(z)} rows of a lower triangle")
        covariance = np.zeros((len(z), len(z)))
        for i, row in enumerate(lower):
            covariance[i, : i + 1] = row
            covariance[: i + 1, i] = row
        return Calibration(tuple(priors), z, covariance, str(data["fingerprint"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CalibrationError(f"the calibration is not one that `glittercake calibrate` wrote ({error}); run it again") from error


@lru_cache(maxsize=8)
def load_calibration(path: Path | None = None) -> Calibration:
    """Return the bundled calibration, or the one in a file."""
    return parse(read_data(FILE) if path is None else path.read_text(encoding="utf-8"))
