"""The profile of past customers who renewed, and of those who left.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per kind, column and
outcome.  ``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import peers
from cs_models.learn.profile import counts

QUANTILES: Final = (0.10, 0.25, 0.50, 0.75, 0.90)
QUANTILE_COLUMNS: Final = [f"q{100 * q:.0f}" for q in QUANTILES]

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


def bands(
    history: pd.DataFrame,
    columns: Sequence[str],
    *,
    by: Sequence[str] = peers.BY,
    cluster: str = "account_id",
    outcome: str = "churned",
) -> pd.DataFrame:
    """Say where past renewers and past leavers stood in each measure.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes, all looked at so many days before their renewal.
    columns : sequence of str
        Measures, as columns of the panel.
    by : sequence of str, default ("segment", "term_months")
        What makes a kind, widest first (see ``peers.kinds``).
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.

    Returns
    -------
    DataFrame, one row per (kind, column, outcome)
        ``kind``, ``merged``, ``column``, ``outcome`` ("renewed" or "churned"), ``n_terms`` and
        ``n_accounts`` with a value, ``n_missing`` terms without, and ``q10`` ... ``q90`` in the
        column's unit; quantiles are NaN where fewer than 10 accounts have a value.

    Raises
    ------
    ParameterError
        The panel lacks a column.
    DataError
        A column holds no numbers.
    TooLittleDataError
        Fewer than 20 accounts renewed, or left.

    Notes
    -----
    Source: ``methods.md`` 1.4.  Missing is neither nought nor behind: it is left out, counted.
    """
    kinds = peers.kinds(history, by=by, cluster=cluster, outcome=outcome)
    past = history[history[outcome].notna() & history[cluster].notna()]
    values = peers.numbers(past, columns)
    account = pd.factorize(past[cluster])[0]
    left = past[outcome].to_numpy(dtype=np.float64) > 0
    parts = []
    for kind, merged in kinds.table[["kind", "merged"]].itertuples(index=False):
        inside = kinds.members(past, kind)
        for name, side in (("renewed", inside & ~left), ("churned", inside & left)):
            part = _quantiles(values[side], account[side], columns)
            parts.append(part.assign(kind=kind, merged=merged, outcome=name))
    names = ["kind", "merged", "column", "outcome", "n_terms", "n_accounts", "n_missing"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*names, *QUANTILE_COLUMNS]]


def _quantiles(values: Float, account: Whole, columns: Sequence[str]) -> pd.DataFrame:
    """Return the quantiles of every column among one side of one kind."""
    known = ~np.isnan(values)
    n_accounts = counts.accounts(known, account)
    table = pd.DataFrame(
        {
            "column": list(columns),
            "n_terms": known.sum(axis=0),
            "n_accounts": n_accounts,
            "n_missing": (~known).sum(axis=0),
        }
    )
    found = np.full((len(columns), len(QUANTILES)), np.nan)
    for j in np.flatnonzero(n_accounts >= counts.FEWEST_KNOWN):
        found[j] = np.quantile(values[known[:, j], j], QUANTILES)
    table[QUANTILE_COLUMNS] = found
    return table
