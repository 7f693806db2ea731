"""Truncated, local unitary cluster Jastrow circuits (LUCJ): shallow enough for noise and for real machines.

Locality: Motta et al. 2023, doi:10.1039/D3SC02516K. Spin up lies along one row of qubits and spin down along
the next, so that what remains of the Jastrow factor acts between neighbours.
"""

from __future__ import annotations

import ffsim
import numpy as np

from labkit.errors import InputError
from labkit.quantum._circuit import UcjCircuit, compile_ucj
from labkit.quantum._reference import CoupledCluster

LOCALITIES: tuple[str, ...] = ("square", "heavy-hex", "all")


def lucj_circuit(amplitudes: CoupledCluster, *, repetitions: int = 2, locality: str = "square") -> UcjCircuit:
    """Return the state that the largest terms of the CCSD amplitudes give, cut to what a lattice can do.

    Nothing is optimised: with one to three repetitions the state is 3 to 21 mHa above the exact one. It is
    a source of samples and a measure of machines, no ansatz for energies by itself.

    Args:
        amplitudes: CCSD of a closed shell.
        repetitions: terms of the double factorisation that are kept, the largest first.
        locality: `square` couples neighbouring orbitals of like spin and the same orbital of both spins;
            `heavy-hex` the latter at every fourth orbital only; `all` restricts nothing.

    Raises:
        InputError: if there is no repetition or the locality is unknown.
    """
    if repetitions < 1:
        raise InputError(f"repetitions={repetitions}; at least 1 is wanted")
    filled, nvirt = amplitudes.t1.shape
    norb = filled + nvirt
    operator = ffsim.UCJOpSpinBalanced.from_t_amplitudes(
        amplitudes.t2,
        t1=amplitudes.t1,
        n_reps=repetitions,
        interaction_pairs=interaction_pairs(norb, locality),
    )
    return compile_ucj(operator, norb, (filled, filled))


def interaction_pairs(norb: int, locality: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs of orbitals p ≤ q that interact: of like spin, and of unlike spin."""
    if locality not in LOCALITIES:
        raise InputError(f"locality {locality!r} doesn't exist; choose one of {', '.join(LOCALITIES)}")
    if locality == "all":
        every = [(p, q) for p in range(norb) for q in range(p, norb)]
        return every, every
    stride = 4 if locality == "heavy-hex" else 1
    return [(p, p + 1) for p in range(norb - 1)], [(p, p) for p in range(0, norb, stride)]


def random_amplitudes(norb: int, filled: int) -> CoupledCluster:
    """Return amplitudes without chemistry, for circuits of which only the size matters.

    Which gates an LUCJ circuit has follows from its numbers of orbitals and electrons; amplitudes are angles.

    Raises:
        InputError: if no orbital is filled or none is empty.
    """
    if not 0 < filled < norb:
        raise InputError(f"{filled} filled orbitals of {norb}; at least one filled and one empty are wanted")
    random = np.random.default_rng(0)
    t1 = random.normal(size=(filled, norb - filled))
    t2 = random.normal(size=(filled, filled, norb - filled, norb - filled))
    return CoupledCluster(energy=np.nan, t1=t1, t2=t2 + t2.transpose(1, 0, 3, 2))
