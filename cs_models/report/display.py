"""What a notebook shows: a sentence, a table, a figure with its table.

These three are the only outputs that the exported page trusts (besides the notebook's own
markdown).  Each carries its content as data under its own mimetype; the page's template
escapes it once.  In JupyterLab the same objects show themselves through ``text/html``
(escaped here) or plotly's own mimetype.

Grain: one object an output.  Use from a notebook::

    Statement.of("answer", "Customers who … renewed ", num(percent(0.88), "#table-rates"), " …")
    Table.of(frame, id="table-rates", title="Renewal rates", columns={
        "arr": Column("ARR", kind="money", unit="USD")})
    Exhibit(id="figure-rates", title="…", figure=figure, table=table, alt="…", caption="…")
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from cs_models.errors import NotebookError
from cs_models.report import drawable, lab, values
from cs_models.report.values import integer, interval, money, number, percent, points

__all__ = [
    "Column", "Exhibit", "Number", "Statement", "Table",
    "integer", "interval", "money", "num", "number", "percent", "points",
]  # fmt: skip

STATEMENT = "application/vnd.cs-models.statement+json"
TABLE = "application/vnd.cs-models.table+json"
EXHIBIT = "application/vnd.cs-models.exhibit+json"
PLOTLY = "application/vnd.plotly.v1+json"

Role = Literal["answer", "finding", "caution", "note"]
ROLES: tuple[str, ...] = get_args(Role)
FOLD_AFTER = 15
# A page is read by people: what is longer than this is a file beside it.
AT_MOST = 100
_LONGEST_CELL = 600  # letters: a few sentences

_LOOSE_PERCENT = re.compile(r"(\d) %")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# A place on this page, or on the page of another notebook of the same folder of reports.
_LINK = re.compile(
    r"(?:\.\./){1,2}(?:[A-Za-z0-9][A-Za-z0-9_-]*/){1,2}report\.html(?:#[A-Za-z][A-Za-z0-9_-]*)?"
    r"|#[A-Za-z][A-Za-z0-9_-]*"
)


@dataclass(frozen=True)
class Number:
    """A number (or any words) in a sentence, linked to the table or figure that made it."""

    text: str
    href: str
    strong: bool = True


def num(text: str, href: str, *, strong: bool = True) -> Number:
    """Return `text` linked to ``href``: ``#`` and a table's id, also on another report's page."""
    if not links(href):
        raise NotebookError(
            "a number must link to a table or figure of its page, or of another report's",
            got=href,
            repair='give "#" and the id of the table, as in "#table-rates"',
        )
    return Number(text, href, strong)


def names(identifier: str) -> bool:
    """Say whether a text may be an id of the page; texts from the data may not be."""
    return _ID.fullmatch(identifier) is not None


def links(href: str) -> bool:
    """Say whether an address is one that a number may link to: nothing outside the reports."""
    return _LINK.fullmatch(href) is not None


@dataclass(frozen=True)
class Column:
    """How one column of a table is headed and written.

    Parameters
    ----------
    label : str, default ""
        Head of the column; the column's name in words when empty.
    kind : {"text", "integer", "number", "percent", "money", "date", "points"}, default "text"
        How its values are written; ``percent`` and ``points`` take proportions (0 to 1).
    unit : str, default ""
        Shown in the head, once.
    digits : int, optional
        Digits after the point.
    """

    label: str = ""
    kind: values.Kind = "text"
    unit: str = ""
    digits: int | None = None


@dataclass(frozen=True)
class Statement:
    """One finding in words, its numbers linked to where they come from.

    Parameters
    ----------
    role : {"answer", "finding", "caution", "note"}
        How the page sets it: the answer comes first and large.
    parts : sequence of str or Number
        The sentence.
    verdict : str, optional
        A verdict of ``methods.md`` 2.5, shown as a badge.
    id : str, default ""
        Anchor of the statement.
    """

    role: Role
    parts: Sequence[str | Number]
    verdict: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise NotebookError(
                "a statement has no such role", got=str(self.role), repair=", ".join(ROLES)
            )
        _check_id(self.id, optional=True)

    @classmethod
    def of(
        cls,
        role: Role,
        *parts: str | Number,
        verdict: str | None = None,
        id: str = "",  # noqa: A002
    ) -> Statement:
        """Return a statement of `parts`, each plain text or a :func:`num`."""
        return cls(role, parts, verdict, id)

    @property
    def text(self) -> str:
        """The sentence without its links."""
        return "".join(part.text if isinstance(part, Number) else str(part) for part in self.parts)

    def payload(self) -> dict[str, Any]:
        """Return the statement as strict JSON."""
        return {
            "role": self.role,
            "id": self.id,
            "parts": [_part(part) for part in self.parts],
            "verdict": self.verdict,
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        mark = f" [{values.verdict(self.verdict)}]" if self.verdict else ""
        return {
            STATEMENT: self.payload(),
            "text/plain": self.text + mark,
            "text/html": lab.statement_html(self.payload()),
        }


@dataclass(frozen=True)
class Table:
    """A table to be read: rows of scalars, columns that know how they are written.

    Parameters
    ----------
    id, title : str
        Anchor and caption.
    columns : mapping of str to Column
        In the order shown.
    rows : sequence of sequences
        Strict JSON scalars, one list a row, in the order of `columns`.
    note : str, default ""
        What to know when reading it.
    fold_after : int, default 15
        Rows shown before the rest is folded.
    at_most : int, default 100
        Rows shown at all; the page says how many it leaves out (write those to a file with
        :func:`cs_models.report.results.write_table`).
    source : Number, optional
        The page and section of another report that these rows are from, said below the table.
    """

    id: str
    title: str
    columns: Mapping[str, Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    fold_after: int = FOLD_AFTER
    at_most: int = AT_MOST
    source: Number | None = None

    def __post_init__(self) -> None:
        _check_id(self.id)
        unknown = {column.kind for column in self.columns.values()} - set(values.KINDS)
        if unknown:
            raise NotebookError(
                "a column has no such kind",
                where=f"table {self.id}",
                got=", ".join(sorted(unknown)),
                repair=", ".join(values.KINDS),
            )

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        *,
        id: str,  # noqa: A002 - the word that HTML and the payload use
        title: str,
        columns: Mapping[str, Column] | None = None,
        note: str = "",
        fold_after: int = FOLD_AFTER,
        at_most: int = AT_MOST,
        source: Number | None = None,
    ) -> Table:
        """Return the rows of `frame` as a table.

        Parameters
        ----------
        frame : DataFrame
            One row a row; its index is not shown.
        columns : mapping of str to Column, optional
            Which columns to show, in which order; all of them, kinds guessed from their
            types, when absent.

        Raises
        ------
        NotebookError
            When `frame` lacks a column.
        """
        shown = dict(columns) if columns is not None else _guess(frame)
        missing = [name for name in shown if name not in frame.columns]
        if missing:
            raise NotebookError(
                "a table asks for columns that its frame does not have",
                where=f"table {id}",
                got=", ".join(map(repr, missing)),
                repair="columns there: " + ", ".join(map(str, frame.columns)),
            )
        cells = [frame[name].tolist() for name in shown]
        rows = [[values.plain(cell) for cell in row] for row in zip(*cells, strict=True)]
        return cls(id, title, shown, rows, note, fold_after, at_most, source)

    def payload(self) -> dict[str, Any]:
        """Return the table as strict JSON, its values not yet written for a reader."""
        shown = [list(row) for row in self.rows[: self.at_most]]
        return {
            "id": self.id,
            "title": values.shortened(self.title),
            "columns": [
                {
                    "name": str(name),
                    "label": values.short_name(column.label or _in_words(str(name))),
                    "unit": column.unit,
                    "kind": column.kind,
                    "digits": column.digits,
                }
                for name, column in self.columns.items()
            ],
            "rows": [[_cell(value) for value in row] for row in values.plain(shown)],
            "left_out": len(self.rows) - len(shown),
            "note": values.shortened(self.note),
            "fold": len(shown) > self.fold_after,
            "fold_after": self.fold_after,
            **({"source": _part(self.source)} if self.source else {}),
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        payload = self.payload()
        return {
            TABLE: payload,
            "text/plain": lab.table_text(payload),
            "text/html": lab.table_html(payload),
        }


@dataclass(frozen=True)
class Exhibit:
    """A figure, what it says in words, and the table behind it.

    Parameters
    ----------
    id, title : str
        Anchor and heading.
    figure : plotly.graph_objects.Figure
        The picture; only what is drawn may be in it.
    table : Table
        The numbers drawn, so that nobody depends on seeing the picture.
    alt : str
        What the picture shows, in a sentence or two, for a reader who cannot see it.
    caption : str, default ""
        How to read it.
    """

    id: str
    title: str
    figure: Any
    table: Table
    alt: str
    caption: str = ""

    def __post_init__(self) -> None:
        _check_id(self.id)
        if not self.alt.strip():
            raise NotebookError(
                "a figure needs words for a reader who cannot see it",
                where=f"exhibit {self.id}",
                repair="give `alt`: what the figure shows, in a sentence",
            )
        if self.table.id == self.id:
            raise NotebookError(
                "a figure and its table need two ids",
                where=f"exhibit {self.id}",
                repair=f'name the table "{self.id}-table"',
            )

    def payload(self) -> dict[str, Any]:
        """Return the exhibit as strict JSON; arrays of the figure as plain lists."""
        return {
            "id": self.id,
            "title": values.shortened(self.title),
            "caption": values.shortened(self.caption),
            "alt": values.shortened(self.alt),
            "figure": drawable.figure(json.loads(self.figure.to_json())),
            "table": self.table.payload(),
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        payload = self.payload()
        in_lab = lab.figure(payload["figure"], self.title)
        return {EXHIBIT: payload, PLOTLY: in_lab, "text/plain": f"{self.title}: {self.alt}"}


def _check_id(identifier: str, *, optional: bool = False) -> None:
    if (optional and not identifier) or _ID.fullmatch(identifier):
        return
    raise NotebookError(
        "an id must be a letter followed by letters, digits, - or _",
        got=repr(identifier),
        repair='as in "table-rates"',
    )


def _part(part: str | Number) -> dict[str, Any]:
    if isinstance(part, Number):
        return {"text": _kept(part.text), "href": part.href, "strong": part.strong}
    return {"text": _kept(str(part))}


def _kept(text: str) -> str:
    """Keep a per cent sign on the line of its number."""
    whole = values.shortened(values.plain(text))
    return _LOOSE_PERCENT.sub(rf"\1{values.NARROW_SPACE}%", whole)


def _cell(value: Any) -> Any:
    """Cut what no cell can show; the file beside the page has it whole."""
    if not isinstance(value, str):
        return value
    text = values.shortened(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _guess(frame: pd.DataFrame) -> dict[str, Column]:
    return {str(name): Column(kind=_kind(frame[name])) for name in frame.columns}


def _kind(column: pd.Series) -> values.Kind:
    if pd.api.types.is_bool_dtype(column):
        return "text"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column) else "text"
