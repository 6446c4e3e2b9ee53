"""What the page on adoption shows of M11 to M13: the engagement score, support, growth."""

from __future__ import annotations

import math

import pandas as pd

from cs_models.features.measures.score import PARTS
from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence.engagement import Told
from cs_models.report.findings import engagement as findings
from cs_models.report.findings.amounts import counted
from cs_models.report.values import integer, interval

Shown = Statement | Table
_ENDS = {"low": Column("from", kind="percent"), "high": Column("to", kind="percent")}
_N = Column("Contracts", kind="integer")
_LOWEST = 15
_PARTS = {
    "score": "The score", "points_frequency": "Days with use per active user",
    "points_depth": "Features per active user", "points_breadth": "Active users per seat",
    "points_recency": "How lately it was used",
}  # fmt: skip


def score(told: Told) -> tuple[Shown, ...]:
    """Show whether the engagement score orders renewals, and who has little of it today (M11)."""
    said = Statement.of("finding", *findings.score_parts(told), id="score-said")
    if "M11" in told.why:
        return (said,)
    shown: list[Shown] = [said]
    if len(told.fifths):
        shown.append(
            Table.of(
                told.fifths, id=findings.FIFTHS, title="Renewed, by fifth of the engagement score",
                columns={
                    "fifth": Column("Fifth", kind="integer"),
                    "from_score": Column("Score from", kind="number", digits=0),
                    "to_score": Column("to", kind="number", digits=0),
                    "rate": Column("Renewed", kind="percent"), **_ENDS, "n": _N,
                    "n_lost": Column("Lost", kind="integer"),
                },
                note="5 is the most engaged fifth. Each score holds only what was known 90 to 118 "
                "days before the renewal; nothing was learnt from the outcomes. From and to: 95 %, "
                "the customer as the unit.",
            )
        )  # fmt: skip
    return (*shown, _order(told), _today(told))


def _order(told: Told) -> Table:
    frame = told.order.assign(part=told.order["column"].map(_PARTS))
    return Table.of(
        frame, id=findings.ORDER, title="How often the contract kept stood above the one lost",
        columns={"part": Column("By"), "auc": Column("Of pairs", kind="percent"), **_ENDS, "n": _N,
                 "n_lost": Column("Lost", kind="integer")},
        note="50 % is chance. Involuntary endings are left out. A part alone is shown to see what "
        "carries the score, not to choose it.",
    )  # fmt: skip


def _today(told: Told) -> Table:
    frame = told.today.sort_values(["score", "account_id"], ignore_index=True)
    points = {
        f"points_{name}": Column(_PARTS[f"points_{name}"], kind="number", digits=1)
        for name in PARTS
    }
    return Table.of(
        frame.head(_LOWEST), id="score-today", title="Least engaged running customers today",
        columns={"account_id": Column("Customer"), "segment": Column("Segment"),
                 "score": Column("Score", kind="number", digits=1), **points},
        note="The four parts give 0 to 25 points each and add up to the score, but for rounding. "
        "Against the segment on the same day: somebody is always last.",
    )  # fmt: skip


def support(told: Told) -> tuple[Shown, ...]:
    """Show cases open and closed, and what unresolved ones went with (M12)."""
    said = Statement.of("finding", *findings.support_parts(told), id="support-said")
    if "M12" in told.why:
        return (said,)
    handled = Table.of(
        told.handled, id=findings.HANDLED, title="Renewed, by support 90 days before the renewal",
        columns={"volume": Column("Cases in 90 days"), "state": Column("Older than a week"),
                 "value": Column("Renewed", kind="percent"), **_ENDS, "n": _N},
        note=f"{_apart('Many cases against few, all handled', told.volume)}"
        f"{_apart('Some left open against none', told.unresolved)}Many: more than the usual "
        "contract "
        "of the segment. A cell of few contracts says nothing.",
    )  # fmt: skip
    days = {name: Column(label, kind="number", digits=0) for name, label in
            (("median", "Half closed within, days"), ("median_low", "from"),
             ("median_high", "to"))}  # fmt: skip
    severity = Table.of(
        told.severities, id=findings.SEVERITY, title="Days until a case is closed",
        columns={"severity": Column("Severity"), "n": Column("Cases", kind="integer"), **days},
        note="Open cases count as long as they have been open.",
    )  # fmt: skip
    frame = told.load.sort_values(["open_severe", "open", "oldest_days", "account_id"],
                                  ascending=[False, False, False, True])  # fmt: skip
    load = Table.of(
        frame[(frame["open"] > 0) | (frame["opened"] > 0)].head(_LOWEST), id=findings.LOAD,
        title="Customers with open cases first",
        columns={
            "account_id": Column("Customer"), "segment": Column("Segment"),
            "opened": Column("Opened, 90 days", kind="integer"),
            "open": Column("Open", kind="integer"),
            "open_severe": Column("Severe of them", kind="integer"),
            "oldest_days": Column("Oldest", kind="integer", unit="days"),
            "escalated": Column("Escalated", kind="integer"),
        },
        note=f"All customers together: {counted(told.load['opened'].sum(), 'case')} opened in 90 "
        "days, "
        f"{integer(told.load['open'].sum())} open, {integer(told.load['open_severe'].sum())} of "
        "them severe. Escalated: of those opened in 90 days and closed, as an escalation carries "
        "no date.",
    )  # fmt: skip
    return (said, handled, severity, load)


def _apart(words: str, found: dict[str, float]) -> str:
    if math.isnan(found["value"]):
        return ""
    return f"{words}: {interval(found['low'], found['high'], 'points')} of renewal. "


def growth(told: Told, currency: str) -> tuple[Shown, ...]:
    """Show what was kept and what grew, by quarter and segment (M13)."""
    said = Statement.of("finding", *findings.growth_parts(told, currency), id="growth-said")
    if "M13" in told.why:
        return (said,)
    quarters = _kept(told.quarters, findings.QUARTERS, "label", "Quarter", currency)
    growth_ = Table.of(
        told.growth, id=findings.GROWTH, title="Growth of those who stayed",
        columns={"segment": Column("Segment"),
                 "value": Column("ARR after, of before", kind="percent"), **_ENDS,
                 "grew": Column("Contracts that grew", kind="percent"),
                 "n_terms": _N},
    )  # fmt: skip
    return (said, quarters, _kept(told.segments, findings.SEGMENTS, "segment", "Segment", currency),
            growth_)  # fmt: skip


def _clear(frame: pd.DataFrame) -> str:
    clear = int((frame["nrr_low"] > 1).sum())
    return f"Net clearly above 100 % in {integer(clear)} of {integer(len(frame))} rows. "


def _kept(frame: pd.DataFrame, name: str, by: str, label: str, currency: str) -> Table:
    ends = {
        f"{one}{end}": Column(words, kind="percent")
        for one, whole in (("grr", "Gross"), ("nrr", "Net"))
        for end, words in (("", whole), ("_low", "from"), ("_high", "to"))
    }
    return Table.of(
        frame, id=name, title=f"Kept of the ARR due, by {label.lower()}",
        columns={by: Column(label), "n_due": _N,
                 "due_arr": Column("ARR due", kind="money", unit=currency), **ends},
        note=f"{_clear(frame)}Gross: without growth. Net: with it; above 100 % growth outweighs "
        "losses (negative "
        "churn). From and to: 95 %, the customer as the unit.",
    )  # fmt: skip
