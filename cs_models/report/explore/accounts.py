"""One customer against its benchmark: its chance, its place, its like, and its use over time.

Grain in: what notebook 03 found, and the records for the use week by week.  Grain out: display
objects for one term.  All that takes long is worked out for every customer at once; a turn reads
one customer's rows.  ``methods.md`` 1.4, 5 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models import progress
from cs_models.learn import ramps as learnt
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import customer as evidence
from cs_models.report.evidence import ramps
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Today
from cs_models.report.exhibits import customer as exhibits
from cs_models.report.figures import ramps as figures
from cs_models.report.findings import customer as findings

Shown = Exhibit | Statement | Table
ABOUT = (
    "Choose a customer who comes up for renewal, in the list or by a click on a row of the table: "
    "what its chance is made of, where it stands among past customers of its kind who renewed, "
    "which past terms were most like it and what became of them, and its use week by week beside "
    "theirs. A name here is a question to ask, not a verdict."
)
_EVERY: Final = 4  # weeks from row to row of the table behind the course


@dataclass(frozen=True)
class Courses:
    """The usual use week by week of contracts of one length, and that of the running ones.

    Attributes
    ----------
    usual : DataFrame, one row per outcome and week
        ``ramps.Ramps.weeks`` of all use.
    running : DataFrame, one row per running term of that length
    weekly : DataFrame, one row per term and week with any use
    months : int
        The length.
    """

    usual: pd.DataFrame
    running: pd.DataFrame
    weekly: pd.DataFrame
    months: int


@dataclass(frozen=True)
class Customers:
    """What a turn of the customer explorer reads.

    Attributes
    ----------
    looks : Looks or None
        None where nothing was learnt.
    courses : Courses or None
        None without records.
    currency : str
        ISO 4217 code.
    """

    looks: evidence.Looks | None
    courses: Courses | None
    currency: str

    @classmethod
    def of(
        cls,
        today: Today | None,
        coming: Due,
        history: pd.DataFrame,
        *,
        by: str | None,
        grace_days: int,
        currency: str,
        courses: ramps.Courses | None = None,
        seed: int = 0,
    ) -> Customers:
        """Work out what is said of every customer who comes up."""
        if today is None:
            return cls(None, None, currency)
        looks = evidence.looks(
            today, coming.terms, history, by=by, grace_days=grace_days,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        return cls(looks, None if courses is None else _courses(courses), currency)

    def at(self, subscription_id: str) -> list[Shown]:
        """Return what is shown of one term."""
        seen = None if self.looks is None else self.looks.of(subscription_id)
        shown: list[Shown] = list(exhibits.customer(seen, self.currency))
        if seen is None or self.courses is None:
            return shown
        return [*shown, _course(self.courses, subscription_id, str(seen.risk["account_name"]))]

    def names(self) -> list[tuple[str, str]]:
        """Return names and terms, the most at stake first."""
        if self.looks is None:
            return []
        risk = self.looks.today.risk
        return [
            (f"{name} ({term})", str(term))
            for name, term in zip(risk["account_name"], risk["subscription_id"], strict=True)
        ]


def customer(
    subscription_id: str,
    today: Today | None,
    coming: Due,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    currency: str,
    courses: ramps.Courses | None = None,
    seed: int = 0,
) -> list[Shown]:
    """Show one customer who comes up for renewal, as the page shows the first.

    Parameters
    ----------
    subscription_id : str
        The term.
    today : Today or None
        What ``evidence.predictors.today`` said.
    coming : Due
    history : DataFrame
        Panel of past terms.
    by : str or None
        Column that holds the segment.
    grace_days : int
        Days after the renewal date at which an outcome is known.
    currency : str
        ISO 4217 code.
    courses : Courses, optional
        What ``evidence.ramps.courses`` read: with it, the customer's use week by week is shown
        beside that of past contracts of the common length.
    seed : int, default 0
        Draws the past terms by which the neighbours are judged.

    Returns
    -------
    list of Exhibit, Statement or Table
        A sentence alone where there is no such term, or nothing was learnt.
    """
    told = Customers.of(
        today, coming, history, by=by, grace_days=grace_days, currency=currency, courses=courses,
        seed=seed,
    )  # fmt: skip
    return told.at(subscription_id)


def customer_view(
    today: Today | None,
    coming: Due,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    currency: str,
    records: Mapping[str, Any] | None = None,
    as_of: date | None = None,
    seed: int = 0,
) -> Any:
    """Return the customer explorer for JupyterLab.

    Parameters
    ----------
    today, coming, history, by, grace_days, currency, seed
        As in :func:`customer`.
    records : mapping of str to ibis Table, optional
        Canonical tables; with them and `as_of` the use week by week is read, once.
    as_of : datetime.date, optional

    Returns
    -------
    ipywidgets.VBox
        Keyboard-usable; the most at stake first.
    """
    from cs_models.report.explore import knobs, tabling

    with progress.step("of what the view shows is ready", 2) as opening:
        courses = None
        if records is not None and as_of is not None:
            courses = ramps.courses(records, as_of, grace_days=grace_days, features=())
        opening.advance()
        told = Customers.of(
            today, coming, history, by=by, grace_days=grace_days, currency=currency,
            courses=courses, seed=seed,
        )  # fmt: skip
        opening.advance()
    names = told.names()
    if not names or told.looks is None:
        return knobs.nothing("customer", findings.NOBODY)
    who = knobs.choice("Customer", names)
    listed = tabling.table(tabling.at_risk(told.looks.today, currency), select="single")

    def chosen(change: Any) -> None:
        if change["new"]:
            who.value = names[change["new"][0]][1]

    listed.observe(chosen, names="selected_rows")

    def draw(who: str) -> Sequence[Shown]:
        return told.at(who)

    return knobs.Explorer("customer", ABOUT, {"who": who}, draw, above=[listed])


def _courses(found: ramps.Courses) -> Courses | None:
    months = ramps.common_length(found.past)
    past = found.past[found.past["term_months"] == months]
    if past["churned"].dropna().empty:
        return None
    usual = learnt.learn(past, found.weekly, [learnt.ALL_USE]).weeks
    running = found.running[found.running["term_months"] == months].reset_index(drop=True)
    drawn = usual[usual["p50"].notna()].round(3)
    return Courses(drawn, running, found.weekly, months)


def _course(found: Courses, subscription_id: str, name: str) -> Shown:
    own = found.running[found.running["subscription_id"] == subscription_id]
    if own.empty or found.usual.empty:
        return Statement.of(
            "note", f"Use week by week is compared among contracts of {found.months} months that "
            "began when use was recorded; this one is not such a contract.",
        )  # fmt: skip
    course = learnt.course(found.running, found.weekly, subscription_id, learnt.ALL_USE).round(3)
    weeks = found.usual[(found.usual["week"] - 1) % _EVERY == 0]
    at = {week + 1: float(use) for week, use in enumerate(course)}
    return Exhibit(
        id="course",
        title=f"{name}: use week by week, beside past contracts of {found.months} months",
        figure=figures.weeks(found.usual, course.tolist(), name),
        table=Table.of(
            weeks.assign(own=weeks["week"].map(at)),
            id="course-table",
            title="Uses per seat and week",
            columns={
                "outcome": Column("Contracts that"), "week": Column("Week", kind="integer"),
                "own": Column(name, kind="number"),
                "p10": Column("Lowest tenth up to", kind="number"),
                "p50": Column("Middle", kind="number"),
                "n_terms": Column("Contracts", kind="integer"),
            },
        ),
        alt=f"{name}, week {len(course)} of the contract, beside the middle and the lowest tenth "
        "of past contracts that renewed and that left.",
        caption="Dotted: this customer. Thick: the middle. Dashed: the edge of the lowest tenth.",
    )  # fmt: skip
