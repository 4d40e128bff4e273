"""What a discharge needs to know of an electrode's structure: from the closed form, or handed in by a microstructure."""

from __future__ import annotations

from dataclasses import dataclass

from objectives.simulated import Simulated


@dataclass(frozen=True)
class Transport:
    """Structure and effective transport of one electrode.

    Args:
        ionic_ms_cm: Effective ionic conductivity at `temperature_c`, mS/cm; 0 where ions find no path.
        electronic_ms_cm: Effective electronic conductivity, mS/cm; 0 where electrons find no path.
        phi_se: SE volume fraction, pores counted in the total.
        phi_am: AM volume fraction.
        porosity: Pore volume fraction.
        wetted_fraction: Share of the AM surface that ions reach, 0-1.
        connected_am_fraction: Share of the AM that ions and electrons reach, 0-1; None for what the closed form's capacity at the
            reference condition implies.
        temperature_c: Temperature of the ionic conductivity; at others it follows the calibrated activation energy.
        percolates: Whether ions find a path.

    Raises:
        ValueError: If a share is outside 0-1 or a conductivity is negative.
    """

    ionic_ms_cm: float
    electronic_ms_cm: float
    phi_se: float
    phi_am: float
    porosity: float
    wetted_fraction: float = 1.0
    connected_am_fraction: float | None = None
    temperature_c: float = 60.0
    percolates: bool = True

    def __post_init__(self) -> None:
        for name in ("phi_se", "phi_am", "porosity", "wetted_fraction", "connected_am_fraction"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, got {value:g}; give a share, not a percentage")
        for name in ("ionic_ms_cm", "electronic_ms_cm"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"{name} must be a finite number of mS/cm, at least 0, got {value:g}; no path is 0")


def transport_of(micro: Simulated, temperature_c: float) -> Transport:
    """Return what a microstructure found, for a discharge; its conductivities are those at the given temperature.

    Raises:
        ValueError: If the simulation failed, or is none of a microstructure.
    """
    facts = micro.facts
    wanted = ("ionic_conductivity_ms_cm", "electronic_conductivity_ms_cm", "phi_se", "phi_am", "wetted_am_fraction", "connected_am_fraction")
    missing = [name for name in wanted if name not in facts]
    if missing or micro.status != "ok":
        raise ValueError(
            f"a discharge needs a microstructure that was solved, got status {micro.status} without {', '.join(missing) or 'a solution'}"
        )
    ionic, electronic, phi_se, phi_am, wetted, connected = (facts[name] for name in wanted)
    porosity = micro.outcomes["porosity"]
    return Transport(ionic, electronic, phi_se, phi_am, porosity, wetted, connected, temperature_c, micro.percolates)
