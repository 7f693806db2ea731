"""Minimising the energy of an ansatz whose gradient is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# Pairs of steps and gradients that L-BFGS remembers; a few dozen pay here, where each costs a state's sweep.
_MEMORY = 50


@dataclass(frozen=True)
class Optimum:
    """Where a minimisation ended.

    Attributes:
        parameters: of the ansatz, shape (parameters,).
        energy: without the core, Ha.
        gradient_norm: Euclidean norm of the energy's derivatives, Ha.
        evaluations: of energy and gradient together.
        iterations: steps taken.
        converged: whether the gradient's norm fell below what was asked.
    """

    parameters: Vector
    energy: float
    gradient_norm: float
    evaluations: int
    iterations: int
    converged: bool


def minimize(
    energy_and_gradient: Callable[[Vector], tuple[float, Vector]],
    start: Vector,
    *,
    curvature: Vector,
    gradient_norm: float,
    max_iterations: int,
) -> Optimum:
    """Return the minimum that L-BFGS finds in coordinates that make the estimated curvatures equal.

    Args:
        energy_and_gradient: of parameters, Ha.
        start: where to begin, shape (parameters,).
        curvature: positive estimate of the diagonal of the second derivatives, Ha, shape (parameters,).
        gradient_norm: Euclidean norm of the gradient, in the ansatz's own parameters, that ends the search.
        max_iterations: steps after which it ends unconverged.
    """
    if not start.size:  # a space with one determinant leaves nothing to vary
        return Optimum(start, energy_and_gradient(start)[0], 0.0, 1, 0, True)
    scale = np.sqrt(curvature)
    latest = np.inf

    def scaled(point: Vector) -> tuple[float, Vector]:
        nonlocal latest
        energy, gradient = energy_and_gradient(point / scale)
        latest = float(np.linalg.norm(gradient))
        return energy, gradient / scale

    def stop(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        # L-BFGS-B ends a step with the evaluation that it accepts, so the latest norm is that of the step.
        if latest < gradient_norm:
            raise StopIteration

    found = scipy.optimize.minimize(
        scaled,
        start * scale,
        jac=True,
        method="L-BFGS-B",
        callback=stop,
        # Its own criteria are off: they would stop on flat stretches, and in the scaled coordinates.
        options={"maxiter": max_iterations, "maxfun": 10 * max_iterations, "maxcor": _MEMORY}
        | {"ftol": 0.0, "gtol": 0.0},
    )
    norm = float(np.linalg.norm(found.jac * scale))
    return Optimum(
        parameters=found.x / scale,
        energy=float(found.fun),
        gradient_norm=norm,
        evaluations=int(found.nfev),
        iterations=int(found.nit),
        converged=norm < gradient_norm,
    )
