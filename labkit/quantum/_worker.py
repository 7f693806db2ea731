"""One interaction energy in a process of its own: a request as JSON on stdin, the answer on stdout."""

from __future__ import annotations

import json
import os
import sys

from labkit.quantum._interaction import answer


def main() -> None:
    """Answer one request; whatever libraries print goes to stderr, so that stdout holds the answer alone."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as channel:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        json.dump(answer(json.load(sys.stdin)), channel)


if __name__ == "__main__":
    main()
