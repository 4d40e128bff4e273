"""How fast an electrode's grains take up lithium: the calibrated numbers of `configs/cell.json` and what a recipe makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from objectives.calibration import parse
from objectives.studies import read_data
from objectives.transport import arrhenius

FILE = "cell.json"
REFERENCE_C, REFERENCE_RATE = 60.0, 0.05  # the condition at which the closed form's capacity says how much AM is connected
EXCHANGE_EV = 0.5  # activation energy of the charge transfer [A]: 0.4-0.6 eV between NCM and sulfides; the data do not see it


@dataclass(frozen=True)
class Kinetics:
    """Calibrated numbers of the discharge; fields are the names in `configs/cell.json`.

    ``1 / D = (1 / wetted / warming + contact (1 / passing - 1) + access / kappa) / D0``: slow for lithium inside the grain, which warms;
    for electrons through the shell; and for ions through a poor SE network next to it. One effective diffusivity, because that is
    what loses capacity with the current as measured; a series resistance would lose none until it loses all.
    """

    diffusivity: float  # m2/s, of wetted AM without shell at 60 C
    diffusion_ev: float  # eV, its activation energy
    bare_loss: float  # surface that bare AM lacks: wetted = 1 / (1 + bare_loss (1 - coverage))
    contact: float  # of electrons through the shell
    access: float  # mS/cm, of ions through the SE
    exchange: float  # A/m2 of wetted surface, at half lithiation and 60 C
    voltage_offset: float  # V, added to every mean voltage

    def wetted(self, coverage: float) -> float:
        """Return the share of the AM surface that ions reach, where no microstructure says so."""
        return 1.0 / (1.0 + self.bare_loss * (1.0 - coverage))

    def diffusivity_at(self, temperature_c: float, wetted: float, passing: float, ionic_ms_cm: float) -> float:
        """Return the effective diffusivity of the grains, m2/s; ``passing`` is the share of electron contact that the shell leaves."""
        warming = float(arrhenius(self.diffusion_ev, temperature_c, REFERENCE_C))
        return self.diffusivity / (1.0 / (wetted * warming) + self.contact * (1.0 / passing - 1.0) + self.access / ionic_ms_cm)

    def exchange_at(self, temperature_c: float, wetted: float) -> float:
        """Return the exchange-current density over the whole surface, A/m2."""
        return self.exchange * wetted * float(arrhenius(EXCHANGE_EV, temperature_c, REFERENCE_C))


@lru_cache(maxsize=1)
def load_kinetics() -> Kinetics:
    """Return the bundled numbers."""
    return Kinetics(**{name: float(value) for name, value in parse(read_data(FILE)).parameters().items()})
