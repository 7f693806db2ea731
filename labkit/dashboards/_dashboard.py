"""Dashboards by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from labkit.errors import InputError

if TYPE_CHECKING:
    import ipywidgets

    from labkit.dashboards._page import Block

DASHBOARDS = {
    "campaign": "labkit.dashboards._campaign_view:campaign_dashboard",
    "quantum": "labkit.dashboards._quantum_view:quantum_dashboard",
    "factory": "labkit.dashboards._factory_view:factory_dashboard",
    "energy": "labkit.dashboards._energy_view:energy_dashboard",
    "comparison": "labkit.dashboards._comparison_view:comparison_dashboard",
}

_shown: dict[str, ipywidgets.Widget] = {}


def dashboard(name: str, ui: str = "widget", **options: Any) -> ipywidgets.Widget | Block:
    """A dashboard: campaign, quantum, factory, energy or comparison.

    Args:
        name: which.
        ui: "widget" for JupyterLab and Voilà; "static" for what is read without a running kernel, as
            papermill, nbconvert and GitHub show it: pictures with alternative text and a summary in words.
        options: what it shows, as ``run`` of campaign and energy, ``runs`` of comparison.

    Raises:
        InputError: if there is no such dashboard, way of showing it, or option.
    """
    build = builder(name, options)
    if ui not in ("widget", "static"):
        raise InputError(f"ui '{ui}' is unknown; there are: widget, static")
    shown: ipywidgets.Widget | Block = build(ui, **options)
    if ui == "widget":
        _close_former(shown)
    return shown


def builder(name: str, options: dict[str, Any]) -> Callable[..., Any]:
    """The function that makes a dashboard, called with ``ui`` and the options.

    Raises:
        InputError: if there is no such dashboard, or it hasn't these options.
    """
    if name not in DASHBOARDS:
        nearest = difflib.get_close_matches(name, DASHBOARDS, n=len(DASHBOARDS), cutoff=0.0)
        raise InputError(f"no dashboard '{name}'; there are: {', '.join(nearest)}")
    module, _, function = DASHBOARDS[name].partition(":")
    build: Callable[..., Any] = getattr(import_module(module), function)
    known = [key for key in inspect.signature(build).parameters if key != "ui"]
    for key in options:
        if key not in known:
            has = f"it has: {', '.join(known)}" if known else "it has none"
            raise InputError(f"dashboard '{name}' has no option '{key}'; {has}")
    return build


def _close_former(shown: ipywidgets.Widget) -> None:
    """Closes the dashboard that the same cell showed before: nobody sees it, and its clock would tick on."""
    from IPython import get_ipython

    shell = get_ipython()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = request.get("metadata", {}).get("cellId")
    if cell is not None:
        former, _shown[cell] = _shown.get(cell), shown
        if former is not None:
            close(former)


def close(widget: ipywidgets.Widget) -> None:
    """Closes a widget and all that is inside."""
    for child in getattr(widget, "children", ()):
        close(child)
    widget.close()
