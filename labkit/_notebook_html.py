"""Executed notebooks as one HTML file each, and one about all: nothing in them is fetched from a network."""

from __future__ import annotations

import base64
import copy
import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import jinja2
import matplotlib as mpl
from matplotlib.mathtext import math_to_image
from nbconvert import HTMLExporter
from nbformat import NotebookNode

if TYPE_CHECKING:
    from labkit.runner import NotebookResult

# nbconvert's page without its scripts: it would load require.js, MathJax, mermaid and the widgets from the
# network. Equations become drawings instead, and figures are drawings already.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
main { max-width: 66em; margin: 0 auto; padding: 1em; }
.jp-RenderedHTMLCommon { font-size: 16px; line-height: 1.5; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { font-size: 14px; }
figure img { max-width: 100%; }
.jp-OutputArea-output.jp-RenderedHTMLCommon { padding-left: 5px; }
</style>
{%- endblock -%}
"""
_MATHEMATICS = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|\$(?P<line>[^$\n]+?)\$", re.DOTALL
)
_FONT_SIZE = 12  # pt, the text's


def to_html(notebook: NotebookNode, name: str) -> str:
    """The page of an executed notebook, without code where its metadata says ``labkit.show_code = false``."""
    shows_code = bool(notebook.metadata.get("labkit", {}).get("show_code", True))
    shown = copy.deepcopy(notebook)
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            cell.source = _draw_equations(cell.source)
    exporter = HTMLExporter(
        template_file="labkit.html.j2",
        extra_loaders=[jinja2.DictLoader({"labkit.html.j2": _TEMPLATE})],
        exclude_input=not shows_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        embed_images=True,
    )
    page, _ = exporter.from_notebook_node(shown, {"metadata": {"name": notebook.metadata.get("title", name)}})
    return str(page)


def _draw_equations(markdown: str) -> str:
    """The text with its TeX equations drawn by matplotlib, each with its source as alternative text."""

    def replace(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        if match["block"]:
            return f'<p style="text-align:center">{_drawing(match["block"], 1.25)}</p>'
        return _drawing(match["line"], 1.0)

    return _MATHEMATICS.sub(replace, markdown)


def _drawing(tex: str, scale: float) -> str:
    tex = " ".join(tex.split())
    buffer = io.BytesIO()
    with mpl.rc_context(
        {"mathtext.fontset": "cm", "font.size": _FONT_SIZE * scale, "svg.hashsalt": "labkit"}
    ):
        depth = math_to_image(f"${tex}$", buffer, format="svg")
    data = base64.b64encode(buffer.getvalue()).decode()
    style = f"display:inline;vertical-align:-{depth:.1f}pt"
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(tex, quote=True)}" style="{style}">'


_INDEX = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notebooks, run headless</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35em .8em; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.failed { color: #a33d00; font-weight: bold; }
tfoot td { border-bottom: none; font-weight: bold; }
</style>
</head>
<body>
<h1>Notebooks, run headless</h1>
<table>
<thead><tr><th>notebook</th><th>status</th><th class="number">wall time (s)</th>
<th class="number">processor time (s)</th><th class="number">peak memory (MB)</th>
<th>warnings</th></tr></thead>
<tbody>
{%- for one in results %}
<tr><td><a href="{{ one.html.name }}">{{ one.name }}</a></td>
<td class="{{ one.status }}">{{ one.status }}{% if one.error %}: {{ one.error }}{% endif %}</td>
<td class="number">{{ "%.0f" | format(one.seconds) }}</td>
<td class="number">{{ "%.0f" | format(one.cpu_seconds) }}</td>
<td class="number">{{ "%.0f" | format(one.peak_mb) }}</td>
<td>{{ one.warnings | join("; ") or "none" }}</td></tr>
{%- endfor %}
</tbody>
<tfoot><tr><td>{{ results | length }} notebooks</td>
<td>{{ results | selectattr("status", "equalto", "done") | list | length }} done</td>
<td class="number">{{ "%.0f" | format(results | sum("seconds")) }}</td>
<td class="number">{{ "%.0f" | format(results | sum("cpu_seconds")) }}</td>
<td class="number">{{ "%.0f" | format(results | map(attribute="peak_mb") | max) }}</td><td></td></tr></tfoot>
</table>
</body>
</html>
"""


def to_index(results: Sequence[NotebookResult]) -> str:
    """The page that tells what came of each notebook, with links to theirs beside it."""
    return jinja2.Environment(autoescape=True).from_string(_INDEX).render(results=results)
