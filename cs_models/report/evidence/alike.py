"""The frames behind "is it the use, or the kind of customer".

Grain in: the rules that a page speaks of and the terms learnt from.  Grain out: one row a rule, one
row per (rule, covariate).  Gaps are renewal rates on the side that renewed more, less those on the
other, 0 to 1.  ``methods.md`` 2.10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cs_models.errors import TooLittleDataError
from cs_models.learn import confounding
from cs_models.learn.confounding import Contrast
from cs_models.learn.thresholds import Search
from cs_models.report.evidence.rules import group_of, records

ALIKE_COLUMNS = (
    "place", "rule_id", "group", "rule", "gap_counted", "gap_strata", "gap", "low", "high",
    "e_value", "e_value_limit", "n_terms", "n_accounts", "n_effective_better",
    "n_effective_worse", "share_overlap", "worst_left", "alike_in", "not_alike_in", "rate_worse",
)  # fmt: skip
BALANCE_COLUMNS = ("place", "group", "covariate", "level", "before", "after", "in_model")
WORDS: Mapping[str, str] = {
    "segment": "segment", "arr": "ARR", "term_months": "contract length",
    "csm_id": "success manager", "plan": "plan", "seats": "seats",
    "term_no": "number of the term", "term_start": "quarter of the start",
    "acquisition_channel": "acquisition channel", "region": "region", "industry": "industry",
    "events": "events before the term", "active_users": "active users before the term",
}  # fmt: skip
BEFORE_DAYS = (90,)  # days before the term in which earlier use is counted
NOTICEABLE = 0.1  # standard deviations: beyond it two sides are not alike (methods.md 2.10)
POWER, ALPHA = 0.8, 0.05


def alone(search: Search) -> pd.DataFrame:
    """Return every announced rule that stands on its own: what is tested further.

    Echoes are not: they are refused for being echoes, whatever else is true of them.
    """
    table = search.table
    return table[(table["role"] == "signal") & table["column"].notna()].reset_index(drop=True)


def contrasts(
    rules: pd.DataFrame, frame: pd.DataFrame, *, rng: np.random.Generator
) -> dict[int, Contrast]:
    """Compare renewal either side of each rule between customers who were alike before.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    frame : DataFrame
        ``Search.learnt_from``.
    rng : numpy.random.Generator
        Source of the bootstrap.

    Returns
    -------
    dict of int to Contrast
        By ``rule_id``; without the rules of which one side has too few customers.
    """
    found = {}
    for rule, source in zip(records(rules), rng.spawn(len(rules)), strict=True):
        try:
            found[int(rule["rule_id"])] = confounding.contrast(rule, frame, rng=source)
        except TooLittleDataError:
            continue
    return found


def alike(rules: pd.DataFrame, weighted: Mapping[int, Contrast]) -> pd.DataFrame:
    """Return each rule's gap as counted, within strata and among customers alike before.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    weighted : mapping of int to Contrast
        What :func:`contrasts` returned.

    Returns
    -------
    DataFrame
        One row a rule that could be weighted: place, rule_id, group, rule, gap_counted,
        gap_strata, gap with low and high, e_value, e_value_limit, n_terms, n_accounts,
        n_effective_better, n_effective_worse, share_overlap, worst_left (largest difference left,
        standard deviations), alike_in, not_alike_in (words), rate_worse (renewal rate on the side
        that renewed less).
    """
    rows = []
    for place, rule in enumerate(records(rules), start=1):
        found = weighted.get(int(rule["rule_id"]))
        if found is None:
            continue
        up = rule["direction"] == "at_least"
        sign = 1 if up else -1
        kept = (found.n_effective_above, found.n_effective_below)
        rows.append(
            {
                "place": place, "rule_id": rule["rule_id"], "group": group_of(rule),
                "rule": rule["rule"], "gap_counted": sign * found.lift_naive,
                "gap_strata": sign * rule["lift_within_strata"], "gap": sign * found.lift,
                "low": found.low if up else -found.high, "high": found.high if up else -found.low,
                "e_value": found.e_value, "e_value_limit": found.e_value_limit,
                "n_terms": found.n_terms, "n_accounts": found.n_accounts,
                "n_effective_better": kept[0] if up else kept[1],
                "n_effective_worse": kept[1] if up else kept[0],
                "share_overlap": found.share_overlap, "worst_left": found.max_smd,
                "alike_in": _in_words(found.covariates),
                "not_alike_in": _in_words(_still_apart(found.balance)),
                "rate_worse": rule["rate_below" if up else "rate_above"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(ALIKE_COLUMNS))


def balance(rules: pd.DataFrame, weighted: Mapping[int, Contrast]) -> pd.DataFrame:
    """Return how far the two sides of each rule are apart in what was known before.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    weighted : mapping of int to Contrast
        What :func:`contrasts` returned.

    Returns
    -------
    DataFrame
        One row per (rule, level of a covariate), furthest apart first: place, group, covariate
        (words), level, before, after (sizes of the difference in standard deviations, without and
        with the weights), in_model (bool).
    """
    rows = []
    for place, rule in enumerate(records(rules), start=1):
        found = weighted.get(int(rule["rule_id"]))
        if found is None:
            continue
        ordered = found.balance.sort_values("smd_before", key=np.abs, ascending=False)
        for one in records(ordered):
            name, _, level = str(one["covariate"]).partition(": ")
            rows.append(
                {
                    "place": place, "group": group_of(rule), "covariate": _word(name),
                    "level": level, "before": abs(one["smd_before"]),
                    "after": abs(one["smd_after"]), "in_model": bool(one["in_model"]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(BALANCE_COLUMNS))


def experiment_size(rate: float, gap: float) -> int | None:
    """Return how many customers each half of an experiment needs to show a gap.

    Parameters
    ----------
    rate : float
        Renewal rate without the offer, 0 to 1.
    gap : float
        Gap in renewal rates that is to be seen 8 times in 10 at the 5 % level.

    Returns
    -------
    int or None
        Customers a half; None where the gap is nought or leads above every customer renewing.

    Notes
    -----
    ``(z_0.975 + z_0.8)^2 (p1 q1 + p2 q2) / (p2 - p1)^2``, the sample size for two proportions
    with unpooled variance (Fleiss, Levin & Paik 2003, ch. 4, without continuity correction).
    """
    other = rate + gap
    if gap <= 0 or other > 1:
        return None
    z = float(stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER))
    return math.ceil(z**2 * (rate * (1 - rate) + other * (1 - other)) / gap**2)


def _still_apart(balance: pd.DataFrame) -> list[str]:
    apart = balance[balance["smd_after"].abs() > NOTICEABLE]
    return list(dict.fromkeys(str(name).partition(": ")[0] for name in apart["covariate"]))


def _in_words(columns: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(_word(name) for name in columns))


def _word(column: str) -> str:
    return WORDS.get(column.partition("__")[0], column.replace("_", " "))
