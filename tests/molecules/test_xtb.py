import numpy as np
import pytest

from labkit.errors import InputError
from labkit.molecules import relax_hydrogens, xtb_energy

WATER = (["O", "H", "H"], [[0.0, 0.0, 0.0], [1.1, 0.0, 0.0], [-0.3, 1.0, 0.0]])


def test_relaxed_water_has_the_published_gfn2_energy(capfd: pytest.CaptureFixture[str]) -> None:
    symbols, start = WATER
    relaxed = relax_hydrogens(symbols, start, max_force=1e-4)
    # documentation of xtb, "Geometry optimisation": −5.070544 hartree for the optimised molecule
    assert xtb_energy(symbols, relaxed) == pytest.approx(-5.070544, abs=2e-6)
    assert (relaxed[0] == 0.0).all()
    assert np.linalg.norm(relaxed[1] - relaxed[0]) == pytest.approx(0.959, abs=0.005)
    assert capfd.readouterr() == ("", "")


def test_energies_of_far_molecules_add_up() -> None:
    symbols, positions = WATER
    far = np.add(positions, [0.0, 0.0, 60.0])
    pair = xtb_energy(symbols * 2, np.vstack([positions, far]))
    assert pair == pytest.approx(2 * xtb_energy(symbols, positions), abs=1e-6)


def test_water_stabilises_an_ion() -> None:
    hydroxide = (["O", "H"], [[0, 0, 0], [0, 0, 0.97]])
    assert xtb_energy(*hydroxide, -1, solvent="water") < xtb_energy(*hydroxide, -1) - 0.05


def test_nothing_moves_where_there_is_no_hydrogen() -> None:
    start = [[0.0, 0.0, 0.0], [0.0, 0.0, 1.3]]
    assert (relax_hydrogens(["C", "O"], start) == start).all()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((["O", "H"], [[0, 0, 0], [0, 0, 1]]), "9 electrons at charge"),
        ((["O", "H"], [[0, 0, 0]], -1), r"shape \(1, 3\)"),
        ((["O", "H"], [[0, 0, 0], [0, 0, float("nan")]], -1), "finite"),
        ((["O", "Xx"], [[0, 0, 0], [0, 0, 1]]), "no chemical element"),
    ],
)
def test_malformed_input_is_refused(arguments: tuple[object, ...], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        xtb_energy(*arguments)  # type: ignore[arg-type]
