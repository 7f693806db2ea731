"""Trees of arrays (networks, optimiser states) as named arrays and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import InputError


def flatten(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The leaves of a tree by their path."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {prefix + jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def unflatten(template: Any, arrays: Mapping[str, np.ndarray], prefix: str = "") -> Any:
    """A tree like ``template`` with the given leaves.

    Raises:
        InputError: if a leaf is missing or of another shape.
    """

    def leaf(path: Any, old: Any) -> jax.Array:
        name = prefix + jax.tree_util.keystr(path)
        new = arrays.get(name)
        if new is None or np.shape(new) != np.shape(old):
            found = "missing" if new is None else f"of shape {np.shape(new)}"
            raise InputError(f"the stored state doesn't fit: '{name}' {np.shape(old)} is {found}")
        return jnp.asarray(new)

    return jax.tree_util.tree_map_with_path(leaf, template)
