"""What notebook 02 shows of each rule: sentences, figures and the tables behind them.

Grain in: a finished search, its panel and the frames of ``report/evidence/``.  Grain out: display
objects.  Nothing is computed here that a sentence of the page quotes; both read the same frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cs_models.learn.shapes.likelihood import limit
from cs_models.learn.thresholds import Search
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.rules import group_of, leading, records, words_of
from cs_models.report.figures import thresholds as figures
from cs_models.report.findings import certainty
from cs_models.report.values import percent

NOTHING = Statement.of("finding", "No level was announced, so there is nothing to draw here.")
Shown = Sequence[Exhibit | Statement]
RATE = {
    "rate": Column("Renewal rate", kind="percent"),
    "low": Column("from", kind="percent"),
    "high": Column("to", kind="percent"),
    "n_terms": Column("Terms", kind="integer"),
    "n_accounts": Column("Customers", kind="integer"),
    "n_churned": Column("Lost", kind="integer"),
}
LEVEL = 0.95
CUTS_SHOWN = 15
_SPLIT_ONLY = (
    "Where there is no tipping point the line is only where the history divides best, not a level "
    "to aim for."
)


def levels(search: Search, by: str | None) -> Shown:
    """Show how renewal goes with use, rule by rule, and what kind of thing it is.

    Parameters
    ----------
    search : Search
        A finished search.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    sequence of Exhibit or Statement
        A sentence and a figure a rule; one sentence when no rule was announced.
    """
    shown: list[Exhibit | Statement] = []
    for place, rule in enumerate(records(leading(search)), start=1):
        curve = search.curves[rule["rule_id"]]
        rows = evidence.levels(rule, search.learnt_from, by, curve)
        shown += [certainty.shape(rule, place), _levels(place, rule, rows, curve)]
    return shown or (NOTHING,)


def either_side(frame: pd.DataFrame, rules: pd.DataFrame) -> Shown:
    """Show the renewal rate on both sides of each level.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.either_side`` returned.
    rules : DataFrame
        The rules that it was made of.

    Returns
    -------
    sequence of Exhibit or Statement
        One figure, or a sentence when no rule was announced.
    """
    if frame.empty:
        return (NOTHING,)
    split_only = bool((rules["verdict"] == "gradual").any())
    return (rates(frame, caption=_SPLIT_ONLY if split_only else ""),)


def rates(frame: pd.DataFrame, *, caption: str = "") -> Exhibit:
    """Show renewal rates of at least one rule, either side of its level.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.either_side`` returned, with rows.
    caption : str, default ""
        How to read it.
    """
    table = Table.of(
        frame,
        id=anchors.RATES,
        title="Renewal rate on either side of the level",
        columns={"group": Column("Who"), "side": Column("Side"), **RATE, "rule": Column("Rule")},
        note="From–to: 95 % interval; the account is the unit.",
    )
    spoken = [
        f"{row['group']}, {row['side']} the level: {percent(row['rate'])} of "
        f"{row['n_terms']:,} terms"
        for row in records(frame)
    ]
    return Exhibit(
        id="rates",
        title="Renewal rate on either side of the level",
        figure=figures.either_side(frame),
        table=table,
        alt="Renewal rates. " + "; ".join(spoken) + ".",
        caption=caption,
    )


def cut(search: Search) -> Shown:
    """Show which levels fit, rule by rule.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    sequence of Exhibit or Statement
        A figure a rule, with a caution where the interval ends only because no further level
        could be tried; one sentence when no rule was announced.
    """
    shown: list[Exhibit | Statement] = []
    for place, rule in enumerate(records(leading(search)), start=1):
        sold = [] if rule["verdict"] == "gradual" else certainty.edge(rule, place)
        shown += [
            *sold, *certainty.fits_best(rule, place),
            _cut(place, rule, search.profiles[rule["rule_id"]]),
        ]  # fmt: skip
    return shown or (NOTHING,)


def _levels(place: int, rule: dict[str, Any], rows: pd.DataFrame, curve: pd.DataFrame) -> Exhibit:
    group, words = group_of(rule), words_of(rule)
    is_slope = rule["verdict"] == "gradual"
    cut = tuple(float(rule[name]) for name in ("cut", "cut_low", "cut_high"))
    first, last = rows.iloc[0], rows.iloc[-1]
    marked = "" if is_slope else f" The level found is {rule['cut']:,.4g}."
    return Exhibit(
        id=f"levels-{place}",
        title=f"{group}: renewal by {words}",
        figure=figures.dose_response(
            rows,
            evidence.supported(curve, rows),
            axis=words,
            cut=None if is_slope else (cut[0], cut[1], cut[2]),
        ),
        table=Table.of(
            rows,
            id=anchors.levels(place),
            title=f"{group}: renewal by level",
            columns={
                "level": Column(words),
                **RATE,
                "middle": Column("Typical use", kind="number"),
                "curve": Column("Curve there", kind="percent"),
            },
        ),
        alt=f"{group}: terms with {first['level']} renewed {percent(first['rate'])}, "
        f"those with {last['level']} {percent(last['rate'])}.{marked}",
        caption=_reading(rule),
    )


def _reading(rule: dict[str, Any]) -> str:
    users = int(rule["min_users"])
    said = ["The line ends at the typical use of the lowest and of the highest group."]
    if rule["verdict"] == "gradual":
        said.append("No line is drawn: there is no tipping point.")
    if users > 1:
        said.append(f"Terms with fewer than {users} users count as none.")
    return " ".join(said)


def _cut(place: int, rule: dict[str, Any], profile: pd.DataFrame) -> Exhibit:
    group, words = group_of(rule), words_of(rule)
    nearest = profile.nsmallest(CUTS_SHOWN, "deviance").sort_values("cut")
    nearest = nearest.assign(inside=nearest["inside"].map({True: "yes", False: "no"}))
    span = _span(rule, profile)
    return Exhibit(
        id=f"cut-{place}",
        title=f"{group}: which levels fit",
        figure=figures.cut_likelihood(profile, axis=words, limit=limit(LEVEL)),
        table=Table.of(
            nearest,
            id=anchors.cut(place),
            title=f"{group}: the best-fitting levels",
            columns={
                "cut": Column(words, kind="number"),
                "deviance": Column("Worse than the best by", kind="number"),
                "inside": Column("Cannot be told apart"),
                "rate_above": Column("Renewed at or above", kind="percent"),
                "rate_below": Column("below", kind="percent"),
                "n_above": Column("Terms at or above", kind="integer"),
            },
            note=span,
        ),
        alt=f"{group}: {len(profile):,} levels tried. {span}",
        caption=_SPLIT_ONLY if rule["verdict"] == "gradual" else "",
    )


def _span(rule: dict[str, Any], profile: pd.DataFrame) -> str:
    """Say the interval of a level, and where a level inside it fits worse than its ends."""
    low, high = (f"{rule[name]:,.4g}" for name in ("cut_low", "cut_high"))
    if low == high:
        return "No other level that could be tried fits as well."
    between = profile["cut"].between(rule["cut_low"], rule["cut_high"])
    worse = bool((between & ~profile["inside"].astype(bool)).any())
    hull = " It runs from the lowest to the highest level that fits; one between may fit worse."
    return f"Interval of the level: {low} to {high}.{hull if worse else ''}"
