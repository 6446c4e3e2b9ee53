"""How statements and tables look in JupyterLab and in a terminal; every text is escaped here.

In: the payloads of :mod:`cs_models.report.display`.  The exported page does not use this
module: its markup comes from the page's own template.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import Any

from cs_models.report import theme, values


def cell(value: Any, column: Mapping[str, Any]) -> str:
    """Return one cell of a table's payload as a reader sees it."""
    return values.write(value, column["kind"], digits=column.get("digits"))


def head(column: Mapping[str, Any]) -> str:
    """Return the head of a column of a table's payload, with its unit."""
    return f"{column['label']} ({column['unit']})" if column["unit"] else str(column["label"])


def left_out(payload: Mapping[str, Any]) -> str:
    """Return the words for rows of a table that are not shown, empty when all are."""
    missing = payload.get("left_out", 0)
    shown = len(payload["rows"])
    return f"The first {shown:,} of {shown + missing:,} rows." if missing else ""


def further(payload: Mapping[str, Any], printed: int) -> str:
    """Return the words for rows of a folded table that stand on the screen and not on paper."""
    shown = len(payload["rows"])
    n = shown + payload.get("left_out", 0)
    kept = "all" if n == shown else f"{shown:,}"
    return f"{printed:,} of {n:,} rows are printed; the page shows {kept}."


def table_text(payload: Mapping[str, Any]) -> str:
    """Return a table as aligned plain text."""
    columns = payload["columns"]
    lines = [[head(column) for column in columns]]
    lines += [[cell(v, c) for v, c in zip(row, columns, strict=True)] for row in payload["rows"]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    body = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([str(payload["title"]), *body, left_out(payload)]).rstrip()


# Pixels: one line of a figure's title, and the room around it.
_TITLE_LINE, _TITLE_ROOM = 20, 14
_TITLE_LETTERS = 80  # in a line, so that it fits a narrow notebook too
_LEGEND_LINE = 24  # pixels
_LEGEND_LETTERS = 100  # in a line; a name's mark and the room around it take as much as eight
_MARK = 8


def figure(drawn: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return a figure for JupyterLab: its title on top, all in shades for light and dark themes.

    The exported page sets the title as text above the figure, so figures are drawn without one
    and their legend stands at the very top; both in one place could not be read.  The page also
    swaps colours for a dark screen; JupyterLab does not, so its figures have shades for both.

    Parameters
    ----------
    drawn : mapping
        Plotly's JSON, without a title; it is not changed.
    title : str
        As typed.

    Returns
    -------
    dict
        The same drawing, higher by the title.
    """
    drawn = theme.on_either(drawn)
    layout = dict(drawn["layout"])
    usual = theme.TEMPLATE.layout
    lines = [escape(line, quote=False) for line in wrap(title, _TITLE_LETTERS)]
    head = _TITLE_LINE * len(lines) + _TITLE_ROOM
    height = layout.get("height", usual.height) + head
    margin = {"t": usual.margin.t, **layout.get("margin", {})}
    room = {
        "title": {
            "text": "<br>".join(lines), "x": 0, "xref": "container", "xanchor": "left",
            "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": _TITLE_ROOM // 2},
        },
        "height": height,
        "margin": {**margin, "t": head + max(margin["t"], usual.margin.t + _legend(drawn))},
        "legend": {**layout.get("legend", {}), "y": 1 - head / height},
    }  # fmt: skip
    return {**drawn, "layout": {**layout, **room}}


def _legend(drawn: Mapping[str, Any]) -> int:
    """Return the pixels that a figure's legend takes: plotly keeps none free below a title."""
    if not drawn["layout"].get("showlegend"):
        return 0
    names = [
        str(trace.get("name") or "") for trace in drawn["data"] if trace.get("showlegend", True)
    ]
    letters = sum(len(name) + _MARK for name in names)
    return _LEGEND_LINE * -(-letters // _LEGEND_LETTERS)


# JupyterLab gives its colours as variables, so the same markup is right in light and dark.
_LAB_CELL = "padding:2px 12px;border-bottom:1px solid var(--jp-border-color2,#ccc);"
_LAB_ROLES = {
    "answer": "font-size:1.25em;border-left:4px solid var(--jp-brand-color1,#1976d2);",
    "finding": "border-left:4px solid var(--jp-border-color1,#bbb);",
    "caution": "border-left:4px solid var(--jp-warn-color1,#f57c00);",
    "note": "border-left:4px solid var(--jp-border-color2,#ddd);font-size:0.95em;",
}


def statement_html(payload: Mapping[str, Any]) -> str:
    """Return a statement as escaped markup for JupyterLab."""
    words = "".join(
        f"<strong>{escape(part['text'])}</strong>" if "href" in part else escape(part["text"])
        for part in payload["parts"]
    )
    verdict = payload["verdict"]
    mark = f"<em> · {escape(values.verdict(verdict))}</em>" if verdict else ""
    style = f"margin:0.4em 0;padding:0.2em 0.9em;max-width:70ch;{_LAB_ROLES[payload['role']]}"
    return f'<div style="{style}">{words}{mark}</div>'


def table_html(payload: Mapping[str, Any]) -> str:
    """Return a table as escaped markup for JupyterLab."""
    columns = payload["columns"]
    aligned = [
        "text-align:" + ("right;" if column["kind"] in values.NUMERIC_KINDS else "left;")
        for column in columns
    ]
    heads = "".join(
        f'<th scope="col" style="{_LAB_CELL}{align}">{escape(head(column))}</th>'
        for column, align in zip(columns, aligned, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_LAB_CELL}{align}">{escape(cell(value, column))}</td>'
            for value, column, align in zip(row, columns, aligned, strict=True)
        )
        + "</tr>"
        for row in payload["rows"]
    )
    source = payload.get("source")
    words = f"{left_out(payload)} {payload['note']} {'From: ' + source['text'] if source else ''}"
    words = words.strip()
    note = f"<p>{escape(words)}</p>" if words else ""
    return (
        f"<div><strong>{escape(payload['title'])}</strong>"
        f'<div style="max-height:28em;overflow:auto"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}</div>"
    )
