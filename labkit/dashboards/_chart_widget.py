"""Plotly's FigureWidget for pages of many charts: its five megabytes of code are sent and read once."""

from __future__ import annotations

from functools import cache

import ipywidgets
import plotly.graph_objects as go
import traitlets


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
