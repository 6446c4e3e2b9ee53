"""Where what customers say (surveys) and what they do (use, renewals) disagree.

Grain in: one row per contract term, past and running.  Grain out: one row per meeting of what was
said with what was done.

Source: ``customer_success.md`` Q17; intervals take the account as the unit (``methods.md`` 1.1).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.evaluation.rates import proportion

# An account's mean that rounds to 9 or more, or to 6 or less, on 0 to 10.
PRAISE_FROM: Final = 0.85
COMPLAINT_TO: Final = 0.65
THIRDS: Final = (1 / 3, 2 / 3)
SAYS: Final = ("praise", "neither", "complaint", "no answer")
DOES: Final = ("hardly uses", "in between", "uses much")
COLUMNS: Final = (
    "says", "does", "disagree", "n_terms", "n_accounts", "n_renewed", "renewal_rate", "low",
    "high", "n_today", "arr_today",
)  # fmt: skip


def said(satisfaction: pd.Series) -> pd.Series:
    """Put what an account said in words.

    Parameters
    ----------
    satisfaction : Series of float
        Mean of its answers, 0 to 1; missing where nobody answered.

    Returns
    -------
    Series of str
        "praise" (9 or 10 of 10), "complaint" (6 or less), "neither", "no answer".
    """
    words = np.select(
        [satisfaction.isna(), satisfaction >= PRAISE_FROM, satisfaction < COMPLAINT_TO],
        ["no answer", "praise", "complaint"],
        "neither",
    )
    return pd.Series(words, index=satisfaction.index)


def done(use: pd.Series, segment: pd.Series) -> pd.Series:
    """Put how much an account uses the product in words, against its segment.

    Parameters
    ----------
    use : Series of float
        Days of use per seat, or any measure of use.
    segment : Series

    Returns
    -------
    Series of str
        "hardly uses" (lowest third of the segment), "uses much" (highest), "in between"; missing
        where the use is.
    """
    group = use.groupby(segment.astype("object").where(segment.notna(), "–").to_numpy())
    place = (group.rank(method="average") - 0.5) / group.transform("count")
    words = np.select([place <= THIRDS[0], place > THIRDS[1]], [DOES[0], DOES[2]], DOES[1])
    return pd.Series(words, index=use.index).where(place.notna())


def meetings(past: pd.DataFrame, today: pd.DataFrame) -> pd.DataFrame:
    """Count, for each meeting of word and deed, renewals then and customers now.

    Parameters
    ----------
    past : DataFrame, one row per past term, as it stood some days before its renewal
        ``account_id``, ``segment``, ``satisfaction`` (0 to 1 or missing), ``use``, ``churned``.
    today : DataFrame, one row per running term
        ``account_id``, ``segment``, ``satisfaction``, ``use``, ``arr`` (float).

    Returns
    -------
    DataFrame, twelve rows
        ``says``, ``does``, ``disagree`` (praise with hardly any use, complaint with much),
        ``n_terms``, ``n_accounts``, ``n_renewed``, ``renewal_rate`` (0 to 1), ``low``, ``high``,
        ``n_today`` (customers, however many contracts they run), ``arr_today``.
    """
    before = past.dropna(subset=["churned"]).assign(
        says=lambda f: said(f["satisfaction"]), does=lambda f: done(f["use"], f["segment"])
    )
    now = today.assign(
        says=lambda f: said(f["satisfaction"]), does=lambda f: done(f["use"], f["segment"])
    )
    rows = []
    for says in SAYS:
        for does in DOES:
            old = before[(before["says"] == says) & (before["does"] == does)]
            new = now[(now["says"] == says) & (now["does"] == does)]
            rate = proportion(1 - old["churned"].astype(float), old["account_id"])
            against = (says, does) in ((SAYS[0], DOES[0]), (SAYS[2], DOES[2]))
            rows.append(
                (says, does, against, rate.n, rate.n_clusters, rate.n_events, rate.rate, rate.low,
                 rate.high, new["account_id"].nunique(), float(new["arr"].astype(float).sum()))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def surprises(past: pd.DataFrame) -> pd.DataFrame:
    """Count renewals against what was said: praise that left, complaint that stayed.

    Parameters
    ----------
    past : DataFrame
        As :func:`meetings` takes it.

    Returns
    -------
    DataFrame, one row per thing said
        ``says``, ``n_terms``, ``n_accounts``, ``n_renewed``, ``renewal_rate``, ``low``, ``high``.
    """
    before = past.dropna(subset=["churned"])
    words = said(before["satisfaction"])
    rows = []
    for says in SAYS:
        old = before[words == says]
        rate = proportion(1 - old["churned"].astype(float), old["account_id"])
        rows.append((says, rate.n, rate.n_clusters, rate.n_events, rate.rate, rate.low, rate.high))
    columns = ["says", "n_terms", "n_accounts", "n_renewed", "renewal_rate", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
