import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.store import Cache, cache_folder, content_key


def test_keys_stay_what_they_were() -> None:
    # Computed with `printf '["docking","1",{"smiles":"CCO"},{"a":1,"b":2.5}]' | sha256sum`: keys of results
    # that users have cached must not change.
    expected = "56149d01d9467ac0414d2e019fc3fde1a275addddf36bda4b756d44b0b922feb"
    assert content_key("docking", "1", {"smiles": "CCO"}, {"b": 2.5, "a": 1}) == expected


_VALUES = st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.booleans()
_SETTINGS = st.dictionaries(st.text(max_size=5), _VALUES, max_size=4)


@settings(deadline=None)
@given(asked=_SETTINGS)
def test_the_order_of_settings_does_not_matter(asked: dict[str, object]) -> None:
    turned = dict(reversed(asked.items()))
    assert content_key("o", "1", {}, asked) == content_key("o", "1", {}, turned)


def test_every_part_of_the_question_matters() -> None:
    keys = {
        content_key("dock", "1", {"smiles": "C"}, {"seed": 0}),
        content_key("dock", "2", {"smiles": "C"}, {"seed": 0}),
        content_key("pull", "1", {"smiles": "C"}, {"seed": 0}),
        content_key("dock", "1", {"smiles": "N"}, {"seed": 0}),
        content_key("dock", "1", {"smiles": "C"}, {"seed": 1}),
        content_key("dock", "1", {"smiles": "C"}, {}),
    }
    assert len(keys) == 6


def test_a_result_comes_back_and_an_unknown_one_is_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get("ab12") is None
    result = {"status": "done", "result": {"energy": -7.25, "notes": ["π"]}}
    cache.put("ab12", result)
    assert Cache(tmp_path).get("ab12") == result


@pytest.mark.parametrize("damage", [b"", b'{"status": "do', b"\xff\xfe\x00", b"[1, 2]", b"7"])
def test_a_damaged_entry_counts_as_absent_and_is_mended(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path)
    cache.put("ab12", {"status": "done"})
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    entry.write_bytes(damage)
    assert cache.get("ab12") is None
    cache.put("ab12", {"status": "done"})
    assert cache.get("ab12") == {"status": "done"}


def test_the_environment_says_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    Cache().put("ab12", {"n": 1})
    assert [path.name for path in (tmp_path / "here").rglob("*.json")] == ["ab12.json"]
    monkeypatch.delenv("LABKIT_CACHE")
    assert cache_folder().name == "labkit"


_WRITER = """
import sys
from pathlib import Path
from labkit.store import Cache
cache, name = Cache(Path(sys.argv[1])), sys.argv[2]
for _ in range(30):
    cache.put("shared", {"text": "x" * 5000})
    cache.put(name, {"writer": name})
"""


def test_processes_that_write_at_once_damage_nothing(tmp_path: Path) -> None:
    names = ["first", "second", "third"]
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), name]) for name in names]
    cache, seen = Cache(tmp_path), 0
    while any(writer.poll() is None for writer in writers):
        found = cache.get("shared")
        assert found in (None, {"text": "x" * 5000})
        seen += found is not None
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert seen > 0
    assert [cache.get(name) for name in names] == [{"writer": name} for name in names]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            json.loads(file.read_text())  # nothing half-written is left
