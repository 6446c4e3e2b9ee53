"""What notebook 02 shows of all that was tried: announced rules, uses ranked, groups, the untried.

Grain in: a finished search.  Grain out: tables, and one figure that ranks the uses.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from cs_models.learn.thresholds import Search
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence import search as evidence
from cs_models.report.evidence.rules import WHOLE_BOOK, group_of, records
from cs_models.report.figures import search as figures
from cs_models.report.findings.words import linked
from cs_models.report.values import integer

_FORMULAS: Final = ("p_lausen92", "p_lausen94")


def announced(search: Search) -> Sequence[Statement | Table]:
    """Show every announced rule with the honest sizes of its gap, and the tests behind it.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    sequence of Table or Statement
        Two tables, or one sentence when no rule was announced.
    """
    rows = search.table[search.table["column"].notna()].copy()
    if rows.empty:
        n_rules = search.counts["n_rules"]
        said = ["No rule was announced, out of ", linked(integer(n_rules), anchors.SCOPES),
                " tried."]  # fmt: skip
        nothing = "No rule was tried, so none was announced."
        return (Statement.of("finding", *(said if n_rules else [nothing]), id="announced"),)
    rows["group"] = [group_of(row) for row in records(rows)]
    return (_sizes(search, rows), _tests(rows))


def _sizes(search: Search, rows: pd.DataFrame) -> Table:
    return Table.of(
        rows,
        id=anchors.RULES,
        title=f"Announced rules, out of {search.counts['n_rules']:,} tried",
        columns={
            "group": Column("Who"),
            "role": Column("Role"),
            "rule": Column("Rule"),
            "rate_above": Column("Renewed at or above", kind="percent", digits=0),
            "rate_below": Column("below", kind="percent", digits=0),
            "lift_within_strata": Column("Gap among like customers", kind="points"),
            "lift_low": Column("from", kind="points"),
            "lift_high": Column("to", kind="points"),
            "lift_crossfit": Column("On customers held out", kind="points"),
            "lift_bootstrap": Column("Less what choosing adds", kind="points"),
            "n_terms": Column("Terms", kind="integer"),
            "verdict": Column("Verdict"),
        },
        note="Gap in percentage points of renewal, between customers of the same segment and "
        "contract length. Three honest sizes: from–to, the interval that allows for the whole "
        "search; on customers held out, when the rule is chosen on some customers and measured on "
        "others; less what choosing adds, corrected for having picked the best of many.",
    )


def _tests(rows: pd.DataFrame) -> Table:
    return Table.of(
        rows.assign(**{name: rows[name].map(_above_nought) for name in _FORMULAS}),
        id=anchors.DETAILS,
        title="The tests behind each announced rule",
        columns={
            "group": Column("Who"),
            "rule": Column("Rule"),
            "p_adjusted": Column("Chance alone, whole search", kind="number", digits=4),
            "p_given_covariates": Column("given calendar and mix", kind="number", digits=4),
            "p_conditional": Column("given the other signals", kind="number", digits=4),
            "p_lausen92": Column("by formula, this count alone", kind="number", digits=4),
            "p_lausen94": Column("by the sharper formula", kind="number", digits=4),
            "p_one_term": Column("newest term of each customer only", kind="number", digits=4),
            "q_feature": Column("false-discovery rate of the use", kind="number", digits=4),
            "p_step_linear": Column("step beyond a straight line", kind="number", digits=4),
            "p_step_spline": Column("step beyond a curve", kind="number", digits=4),
            "delta_log_likelihood": Column("step foretells better than curve by", kind="number"),
            "share_same_feature": Column("Same use in re-runs", kind="percent", digits=0),
            "share_same_family": Column("Same rule in re-runs", kind="percent", digits=0),
        },
        note="All but the last three are probabilities that chance alone would show as much. The "
        "two formulas (Lausen and Schumacher 1992; Lausen, Sauerbrei and Schumacher 1994) allow "
        "for the levels of one count only, not for the search; they are a check on the shuffles.",
    )


def _above_nought(p: float | None) -> float | None:
    # A formula can fall below what a computer holds; no chance is nought.
    return None if p is None or pd.isna(p) else max(float(p), sys.float_info.min)


def ranking(search: Search) -> Sequence[Exhibit]:
    """Show every use that was searched, strongest first.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    sequence of Exhibit
        One figure of all customers, the other groups in its table; nothing when nothing was
        searched.
    """
    rows = evidence.ranking(search)
    drawn = rows[rows["group"] == WHOLE_BOOK]
    if drawn.empty:
        return ()
    limit = float(search.counts["quantile"])
    silent = int((drawn["role"] == evidence.NOT_ANNOUNCED).sum())
    return (
        Exhibit(
            id="ranking",
            title="Every use that was searched, for all customers",
            figure=figures.ranking(drawn, limit=limit),
            table=Table.of(
                rows,
                id=anchors.RANKING,
                title="Every use that was searched, by group",
                columns={
                    "group": Column("Who"),
                    "feature": Column("Use"),
                    "role": Column("Role"),
                    "statistic": Column("Strength", kind="number"),
                    "p_feature": Column("Chance alone, this use", kind="number", digits=4),
                    "q_feature": Column("false-discovery rate", kind="number", digits=4),
                    "p_adjusted": Column("Chance alone, whole search", kind="number", digits=4),
                },
                note="To explore, not to announce: the false-discovery rate is the share of false "
                "finds to expect among uses ranked at least so high.",
            ),
            alt=f"{len(drawn)} uses by the strength of their best rule; {drawn['feature'].iloc[0]} "
            f"is strongest; {silent} were not announced.",
            caption="Past the dotted line a use is stronger than chance would make the best of "
            "all; grey is what was not announced.",
        ),
    )


def untried(search: Search, asked: Sequence[str], left_out: Sequence[Mapping[str, Any]]) -> Table:
    """Show what was not searched, by name.

    Parameters
    ----------
    search : Search
        A finished search.
    asked : sequence of str
        Columns that the search was given.
    left_out : sequence of mapping
        ``history.attrs["left_out_features"]``.
    """
    return Table.of(
        evidence.untried(search, asked, left_out),
        id="left-out",
        title="Not searched, by name",
        columns={
            "name": Column("Use"),
            "n_accounts": Column("Customers", kind="integer"),
            "reason": Column("Why"),
        },
        fold_after=5,
    )


def scopes(search: Search) -> Table:
    """Show each group that was searched, and what came of it."""
    rows = search.table.drop_duplicates("segment").copy()
    rows["group"] = [group_of(row) for row in records(rows)]
    rows["smallest"] = rows["smallest_lift"].astype(float)
    return Table.of(
        rows,
        id=anchors.SCOPES,
        title="Groups searched",
        columns={
            "group": Column("Who"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Lost terms", kind="integer"),
            "n_churned_accounts": Column("Lost customers", kind="integer"),
            "smallest": Column("Gap that would be found 8 times in 10", kind="points"),
            "verdict": Column("Verdict"),
        },
    )
