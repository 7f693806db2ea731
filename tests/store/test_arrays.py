from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labkit.errors import InputError
from labkit.store import load_arrays, save_arrays, write_atomically

_DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_])
_ARRAYS = _DTYPES.flatmap(lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))


@settings(max_examples=40, deadline=None)  # each writes to the disk
@given(arrays=st.dictionaries(st.text(min_size=1, max_size=9), _ARRAYS, max_size=3), note=st.text())
def test_arrays_come_back_as_they_were_saved(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], note: str
) -> None:
    file = tmp_path_factory.mktemp("arrays") / "file.safetensors"
    arrays.pop("__metadata__", None)
    save_arrays(file, arrays, {"note": note})
    read, metadata = load_arrays(file)
    assert metadata == {"note": note}
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        # Shape and type too: a scalar once came back as a row of one.
        assert (read[name].shape, read[name].dtype) == (array.shape, array.dtype)
        assert read[name].tobytes() == array.tobytes()


def test_arrays_of_any_memory_order_come_back(tmp_path: Path) -> None:
    grid = np.arange(12.0).reshape(3, 4)
    save_arrays(tmp_path / "f", {"turned": grid.T, "every_second": grid[:, ::2]}, {})
    read, _ = load_arrays(tmp_path / "f")
    np.testing.assert_array_equal(read["turned"], grid.T)
    np.testing.assert_array_equal(read["every_second"], grid[:, ::2])


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "checkpoint.safetensors"
    save_arrays(file, {"weights": np.ones(100)}, {})
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors' is no whole safetensors file") as caught:
        load_arrays(file)
    assert "\n" not in str(caught.value)


def test_a_file_of_something_else_and_a_missing_one_are_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tensors at all, but long enough to hold a header")
    with pytest.raises(InputError, match="no whole safetensors file"):
        load_arrays(tmp_path / "text")
    with pytest.raises(InputError, match=r"no file '.*absent'"):
        load_arrays(tmp_path / "absent")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state"
    write_atomically(file, "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new and longer")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_replaces_the_whole_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "f", "a long old content")
    write_atomically(tmp_path / "f", b"\x00new")
    assert (tmp_path / "f").read_bytes() == b"\x00new"
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]
