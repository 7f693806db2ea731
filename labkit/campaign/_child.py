"""The process in which evaluations run: answers one question after the other and ends with who asks."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NoReturn

from labkit.errors import LabkitError


def main(descriptor: int) -> None:
    """Answers what comes through a pipe (see ``_guard``) until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the coordinator answers it
    pipe: Connection[Any, Any] = Connection(descriptor)
    questions: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()

    def read() -> None:
        while True:
            try:
                questions.put(pipe.recv())
            except (EOFError, OSError):
                os._exit(1)  # who asked has died, be it by `kill -9`, or wants no answer any more
            except Exception as error:  # a function that can't be imported here
                questions.put((_raise, (error,)))

    threading.Thread(target=read, daemon=True).start()
    while True:
        pipe.send(_answer(*questions.get()))


def _raise(error: Exception) -> NoReturn:
    raise error


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """What a function makes of its arguments, or what it raises."""
    try:
        return function(*arguments), None
    except LabkitError as error:
        return None, error
    except Exception as error:  # a fault of labkit: not every error can be sent, its text can
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(traceback.format_exc())
        return None, told


if __name__ == "__main__":
    main(int(sys.argv[1]))
