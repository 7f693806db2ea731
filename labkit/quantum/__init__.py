"""The quantum layer: interaction energies with circuits beside their exact references."""

from labkit.quantum._interaction import compute_interaction_energy as compute_interaction_energy
from labkit.quantum._interaction import interaction_energy as interaction_energy
from labkit.quantum._result import InteractionEnergy as InteractionEnergy
from labkit.quantum._result import InteractionSettings as InteractionSettings
