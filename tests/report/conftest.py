"""An executed notebook to export: one as a good notebook is, one full of hostile data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from nbformat import v4

from cs_models.report import theme
from cs_models.report.display import Column, Exhibit, Statement, Table, num

Cells = list[nbformat.NotebookNode]


def _markdown(source: str) -> nbformat.NotebookNode:
    return v4.new_markdown_cell(source)


def _code(
    *shown: Any, tags: tuple[str, ...] = (), source: str = "secret_code = 1"
) -> nbformat.NotebookNode:
    outputs = []
    for item in shown:
        data = item if isinstance(item, dict) else item._repr_mimebundle_()
        # Through JSON, as the kernel's message would.
        data = json.loads(json.dumps(data, allow_nan=False))
        outputs.append(v4.new_output("display_data", data=data))
    return v4.new_code_cell(
        source, outputs=outputs, execution_count=1, metadata={"tags": list(tags)}
    )


@pytest.fixture(scope="session")
def markdown_cell() -> Callable[..., nbformat.NotebookNode]:
    """Return a maker of markdown cells."""
    return _markdown


@pytest.fixture(scope="session")
def code_cell() -> Callable[..., nbformat.NotebookNode]:
    """Return a maker of executed code cells that show the objects it is given."""
    return _code


@pytest.fixture(scope="session")
def notebook_of() -> Callable[..., nbformat.NotebookNode]:
    """Return a maker of notebooks from cells, with stable cell ids."""

    def make(*cells: nbformat.NotebookNode, **metadata: Any) -> nbformat.NotebookNode:
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number}"
        return v4.new_notebook(cells=list(cells), metadata=metadata)

    return make


@pytest.fixture(scope="session")
def good(notebook_of: Callable[..., nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """Return an executed notebook as the workbench makes them: three figures, long tables."""
    return notebook_of(
        *_opening(), *_evidence(), *_accounts(), _code(tags=("sentinel",)),
        papermill={"parameters": {"alpha": 0.1, "source": {"path": "data/sample"}}},
    )  # fmt: skip


def _opening() -> Cells:
    return [
        _markdown(
            "# How much use, by when, separates customers who renew?\n\n"
            "Read this before deciding which new customers the success team calls in their "
            "first ninety days."
        ),
        _code(
            tags=("parameters",),
            source='as_of = "2026-06-30"\nsource = {}\nalpha = 0.05  # chance of a false alarm\n'
            "windows_days = [30, 60, 90]  # days from the start of the term\noutput_dir = None",
        ),
        _code(tags=("setup",)),
        _code(
            Statement.of(
                "answer",
                "Customers who shared at least ",
                num("8 reports in their first 60 days", "#table-rules"),
                " renewed ",
                num("88 %", "#figure-rates"),
                " of the time; those below it ",
                num("71 %", "#figure-rates"),
                ".",
                verdict="sharp",
            ),
            Statement.of(
                "answer",
                "The difference is ",
                num("17 points", "#table-rules"),
                " (95 % interval ",
                num("11 to 22", "#table-rules"),
                "), seen in ",
                num("1,912 terms of 1,204 accounts, 391 of them", "#table-rules"),
                " lost. Today ",
                num("43 customers", "#table-accounts"),
                " with ",
                num("$2,310,000", "#table-accounts"),
                " a year stand below it.",
            ),
        ),
    ]


def _evidence() -> Cells:
    rates = pd.DataFrame(
        {
            "group": ["Enterprise", "Enterprise", "Mid-market", "Mid-market", "Small", "Small"],
            "side": ["at or above", "below"] * 3,
            "rate": [0.93, 0.81, 0.88, 0.70, 0.79, 0.62],
            "low": [0.89, 0.74, 0.85, 0.64, 0.73, 0.55],
            "high": [0.96, 0.87, 0.91, 0.75, 0.84, 0.68],
            "n": [310, 120, 640, 290, 301, 251],
        }
    )
    table = Table.of(
        rates,
        id="table-rates",
        title="Renewal rate either side of the cut, by segment",
        columns={
            "group": Column("Segment"), "side": Column("Use"), "rate": Column("Renewed", "percent"),
            "low": Column("From", "percent"), "high": Column("to", "percent"),
            "n": Column("Terms", "integer"),
        },
        note="Intervals of 95 %, with the account as the unit.",
    )  # fmt: skip
    rules = pd.DataFrame(
        {
            "rule": ["8 reports shared in 60 days", "3 users in 30 days", "40 logins in 90 days"],
            "verdict": ["sharp", "associated", "none"],
            "lift": [0.17, 0.06, -0.012],
            "p": [0.0002, 0.04, np.nan],
        }
    )
    rules_table = Table.of(
        rules, id="table-rules", title="The rules that were searched, best first",
        columns={
            "rule": Column("Rule"), "verdict": Column("Verdict"),
            "lift": Column("Difference", "points", "points"),
            "p": Column("Adjusted p", "number", digits=4),
        },
    )  # fmt: skip
    return [
        _markdown(
            "## What separates them\n\nEvery rule of the form *at least N, within T days* was "
            "tried. The reader sees the best one that survives the search, and what the same "
            "search finds when there is **nothing** to find."
        ),
        _code(
            Exhibit(
                "figure-rates",
                "Use above the cut goes with renewal in every segment",
                _rates_figure(rates),
                table,
                "In each of three segments the renewal rate is higher at or above the cut.",
                "Dots are renewal rates, bars their intervals. Enterprise has few terms below.",
            )
        ),
        _code(
            Statement.of(
                "caution",
                "This is a difference between customers, not the effect of sharing reports: who "
                "shares more may differ in other ways.",
            ),
            Statement.of(
                "finding", "Logins tell nothing more once reports are known: ",
                num("−1.2 points", "#table-rules"), ", well within chance.", verdict="none",
            ),
            Statement.of(
                "finding", "For partners there are ", num("31 terms", "#table-rules"),
                ", not enough to look for a cut.", verdict="too_little_data",
            ),
            Statement.of(
                "note", "The accounts' labels were shuffled ", num("4,999", "#figure-chance-table"),
                " times within segment and term length; the best rule of each shuffle gives the "
                "grey bars below.",
            ),
        ),
        _code(rules_table),
        _markdown("## How sure we are"),
        _code(_chance_exhibit(), _heat_exhibit()),
    ]  # fmt: skip


def _accounts() -> Cells:
    names = ["Ashford Mills", "Börse & Söhne", "Café Ñandú", "株式会社 例", "O'Neill Freight"]
    frame = pd.DataFrame(
        {
            "account": [f"{name} {n}" for n, name in zip(range(43), itertools.cycle(names))],
            "segment": list(itertools.islice(itertools.cycle(["Small", "Mid-market"]), 43)),
            "arr": [Decimal("53721.50") + 1234 * n for n in range(43)],
            "renewal": pd.date_range("2026-08-01", periods=43, freq="9D"),
            "shared": [n % 8 for n in range(43)],
            "csm": [None if n % 7 else "Dana Whitfield" for n in range(43)],
        }
    )
    return [
        _markdown(
            "## Who stands below today\n\n"
            "- Largest first.\n- A name here is a question to ask, not a forecast.\n\n"
            "| Term | Meaning |\n|---|--:|\n| below | fewer than 8 |\n"
        ),
        _code(
            Table.of(
                frame, id="table-accounts", title="Customers below the cut, by yearly value",
                columns={
                    "account": Column("Customer"), "segment": Column("Segment"),
                    "arr": Column("ARR", "money", "USD"), "renewal": Column("Renews on", "date"),
                    "shared": Column("Reports shared", "integer"), "csm": Column("Looked after by"),
                },
                note="The whole list is in tables/below.csv.",
            )
        ),
    ]  # fmt: skip


def _rates_figure(rates: pd.DataFrame) -> go.Figure:
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": 300})
    for side, role in (("at or above", "above"), ("below", "below")):
        rows = rates[rates["side"] == side]
        figure.add_scatter(
            x=rows["rate"], y=rows["group"], name=side, mode="markers",
            marker={"color": theme.COLOURS[role], "size": 12},
            error_x={
                "type": "data", "symmetric": False, "array": rows["high"] - rows["rate"],
                "arrayminus": rows["rate"] - rows["low"], "width": 0,
                "color": theme.faded(theme.COLOURS[role], 0.6), "thickness": 3,
            },
        )  # fmt: skip
    figure.update_xaxes(title="Renewal rate", tickformat=".0%", range=[0.5, 1])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _chance_exhibit() -> Exhibit:
    middles = np.linspace(0.5, 4.5, 17)
    shares = np.exp(-((middles - 2.1) ** 2) / 0.5)
    frame = pd.DataFrame({"strength": middles, "share": shares / shares.sum()})
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": 280, "showlegend": False})
    figure.add_bar(
        x=frame["strength"], y=frame["share"], marker_color=theme.COLOURS["noise"], width=0.22
    )
    figure.add_vline(x=4.2, line={"color": theme.COLOURS["accent"], "width": 3})
    figure.add_annotation(
        x=4.2, y=1, yref="paper", text="<b>this history</b>", showarrow=False, xanchor="right",
        xshift=-6,
    )  # fmt: skip
    figure.update_layout(
        sliders=[
            {
                "steps": [
                    {"label": str(n), "method": "restyle", "args": ["opacity", [n / 4]]}
                    for n in (1, 2, 3, 4)
                ],
                "currentvalue": {"prefix": "Opacity: "},
            }
        ]
    )
    figure.update_yaxes(tickformat=".0%", title="Shuffled histories")
    figure.update_xaxes(title="Strength of the best rule found (in standard deviations of chance)")
    columns = {"strength": Column("Strength"), "share": Column("Share", "percent")}
    return Exhibit(
        "figure-chance", "Chance alone never reached this strength", figure,
        Table.of(frame, id="figure-chance-table", title="Shuffled histories", columns=columns),
        "A grey hill of shuffled histories around 2; this history stands at 4.2.",
    )  # fmt: skip


def _heat_exhibit() -> Exhibit:
    grid = np.round(np.outer([0.4, 0.7, 0.9], [0.6, 0.8, 1.0]), 3)
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": 320})
    figure.add_heatmap(
        z=grid, x=["30 days", "60 days", "90 days"], y=["1 user", "2 users", "3 users"],
        colorscale=theme.SEQUENTIAL, texttemplate="%{z:.0%}",
    )  # fmt: skip
    frame = pd.DataFrame(grid, columns=["d30", "d60", "d90"])
    return Exhibit(
        "figure-heat", "Within two months the picture is the same", figure,
        Table.of(frame, id="figure-heat-table", title="Share announced"),
        "Shares rise with days and users.",
    )  # fmt: skip


@pytest.fixture(scope="session")
def run_facts() -> dict[str, Any]:
    """Return what a run's manifest tells a page."""
    return {
        "run_id": "2026-06-30-sample-1f3c",
        "as_of": date(2026, 6, 30),
        "data_window": {"first": "2022-01-01", "last": "2026-06-29"},
        "versions": {"cs-models": "0.1.0", "python": "3.11.7", "plotly": "7.1.0"},
    }


@pytest.fixture(scope="session")
def hostile(
    notebook_of: Callable[..., nbformat.NotebookNode], hostile_names: tuple[str, ...]
) -> nbformat.NotebookNode:
    """Return an executed notebook whose every text from data is hostile."""
    names = [*hostile_names, ""]
    frame = pd.DataFrame({"name": names, "n": range(len(names))})
    everything = "\n".join(hostile_names)
    table = Table.of(
        frame, id="table-names", title=everything, note=everything,
        columns={"name": Column(hostile_names[0]), "n": Column(hostile_names[2], "integer",
                 hostile_names[1])}, fold_after=100,
    )  # fmt: skip
    return notebook_of(
        _markdown("# Who? <script>window.X=1</script>\n\n" + "\n\n".join(hostile_names[:-1])),
        _markdown("## Part <img src=x onerror=window.X=1> ![p](https://attack.example/p.png)"),
        _code(
            Statement.of("answer", everything, num(hostile_names[0], "#table-names"),
                         verdict=hostile_names[1]),
            table,
            Exhibit("figure-names", everything, _hostile_figure(hostile_names), Table.of(
                frame, id="figure-names-table", title="t"), everything, everything),
        ),
        _code(*({mimetype: hostile_names[1]} for mimetype in (
            "text/html", "text/markdown", "text/plain", "text/latex", "image/svg+xml",
            "application/javascript", "text/vnd.mermaid", "application/x-unknown",
            "application/vnd.jupyter.widget-view+json"))),
        papermill={"parameters": {name[:40]: name for name in hostile_names}},
    )  # fmt: skip


def _hostile_figure(hostile_names: tuple[str, ...]) -> go.Figure:
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": 900})
    literal = [theme.literal(name) for name in hostile_names[:-1]]
    figure.add_bar(y=literal, x=list(range(len(literal))), orientation="h", name=literal[0],
                   text=literal, hovertemplate="%{y}" + hostile_names[1])  # fmt: skip
    figure.add_scatter(x=[1], y=[literal[1]], name=hostile_names[2])
    figure.add_annotation(x=1, y=1, text=hostile_names[3])
    figure.update_xaxes(title=hostile_names[1])
    return figure
