"""The quantum layer: interaction and triplet energies beside their exact references."""

from labkit.quantum._comparison import SolverComparison as SolverComparison
from labkit.quantum._comparison import active_hamiltonian as active_hamiltonian
from labkit.quantum._comparison import compare_solvers as compare_solvers
from labkit.quantum._distributions import share_by_electrons as share_by_electrons
from labkit.quantum._distributions import total_variation as total_variation
from labkit.quantum._hamiltonian import ActiveHamiltonian as ActiveHamiltonian
from labkit.quantum._interaction import compute_interaction_energy as compute_interaction_energy
from labkit.quantum._interaction import interaction_energy as interaction_energy
from labkit.quantum._mitigation import invert_readout as invert_readout
from labkit.quantum._mitigation import post_select as post_select
from labkit.quantum._noise import Noise as Noise
from labkit.quantum._noise import NoiseStudy as NoiseStudy
from labkit.quantum._noise import noise_study as noise_study
from labkit.quantum._noisy_shots import Shots as Shots
from labkit.quantum._noisy_shots import noisy_shots as noisy_shots
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
