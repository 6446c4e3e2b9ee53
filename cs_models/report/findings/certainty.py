"""How sure: chance, re-runs, held-out customers, and the tests of the shape, in words.

Grain in: a finished search.  Grain out: statements.  The page says once, at its top, how sure it
is of all that it says, and again in each section, with the figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.learn import wording
from cs_models.learn.thresholds import Search
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence import search as evidence
from cs_models.report.evidence.rules import WHOLE_BOOK, group_of, leading, records
from cs_models.report.findings.words import (
    Part,
    amount,
    better,
    chance,
    cited,
    histories,
    lift,
    linked,
)
from cs_models.report.values import integer, percent

_SEVERAL = 2
_RARE = 0.01  # of re-runs: rarer rivals are not named


def doubt(search: Search) -> Statement:
    """Say how sure this is: chance, re-runs, and the gap on customers not searched.

    Parameters
    ----------
    search : Search
        A finished search.
    """
    counts = search.counts
    if not counts["n_rules"]:
        return Statement.of(
            "finding", "Nothing was searched, so nothing was ruled out.", id="doubt"
        )
    rules = leading(search)
    table = anchors.SCOPES if rules.empty else anchors.RULES
    tried = linked(integer(counts["n_rules"]), table)
    if rules.empty:
        return Statement.of(
            "finding", "How sure: ", tried, " rules were tried, and the answer allows for having "
            "tried them all.", id="doubt",
        )  # fmt: skip
    return Statement.of(
        "finding", "How sure: ", tried, " rules were tried, and every interval allows for that. ",
        *_by_chance(rules, int(counts["n_permutations"])), *_found_again(rules), *_held_out(rules),
        " Whether changing the use would keep a customer is a question for an experiment.",
        id="doubt",
    )  # fmt: skip


def by_chance(search: Search) -> list[Statement]:
    """Say how often chance alone would show a rule this strong, and what the usual way finds.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    list of Statement
        None when nothing was searched.
    """
    counts, rules = search.counts, leading(search)
    if not counts["n_rules"]:
        return []
    said = []
    if rules.empty:
        best = search.table["p_adjusted"].dropna().astype(float).min()
        said.append(
            Statement.of(
                "finding", "Chance alone would show a best rule this strong in ",
                linked(chance(best), anchors.CHANCE), " of histories: too often to announce it.",
                id="by-chance",
            )
        )  # fmt: skip
    else:
        marked = evidence.strongest(search)
        said.append(
            Statement.of(
                "finding", f"The strongest rule of this history{_bracketed(marked['group'])} is "
                "the one marked: chance alone would show a best rule this strong in ",
                *histories(marked["p"], counts["n_permutations"], anchors.CHANCE), ".",
                id="by-chance",
            )
        )  # fmt: skip
    naive = counts.get("naive")
    if naive:
        said.append(Statement.of("finding", *_naive(naive), id="naive"))
    return said


def shape(rule: Mapping[str, Any], place: int) -> Statement:
    """Say what kind of thing a signal is, and on which tests that rests.

    Parameters
    ----------
    rule : mapping
        A leading rule.
    place : int
        Its place on the page, from 1.
    """
    parts: list[Part] = [
        f"{group_of(rule)}: ", _lower(wording.shape(rule["verdict"], rule["direction"]))
    ]  # fmt: skip
    if not _missing(rule["p_step_linear"]):
        foretells = "better" if rule["delta_log_likelihood"] > 0 else "no better"
        parts += [
            " If renewal went evenly along the scale, a step this clear would show in ",
            linked(chance(rule["p_step_linear"]), anchors.DETAILS),
            " of histories; along a bent curve, in ",
            linked(chance(rule["p_step_spline"]), anchors.DETAILS),
            ". For customers who had no part in choosing either, the step foretells renewal "
            f"{foretells} than the curve.",
        ]
    if rule["verdict"] == "gradual":
        parts.append(" So no line is drawn: a level to steer by is a choice of policy.")
    return Statement.of("finding", *parts, verdict=rule["verdict"], id=f"shape-{place}")


def fits_best(rule: Mapping[str, Any], place: int) -> list[Statement]:
    """Say when another level than the announced one explains best who renewed.

    Parameters
    ----------
    rule : mapping
        A leading rule.
    place : int
        Its place on the page, from 1.

    Returns
    -------
    list of Statement
        One, or none.
    """
    best = wording.best_beside(rule)
    if not best or not rule["cut_localised"]:
        return []
    own = linked(amount(rule["cut"]), anchors.cut(place))
    return [
        Statement.of(
            "caution", f"{group_of(rule)}: the level announced is ", own,
            ", where the test that allows for the whole search is strongest. ",
            linked(best, anchors.cut(place)),
            " explains best who renewed. This history cannot tell the two apart.",
            id=f"fits-best-{place}",
        )
    ]  # fmt: skip


def edge(rule: Mapping[str, Any], place: int) -> list[Statement]:
    """Say when the interval of a level ends only where the levels that could be tried end.

    Parameters
    ----------
    rule : mapping
        A leading rule.
    place : int
        Its place on the page, from 1.

    Returns
    -------
    list of Statement
        One, or none.
    """
    at = rule["cut_at_edge"]
    if _missing(at):
        return []
    ends = {
        "low": ("lowest", "lower", [rule["cut_low"]]),
        "high": ("highest", "higher", [rule["cut_high"]]),
        "both": ("lowest and the highest", "lower or higher", [rule["cut_low"], rule["cut_high"]]),
    }
    which, beyond, levels = ends[at]
    shown: list[Part] = [linked(amount(level), anchors.cut(place)) for level in levels]
    if len(shown) == _SEVERAL:
        shown.insert(1, " and ")
    return [
        Statement.of(
            "caution", f"{group_of(rule)}: the interval reaches the {which} that could be tried (",
            *shown, f"), with enough customers on both sides. The level may lie {beyond}.",
            id=f"edge-{place}",
        )
    ]  # fmt: skip


def again(search: Search, rule: Mapping[str, Any], place: int) -> Statement:
    """Say how often re-runs of the search found the same use, and what else they found.

    Parameters
    ----------
    search : Search
        A finished search.
    rule : mapping
        A leading rule.
    place : int
        Its place on the page, from 1.
    """
    table, found = anchors.reruns(place), search.stability[rule["rule_id"]]
    n_runs = int((found["kind"] == evidence.BOOTSTRAP).sum())
    others = records(evidence.rivals(found, rule["feature"]).head(_SEVERAL))
    named: list[Part] = []
    for other in others:
        if other["share"] >= _RARE:
            named += [", " if named else " Otherwise it chose ", evidence.named(other["feature"]),
                      " (", linked(percent(other["share"]), table), ")"]  # fmt: skip
    quarters = found.loc[found["kind"] == evidence.WITHOUT_QUARTER, "cut"].astype(float)
    left: list[Part] = []
    if len(quarters):
        low, high = amount(quarters.min()), amount(quarters.max())
        spread: list[Part] = (
            ["stayed at ", linked(low, table)] if low == high
            else ["stayed between ", linked(low, table), " and ", linked(high, table)]
        )  # fmt: skip
        left = [" Leaving out any one quarter, the best level of this use ", *spread, "."]
    return Statement.of(
        "finding", f"{group_of(rule)}: the whole search, run again on ",
        linked(integer(n_runs), table), " random draws of the customers, chose the same use in ",
        linked(percent(rule["share_same_feature"]), table),
        ". When only rules of that use compete, nearly the same rule comes out best in ",
        linked(percent(rule["share_same_family"]), table), " of the re-runs.", *named,
        "." if named else "", *left, id=f"found-again-{place}",
    )  # fmt: skip


def _by_chance(rules: pd.DataFrame, n_shuffled: int) -> list[Part]:
    """Say the chance of the first rule, by name, and of the weakest where that is another."""
    p = rules["p_adjusted"].astype(float).to_numpy()
    weakest = int(p.argmax())
    worst: list[Part] = [
        ", at worst ", linked(chance(p[weakest]), anchors.DETAILS), _named(rules, weakest)
    ]  # fmt: skip
    return [
        "Chance alone would show a best rule this strong in ",
        *histories(p[0], n_shuffled, anchors.DETAILS), _named(rules, 0),
        *(worst if p[weakest] > p[0] else []), ".",
    ]  # fmt: skip


def _found_again(rules: pd.DataFrame) -> list[Part]:
    shares = rules["share_same_feature"].astype(float)
    if shares.isna().all():
        return []
    places = [place for place, share in enumerate(shares) if not _missing(share)]
    first, weakest = places[0], int(shares.argmin())
    worst: list[Part] = [
        ", at worst ", linked(percent(shares.min()), anchors.reruns(weakest + 1)),
        _named(rules, weakest),
    ]  # fmt: skip
    return [
        " Searched again on random draws of the customers, the same use came out best in ",
        linked(percent(shares.iloc[first]), anchors.reruns(first + 1)), " of the re-runs",
        _named(rules, first), *(worst if shares.min() < shares.iloc[first] else []), ".",
    ]  # fmt: skip


def _named(rules: pd.DataFrame, place: int) -> str:
    """Return whose rule is spoken of, in brackets; nothing where there is only one."""
    if len(rules) == 1:
        return ""
    return _bracketed(group_of(rules.iloc[place]))


def _bracketed(group: str) -> str:
    return " (all customers)" if group == WHOLE_BOOK else f" ({group})"


def _held_out(rules: pd.DataFrame) -> list[Part]:
    """Say the gap of the first rule on customers that its search did not see."""
    first = records(rules)[0]
    if _missing(first["lift_bootstrap"]):
        return []
    held, corrected = (
        lift(better(first, first[name])) for name in ("lift_crossfit", "lift_bootstrap")
    )
    return [
        " On customers that had no part in choosing the rule the gap is ",
        linked(held, anchors.RULES), "; corrected for having picked the best of many it is ",
        linked(corrected, anchors.RULES), f"{_named(rules, 0)}.",
    ]  # fmt: skip


def _naive(naive: Mapping[str, Any]) -> list[Part]:
    """Say what the usual search, one test a rule, would have announced."""
    return [
        "Testing one rule at a time, as is usual, would have called ",
        linked(integer(naive["n_significant"]), anchors.CHANCE), " of ",
        linked(integer(naive["n_rules"]), anchors.CHANCE),
        " rules for all customers significant. It would have announced “",
        *cited(anchors.CHANCE, naive["rule"]), "” with a gap of ",
        linked(lift(abs(naive["lift"])), anchors.CHANCE), ".",
    ]  # fmt: skip


def _missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
