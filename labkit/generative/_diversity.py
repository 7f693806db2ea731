"""A memory of scaffolds: what has been found often enough is worth nothing any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold


def murcko_scaffold(smiles: str) -> str:
    """Rings and what links them (Bemis, Murcko 1996, doi:10.1021/jm9602928); empty without rings."""
    return str(MurckoScaffold.MurckoScaffoldSmiles(mol=Chem.MolFromSmiles(smiles)))


@dataclass
class ScaffoldMemory:
    """Counts good molecules by scaffold (Blaschke et al. 2020, doi:10.1186/s13321-020-00473-0).

    Attributes:
        bucket: so many good molecules of a scaffold keep their score, later ones get 0; with 0 all keep it.
        good: score from which on a molecule is counted.
    """

    bucket: int
    good: float
    _found: Counter[str] = field(default_factory=Counter)

    def worth(self, smiles: str, score: float) -> float:
        """The score that the search is told for a new molecule."""
        if not self.bucket or score < self.good:
            return score
        scaffold = murcko_scaffold(smiles)
        if self._found[scaffold] >= self.bucket:
            return 0.0
        self._found[scaffold] += 1
        return score

    def recall(self, told: Mapping[str, float]) -> None:
        """Count what was told before, by ``worth``'s own answers."""
        self._found.clear()
        if self.bucket:
            self._found.update(murcko_scaffold(text) for text, score in told.items() if score >= self.good)
