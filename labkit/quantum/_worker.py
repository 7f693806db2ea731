"""What a process of its own runs: a module and who asks as arguments, JSON on stdin, the reply on stdout."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time

from labkit.quantum._process import as_reply


def _end_with(asker: int) -> None:
    """End this process when the one that asked is gone: nobody would read the reply."""
    while os.getppid() == asker:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Answer one request; whatever libraries print goes to stderr, so that stdout holds the reply alone."""
    threading.Thread(target=_end_with, args=[int(sys.argv[2])], daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as channel:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        request = json.load(sys.stdin)
        json.dump(as_reply(lambda: importlib.import_module(sys.argv[1]).answer(request)), channel)


if __name__ == "__main__":
    main()
