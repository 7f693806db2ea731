"""Legs of a race: a process that carries out pieces of work when it is told, and says how long each took.

Imports nothing but the standard library, since one of the racers lives in an environment without labkit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def keep_to(threads: int) -> None:
    """Keep this process to so many processors; call it before libraries count them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    os.environ["OMP_NUM_THREADS"] = str(threads)


def run_legs(legs: Mapping[str, Callable[[], object]]) -> None:
    """Carry out the leg that each line of standard input names; answer with wall and processor time, s."""
    print("ready", flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        legs[line.strip()]()
        print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


@contextmanager
def racer(python: Path, script: Path, arguments: Sequence[str]) -> Iterator[Callable[[str], list[float]]]:
    """A process that runs the leg it is given the name of, until the block is left."""
    command = [str(python), str(script), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def answer() -> str:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{script.name} ended")
            return line

        def run(leg: str) -> list[float]:
            print(leg, file=process.stdin, flush=True)
            return list(json.loads(answer()))

        answer()
        yield run
        process.stdin.close()
