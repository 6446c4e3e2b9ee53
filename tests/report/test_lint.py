"""No number of a sentence without the table or figure that made it: what the page refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cs_models.errors import NotebookError
from cs_models.report.display import Column, Statement, Table, num
from cs_models.report.findings.words import cited
from cs_models.report.page import blocks, lint

WORDS = ("customers", "who", "use", "it", "renewed", "more", "often", "than", "others", "while")
FORMS = (
    "{n}", "{n} %", "${n}", "{n}.{n} points", "{n} of {n}", "{n}.{n} times", "{n}-fold",
    "{n},{n}00", "−{n}.{n}", "{n} to {n} %", "€{n},000", "CHF {n}", "{n} days", "{n}x",
)  # fmt: skip

sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
numbers = st.builds(lambda form, n: form.format(n=n), st.sampled_from(FORMS), st.integers(1, 999))


def loose(*parts: Any) -> list[str]:
    """Return what the lint finds in one statement."""
    return lint.loose(Statement.of("finding", *parts).payload()["parts"])


@given(sentences, numbers, sentences)
def test_a_number_outside_a_link_is_found(before: str, number: str, after: str) -> None:
    """Whatever the form and wherever it stands, an unlinked number is found."""
    assume(not (number == "100" and before.endswith(("of", "every", "per"))))
    assert loose(f"{before} {number} {after}")


@given(
    sentences,
    numbers.filter(
        lambda n: n.endswith(("%", "points", "-fold", "x")) or " of " in n or n[0] in "$€C"
    ),
    sentences,
)
def test_a_result_outside_a_link_refuses_the_page(before: str, number: str, after: str) -> None:
    """A percentage, an amount, points or a ratio is found among all that a page may hold."""
    parts = Statement.of("finding", f"{before} {number} {after}").payload()["parts"]
    assert lint.results(parts)
    assert lint.loose(parts)


@given(sentences, numbers, sentences)
def test_a_number_in_a_link_passes(before: str, number: str, after: str) -> None:
    """The same sentence passes once the number is linked."""
    assert not loose(f"{before} ", num(number, "#rates"), f" {after}")


@given(st.lists(st.one_of(sentences, numbers), min_size=1, max_size=9).map(" ".join))
def test_cited_sentences_pass_and_say_the_same(sentence: str) -> None:
    """Citing a table links every number, and changes no letter."""
    parts = cited("rates", sentence)
    assert not loose(*parts)
    assert "".join(getattr(part, "text", part) for part in parts) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "Use is counted from 2022-06-30 on, and since 2024-05.",
        "In 2026 Q3, and from 13 August to 13 November 2026.",
        "The bars are 95 % intervals; a 95 % band; intervals of 95 %.",
        "Days of use in the first 60 days of the term and the last 28 days.",
        "Of 100 customers who begin with 12-month contracts, most stay.",
        "For every 100 who were expected to leave, about as many did.",
        "Page 05 and 06_renewal_outlook say so of a-0000047, p95_latency and tier2.",
        "The first renewal is the risky one.",
    ],
)
def test_dates_windows_and_names_need_no_table(sentence: str) -> None:
    """Dates, names of intervals and windows, bases of shares and names of pages pass."""
    assert not loose(sentence)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("They stay 31 months.", "31"),
        ("It takes 48 days or longer.", "48"),
        ("Renewed 84 % of the time.", "84 %"),
        ("Worth $1,230,000 a year.", "$1,230,000"),
        ("Told apart in 58 of 100 pairs.", "58"),
        ("The odds are 2.1 times as large.", "2.1"),
        ("A gap of −3.5 points.", "−3.5"),
        ("Used 2.1x as much.", "2.1x"),
        ("Between 24 and\u202f36.", "24"),
    ],
)
def test_what_is_counted_needs_one(sentence: str, found: str) -> None:
    """Durations that were measured, shares, amounts, ratios and counts are found as written."""
    assert found in loose(sentence)[0].partition(" in ")[0]


def test_a_name_of_the_data_may_hold_digits() -> None:
    """A customer called Studio 54 is named, not counted; what reads as measured is no name."""
    frame = pd.DataFrame(
        {"account_name": ["Studio 54", "7-Eleven"], "segment": ["1", "50-249"],
         "rule": ["at least 30 uses", "120 days"]}
    )  # fmt: skip
    known = lint.names([Table.of(frame, id="t", title="").payload()])
    said = Statement.of("finding", "Studio 54 and 7-Eleven of segment 50-249 have left.").payload()
    assert not lint.loose(said["parts"], known)
    rule = Statement.of("finding", "Those with at least 30 uses stayed 120 days.").payload()
    assert len(lint.loose(rule["parts"], known)) == 2


@pytest.mark.parametrize(
    ("prose", "quoted"),
    [
        ("Intervals of 95 % have the customer as the unit.", 0),
        ("Dormant after <code>60 %</code> of 28 days of silence.", 0),
        ("Churn is 12 % in this company.", 1),
        ("A call costs $1,500 and keeps 3 of 10.", 2),
        ("They renew 2.1 times as often, 5 points more.", 2),
    ],
)
def test_the_notebooks_own_words_define_and_do_not_quote(prose: str, quoted: int) -> None:
    """Prose that is the same in every run may hold definitions, and no result."""
    assert len(lint.quoted(f"<p>{prose}</p>")) == quoted


class TestPage:
    """What a whole page is refused for."""

    def test_the_message_names_page_statement_number_and_repair(
        self, page: Callable[..., nbformat.NotebookNode]
    ) -> None:
        """All faults of a page are told at once, each with its place."""
        with pytest.raises(NotebookError) as refused:
            blocks.read(
                page(Statement.of("answer", "They renewed 84 % of the time.", id="answer"),
                     Statement.of("finding", "Of all, 412 of 500 did."))
            )  # fmt: skip
        error = refused.value
        assert "Who renews?" in error.where
        assert "statement answer: “84\u202f%”" in error.got.replace("84 %", "84\u202f%")
        assert "412" in error.got
        assert "num(" in error.repair

    def test_a_count_alone_stops_no_page(self, page: Callable[..., nbformat.NotebookNode]) -> None:
        """A digit in a name that no table shows is not told from a count, and stops nothing."""
        said = Statement.of("finding", "Studio 54 has left.")
        assert blocks.read(page(said)).blocks
        assert lint.loose(said.payload()["parts"])

    def test_a_page_whose_numbers_all_link_is_made(
        self, page: Callable[..., nbformat.NotebookNode]
    ) -> None:
        """Linked numbers pass, and so does what says that there is too little data."""
        report = blocks.read(
            page(
                Statement.of("answer", "They renewed ", num("84 %", "#rates"), " of the time."),
                Statement.of("finding", "Only 7 of 40 left.", verdict="too_little_data"),
            )
        )
        assert len(report.answer) == 1

    def test_prose_with_a_result_is_refused(
        self, page: Callable[..., nbformat.NotebookNode]
    ) -> None:
        """A percentage typed into a notebook's own words would be wrong in the next run."""
        with pytest.raises(NotebookError, match="own words"):
            blocks.read(page(prose="Last year we lost 12 % of them."))

    @pytest.fixture
    def page(
        self,
        notebook_of: Callable[..., nbformat.NotebookNode],
        markdown_cell: Callable[..., nbformat.NotebookNode],
        code_cell: Callable[..., nbformat.NotebookNode],
    ) -> Callable[..., nbformat.NotebookNode]:
        """Return a maker of executed notebooks with one table and some statements."""
        rates = Table.of(
            pd.DataFrame({"rate": [0.84]}), id="rates", title="Rates",
            columns={"rate": Column("Renewed", "percent")},
        )  # fmt: skip

        def make(*said: Statement, prose: str = "Read this.") -> nbformat.NotebookNode:
            return notebook_of(
                markdown_cell(f"# Who renews?\n\n{prose}"), code_cell(*said), code_cell(rates)
            )

        return make
