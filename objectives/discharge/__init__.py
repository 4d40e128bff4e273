"""The fidelity `cell`: a discharge of the electrode by PyBaMM's half-cell DFN. Needs the extra `simulation`, but only when it is run."""

from objectives.discharge.kinetics import Kinetics, load_kinetics
from objectives.discharge.model import MissingSimulationError
from objectives.discharge.simulate import rate_capability, simulate_cell
from objectives.discharge.transport import Transport, transport_of

__all__ = ["Kinetics", "MissingSimulationError", "Transport", "load_kinetics", "rate_capability", "simulate_cell", "transport_of"]
