"""Verdicts in words: each sentence with the table behind it.

Grain in: the frames of ``report/evidence/`` and the rows of ``Search.table``.
Grain out: statements for the page and findings for ``results.json``, made from the same
numbers.  Words are the field's and never causal: what is found went together with renewal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.features import cohort
from cs_models.learn.thresholds import FEWEST_CHURNED_ACCOUNTS, Search
from cs_models.report.display import Number, Statement, num
from cs_models.report.evidence import standing as standings
from cs_models.report.evidence.thresholds import WHOLE_BOOK, group_of, records
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, money, percent, points

RATES, CHANCE, TODAY, ALL_RULES, SCOPES = (
    "#rates-table", "#chance-table", "#today-totals", "#thresholds", "#scopes",
)  # fmt: skip


def signals(search: Search) -> pd.DataFrame:
    """Return the announced rules that stand on their own, best first, one a group."""
    table = search.table
    own = table[(table["role"] == "signal") & table["column"].notna()]
    return own.drop_duplicates("segment").reset_index(drop=True)


def leading(search: Search) -> pd.DataFrame:
    """Return the signals to speak of: each segment's own, else that of the whole book.

    A rule of the whole book is not repeated beside the rules of its segments when every
    segment has one of its own.
    """
    own = signals(search)
    of_segments = own[own["segment"].notna()]
    n_segments = search.table["segment"].dropna().nunique()
    if n_segments and len(of_segments) == n_segments:
        return of_segments.reset_index(drop=True)
    return own


def threshold_answer(search: Search) -> list[Statement]:
    """Say what was found, group by group, or that nothing was.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    list of Statement
        One answer a signal of :func:`leading`; one answer alone when there is none.
    """
    rules = leading(search)
    if rules.empty:
        whole = records(search.table[search.table["segment"].isna()])[0]
        parts = _nothing_parts(search, whole)
        return [Statement.of("answer", *parts, verdict=whole["verdict"], id="answer")]
    return [
        Statement.of(
            "answer", *_rule_parts(rule, place), verdict=rule["verdict"], id=f"answer-{place}"
        )
        for place, rule in enumerate(records(rules), start=1)
    ]


def doubt(search: Search) -> Statement:
    """Say how sure this is: what chance alone would show after the same search."""
    counts = search.counts
    searched = num(integer(counts["n_rules"]), ALL_RULES)
    rules = leading(search)
    if not counts["n_rules"]:
        return Statement.of(
            "finding", "Nothing was searched, so nothing was ruled out.", id="doubt"
        )
    if rules.empty:
        return Statement.of(
            "finding", "We tried ", searched, " rules and allowed for having tried them all.",
            *_naive(counts), id="doubt",
        )  # fmt: skip
    shuffled = counts["n_permutations"]
    weakest = rules["statistic"].astype(float).abs().min()
    as_strong = int((search.null_max >= weakest).sum())
    return Statement.of(
        "finding", "How sure: we tried ", searched, " rules. In ",
        num(integer(shuffled), CHANCE),
        " shuffled histories, where use and renewal have nothing to do with each other, the best "
        "of all rules looked as strong as the weakest of these in ",
        num(integer(as_strong) if as_strong else "none", CHANCE), ". ",
        "Whether changing the use would keep a customer is a question for an experiment, and "
        "whether there is a step at the level, or simply more with more, has not been tested.",
        *_naive(counts), id="doubt",
    )  # fmt: skip


def today(totals: pd.DataFrame, currency: str) -> Statement:
    """Say how many of today's customers stand below, and what they pay.

    Parameters
    ----------
    totals : DataFrame
        What ``standing.totals`` returned.
    currency : str
        ISO 4217 code.
    """
    by = totals.set_index("status")
    if not by["n_accounts"].sum():
        return Statement.of(
            "finding", "No level was announced, so no customer stands below one today.", id="today"
        )
    below, still = by.loc[standings.BELOW], by.loc[standings.OPEN]
    return Statement.of(
        "finding", "Today ", num(integer(below["n_accounts"]), TODAY),
        " running customers stand on the wrong side of their level; they pay ",
        num(money(below["arr"], currency), TODAY), " a year. ",
        num(integer(still["n_accounts"]), TODAY), " more (",
        num(money(still["arr"], currency), TODAY),
        " a year) are still inside the window in which it is reached.", id="today",
    )  # fmt: skip


def scope(exclusions: pd.DataFrame, landmark_days: int) -> list[Statement]:
    """Say of whom the page does not speak: contracts too short to be judged by the landmark.

    Parameters
    ----------
    exclusions : DataFrame
        ``Cohort.exclusions``.
    landmark_days : int
        Days into a term at which adoption is judged.

    Returns
    -------
    list of Statement
        One, or none when no contract is that short.
    """
    short = exclusions[exclusions["reason"] == cohort.BEYOND_HALF]
    if not short["n_terms"].sum():
        return []
    return [
        Statement.of(
            "caution", "This page does not speak of contracts under ",
            num(f"{2 * landmark_days} days", "#exclusions"), ", monthly ones among them: ",
            num(integer(short["n_terms"].sum()), "#exclusions"), " terms of ",
            num(integer(short["n_accounts"].sum()), "#exclusions"),
            " customers were left out.", id="scope",
        )
    ]  # fmt: skip


def silent_groups(search: Search) -> list[Statement]:
    """Say of each group without a threshold of its own why there is none."""
    spoken = {group_of(rule) for rule in records(leading(search))}
    table = search.table
    said = []
    for row in records(table[table["column"].isna()]):
        group = group_of(row)
        if group in spoken or (group == WHOLE_BOOK and not spoken):
            continue
        said.append(Statement.of("finding", *_silence(group, row), verdict=row["verdict"]))
    return said


def threshold_findings(search: Search, totals: pd.DataFrame, currency: str) -> list[Finding]:
    """Return the findings of the threshold notebook, machine-readable.

    Parameters
    ----------
    search : Search
        A finished search.
    totals : DataFrame
        What ``standing.totals`` returned.
    currency : str
        ISO 4217 code: the unit of the money.
    """
    found = [
        Finding(
            id=f"lift-{place}", statement="".join(map(_text, _rule_parts(rule, place))),
            value=rule["lift_within_strata"], low=rule["lift_low"], high=rule["lift_high"],
            unit="share", n=rule["n_terms"], verdict=rule["verdict"], table=RATES[1:],
        )
        for place, rule in enumerate(records(leading(search)), start=1)
    ]  # fmt: skip
    if not found:
        whole = records(search.table[search.table["segment"].isna()])[0]
        found.append(
            Finding(
                id="no-threshold", statement=headline(threshold_answer(search)), value=None,
                n=whole["n_terms"], verdict=whole["verdict"], table=CHANCE[1:],
            )
        )  # fmt: skip
    below = totals.set_index("status").loc[standings.BELOW]
    found.append(
        Finding(
            id="arr-below", statement=today(totals, currency).text, value=below["arr"],
            unit=currency, n=int(below["n_accounts"]), table=TODAY[1:],
        )
    )  # fmt: skip
    return found


def headline(statements: Sequence[Statement]) -> str:
    """Return the words of several statements as one headline."""
    return " ".join(statement.text.strip() for statement in statements)


def _rule_parts(rule: Mapping[str, Any], place: int) -> list[str | Number]:
    """Say one rule: rates that one can count, and the gap among like customers with its doubt."""
    group = group_of(rule)
    who = "Customers" if group == WHOLE_BOOK else f"{group} customers"
    good, other = rule["rate_above"], rule["rate_below"]
    gap, low, high = rule["lift_within_strata"], rule["lift_low"], rule["lift_high"]
    if rule["direction"] == "at_most":
        good, other, gap, low, high = other, good, -gap, -high, -low
    between = interval(low, high, "points").replace("+", "").replace(" to ", " and ")
    return [
        f"{who} with {rule['rule']} renewed ", num(percent(good), RATES),
        " of the time, the others ", num(percent(other), RATES),
        "; among like customers a gap of ", num(points(gap, 0).lstrip("+"), ALL_RULES),
        " (between ", num(between, ALL_RULES), ", allowing for everything that was tried; ",
        num(integer(rule["n_terms"]), ALL_RULES), " terms).",
        *([] if low > 0 else [" Its size is not pinned down."]),
        *_cut_words(rule, place),
    ]  # fmt: skip


def _cut_words(rule: Mapping[str, Any], place: int) -> list[str | Number]:
    """Say which levels fit; that a step is there has not been tested."""
    low, high = f"{rule['cut_low']:,.4g}", f"{rule['cut_high']:,.4g}"
    table = "#cut-table" if place == 1 else f"#cut-table-{place}"
    if not rule["cut_localised"]:
        return [" No single level stands out: anything from ",
                num(low, table), " to ", num(high, table), " fits."]  # fmt: skip
    if low == high:
        return [" No other level than ", num(low, table), " fits as well."]
    return [" Levels from ", num(low, table), " to ", num(high, table), " fit as well."]


def _nothing_parts(search: Search, whole: Mapping[str, Any]) -> list[str | Number]:
    """Say that nothing was found and what would have been, or what is missing to look."""
    if whole["verdict"] == "too_little_data":
        return [
            "The history is too short to look for a threshold: ",
            num(integer(whole["n_churned_accounts"]), SCOPES), " of ",
            num(integer(whole["n_accounts"]), SCOPES), " customers have left; it takes ",
            num(integer(FEWEST_CHURNED_ACCOUNTS), SCOPES),
            " with enough customers on both sides of a level.",
        ]  # fmt: skip
    if whole["p_given_covariates"] is not None:
        return [
            "No use of the product was found that separates the customers who renew from those who "
            "leave: what stands out against chance is explained by when the contracts started and "
            "by the mix of customers (",
            num(integer(search.counts["n_rules"]), SCOPES), " rules tried).",
        ]  # fmt: skip
    return [
        "No use of the product was found that separates the customers who renew from those who "
        "leave: the best of ", num(integer(search.counts["n_rules"]), SCOPES),
        " rules tried is one that chance alone would match in ",
        num(percent(whole["p_adjusted"]), CHANCE), " of histories. A gap of ",
        num(points(whole["smallest_lift"], 0).lstrip("+"), SCOPES),
        " or more between two halves of the customers would most likely have been found.",
    ]  # fmt: skip


def _silence(group: str, row: Mapping[str, Any]) -> list[str | Number]:
    if row["verdict"] == "too_little_data":
        return [f"{group}: too few customers have left (", num(
            integer(row["n_churned_accounts"]), SCOPES), ") to look for a threshold."]  # fmt: skip
    return [f"{group}: no rule of its own was found (",
            num(integer(row["n_terms"]), SCOPES), " terms); a gap under ",
            num(points(row["smallest_lift"], 0).lstrip("+"), SCOPES),
            " would often be missed."]  # fmt: skip


def _naive(counts: Mapping[str, Any]) -> list[str | Number]:
    """Say what the usual search, one test a rule, would have announced."""
    naive = counts.get("naive")
    if not naive:
        return []
    return [
        " Testing one rule at a time, as is usual, would have called ",
        num(integer(naive["n_significant"]), CHANCE), " of ",
        num(integer(naive["n_rules"]), CHANCE),
        f" rules for all customers significant, and announced “{naive['rule']}” with a gap of ",
        num(points(abs(naive["lift"]), 0).lstrip("+"), CHANCE), ".",
    ]  # fmt: skip


def _text(part: str | Number) -> str:
    return part.text if isinstance(part, Number) else part
