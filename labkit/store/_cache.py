"""Results shared by all runs of a user, found by the content of what was asked."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import platformdirs

from labkit.store._arrays import write_atomically


def content_key(name: str, version: str, inputs: Any, settings: Any) -> str:
    """SHA-256 (hex) of an oracle's name and version, its canonical inputs and its settings."""
    text = json.dumps([name, version, inputs, settings], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def cache_folder() -> Path:
    """The user's cache folder, or where ``LABKIT_CACHE`` says."""
    return Path(os.environ.get("LABKIT_CACHE") or platformdirs.user_cache_dir("labkit"))


class Cache:
    """A folder of JSON results, one file a key. Any number of processes may use it at once."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or cache_folder() / "results"

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> dict[str, Any] | None:
        """The result kept under ``key``; a damaged one counts as absent and is computed again."""
        try:
            result = json.loads(self._file(key).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return result if isinstance(result, dict) else None

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Keeps a result; the last writer wins, and writes the same."""
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(result))
