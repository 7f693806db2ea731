import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._swf import read_swf
from labkit.errors import InputError
from labkit.store import data_path

HEADER = "; Version: 2.2\n; Computer: a machine\n; MaxNodes: 4 (of 2 processors)\n; MaxProcs: 8\n;\n\n"


def line(**values: object) -> str:
    fields = {
        "number": 1, "submit": 5, "wait": -1, "run": 7, "allocated": 2, "cpu": -1, "memory": -1, "wanted": -1,
        "limit": 9, "wanted_memory": -1, "status": 1, "user": 3, "group": -1, "executable": -1, "queue": -1,
        "partition": -1, "preceding": -1, "think": -1,
    }  # fmt: skip
    return " ".join(map(str, (fields | values).values())) + "\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "trace.swf"
    path.write_text(text)
    return path


def test_fields_are_where_the_format_has_them(tmp_path: Path) -> None:
    text = HEADER + line() + line(number=2, submit=6.5, allocated=-1, wanted=3, limit=-1, user=-1)
    trace = read_swf(write(tmp_path, text))
    jobs = trace.jobs
    np.testing.assert_array_equal(jobs.submit_s, [5, 6.5])
    np.testing.assert_array_equal(jobs.run_s, [7, 7])
    np.testing.assert_array_equal(jobs.nodes, [2, 3])
    np.testing.assert_array_equal(jobs.requested_s, [9, 7])
    np.testing.assert_array_equal(jobs.user, [3, -1])
    np.testing.assert_array_equal(jobs.id, [1, 2])
    assert (trace.left_out, trace.processors, trace.header["Computer"]) == (0, 8, "a machine")


def test_jobs_that_cannot_be_simulated_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "".join(
        [
            line(),
            line(run=0),
            line(run=-1),
            line(allocated=0),
            line(allocated=-1),
            line(submit=-1),
            line(number=7),
        ]
    )
    trace = read_swf(write(tmp_path, text))
    assert trace.left_out == 5
    np.testing.assert_array_equal(trace.jobs.id, [1, 7])


@pytest.mark.parametrize(
    ("label", "size"), [("MaxNodes: 4 (of 2 processors)", 4), ("MaxProcs: -1", None), ("Note: x", None)]
)
def test_the_size_of_the_machine_is_in_the_header_or_unknown(
    tmp_path: Path, label: str, size: int | None
) -> None:
    assert read_swf(write(tmp_path, f"; {label}\n" + line())).processors == size


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    plain = write(tmp_path, HEADER + line())
    packed = tmp_path / "packed.txt"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    np.testing.assert_array_equal(read_swf(packed).jobs.run_s, read_swf(plain).jobs.run_s)


def test_the_shipped_trace_is_the_archive_s() -> None:
    before = time.process_time()
    trace = read_swf(data_path("cluster", "traces", "LCG.swf.gz"))
    assert time.process_time() - before < 2
    # Header: MaxJobs 188041, MaxProcs 24515; by awk: 521 without a run time, all of one processor.
    assert len(trace.jobs) + trace.left_out == int(trace.header["MaxJobs"]) == 188_041
    assert (trace.left_out, trace.processors, trace.jobs.nodes.max()) == (521, 24_515, 1)
    assert trace.jobs.submit_s[-1] == 950_392
    assert trace.header["Acknowledge"] == "Hui Li"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line().replace(" -1\n", "\n"), "line 8: has 17 fields; 18 are wanted"),
        ("17\n", "line 8: has 1 field; 18 are wanted"),
        (line().replace("\n", " 4\n"), "line 8: has 19 fields; 18 are wanted"),
        (line(submit=-5), "line 8: submit time is -5; 0 or more is wanted, or -1 for unknown"),
        (line(run=-2), "line 8: run time is -2; 0 or more"),
        (line(limit="-1.5"), "line 8: requested time is -1.5; 0 or more"),
        (line(allocated=-4), "line 8: allocated processors is -4; 0 or more"),
        (line(allocated=1.5), "line 8: allocated processors is 1.5; a whole number is wanted"),
        (line(run="long"), "line 8: run time is 'long'; a number is wanted"),
        (line(run="nan"), "line 8: run time is 'nan'; a number is wanted"),
    ],
)
def test_a_bad_line_is_told_with_its_number(tmp_path: Path, bad: str, message: str) -> None:
    path = write(tmp_path, HEADER + line() + bad + line())
    with pytest.raises(InputError) as caught:
        read_swf(path)
    assert f"{path}, {message}" in str(caught.value) and "\n" not in str(caught.value)


def test_a_trace_in_which_every_line_is_short_is_told_at_the_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 7: has 3 fields; 18 are wanted"):
        read_swf(write(tmp_path, HEADER + "1 2 3\n4 5 6\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER.encode(), "holds no job; lines of 18 numbers are wanted"),
        (b"", "holds no job"),
        (line(run=-1).encode(), "none of 1 jobs has a submit time, a run time and processors"),
        (gzip.compress(line().encode(), mtime=0)[:-9], "can't be read"),
        (b"\x1f\x8bnonsense", "can't be read"),
        (b"\xff\xfe\x00 1\n", "line 1: has 2 fields"),
    ],
)
def test_a_file_without_jobs_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "trace.swf.gz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_swf(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.swf: can't be read \(No such file or directory\)"):
        read_swf(tmp_path / "absent.swf")
