"""The process in which evaluations run: answers one question after the other and ends with who asks."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from labkit.errors import LabkitError


def main(descriptor: int) -> None:
    """Answers what comes through a pipe (see ``_guard``) until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the coordinator answers it
    pipe: Connection[Any, Any] = Connection(descriptor)
    questions: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        try:
            while True:
                questions.put(pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(1)  # who asked has died, be it by `kill -9`, or wants no answer any more

    threading.Thread(target=read, daemon=True).start()
    while True:
        pipe.send(_answer(questions.get()))


def _answer(question: bytes) -> tuple[Any, Exception | None]:
    """What a function makes of its arguments, or what it raises."""
    try:
        function, arguments = pickle.loads(question)
        return function(*arguments), None
    except LabkitError as error:
        return None, error
    except Exception as error:  # a fault of labkit: not every error can be sent, its text can
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(traceback.format_exc())
        return None, told


if __name__ == "__main__":
    main(int(sys.argv[1]))
