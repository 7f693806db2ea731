"""Pieces of a page that a notebook shows: pictures with alternative text, tables, paragraphs."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from labkit.dashboards import palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A drawing that needs no browser to make and no network to show.

    Attributes:
        svg: the drawing.
        alt: what it shows, for those who can't see it.
        caption: what to read off it; may be empty.
    """

    svg: str
    alt: str
    caption: str = ""

    def _repr_html_(self) -> str:
        caption = (
            f'<figcaption style="color:#555">{escape(self.caption)}</figcaption>' if self.caption else ""
        )
        return f'<figure style="margin:0.5em 0">{image(self.svg, self.alt)}{caption}</figure>'


@dataclass(frozen=True)
class Block:
    """HTML that a notebook shows."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Picture of a matplotlib figure."""
    buffer = io.StringIO()
    with palette.style():  # some of its settings are only read here
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return Picture(buffer.getvalue(), alt, caption)


def image(svg: str, alt: str, style: str = "max-width:100%;height:auto") -> str:
    """An image element that carries its drawing with it."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alt, quote=True)}" style="{style}">'


def paragraphs(*texts: str) -> Block:
    """Plain texts, a paragraph each; empty ones are left out."""
    return Block("".join(f"<p>{escape(text)}</p>" for text in texts if text))


def bullets(texts: Iterable[str]) -> Block:
    """Plain texts as a list."""
    return Block("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Collection[str] = ()) -> Block:
    """A table of plain texts; columns named in ``numeric`` are set to the right."""
    style = "padding:0.2em 0.8em;vertical-align:top;"

    number, text = "text-align:right;white-space:nowrap", "text-align:left;overflow-wrap:anywhere"
    sides = [number if name in numeric else text for name in head]

    def line(tag: str, texts: Sequence[str]) -> str:
        cells = zip(texts, sides, strict=True)
        return "".join(f'<{tag} style="{style}{side}">{escape(text)}</{tag}>' for text, side in cells)

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return Block(f"<table><thead><tr>{line('th', head)}</tr></thead><tbody>{body}</tbody></table>")


def together(*pieces: Block | Picture) -> Block:
    """Several pieces, one below the other."""
    return Block("".join(piece._repr_html_() for piece in pieces))
