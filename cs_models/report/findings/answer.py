"""The first screen of notebook 02: what was found, group by group, and of whom nothing is said.

Grain in: a finished search.  Grain out: one statement for each group that is spoken of, and one
for each that is not.  What is sold as a level is only what the tests of the shape call one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.features import cohort
from cs_models.learn import wording
from cs_models.learn.thresholds import FEWEST_CHURNED_ACCOUNTS, Search
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.rules import WHOLE_BOOK, group_of, is_set, leading, records, words_of
from cs_models.report.findings.words import Part, amount, chance, cited, gap, lift, linked, listed
from cs_models.report.values import integer, percent

# What a verdict says of a group, clearest first.
_IN_SHORT = {
    "sharp": "there is a tipping point",
    "tentative": "it looks like a level",
    "associated": "whether it is a step or a slope is undecided",
    "gradual": "no tipping point shows, more goes with more",
}


def thresholds(search: Search) -> list[Statement]:
    """Say what was found, group by group, or that nothing was.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    list of Statement
        With several groups one sentence over all, then one a group; with one group its sentence
        and what kind of thing it is; one answer alone when there is nothing.
    """
    rules = records(leading(search))
    if not rules:
        whole = _whole(search)
        parts = _nothing(search, whole)
        return [Statement.of("answer", *parts, verdict=whole["verdict"], id="answer")]
    alone = len(rules) == 1
    said = [
        Statement.of(
            "answer", *rule_parts(search, rule, place, shaped=alone), verdict=rule["verdict"],
            id=f"answer-{place}",
        )
        for place, rule in enumerate(rules, start=1)
    ]  # fmt: skip
    return said if alone else [Statement.of("answer", _gist(rules), id="answer-gist"), *said]


def rule_parts(
    search: Search, rule: Mapping[str, Any], place: int, *, shaped: bool = True
) -> list[Part]:
    """Say one rule: its level or its slope, rates that one can count, the gap and its doubt.

    Parameters
    ----------
    search : Search
        A finished search.
    rule : mapping
        A leading rule.
    place : int
        Its place on the page, from 1.
    shaped : bool, default True
        Whether the verdict on its shape is said in words as well.
    """
    parts = _slope(search, rule, place) if rule["verdict"] == "gradual" else _level(rule, place)
    policy = (
        " Any level to steer by is then a choice of policy." if rule["verdict"] == "gradual" else ""
    )
    words = wording.shape(rule["verdict"], rule["direction"])
    return [*parts, *([f" {words}{policy}"] if shaped else [])]


def silent_groups(search: Search) -> list[Statement]:
    """Say of the groups without a rule of their own why there is none, once for each reason."""
    spoken = {group_of(rule) for rule in records(leading(search))}
    table = search.table
    quiet = [
        row for row in records(table[table["column"].isna()])
        if group_of(row) not in spoken and (group_of(row) != WHOLE_BOOK or spoken)
    ]  # fmt: skip
    reasons = {verdict: [row for row in quiet if row["verdict"] == verdict]
               for verdict in ("none", "too_little_data")}  # fmt: skip
    return [
        Statement.of("finding", *_silence(verdict, rows), verdict=verdict)
        for verdict, rows in reasons.items() if rows
    ]  # fmt: skip


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
            linked(f"{2 * landmark_days} days", anchors.EXCLUSIONS),
            ", monthly ones among them: ",
            linked(integer(short["n_terms"].sum()), anchors.EXCLUSIONS), " terms of ",
            linked(integer(short["n_accounts"].sum()), anchors.EXCLUSIONS),
            " customers were left out.", id="scope",
        )
    ]  # fmt: skip


def _gist(rules: list[dict[str, Any]]) -> str:
    """Say in one sentence which use goes with renewal, for whom, and what kind of thing it is."""
    uses: dict[str, list[str]] = {}
    shapes: dict[str, list[str]] = {verdict: [] for verdict in _IN_SHORT}
    for rule in rules:
        group = "all customers together" if group_of(rule) == WHOLE_BOOK else group_of(rule)
        uses.setdefault(_use(rule), []).append(group)
        shapes[rule["verdict"]].append(group)
    of_whom = [
        use if len(uses) == 1 else f"{use} ({listed(names)})" for use, names in uses.items()
    ]  # fmt: skip
    said = [
        f"for {listed(names)} {_IN_SHORT[verdict]}" for verdict, names in shapes.items() if names
    ]
    return f"Early in a term, {listed(of_whom)} went with more renewals: {'; '.join(said)}."


def _use(rule: Mapping[str, Any]) -> str:
    """Return the use of a rule in a few words, and which way: no number, no window."""
    which = "more" if rule["direction"] == "at_least" else "fewer"
    if is_set(rule):
        return f"{which} of several actions together"
    return f"{which} {str(rule['counted']).split(' in the first ')[0]}"


def _level(rule: Mapping[str, Any], place: int) -> list[Part]:
    """Say the rates either side; the level only where it is one."""
    good, other = rule["rate_above"], rule["rate_below"]
    if rule["direction"] == "at_most":
        good, other = other, good
    what, others, where = rule["rule"], "the others ", ""
    if not rule["cut_localised"]:
        more, fewer = ("more", "fewer") if rule["direction"] == "at_least" else ("fewer", "more")
        what, others = f"{more} {rule['counted']}", f"those with {fewer} "
        where = " at the best split"
    size, between = gap(rule)
    return [
        f"{_who(rule)} with ", *cited(anchors.RULES, what), " renewed ",
        linked(percent(good), anchors.RATES),
        f" of the time, {others}", linked(percent(other), anchors.RATES),
        f"{where}. Among like customers the gap is ", linked(size, anchors.RULES), " (between ",
        linked(between, anchors.RULES), "; ", linked(integer(rule["n_terms"]), anchors.RULES),
        " terms). ", *_fitting(rule, place),
    ]  # fmt: skip


def _slope(search: Search, rule: Mapping[str, Any], place: int) -> list[Part]:
    """Say how renewal goes along the scale, at low, middle and high use."""
    levels = evidence.levels(
        rule, search.learnt_from, rule["segment_by"], search.curves[rule["rule_id"]]
    )
    table = anchors.levels(place)
    steps = [
        [
            linked(percent(step["curve"]), table), " of the time at " if at == 0 else " at ",
            linked(amount(step["middle"]), table),
            *(cited(anchors.RULES, f" {words_of(rule)}") if at == 0 else []),
        ]
        for at, step in enumerate(records(evidence.gradient(levels)))
    ]  # fmt: skip
    *before, last = steps
    along: list[Part] = [part for step in before for part in [*step, ", "]][:-1]
    size, between = gap(rule)
    return [
        f"{_who(rule)} renewed ", *along, " and ", *last, ". The best split shows a gap of ",
        linked(size, anchors.RULES), " among like customers (between ",
        linked(between, anchors.RULES), "; ", linked(integer(rule["n_terms"]), anchors.RULES),
        " terms).",
    ]  # fmt: skip


def _who(rule: Mapping[str, Any]) -> str:
    group = group_of(rule)
    return WHOLE_BOOK if group == WHOLE_BOOK else f"{group} customers"


def _fitting(rule: Mapping[str, Any], place: int) -> list[Part]:
    """Say which levels cannot be told from the one announced."""
    low, high, table = amount(rule["cut_low"]), amount(rule["cut_high"]), anchors.cut(place)
    if not rule["cut_localised"]:
        return ["No single level stands out: anything from ", linked(low, table), " to ",
                linked(high, table), " fits."]  # fmt: skip
    ends = {"low": " Lower ones could not be tried.", "high": " Higher ones could not be tried.",
            "both": " None beyond could be tried."}  # fmt: skip
    beyond = ends.get(str(rule["cut_at_edge"]), "")
    if low == high:
        return [f"No other level that could be tried fits as well.{beyond}"]
    best = wording.best_beside(rule)
    first: list[Part] = ["; ", linked(best, table), f" {wording.FITS_BEST}"] if best else []
    return ["Levels from ", linked(low, table), " to ", linked(high, table), " fit as well",
            *first, f".{beyond}"]  # fmt: skip


def _whole(search: Search) -> dict[str, Any]:
    return records(search.table[search.table["segment"].isna()])[0]


def _nothing(search: Search, whole: Mapping[str, Any]) -> list[Part]:
    """Say that nothing was found and what would have been, or what is missing to look."""
    if whole["verdict"] == "too_little_data":
        return [
            "The history is too short to look for a threshold: ",
            linked(integer(whole["n_churned_accounts"]), anchors.SCOPES), " of ",
            linked(integer(whole["n_accounts"]), anchors.SCOPES),
            " customers have left; it takes ",
            linked(integer(FEWEST_CHURNED_ACCOUNTS), anchors.SCOPES),
            " with enough customers on both sides of a level.",
        ]  # fmt: skip
    if whole["p_given_covariates"] is not None:
        return [
            "No use of the product was found that separates the customers who renew from those who "
            "leave: what stands out against chance is explained by when the contracts started and "
            "by the mix of customers (",
            linked(integer(search.counts["n_rules"]), anchors.SCOPES), " rules tried).",
        ]  # fmt: skip
    return [
        "No use of the product was found that separates the customers who renew from those who "
        "leave: the best of ", linked(integer(search.counts["n_rules"]), anchors.SCOPES),
        " rules tried is one that chance alone would match in ",
        linked(chance(whole["p_adjusted"]), anchors.CHANCE), " of histories. A gap of ",
        linked(lift(whole["smallest_lift"]), anchors.SCOPES),
        " or more between two halves of the customers would most likely have been found.",
    ]  # fmt: skip


def _silence(verdict: str, rows: list[dict[str, Any]]) -> list[Part]:
    groups = listed([group_of(row) for row in rows])
    if verdict == "too_little_data":
        left = [integer(row["n_churned_accounts"]) for row in rows]
        return [f"{groups}: too few customers have left (", linked(listed(left), anchors.SCOPES),
                ") to look for a level of their own."]  # fmt: skip
    n_terms = [integer(row["n_terms"]) for row in rows]
    missed = [lift(row["smallest_lift"]).removesuffix(" points") for row in rows]
    return [f"{groups}: no rule of their own was found (", linked(listed(n_terms), anchors.SCOPES),
            " terms); a gap under ", linked(f"{listed(missed)} points", anchors.SCOPES),
            " would often be missed."]  # fmt: skip
