"""The quantum layer: interaction and triplet energies beside their exact references."""

from labkit.quantum._interaction import compute_interaction_energy as compute_interaction_energy
from labkit.quantum._interaction import interaction_energy as interaction_energy
from labkit.quantum._noise import Noise as Noise
from labkit.quantum._noise import NoiseStudy as NoiseStudy
from labkit.quantum._noise import noise_study as noise_study
from labkit.quantum._qpu import Qpu as Qpu
from labkit.quantum._qpu import find_qpu as find_qpu
from labkit.quantum._qpu import read_qpus as read_qpus
from labkit.quantum._resources import LucjSize as LucjSize
from labkit.quantum._resources import Resources as Resources
from labkit.quantum._resources import resources as resources
from labkit.quantum._result import InteractionEnergy as InteractionEnergy
from labkit.quantum._result import InteractionSettings as InteractionSettings
from labkit.quantum._triplet import triplet_energy as triplet_energy
from labkit.quantum._triplet_result import TripletEnergy as TripletEnergy
from labkit.quantum._triplet_result import TripletSettings as TripletSettings
