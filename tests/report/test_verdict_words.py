"""Each verdict has its own words: what is sold as a level is only what was shown to be one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.telling import rows as table_rows
from cs_models.learn.thresholds import Search
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import rules
from cs_models.report.evidence import search as evidence
from cs_models.report.exhibits import search as search_exhibits
from cs_models.report.exhibits import thresholds as exhibits
from cs_models.report.exhibits import tried
from cs_models.report.findings import answer, certainty, groups, saved
from cs_models.report.findings.words import chance, share_of_shuffled
from cs_models.report.values import VERDICTS, write

COLUMN = "events__report_shared__first_60d"
COUNTED = "report_shared events in the first 60 days of the term"
RULE: dict[str, Any] = dict.fromkeys(table_rows.COLUMNS) | {
    "rule": f"at least 12 {COUNTED}", "counted": COUNTED, "feature": "report_shared",
    "column": COLUMN, "users_column": "users__report_shared__first_60d", "min_users": 1,
    "window_days": 60, "direction": "at_least", "verdict": "sharp", "role": "signal",
    "cut": 12.0, "cut_below": 11.0, "cut_low": 10.0, "cut_high": 14.0, "cut_localised": True,
    "rate_above": 0.91, "rate_below": 0.71, "lift": 0.2, "lift_within_strata": 0.19,
    "lift_low": 0.08, "lift_high": 0.3, "lift_crossfit": 0.17, "lift_bootstrap": 0.165,
    "p_adjusted": 0.002, "p_step_linear": 0.003, "p_step_spline": 0.02,
    "delta_log_likelihood": 4.0, "share_same_feature": 0.9, "share_same_family": 0.8,
    "n_terms": 240, "n_accounts": 240, "n_churned": 60, "n_churned_accounts": 60, "rule_id": 0,
    "statistic": -6.0, "smallest_lift": 0.15,
}  # fmt: skip
SEGMENT = {"segment": "North", "segment_by": "segment"}
# A group without a rule of its own: the rule of all customers is then spoken of as well.
QUIET = {
    "segment": "East", "segment_by": "segment", "verdict": "too_little_data", "role": None,
    "rule": None, "column": None, "n_churned_accounts": 5,
}  # fmt: skip


def _panel() -> pd.DataFrame:
    """Return 240 terms, ten for each count from 0 to 23, fewer of them lost the higher it is."""
    use = np.repeat(np.arange(24), 10)
    place = np.tile(np.arange(10), 24)
    return pd.DataFrame(
        {
            "account_id": [f"a{i}" for i in range(240)],
            "segment": np.where(place % 2 == 0, "North", "South"),
            "churned": (place < np.where(use < 12, 3, 1)).astype(int),
            COLUMN: use,
            "users__report_shared__first_60d": np.minimum(use, 3),
        }
    )


def _search(*rows: dict[str, Any], segments: pd.DataFrame | None = None, **said: Any) -> Search:
    """Return a finished search that announced `rows`, each a change of ``RULE``."""
    announced = [RULE | {"rule_id": number} | row for number, row in enumerate(rows)]
    curve = pd.DataFrame({"value": [0.0, 11.0, 12.0, 23.0], "rate": [0.6, 0.72, 0.88, 0.95]})
    curve = curve.assign(low=curve["rate"] - 0.05, high=curve["rate"] + 0.05)
    reruns = pd.DataFrame(
        {
            "kind": ["bootstrap"] * 10 + ["without quarter"] * 2,
            "name": [*map(str, range(10)), "2024Q1", "2024Q2"],
            "feature": ["report_shared"] * 8 + ["events"] * 2 + ["report_shared"] * 2,
            "cut": [12.0] * 6 + [11.0] * 3 + [13.0] + [12.0, 11.0],
            "same_feature": True, "same_family": True,
        }
    )  # fmt: skip
    numbers = range(len(announced))
    return Search(
        table=pd.DataFrame(announced, columns=list(table_rows.COLUMNS), dtype=object),
        headline="", rules=pd.DataFrame(
            {"statistic": [4.0, -6.0], "column": COLUMN, "segment": [None, "North"],
             "p_adjusted": [0.05, 0.01]}
        ),
        null_max=np.linspace(2, 5, 99), profiles={}, families=pd.DataFrame(),
        counts={"n_rules": 4321, "n_permutations": 1999, "quantile": 4.2, "naive": None},
        learnt_from=_panel(),
        features=pd.DataFrame(
            {"segment": [None, None, "North"], "feature": ["events", "report_shared", "events"],
             "statistic": [3.0, 6.0, 2.0], "p_feature": [0.2, 0.002, 0.5],
             "q_feature": [0.2, 0.004, 0.5], "p_adjusted": [0.9, 0.002, 1.0],
             "role": [None, "signal", None]}
        ),
        stability=dict.fromkeys(numbers, reruns), curves=dict.fromkeys(numbers, curve),
        segments=pd.DataFrame(columns=["rule_id"]) if segments is None else segments,
        alike=said,
    )  # fmt: skip


def _said(search: Search) -> str:
    return _plain(" ".join(statement.text for statement in answer.thresholds(search)))


def _plain(text: str) -> str:
    return text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("verdict", "words", "never"),
    [
        ("sharp", "It is a tipping point", "cannot be ruled out"),
        ("tentative", "looks like a level, but a curve that levels off cannot be ruled out",
         "tipping point"),
        ("gradual", "No tipping point shows: more use goes with more renewals", "at least 12"),
        ("associated", "whether as a step or a slope is undecided", "tipping point"),
    ],
)  # fmt: skip
def test_every_verdict_has_its_own_words(verdict: str, words: str, never: str) -> None:
    """The answer says what kind of thing a signal is, and nothing that its verdict does not."""
    (said,) = answer.thresholds(_search({"verdict": verdict}))
    assert words in said.text
    assert never not in said.text
    assert said.verdict == verdict
    assert verdict in VERDICTS


def test_a_slope_sells_no_level() -> None:
    """A gradual signal is told at low, middle and high use, and no line is drawn for it."""
    search = _search({"verdict": "gradual"})
    (said,) = answer.thresholds(search)
    assert re.search(
        r"renewed 6\d % of the time at \d+ report_shared .* and 9\d % at \d+", _plain(said.text)
    )
    assert "choice of policy" in said.text
    shape, exhibit = exhibits.levels(search, "segment")
    assert "no line is drawn" in shape.text
    assert not exhibit.figure.layout.shapes
    sharp = exhibits.levels(_search({}), "segment")[1]
    assert len(sharp.figure.layout.shapes) == 2
    assert exhibits.cut(replace(search, profiles={0: _profile()}))[0].caption.startswith("Where")


def _profile() -> pd.DataFrame:
    return pd.DataFrame(
        {"cut": [10.0, 12.0, 15.0], "deviance": [5.0, 0.0, 20.0], "inside": [True, True, False],
         "rate_above": 0.9, "rate_below": 0.7, "n_above": [150, 120, 90]}
    )  # fmt: skip


def test_the_gradient_is_that_of_the_table_behind_the_figure() -> None:
    """Every number of the slope's sentence stands in the table that it links to."""
    search = _search({"verdict": "gradual"})
    (said,) = answer.thresholds(search)
    table = exhibits.levels(search, "segment")[1].table
    linked = [p.text for p in said.parts if isinstance(p, Number) and p.href == f"#{table.id}"]
    columns = list(table.columns)
    known = {f"{row[columns.index('middle')]:.4g}" for row in table.rows}
    known |= {f"{100 * row[columns.index('curve')]:.0f}" for row in table.rows}
    assert len(linked) == 6
    assert {text.split("\u202f")[0].split(" ")[0] for text in linked} <= known


def test_a_level_that_is_not_localised_is_not_quoted() -> None:
    """Where more than half of the levels fit, the answer names the range, not the level."""
    said = _said(_search({"cut_localised": False, "cut_low": 2.0, "cut_high": 20.0}))
    assert "anything from 2 to 20 fits" in said
    assert "at least 12" not in said


@pytest.mark.parametrize(
    ("edge", "word"),
    [("low", "lower"), ("high", "higher"), ("both", "lower or higher"), (None, "")],
)
def test_an_interval_that_ends_with_the_search_says_so(edge: str | None, word: str) -> None:
    """The interval at the edge of what could be tried is a caution; elsewhere there is none."""
    said = certainty.edge(RULE | {"segment": None, "cut_at_edge": edge}, 1)
    assert len(said) == (0 if edge is None else 1)
    assert all(item.role == "caution" and f"may lie {word}." in item.text for item in said)
    assert ("could not be tried" in _said(_search({"cut_at_edge": edge}))) == (
        edge in {"low", "high"}
    )


def test_fewer_is_better_is_told_from_the_better_side() -> None:
    """A rule "fewer than" names the higher rate first and a positive gap, and honest ones too."""
    search = _search(
        {"direction": "at_most", "rule": f"fewer than 12 {COUNTED}", "rate_above": 0.71,
         "rate_below": 0.91, "lift_within_strata": -0.19, "lift_low": -0.3, "lift_high": -0.08,
         "lift_crossfit": -0.17, "lift_bootstrap": -0.165}
    )  # fmt: skip
    assert "renewed 91 % of the time, the others 71 %" in _said(search)
    assert "gap is 19 points (between 8 and 30 points" in _said(search)
    assert "the gap is 17 points; corrected" in certainty.doubt(search).text


def test_several_groups_are_summed_up_in_one_sentence_first() -> None:
    """With several groups the first statement says who has what; each follows in one sentence."""
    south = SEGMENT | {"segment": "South", "verdict": "gradual"}
    search = _search({"verdict": "associated"}, SEGMENT, south, QUIET)
    gist, *others = answer.thresholds(search)
    assert gist.text == (
        "Early in a term, more report_shared events went with more renewals: for North there is "
        "a tipping point; for all customers together whether it is a step or a slope is "
        "undecided; for South no tipping point shows, more goes with more."
    )
    assert gist.verdict is None
    assert [item.verdict for item in others] == ["associated", "sharp", "gradual"]
    (silent,) = answer.silent_groups(search)
    assert silent.text.startswith("East: too few customers have left (5)")


def test_how_sure_names_whose_rule_it_speaks_of() -> None:
    """Chance and re-runs are the first rule's, by name; a weaker rule follows with its own."""
    search = _search({}, SEGMENT | {"p_adjusted": 0.03, "share_same_feature": 0.55}, QUIET)
    doubt = certainty.doubt(search)
    assert "in 0.2 % of histories (all customers), at worst 3.0 % (North)." in _plain(doubt.text)
    assert "in 90 % of the re-runs (all customers), at worst 55 % (North)." in _plain(doubt.text)
    assert {"#again-1-table", "#again-2-table"} <= {
        part.href for part in doubt.parts if isinstance(part, Number)
    }
    assert "question for an experiment" in doubt.text
    alone = _plain(certainty.doubt(_search({})).text)
    assert "in 0.2 % of histories. " in alone
    assert "at worst" not in alone


def test_chance_is_that_of_the_rule_that_is_marked() -> None:
    """The sentence over the figure quotes the strongest rule's chance, as the table has it."""
    search = _search({"p_adjusted": 0.03}, SEGMENT, QUIET)
    said, exhibit = search_exhibits.chance(search, alpha=0.05)
    assert isinstance(said, Statement)
    assert isinstance(exhibit, Exhibit)
    assert "this history (North) is the one marked" in said.text
    assert "in 1.0 % of histories" in _plain(said.text)
    facts = dict(zip(*zip(*exhibit.table.rows, strict=True), strict=True))
    said_of = {what: _plain(value) for what, value in facts.items()}
    assert said_of["Chance alone, strongest rule of this history"] == "1.0 % of histories"
    assert said_of["Chance alone, weakest rule of the answer"] == "3.0 % of histories"


def test_chance_that_never_matched_is_said_as_none() -> None:
    """No share of none: where no shuffled history was as strong, the page says how many there were.

    One history that matched is a share again.
    """
    search = _search({"p_adjusted": 1 / 2000})
    never = search.rules.assign(p_adjusted=1 / 2000)
    said, exhibit = search_exhibits.chance(replace(search, rules=never), alpha=0.05)
    assert isinstance(said, Statement)
    assert isinstance(exhibit, Exhibit)
    words = "hance alone would show a best rule this strong in none of 1,999 shuffled histories"
    assert words in said.text
    assert words in certainty.doubt(search).text
    assert [p.href for p in said.parts if isinstance(p, Number)] == [f"#{exhibit.table.id}"]
    assert "1,999" in [value for _, value in exhibit.table.rows]
    assert share_of_shuffled(1 / 2000, 1999) == "none of 1,999 shuffled histories"
    assert _plain(share_of_shuffled(2 / 2000, 1999)) == "0.1 % of histories"


def test_counts_in_the_table_of_chance_are_whole() -> None:
    """A count has no digits after the point, a strength one, and a chance its own words."""
    naive = {"rule": "x", "lift": -0.312, "n_rules": 7117, "n_significant": 6601}
    search = _search({})
    search = replace(search, counts=search.counts | {"naive": naive})
    (exhibit,) = [one for one in search_exhibits.chance(search, alpha=0.05)
                  if isinstance(one, Exhibit)]  # fmt: skip
    facts = {what: _plain(value) for what, value in exhibit.table.rows}
    assert facts["Strength of the best rule in this history"] == "6.0"
    assert facts["Histories of pure chance"] == "1,999"
    assert facts["Of these at least as strong as this history"] == "0"
    assert facts["Rules for all customers"] == "7,117"
    assert facts["Of these significant if each were tested alone"] == "6,601"
    assert facts["Gap of the one that would be announced then"] == "31 points"


def test_a_formula_that_gives_nothing_is_not_written_as_nought() -> None:
    """A chance too small to be held by a computer is below the last digit shown, not 0.0000."""
    details = tried.announced(_search({"p_lausen92": 0.0, "p_lausen94": 1e-300}))[1]
    assert isinstance(details, Table)
    (row,) = details.rows
    for name in ("p_lausen92", "p_lausen94"):
        assert write(row[list(details.columns).index(name)], "number", digits=4) == "< 0.0001"
    assert not any("closed form" in column.label for column in details.columns.values())


def test_the_level_that_fits_best_is_said_where_it_is_another() -> None:
    """The answer and its section name the better level, both linked to the table of levels."""
    search = _search({"cut_best": 10.0})
    assert "Levels from 10 to 14 fit as well; 10 fits best." in _said(search)
    (said,) = certainty.fits_best(rules.records(search.table)[0], 1)
    assert "announced is 12, where the test" in said.text
    assert "10 explains best who renewed" in said.text
    assert [p.href for p in said.parts if isinstance(p, Number)] == ["#cut-1-table"] * 2
    for same in ({"cut_best": 12.0}, {}, {"cut_best": 10.0, "cut_localised": False}):
        other = _search(same)
        assert certainty.fits_best(rules.records(other.table)[0], 1) == []
        assert "fits best" not in _said(other)


def test_an_interval_of_one_level_is_told_as_such() -> None:
    """No "12 to 12": nothing else that could be tried fits as well, on the page and its table."""
    search = _search({"cut_low": 12.0, "cut_high": 12.0, "cut_best": 12.0})
    assert "No other level that could be tried fits as well." in _said(search)
    only = _profile().assign(inside=[False, True, False])
    (exhibit,) = exhibits.cut(replace(search, profiles={0: only}))
    assert isinstance(exhibit, Exhibit)
    assert exhibit.table.note == "No other level that could be tried fits as well."
    assert "12 to 12" not in exhibit.alt + _said(search)
    wide = _search({"cut_low": 10.0, "cut_high": 15.0, "cut_best": 12.0})
    apart = _profile().assign(inside=[True, False, True])
    (exhibit,) = exhibits.cut(replace(wide, profiles={0: apart}))
    assert isinstance(exhibit, Exhibit)
    assert "one between may fit worse" in exhibit.table.note


def test_uses_are_named_in_words() -> None:
    """A measure of the whole account is named as the catalogue names it, a feature as it is."""
    assert evidence.named("distinct_features") == "distinct features used"
    assert evidence.named("report_shared") == "report_shared"


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.25, "25 %"), (0.03, "3.0 %"), (0.0004, "0.04 %"), (0.00001, "under 0.01 %")],
)
def test_a_small_chance_is_never_written_as_none(p: float, words: str) -> None:
    """Digits grow as the chance shrinks, and below a ten-thousandth only that is said."""
    assert _plain(chance(p)) == words
    assert write(p / 10, "number", digits=4) == ("< 0.0001" if p < 0.001 else f"{p / 10:.4f}")


def test_reruns_are_counted_in_the_table_that_is_drawn() -> None:
    """The shares of the re-runs add up to one, every quarter has its row, rivals are named."""
    search = _search({})
    said, exhibit = search_exhibits.again(search)
    assert isinstance(exhibit, Exhibit)
    found = evidence.reruns(search.stability[0])
    assert found["share"].astype(float).sum() == pytest.approx(1)
    assert (found["kind"] == "without quarter").sum() == 2
    bars, diamonds = exhibit.figure.data
    assert list(bars.x) == found.loc[found["share"].notna(), "level"].tolist() == [11, 12, 13]
    assert len(diamonds.x) == 2
    assert "Otherwise it chose events (20" in said.text
    assert "stayed between 11 and 12" in said.text


def test_few_bars_stand_for_many_levels() -> None:
    """A wide spread of levels is drawn in at most 41 bars that together hold every re-run."""
    rng = np.random.default_rng(1)
    many = pd.DataFrame({"kind": "bootstrap", "name": "1", "feature": "f", "same_feature": True,
                         "cut": rng.integers(0, 5000, 200).astype(float)})  # fmt: skip
    found = evidence.reruns(many)
    assert len(found) <= evidence.MOST_BARS + 1
    assert found["share"].astype(float).sum() == pytest.approx(1)


def _pooled(**changes: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"rule_id": 0, "segment": ["North", "South"], "cut": [12.0, 18.0], "cut_low": [10.0, 9.0],
         "cut_high": [14.0, 22.0], "lift": 0.2, "lift_low": 0.1, "lift_high": 0.3, "n_terms": 120,
         "n_churned_accounts": 30, "own": True}
    )  # fmt: skip
    return frame.assign(**changes)


def test_groups_tell_the_story_of_the_answer() -> None:
    """A group's own level inside the interval agrees; outside, gradual or another count is said."""
    differ = {0: {"tau": 0.5, "p_same": 0.01}}
    agree = _search({}, SEGMENT, segments=_pooled())
    agree = replace(agree, alike=differ)
    said = " ".join(item.text for item in groups.levels(agree))
    assert "differ by about a factor of 1.6" in said
    assert "North alone, lies inside the interval here" in said
    assert "Searching South alone found no rule" in said
    for change, words in (
        ({"cut": 20.0}, "North searched alone gives 20, outside 10 to 14 here"),
        ({"verdict": "gradual"}, "North searched alone shows no tipping point"),
        ({"min_users": 3}, "North searched alone chose another count"),
    ):
        other = replace(_search({}, SEGMENT | change, segments=_pooled()), alike=differ)
        assert words in " ".join(item.text for item in groups.levels(other))


def test_groups_that_cannot_be_told_apart_share_one_level() -> None:
    """Without a shown difference the page says so, draws hollow dots, and names no factor."""
    search = _search({}, segments=_pooled(own=False, cut=12.0))
    search = replace(search, alike={0: {"tau": 0.4, "p_same": 0.4}})
    said, exhibit = search_exhibits.groups(search)
    assert "could not be shown" in said.text
    assert "factor" not in said.text
    assert [trace.marker.symbol for trace in exhibit.figure.data] == ["circle-open"]
    rows = dict(zip(exhibit.table.columns, zip(*exhibit.table.rows, strict=True), strict=True))
    assert list(rows["group"]) == ["North", "South"]
    (none,) = search_exhibits.groups(_search(SEGMENT, QUIET))
    assert "each group stands for itself" in none.text


def test_what_was_not_announced_is_grey_and_what_was_not_searched_is_named() -> None:
    """The ranking draws each use of all customers once; columns that had no rule are listed."""
    search = _search({})
    (ranking,) = tried.ranking(search)
    drawn = {trace.name: list(trace.y) for trace in ranking.figure.data}
    assert drawn == {"signal": ["report_shared"], "echo": [], "not announced": ["events"]}
    assert len(ranking.table.rows) == 3
    table = tried.untried(
        search, [COLUMN, "tickets__first_60d"],
        [{"feature": "labs", "n_accounts": 3, "reason": "used by fewer than 20 accounts"}],
    )  # fmt: skip
    assert [row[0] for row in table.rows] == [
        "labs",
        "tickets opened in the first 60 days of the term",
    ]


def test_a_rule_by_several_users_counts_none_where_they_are_too_few() -> None:
    """What is drawn of a rule by 3 users is at or above its level exactly where it holds."""
    rule = RULE | SEGMENT | {"min_users": 3, "cut": 2.0, "segment": None, "segment_by": None}
    frame = _panel()
    use = rules.use_of(rule, frame)
    holds = (frame[COLUMN] >= 2) & (frame["users__report_shared__first_60d"] >= 3)
    assert ((use >= 2) == holds).all()


def test_several_actions_are_counted_together() -> None:
    """A rule "2 of these 3" has no column of its own and is counted from its members."""
    members = [{"column": COLUMN, "level": 5.0},
               {"column": "users__report_shared__first_60d", "level": 2.0}]  # fmt: skip
    rule = RULE | {
        "members": members, "column": "actions(…)", "users_column": None, "cut": 2.0,
        "counted": "of these 2 actions (5 report_shared, 2 …) in the first 60 days of the term",
        "segment": None,
    }  # fmt: skip
    assert rules.words_of(rule).startswith("how many of these 2 actions")
    use = rules.use_of(rule, _panel())
    assert use.tolist() == [float((n >= 5) + (min(n, 3) >= 2)) for n in _panel()[COLUMN]]
    levels = exhibits.levels(_search(rule | {"rule_id": 0}), None)[1]
    assert sum(row[list(levels.table.columns).index("n_terms")] for row in levels.table.rows) == 240


def test_findings_carry_their_verdicts() -> None:
    """Every leading rule is a finding with its verdict and interval, in the page's words."""
    totals = pd.DataFrame(
        {"status": ["below", "window open", "reached", "not recorded"], "n_terms": 0,
         "n_accounts": 0, "arr": 0}
    )  # fmt: skip
    search = _search({"verdict": "tentative"}, SEGMENT | {"verdict": "gradual"}, QUIET)
    found = {item.id: item for item in saved.of_search(search, totals, "USD")}
    assert found["lift-1"].verdict == "tentative"
    assert found["lift-2"].verdict == "gradual"
    assert "o tipping point shows" in found["lift-2"].statement
    assert (found["lift-1"].low, found["lift-1"].high) == (0.08, 0.3)


def test_sentences_are_statements_with_ids_of_their_own() -> None:
    """No two statements of a page share an anchor."""
    search = _search({}, SEGMENT, QUIET)
    said = [*answer.thresholds(search), certainty.doubt(search), *certainty.by_chance(search),
            *exhibits.levels(search, "segment"), *search_exhibits.again(search)]  # fmt: skip
    names = [item.id for item in said if isinstance(item, Statement) and item.id]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"segment_by": None}], "not asked for"),
        ([{"segment_by": "segment"}], "only one group"),
        ([SEGMENT, QUIET], "No rule holds for all customers, so each group stands for itself"),
        ([{"segment_by": "segment"}, SEGMENT, QUIET], "could not be followed"),
    ],
)  # fmt: skip
def test_why_groups_are_not_compared_is_said(rows: list[dict[str, Any]], words: str) -> None:
    """Not asked, one group, no rule of all customers: each has its own sentence."""
    (said,) = groups.levels(_search(*rows))
    assert words in said.text
