"""Molecules: reading, standardising, properties, filters, states, conformers, GFN2-xTB, dimers, data sets."""

from labkit.molecules._conformers import conformer as conformer
from labkit.molecules._datasets import KnownInhibitor as KnownInhibitor
from labkit.molecules._datasets import load_abl1_inhibitors as load_abl1_inhibitors
from labkit.molecules._datasets import load_zinc250k as load_zinc250k
from labkit.molecules._dimer import Dimer as Dimer
from labkit.molecules._dimer import dimer_to_xyz as dimer_to_xyz
from labkit.molecules._dimer import read_dimer as read_dimer
from labkit.molecules._parse import canonical_smiles as canonical_smiles
from labkit.molecules._parse import parse as parse
from labkit.molecules._parse import parse_all as parse_all
from labkit.molecules._properties import Properties as Properties
from labkit.molecules._properties import properties as properties
from labkit.molecules._similarity import fingerprint as fingerprint
from labkit.molecules._similarity import internal_diversity as internal_diversity
from labkit.molecules._similarity import murcko_scaffold as murcko_scaffold
from labkit.molecules._similarity import nearest as nearest
from labkit.molecules._similarity import tanimoto as tanimoto
from labkit.molecules._standardise import Standardised as Standardised
from labkit.molecules._standardise import standardise as standardise
from labkit.molecules._states import State as State
from labkit.molecules._states import prepare_states as prepare_states
from labkit.molecules._triage import Triaged as Triaged
from labkit.molecules._triage import TriageRules as TriageRules
from labkit.molecules._triage import triage as triage
from labkit.molecules._xtb import relax_hydrogens as relax_hydrogens
from labkit.molecules._xtb import xtb_energy as xtb_energy
