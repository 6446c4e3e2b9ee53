"""The notebook's own words as safe markup: raw HTML is shown as typed, images never load.

In: the source of one markdown cell.  Out: headings and pieces of prose, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import mistune
from markupsafe import Markup, escape

_SAFE_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2: it starts the page or a section."""

    level: int
    text: str


@dataclass(frozen=True)
class Prose:
    """Markup between two headings, safe to put into a page."""

    html: Markup


class _Renderer(mistune.HTMLRenderer):
    """Mistune's own renderer without what could fetch, run or style anything."""

    def __init__(self) -> None:
        super().__init__(escape=True)
        cells: Mapping[str, Callable[..., str]] = {
            "table": _table, "table_head": _table_head, "table_body": _table_body,
            "table_row": _table_row, "table_cell": _table_cell,
        }  # fmt: skip
        for name, method in cells.items():
            self.register(name, method)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Keep links to the web and within the page; anything else stays words."""
        del title
        if not _SAFE_LINK.match(url):
            return text
        return f'<a href="{escape(url)}" rel="noreferrer">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Show what the image would say: a page asks nothing of the network."""
        del url, title
        return f"<em>{text}</em>" if text else ""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Keep headings below the sections in their place of the outline."""
        del attrs
        return f"<h{min(level, 4)}>{text}</h{min(level, 4)}>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Set a formula or an example; its language means nothing to a reader."""
        del info
        return f"<pre><code>{escape(code)}</code></pre>\n"


def read(source: str) -> Iterator[Heading | Prose]:
    """Yield the headings (levels 1 and 2) and the prose of one markdown cell.

    Parameters
    ----------
    source : str
        Markdown; raw HTML in it is shown as typed.

    Yields
    ------
    Heading or Prose
        In the order of the source.
    """
    parser = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough"])
    tokens, state = parser.parse(source)
    renderer = _Renderer()
    gathered: list[dict[str, Any]] = []
    for token in tokens if isinstance(tokens, list) else []:
        if token["type"] != "heading" or token["attrs"]["level"] > 2:
            gathered.append(token)
            continue
        yield from _prose(renderer, gathered, state)
        gathered = []
        yield Heading(token["attrs"]["level"], _words(token))
    yield from _prose(renderer, gathered, state)


def _prose(renderer: _Renderer, tokens: list[dict[str, Any]], state: Any) -> Iterator[Prose]:
    html = renderer.render_tokens(tokens, state).strip()
    if html:
        yield Prose(Markup(html))  # noqa: S704 - every text of it was escaped by _Renderer


def _words(token: Mapping[str, Any]) -> str:
    """Return the text of a token without its emphasis and links."""
    if token["type"] in {"softbreak", "linebreak"}:
        return " "
    inner = "".join(_words(child) for child in token.get("children", []))
    return inner or str(token.get("raw", ""))


def _table(_: mistune.BaseRenderer, text: str) -> str:
    return f'<div class="scroll"><table>\n{text}</table></div>\n'


def _table_head(_: mistune.BaseRenderer, text: str) -> str:
    return f"<thead><tr>{text}</tr></thead>\n"


def _table_body(_: mistune.BaseRenderer, text: str) -> str:
    return f"<tbody>{text}</tbody>\n"


def _table_row(_: mistune.BaseRenderer, text: str) -> str:
    return f"<tr>{text}</tr>\n"


def _table_cell(
    _: mistune.BaseRenderer, text: str, align: str | None = None, head: bool = False
) -> str:
    tag = 'th scope="col"' if head else "td"
    number = ' class="n"' if align == "right" else ""
    return f"<{tag}{number}>{text}</{tag[:2]}>"
