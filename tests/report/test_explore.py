"""The explorers show by hand what the pages measure, and cost a headless run nothing."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import weakref
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from ibis.backends.duckdb import Backend

from cs_models.errors import ParameterError
from cs_models.learn import thresholds
from cs_models.report import explore
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import rules, standing
from cs_models.report.evidence import survival as survival_evidence
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.survival import History
from cs_models.report.explore import doubt, plot, tabling
from cs_models.report.explore.sides import Levels
from cs_models.report.explore.staying import EVERYONE, TIERS, Staying
from cs_models.run.worker import prepare

AS_OF = date(2026, 6, 30)
COLUMN = "events__report_shared__first_60d"
SHORT = "events__report_shared__first_30d"
HOSTILE = '<img src=x onerror="window.hacked=1"><b>Böld</b>'
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def _panel(n: int = 700, seed: int = 3) -> pd.DataFrame:
    """Return one term an account, in two segments: below 12 events far more leave."""
    rng = np.random.default_rng(seed)
    events = rng.negative_binomial(2, 2 / (2 + 14), n)
    churn = 0.25 + 0.4 * np.where(events < 12, 0.5, -0.5)
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i:04d}" for i in range(n)],
            "account_id": [f"a{i:04d}" for i in range(n)],
            "account_name": [HOSTILE if i == 0 else f"Customer {i}" for i in range(n)],
            "as_of_date": pd.Timestamp("2025-03-02"),
            "term_start": pd.Timestamp("2025-01-01"),
            "term_end": pd.Timestamp("2026-01-01"),
            "term_no": 1,
            "term_months": 12,
            "segment": np.where(np.arange(n) % 2 == 0, "North", HOSTILE),
            "arr": [Decimal("1000.50")] * n,
            "seats": 10,
            "churned": (rng.random(n) < churn).astype(int),
            "in_notice": False,
            COLUMN: events,
            SHORT: events // 2,
            "users__report_shared__first_60d": np.minimum(events, 4),
        }
    )


@pytest.fixture(scope="module")
def search() -> thresholds.Search:
    """Return what a search finds in it."""
    return thresholds.learn(_panel(), features=[COLUMN], n_permutations=399, random_state=1)


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    """Return terms that run: the window of some is still open."""
    frame = _panel(n=60, seed=9).drop(columns="churned")
    start = np.where(np.arange(60) % 3 == 0, "2026-06-01", "2026-01-01")
    return frame.assign(term_start=pd.to_datetime(start), term_end=pd.Timestamp("2027-01-01"))


@pytest.fixture(scope="module")
def levels(search: thresholds.Search, book: pd.DataFrame) -> Levels:
    """Return what a turn of the threshold explorer reads."""
    return Levels.of(search, book, as_of=AS_OF, by="segment", currency="USD")


def _sides(shown: list[Any]) -> dict[str, dict[str, Any]]:
    table = next(each.table for each in shown if isinstance(each, Exhibit))
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {row["side"]: row for row in rows}


def test_both_sides_of_any_level_are_all_terms(levels: Levels, search: thresholds.Search) -> None:
    """However the level is turned, the two sides together hold every term, lost and renewed."""
    known = search.learnt_from
    for segment in (None, "North", HOSTILE):
        mine = known if segment is None else known[known["segment"] == segment]
        for cut in (1, 5, 12, 12.5, 40):
            sides = _sides(levels.at(COLUMN, cut, segment=segment))
            assert sum(side["n_terms"] for side in sides.values()) == len(mine)
            assert sum(side["n_churned"] for side in sides.values()) == mine["churned"].sum()


def test_at_the_announced_level_the_numbers_are_those_of_the_export(
    levels: Levels, search: thresholds.Search, book: pd.DataFrame
) -> None:
    """Table, figure and who stands below today are, at the learnt rule, the page's own."""
    rule = rules.records(rules.leading(search))[0]
    page = evidence.either_side(rules.leading(search).head(1), search.learnt_from, "segment")
    own = None if pd.isna(rule["segment"]) else rule["segment"]
    shown = levels.at(COLUMN, float(rule["cut"]), segment=own, min_users=int(rule["min_users"]))
    for row in rules.records(page):
        mine = _sides(shown)[row["side"]]
        assert all(mine[name] == row[name] for name in ("rate", "low", "high", "n_terms", "rule"))
    totals = standing.totals(
        standing.against(rules.leading(search).head(1), book, as_of=AS_OF, by="segment"), AS_OF
    ).set_index("status")
    n_below = totals.loc[standing.BELOW, "n_accounts"]
    assert f"Today {n_below} running customers" in shown[2].text
    assert n_below


def test_how_sure_is_told_of_announced_tried_and_untried_levels(levels: Levels) -> None:
    """An announced level has its adjusted gap, a tried one its adjusted chance, any other none."""
    rule = levels.announced[0]
    own = None if pd.isna(rule["segment"]) else rule["segment"]
    options: dict[str, Any] = {"segment": own, "min_users": int(rule["min_users"])}
    announced = levels.at(COLUMN, float(rule["cut"]), **options)[1].text
    assert "the search announced" in announced
    assert "Allowing for all of them" in announced
    tried = levels.at(COLUMN, float(rule["cut"]) + 3, **options)[1].text
    assert "the search tried this rule" in tried
    assert doubt.BY_EYE in tried
    few = levels.at(COLUMN, levels.cuts(COLUMN)[-1], **options)[1].text
    assert "chosen by eye: not allowed for" in few
    never = levels.at(SHORT, 6, **options)[1].text
    assert "chosen by eye: not allowed for" in never


def test_a_tried_level_is_found_by_the_line_it_draws(
    levels: Levels, search: thresholds.Search
) -> None:
    """Any level between two uses draws one line, and gets the adjusted chance of that line."""
    row = search.rules[(search.rules["min_users"] == 1) & search.rules["segment"].isna()].iloc[3]
    between = float(row["cut"]) - 0.5
    for cut in (float(row["cut"]), between):
        rule = levels.rule(COLUMN, cut)
        found = doubt.tried(search, rule, int(row["n_above"]), int(row["n_terms"]))
        assert found is not None
        assert found["p_adjusted"] == row["p_adjusted"]


def test_a_level_that_nobody_reaches_is_a_sentence(levels: Levels) -> None:
    """Where a side is empty there is no figure, and the page says so."""
    shown = levels.at(COLUMN, 100_000)
    assert "no past term stands at or above" in shown[0].text
    assert not [each for each in shown if isinstance(each, Exhibit)]


def test_what_a_customer_ever_reached_is_refused(
    search: thresholds.Search, book: pd.DataFrame
) -> None:
    """A column that is not counted from the term's start is no threshold."""
    with pytest.raises(ParameterError, match="first days of the term"):
        explore.threshold(search, book, "days_since_last_use__to_date", 5, as_of=AS_OF)


def test_turning_the_slider_changes_figure_and_numbers(
    search: thresholds.Search, book: pd.DataFrame
) -> None:
    """The level is the first slider; a value set on it changes the sentences and the figure."""
    view = explore.threshold_view(search, book, as_of=AS_OF)
    assert next(iter(view.knobs)) == "level"
    assert {"cs-explorer", "cs-explorer-threshold"} <= set(view._dom_classes)
    before, drawn = view.said.value, view.plots[0].figure
    level = view.knobs["level"]
    level.index += 1
    assert view.said.value != before
    assert view.plots[0].figure["data"] != drawn["data"]
    assert len(view.plots) == 1
    view.knobs["days"].value = 30
    assert "first 30 days" in view.said.value
    assert dict(view.knobs["level"].options)[f"{level.value:,.4g}"] == level.value


SEGMENT_LEVEL = {"North": 12, "South": 24}


@pytest.fixture(scope="module")
def two_levels() -> tuple[thresholds.Search, pd.DataFrame]:
    """Return a search over two segments, each with a level of its own, and one too small."""
    rng = np.random.default_rng(8)
    n = 1600
    frame = _panel(n)
    where = np.where(np.arange(n) % 2 == 0, "North", "South")
    where[:12] = "Tiny"
    level = pd.Series(where).map(SEGMENT_LEVEL).fillna(1e9).to_numpy()
    churn = np.where(frame[COLUMN] < level, 0.6, 0.1)
    frame = frame.assign(segment=where, churned=(rng.random(n) < churn).astype(int))
    found = thresholds.learn(frame, features=[COLUMN], n_permutations=199, random_state=1)
    running = _panel(60, seed=9).drop(columns="churned")
    running = running.assign(segment="North", term_end=pd.Timestamp("2027-01-01"))
    return found, running


def _announced(found: thresholds.Search, segment: str) -> float:
    table = found.table[found.table["segment"] == segment]
    return float(table.iloc[0]["cut"])


def test_whoever_is_looked_at_has_a_level_of_their_own(
    two_levels: tuple[thresholds.Search, pd.DataFrame],
) -> None:
    """Another segment brings the level announced for it; a level set by hand stays, and is said."""
    found, running = two_levels
    view = explore.threshold_view(found, running, as_of=AS_OF)
    level, who = view.knobs["level"], view.knobs["who"]
    north, south = (_announced(found, name) for name in SEGMENT_LEVEL)
    assert north < south
    for name, own in (("South", south), ("North", north), ("South", south)):
        who.value = name
        assert level.value == own
        assert "this is the level that the search announced" in view.said.value
        assert "by hand" not in view.said.value
    level.index += 3
    turned = level.value
    who.value = "North"
    assert level.value == turned
    assert "set by hand" in view.said.value
    assert f"their own is {north:,.4g} (announced)" in view.said.value
    level.value = north  # back on their own level, it follows again
    who.value = "South"
    assert level.value == south
    assert "by hand" not in view.said.value


def test_a_group_without_an_announced_level_shows_what_stood_out_most(
    two_levels: tuple[thresholds.Search, pd.DataFrame],
    search: thresholds.Search,
    book: pd.DataFrame,
) -> None:
    """Where nothing was announced it is the strongest rule tried, or the level before, and said."""
    found, running = two_levels
    view = explore.threshold_view(found, running, as_of=AS_OF)
    view.knobs["who"].value = "South"
    before = view.knobs["level"].value
    view.knobs["who"].value = "Tiny"
    assert view.knobs["level"].value == before
    assert "the search tried no level of this use" in view.said.value
    none = found.table.assign(column=None)
    told = thresholds.Search(**{**vars(found), "table": none})
    view = explore.threshold_view(told, running, as_of=AS_OF)
    rules_ = found.rules[found.rules["min_users"] == 1]
    for name in SEGMENT_LEVEL:
        view.knobs["who"].value = name
        mine = rules_[rules_["segment"] == name].sort_values("p_adjusted", kind="stable")
        best = mine[mine["p_adjusted"] == mine["p_adjusted"].iloc[0]]
        best = best.loc[best["statistic"].abs().idxmax()]
        assert view.knobs["level"].value == best["cut"]
        assert "the one that stands out most" in view.said.value
    # A window that is looked at by hand is not left for the one that was announced.
    view = explore.threshold_view(search, book, as_of=AS_OF)
    view.knobs["days"].value = 30
    view.knobs["who"].value = "North"
    assert view.knobs["days"].value == 30


def test_a_search_for_garbage_passes_over_the_notebook() -> None:
    """After a view has opened, a full collection has next to nothing to look through."""
    code = (
        "import gc; from cs_models.report import explore; frozen = gc.get_freeze_count()\n"
        "kept = [[n] for n in range(300_000)]\n"
        "from cs_models.report.explore import knobs\n"
        "from cs_models.report.display import Statement\n"
        "loaded = gc.get_freeze_count()\n"
        "knobs.Explorer('one', '', {}, lambda: [Statement.of('note', 'words')])\n"
        "print(frozen, loaded, gc.get_freeze_count() > 300_000, len(gc.get_objects()) < 5_000)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # Loading the explorers, as every run does, freezes nothing; opening one does.
    assert ran.stdout.split() == ["0", "0", "True", "True"]


def test_what_an_earlier_run_of_the_notebook_left_is_freed(
    search: thresholds.Search, book: pd.DataFrame
) -> None:
    """What was frozen and is in nobody's hands any more goes when the view is opened again."""

    class Ring:
        """Refers to itself: only a search for garbage frees it."""

        def __init__(self) -> None:
            self.own = self

    ring = Ring()
    seen = weakref.ref(ring)
    explore.threshold_view(search, book, as_of=AS_OF)
    del ring
    gc.collect()
    assert seen() is not None  # passed over
    explore.threshold_view(search, book, as_of=AS_OF)
    assert seen() is None


def test_a_turn_draws_once(
    search: thresholds.Search, book: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A knob that fits others to it (a window has its own levels) is drawn when all are set."""
    drawn: list[float] = []
    at = Levels.at

    def counted(self: Levels, column: str, cut: float, **rest: Any) -> list[Any]:
        drawn.append(cut)
        return list(at(self, column, cut, **rest))

    monkeypatch.setattr(Levels, "at", counted)
    view = explore.threshold_view(search, book, as_of=AS_OF)
    drawn.clear()
    view.knobs["days"].value = 30
    assert len(drawn) == 1


def test_a_turn_asks_no_engine_and_searches_nothing(
    search: thresholds.Search, book: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is heavy is done before the first turn."""
    view = explore.threshold_view(search, book, as_of=AS_OF)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a turn asked for what must be there already")

    for name in ("execute", "to_pyarrow", "raw_sql"):
        monkeypatch.setattr(Backend, name, refused)
    monkeypatch.setattr(thresholds, "learn", refused)
    for knob in view.knobs.values():
        knob.index = len(knob.options) - 1
    assert "terms" in view.said.value


def test_names_are_shown_as_typed(search: thresholds.Search, book: pd.DataFrame) -> None:
    """A segment named like markup is text: in the sentences, the tables and the figure."""
    view = explore.threshold_view(search, book, as_of=AS_OF)
    view.knobs["who"].value = HOSTILE
    for words in (view.said.value, view.behind.value):
        assert "<img" not in words
        assert "&lt;img" in words
    assert "<img" not in str(view.plots[0].figure)
    frame = pd.DataFrame({"name": [HOSTILE, "b"], "arr": [9.0, 10.0]})
    for shown in (frame, Table.of(frame, id="t", title=HOSTILE, columns={"name": Column(HOSTILE)})):
        sent = explore.table(shown)._dt_args
        assert "<img" not in sent["data_json"]
        assert "<img" not in sent.get("table_html", "")


def test_a_table_sorts_by_numbers_and_shows_them_as_the_page_does() -> None:
    """$9,000 stands before $10,000; what sorts is hidden, and gaps come first."""
    frame = pd.DataFrame(
        {"arr": [10_000.0, 9_000.0, None], "p": [0.5, 0.123, 0.0],
         "day": pd.to_datetime(["2026-02-01", "2025-12-31", None]), "n": ["a", "b", "c"]}
    )  # fmt: skip
    shown = Table.of(
        frame, id="t", title="T",
        columns={"n": Column("Name"), "arr": Column("ARR", kind="money", unit="USD"),
                 "p": Column("Chance", kind="percent", digits=0),
                 "day": Column("Day", kind="date")},
    )  # fmt: skip
    cells, definitions = tabling.written(shown)
    assert cells.iloc[:, 2].tolist() == ["50\u202f%", "12\u202f%", "0\u202f%"]
    by = {each["targets"]: each["orderData"] for each in definitions if "orderData" in each}
    assert set(by) == {1, 2, 3}
    assert np.argsort(cells.iloc[:, by[1]].to_numpy()).tolist() == [2, 1, 0]
    assert np.argsort(cells.iloc[:, by[3]].to_numpy()).tolist() == [2, 1, 0]
    unseen = next(each for each in definitions if each.get("visible") is False)
    assert unseen["targets"] == sorted(by.values())
    assert explore.table(shown.__class__.of(frame.iloc[:0], id="t", title="T")) is not None


def test_one_of_several_tables_is_chosen() -> None:
    """The tables of a cell stand behind one list; sentences among them are passed over."""
    first, second = (
        Table.of(pd.DataFrame({"a": [n]}), id=f"t{n}", title=f"Table {n}") for n in (1, 2)
    )
    view = explore.tables([Statement.of("note", "words"), first, second])
    which, place = view.children
    assert place.children[0].caption == "Table 1"
    which.value = 1
    assert place.children[0].caption == "Table 2"
    assert "no table" in explore.tables([]).said.value


@pytest.fixture(scope="module")
def past() -> History:
    """Return customers of three groups; those with much early use stay."""
    rng = np.random.default_rng(4)
    n = 300
    use = rng.random(n)
    lost = rng.random(n) < 0.7 - 0.5 * use
    years = np.where(lost, rng.integers(1, 4, n), 4)
    lives = pd.DataFrame(
        {
            "account_id": [f"a{i}" for i in range(n)], "episode": 1,
            "start": pd.Timestamp("2021-01-01"), "duration_days": 365 * years,
            "entry_days": 0, "lost": lost.astype(int), "term_months": 12,
            "group": np.array(["x", "y", HOSTILE])[np.arange(n) % 3],
            "months": 12.0 * years, "entry_months": 0.0, "use": use,
        }
    )  # fmt: skip
    return History(lives, lives, lives, AS_OF, 30)


@pytest.fixture(scope="module")
def judged(past: History) -> pd.DataFrame:
    """Return their first terms as they were judged."""
    lives = past.lifetimes
    return pd.DataFrame(
        {
            "account_id": lives["account_id"], "term_no": 1, "term_start": lives["start"],
            "as_of_date": lives["start"] + pd.Timedelta(days=275),
            "seat_utilisation__first_60d": lives["use"],
        }
    )  # fmt: skip


def test_groups_together_are_all_customers(past: History, judged: pd.DataFrame) -> None:
    """At the longest horizon the curves are the export's, and no customer is left out."""
    told = Staying.of(past, judged, by="segment")
    shown = told.at("segment", told.groups("segment"), told.last)
    exhibit = next(each for each in shown if isinstance(each, Exhibit))
    page = survival_evidence.curves(past.lifetimes, grouped=True).at(
        survival_evidence.moments(past.lifetimes)
    )
    rows = [dict(zip(exhibit.table.columns, row, strict=True)) for row in exhibit.table.rows]
    assert [row["survival"] for row in rows] == pytest.approx(page["survival"], nan_ok=True)
    assert sum(row["at_risk"] for row in rows if row["time"] == 0) == len(past.lifetimes)


def test_a_horizon_changes_nothing_before_it(past: History, judged: pd.DataFrame) -> None:
    """What happened up to a month is the same however far is looked."""
    told = Staying.of(past, judged, by="segment")
    tables = []
    for horizon in (24, told.last):
        shown = told.at(EVERYONE, told.groups(EVERYONE), horizon)
        exhibit = next(each for each in shown if isinstance(each, Exhibit))
        place = list(exhibit.table.columns)
        at = place.index("time"), place.index("survival")
        tables.append({row[at[0]]: row[at[1]] for row in exhibit.table.rows})
    short, long = tables
    assert set(short) < set(long)
    assert all(short[month] == pytest.approx(long[month], nan_ok=True) for month in short)


def test_a_tier_counts_from_the_day_it_was_read(past: History, judged: pd.DataFrame) -> None:
    """Nobody of a tier could have left before it was known; more early use went with staying."""
    told = Staying.of(past, judged, by="segment")
    name = next(name for name in told.groupings if name.startswith("tier of use"))
    lives = told.groupings[name]
    assert told.groups(name) == list(TIERS)
    assert (lives["entry_months"] > 8).all()
    lost = lives.groupby("group")["lost"].mean()
    assert lost[TIERS[0]] > lost[TIERS[2]]
    assert abs(lives["group"].value_counts() - len(lives) / 3).max() <= 1


def test_the_retention_view_turns(past: History, judged: pd.DataFrame) -> None:
    """Choosing no group, or another way to part them, is answered in a sentence or a figure."""
    view = explore.retention_view(past, judged)
    groups = view.knobs["groups"]
    groups.value = ()
    assert "no group is chosen" in view.said.value
    assert "Error" not in view.said.value
    groups.value = (HOSTILE, "x")
    assert "picked by hand" in view.said.value
    assert "<img" not in view.said.value + view.behind.value
    view.knobs["by"].value = EVERYONE
    assert groups.options == ("all customers",)
    view.knobs["horizon"].value = 12
    assert "12 months ahead" in view.said.value
    with pytest.raises(ParameterError, match="too short"):
        explore.retention(past, judged, by=EVERYONE, horizon_months=0)


def test_a_headless_setup_loads_no_widget() -> None:
    """Importing the explorers loads neither widgets nor tables nor what the pages do not need."""
    code = (
        "import sys; from cs_models.report import explore; "
        "print([n for n in ('ipywidgets', 'anywidget', 'itables', 'plotly') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_no_headless_run_sees_a_cell_of_an_explorer() -> None:
    """Every cell that shows a widget is tagged, and gone from what a run executes."""
    seen = 0
    for path in sorted(NOTEBOOKS.glob("0*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        shows = [cell for cell in cells if cell.cell_type == "code" and "explore." in cell.source]
        assert all("interactive" in cell.metadata.get("tags", []) for cell in shows)
        seen += len(shows)
        kept = prepare.prepare(path, [])
        assert not [cell for cell in kept.cells if re.search(r"explore\.\w+\(", cell.source)]
    assert seen >= 6


def test_a_figure_of_an_explorer_carries_no_script() -> None:
    """A saved notebook holds the figure, not plotly: the bundle is sent when a page asks for it."""
    table = Table.of(pd.DataFrame({"a": [1]}), id="t", title="t")
    exhibit = Exhibit(id="e", title=HOSTILE, figure=_figure(), table=table, alt="words")
    drawn = plot.Plot(exhibit)
    assert len(str(drawn.get_state())) < 100_000
    sent: list[Any] = []
    drawn.send = lambda content, buffers=None: sent.append((content, buffers))  # type: ignore[method-assign]
    drawn._answer(drawn, {"kind": "bundle"}, [])
    drawn._answer(drawn, {"kind": "anything else"}, [])
    assert len(sent) == 1
    assert b"plotly" in sent[0][1][0][:200]


def _figure() -> Any:
    import plotly.graph_objects as go

    return go.Figure().add_scatter(x=np.arange(3), y=[1, 2, 3])
