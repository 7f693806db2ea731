"""Pieces of a live dashboard: controls, rows and columns, long work, and a clock.

Callbacks of widgets can run beside a cell (ipykernel 7 has subshells for them) or, from ipykernel 7.4 on,
after it; :class:`Background` and :class:`Ticker` have threads of their own: a model that several of them
touch needs a lock. Nothing here uses pyplot or an output widget, which belong to the cell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from html import escape
from typing import Any, Generic, TypeVar

import anywidget
import ipywidgets

from labkit.errors import LabkitError

log = logging.getLogger("labkit")

T = TypeVar("T")
Report = Callable[[float, str], None]

_SHORTEST_WAIT = 0.25  # seconds between two updates: a browser on a small machine keeps up with four a second


class _Button(ipywidgets.ToggleButton):
    """A button whose press comes after what was typed before it.

    ipywidgets' own Button sends a message of another kind than values do. JupyterLab has ipykernel take up
    the two in threads of their own, so that a press can act on what a control held before. Only the first
    press on a page, before JupyterLab has asked for such a thread, can still come early.
    """

    def on_click(self, press: Callable[[Any], None]) -> None:
        """Calls this with the button at each press."""

        def pressed(change: Mapping[str, Any]) -> None:
            if change["new"]:
                self.value = False
                press(self)

        self.observe(pressed, "value")

    def click(self) -> None:
        """Presses it."""
        self.value = True


_KINDS: Mapping[str, type[ipywidgets.Widget]] = {
    "button": _Button,
    "check": ipywidgets.Checkbox,
    "choice": ipywidgets.Dropdown,
    "count": ipywidgets.BoundedIntText,
    "number": ipywidgets.BoundedFloatText,
    "range": ipywidgets.IntRangeSlider,
    "slider": ipywidgets.IntSlider,
    "real slider": ipywidgets.FloatSlider,
    "log slider": ipywidgets.FloatLogSlider,
    "step slider": ipywidgets.SelectionSlider,
    "text": ipywidgets.Text,
}


def control(kind: str, label: str, **options: Any) -> Any:
    """A labelled control that the keyboard reaches.

    Args:
        kind: button, check, choice, count, number, range, slider, real slider, log slider, step slider
            or text.
        label: what it sets, with its unit; never cut off.
        options: of the ipywidget behind it (``value``, ``min``, ``max``, ``options``, ``disabled`` …). A
            slider tells of its change when it is let go, unless ``continuous_update`` says otherwise.
    """
    widget = _KINDS[kind]
    slides = "slider" in kind or kind == "range"
    width = {"min_width": "380px", "max_width": "560px"} if slides else {"min_width": "140px"}
    layout = {"width": "auto"} | width | options.pop("layout", {})
    if kind == "button":
        return widget(description=label, layout=layout, **options)
    if slides:
        options = {"continuous_update": False} | options
    if kind == "check":
        options = {"indent": False} | options
    return widget(description=label, layout=layout, style={"description_width": "initial"}, **options)


def row(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    """Widgets side by side, which wrap where the page is narrow; charts with their alternative texts."""
    layout = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 12px"}
    return ipywidgets.HBox(_with_texts(widgets, "1 1 320px"), layout=layout)


def column(*widgets: ipywidgets.Widget) -> ipywidgets.VBox:
    """Widgets one below the other; charts with their alternative texts."""
    return ipywidgets.VBox(_with_texts(widgets, "0 0 auto"), layout={"flex": "1 1 0%", "min_width": "0"})


def _with_texts(widgets: Sequence[ipywidgets.Widget], flex: str) -> list[ipywidgets.Widget]:
    shown = [
        ipywidgets.VBox([text, widget], layout={"flex": flex, "min_width": "0"})
        if (text := getattr(widget, "_alternative", None)) is not None
        else widget
        for widget in widgets
    ]
    if any("Slider" in type(widget).__name__ for widget in widgets):
        shown.append(_SliderNames())
    return shown


class _SliderNames(anywidget.AnyWidget):
    """Names the sliders beside it for screen readers and shows the keyboard's place; ipywidgets doesn't."""

    _esm = """
    export default { render({ el }) {
      let frame;
      const name = () => {
        const sliders = el.parentElement?.querySelectorAll(":scope > .widget-slider") ?? [];
        for (const slider of sliders) {
          const label = slider.querySelector(".widget-label")?.textContent;
          for (const part of slider.querySelectorAll("[role=slider], .widget-readout"))
            part.setAttribute("aria-label", label);
        }
        // The sliders beside it may be drawn later.
        if (!sliders.length) frame = requestAnimationFrame(name);
      };
      name();
      return () => cancelAnimationFrame(frame);
    }};
    """
    _css = ".widget-slider [role=slider]:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }"


class Background(Generic[T]):
    """Long work beside the cell, with its progress and a Cancel button in :attr:`view`.

    Attributes:
        view: progress bar, what is being done, Cancel; after a failure one line that says why.
    """

    def __init__(
        self, work: Callable[[Report, threading.Event], T], show: Callable[[T], None], label: str
    ) -> None:
        """Work to be started by :meth:`start`.

        Args:
            work: called with ``report(fraction done, what is being done)`` and an event that is set when
                nobody wants the result any more; it looks at the event now and then and returns early, or
                raises CancelledError.
            show: called with the result, unless it was cancelled.
            label: what is being done, as a name of the progress bar.
        """
        self._work, self._show = work, show
        self._bar = ipywidgets.FloatProgress(
            max=1.0, description=label, style={"description_width": "initial"}, layout={"width": "420px"}
        )
        self._cancel = control("button", "Cancel", disabled=True, icon="stop")
        self._cancel.on_click(lambda _: self.cancel())
        self._line = ipywidgets.HTML()
        self.view = row(self._bar, self._cancel, self._line)
        self._lock, self._at_work = threading.Lock(), threading.Lock()
        self._cancelled = threading.Event()
        self._cancelled.set()

    def start(self) -> None:
        """Starts the work; what was started before is cancelled."""
        cancelled = threading.Event()
        with self._lock:
            self._cancelled.set()
            self._cancelled = cancelled
        self._tell(0.0, "starting", running=True)
        threading.Thread(target=self._run, args=(cancelled,), daemon=True).start()

    def cancel(self) -> None:
        """Asks the work to end; its result is not shown."""
        with self._lock:
            if self._cancelled.is_set():
                return
            self._cancelled.set()
        self._tell(self._bar.value, "cancelled", running=False)

    def _run(self, cancelled: threading.Event) -> None:
        last = 0.0

        def report(fraction: float, text: str) -> None:
            nonlocal last
            if cancelled.is_set() or time.monotonic() - last < _SHORTEST_WAIT:
                return
            last = time.monotonic()
            self._tell(min(max(fraction, 0.0), 1.0), text, running=True)

        try:
            with self._at_work:  # what was cancelled may need a moment to see it
                if cancelled.is_set():
                    return
                result = self._work(report, cancelled)
            if not cancelled.is_set():
                self._show(result)
                ended = 1.0, "done"
        except CancelledError:
            return
        except Exception as error:
            ended = self._bar.value, one_line(error)
        with self._lock:
            if cancelled.is_set():
                return
            cancelled.set()
        self._tell(*ended, running=False)

    def _tell(self, fraction: float, text: str, *, running: bool) -> None:
        self._bar.value, self._cancel.disabled = fraction, not running
        self._line.value = f'<span role="status">{escape(text)}</span>'


class Ticker:
    """Calls a function again and again, in a thread, until it is stopped or its :attr:`view` is closed.

    Attributes:
        view: empty, or one line that says what went wrong at the last call.
    """

    def __init__(self, refresh: Callable[[], None], seconds: float = 0.5) -> None:
        """A clock that starts at once.

        Args:
            refresh: what is called. It does nothing where nothing has changed.
            seconds: between two calls; at least 0.25, and at least as long as the last call took, so that a
                slow one leaves the machine half of its time.
        """
        self._refresh, self._seconds = refresh, max(seconds, _SHORTEST_WAIT)
        self.view = ipywidgets.HTML()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """No further call begins."""
        self._stopped.set()

    def _run(self) -> None:
        wait = 0.0
        # ipywidgets keeps every widget that isn't closed, so a closed view is one that nobody shows any more.
        while not self._stopped.wait(wait) and self.view.comm is not None:
            begun = time.monotonic()
            try:
                self._refresh()
                text = ""
            except Exception as error:
                text = one_line(error)
            if self.view.value != (line := text and f'<span role="alert">{escape(text)}</span>'):
                self.view.value = line
            wait = max(self._seconds, time.monotonic() - begun)


def one_line(error: Exception) -> str:
    """What went wrong, for the user; a fault of labkit's own goes to the log with its traceback, too."""
    if isinstance(error, LabkitError):
        return str(error)
    log.error("a dashboard failed", exc_info=error)
    return f"a fault of labkit: {type(error).__name__}: {error}"
