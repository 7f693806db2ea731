"""Small molecules in small active spaces: what each solver makes of them, beside Hartree-Fock and CCSD."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import EvaluationError, InputError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._process import in_own_process

QUANTUM_SOLVERS: tuple[str, ...] = ("uccsd", "lucj", "sqd")


@dataclass(frozen=True)
class SolverComparison:
    """Ground-state energies of one structure in one active space, by method.

    Attributes:
        structure: atoms and positions, Å.
        energies: total energies, Ha: `rhf`, `ccsd`, `exact` and the solvers asked for. A method that failed
            is missing.
        failures: why, for each that is missing.
        spin_square: expectation of S² by solver, 0 for a singlet.
        occupations: natural occupations by solver, the fullest orbital first.
        cost: what each solver took, as `Solution.cost`.
        note: empty, or how Hartree-Fock was brought to converge.
    """

    structure: str
    energies: Mapping[str, float]
    failures: Mapping[str, str]
    spin_square: Mapping[str, float]
    occupations: Mapping[str, tuple[float, ...]]
    cost: Mapping[str, Mapping[str, float | str]]
    note: str = ""

    def error_mha(self, method: str) -> float:
        """Return a method's energy less the exact one, mHa; NaN if the method failed."""
        return (self.energies.get(method, float("nan")) - self.energies["exact"]) * 1e3


def active_hamiltonian(
    structure: str, *, electrons: int, orbitals: int, basis: str = "sto-6g"
) -> ActiveHamiltonian:
    """Return a neutral molecule's active space: the frontier orbitals of restricted Hartree-Fock.

    Args:
        structure: atoms and positions in Å as PySCF reads them, such as "N 0 0 0; N 0 0 1.1".
        electrons: active electrons, an even number; all others stay in the lowest orbitals.
        orbitals: active orbitals, those that follow upon the lowest.
        basis: as PySCF names it.

    Raises:
        InputError: if structure or basis can't be read, or the molecule has fewer electrons or orbitals.
        EvaluationError: if Hartree-Fock doesn't converge.
    """
    ((hamiltonian, _, _),) = _hamiltonians([structure], electrons, orbitals, basis)
    return hamiltonian


def compare_solvers(
    structures: Sequence[str],
    *,
    electrons: int,
    orbitals: int,
    basis: str = "sto-6g",
    solvers: Sequence[str] = QUANTUM_SOLVERS,
    layers: int | None = None,
    shots: int = 100_000,
    seed: int = 0,
) -> list[SolverComparison]:
    """Return the energies of several structures by several solvers, computed in a process of its own.

    Hartree-Fock goes from each structure to the next, so that along a bond it stays on one curve.

    Args:
        structures: as in `active_hamiltonian`, of the same atoms, neighbours next to each other.
        electrons: active electrons.
        orbitals: active orbitals.
        basis: as PySCF names it.
        solvers: of `labkit.quantum`'s solvers `uccsd`, `lucj`, `ucj`, `sqd`; `exact` is always there.
        layers: repetitions of the circuits of `uccsd` and `lucj`; None for each one's default.
        shots: times that `sqd` samples its circuit.
        seed: of the sampling.

    Raises:
        InputError: if a structure, the space or a setting makes no sense, or the space is too large.
        EvaluationError: if Hartree-Fock or the exact solver doesn't converge.
    """
    request = {
        "structures": list(structures),
        "space": {"electrons": electrons, "orbitals": orbitals, "basis": basis},
        "solvers": list(solvers),
        "settings": {"layers": layers, "shots": shots, "seed": seed},
    }
    found = in_own_process(__name__, request, label="comparison of solvers")
    return [SolverComparison(**one) for one in found]


def answer(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the worker makes of a request of `compare_solvers`, both as plain values."""
    spaces = _hamiltonians(request["structures"], **request["space"])
    return [
        asdict(_compare(structure, hamiltonian, rhf, note, request["solvers"], request["settings"]))
        for structure, (hamiltonian, rhf, note) in zip(request["structures"], spaces, strict=True)
    ]


def _compare(
    structure: str,
    hamiltonian: ActiveHamiltonian,
    rhf: float,
    note: str,
    solvers: Sequence[str],
    settings: Mapping[str, Any],
) -> SolverComparison:
    from labkit.quantum._reference import coupled_cluster
    from labkit.quantum._solvers import SolverSettings, solve

    chosen = SolverSettings(**settings)
    solutions = {"exact": solve(hamiltonian)}
    energies, failures = {"rhf": rhf}, {}

    def attempt(method: str, compute: Callable[[], float]) -> None:
        try:
            energies[method] = compute()
        except EvaluationError as error:  # part of what a comparison shows
            failures[method] = str(error)

    def by_solver(method: str) -> float:
        solutions[method] = solve(hamiltonian, method, chosen)
        return solutions[method].energy

    attempt("ccsd", lambda: coupled_cluster(hamiltonian).energy)
    for method in dict.fromkeys(solvers):
        if method != "exact":
            attempt(method, lambda method=method: by_solver(method))  # type: ignore[misc]
    return SolverComparison(
        structure=structure,
        energies={**energies, "exact": solutions["exact"].energy},
        failures=failures,
        spin_square={name: solution.spin_square for name, solution in solutions.items()},
        occupations={name: solution.occupations for name, solution in solutions.items()},
        cost={name: solution.cost for name, solution in solutions.items()},
        note=note,
    )


def _hamiltonians(
    structures: Sequence[str], electrons: int, orbitals: int, basis: str
) -> Iterator[tuple[ActiveHamiltonian, float, str]]:
    """Yield each structure's active space, its Hartree-Fock energy, Ha, and what helped that converge."""
    from pyscf import ao2mo, mcscf, scf

    from labkit.quantum._meanfield import converge

    density: NDArray[np.float64] | None = None
    for structure in structures:
        mol = _molecule(structure, electrons, orbitals, basis)
        # Two densities of unlike size have nothing to tell each other.
        guess = density if density is not None and len(density) == mol.nao else None
        mean_field = scf.RHF(mol)
        mean_field.conv_tol = 1e-11
        converged = converge(mean_field, guess, structure)
        density = converged.density
        space = mcscf.CASCI(converged.mean_field, orbitals, electrons)
        h1e, core = space.get_h1eff()
        eri = ao2mo.restore(1, space.get_h2eff(), orbitals).reshape((orbitals,) * 4)
        yield (
            ActiveHamiltonian(np.asarray(h1e), np.asarray(eri), float(core), (electrons // 2,) * 2),
            float(mean_field.e_tot),
            converged.note,
        )


def _molecule(structure: str, electrons: int, orbitals: int, basis: str) -> Any:
    """Return PySCF's molecule, checked."""
    from pyscf import gto

    try:
        # PySCF also warns of a package that might know the basis; the error below says it all.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mol = gto.M(atom=structure, basis=basis, spin=None, verbose=0)
    except (RuntimeError, KeyError, ValueError, AssertionError, IndexError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"structure {structure[:60]!r} with basis {basis!r}: {reason}; atoms and positions in Å are "
            "wanted, such as 'N 0 0 0; N 0 0 1.1', and a basis that PySCF has"
        ) from None
    if mol.nelectron % 2:
        raise InputError(
            f"structure {structure[:60]!r} has {mol.nelectron} electrons; a closed shell has an even number"
        )
    if electrons % 2 or not 0 < electrons <= mol.nelectron:
        raise InputError(
            f"electrons={electrons}; an even number from 2 to the molecule's {mol.nelectron} is wanted"
        )
    most = mol.nao - (mol.nelectron - electrons) // 2
    if not electrons // 2 < orbitals <= most:
        raise InputError(
            f"orbitals={orbitals}; {electrons} active electrons leave from {electrons // 2 + 1} to {most} "
            f"in basis {basis!r}"
        )
    return mol
