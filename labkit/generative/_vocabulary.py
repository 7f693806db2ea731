"""SMILES strings as sequences of atom-level tokens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labkit.errors import InputError

PAD, START, END = 0, 1, 2
_SPECIAL = ("<pad>", "<start>", "<end>")
# One token each: bracket atoms, the two-letter organic elements, two-digit ring closures, all else.
_TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|%\d\d|.")


def tokenize(smiles: str) -> list[str]:
    """The atom-level tokens of a SMILES; joined again they give it back."""
    return _TOKEN.findall(smiles)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that a language model can write, in a fixed order.

    Attributes:
        tokens: the special tokens ``<pad>``, ``<start>``, ``<end>``, then those of the training data.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.tokens[:3] != _SPECIAL or len(set(self.tokens)) != len(self.tokens):
            raise InputError(f"a vocabulary starts with {_SPECIAL} and holds no token twice")

    @classmethod
    def from_smiles(cls, smiles: Iterable[str], min_count: int = 1) -> Vocabulary:
        """The vocabulary of the tokens that occur at least ``min_count`` times."""
        counts = Counter(token for text in smiles for token in tokenize(text))
        return cls(_SPECIAL + tuple(sorted(token for token, n in counts.items() if n >= min_count)))

    @cached_property
    def index(self) -> dict[str, int]:
        """Token to its number."""
        return {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def can_write(self, smiles: str) -> bool:
        """Whether every token of the SMILES is known."""
        return all(token in self.index for token in tokenize(smiles))

    def encode(self, smiles: Sequence[str], length: int | None = None) -> np.ndarray:
        """Token numbers, int32 (n, length): start, tokens, end, then padding.

        Args:
            smiles: the strings.
            length: number of columns; the longest string's by default.

        Raises:
            InputError: if a string holds an unknown token or doesn't fit into ``length``.
        """
        rows = []
        for i, text in enumerate(smiles):
            try:
                rows.append([START, *(self.index[token] for token in tokenize(text)), END])
            except KeyError as error:
                raise InputError(
                    f"SMILES {i + 1} of {len(smiles)}, '{text}': the model can't write {error.args[0]!r}"
                ) from None
        longest = max(map(len, rows), default=2)
        length = longest if length is None else length
        if longest > length:
            raise InputError(f"a SMILES of {longest} tokens doesn't fit into {length}")
        encoded = np.full((len(rows), length), PAD, np.int32)
        for row, numbers in zip(encoded, rows, strict=True):
            row[: len(numbers)] = numbers
        return encoded

    def decode(self, encoded: np.ndarray) -> list[str]:
        """Strings of token numbers (n, length), each read up to its end token."""
        texts = []
        for row in np.asarray(encoded):
            stop = np.flatnonzero(row == END)
            body = row[: stop[0]] if stop.size else row
            texts.append("".join(self.tokens[i] for i in body if i > END))
        return texts
