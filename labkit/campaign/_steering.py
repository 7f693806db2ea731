"""Steering a run: which commands there are, which are refused, and what they make of a round."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from labkit.campaign._specification import MAX_ROUNDS, Specification
from labkit.errors import InputError
from labkit.store import Journal, Steering

CONTROLS = ("pause", "resume", "stop")  # act between two evaluations and change no result
DECISIONS = ("veto", "pin")  # like a budget, they act from the beginning of a round
COMMANDS = (*CONTROLS, "budget", *DECISIONS)
LOOK = 0.5  # s between two looks at the journal

log = logging.getLogger("labkit")


@dataclass(frozen=True)
class Course:
    """What the commands given so far make of a round.

    Attributes:
        rounds: budget of the run.
        vetoed: standard SMILES of molecules that climb no further and count as worthless.
        pinned: standard SMILES of molecules that climb the whole ladder in this round.
    """

    rounds: int
    vetoed: frozenset[str]
    pinned: tuple[str, ...]


def course(specification: Specification, steering: Iterable[Steering], number: float = math.inf) -> Course:
    """The course in round ``number``; without one, that after all commands, those that wait included.

    A later command about a molecule lifts an earlier one.
    """
    rounds, vetoed, pinned = specification.rounds, set[str](), dict[str, None]()
    for s in sorted(steering, key=_effective):
        if _effective(s) > number:
            break
        if s.command == "budget":
            rounds = int(s.value or 0)
        elif s.command == "veto":
            vetoed.add(str(s.value))
            pinned.pop(str(s.value), None)
        elif s.command == "pin":
            vetoed.discard(str(s.value))
            if s.round == number:
                pinned[str(s.value)] = None
    return Course(rounds, frozenset(vetoed), tuple(pinned))


def _effective(steering: Steering) -> float:
    return math.inf if steering.round is None else steering.round


def checked(
    command: str, value: str | int | None, specification: Specification, journal: Journal
) -> Steering:
    """The command to a run, given now.

    Raises:
        InputError: naming the value that is wrong, or why the run can't follow.
    """
    if command not in COMMANDS:
        raise InputError(f"no command '{command}' to a run; there are: {', '.join(COMMANDS)}")
    if command in CONTROLS:
        if value is not None:
            raise InputError(f"{command} '{value}': this command takes no value")
    elif command == "budget":
        value = _budget(value, rounds_begun(journal))
    elif not isinstance(value, str):
        raise InputError(f"{command} needs a molecule: give its SMILES")
    else:
        value = _molecule(command, value, specification, journal)
    return Steering(time.time(), command, value)


def _budget(value: str | int | None, begun: int) -> int:
    try:
        rounds = int(str(value))
    except ValueError:
        rounds = 0
    if not 1 <= rounds <= MAX_ROUNDS:
        raise InputError(f"budget '{value}': a number of rounds in all is needed, 1 to {MAX_ROUNDS}")
    if rounds < begun:
        raise InputError(f"budget {rounds}: {begun} rounds have begun already; at least {begun} is possible")
    return rounds


def _molecule(command: str, smiles: str, specification: Specification, journal: Journal) -> str:
    """Standard SMILES of a molecule that a command names in any way."""
    from labkit.molecules import TriageRules, standardise, triage

    forms = standard_forms(journal)
    if smiles in forms.values():
        standard = smiles  # as it was shown
    else:
        standard = forms.get(smiles) or standardise(smiles).smiles
    if command == "pin":
        text = first_spellings(forms).get(standard, standard)
        reason = triage([text], TriageRules(**specification.triage))[0].reason
        if reason is not None:
            raise InputError(f"pin '{smiles}': this campaign's triage refuses it: {reason}")
    return standard


def standard_forms(journal: Journal, number: float = math.inf) -> dict[str, str]:
    """Standard SMILES of each molecule triaged up to round ``number``, by how it was written, in order."""
    return journal.standard_forms(number)


def first_spellings(forms: Mapping[str, str]) -> dict[str, str]:
    """How each molecule was first written: the reverse of ``standard_forms``."""
    return {standard: text for text, standard in reversed(list(forms.items()))}


def rounds_begun(journal: Journal) -> int:
    """How many rounds have begun: a round begins with its proposals."""
    return 1 + max((proposal.round for proposal in journal.proposals()), default=-1)


def to_repeat(journal: Journal, name: str) -> list[Steering]:
    """The commands that changed the results of a run called ``name``, for another run in the same rounds."""
    begun = rounds_begun(journal)  # what still waits would take effect in the next round
    return [
        Steering(s.time, s.command, s.value, begun if s.round is None else s.round, f"as in {name}")
        for s in journal.steering()
        if s.command not in CONTROLS
    ]


class Helm:
    """Through which the commands in the journal reach the loop.

    Attributes:
        paused: seconds for which the run was told to wait.
    """

    def __init__(self, specification: Specification, journal: Journal, tell: Callable[[str], None]):
        """``tell`` is told the run's status when a pause begins or ends."""
        self._specification = specification
        self._journal = journal
        self._tell = tell
        self.paused = 0.0

    def course(self, number: int) -> Course:
        """What steering makes of a round. Once the round has begun, no command changes it any more."""

        def current() -> Course:
            return course(self._specification, self._journal.steering(), number)

        if not self._journal.proposals(number):
            self._journal.take_steering(("budget",), number, "start")
            if number < current().rounds:  # else they wait for a budget that lets the run go on
                self._journal.take_steering(DECISIONS, number, "start")
        return current()

    def halts(self) -> bool:
        """Whether the run has been told to pause or to stop."""
        return any(s.round is None and s.command in ("pause", "stop") for s in self._journal.steering())

    def obey(self, number: int, place: str) -> None:
        """Waits while the run is to pause; no worker may be alive.

        Raises:
            KeyboardInterrupt: if the run is to stop: it ends as with Ctrl-C.
        """
        start, paused = time.monotonic(), False
        try:
            while True:
                for command in self._journal.take_steering(CONTROLS, number, place):
                    if command == "stop":
                        raise KeyboardInterrupt
                    if paused != (command == "pause"):
                        paused = not paused
                        log.info("paused" if paused else "resumed")
                        self._tell("paused" if paused else "running")
                if not paused:
                    break
                time.sleep(LOOK)
        finally:
            self.paused += time.monotonic() - start
