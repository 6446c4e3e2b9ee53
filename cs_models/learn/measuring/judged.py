"""Does a score order renewals: the renewal rate by fifth, and how often the renewer stood above.

Grain in: one row per ended contract, with the score it had before its renewal date.  Grain out:
one row per fifth; one number with its interval.  Nothing is fitted, so all of it is out of time.

Source: ``customer_success.md`` M11 (validated against renewals, not decreed); ``methods.md`` 3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.evaluation import bootstrap, ordering, rates

N_FIFTHS: Final = 5
FEWEST: Final = 40  # leavers, and contracts kept: below it nothing is said of an order
CHANCE: Final = 0.5


def by_fifth(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the renewal rate in each fifth of the score.

    Parameters
    ----------
    rows : DataFrame, one row per subscription_id
        account_id, score (0 to 100), kept (bool).

    Returns
    -------
    DataFrame, one row per fifth, lowest first
        fifth (1 to 5), from_score, to_score, rate, low, high, n, n_accounts, n_lost.  Equal scores
        stay together, so fifths may be unequal.
    """
    edges = np.quantile(rows["score"], np.arange(1, N_FIFTHS) / N_FIFTHS) if len(rows) else []
    fifth = np.searchsorted(np.asarray(edges), rows["score"].to_numpy(np.float64), side="left") + 1
    told = []
    for place in np.unique(fifth):
        own = rows[fifth == place]
        found = rates.proportion(own["kept"].to_numpy(bool), own["account_id"])
        told.append(
            (int(place), own["score"].min(), own["score"].max(), found.rate, found.low, found.high,
             found.n, found.n_clusters, found.n - found.n_events)
        )  # fmt: skip
    columns = ["fifth", "from_score", "to_score", "rate", "low", "high", "n", "n_accounts"]
    return pd.DataFrame(told, columns=[*columns, "n_lost"])


def order(
    rows: pd.DataFrame, columns: list[str], *, n_boot: int = 500, rng: np.random.Generator
) -> pd.DataFrame:
    """Return how often a contract that was kept stood above one that was lost.

    Parameters
    ----------
    rows : DataFrame, one row per subscription_id
        account_id, kept (bool), and ``columns``, which grow with engagement.
    columns : list of str
    n_boot : int, default 500
        Drawings of accounts.
    rng : numpy.random.Generator

    Returns
    -------
    DataFrame, one row per column
        column, auc (.5 by chance; ties half), low, high, n, n_lost, n_accounts, verdict:
        "ordered" (the interval lies above .5), "reversed" (below), "none" (holds .5),
        "too_little_data" (fewer than 40 kept or lost).
    """
    kept = rows["kept"].to_numpy(bool)
    few = min(kept.sum(), (~kept).sum()) < FEWEST
    values, low, high = np.full((3, len(columns)), np.nan)
    if not few:
        scores = rows[columns].to_numpy(np.float64)
        values, drawn = ordering.aucs(
            kept.astype(np.int64), scores, account=rows["account_id"], n_boot=n_boot, rng=rng
        )
        low, high = bootstrap.interval(drawn)
    verdict = np.select([low > CHANCE, high < CHANCE], ["ordered", "reversed"], "none")
    return pd.DataFrame(
        {
            "column": columns, "auc": values, "low": low, "high": high, "n": len(rows),
            "n_lost": int((~kept).sum()), "n_accounts": int(rows["account_id"].nunique()),
            "verdict": "too_little_data" if few else verdict,
        }
    )  # fmt: skip
