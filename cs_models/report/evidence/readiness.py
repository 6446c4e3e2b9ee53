"""Which questions a history can answer, with what it has beside what each needs.

Grain: one row per (question, group of customers).  The counts are those of the very panel that the
threshold search would learn from, so that a history called ready is one the search accepts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.features import adoption, catalogue, panel
from cs_models.features.cohort import Cohort
from cs_models.learn import thresholds
from cs_models.learn.thresholds import FEWEST_CHURNED_ACCOUNTS
from cs_models.report.evidence.rules import WHOLE_BOOK, records

# What it takes to tell a threshold from a slope (``methods.md`` 2.5).
SHAPE_TERMS, SHAPE_LOST = 1500, 300
ASSOCIATION = "Does a level of use go with renewal?"
SHAPE = "Is it a threshold or a slope?"


def learnable(
    history: pd.DataFrame, *, strata: Sequence[str], segment_by: str | None
) -> pd.DataFrame:
    """Return the terms that the threshold search would learn from.

    Parameters
    ----------
    history : DataFrame
        Panel, one row per evaluable term.
    strata : sequence of str
        Accounts are compared within these columns only.
    segment_by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        Rows of `history`, none when nothing at all can be learnt; ``attrs["excluded"]`` counts
        the terms left out, by reason.
    """
    features = catalogue.among(history.columns, anchor="first", measures=thresholds.SEARCHED)
    try:
        return thresholds.learnable(
            history, features=features, strata=strata, segment_by=segment_by
        )
    except TooLittleDataError as reason:
        none = history.iloc[:0].copy()
        none.attrs["excluded"] = {reason.what: len(history)}
        return none


def groups(history: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Count what there is to learn from, for all customers and each segment.

    Parameters
    ----------
    history : DataFrame
        Panel, one row per evaluable term, with ``churned`` (0/1, missing when not evaluable).
    by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        One row a group: group, n_terms, n_accounts, n_churned, n_churned_accounts.
    """
    known = history.dropna(subset=["churned"])
    parts = [(WHOLE_BOOK, known)]
    if by is not None:
        parts += [(str(name), rows) for name, rows in known.groupby(by, observed=True)]
    return pd.DataFrame(
        [
            {
                "group": name,
                "n_terms": len(rows),
                "n_accounts": rows["account_id"].nunique(),
                "n_churned": int(rows["churned"].sum()),
                "n_churned_accounts": rows.loc[rows["churned"] == 1, "account_id"].nunique(),
            }
            for name, rows in parts
        ]
    )


def questions(
    counted: pd.DataFrame, *, min_churned_accounts: int = FEWEST_CHURNED_ACCOUNTS
) -> pd.DataFrame:
    """Say which questions each group's history can answer.

    Parameters
    ----------
    counted : DataFrame
        What :func:`groups` returned.
    min_churned_accounts : int, default 40
        Lost accounts below which nothing is learnt.

    Returns
    -------
    DataFrame
        One row per (question, group): question, group, has, needs (words), ready (bool).
    """
    rows = [
        {
            "question": ASSOCIATION,
            "group": row["group"],
            "has": f"{row['n_churned_accounts']:,} lost customers",
            "needs": f"{min_churned_accounts:,} lost customers",
            "ready": bool(row["n_churned_accounts"] >= min_churned_accounts),
        }
        for row in records(counted)
    ]
    whole = records(counted)[0]
    rows.append(
        {
            "question": SHAPE,
            "group": whole["group"],
            "has": f"{whole['n_terms']:,} terms, {whole['n_churned']:,} lost",
            "needs": f"{SHAPE_TERMS:,} terms, {SHAPE_LOST:,} lost",
            "ready": bool(whole["n_terms"] >= SHAPE_TERMS and whole["n_churned"] >= SHAPE_LOST),
        }
    )
    return pd.DataFrame(rows)


def adopted(
    tables: Mapping[str, ir.Table],
    terms: Cohort,
    definition: adoption.Definition | None,
    *,
    by: str | None,
) -> pd.DataFrame:
    """Count the evaluable terms that meet the definition of adoption in force.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    terms : Cohort
        Evaluable terms at their landmark.
    definition : adoption.Definition or None
        None where none is set.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        One row a group of customers: group, n_terms, n_met, n_not_met, n_unknown (use not recorded,
        or a window longer than the landmark), share_met (of those known, 0 to 1).  No row where no
        definition is set.
    """
    columns = ["group", "n_terms", "n_met", "n_not_met", "n_unknown", "share_met"]
    if definition is None:
        return pd.DataFrame(columns=columns)
    asked = panel.build(tables, terms, **adoption.request(definition))
    met = adoption.met(definition, asked).astype("Float64")
    parts = [(WHOLE_BOOK, met)]
    if by is not None:
        parts += [(str(name), rows) for name, rows in met.groupby(asked[by], observed=True)]
    return pd.DataFrame(
        [
            {
                "group": name,
                "n_terms": len(rows),
                "n_met": int((rows == 1).sum()),
                "n_not_met": int((rows == 0).sum()),
                "n_unknown": int(rows.isna().sum()),
                "share_met": rows.mean() if rows.notna().any() else None,
            }
            for name, rows in parts
        ],
        columns=columns,
    )


def counts(counted: pd.DataFrame) -> dict[str, int]:
    """Return the counts of the whole book, for ``results.json``.

    Parameters
    ----------
    counted : DataFrame
        What :func:`groups` returned.
    """
    whole = records(counted)[0]
    return {name: int(value) for name, value in whole.items() if name != "group"}
