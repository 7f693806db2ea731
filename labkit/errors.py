"""The errors that labkit raises on purpose; everything else is a fault of labkit."""

from __future__ import annotations


class LabkitError(Exception):
    """Base of every error that labkit raises on purpose. Its text is one line for the user."""

    exit_code = 1


class InputError(LabkitError):
    """Bad input. The text names the offending value and what would be right."""

    exit_code = 2


class MissingDependencyError(LabkitError):
    """A package that this platform or installation lacks. The text gives the remedy."""

    exit_code = 2


class ResourceError(LabkitError):
    """Memory ran out: no answer to the question, which a larger or less busy machine can give."""


class TooLittleMemoryError(ResourceError, InputError):
    """Refused before it starts, for more memory is needed than is free. The text has both figures."""


class EvaluationError(LabkitError):
    """A computation on valid input that failed (no pose found, SCF not converged); says why."""
