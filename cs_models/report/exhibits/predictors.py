"""What notebook 03 shows of today: who is at risk, of whom it does not speak, what was excluded.

Grain in: what ``evidence.predictors`` learnt and said.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import predictors as evidence
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Learnt, Today, records
from cs_models.report.figures import predictors as figures
from cs_models.report.findings import colours
from cs_models.report.findings import predictors as findings
from cs_models.report.findings.amounts import customers
from cs_models.report.values import integer, money, percent

Shown = Sequence[Exhibit | Statement | Table]
DRAWN = 15
_WITHOUT = "No chance of leaving is given, so there is no list of customers at risk."


def totals(today: Today | None, coming: Due, currency: str) -> Shown:
    """Show what comes up for renewal in numbers, and of whom the page does not speak.

    Parameters
    ----------
    today : Today or None
    coming : Due
    currency : str
        ISO 4217 code.
    """
    if today is None:
        return (*findings.due(coming, currency), _left_out(coming, currency))
    t = today.totals
    frame = pd.DataFrame(
        [
            ("Contracts that come up", integer(t["n_terms"]), "", ""),
            ("Customers", integer(t["n_accounts"]), "", ""),
            ("Their ARR", money(t["arr"], currency), "", ""),
            *(_ranged(t, name, words, unit) for name, words, unit in (
                ("expected_leavers", "Contracts expected to be lost", ""),
                ("expected_loss", "ARR expected to be lost", currency),
            )),
            ("Contracts without a known ARR, in no sum", integer(t["n_without_arr"]), "", ""),
        ],
        columns=["what", "value", "low", "high"],
    )  # fmt: skip
    table = Table.of(
        frame,
        id=evidence.TOTALS,
        title=f"What comes up for renewal from {coming.since:%-d %B} to {coming.until:%-d %B %Y}",
        columns={
            "what": Column("What"), "value": Column("Value"), "low": Column("from"),
            "high": Column("to"),
        },
        note="From, to: the middle eight of ten refits on customers drawn anew. They hold how far "
        "other customers to learn from would have moved the sum, not the luck of the quarter.",
    )  # fmt: skip
    return (table, *findings.due(coming, currency), _left_out(coming, currency))


def at_risk(today: Today | None, currency: str, *, days: int | None = None) -> Shown:
    """Show who is at risk: a figure of those with most at stake, and the table of all.

    Parameters
    ----------
    today : Today or None
    currency : str
        ISO 4217 code.
    days : int, optional
        Days before their renewal at which past customers were looked at; the table says so.
    """
    if today is None:
        return (Statement.of("finding", _WITHOUT, id="at-risk-said"),)
    top = today.risk.head(DRAWN)
    drawn = top.assign(name=_named(top, currency))
    first = records(top.head(3))
    words = Column(colours.title(by_play=today.by_play))
    drawn["answer"] = drawn["colour"].map(colours.words(by_play=today.by_play))
    told = "; ".join(f"{row['account_name']} {percent(row['p_churn'])}" for row in first)
    figure = Exhibit(
        id="at-risk",
        title=f"The {len(top)} contracts with most at stake",
        figure=figures.at_risk(
            drawn, base=today.limits.base_rate, names=colours.answers(by_play=today.by_play)
        ),
        table=_drawn_table(drawn, words),
        alt=f"Chance of leaving with its band, most at stake first: {told}.",
        caption="Dot: the chance. Bar: where eight of ten refits on other customers put it. "
        f"Dotted: of all past contracts {percent(today.limits.base_rate)} were not renewed. "
        "Sorted by chance times ARR.",
    )
    return (*findings.colours(today, currency), figure, _risk_table(today, currency, days))


def exclusions(frame: pd.DataFrame, learnt: Learnt) -> Table:
    """Show which past terms were left out, and why.

    Parameters
    ----------
    frame : DataFrame
        ``Cohort.exclusions``.
    learnt : Learnt
    """
    counts = learnt.counts
    return Table.of(
        frame,
        id="exclusions",
        title="Past terms left out",
        columns={
            "reason": Column("Why"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Of these lost", kind="integer"),
            "churn_rate": Column("Lost share of those decided", kind="percent"),
        },
        note=f"Learnt from: {integer(counts['n_terms'])} terms of {integer(counts['n_accounts'])} "
        f"customers, {integer(counts['n_churned'])} of them lost. Terms that ended without the "
        "customer's choice (acquired, closed down) are not learnt from.",
    )


def _left_out(coming: Due, currency: str) -> Table:
    arr = pd.to_numeric(coming.terms["arr"]).astype("float64")
    spoken_of = {
        "reason": f"renew from {coming.since:%Y-%m-%d} to {coming.until:%Y-%m-%d}: spoken of here",
        "n_terms": len(coming.terms),
        "n_accounts": coming.terms["account_id"].nunique(),
        "arr": float(arr.sum()),
    }
    left_out = coming.left_out[coming.left_out["n_terms"] > 0]
    return Table.of(
        pd.concat([pd.DataFrame([spoken_of]), left_out], ignore_index=True),
        id="left-out",
        title="Running contracts, and which of them are spoken of",
        columns={
            "reason": Column("Those that"),
            "n_terms": Column("Contracts", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
    )


def _drawn_table(drawn: pd.DataFrame, answer: Column) -> Table:
    return Table.of(
        drawn,
        id="at-risk-drawn",
        title="Chance of leaving of those with most at stake",
        columns={
            "name": Column("Customer, ARR"),
            "p_churn": Column("Chance of leaving", kind="percent", digits=0),
            "p_low": Column("from", kind="percent", digits=0),
            "p_high": Column("to", kind="percent", digits=0),
            "answer": answer,
        },
    )


def _answer(row: dict[str, Any], words: Mapping[str, str]) -> str:
    """Say what a colour decides of one contract, and how firmly."""
    if row["colour"] not in words:
        return "not known"
    word = words[row["colour"]]
    if row["held_back"]:
        return f"{word}, as last time"
    return word if row["colour_sure"] else f"{word}, or another"


def _risk_table(today: Today, currency: str, days: int | None) -> Table:
    risk, words = today.risk, colours.words(by_play=today.by_play)
    reasons = risk[[name for name in risk.columns if name.startswith("reason_")]]
    shown = risk.assign(
        chance=[
            f"{percent(p)} ({percent(low)} to {percent(high)})"
            for p, low, high in zip(risk["p_churn"], risk["p_low"], risk["p_high"], strict=True)
        ],
        colour=[_answer(row, words) for row in records(risk)],
        why=[_in_short(list(row)) for row in reasons.itertuples(index=False)],
        mind=risk["mind"].str.partition(":")[0],
    )
    return Table.of(
        shown,
        id=evidence.AT_RISK,
        title="Customers due, most ARR at risk first",
        columns={
            "account_name": Column("Customer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "term_end": Column("Renews", kind="date"),
            "chance": Column("Chance of leaving"),
            "why": Column("What goes with it"),
            "colour": Column(colours.title(by_play=today.by_play)),
            "health": Column("Health", kind="number", digits=0),
            "expected_loss": Column("Chance times ARR", kind="money", unit=currency),
            "segment": Column("Segment"),
            "days_left": Column("Days left", kind="integer"),
            "mind": Column("Bear in mind"),
        },
        note=f"{_red(today, currency)}{_learnt_at(days)}“Or another”: the band of the chance "
        f"reaches into another answer. {_as_last_time(today)}{colours.MEANING} What goes with a "
        "chance is compared with a typical customer of the segment who renewed. The whole list, "
        "with every reason in full, is in tables/accounts_at_risk.csv.",
        fold_after=10,
    )


def _learnt_at(days: int | None) -> str:
    """Say at which distance the chances were learnt: the outlook gives others to the same names."""
    if days is None:
        return ""
    return (
        f"Chance: learnt from past customers {integer(days)} days before their renewal. "
        "06_renewal_outlook reads a contract from as far as the middle of its quarter and gives "
        "another chance. For one customer neither has been shown to be the better: take what lies "
        "between them as doubt that the bands do not hold. "
    )


def _red(today: Today, currency: str) -> str:
    red = today.risk[today.risk["colour"] == "red"]
    if red.empty:
        return ""
    n = customers(red["account_id"].nunique())
    answer = colours.answers(by_play=today.by_play)["red"]
    said = f"{answer[:1].upper()}{answer[1:]}, {n} with {money(red['arr'].sum(), currency)} a year"
    return f"{said}. "


def _as_last_time(today: Today) -> str:
    """Say what an answer that is kept means, and how many are."""
    n_before, n_held = (integer(today.totals[name]) for name in ("n_before", "n_held"))
    if today.since is None or not today.totals["n_before"]:
        return ""
    return (
        f"“As last time”: the last report told of {n_before} of these too; {n_held} have crossed a "
        "limit since within their band, and keep that answer until it is clear or seen twice. "
    )


def _in_short(reasons: list[str]) -> str:
    """Return the first reason in full and the kinds of record of the others."""
    first, *others = [*filter(None, reasons)] or [""]
    kinds = [other.partition(":")[0] for other in others]
    return f"{first}; then {', '.join(kinds)}" if kinds else first


def _named(risk: pd.DataFrame, currency: str) -> list[str]:
    """Return a name of its own for each term: a customer may come up twice."""
    names = [f"{name}, {money(arr, currency)}"
             for name, arr in zip(risk["account_name"], risk["arr"], strict=True)]  # fmt: skip
    twice = pd.Series(names).duplicated(keep=False)
    return [
        f"{name} ({term})" if same else name
        for name, term, same in zip(names, risk["subscription_id"], twice, strict=True)
    ]


def _ranged(totals: dict[str, float], name: str, words: str, unit: str) -> tuple[str, ...]:
    values = [totals[f"{name}{end}"] for end in ("", "_low", "_high")]
    return (words, *(money(value, unit) if unit else integer(value) for value in values))
