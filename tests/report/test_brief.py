"""The brief says what the other pages said, leads every number there, and names what it lacks."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cs_models.data.mapping import Source
from cs_models.report import runs
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence import plays
from cs_models.report.exhibits import brief as exhibits
from cs_models.report.exhibits import brief_figures
from cs_models.report.findings import brief as findings

DAY = date(2026, 6, 30)
SOURCE = Source(path="data/sample")
KEPT = (
    "In 2026 Q3 $8,395,250 of yearly revenue (ARR) comes up for renewal, in 210 contracts of 209 "
    "customers. $6,310,000 of it (75\u202f%) is likely to be kept. A third sentence."
)
OUTLOOK: dict[str, Any] = {
    "findings": [
        {"id": "kept", "statement": KEPT, "value": 0.75, "unit": "share", "table": "coming-table"}
    ],
    "forecast": [
        {"label": "2026 Q3", "n_due": 210, "due_arr": 8395250.0, "grr_p10": 0.7, "grr_p50": 0.75,
         "grr_p90": 0.8, "arr_at_risk": 2e6, "loss_p90": 2.4e6},
    ],
    "past_quarters": [{"label": "2026 Q1", "n_due": 99, "grr": 0.5, "n_running": 90,
                       "grr_running": 0.69}],
    "plays": [{"group": "due this quarter", "n_accounts": 209, "arr": 8395250.0, "loss": 2e6}],
    "due": [
        {"account_id": name, "account_name": name, "quarter": quarter, "term_end": quarter,
         "arr": arr, "chance": 0.5, "p_from": p_from}
        for name, quarter, arr, p_from in (
            ("small", "2026-07-01", 1.0, "predictor"), ("large", "2026-07-01", 9.0, "predictor"),
            ("gone", "2026-07-01", 99.0, "notice"), ("later", "2026-10-01", 99.0, "predictor"))
    ],
    "lists": [
        {"name": "advocacy", "title": "Advocates", "n": 4, "arr": 10.0},
        {"name": "rescue", "title": "Rescue", "n": 9, "arr": 20.0},
    ],
}  # fmt: skip
THRESHOLDS: dict[str, Any] = {
    "headline": "More reports shared went with more renewals. Then more.",
    "findings": [
        {"id": "lift-1", "statement": "MM customers with 30 renewed 92\u202f%; others 49\u202f%.",
         "verdict": "sharp", "table": "thresholds"},
    ],
    "thresholds": [
        {"rule_id": 1, "segment": "MM", "role": "signal", "rule": "30 reports", "verdict": "sharp",
         "rate_above": 0.92, "rate_below": 0.49},
        {"rule_id": 2, "segment": None, "role": "signal", "rule": "20 reports",
         "verdict": "gradual", "rate_above": 0.9, "rate_below": 0.6},
    ],
    "register": [{"rule_id": 1, "segment": "MM", "decay": "held", "n_accounts_below": 7,
                  "arr_below": 100.0}],
}  # fmt: skip
DEFAULT = {"headline": "Said.", "findings": []}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run of all eight notebooks."""
    folder = tmp_path / "r1"
    own: dict[str, Any] = {evidence.OUTLOOK: OUTLOOK, evidence.THRESHOLDS: THRESHOLDS}
    noted = {}
    for name in evidence.NOTEBOOKS:
        (folder / name).mkdir(parents=True)
        text = json.dumps({"as_of": DAY.isoformat(), **DEFAULT, **own.get(name, {})})
        (folder / name / "results.json").write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        noted[name] = {"status": "ok", "artefacts": {"results.json": digest}}
    manifest = {"run_id": "r1", "status": "running", "as_of": DAY.isoformat(), "notebooks": noted}
    (folder / runs.MANIFEST).write_text(json.dumps(manifest))
    return folder


def _brief(folder: Path) -> evidence.Brief:
    return evidence.gather(folder / "08_leadership_brief", as_of=DAY, source=SOURCE)


def _numbers(said: Statement) -> list[Number]:
    return [part for part in said.parts if isinstance(part, Number)]


def _note(folder: Path, name: str, **known: object) -> None:
    manifest = json.loads((folder / runs.MANIFEST).read_text())
    manifest["notebooks"][name].update(known)
    (folder / runs.MANIFEST).write_text(json.dumps(manifest))


def _tell(folder: Path, name: str, text: str) -> None:
    """Put other results in a notebook's place, vouched for by the run."""
    (folder / name / "results.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    _note(folder, name, artefacts={"results.json": digest})


def test_a_sentence_stands_as_its_page_said_it_with_its_numbers_led_there(run: Path) -> None:
    """The words are those of the page; every number in them links to the table that made it."""
    said = findings.answer(_brief(run))[0]
    assert said.text == KEPT.removesuffix(" A third sentence.")
    assert [number.text for number in _numbers(said)] == [
        "2026 Q3", "$8,395,250", "210", "209", "$6,310,000", "75\u202f%",
    ]  # fmt: skip
    assert {n.href for n in _numbers(said)} == {"../06_renewal_outlook/report.html#coming-table"}


def test_the_level_that_fits_best_is_said_on_the_brief_too(run: Path) -> None:
    """Where another level fits better than the announced one, the brief keeps that sentence."""
    file = run / evidence.THRESHOLDS / "results.json"
    text = file.read_text().replace(
        "others 49\\u202f%.", "others 49\\u202f%. The gap is 9. Levels from 28 to 31 fit as well; "
        "31 fits best. It is a tipping point.",
    )  # fmt: skip
    assert "fits best" in text
    file.write_text(text)
    _note(run, evidence.THRESHOLDS,
          artefacts={"results.json": hashlib.sha256(text.encode()).hexdigest()})  # fmt: skip
    (said,) = findings.levels(_brief(run))
    assert said.text == "Levels from 28 to 31 fit as well; 31 fits best."
    assert any("others 49\u202f%." in one.text for one in findings.answer(_brief(run)))
    assert {"28", "31"} <= {number.text for number in _numbers(said)}


def test_no_digit_of_the_brief_stands_without_a_link(run: Path) -> None:
    """Outside its links a sentence of the brief holds no digit, but for counts of its pages."""
    brief = _brief(run)
    said = [*findings.answer(brief), *findings.levels(brief), *findings.money(brief)]
    loose = ["".join(p for p in one.parts if isinstance(p, str)) for one in said]
    assert not [text for text in loose if re.search(r"\d", text)]


def test_the_level_of_the_group_comes_before_that_of_all(run: Path) -> None:
    """Where a group has a level of its own, the table has the groups, with who is below."""
    frame = evidence.levels(_brief(run))
    assert frame[["group", "decay", "n_accounts_below"]].to_numpy().tolist() == [["MM", "held", 7]]


def test_the_customers_named_are_those_in_doubt_this_quarter_with_most_at_stake(run: Path) -> None:
    """Who has asked to cancel, and who comes up later, is not named."""
    assert list(evidence.largest(_brief(run))["account_name"]) == ["large", "small"]


def test_lists_come_in_the_order_asked_for_and_what_is_not_made_is_named(run: Path) -> None:
    """The run file's order counts; a list that nobody made is not dropped silently."""
    brief = _brief(run)
    wanted = ["rescue", "expansion", "advocacy"]
    assert list(evidence.lists(brief, wanted)["name"]) == ["rescue", "advocacy"]
    (said,) = findings.lists(brief, wanted)
    assert said.text == "Not made: expansion (the renewal outlook has no list of this name)."
    (none,) = findings.lists(brief, [])
    assert none.text == "The run file asks for no list here."


def test_an_outlook_without_lists_says_why_and_a_list_of_nobody_is_named(run: Path) -> None:
    """No folder of lists is a reason; a list that was made and holds nobody is not left out."""
    rows = [{**row, "n": 0 if row["name"] == "rescue" else 4} for row in OUTLOOK["lists"]]
    for kept, text in (
        ([], "No list was made. Not made: rescue, for the renewal outlook holds no lists: its "
             "section of the run file names no folder of them."),
        (rows, "Nobody stands today on: Rescue."),
    ):  # fmt: skip
        told = {"as_of": DAY.isoformat(), **DEFAULT, **OUTLOOK, "lists": kept}
        _tell(run, evidence.OUTLOOK, json.dumps(told))
        shown = exhibits.lists(_brief(run), ["rescue"], "USD")
        assert [one.text for one in shown if isinstance(one, Statement)] == [text]


def test_each_list_is_told_apart_or_not_as_its_own_page_says(run: Path) -> None:
    """The verdict stands beside the gap that it was read from, and its own range."""
    told = {"past_hit_rate": 0.26, "base_rate": 0.19, "difference": 0.07, "difference_low": -0.02,
            "difference_high": 0.19, "few": False, "apart": False}  # fmt: skip
    other = {**told, "difference_low": 0.02, "apart": True}
    rows = [{**OUTLOOK["lists"][0], **told}, {**OUTLOOK["lists"][1], **other}]
    text = json.dumps({"as_of": DAY.isoformat(), **DEFAULT, **OUTLOOK, "lists": rows})
    _tell(run, evidence.OUTLOOK, text)
    (table,) = exhibits.lists(_brief(run), ["rescue", "advocacy"], "USD")
    assert isinstance(table, Table)
    shown = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["told"] for row in shown] == ["yes", "cannot be told apart"]
    assert [row["difference_low"] for row in shown] == [0.02, -0.02]


def test_the_money_stands_right_after_the_name(run: Path) -> None:
    """A phone shows two or three columns: the second tells how much is at stake."""
    brief = _brief(run)
    shown = [*exhibits.money(brief, "USD"), *exhibits.levels(brief, "USD"),
             *exhibits.lists(brief, ["rescue"], "USD")]  # fmt: skip
    tables = [one for one in shown if isinstance(one, Table)]
    assert len(tables) == 4
    for table in tables:
        kinds = [column.kind for column in list(table.columns.values())[:3]]
        assert kinds[0] == "text" and "money" in kinds


def test_the_gap_of_the_key_figure_names_its_segment_and_level(run: Path) -> None:
    """A gap is of one group at one level: the figure names the group, the words below the level."""
    rules = [{**THRESHOLDS["thresholds"][0], "lift_within_strata": 0.43},
             {**THRESHOLDS["thresholds"][1], "lift_within_strata": 0.4}]  # fmt: skip
    gap = {**THRESHOLDS["findings"][0], "value": 0.43, "low": 0.26, "high": 0.6, "n": 552}
    told = {**THRESHOLDS, "findings": [gap], "thresholds": rules}
    text = json.dumps({"as_of": DAY.isoformat(), **told})
    _tell(run, evidence.THRESHOLDS, text)
    (row,) = brief_figures.row(_brief(run), "USD")
    labels = [one.label for one in row.figures]
    assert labels == ["Renewal gap at the level of MM"]
    (said,) = findings.answer(_brief(run))[-1:]
    assert "MM customers with 30 renewed" in said.text


def test_stages_show_who_is_below_the_level_where_the_journey_told_it(run: Path) -> None:
    """The journey's own count stands in the table; without one there is no such column."""
    for more, shown in (({"n_below": 2, "arr_below": 5.0}, True), ({}, False)):
        row = {"stage": "adopting", "n_accounts": 3, "arr": 9.0, **more}
        told = {"as_of": DAY.isoformat(), **DEFAULT, "stages": [row]}
        _tell(run, evidence.JOURNEY, json.dumps(told))
        (*_, table) = exhibits.journey(_brief(run), "USD")
        assert isinstance(table, Table)
        assert ("n_below" in table.columns) == shown


def test_renewals_that_no_contract_followed_are_explained_beside_the_stages(run: Path) -> None:
    """The readiness page's own words, what to repair included, lead to its list."""
    row = {"stage": "renewed_no_further_term", "n_accounts": 14, "arr": 9.0}
    one = {
        "id": "renewed-unseen",
        "table": "renewed-unseen",
        "statement": "14 customers are renewed. They count nowhere: enter the contract. More.",
    }
    for name, more in (
        (evidence.JOURNEY, {"stages": [row]}), (evidence.READINESS, {"findings": [one]}),
    ):  # fmt: skip
        told = {"as_of": DAY.isoformat(), **DEFAULT, **more}
        _tell(run, name, json.dumps(told))
    (said, _) = exhibits.journey(_brief(run), "USD")
    assert isinstance(said, Statement)
    assert said.text.endswith("They count nowhere: enter the contract.")
    (number,) = _numbers(said)
    assert number.href.endswith("00_data_readiness/report.html#renewed-unseen")


def test_a_list_that_the_records_could_not_tell_is_not_a_list_of_nobody(run: Path) -> None:
    """A list that the outlook skipped stands among those not made, with the outlook's reason."""
    why = "nps: the source has no table of surveys"
    rows = [
        {**row, "skipped": why if row["name"] == "advocacy" else ""} for row in OUTLOOK["lists"]
    ]
    text = json.dumps({"as_of": DAY.isoformat(), **DEFAULT, **OUTLOOK, "lists": rows})
    _tell(run, evidence.OUTLOOK, text)
    brief = _brief(run)
    assert list(evidence.lists(brief, ["rescue", "advocacy"])["name"]) == ["rescue"]
    assert findings.lists(brief, ["rescue", "advocacy"])[0].text == f"Not made: advocacy ({why})."


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"status": "failed", "reason": "the history is too short"}, "the history is too short"),
        ({"artefacts": {"results.json": "0" * 64}}, "changed since"),
    ],
)
def test_a_failed_or_changed_source_is_named_and_nothing_of_it_is_used(
    run: Path, known: dict[str, object], reason: str
) -> None:
    """The brief fails closed: the reason is on the page, the numbers are not."""
    _note(run, evidence.OUTLOOK, **known)
    brief = _brief(run)
    said = findings.answer(brief)
    assert "8,395,250" not in "".join(one.text for one in said)
    assert said[-1].role == "caution" and reason in said[-1].text
    assert [one.id for one in exhibits.money(brief, "USD") if isinstance(one, Statement)] == [
        "money-gone"
    ]
    assert evidence.lists(brief, ["rescue"]).empty
    states = evidence.sources(brief).set_index("notebook")["state"]
    assert states["Renewal outlook"] in ("failed", "cannot be read")
    assert any(one.id == "missing" for one in findings.saved(brief))


def test_a_doubt_that_the_answer_states_is_not_said_again(run: Path) -> None:
    """A finding of the answer leaves no section empty, and no sentence stands twice."""
    doubt = {"id": "no-threshold", "statement": "No level was found.", "table": "t"}
    text = json.dumps({"as_of": DAY.isoformat(), "headline": "", "findings": [doubt]})
    _tell(run, evidence.THRESHOLDS, text)
    brief = _brief(run)
    shown = [*findings.answer(brief), *exhibits.levels(brief, "USD"), *exhibits.unknown(brief)]
    ids = [one.id for one in shown]
    assert sum("no-threshold" in name for name in ids) == 1
    assert len(set(ids)) == len(ids)
    assert exhibits.levels(brief, "USD") and exhibits.unknown(brief)
    texts = [one.text for one in shown if isinstance(one, Statement)]
    assert texts.count("No level was found.") == 1


def test_no_sentence_of_the_brief_stands_twice(run: Path) -> None:
    """What the answer says, a section does not repeat, nor the doubts what a section says."""
    honest = {"id": "observed-to-expected", "statement": "Are they honest? 337 left. Enough."}
    broken = {"id": "break", "verdict": "none", "statement": "From none are more lost. 52 moved."}
    other = {"id": "unanswered", "statement": "No survey is on record."}
    for name, told in ((evidence.BACKTEST, [honest]), (evidence.JOURNEY, [broken, other])):
        more = {"stages": [{"stage": "adopting", "n_accounts": 3, "arr": 9.0}]}
        _tell(run, name, json.dumps({"as_of": DAY.isoformat(), **more, "findings": told}))
    brief = _brief(run)
    shown = [
        *findings.answer(brief), *exhibits.money(brief, "USD"), *exhibits.levels(brief, "USD"),
        *exhibits.drivers(brief), *exhibits.warned(brief), *exhibits.journey(brief, "USD"),
        *exhibits.lists(brief, ["rescue"], "USD"), *exhibits.unknown(brief),
    ]  # fmt: skip
    said = " ".join(one.text for one in shown if isinstance(one, Statement))
    for words in ("337 left", "From none are more lost.", "52 moved", "others 49", "No survey"):
        assert said.count(words) == 1, words


@pytest.mark.parametrize("mixed", [False, True])
def test_pages_of_several_runs_are_told_apart(run: Path, mixed: bool) -> None:
    """Each page's run stands in the table; more than one is said before anybody relies on it."""
    if mixed:
        manifest = json.loads((run / runs.MANIFEST).read_text())
        outlook = manifest["notebooks"].pop(evidence.OUTLOOK)
        (run / runs.MANIFEST).write_text(json.dumps(manifest))
        other = {**manifest, "run_id": "r0", "status": "complete",
                 "notebooks": {evidence.OUTLOOK: outlook}}  # fmt: skip
        (run.parent / "r0").mkdir()
        (run / evidence.OUTLOOK).rename(run.parent / "r0" / evidence.OUTLOOK)
        (run.parent / "r0" / runs.MANIFEST).write_text(json.dumps(other))
    brief = _brief(run)
    frame = evidence.sources(brief).set_index("notebook")
    assert set(frame["state"]) == {"used"}
    assert frame.loc["Renewal outlook", "run"] == ("r0" if mixed else "r1")
    assert "Run" in [column.label for column in exhibits.sources(brief).columns.values()]
    said = [one for one in findings.answer(brief) if one.id == "mixed"]
    assert len(said) == int(mixed)
    if mixed:
        assert "2 runs" in said[0].text and "r0 (Renewal outlook)" in said[0].text


def test_every_table_leads_to_the_section_that_made_it(run: Path) -> None:
    """Below each table and figure stands the page and section it is from, as a link."""
    row = {"stage": "adopting", "n_accounts": 3, "arr": 9.0}
    _tell(run, evidence.JOURNEY, json.dumps({"as_of": DAY.isoformat(), **DEFAULT, "stages": [row]}))
    brief = _brief(run)
    shown = [*exhibits.money(brief, "USD"), *exhibits.levels(brief, "USD"),
             *exhibits.journey(brief, "USD"),
             *exhibits.lists(brief, ["rescue"], "USD")]  # fmt: skip
    tables = [one.table if isinstance(one, Exhibit) else one for one in shown
              if isinstance(one, Exhibit | Table)]  # fmt: skip
    assert len(tables) == 6
    for table in tables:
        assert table.source is not None
        page, words = table.source.href.split("/")[1], table.source.text
        assert words.startswith(evidence.words(page)) and " \u2192 " in words
        assert table.payload()["source"]["href"] == table.source.href


def test_where_plays_are_not_on_record_the_brief_counts_nobody_in_none(run: Path) -> None:
    """Rows of plays that the outlook could not tell are left out, and the doubt is stated."""
    groups = [{"group": name, "n_accounts": 0, "arr": 0.0, "loss": 0.0, "known": False}
              for name in plays.GROUPS]  # fmt: skip
    doubt = {"id": "plays-unknown", "statement": "No contact of ours is on record.", "table": "t"}
    told = {**OUTLOOK, "plays": groups, "findings": [*OUTLOOK["findings"], doubt]}
    _tell(run, evidence.OUTLOOK, json.dumps({"as_of": DAY.isoformat(), **told}))
    brief = _brief(run)
    assert not plays.PLAYED & set(evidence.book(brief)["group"])
    assert len(evidence.book(brief)) == len(plays.GROUPS) - len(plays.PLAYED)
    assert "No contact of ours is on record." in [one.text for one in findings.unknown(brief)]


def test_the_brief_says_which_calls_to_make_and_whom_nobody_works_on(run: Path) -> None:
    """What to decide this week stands in the answer, and the customers in no play are named."""
    calls = {"id": "calls", "statement": "26 of 26 calls from “A”, which cost $39,000.",
             "table": "all-lists-table"}  # fmt: skip
    alone = {"id": "alone", "statement": "20 customers are in no play: Lime Inc. and Jade.",
             "table": "alone-table"}  # fmt: skip
    told = {**OUTLOOK, "findings": [*OUTLOOK["findings"], calls, alone]}
    _tell(run, evidence.OUTLOOK, json.dumps({"as_of": DAY.isoformat(), **told}))
    brief = _brief(run)
    assert calls["statement"] in [one.text for one in findings.answer(brief)]
    (said,) = [one for one in findings.money(brief) if "no play" in one.text]
    assert said.text == alone["statement"]
    assert {one.href for one in _numbers(said)} == {"../06_renewal_outlook/report.html#alone-table"}


def test_records_that_stopped_are_told_before_anything_else(run: Path) -> None:
    """A brief over records that stopped long ago begins with that, also on the index."""
    late = "The newest use is of 2026-01-01, 180 days before. Every customer looks silent since."
    told = [{"id": "records-stopped", "statement": late, "value": 180, "table": "tables-read"}]
    text = json.dumps({"as_of": DAY.isoformat(), "headline": "Fit.", "findings": told})
    (run / evidence.READINESS / "results.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    _note(run, evidence.READINESS, artefacts={"results.json": digest})
    brief = _brief(run)
    assert findings.answer(brief)[0].text == late
    assert findings.answer(brief)[0].role == "caution"
    assert findings.headline(brief).startswith(late)


def test_a_source_of_another_day_is_stale(run: Path) -> None:
    """Results that look back from another day are named, not used."""
    brief = evidence.gather(run / "08_leadership_brief", as_of=date(2026, 7, 7), source=SOURCE)
    assert {source.state for source in brief.unused} == {"stale"}
    assert findings.answer(brief)[0].text == findings.NOTHING


def test_a_source_without_what_is_asked_for_gives_nothing_else(run: Path) -> None:
    """Results of another form leave a gap that is said, and stop nothing."""
    text = json.dumps({"as_of": DAY.isoformat(), "forecast": "none", "findings": [{"id": "kept"}]})
    _tell(run, evidence.OUTLOOK, text)
    shown = exhibits.money(_brief(run), "USD")
    assert [one.id for one in shown] == ["money-gone"]


def test_a_finding_named_after_a_hostile_segment_stops_nothing(run: Path) -> None:
    """Ids and tables come from the data as well: what cannot be an anchor is only words."""
    finding = {"id": 'break-<script>"', "statement": "12 moved.", "table": "a b"}
    text = json.dumps({"as_of": DAY.isoformat(), "headline": "", "findings": [finding],
                       "stages": [{"stage": "left", "n_accounts": 1}]})  # fmt: skip
    _tell(run, evidence.JOURNEY, text)
    said = exhibits.journey(_brief(run), "USD")[0]
    assert isinstance(said, Statement)
    assert (said.text, said.id, _numbers(said)) == ("12 moved.", "", [])


def test_a_page_that_could_not_answer_says_so_itself(run: Path) -> None:
    """A section whose page found nothing of its kind shows that page's own answer, with its way."""
    told = {"as_of": DAY.isoformat(), "findings": [], "headline": "Too short: 7 of 26 left. More."}
    _tell(run, evidence.PREDICTORS, json.dumps(told))
    (said,) = exhibits.drivers(_brief(run))
    assert isinstance(said, Statement)
    assert said.text == "Churn predictors: Too short: 7 of 26 left."
    assert {one.href for one in _numbers(said)} == {"../03_churn_predictors/report.html"}
