import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import Crippen, rdFingerprintGenerator

from labkit.generative._surrogate import Surrogate, fingerprint, matrix, tanimoto
from labkit.molecules import load_zinc250k

MOLECULES = [Chem.MolFromSmiles(text) for text in load_zinc250k()[:300]]
BITS = [fingerprint(molecule) for molecule in MOLECULES]
LOG_P = [Crippen.MolLogP(molecule) for molecule in MOLECULES]


def test_similarity_is_rdkits() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=3, fpSize=4096, countSimulation=True)
    ours = [generator.GetFingerprint(molecule) for molecule in MOLECULES[:20]]
    expected = [DataStructs.BulkTanimotoSimilarity(one, ours) for one in ours]
    np.testing.assert_allclose(tanimoto(matrix(BITS[:20]), matrix(BITS[:20])), expected, rtol=1e-12)


def test_counts_tell_chains_of_different_length_apart() -> None:
    short, long = (fingerprint(Chem.MolFromSmiles("C" * n)) for n in (8, 14))
    assert tanimoto(matrix([short]), matrix([long]))[0, 0] < 1


def test_predictions_are_the_posterior_of_a_gaussian_process() -> None:
    known, asked = BITS[:60], BITS[60:80]
    model = Surrogate.fit(known, LOG_P[:60])
    mean, deviation = model.predict(asked)
    # The textbook's formulas, by an inverse, with the noise that the model has chosen.
    kernel, cross = tanimoto(matrix(known), matrix(known)), tanimoto(matrix(asked), matrix(known))
    noise = float(np.square(model.factor[0, 0])) - 1.0
    inverse = np.linalg.inv(kernel + noise * np.eye(60))
    values = np.array(LOG_P[:60])
    expected = values.mean() + cross @ inverse @ (values - values.mean())
    np.testing.assert_allclose(mean, expected, rtol=1e-8)
    shape = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross)
    scale = (values - values.mean()) @ inverse @ (values - values.mean()) / 60
    np.testing.assert_allclose(deviation, np.sqrt(scale * shape), rtol=1e-6)


def test_it_predicts_what_the_structure_determines_and_knows_how_well() -> None:
    mean, deviation = Surrogate.fit(BITS[:200], LOG_P[:200]).predict(BITS[200:])
    truth = np.array(LOG_P[200:])
    assert np.corrcoef(mean, truth)[0, 1] > 0.6
    assert 0.85 < np.mean(np.abs(mean - truth) < 2 * deviation) <= 1.0
    again, sure = Surrogate.fit(BITS[:200], LOG_P[:200]).predict(BITS[:5])
    assert np.abs(again - LOG_P[:5]).max() < 0.5
    assert sure.max() < deviation.min()


@pytest.mark.parametrize("scores", [[0.3] * 10, [0.0] * 10])
def test_equal_scores_are_predicted_everywhere(scores: list[float]) -> None:
    mean, deviation = Surrogate.fit(BITS[:10], scores).predict(BITS[10:20])
    np.testing.assert_allclose(mean, scores[0], atol=1e-9)
    assert np.isfinite(deviation).all()
