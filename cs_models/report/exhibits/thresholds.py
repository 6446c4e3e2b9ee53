"""What notebook 02 shows: figures with the tables behind them.

Grain in: a finished search, its panel and the frames of ``report/evidence/``.  Grain out: display
objects.  Nothing is computed here that a sentence of the page quotes; both read the same frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn.selection.likelihood import limit
from cs_models.learn.thresholds import Search
from cs_models.report import figures
from cs_models.report.display import Column, Exhibit, Table
from cs_models.report.evidence import standing as standings
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.values import percent

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


def either_side(rates: pd.DataFrame) -> Sequence[Exhibit]:
    """Show the renewal rate on both sides of each level.

    Parameters
    ----------
    rates : DataFrame
        What ``evidence.either_side`` returned.

    Returns
    -------
    sequence of Exhibit
        One, or none when no rule was announced.
    """
    if rates.empty:
        return ()
    table = Table.of(
        rates,
        id="rates-table",
        title="Renewal rate on either side of the level",
        columns={"group": Column("Who"), "rule": Column("Rule"), "side": Column("Side"), **RATE},
        note="From–to: 95 % interval; the account is the unit.",
    )
    spoken = [
        f"{row['group']}, {row['side']} the level: {percent(row['rate'])} of "
        f"{row['n_terms']:,} terms"
        for row in evidence.records(rates)
    ]
    return (
        Exhibit(
            id="rates",
            title="Renewal rate on either side of the level",
            figure=figures.either_side(rates),
            table=table,
            alt="Renewal rates. " + "; ".join(spoken) + ".",
        ),
    )


def levels(rules: pd.DataFrame, history: pd.DataFrame, by: str | None) -> Sequence[Exhibit]:
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
        _levels(place, rule, evidence.levels(rule, history, by))
        for place, rule in enumerate(evidence.records(rules), start=1)
    ]


def cut(search: Search, rules: pd.DataFrame) -> Sequence[Exhibit]:
    """Show the interval of each rule's level.

    Parameters
    ----------
    search : Search
        A finished search.
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    """
    return [
        _cut(place, rule, search.profiles[rule["rule_id"]])
        for place, rule in enumerate(evidence.records(rules), start=1)
        if rule["rule_id"] in search.profiles
    ]


def chance(search: Search, *, alpha: float) -> Sequence[Exhibit]:
    """Show the best rule of the shuffled histories, with this history marked.

    Parameters
    ----------
    search : Search
        A finished search.
    alpha : float
        How often pure noise may announce a threshold.

    Returns
    -------
    sequence of Exhibit
        One, or none when nothing could be searched.
    """
    if not len(search.null_max) or search.rules.empty:
        return ()
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
            "lift": Column("Gap", kind="points"),
            "lift_low": Column("from", kind="points"),
            "lift_high": Column("to", kind="points"),
            "lift_crossfit": Column("On customers held out", kind="points"),
            "p_adjusted": Column("Chance alone", kind="percent", digits=2),
            "n_terms": Column("Terms", kind="integer"),
        },
        note="Gap in percentage points of renewal, with the interval that allows for the whole "
        "search. “On customers held out”: the gap when the rule is chosen on some customers and "
        "measured on others. “Chance alone”: how often shuffled histories show as much.",
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
            "smallest": Column("Smallest gap that would have been found", kind="points"),
        },
    )


def totals(frame: pd.DataFrame, currency: str) -> Table:
    """Show how many customers stand where, with their ARR."""
    return Table.of(
        frame,
        id="today-totals",
        title="Running terms today",
        columns={
            "status": Column("Where they stand"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_terms": Column("Terms", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
    )


def below(where: pd.DataFrame, currency: str) -> Table:
    """Show the customers below by name, largest ARR first."""
    rows = standings.below(where)
    asks_for_users = bool((rows["missing_users"].fillna(0) > 0).any())
    more_users = {"missing_users": Column("and users", kind="integer")} if asks_for_users else {}
    return Table.of(
        rows,
        id="today",
        title="Customers below their level today",
        columns={
            "account_name": Column("Customer"),
            "account_id": Column("Account"),
            "segment": Column("Segment"),
            "arr": Column("ARR", kind="money", unit=currency),
            "so_far": Column("Reached", kind="number"),
            "needed": Column("Level", kind="number"),
            "missing": Column("Short by", kind="number"),
            **more_users,
            "in_notice": Column("In notice"),
            "term_end": Column("Renews", kind="date"),
        },
        note="Measured in the window of the rule; the window of these customers is over. "
        "The whole list is in tables/customers_below.csv.",
    )


def exclusions(frame: pd.DataFrame, left: Mapping[str, int]) -> Table:
    """Show which terms were left out of the history, and why.

    Parameters
    ----------
    frame : DataFrame
        ``Cohort.exclusions``.
    left : mapping of str to int
        What the search itself leaves out, terms by reason.
    """
    own = pd.DataFrame(
        [{"reason": reason, "n_terms": n} for reason, n in left.items() if n],
        columns=["reason", "n_terms"],
    )
    return Table.of(
        pd.concat([frame, own], ignore_index=True) if len(own) else frame,
        id="exclusions",
        title="Terms left out",
        columns={
            "reason": Column("Why"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Of these lost", kind="integer"),
            "churn_rate": Column("Lost share of those decided", kind="percent"),
        },
    )


def guards(frame: pd.DataFrame) -> Table:
    """Show what the leak guards saw."""
    return Table.of(
        frame,
        id="guards",
        title="Leak guards",
        columns={
            "guard": Column("Guard"),
            "status": Column("Status"),
            "detail": Column("What was seen"),
            "n": Column("Terms checked", kind="integer"),
        },
    )


def left_out(features: Sequence[dict[str, Any]]) -> Table:
    """Show the features that too few customers use."""
    return Table.of(
        pd.DataFrame(list(features), columns=["feature", "n_accounts", "reason"]),
        id="left-out",
        title="Features left out",
        columns={
            "feature": Column("Feature"),
            "n_accounts": Column("Customers", kind="integer"),
            "reason": Column("Why"),
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
