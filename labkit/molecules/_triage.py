"""Triage: which proposed molecules deserve a docking, and in one line why the others don't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from labkit.errors import InputError
from labkit.molecules._conjugation import conjugated_atoms
from labkit.molecules._parse import parse
from labkit.molecules._properties import Properties, properties
from labkit.molecules._standardise import ORGANIC_ELEMENTS, canonical_tautomer, desalted

ALERT_CATALOGUES = ("PAINS", "BRENK")


@dataclass(frozen=True)
class TriageRules:
    """What a molecule must fulfil to be passed on. Bounds are inclusive.

    Attributes:
        heavy_atoms: least and most atoms other than hydrogen.
        elements: symbols that may occur.
        max_charge: largest absolute net charge after neutralisation, e.
        mw: molecular weight, g/mol.
        logp: octanol–water log P.
        min_qed: least drug-likeness, 0–1.
        max_sa: largest synthetic-accessibility score, 1–10.
        max_rotatable_bonds: Vina's search gets unreliable with many.
        max_ring_size: larger rings are flexible, and docking keeps rings rigid.
        conjugated_atoms: atoms of the largest conjugated system.
        min_conjugated_fraction: least share of the heavy atoms that are in it.
        max_unspecified_stereocentres: each doubles the molecules that the SMILES stands for.
        alerts: catalogues of structural alerts: PAINS (Baell & Holloway 2010, 10.1021/jm901137j),
            BRENK (Brenk et al. 2008, 10.1002/cmdc.200700139).
    """

    heavy_atoms: tuple[int, int] = (10, 40)
    elements: tuple[str, ...] = ORGANIC_ELEMENTS
    max_charge: int = 1
    mw: tuple[float, float] = (150.0, 600.0)
    logp: tuple[float, float] = (-2.0, 6.0)
    min_qed: float = 0.2
    max_sa: float = 6.0
    max_rotatable_bonds: int = 10
    max_ring_size: int = 8
    conjugated_atoms: tuple[int, int] = (0, 1000)
    min_conjugated_fraction: float = 0.0
    max_unspecified_stereocentres: int = 3
    alerts: tuple[str, ...] = ALERT_CATALOGUES

    def __post_init__(self) -> None:
        # Lists come from TOML; tuples make the rules hashable.
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
        for name in ("heavy_atoms", "conjugated_atoms", "mw", "logp"):
            bounds = getattr(self, name)
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                raise InputError(
                    f"triage rule {name} = {bounds!r}: two numbers are needed, the smaller first"
                )
        table = Chem.GetPeriodicTable()
        known = {table.GetElementSymbol(number) for number in range(1, 119)}
        for symbol in self.elements:
            if symbol not in known:
                raise InputError(f"triage rule elements: {symbol!r} is no chemical element")
        for name in self.alerts:
            if name not in ALERT_CATALOGUES:
                raise InputError(
                    f"triage rule alerts: {name!r} is unknown; choose from {', '.join(ALERT_CATALOGUES)}"
                )


@dataclass(frozen=True)
class Triaged:
    """Outcome of the triage of one molecule.

    Attributes:
        proposed: the SMILES as it came.
        smiles: canonical SMILES of its standard form; None if it could not be read.
        properties: properties of the standard form; None if it was rejected before they were needed.
        reason: why it was rejected, one plain line; None if it is accepted.
        notes: what standardising changed.
    """

    proposed: str
    smiles: str | None
    properties: Properties | None
    reason: str | None
    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the molecule may be passed on."""
        return self.reason is None


def triage(smiles: Sequence[str], rules: TriageRules | None = None) -> list[Triaged]:
    """Triage of a batch, one outcome per SMILES, in order.

    Nothing raises for a bad molecule: a language model's invalid string is a result, not an error.
    """
    chosen = rules or TriageRules()
    return [_triage_one(text, chosen) for text in smiles]


def _triage_one(smiles: str, rules: TriageRules) -> Triaged:
    try:
        molecule, notes = desalted(parse(smiles))
    except InputError as error:
        return Triaged(smiles, None, None, str(error))
    # The cheap rules come first: tautomers, alerts and QED take most of the time.
    reason = _structure_fault(molecule, rules)
    if reason is not None:
        return Triaged(smiles, str(Chem.MolToSmiles(molecule)), None, reason, notes)
    molecule, changed = canonical_tautomer(molecule)
    notes = (*notes, *changed)
    values = properties(molecule)
    reason = _property_fault(values, rules) or _alert(molecule, rules.alerts)
    return Triaged(smiles, str(Chem.MolToSmiles(molecule)), values, reason, notes)


def _structure_fault(molecule: Chem.Mol, rules: TriageRules) -> str | None:
    symbols = {atom.GetSymbol() for atom in molecule.GetAtoms()}
    foreign = sorted(symbols - set(rules.elements))
    if foreign:
        return f"holds {', '.join(foreign)}; allowed are {', '.join(rules.elements)}"
    size = molecule.GetNumHeavyAtoms()
    low, high = rules.heavy_atoms
    if not low <= size <= high:
        return f"{size} heavy atoms; {low} to {high} are allowed"
    charge = Chem.GetFormalCharge(molecule)
    if abs(charge) > rules.max_charge:
        return f"net charge {charge:+d}; at most {rules.max_charge} is allowed"
    if any(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms()):
        return "holds an unpaired electron; closed-shell molecules are needed"
    largest = max((len(ring) for ring in molecule.GetRingInfo().AtomRings()), default=0)
    if largest > rules.max_ring_size:
        return f"a ring of {largest} atoms; at most {rules.max_ring_size} are allowed"
    conjugated = conjugated_atoms(molecule)
    low, high = rules.conjugated_atoms
    if not low <= conjugated <= high:
        return f"{conjugated} conjugated atoms; {low} to {high} are allowed"
    if conjugated < rules.min_conjugated_fraction * size:
        share = rules.min_conjugated_fraction
        return f"{conjugated / size:.2f} of the heavy atoms conjugated; at least {share:g} is needed"
    open_centres = sum(
        info.type == Chem.StereoType.Atom_Tetrahedral and info.specified == Chem.StereoSpecified.Unspecified
        for info in Chem.FindPotentialStereo(molecule)
    )
    if open_centres > rules.max_unspecified_stereocentres:
        limit = rules.max_unspecified_stereocentres
        return f"{open_centres} unspecified stereocentres; at most {limit} are allowed"
    return None


def _property_fault(values: Properties, rules: TriageRules) -> str | None:
    if not rules.mw[0] <= values.mw <= rules.mw[1]:
        return f"molecular weight {values.mw:.1f} g/mol; {rules.mw[0]:g} to {rules.mw[1]:g} are allowed"
    if not rules.logp[0] <= values.logp <= rules.logp[1]:
        return f"log P {values.logp:.2f}; {rules.logp[0]:g} to {rules.logp[1]:g} are allowed"
    if values.rotatable_bonds > rules.max_rotatable_bonds:
        return f"{values.rotatable_bonds} rotatable bonds; at most {rules.max_rotatable_bonds} are allowed"
    if values.sa > rules.max_sa:
        return f"synthetic accessibility {values.sa:.2f}; at most {rules.max_sa:g} is allowed"
    if values.qed < rules.min_qed:
        return f"QED {values.qed:.3f}; at least {rules.min_qed:g} is needed"
    return None


def _alert(molecule: Chem.Mol, catalogues: tuple[str, ...]) -> str | None:
    for name in catalogues:
        match = _catalogue(name).GetFirstMatch(molecule)
        if match is not None:
            return f"structural alert {match.GetDescription()} ({name})"
    return None


@cache
def _catalogue(name: str) -> FilterCatalog:
    parameters = FilterCatalogParams()
    parameters.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(parameters)
