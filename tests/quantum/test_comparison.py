"""Solvers side by side agree with published energies, fail where they must, and say so."""

import math

import pytest
from pyscf import scf

from labkit.errors import InputError
from labkit.quantum import SolverComparison, active_hamiltonian, compare_solvers
from labkit.quantum._comparison import answer
from labkit.quantum._reference import exact_energy

NITROGEN = "N 0 0 0; N 0 0 {}"


@pytest.fixture(scope="module")
def pulled_apart() -> list[SolverComparison]:
    bond = [NITROGEN.format(length) for length in (1.0, 1.8, 2.2)]
    return compare_solvers(bond, electrons=6, orbitals=6, solvers=["uccsd"], layers=2)


def test_nitrogen_at_one_angstrom_has_the_energy_that_ffsim_publishes(
    pulled_apart: list[SolverComparison],
) -> None:
    # ffsim's documentation, "LUCJ circuit optimization": N2, STO-6G, (6e,6o), FCI.
    assert pulled_apart[0].energies["exact"] == pytest.approx(-108.56684, abs=1e-5)


def test_pulled_apart_hartree_fock_and_ccsd_fail_and_the_circuit_does_not(
    pulled_apart: list[SolverComparison],
) -> None:
    near, far, farthest = pulled_apart
    assert near.error_mha("rhf") > 50 and abs(near.error_mha("ccsd")) < 2
    assert far.error_mha("rhf") > 4 * near.error_mha("rhf")
    assert far.error_mha("ccsd") < -5  # below the truth: coupled cluster isn't variational
    for one in pulled_apart:
        assert -1e-4 < one.error_mha("uccsd") < 3
        assert one.spin_square["exact"] == pytest.approx(0, abs=1e-6)
        assert sum(one.occupations["exact"]) == pytest.approx(6)
    assert "ccsd" not in farthest.energies and "didn't converge" in farthest.failures["ccsd"]
    assert math.isnan(farthest.error_mha("ccsd"))


def test_the_bond_breaks_into_half_filled_orbitals(pulled_apart: list[SolverComparison]) -> None:
    departures = [max(min(x, 2 - x) for x in one.occupations["exact"]) for one in pulled_apart]
    assert departures == sorted(departures)
    assert departures[0] < 0.1 and departures[-1] > 0.8


def test_what_helped_the_scf_is_told(
    pulled_apart: list[SolverComparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pulled_apart[0].note == ""
    monkeypatch.setattr(scf.hf.SCF, "max_cycle", 1)
    space = {"electrons": 2, "orbitals": 2, "basis": "sto-6g"}
    request = {"structures": [NITROGEN.format(1.0)], "space": space, "solvers": [], "settings": {}}
    (one,) = answer(request)
    assert one["note"] == "N 0 0 0; N 0 0 1.0: SCF converged only with a level shift"


def test_hydrogen_has_its_textbook_energy() -> None:
    # Szabo, Ostlund, Modern Quantum Chemistry, table 4.3 and section 3.8: H2 at 1.4 Bohr, STO-3G.
    hydrogen = active_hamiltonian("H 0 0 0; H 0 0 0.74085", electrons=2, orbitals=2, basis="sto-3g")
    assert exact_energy(hydrogen) == pytest.approx(-1.1373, abs=1e-4)


@pytest.mark.parametrize(
    ("structure", "settings", "told"),
    [
        (
            "N 0 0 0; N 0 0 1.1",
            {"electrons": 6, "orbitals": 7},
            "orbitals=7; 6 active electrons leave",
        ),
        (
            "N 0 0 0; N 0 0 1.1",
            {"electrons": 16, "orbitals": 9},
            "electrons=16; an even number from 2",
        ),
        ("N 0 0 0; N 0 0 1.1", {"electrons": 5, "orbitals": 6}, "electrons=5; an even number"),
        ("N 0 0 0", {"electrons": 2, "orbitals": 3}, "has 7 electrons; a closed shell"),
        ("Xy 0 0 0", {"electrons": 2, "orbitals": 3}, "structure 'Xy 0 0 0' with basis 'sto-6g'"),
        ("Nonsense", {"electrons": 2, "orbitals": 3}, "atoms and positions in Å are wanted"),
        ("He 0 0 0", {"electrons": 2, "orbitals": 2, "basis": "sto-nix"}, "basis 'sto-nix'"),
    ],
)
def test_what_makes_no_sense_is_refused(structure: str, settings: dict[str, int], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        active_hamiltonian(structure, **settings)
    assert "\n" not in str(refused.value)
