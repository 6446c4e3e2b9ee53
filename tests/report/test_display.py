"""What a notebook shows: strict data under its own mimetype, escaped markup for JupyterLab."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from cs_models.errors import NotebookError
from cs_models.report import display, theme, values
from cs_models.report.display import Column, Exhibit, Statement, Table, num, percent

FRAME = pd.DataFrame(
    {
        "name": ["Ash & Sons", None, "<b>Bold</b>"],
        "rate": [0.884, np.nan, np.inf],
        "arr": [Decimal("1234567.50"), None, Decimal("-3")],
        "when": pd.to_datetime(["2024-01-31", None, "2025-02-28"]),
        "n": np.array([1, 2000, 3], dtype="int64"),
        "seen": [True, False, None],
    }
)
COLUMNS = {
    "name": Column("Customer"),
    "rate": Column("Renewed", "percent"),
    "arr": Column("ARR", "money", "USD"),
    "when": Column("Renews on", "date"),
    "n": Column(kind="integer"),
    "seen": Column("Seen"),
}


def _strict(bundle: dict[str, Any]) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    loaded: dict[str, Any] = json.loads(json.dumps(bundle), parse_constant=refuse)
    return loaded


def test_a_table_is_strict_json_whatever_its_frame_holds() -> None:
    """NaN, infinity, NaT, None, Decimal, numpy scalars and timestamps all become JSON scalars."""
    payload = _strict(Table.of(FRAME, id="t", title="T", columns=COLUMNS).payload())
    assert payload["rows"] == [
        ["Ash & Sons", 0.884, 1234567.5, "2024-01-31", 1, True],
        [None, None, None, None, 2000, False],
        ["<b>Bold</b>", None, -3, "2025-02-28", 3, None],
    ]
    assert [column["label"] for column in payload["columns"]] == [
        "Customer", "Renewed", "ARR", "Renews on", "N", "Seen",
    ]  # fmt: skip


def test_a_table_folds_after_its_limit_and_not_before() -> None:
    """Fifteen rows are shown whole; a sixteenth folds."""
    rows = pd.DataFrame({"n": range(16)})
    assert Table.of(rows, id="t", title="T").payload()["fold"]
    assert not Table.of(rows[:15], id="t", title="T").payload()["fold"]
    assert Table.of(rows[:4], id="t", title="T", fold_after=3).payload()["fold"]


def test_a_table_says_how_many_rows_it_leaves_out() -> None:
    """Beyond its limit a table shows the first rows, and page, lab and terminal say so."""
    table = Table.of(pd.DataFrame({"n": range(1200)}), id="t", title="T", at_most=1000)
    payload = table.payload()
    assert len(payload["rows"]) == 1000
    assert payload["left_out"] == 200
    for markup in (table._repr_mimebundle_()["text/html"], table._repr_mimebundle_()["text/plain"]):
        assert "The first 1,000 of 1,200 rows." in markup
    whole = Table.of(pd.DataFrame({"n": range(3)}), id="t", title="T")
    assert "rows" not in whole._repr_mimebundle_()["text/plain"]


def test_a_table_names_the_column_its_frame_lacks() -> None:
    """Asking for an absent column says which one, of which table, and what there is."""
    with pytest.raises(NotebookError, match=r"table t(.|\n)*'cusp'(.|\n)*name, rate") as caught:
        Table.of(FRAME, id="t", title="T", columns={"cusp": Column()})
    assert caught.value.exit_code == 5


def test_columns_are_guessed_from_types_when_none_are_given() -> None:
    """Integers, floats, dates, booleans and text get their own kind."""
    kinds = [column["kind"] for column in Table.of(FRAME, id="t", title="T").payload()["columns"]]
    assert kinds == ["text", "number", "text", "date", "integer", "text"]


def test_every_display_object_speaks_to_page_lab_and_terminal() -> None:
    """Each bundle has its own mimetype and text; tables and statements markup, figures plotly."""
    table = Table.of(FRAME, id="t", title="T", columns=COLUMNS)
    exhibit = Exhibit("e", "E", go.Figure(), table, "a picture of nothing")
    statement = Statement.of("answer", "So ", num(percent(0.88), "#t"), ".", verdict="none")
    assert _strict(table._repr_mimebundle_()).keys() == {display.TABLE, "text/plain", "text/html"}
    assert _strict(statement._repr_mimebundle_()).keys() == {
        display.STATEMENT, "text/plain", "text/html",
    }  # fmt: skip
    assert _strict(exhibit._repr_mimebundle_()).keys() == {
        display.EXHIBIT, display.PLOTLY, "text/plain",
    }  # fmt: skip
    assert statement._repr_mimebundle_()["text/plain"] == "So 88\u202f%. [No difference found]"


def test_markup_for_the_lab_is_escaped(hostile_names: tuple[str, ...]) -> None:
    """No hostile name reaches JupyterLab as an element, from any text of any object."""
    everything = " ".join(hostile_names)
    frame = pd.DataFrame({"name": list(hostile_names)})
    table = Table.of(
        frame, id="t", title=everything, note=everything,
        columns={"name": Column(everything, unit=everything)},
    )  # fmt: skip
    statement = Statement.of("note", everything, num(everything, "#t"), verdict=everything)
    allowed = {"div", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "p"}
    for shown in (table, statement):
        markup = shown._repr_mimebundle_()["text/html"]
        opened = {part.split(" ")[0].split(">")[0] for part in markup.split("<")[1:]}
        assert {name.lstrip("/") for name in opened} <= allowed


def test_in_the_lab_title_legend_and_plot_stand_below_one_another() -> None:
    """A long title wraps, and legend, margin and height of the figure make room for its lines."""
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": 300, "margin": {"t": 44}})
    exhibit = Exhibit("e", "<b> " * 40, figure, Table.of(FRAME, id="t", title="T"), "alt")
    bundle = exhibit._repr_mimebundle_()
    layout = bundle[display.PLOTLY]["layout"]
    lines = layout["title"]["text"].split("<br>")
    head = layout["height"] - 300
    assert len(lines) == 2 and all("&lt;b&gt;" in line and "<" not in line for line in lines)
    assert head >= 2 * theme.TEMPLATE.layout.title.font.size * 1.3
    assert layout["margin"]["t"] == 44 + head
    assert (1 - layout["legend"]["y"]) * layout["height"] == pytest.approx(head)
    assert bundle[display.EXHIBIT]["figure"]["layout"]["height"] == 300


def test_in_the_lab_a_figure_is_read_on_a_light_and_on_a_dark_ground() -> None:
    """No shade lost on black is left in it, data that look like one stay, the page has its own."""
    dark = [theme.LIGHT[role] for role in theme.EITHER]
    figure = go.Figure(layout={"template": theme.TEMPLATE, "showlegend": True})
    figure.add_bar(
        x=[theme.LIGHT["ink"]], y=[1], name="n", marker={"color": [theme.LIGHT["accent"]]},
        error_y={"color": theme.faded(theme.LIGHT["accent"], 0.6)},
    )  # fmt: skip
    figure.add_annotation(text="here", font={"color": theme.LIGHT["ink"]})
    bundle = Exhibit("e", "T", figure, Table.of(FRAME, id="t", title="T"), "a")._repr_mimebundle_()
    lab = bundle[display.PLOTLY]
    assert lab["data"][0]["x"] == [theme.LIGHT["ink"]]
    assert lab["data"][0]["marker"]["color"] == [theme.EITHER["accent"]]
    assert lab["data"][0]["error_y"]["color"] == theme.faded(theme.EITHER["accent"], 0.6)
    assert lab["layout"]["annotations"][0]["font"]["color"] == theme.EITHER["ink"]
    usual = dict(lab["layout"]["template"]["layout"])
    usual.pop("hoverlabel")
    assert not [shade for shade in dark if shade in json.dumps(usual)]
    assert theme.LIGHT["ink"] in json.dumps(bundle[display.EXHIBIT]["figure"]["layout"])


def test_a_figure_carries_its_numbers_readable_and_nothing_undrawn() -> None:
    """Plotly's base64 arrays are undone, also in two dimensions, with gaps as null."""
    figure = go.Figure(layout={"template": theme.TEMPLATE})
    figure.add_scatter(x=np.arange(3), y=np.array([1.0, np.nan, 3.0]))
    figure.add_heatmap(z=np.arange(6, dtype="float64").reshape(2, 3))
    table = Table.of(FRAME, id="t", title="T")
    payload = _strict(Exhibit("e", "E", figure, table, "alt").payload())
    assert "bdata" not in json.dumps(payload)
    assert payload["figure"]["data"][0]["y"] == [1.0, None, 3.0]
    assert payload["figure"]["data"][1]["z"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize("identifier", ["", "1st", "a b", 'a"b', "ü", "a#b", "-a"])
def test_an_id_is_one_plain_word(identifier: str) -> None:
    """Ids become anchors and attributes: only letters, digits, - and _ are taken."""
    with pytest.raises(NotebookError, match="an id must be"):
        Table.of(FRAME, id=identifier, title="T")


@pytest.mark.parametrize("href", ["table", "https://x.example", "javascript:alert(1)", "#", "# a"])
def test_a_number_links_within_its_page(href: str) -> None:
    """A number may link to a table or figure of its page and to nothing else."""
    with pytest.raises(NotebookError, match="a number must link"):
        num("3", href)


def test_a_figure_without_words_or_with_its_tables_id_is_refused() -> None:
    """Every figure has words for who cannot see it, and an id of its own."""
    table = Table.of(FRAME, id="t", title="T")
    with pytest.raises(NotebookError, match="cannot see it"):
        Exhibit("e", "E", go.Figure(), table, "  ")
    with pytest.raises(NotebookError, match="two ids"):
        Exhibit("t", "E", go.Figure(), table, "alt")


def test_a_statement_has_a_known_role_and_keeps_per_cent_with_its_number() -> None:
    """An unknown role is refused by name; "88 %" never breaks before its sign."""
    with pytest.raises(NotebookError, match="shout"):
        Statement.of("shout", "x")  # type: ignore[arg-type]
    parts = Statement.of("note", "in 88 % of ", num("4 %", "#t")).payload()["parts"]
    assert [part["text"] for part in parts] == ["in 88\u202f% of ", "4\u202f%"]


LONG = "S" * 10_240


def test_a_name_that_nobody_reads_to_its_end_is_cut_wherever_it_is_shown() -> None:
    """About 120 letters in sentences, heads, cells and figures; an ellipsis says so."""
    said = Statement.of("finding", f"In {LONG} are ", num("8", "#t"), ".").payload()
    table = Table.of(
        pd.DataFrame({"who": [LONG, "short"]}), id="t", title=f"Of {LONG}",
        columns={"who": Column(LONG)}, note=LONG,
    )  # fmt: skip
    drawn = go.Figure().add_bar(x=[LONG, LONG + "T", "short"], y=[1, 2, 3], name=LONG)
    drawn.update_xaxes(categoryarray=[LONG, LONG + "T"])
    drawn.add_annotation(x=LONG, y=1, text=f"here: {LONG}")
    shown = Exhibit("e", LONG, drawn, replace(table, id="e-t"), LONG, LONG).payload()
    text = json.dumps([said, table.payload(), shown], ensure_ascii=False)
    assert "S" * 121 not in text
    assert max(len(word) for word in said["parts"][0]["text"].split()) <= 120
    assert "…" in said["parts"][0]["text"] and "…" in table.payload()["title"]
    assert table.rows[0][0] == LONG  # what is shown is cut, not what is known
    # Names that differ at their end stay two, and one name is cut alike wherever it stands.
    (bars,), layout = shown["figure"]["data"], shown["figure"]["layout"]
    assert len(set(bars["x"])) == 3
    assert layout["xaxis"]["categoryarray"] == bars["x"][:2]
    assert layout["annotations"][0]["x"] == bars["x"][0]


def test_short_words_and_long_sentences_stay_as_they_are() -> None:
    """A name of 120 letters is whole, and so is a sentence of many words."""
    for text in ("S" * 120, "a sentence of words " * 50, ""):
        assert values.shortened(text) == text
    assert values.short_name("S" * 120) == "S" * 120
    assert len(values.short_name("a b" * 60)) <= 120
    # plotly's texts are escaped: no half of an entity is left to be read otherwise.
    assert "&" not in values.short_name("S" * 112 + "&lt;" * 10)
