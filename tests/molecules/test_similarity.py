import itertools

import pytest

from labkit.errors import InputError
from labkit.molecules import fingerprint, internal_diversity, murcko_scaffold, nearest, tanimoto


def test_tanimoto_counts_shared_environments() -> None:
    a, b = (set(fingerprint(smiles).GetOnBits()) for smiles in ("CCO", "CCN"))
    assert tanimoto("CCO", "CCN") == pytest.approx(len(a & b) / len(a | b))
    assert tanimoto("OCC", "CCO") == 1.0


def test_counts_see_what_bits_do_not() -> None:
    assert fingerprint("CCCCCCCC") == fingerprint("CCCCCCCCC")
    assert fingerprint("CCCCCCCC", counts=True) != fingerprint("CCCCCCCCC", counts=True)


def test_nearest_finds_the_closest_reference() -> None:
    assert nearest(["Oc1ccccc1C"], ["CCCC", "Cc1ccccc1O", "c1ccccc1"]) == [(1, 1.0)]
    with pytest.raises(InputError, match="at least one"):
        nearest(["C"], [])


def test_internal_diversity_is_the_mean_distance_of_all_ordered_pairs() -> None:
    smiles = ["CCO", "c1ccccc1", "CC(=O)N", "CCCN", "C1CCNCC1"]
    prints = {s: set(fingerprint(s, size=1024).GetOnBits()) for s in smiles}
    distances = [
        1 - len(prints[a] & prints[b]) / len(prints[a] | prints[b])
        for a, b in itertools.product(smiles, repeat=2)
    ]
    assert internal_diversity(smiles) == pytest.approx(sum(distances) / len(distances))
    assert internal_diversity(["CCO", "OCC"]) == 0.0
    with pytest.raises(InputError, match="empty set"):
        internal_diversity([])


def test_murcko_scaffold_drops_side_chains() -> None:
    assert murcko_scaffold("CCOc1ccc(CC2CCNCC2)cc1") == "c1ccc(CC2CCNCC2)cc1"
    assert murcko_scaffold("CCCO") == ""
