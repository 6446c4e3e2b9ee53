"""The notebook's own words as safe markup: raw HTML is shown as typed, images never load.

In: the source of one markdown cell.  Out: headings and pieces of prose, in order.

A paragraph that begins with one of :data:`LABELS` and a colon is set apart under that label, as
the statements of the page are: in JupyterLab the same words read on as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import mistune
from markupsafe import Markup, escape

KNOWN = "How we know"
LABELS = (KNOWN, "How to read it")

_SAFE_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2: it starts the page or a section."""

    level: int
    text: str


@dataclass(frozen=True)
class Prose:
    """Markup between two headings, safe to put into a page.

    Parameters
    ----------
    html : Markup
        Whole elements.
    known : bool, default False
        Whether it says how the findings of its section are known.
    """

    html: Markup
    known: bool = False


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

    def paragraph(self, text: str) -> str:
        """Set a paragraph, under its label when it begins with one."""
        for label in LABELS:
            if text.startswith(f"{label}:"):
                said = text.removeprefix(f"{label}:").strip()
                said = said[:1].upper() + said[1:]
                return f'<div class="told"><p class="label">{label}</p>\n<p>{said}</p></div>\n'
        return f"<p>{text}</p>\n"

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
        In the order of the source; what says how findings are known is a piece of its own.
    """
    parser = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough"])
    tokens, state = parser.parse(source)
    renderer = _Renderer()
    gathered: list[dict[str, Any]] = []
    for token in tokens if isinstance(tokens, list) else []:
        heads = token["type"] == "heading" and token["attrs"]["level"] <= 2
        known = token["type"] == "paragraph" and _words(token).startswith(f"{KNOWN}:")
        if not heads and not known:
            gathered.append(token)
            continue
        yield from _prose(renderer, gathered, state)
        gathered = []
        if heads:
            yield Heading(token["attrs"]["level"], _words(token))
        else:
            yield from _prose(renderer, [token], state, known=True)
    yield from _prose(renderer, gathered, state)


def _prose(
    renderer: _Renderer, tokens: list[dict[str, Any]], state: Any, *, known: bool = False
) -> Iterator[Prose]:
    html = renderer.render_tokens(tokens, state).strip()
    if html:
        yield Prose(Markup(html), known)  # noqa: S704 - every text of it was escaped by _Renderer


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
