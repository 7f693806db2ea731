import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.generative import Vocabulary
from labkit.generative._vocabulary import END, PAD, START, tokenize
from labkit.molecules import load_zinc250k

ZINC = load_zinc250k()
VOCABULARY = Vocabulary.from_smiles(ZINC)


@settings(deadline=None)
@given(smiles=st.lists(st.sampled_from(ZINC), min_size=1, max_size=5), padding=st.integers(0, 7))
def test_strings_survive_encoding(smiles: list[str], padding: int) -> None:
    assert ["".join(tokenize(text)) for text in smiles] == smiles
    longest = max(len(tokenize(text)) for text in smiles) + 2
    encoded = VOCABULARY.encode(smiles, longest + padding)
    assert encoded.shape == (len(smiles), longest + padding) and encoded.dtype == np.int32
    assert VOCABULARY.decode(encoded) == smiles
    assert (encoded[:, 0] == START).all() and ((encoded == END).sum(1) == 1).all()
    for row, text in zip(encoded, smiles, strict=True):
        assert (row[len(tokenize(text)) + 2 :] == PAD).all()


def test_tokens_are_atoms_bonds_rings_and_branches() -> None:
    assert tokenize("C[C@@H](Br)c1cc(Cl)[nH]c1%12") == [
        *("C", "[C@@H]", "(", "Br", ")", "c", "1", "c", "c", "(", "Cl", ")", "[nH]", "c", "1", "%12"),
    ]


def test_the_vocabulary_of_zinc_is_small_and_leaves_rare_tokens_out_on_request() -> None:
    assert 40 < len(VOCABULARY) < 100
    common = Vocabulary.from_smiles(ZINC[:5000], min_count=50)
    assert set(common.tokens) < set(VOCABULARY.tokens)
    assert common.can_write("CCO") and not common.can_write("[Zn]")


def test_what_the_model_cannot_write_is_named_with_its_place() -> None:
    with pytest.raises(InputError, match=r"^SMILES 2 of 3, 'C\[Zn\]C': the model can't write '\[Zn\]'$"):
        VOCABULARY.encode(["CC", "C[Zn]C", "C"])
    with pytest.raises(InputError, match="a SMILES of 6 tokens doesn't fit into 5"):
        VOCABULARY.encode(["CC", "CCCC"], 5)


def test_decoding_stops_at_the_end_token() -> None:
    c, o = VOCABULARY.index["C"], VOCABULARY.index["O"]
    rows = np.array([[START, c, o, END, c], [START, END, c, c, c], [START, c, c, c, o]])
    assert VOCABULARY.decode(rows) == ["CO", "", "CCCO"]


@pytest.mark.parametrize("tokens", [("C",), ("<pad>", "<start>", "<end>", "C", "C")])
def test_a_wrong_vocabulary_is_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="holds no token twice"):
        Vocabulary(tokens)
