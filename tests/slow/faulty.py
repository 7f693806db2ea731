"""A coordinator whose oracle needs no chemistry, but time, and goes wrong now and then.

It is started as ``python faulty.py ARGUMENTS``; workers import it by its name. FAULTS names a folder: the
first evaluation that finds no file "hang" there makes one and never ends, likewise with "memory".
"""

import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from labkit.campaign._oracles import Task

SECONDS = 2.0  # of an evaluation
FAULTS = ("hang", "memory")


def evaluate(task: Task) -> dict[str, Any]:
    """An energy that depends on the question alone."""
    start = time.monotonic()
    number = zlib.crc32(task.key.encode())
    if "FAULTS" in os.environ and number % 3 == 0:
        for name in FAULTS:
            try:
                (Path(os.environ["FAULTS"]) / name).touch(exist_ok=False)
            except FileExistsError:
                continue
            held = bytearray(900_000_000 if name == "memory" else 0)
            time.sleep(10_000)
            del held
    time.sleep(SECONDS)
    energy = -2.0 - number % 1000 / 100
    result = {"smiles": task.inputs["smiles"], "components": {"docking_energy": energy}}
    if number % 7 == 0:
        return {"status": "failed", "result": {"reason": "no pose was found"}, "seconds": SECONDS}
    return {"status": "done", "result": result, "seconds": time.monotonic() - start}


if __name__ == "__main__":
    import faulty  # not this module, which is __main__: workers find it by its name

    import labkit.runner
    from labkit.campaign import _questions
    from labkit.cli import main

    _questions.evaluate = faulty.evaluate
    labkit.runner.report = lambda run: run.folder  # a notebook takes long and is no part of this
    sys.exit(main())
