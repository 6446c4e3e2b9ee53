"""No number without its source: a result stands inside a link, or the page is refused.

In: a page before its markup.  Out: nothing, or one :class:`NotebookError` that names every
number at fault.

A page is refused for what can only be a result: a percentage, an amount of money, points, a
ratio.  A plain count is looked for too (:func:`loose`), and our own pages are held to that by the
tests; but a digit may also belong to the name of a customer or a feature, which no page can know
from a count, and nobody's weekly report shall fail for a customer called Studio 54.

What is a sentence: statements of every role, and the notebook's own prose and headings.  Titles,
captions and notes of tables and figures are not looked at: they stand at the numbers they speak
of, and are their own source.

In statements every number written in digits should be linked, but for

- dates, months and quarters: "2026-06-30", "13 August", "2026 Q3";
- the name of an interval: "95 % interval", "intervals of 95 %";
- days, weeks and months that name a window or a contract: "the last 28 days", "12-month contracts";
- the base that a share is told of: "of 100", "for every 100";
- pages by their number: "page 05";
- what says that there is too little data (its verdict): it names what there is and what it takes,
  and no table was made of it;
- names as typed: digits within a word ("a-0000047"), and cells of text of the page's own tables
  ("Studio 54"), as long as these do not read as something measured.

The prose of a notebook is the same in every run, so whatever it holds was not counted in this
one.  It may define ("60 days", "nine in ten") and must not quote: no percentage, amount of money,
number of points or ratio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from cs_models.errors import NotebookError
from cs_models.report import values

__all__ = ["check", "loose", "names", "quoted", "results", "spans"]

# Stands for a linked number while the rest of the sentence is read.
_LINKED = "\ufffc"
_AT_MOST = 12
_SILENT = "too_little_data"  # the verdict of what could not be told
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_MONEY = rf"(?:[{''.join(values.SYMBOLS.values())}]|\b[A-Z]{{3}}\s)"
_DIGITS = r"\d+(?:[.,]\d+)*"
# "2.1x" and "$3m" are numbers; "3M" and "q3" are words, as is what a hyphen ties to one.
_NUMBER = re.compile(
    rf"{_MONEY}\s?{_DIGITS}\w*"
    rf"|(?<![\w.])(?<!\w-)[−+]?{_DIGITS}(?:\s?%|-fold\b|\s?[x×](?!\w)|(?!\w))"
)
_ALLOWED = re.compile(
    "|".join(
        (
            r"\b\d{4}-\d{2}(?:-\d{2})?\b",
            r"\b\d{4}\s?Q[1-4]\b|\bQ[1-4] \d{4}\b",
            rf"\b\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?\b|\b(?:{_MONTHS}) \d{{4}}\b",
            rf"{_DIGITS}\s?% (?:confidence )?(?:interval|band)s?\b",
            rf"\b(?:interval|band)s? of {_DIGITS}\s?%",
            r"\b(?:first|last|next|latest|previous) \d+ (?:day|week|month)s?\b",
            r"\b\d+-(?:day|week|month|year)\b",
            r"\b(?:of|every|per) 100\b(?![.,]\d|\s?%)",
            r"\bpages? \d{2}\b",
        )
    ),
    re.IGNORECASE,
)
# Prose defines; it must not quote.
_QUOTED = re.compile(
    rf"{_MONEY}\s?{_DIGITS}\w*|{_DIGITS}\s?%"
    rf"|{_DIGITS}(?:-fold\b|\s?[x×](?!\w)|(?: percentage)? points?\b)"
    rf"|\b{_DIGITS} times (?:as|more|less|the|larger|smaller)\b|\b{_DIGITS} (?:of|in) {_DIGITS}\b"
)  # fmt: skip
# Both ends of a range are one number of a sentence, and so are a count and what it is of.
_JOINS = frozenset({" to ", "–", " of "})
# A text cell that reads so is something measured, not somebody's name.
_MEASURED = re.compile(
    rf"%|{_MONEY}\s?\d|[:;(]|\b(?:at least|at most|more than|fewer than|less than|above|under|"
    rf"below|over|up to|older than)\b|{_DIGITS} (?:more |fewer )?(?:day|week|month|quarter|year|"
    rf"point|customer|user|term|contract|account|seat|call)s?\b",
    re.IGNORECASE,
)  # fmt: skip
# Columns of names: what stands there is one, even where it is digits alone.
_NAMING = frozenset(
    {
        "account_name", "account_id", "account", "near_account_name", "user_id", "person_id",
        "segment", "plan", "region", "industry", "channel", "group", "level", "level_of",
        "feature", "role", "stage", "step", "milestone", "kind", "csm", "product", "name",
    }
)  # fmt: skip
_MARKUP = re.compile(r"<code>.*?</code>|<pre>.*?</pre>|<[^>]*>", re.DOTALL)


def check(
    title: str,
    statements: Sequence[Mapping[str, Any]],
    tables: Iterable[Mapping[str, Any]],
    prose: Iterable[str],
) -> None:
    """Refuse a page with a percentage, amount, number of points or ratio that leads nowhere.

    Parameters
    ----------
    title : str
        The page's, for the message.
    statements, tables : iterables of mapping
        Payloads of the page's statements, and of its tables with those behind figures.
    prose : iterable of str
        Markup of the notebook's own words, and its headings.

    Raises
    ------
    NotebookError
        Naming the page, each statement and number at fault, and the repair.
    """
    known = names(tables)
    found = [
        f"{_called(payload)}: {number}"
        for payload in statements
        if payload.get("verdict") != _SILENT
        for number in results(payload["parts"], known)
    ]
    found += [f"the notebook's own words: {number}" for text in prose for number in quoted(text)]
    if found:
        more = f"; and {len(found) - _AT_MOST} more" if len(found) > _AT_MOST else ""
        raise NotebookError(
            "a number stands in a sentence without the table or figure that made it",
            where=f"page “{title}”",
            got="; ".join(found[:_AT_MOST]) + more,
            repair='in a statement link it, num("42 %", "#its-table"); in a notebook\'s own words '
            "say it without figures, or show a statement",
        )


def loose(parts: Sequence[Mapping[str, Any]], known: re.Pattern[str] | None = None) -> list[str]:
    """Return the numbers of a statement that stand outside a link, each with words around it.

    Parameters
    ----------
    parts : sequence of mapping
        Parts of a statement's payload: ``text``, and ``href`` where it is linked.
    known : pattern, optional
        Names that may hold digits, of :func:`names`.
    """
    said = _unlinked(parts, known)
    return [_around(said, match) for match in _NUMBER.finditer(said)]


def results(parts: Sequence[Mapping[str, Any]], known: re.Pattern[str] | None = None) -> list[str]:
    """Return the percentages, amounts, points and ratios of a statement outside a link.

    Parameters
    ----------
    parts, known
        As for :func:`loose`, whose finds these are a part of.
    """
    said = _unlinked(parts, known)
    return [_around(said, match) for match in _QUOTED.finditer(said)]


def spans(text: str) -> list[tuple[int, int]]:
    """Return where the numbers stand in a text that must be linked: start and end of each.

    Parameters
    ----------
    text : str
        A sentence or a piece of one.

    Returns
    -------
    list of (int, int)
        In order; both ends of a range, and the unit of points, are one.
    """
    said = _ALLOWED.sub(_blank, _plain(text))
    found = [match.span() for match in _NUMBER.finditer(said)]
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and said[joined[-1][1] : start] in _JOINS:
            start = joined.pop()[0]
        joined.append((start, end))
    return [(start, end + (7 if said.startswith(" points", end) else 0)) for start, end in joined]


def quoted(markup: str) -> list[str]:
    """Return the percentages, amounts, points and ratios that prose of a notebook quotes.

    Parameters
    ----------
    markup : str
        As :mod:`cs_models.report.page.markdown` makes it; what is set as code is passed over.
    """
    said = _plain(unescape(_MARKUP.sub(" ", markup)))
    said = _ALLOWED.sub(_blank, said)
    return [_around(said, match) for match in _QUOTED.finditer(said)]


def names(tables: Iterable[Mapping[str, Any]]) -> re.Pattern[str] | None:
    """Return a pattern of the names with digits that the tables of a page show.

    Parameters
    ----------
    tables : iterable of mapping
        Payloads of tables.

    Returns
    -------
    pattern or None
        The longest name first; None when no name has a digit.
    """
    found = {name for table in tables for name in _names(table)}
    if not found:
        return None
    longest = sorted(found, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)


def _names(table: Mapping[str, Any]) -> Iterator[str]:
    for position, column in enumerate(table["columns"]):
        if column["kind"] != "text":
            continue
        sure = column["name"] in _NAMING
        for row in table["rows"]:
            cell = _plain(row[position]).strip() if isinstance(row[position], str) else ""
            if _is_name(cell, sure=sure):
                yield cell
                yield cell.replace("_", " ")


def _is_name(cell: str, *, sure: bool) -> bool:
    """Say whether a cell is somebody's name with a digit in it, not something measured."""
    if not any(letter.isdigit() for letter in cell):
        return False
    return sure or (any(letter.isalpha() for letter in cell) and not _MEASURED.search(cell))


def _unlinked(parts: Sequence[Mapping[str, Any]], known: re.Pattern[str] | None) -> str:
    """Return a sentence whose links, names and conventions are blanked."""
    said = "".join(_LINKED if part.get("href") else _plain(str(part["text"])) for part in parts)
    if known is not None:
        said = known.sub(_blank, said)
    return _ALLOWED.sub(_blank, said)


def _plain(text: str) -> str:
    """Return a text with plain spaces, as it would be typed."""
    return text.replace(values.NARROW_SPACE, " ").replace("\u00a0", " ")


def _blank(match: re.Match[str]) -> str:
    """Return as many letters as were found, so that what is around keeps its place."""
    return "_" * len(match.group())


def _around(said: str, match: re.Match[str]) -> str:
    """Return what was found with a few words either side, for the message."""
    start, end = max(0, match.start() - 24), match.end() + 24
    words = said[start:end].replace(_LINKED, "…").replace("\n", " ").strip()
    return f"“{match.group().strip()}” in “{words}”"


def _called(payload: Mapping[str, Any]) -> str:
    """Return how a statement is told from the others of its page."""
    if payload.get("id"):
        return f"statement {payload['id']}"
    return f"{payload['role']} “{''.join(str(part['text']) for part in payload['parts'])[:40]}…”"
