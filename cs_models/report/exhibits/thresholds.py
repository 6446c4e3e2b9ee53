"""What notebook 02 shows: figures with the tables behind them.

Grain in: a finished search, its panel and the frames of ``report/evidence/``.  Grain out: display
objects.  Nothing is computed here that a sentence of the page quotes; both read the same frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn.shapes.likelihood import limit
from cs_models.learn.thresholds import Search
from cs_models.report import figures
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import thresholds as evidence
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


def either_side(frame: pd.DataFrame) -> Shown:
    """Show the renewal rate on both sides of each level.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.either_side`` returned.

    Returns
    -------
    sequence of Exhibit or Statement
        One figure, or a sentence when no rule was announced.
    """
    return (NOTHING,) if frame.empty else (rates(frame),)


def rates(frame: pd.DataFrame) -> Exhibit:
    """Show renewal rates of at least one rule, either side of its level.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.either_side`` returned, with rows.
    """
    table = Table.of(
        frame,
        id="rates-table",
        title="Renewal rate on either side of the level",
        columns={"group": Column("Who"), "rule": Column("Rule"), "side": Column("Side"), **RATE},
        note="From–to: 95 % interval; the account is the unit.",
    )
    spoken = [
        f"{row['group']}, {row['side']} the level: {percent(row['rate'])} of "
        f"{row['n_terms']:,} terms"
        for row in evidence.records(frame)
    ]
    return Exhibit(
        id="rates",
        title="Renewal rate on either side of the level",
        figure=figures.either_side(frame),
        table=table,
        alt="Renewal rates. " + "; ".join(spoken) + ".",
    )


def levels(rules: pd.DataFrame, history: pd.DataFrame, by: str | None) -> Shown:
    """Show the renewal rate by level of use, one figure a rule.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    history : DataFrame
        ``Search.learnt_from``.
    by : str or None
        Column that holds the segment.
    """
    return [
        *([NOTHING] if rules.empty else []),
        *(
            _levels(place, rule, evidence.levels(rule, history, by))
            for place, rule in enumerate(evidence.records(rules), start=1)
        ),
    ]


def cut(search: Search, rules: pd.DataFrame) -> Shown:
    """Show the interval of each rule's level.

    Parameters
    ----------
    search : Search
        A finished search.
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    """
    return [
        *([NOTHING] if rules.empty else []),
        *(
            _cut(place, rule, search.profiles[rule["rule_id"]])
            for place, rule in enumerate(evidence.records(rules), start=1)
            if rule["rule_id"] in search.profiles
        ),
    ]


def chance(search: Search, *, alpha: float) -> Shown:
    """Show the best rule of the shuffled histories, with this history marked.

    Parameters
    ----------
    search : Search
        A finished search.
    alpha : float
        How often pure noise may announce a threshold.

    Returns
    -------
    sequence of Exhibit or Statement
        One figure, or a sentence when nothing could be searched.
    """
    if not len(search.null_max) or search.rules.empty:
        return (Statement.of("finding", "Nothing was searched, so chance had no part in it."),)
    observed = float(search.rules["statistic"].abs().max())
    bar = float(np.quantile(search.null_max, 1 - alpha))
    spread = evidence.histogram(search.null_max)
    facts = _chance_facts(search, observed=observed, bar=bar, alpha=alpha)
    return (
        Exhibit(
            id="chance",
            title="The best of everything searched, when chance alone is at work",
            figure=figures.chance(spread, observed=observed, limit=bar),
            table=Table.of(
                facts,
                id="chance-table",
                title="This history against chance",
                columns={"what": Column("What"), "value": Column("Value", kind="number")},
                note="Strength: standard deviations between the two sides of the best rule.",
            ),
            alt=f"The best rule of this history has strength {observed:.1f}; chance alone exceeds "
            f"{bar:.1f} in {percent(alpha)} of histories.",
        ),
    )


def announced(search: Search) -> Table:
    """Show every announced rule, signals and echoes."""
    rows = search.table[search.table["column"].notna()].copy()
    rows["group"] = [evidence.group_of(row) for row in evidence.records(rows)]
    return Table.of(
        rows,
        id="thresholds",
        title=f"Announced rules, out of {search.counts['n_rules']:,} tried",
        columns={
            "group": Column("Who"),
            "rule": Column("Rule"),
            "role": Column("Role"),
            "rate_above": Column("Renewed at or above", kind="percent", digits=0),
            "rate_below": Column("below", kind="percent", digits=0),
            "lift_within_strata": Column("Gap among like customers", kind="points"),
            "lift_low": Column("from", kind="points"),
            "lift_high": Column("to", kind="points"),
            "lift_crossfit": Column("On customers held out", kind="points"),
            "p_adjusted": Column("Chance alone", kind="percent", digits=2),
            "n_terms": Column("Terms", kind="integer"),
        },
        note="Gap in percentage points of renewal, between customers of the same segment and "
        "contract length, with the interval that allows for the whole search. “On customers held "
        "out”: the gap when the rule is chosen on some customers and measured on others. “Chance "
        "alone”: how often shuffled histories show as much.",
    )


def scopes(search: Search) -> Table:
    """Show each group that was searched, and what came of it."""
    rows = search.table.drop_duplicates("segment").copy()
    rows["group"] = [evidence.group_of(row) for row in evidence.records(rows)]
    rows["smallest"] = rows["smallest_lift"].astype(float)
    return Table.of(
        rows,
        id="scopes",
        title="Groups searched",
        columns={
            "group": Column("Who"),
            "verdict": Column("Verdict"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Lost terms", kind="integer"),
            "n_churned_accounts": Column("Lost customers", kind="integer"),
            "smallest": Column("Gap that would be found 8 times in 10", kind="points"),
        },
    )


def _chance_facts(search: Search, *, observed: float, bar: float, alpha: float) -> pd.DataFrame:
    facts: list[tuple[str, float]] = [
        ("Strength of the best rule in this history", observed),
        (f"Strength that {percent(alpha)} of shuffled histories exceed", bar),
        ("Median of the shuffled histories", float(np.median(search.null_max))),
        ("Shuffled histories", len(search.null_max)),
        ("Of these at least as strong as this history", int((search.null_max >= observed).sum())),
    ]
    if naive := search.counts["naive"]:
        facts += [
            ("Rules for all customers", naive["n_rules"]),
            ("Of these significant if each were tested alone", naive["n_significant"]),
            ("Gap of the one that would be announced then, points", 100 * abs(naive["lift"])),
        ]
    return pd.DataFrame(facts, columns=["what", "value"])


def _levels(place: int, rule: dict[str, Any], rows: pd.DataFrame) -> Exhibit:
    group, words = evidence.group_of(rule), evidence.words_of(rule)
    figure = figures.dose_response(
        rows,
        axis=words,
        cut=float(rule["cut"]),
        cut_low=float(rule["cut_low"]),
        cut_high=float(rule["cut_high"]),
    )
    first, last = rows.iloc[0], rows.iloc[-1]
    return Exhibit(
        id=f"levels-{place}",
        title=f"{group}: renewal by {words}",
        figure=figure,
        table=Table.of(
            rows,
            id=f"levels-{place}-table",
            title=f"{group}: renewal by level",
            columns={"level": Column(words), **RATE},
        ),
        alt=f"{group}: terms with {first['level']} renewed {percent(first['rate'])}, "
        f"those with {last['level']} {percent(last['rate'])}; the level found is "
        f"{rule['cut']:,.4g}.",
    )


def _cut(place: int, rule: dict[str, Any], profile: pd.DataFrame) -> Exhibit:
    group, words = evidence.group_of(rule), evidence.words_of(rule)
    nearest = profile.nsmallest(CUTS_SHOWN, "deviance").sort_values("cut")
    nearest = nearest.assign(inside=nearest["inside"].map({True: "yes", False: "no"}))
    return Exhibit(
        id=f"cut-{place}",
        title=f"{group}: which levels fit",
        figure=figures.cut_likelihood(profile, axis=words, limit=limit(LEVEL)),
        table=Table.of(
            nearest,
            id="cut-table" if place == 1 else f"cut-table-{place}",
            title=f"{group}: the best-fitting levels",
            columns={
                "cut": Column(words, kind="number"),
                "deviance": Column("Worse than the best by", kind="number"),
                "inside": Column("Cannot be told apart"),
                "rate_above": Column("Renewed at or above", kind="percent"),
                "rate_below": Column("below", kind="percent"),
                "n_above": Column("Terms at or above", kind="integer"),
            },
            note=f"Interval of the level: {rule['cut_low']:,.4g} to {rule['cut_high']:,.4g}.",
        ),
        alt=f"{group}: levels from {rule['cut_low']:,.4g} to {rule['cut_high']:,.4g} cannot be "
        "told apart.",
    )
