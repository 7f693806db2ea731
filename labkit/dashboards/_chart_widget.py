"""Charts shown by plotly, updated in place; its five megabytes of code are sent to a page and read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from html import escape
from typing import Any

import ipywidgets
import plotly.graph_objects as go
import traitlets

from labkit.dashboards import palette
from labkit.dashboards._chart import Chart
from labkit.dashboards._live import column
from labkit.dashboards._page import paragraphs

# Read out by screen readers, and takes no room.
_HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"


class _Code(ipywidgets.Widget):
    source = traitlets.Unicode().tag(sync=True)


@cache
def _code() -> _Code:
    return _Code(source=str(go.FigureWidget._esm))


class ChartWidget(go.FigureWidget):
    """A FigureWidget that shares plotly's code with all others of its kernel."""

    # anywidget gives a model two seconds to be ready, less than a small machine takes to read plotly. So a
    # chart is ready at once, and drawn when plotly is there.
    _esm = """
    const plotly = async (model) => {
      const id = model.get("_plotly").slice("IPY_MODEL_".length);
      const source = (await model.widget_manager.get_model(id)).get("source");
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      return import(url).finally(() => URL.revokeObjectURL(url));
    };
    export default () => {
      let figure;
      return {
        initialize({ model }) {
          const key = Symbol.for("labkit.plotly");
          globalThis[key] ??= plotly(model).catch((error) => { delete globalThis[key]; throw error; });
          figure = globalThis[key].then(async (bundle) => {
            const made = bundle.default();
            await made.initialize({ model });
            return made;
          });
        },
        async render(context) {
          return (await figure).render(context);
        },
      };
    };
    """
    _plotly = traitlets.Instance(_Code).tag(sync=True, **ipywidgets.widget_serialization)

    @traitlets.default("_plotly")
    def _one_for_all(self) -> _Code:
        return _code()


def chart(alt: str, height: int = 320, **layout: Any) -> go.FigureWidget:
    """An empty chart to be filled by :func:`show` and stood in a `row` or `column`.

    Args:
        alt: what it shows now, for those who can't see it.
        height: px.
        layout: more of plotly's layout. Given later it may be lost: a page hears of changes from when it
            has read plotly on, and of what there was then.
    """
    own = {"template": palette.plotly_template(), "height": height, "autosize": True}
    figure = ChartWidget(layout=own | layout)
    figure._config = {"displaylogo": False, "showSendToCloud": False, "responsive": True}
    figure._alternative = ipywidgets.HTML()
    _describe(figure, alt)
    return figure


def update(
    figure: go.FigureWidget,
    traces: Sequence[Mapping[str, Any]],
    alt: str,
    layout: Mapping[str, Any] | None = None,
) -> None:
    """Puts other data into a chart, in one message where its traces are of the same kinds as before.

    Args:
        figure: made by :func:`chart`.
        traces: in plotly's words (``type`` is "scatter" unless it is said); at most some 500 points each.
        alt: what the chart shows now.
        layout: in plotly's words, what of it changes.
    """
    wanted = [{"type": "scatter"} | dict(trace) for trace in traces]
    same = [(t["type"], *sorted(t)) for t in wanted] == getattr(figure, "_shape", None)
    with figure.batch_update():
        figure.update_layout(layout or {})
        if same:
            for shown, trace in zip(figure.data, wanted, strict=True):
                shown.update({k: v for k, v in trace.items() if k != "type"}, overwrite=True)
        else:
            figure.data = ()
            figure.add_traces(wanted)
            figure._shape = [(t["type"], *sorted(t)) for t in wanted]
    # Messages don't change the state that a page asks for which is opened later: Voilà's, or a reloaded one.
    figure._widget_data, figure._widget_layout = deepcopy(figure._data), deepcopy(figure._layout)
    _describe(figure, alt)


def _describe(figure: go.FigureWidget, alt: str) -> None:
    text = f'<div role="img" aria-label="{escape(alt, quote=True)}" style="{_HIDDEN}"></div>'
    if figure._alternative.value != text:
        figure._alternative.value = text


def show(figure: go.FigureWidget, wanted: Chart) -> None:
    """Puts a chart into a widget made by :func:`chart`, in place of what that shows."""
    layout: dict[str, Any] = {"title": {"text": wanted.title}}
    former: Chart = getattr(figure, "_former", wanted)
    for name, label in (("x", wanted.x_label), ("y", wanted.y_label)):
        axis = getattr(wanted, name)
        texts = {"ticktext": [text.replace("\n", "<br>") for text in axis.get("ticktext", ())] or None}
        # Only what the chart before had is taken away: the reader's own zoom stays.
        left = dict.fromkeys(getattr(former, name))
        layout[f"{name}axis"] = left | {**axis, "title": {"text": label}, **texts}
    if wanted.right or former.right:
        right = {"overlaying": "y", "side": "right", "tickmode": "auto", "showgrid": False}
        right["visible"] = bool(wanted.right)
        layout["yaxis2"] = {**dict.fromkeys(former.right), **right, **wanted.right}
    figure._former = wanted
    update(figure, wanted.traces, wanted.alt, layout)


def live(wanted: Chart) -> ipywidgets.Widget:
    """The chart as a widget: plotly's, with its alternative text and its caption."""
    look: dict[str, Any] = {"margin": {"t": 40}, "hovermode": "closest"}
    look["legend"] = {"orientation": "h", "y": 1, "yanchor": "bottom"}
    figure = chart("", round(100 * wanted.height), **look)
    show(figure, wanted)
    return column(figure, ipywidgets.HTML(paragraphs(wanted.caption).html))
