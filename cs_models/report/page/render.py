"""Blocks to markup: one autoescaping template environment, one Content-Security-Policy.

Every text of a page is escaped once, by Jinja2, here.  The only markup that is not escaped
is the project's own (style, scripts) and the prose of :mod:`cs_models.report.page.markdown`,
which escaped its texts itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from cs_models.report import lab, theme, values

BUNDLE = "plotly-figures.min.js"
# plotly makes one empty <style> and fills it through the CSS object model.
_EMPTY = ""
_LONG_WORD = 32
_LONG_TEXT = 24
_SENTENCE = 75
# A phone shows some thirty letters of a column that is no name: more than two lines of them would
# set the height of rows in which nothing else is that tall.
_TOLD = 60
_MANY = 11  # columns: fewer fit across a sheet of paper in letters that can be read
_CARDS = 5  # on paper: as much of a folded table as tells what stands in it
_TURNING = frozenset(
    {"R", "AL", "AN", "RLE", "LRE", "RLO", "LRO", "RLI", "LRI", "FSI", "PDF", "PDI"}
)


def render(template: str, *, scripts: Sequence[str] = (), rules: str = "", **context: Any) -> str:
    """Return the page that `template` makes of `context`.

    Parameters
    ----------
    template : str
        Name of a file in ``cs_models/report/templates``.
    scripts : sequence of str
        Names of own scripts in ``cs_models/report/assets``, in the order they run.
    rules : str, default ""
        Style of this page alone: see :func:`rules`.
    **context
        Escaped by the template.

    Returns
    -------
    str
        A whole document that asks nothing of the network.
    """
    style = stylesheet() + rules
    sources = [asset(name) for name in scripts]
    return (
        _environment()
        .get_template(template)
        .render(
            policy=policy(style, sources),
            style=_own(style),
            scripts=[_own(source) for source in sources],
            **context,
        )
    )


def policy(style: str, scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy that lets only these style and script texts act.

    Style *attributes* are allowed because plotly sets a few (for crisp heatmaps); they
    cannot run or fetch anything: every other kind of source is refused.
    """
    allowed = " ".join(_hash(source) for source in scripts) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {allowed}",
            f"style-src {_hash(style)} {_hash(_EMPTY)}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def rules(title: str, heights: Sequence[int]) -> str:
    """Return the style of one page: its name on every printed sheet, and the room of its figures.

    Parameters
    ----------
    title : str
        Of the page; every character that style could read otherwise is written as its number.
    heights : sequence of int
        Pixels of each figure, in the order of the page: nothing moves when one is drawn.

    Returns
    -------
    str
    """
    name = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in title[:90])
    foot = f'@page{{@bottom-left{{content:"{name}"}}}}'
    return foot + "".join(
        f"#chart-{number}{{min-height:{tall}px}}" for number, tall in enumerate(heights, start=1)
    )


def script_json(content: Any) -> Markup:
    """Return `content` as JSON that cannot end the script element it stands in."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # "<" starts every way out of a script element: "</script", "<!--", "<script".
    return _own(text.replace("<", "\\u003c"))


def forms(table: Mapping[str, Any]) -> list[str]:
    """Return how each column of a table's payload is set.

    Parameters
    ----------
    table : mapping
        Payload of a table.

    Returns
    -------
    list of str
        ``"n"`` for numbers, ``"date"``, ``"wrap"`` where a word is too long for a column,
        ``"wide"`` where there are sentences, ``"some"`` where there are names or a few words that
        may take up to three lines, and ``""`` for short text.
    """
    return [
        _form(column["kind"], [row[position] for row in table["rows"]])
        for position, column in enumerate(table["columns"])
    ]


def naming(forms: Sequence[str]) -> int:
    """Return which column names the rows: the first, or the second after a rank or a day.

    Parameters
    ----------
    forms : sequence of str
        As :func:`forms` returns them.

    Returns
    -------
    int
        Its position; -1 where neither is words.
    """
    words = [at for at, form in enumerate(forms[:2]) if form not in ("n", "date")]
    return words[0] if words else -1


def cards(table: Mapping[str, Any]) -> str:
    """Return where a table's rows are set as cards: where its columns cannot stand side by side.

    Parameters
    ----------
    table : mapping
        Payload of a table.

    Returns
    -------
    str
        ``"cards"`` on a phone, where a column beside the name holds sentences: in a column out of
        sight they would leave rows tall and empty.  ``"paper-cards"`` in print, where a table has
        more columns than a sheet has room for.  Both, or nothing.
    """
    key = naming(forms(table))
    told = any(
        column["kind"] == "text" and position != key and _longest(table, position) > _TOLD
        for position, column in enumerate(table["columns"])
    )
    many = len(table["columns"]) >= _MANY
    return " ".join(name for name, so in (("cards", told), ("paper-cards", many)) if so)


def on_paper(table: Mapping[str, Any]) -> int:
    """Return how many rows of a folded table are printed: few of those set as cards."""
    return _CARDS if "paper" in cards(table) else int(table["fold_after"])


def _longest(table: Mapping[str, Any], position: int) -> int:
    cells = (row[position] for row in table["rows"])
    return max((len(text) for text in cells if isinstance(text, str)), default=0)


def _form(kind: str, cells: Sequence[Any]) -> str:
    if kind in values.NUMERIC_KINDS:
        return "n"
    if kind == "date":
        return kind
    texts = [text for text in cells if isinstance(text, str)]
    if any(len(word) > _LONG_WORD for text in texts for word in text.split()):
        return "wrap"
    longest = max(map(len, texts), default=0)
    return "wide" if longest > _SENTENCE else "some" if longest > _LONG_TEXT else ""


def isolated(text: str) -> str | Markup:
    """Return a text that cannot turn its neighbours around: right-to-left ones are isolated."""
    if any(unicodedata.bidirectional(letter) in _TURNING for letter in text):
        return Markup("<bdi>{}</bdi>").format(text)
    return text


@cache
def asset(name: str) -> str:
    """Return the text of one of the project's own files in ``assets``."""
    return (resources.files("cs_models.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def stylesheet() -> str:
    """Return the page's style: the theme's colours as variables, then the rules."""
    light, dark = (
        "".join(f"--{role}:{shade};" for role, shade in shades.items())
        for shades in (theme.LIGHT, theme.DARK)
    )
    variables = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f"{variables}\n{asset('page.css')}{asset('print.css')}"


@cache
def figure_theme() -> dict[str, Any]:
    """Return what all figures of a page share: the template, and each shade's dark twin."""
    return {"template": theme.TEMPLATE.to_plotly_json(), "dark": theme.dark_twins()}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cs_models.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    environment.globals.update(
        cards=cards,
        cell=lab.cell,
        forms=forms,
        further=lab.further,
        head=lab.head,
        isolated=isolated,
        left_out=lab.left_out,
        naming=naming,
        on_paper=on_paper,
        verdict=values.verdict,
        verdicts=frozenset(values.VERDICTS),
    )
    return environment


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _own(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - own files, and JSON without a "<"
