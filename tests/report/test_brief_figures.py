"""The figures at the head of the brief: short names, nothing said twice, all in words without."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cs_models.report import key_figures, runs
from cs_models.report.changes import said
from cs_models.report.display import Statement
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence import foremost
from cs_models.report.evidence.brief import Brief
from cs_models.report.exhibits import brief as exhibits
from cs_models.report.exhibits import brief_figures
from cs_models.report.findings import brief as findings
from cs_models.report.gathered import Gathered

TWO_LINES = 40  # letters of a name that five figures side by side leave room for
SAID: dict[str, list[dict[str, Any]]] = {
    evidence.OUTLOOK: [
        {"id": "kept", "value": 0.75, "low": 0.7, "high": 0.8, "n": 210, "statement":
         "In 2026 Q3 $8,395,250 comes up. $6,310,000 of it (75\u202f%) is kept; "
         "70\u202f% to 80\u202f%. More."},
        {"id": "at-risk", "value": 2e6, "low": 1.6e6, "high": 2.4e6, "n": 210, "statement":
         "At risk: $2,000,000 leaves on average. Besides."},
        {"id": "intervals-held", "value": 0.8, "n": 9, "statement": "It held in 7 of 9 quarters."},
    ],
    evidence.THRESHOLDS: [
        {"id": "lift-1", "value": 0.43, "low": 0.26, "high": 0.6, "n": 552, "statement":
         "MM customers with 30 reports renewed 92\u202f%, others 49\u202f%. The gap is 43 points."},
        {"id": "arr-below", "value": 100.0, "n": 7, "statement":
         "Today 7 customers stand below; they pay $100. 3 more ($9) so far. Then."},
    ],
    evidence.BACKTEST: [
        {"id": "observed-to-expected", "value": 0.97, "low": 0.88, "high": 1.06, "n": 1430,
         "statement": "Of 1,430 contracts 337 were to leave, 327 did: 0.97 each. Good. So."},
    ],
}  # fmt: skip
MORE: dict[str, dict[str, Any]] = {
    evidence.OUTLOOK: {"forecast": [{"label": "2026 Q3", "due_arr": 8395250.0, "grr_p10": 0.7,
                                     "grr_p50": 0.75, "grr_p90": 0.8}]},
    evidence.THRESHOLDS: {"headline": "For MM there is a tipping point.", "thresholds": [
        {"role": "signal", "segment": "MM", "lift_within_strata": 0.43, "rule": "30 reports"}]},
}  # fmt: skip


def _brief(**changed: dict[str, Any]) -> Brief:
    """Return the brief over pages that say SAID, findings changed by their id."""
    sources = {}
    for name in evidence.NOTEBOOKS:
        told = [
            {"table": "t", **one, **changed.get(str(one["id"]).replace("-", "_"), {})}
            for one in SAID.get(name, [])
        ]
        content = {"findings": told, **MORE.get(name, {})}
        sources[name] = Gathered(name, "fresh", "", content, f"../{name}/report.html")
    return Brief(sources, date(2026, 6, 30))


def _words(brief: Brief) -> str:
    return " ".join(one.text for one in findings.answer(brief))


def _sections(brief: Brief) -> str:
    shown = [*exhibits.money(brief, "USD"), *exhibits.levels(brief, "USD"), *exhibits.warned(brief)]
    return " ".join(one.text for one in shown if isinstance(one, Statement))


def test_what_is_at_risk_is_told_with_what_shrinks() -> None:
    """What is kept is without both, so the sentence that makes them add up stands in the brief."""
    assert "leaves on average. Besides." in _sections(_brief())


def test_a_figure_is_named_in_two_short_lines() -> None:
    """Whatever the level is counted in, no name is longer than a leader reads at a glance."""
    (row,) = brief_figures.row(_brief(), "USD")
    assert len(row.figures) == 5
    assert [one.label for one in row.figures if len(one.label) > TWO_LINES] == []


def test_what_a_figure_says_the_answer_does_not_say_again() -> None:
    """Under the figures the answer says what they leave open; the whole sentences stand below."""
    brief = _brief()
    (row,) = brief_figures.row(brief, "USD")
    answer, sections = _words(brief), _sections(brief)
    assert answer == (
        "In 2026 Q3 $8,395,250 comes up. For MM there is a tipping point. "
        "MM customers with 30 reports renewed 92\u202f%, others 49\u202f%."
    )
    for figure in row.figures:
        assert figure.value not in answer
    for told in ("75\u202f%", "$2,000,000", "7 customers", "3 more ($9)", "0.97"):
        assert told in sections


@pytest.mark.parametrize("name", foremost.NAMES)
@pytest.mark.parametrize("lost", ["value", "n"])
def test_without_its_figure_a_finding_is_said_in_full(name: str, lost: str) -> None:
    """A finding that cannot stand as a figure is in the answer's words, and nowhere else twice."""
    brief = _brief(**{name.replace("-", "_"): {lost: None}})
    (row,) = brief_figures.row(brief, "USD")
    assert len(row.figures) == 4
    said = next(one for one in findings.answer(brief) if one.id.endswith(f"-{name}") or (
        name == foremost.GAP and one.id.endswith("levels")))  # fmt: skip
    whole = next(one for listed in SAID.values() for one in listed if one["id"] == name)
    assert said.text.split(". ")[-1].rstrip(".") in whole["statement"]


def test_a_page_that_cannot_be_relied_on_gives_neither_figure_nor_words() -> None:
    """The brief fails closed: nothing of such a page stands anywhere but its reason."""
    brief = _brief()
    gone = Gathered(evidence.OUTLOOK, "failed", "the history is too short", {})
    broken = Brief({**brief.sources, evidence.OUTLOOK: gone}, brief.as_of)
    (row,) = brief_figures.row(broken, "USD")
    assert [one.value for one in row.figures] == ["7", "+43 points", "0.97"]
    assert "8,395,250" not in _words(broken) + _sections(broken)
    assert "the history is too short" in _words(broken)


def test_in_the_lab_without_pages_to_lead_to_there_are_words_and_no_figures() -> None:
    """A number that leads nowhere is no key figure, and its sentence is not lost."""
    brief = _brief()
    bare = {name: Gathered(name, "fresh", "", source.content) for name, source in
            brief.sources.items()}  # fmt: skip
    brief = Brief(bare, brief.as_of)
    assert brief_figures.row(brief, "USD") == []
    assert "$2,000,000" in _words(brief) and "0.97" in _words(brief)


def test_the_index_shows_what_the_brief_shows_in_the_same_words() -> None:
    """Money kept, money at risk and who is below: one name, one value and one doubt on both."""
    due = {"label": "2026 Q3", "due_arr": 8395250.0, "grr_p10": 0.7, "grr_p50": 0.75,
           "grr_p90": 0.8, "arr_at_risk": 2e6, "loss_p10": 1.6e6, "loss_p90": 2.4e6}  # fmt: skip
    results = {
        name: {"findings": told, **({"forecast": [due]} if name == evidence.OUTLOOK else {})}
        for name, told in SAID.items()
    }
    noted = runs.Manifest(run_id="r", status="complete", as_of=date(2026, 6, 30))
    index = key_figures.figures(said.Said("r", noted, results))
    (row,) = brief_figures.row(_brief(), "USD")
    shown = {(one.label, one.value, one.beside) for one in row.figures}
    both = [(one.label, one.value, one.beside) for one in index]
    assert len(both) == 3
    assert set(both) <= shown
