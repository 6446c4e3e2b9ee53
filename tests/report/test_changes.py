"""What changed between two runs, on literal results whose moves are known."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.report import runs
from cs_models.report.changes import answers, between, customers, said
from cs_models.report.changes.between import Changes
from cs_models.report.evidence import plays

THRESHOLD: dict[str, Any] = {
    "column": "events__shared__first_60d", "counted": "shared events in the first 60 days",
    "rule": "at least 30 shared events in the first 60 days", "direction": "at_least",
    "members": None, "cut": 30.0, "cut_low": 28.0, "cut_high": 34.0, "segment": "MM",
    "role": "signal", "verdict": "tentative",
}  # fmt: skip
DUE = [
    ("a-1", "Ashford Mills", 1000.0, 0.40, "predictor"),
    ("a-2", "Brook & Co", 2000.0, 0.10, "predictor"),
    ("a-3", "Cairn Ltd", 4000.0, 0.24, "predictor"),
    ("a-4", "Dale GmbH", 8000.0, 0.30, "predictor"),
]
RESULTS: dict[str, dict[str, Any]] = {
    "00_data_readiness": {
        "headline": "Fit to learn from. More.", "counts": {"n_terms": 100, "n_churned": 40},
        "data_window": ["2022-06-30", "2026-06-30"],
        "findings": [
            {"id": "shape-4", "statement": "All: Is it a step? has 100 terms, needs 150",
             "value": False, "verdict": None}
        ],
    },
    "02_adoption_thresholds": {"headline": "A level.", "thresholds": [THRESHOLD], "findings": []},
    "03_churn_predictors": {
        "headline": "Who leaves.", "findings": [],
        "said": [{"subscription_id": "s-a-3", "p_low": 0.22, "p_high": 0.29}],
    },
    "06_renewal_outlook": {
        "headline": "The book.",
        "due": [
            {"account_id": key, "account_name": name, "arr": arr, "chance": chance, "p_from": how,
             "subscription_id": f"s-{key}", "quarter": "2026-07-01", "n_renewals": 1,
             "term_end": "2026-09-01"}
            for key, name, arr, chance, how in DUE
        ],
        "forecast": [
            {"quarter": "2026-07-01", "label": "2026 Q3", "grr_p10": 0.70, "grr_p50": 0.75,
             "grr_p90": 0.80}
        ],
        "findings": [{"id": "held", "statement": "It has held.", "verdict": "held"}],
    },
    "07_backtest": {"headline": "It held.", "findings": []},
}  # fmt: skip


def _run(reports: Path, name: str, **changed: Any) -> Path:
    """Write a complete run whose results are `changed` by notebook; `manifest` changes its own."""
    folder = reports / name
    results = {**copy.deepcopy(RESULTS), **{k: v for k, v in changed.items() if k != "manifest"}}
    noted: dict[str, Any] = {
        "run_id": name, "status": "complete", "as_of": "2026-06-30",
        "started_at": "2026-07-01T06:00:00+00:00", "parameters_file": "parameters/weekly.yml",
        "inputs": [{"path": "events.parquet", "bytes": 1, "sha256": "aa"}],
        "tables": {"events": {"read": 1000, "kept": 1000, "quarantined": 0}},
        "parameters": {"00_data_readiness": {"source": {"path": "data/2026-06"}, "seed": 1}},
        "notebooks": {}, **changed.get("manifest", {}),
    }  # fmt: skip
    for notebook, content in results.items():
        text = json.dumps(content).encode()
        (folder / notebook).mkdir(parents=True)
        (folder / notebook / "results.json").write_bytes(text)
        digest = hashlib.sha256(text).hexdigest()
        noted["notebooks"][notebook] = {"status": "ok", "artefacts": {"results.json": digest}}
    (folder / "manifest.json").write_text(json.dumps(noted))
    return folder


OTHER_DATA = {"inputs": [{"path": "events.parquet", "bytes": 2, "sha256": "bb"}]}


def _since(reports: Path, **changed: Any) -> Changes:
    _run(reports, "20260701-060000-weekly")
    return between.since(_run(reports, "20260708-060000-weekly", **changed))


def _of(changes: Changes, topic: str) -> list[tuple[bool, str]]:
    return [(change.news, change.text) for change in changes.changes if change.topic == topic]


def _thresholds(**changed: Any) -> dict[str, Any]:
    return {"thresholds": [{**THRESHOLD, **changed}], "findings": []}


def test_the_same_data_have_the_same_answers_and_the_page_says_so(tmp_path: Path) -> None:
    """Two runs on the same records from the same day differ in nothing."""
    changes = _since(tmp_path)
    assert changes.against == "20260701-060000-weekly"
    assert (changes.changes, changes.summary[:24]) == ((), "Same data, same answers:")


def test_the_first_run_of_a_question_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """No earlier run: said so, and no change is made up."""
    assert between.since(_run(tmp_path, "20260701-060000-weekly")) == between.FIRST


@pytest.mark.parametrize(
    ("changed", "news", "words"),
    [
        ({"cut": 33.0}, False, "within the earlier interval (28 to 34), so no news"),
        ({"cut": 40.0, "cut_low": 33.0, "cut_high": 45.0}, True, "(33 to 45) still touches"),
        ({"cut": 40.0, "cut_low": 38.0, "cut_high": 45.0}, True, "(38 to 45) does not touch"),
        ({"cut": 40.0, "cut_low": 29.0, "cut_high": 45.0}, False, "(29 to 45) holds the earlier"),
        ({"cut": 40.0, "cut_low": None}, True, "outside the earlier interval (28 to 34)"),
        ({"verdict": "sharp"}, True, "the verdict is “A tipping point”, before “Looks like a"),
        ({"cut": 33.0, "verdict": "sharp"}, True, "so no news; the verdict is"),
        ({"column": "logins", "rule": "at least 3 logins"}, True, "now at least 3 logins, before"),
        ({"segment": "ENT"}, True, "MM: no longer announced"),
        ({"role": "echo"}, True, "MM: no longer announced"),
    ],
)
def test_a_level_that_moved_is_news_only_beyond_its_interval(
    tmp_path: Path, changed: dict[str, Any], news: bool, words: str
) -> None:
    """Which segment, from where to where, against which interval."""
    notebook = {"02_adoption_thresholds": _thresholds(**changed)}
    told = _of(_since(tmp_path, manifest=OTHER_DATA, **notebook), "Level")
    assert any(words in text and was is news for was, text in told), told


@pytest.mark.parametrize(
    ("new", "news", "words"),
    [
        ((10.0, 10.0, 12.0), False, "(12 alone), but the new one (10 to 12) holds the earlier"),
        ((10.0, 9.0, 11.0), True, "(12 alone), and the new one (9 to 11) does not touch it"),
        ((14.0, 14.0, 14.0), True, "(12 alone), and the new one (14 alone) does not touch it"),
    ],
)
def test_an_interval_of_one_value_is_no_interval(
    tmp_path: Path, new: tuple[float, float, float], news: bool, words: str
) -> None:
    """A level of 12 with nothing but 12 beside it may move to wherever the intervals touch."""
    then = _thresholds(cut=12.0, cut_low=12.0, cut_high=12.0)
    now = _thresholds(**dict(zip(("cut", "cut_low", "cut_high"), new, strict=True)))
    _run(tmp_path, "20260701-060000-weekly", **{"02_adoption_thresholds": then})
    run = _run(tmp_path, "20260708-060000-weekly", **{"02_adoption_thresholds": now})
    ((was, text),) = _of(between.since(run), "Level")
    assert was is news
    assert words in text


def _book(*rows: tuple[str, str, float, float, str], **more: Any) -> dict[str, Any]:
    """Return an outlook whose contracts are s-<key>, or <key> where it names a contract."""
    outlook = copy.deepcopy(RESULTS["06_renewal_outlook"])
    outlook["due"] = [
        {"account_id": key, "account_name": name, "arr": arr, "chance": chance, "p_from": how,
         "subscription_id": key if key.startswith("s-") else f"s-{key}",
         "quarter": "2026-07-01", "n_renewals": 1, "term_end": "2026-09-01"}
        for key, name, arr, chance, how in rows
    ]  # fmt: skip
    return {**outlook, **more}


def test_whose_risk_rose_and_fell_is_named_with_arr_and_both_chances(tmp_path: Path) -> None:
    """One crossed the line, one asked to cancel, one sank below: the same contracts in both."""
    book = _book(
        ("a-1", "Ashford Mills", 1000.0, 0.05, "predictor"),
        ("a-2", "Brook & Co", 2000.0, 0.60, "predictor"),
        ("a-3", "Cairn Ltd", 4000.0, 0.90, "notice"),
        DUE[3],
    )
    changes = _since(tmp_path, manifest=OTHER_DATA, **{"06_renewal_outlook": book})
    assert _of(changes, "Customers at risk") == [
        (True, "The chance of leaving rose beyond 25\u202f%, or a cancellation was asked for: "
         "2 contracts ($6,000 a year): Cairn Ltd ($4,000, asked to cancel); "
         "Brook & Co ($2,000, chance 60\u202f%, before 10\u202f%)."),
        (True, "The chance of leaving fell below 25\u202f%: 1 contract ($1,000 a year): "
         "Ashford Mills ($1,000, chance 5\u202f%, before 40\u202f%)."),
    ]  # fmt: skip


def test_another_contract_of_the_same_customer_is_new_in_the_book_and_no_news(
    tmp_path: Path,
) -> None:
    """The next term of a customer whose last one was settled then says nothing of its risk."""
    settled = _book(("s-old", "Indigo Egret", 300.0, 0.0, "decided"), *DUE)
    _run(tmp_path, "20260701-060000-weekly", **{"06_renewal_outlook": settled})
    book = _book(("s-next", "Indigo Egret", 366500.0, 0.35, "base rate"), *DUE)
    run = _run(
        tmp_path, "20260708-060000-weekly", manifest=OTHER_DATA, **{"06_renewal_outlook": book}
    )
    assert _of(between.since(run), "Customers at risk") == [
        (False, "New in the book and at risk: 1 contract ($366,000 a year): Indigo Egret "
         "($366,500, chance 35\u202f%, renews 2026-09-01).")
    ]  # fmt: skip


def test_who_renewed_and_who_left_are_told_apart(tmp_path: Path) -> None:
    """Of five at risk: one renewed, one left, one is pending, one fell, one went unsaid."""
    risky = [(f"a-{n}", f"Name {n}", 1000.0 * n, 0.40, "predictor") for n in range(1, 6)]
    _run(tmp_path, "20260701-060000-weekly", **{"06_renewal_outlook": _book(*risky)})
    ended = [
        {"subscription_id": "s-a-1", "account_id": "a-1", "left": False},
        {"subscription_id": "s-a-2", "account_id": "a-2", "left": True},
    ]
    book = _book(risky[2], (*risky[3][:3], 0.10, "predictor"), settled=ended)
    run = _run(
        tmp_path, "20260708-060000-weekly", manifest=OTHER_DATA, **{"06_renewal_outlook": book}
    )
    told = _of(between.since(run), "Customers at risk")
    assert told[1] == (
        False,
        "Of 5 contracts ($15,000 a year), at risk before: renewed 1 contract ($1,000 a year); left "
        "1 contract ($2,000 a year); fell below the line 1 contract ($4,000 a year); still pending "
        "1 contract ($3,000 a year); no longer in the book, with no outcome on record 1 contract "
        "($5,000 a year).",
    )
    assert told[0][0]
    assert "Name 4" in told[0][1]


def test_fewer_renewals_ahead_are_no_lower_risk(tmp_path: Path) -> None:
    """A monthly contract with one renewal left of the quarter's three is pending, not safer."""
    then, now = _book(*DUE), _book(*DUE)
    then["due"][0] |= {"n_renewals": 3}
    now["due"][0] |= {"n_renewals": 1, "chance": 0.16}
    _run(tmp_path, "20260701-060000-weekly", **{"06_renewal_outlook": then})
    run = _run(
        tmp_path, "20260708-060000-weekly", manifest=OTHER_DATA, **{"06_renewal_outlook": now}
    )
    assert _of(between.since(run), "Customers at risk") == []


def test_a_chance_that_moved_within_its_own_interval_is_no_news(tmp_path: Path) -> None:
    """24 % became 26 %, where the model itself says 22 to 29 %: counted, and no news."""
    rows = [(*row[:3], 0.26, row[4]) if row[0] == "a-3" else row for row in DUE]
    changes = _since(tmp_path, manifest=OTHER_DATA, **{"06_renewal_outlook": _book(*rows)})
    ((news, text),) = _of(changes, "Customers at risk")
    assert not news
    assert "Of them, 1 moved within the interval of their own chance." in text


def test_the_line_of_risk_is_that_of_the_outlook() -> None:
    """The index and the page call the same customers at risk."""
    assert customers.AT_RISK_FROM == plays.AT_RISK_FROM


@pytest.mark.parametrize(("middle", "news"), [(0.78, False), (0.69, True), (0.752, None)])
def test_a_forecast_is_news_when_it_leaves_its_earlier_interval(
    tmp_path: Path, middle: float, news: bool | None
) -> None:
    """Within the printed P10 to P90 it is no news; what prints the same has not moved."""
    outlook = copy.deepcopy(RESULTS["06_renewal_outlook"])
    outlook["forecast"][0]["grr_p50"] = middle
    changes = _since(tmp_path, manifest=OTHER_DATA, **{"06_renewal_outlook": outlook})
    assert [was for was, _ in _of(changes, "Forecast")] == ([] if news is None else [news])


_MOVED = re.compile(
    r"the level is (\S+) .*?, before ([\d.,]+)|: (\S+)\s%.* before (\S+)\s%"
    r"|chance (\S+)\s%, before (\S+)\s%"
)
_ENDS = re.compile(r"([\d.,]+) to ([\d.,]+)")
_NEAR = st.floats(0.01, 60.0).flatmap(
    lambda was: st.tuples(st.just(was), st.floats(-1e-3, 1e-3) | st.floats(-0.9, 30.0))
)


@settings(max_examples=150, deadline=None)
@given(pair=_NEAR, width=st.floats(0.0, 1.0))
def test_what_moved_never_reads_as_what_it_was(pair: tuple[float, float], width: float) -> None:
    """Two values are written with digits that tell them apart, or it is said that it hardly moved.

    Nor does an interval ever end where it begins.
    """
    was, step = pair
    now = max(was + step, 0.0)
    told = [
        *answers.levels(*_both("02_adoption_thresholds", "thresholds", [
            {**THRESHOLD, "cut": value, "cut_low": value - width, "cut_high": value + width}
            for value in (was, now)
        ])),
        *answers.forecasts(*_both("06_renewal_outlook", "forecast", [
            {"quarter": "q", "label": "2026 Q3", "grr_p50": value / 60, "grr_p10": value / 60 - 0.1,
             "grr_p90": value / 60 + width}
            for value in (was, now)
        ])),
        *customers.at_risk(*_both("06_renewal_outlook", "due", [
            {"subscription_id": "s", "quarter": "q", "chance": customers.AT_RISK_FROM + side,
             "p_from": "predictor", "arr": 1.0}
            for side in (-1e-3 * width - 1e-9, abs(step) / 60)
        ])),
    ]  # fmt: skip
    for change in told:
        written = [found.groups() for found in _MOVED.finditer(change.text)]
        pairs = [[part for part in groups if part] for groups in written]
        assert all(before != after for before, after in pairs), change.text
        assert pairs or "hardly moved" in change.text, change.text
        if change.topic == answers.LEVEL:
            ends = [found.groups() for found in _ENDS.finditer(change.text)]
            assert all(low != high for low, high in ends), change.text


def _both(notebook: str, table: str, rows: list[dict[str, Any]]) -> tuple[said.Said, said.Said]:
    """Return two runs of which each said one row."""
    noted = runs.Manifest(run_id="r", status="complete", as_of=date(2026, 6, 30))
    one, two = (said.Said("r", noted, {notebook: {table: [row]}}) for row in rows)
    return one, two


def test_what_moved_beneath_is_told(tmp_path: Path) -> None:
    """Rows that went missing and a question that can be answered now are news, growth is not."""
    ready = copy.deepcopy(RESULTS["00_data_readiness"])
    ready["findings"][0]["value"] = True
    ready["counts"]["n_terms"] = 160
    noted = {
        **OTHER_DATA, "as_of": "2026-07-07",
        "tables": {"events": {"read": 900, "kept": 500, "quarantined": 400}},
        "parameters": {"00_data_readiness": {"source": {"path": "data/2026-07"}, "seed": 2}},
    }  # fmt: skip
    changes = _since(tmp_path, manifest=noted, **{"00_data_readiness": ready})
    told = {change.text: change.news for change in changes.changes}
    assert told.pop("All: Is it a step? This can now be answered: it has 100 terms, needs 150.")
    assert told.pop("Data as of 2026-07-07, before 2026-06-30; 160 terms judged, before 100.") is (
        False
    )
    assert told.pop("Rows went missing: events 500 rows, before 1,000; events: 44.4\u202f% of rows "
                    "set aside, before 0.0\u202f%.")  # fmt: skip
    (settings,) = told
    assert "data_readiness.seed: 2, before 1" in settings


def test_a_verdict_and_what_came_true_are_told(tmp_path: Path) -> None:
    """Another verdict of the same finding, and a new sentence of the backtest."""
    outlook = copy.deepcopy(RESULTS["06_renewal_outlook"])
    outlook["findings"][0] = {"id": "held", "statement": "It did not hold.", "verdict": "faded"}
    backtest = {"findings": [{"id": "earlier-said", "statement": "17 of 50 left."}]}
    changes = _since(
        tmp_path, manifest=OTHER_DATA, **{"06_renewal_outlook": outlook, "07_backtest": backtest}
    )
    assert _of(changes, "Verdict") == [(True, "faded, before: held. It did not hold.")]
    assert _of(changes, "Came true") == [(True, "17 of 50 left.")]


@pytest.mark.parametrize(
    "other",
    [
        {"parameters_file": "parameters/board.yml"},
        {"status": "failed"},
        {"as_of": "2026-12-31"},
        {"parameters": {"00_data_readiness": {"source": {"path": "elsewhere"}}}},
    ],
)
def test_only_a_complete_earlier_run_of_the_same_question_is_compared(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    """Another run file, another source, a later day or a failed run is passed over."""
    _run(tmp_path, "20260701-060000-weekly")
    _run(tmp_path, "20260702-060000-weekly", manifest=other)
    changes = between.since(_run(tmp_path, "20260708-060000-weekly"))
    assert changes.against == "20260701-060000-weekly"


def test_a_run_is_compared_with_the_newest_of_its_day_then_with_the_nearest_day(
    tmp_path: Path,
) -> None:
    """June, a look at March, June again: the third says that it is the first; July takes June."""
    march, july = {"as_of": "2026-03-31"}, {"as_of": "2026-07-07", **OTHER_DATA}
    _run(tmp_path, "20260701-060000-weekly")
    _run(tmp_path, "20260702-060000-weekly", manifest=march)
    again = between.since(_run(tmp_path, "20260703-060000-weekly"))
    assert again.against == "20260701-060000-weekly"
    assert again.summary.startswith("Same data, same answers")
    _run(tmp_path, "20260704-060000-weekly", manifest=march)
    later = between.since(_run(tmp_path, "20260708-060000-weekly", manifest=july))
    assert later.against == "20260703-060000-weekly"


def test_a_run_of_an_older_day_than_all_others_says_so(tmp_path: Path) -> None:
    """There is another run, and why it is not compared with is said."""
    _run(tmp_path, "20260701-060000-weekly")
    march = _run(tmp_path, "20260702-060000-weekly", manifest={"as_of": "2026-03-31"})
    assert between.since(march) == between.LATER_ONLY
    assert "look back from a later day" in between.LATER_ONLY.summary


@pytest.mark.parametrize(
    ("own", "lost"),
    [
        ({}, ""),
        ({"as_of": "2026-07-07"}, ""),
        ({"as_of": "2026-03-31"}, "looks back from 31 March 2026, not from 30 June 2026"),
        ({"notebooks": ["07_backtest"]}, "has 1 of the 5 pages shown now"),
        ({"notebooks": ["07_backtest"], "as_of": "2026-03-31"},
         "has 1 of the 5 pages shown now and looks back from 31 March 2026, not from 30 June 2026"),
        ({"notebooks": ["07_backtest"], "parameters_file": "parameters/board.yml"}, ""),
    ],
)  # fmt: skip
def test_what_a_reader_would_lose_by_another_run(
    tmp_path: Path, own: dict[str, Any], lost: str
) -> None:
    """Pages and days of the same question; another question takes nothing away."""
    shown = said.manifest(_run(tmp_path, "20260701-060000-weekly"))
    new = said.manifest(_run(tmp_path, "20260702-060000-weekly"))
    assert shown is not None
    assert new is not None
    named = own.pop("notebooks", list(new.notebooks))
    changed = new.model_dump(mode="json") | own
    changed["notebooks"] = {name: changed["notebooks"][name] for name in named}
    assert said.loses(shown, type(new).model_validate(changed)) == lost


def test_results_that_were_changed_since_are_named_and_not_compared(tmp_path: Path) -> None:
    """What the manifest does not vouch for is not read."""
    earlier = _run(tmp_path, "20260701-060000-weekly")
    (earlier / "02_adoption_thresholds" / "results.json").write_text('{"thresholds": []}')
    changes = between.since(_run(tmp_path, "20260708-060000-weekly"))
    ((news, text),) = _of(changes, "Records")
    assert news
    assert "the earlier run cannot be read there: 02_adoption_thresholds" in text


@pytest.mark.parametrize("strange", [None, [], "text", [1, None], {"a": 1}, float(10**30)])
def test_results_of_another_form_break_nothing(tmp_path: Path, strange: Any) -> None:
    """Whatever stands where a table was expected is passed over."""
    odd = {
        name: dict.fromkeys(content, strange) | {"counts": strange, "data_window": strange}
        for name, content in RESULTS.items()
    }
    changes = _since(tmp_path, manifest=OTHER_DATA, **odd)
    assert isinstance(changes, Changes)


def test_what_changed_is_kept_and_damage_is_noticed(tmp_path: Path) -> None:
    """It is read back as it was; a file that was touched is not read."""
    changes = _since(tmp_path, manifest=OTHER_DATA)
    between.write(tmp_path, changes)
    assert between.kept(tmp_path) == changes
    path = tmp_path / between.FILE_NAME
    path.write_text(path.read_text().replace("weekly", "wrongly"))
    assert between.kept(tmp_path) is None


def test_the_headline_is_the_briefs_or_the_first_notebooks(tmp_path: Path) -> None:
    """The brief speaks for all where it ran."""
    folder = _run(tmp_path, "20260701-060000-weekly")
    noted = said.manifest(folder)
    assert noted is not None
    assert noted.as_of == date(2026, 6, 30)
    assert said.headline(folder, noted) == ("Fit to learn from. More.", "00_data_readiness")
    brief = {"08_leadership_brief": {"headline": "In short."}}
    folder = _run(tmp_path, "20260702-060000-weekly", **brief)
    noted = said.manifest(folder)
    assert noted is not None
    assert said.headline(folder, noted) == ("In short.", "08_leadership_brief")
