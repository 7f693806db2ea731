"""What a process of its own runs: a module as argument, a request as JSON on stdin, the reply on stdout."""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> None:
    """Answer one request; whatever libraries print goes to stderr, so that stdout holds the reply alone."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as channel:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answer = importlib.import_module(sys.argv[1]).answer
        json.dump(answer(json.load(sys.stdin)), channel)


if __name__ == "__main__":
    main()
