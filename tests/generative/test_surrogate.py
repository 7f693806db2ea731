import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import Crippen, rdFingerprintGenerator

from labkit.generative._surrogate import Features, Surrogate, matern, matrix, resemblance
from labkit.molecules import load_zinc250k

_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)
MOLECULES = [Chem.MolFromSmiles(text) for text in load_zinc250k()[:300]]
FEATURES = [Features.of(molecule) for molecule in MOLECULES]
RESEMBLANCE = DataStructs.BulkTanimotoSimilarity(
    _MORGAN.GetSparseCountFingerprint(MOLECULES[7]), [_MORGAN.GetSparseCountFingerprint(m) for m in MOLECULES]
)
LOG_P = [Crippen.MolLogP(molecule) for molecule in MOLECULES]

REFERENCES = {"tanimoto": DataStructs.BulkTanimotoSimilarity, "cosine": DataStructs.BulkCosineSimilarity}


def _rows(features: list[Features]) -> np.ndarray:
    return matrix([one.bits for one in features])


def test_similarity_is_rdkits() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=4096, countSimulation=True)
    ours = [generator.GetFingerprint(molecule) for molecule in MOLECULES[:20]]
    rows = _rows(FEATURES[:20])
    for form, reference in REFERENCES.items():
        expected = [reference(one, ours) for one in ours]
        np.testing.assert_allclose(resemblance(form, rows, rows), expected, rtol=1e-12)


def test_counts_tell_chains_of_different_length_apart() -> None:
    short, long = (_rows([Features.of(Chem.MolFromSmiles("C" * n))]) for n in (8, 14))
    assert resemblance("tanimoto", short, long)[0, 0] < 1


def test_matern_kernel_is_the_one_of_the_book() -> None:
    # Rasmussen, Williams 2006, eq. 4.17.
    np.testing.assert_allclose(matern(np.array([0.0, 0.5, 2.0])), [1.0, 0.7848876, 0.13973135], rtol=1e-6)


@pytest.mark.parametrize("scores", [LOG_P, RESEMBLANCE], ids=["log P", "resemblance"])
def test_predictions_are_the_posterior_of_a_gaussian_process(scores: list[float]) -> None:
    known, asked = FEATURES[:60], FEATURES[60:80]
    model = Surrogate.fit(known, scores[:60])
    mean, deviation = model.predict(asked)
    # The textbook's formulas, by an inverse, with the kernel and noise that the model has chosen.
    raw = np.array([one.descriptors for one in FEATURES[:80]])
    spread = raw[:60].std(0)
    places = np.clip((raw - raw[:60].mean(0)) / np.where(spread == 0, 1, spread), -5, 5)
    near = matern(np.linalg.norm(places[:, None] - places[None, :60], axis=2) / model.length)
    whole = (
        model.share * resemblance(model.form, _rows(FEATURES[:80]), _rows(known)) + (1 - model.share) * near
    )
    kernel, cross = whole[:60], whole[60:]
    noise = float(np.square(model.process.factor[0, 0])) - 1.0
    inverse = np.linalg.inv(kernel + noise * np.eye(60))
    values = np.array(scores[:60])
    expected = values.mean() + cross @ inverse @ (values - values.mean())
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    shape = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross)
    scale = (values - values.mean()) @ inverse @ (values - values.mean()) / 60
    np.testing.assert_allclose(deviation, np.sqrt(scale * shape), rtol=1e-5)
    again, covariance = model.posterior(asked)
    raw_asked = places[60:]
    own = model.share * resemblance(model.form, _rows(asked), _rows(asked)) + (1 - model.share) * matern(
        np.linalg.norm(raw_asked[:, None] - raw_asked[None], axis=2) / model.length
    )
    np.testing.assert_array_equal(again, mean)
    np.testing.assert_allclose(covariance, scale * (own - cross @ inverse @ cross.T), rtol=1e-4, atol=1e-9)


def test_the_likelihood_tells_composition_from_resemblance() -> None:
    atoms = [float(molecule.GetNumHeavyAtoms()) for molecule in MOLECULES]
    assert Surrogate.fit(FEATURES, atoms).share < 0.5 <= Surrogate.fit(FEATURES, RESEMBLANCE).share


def test_it_predicts_what_the_structure_determines_and_knows_how_well() -> None:
    mean, deviation = Surrogate.fit(FEATURES[:200], LOG_P[:200]).predict(FEATURES[200:])
    truth = np.array(LOG_P[200:])
    assert np.corrcoef(mean, truth)[0, 1] > 0.6
    assert 0.85 < np.mean(np.abs(mean - truth) < 2 * deviation) <= 1.0
    again, sure = Surrogate.fit(FEATURES[:200], LOG_P[:200]).predict(FEATURES[:5])
    assert np.abs(again - LOG_P[:5]).max() < 0.5
    assert sure.max() < deviation.min()


@pytest.mark.parametrize("scores", [[0.3] * 10, [0.0] * 10])
def test_equal_scores_are_predicted_everywhere(scores: list[float]) -> None:
    mean, deviation = Surrogate.fit(FEATURES[:10], scores).predict(FEATURES[10:20])
    np.testing.assert_allclose(mean, scores[0], atol=1e-9)
    assert np.isfinite(deviation).all()
