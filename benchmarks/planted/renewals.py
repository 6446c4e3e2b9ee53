"""Whether the hazard per renewal opportunity is recovered, and its interval covers.

Grain out: one row per book and column of the model.  The world holds what makes the naive answer
wrong: accounts that were customers before the data begin (only those still there are seen), terms
of one and two years, terms not yet due, use that belongs to the account and differs from term to
term.  Bar: ``methods.md`` 7, |bias| within 10 % of the truth or .03, coverage .92 to .98.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cs_models.learn import survival

Float = NDArray[np.float64]

TRUTH = {"use": -0.6, "tickets": 0.3, "segment=SMB": 0.5}
FIRST = np.array([-1.2, -1.5, -1.8, -2.0])  # log odds at the 1st, 2nd, 3rd and later opportunity
TWO_YEARS = -0.4
HISTORY_YEARS, EARLIER_YEARS = 4.0, 3.0


def opportunities(rng: np.random.Generator, n_accounts: int) -> pd.DataFrame:
    """Invent the renewal opportunities of accounts that are watched for four years.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_accounts : int
        Accounts won within the four years or the three before.

    Returns
    -------
    DataFrame, one row per opportunity that fell into the four years
        ``account_id``, ``opportunity``, ``term_months``, ``use``, ``tickets``, ``segment``,
        ``event``.
    """
    account = np.arange(n_accounts)
    begun = rng.uniform(-EARLIER_YEARS, HISTORY_YEARS, n_accounts)
    years = np.where(rng.random(n_accounts) < 0.25, 2.0, 1.0)
    small = rng.random(n_accounts) < 0.5
    habit = rng.normal(size=n_accounts)
    alive = np.ones(n_accounts, dtype=bool)
    parts = []
    for number in range(1, 9):
        when = begun + number * years
        use = np.sqrt(0.6) * habit + np.sqrt(0.4) * rng.normal(size=n_accounts)
        tickets = rng.poisson(1.0, n_accounts).astype(float)
        linear = FIRST[min(number, 4) - 1] + TWO_YEARS * (years > 1)
        linear = linear + TRUTH["use"] * use + TRUTH["tickets"] * tickets
        linear = linear + TRUTH["segment=SMB"] * small
        left = alive & (rng.random(n_accounts) < special.expit(linear))
        seen = alive & (when > 0) & (when <= HISTORY_YEARS)
        parts.append(
            pd.DataFrame(
                {
                    "account_id": account,
                    "opportunity": number,
                    "term_months": 12 * years,
                    "use": use,
                    "tickets": tickets,
                    "segment": np.where(small, "SMB", "ENT"),
                    "event": left.astype(int),
                }
            )[seen]
        )
        alive &= ~left
    return pd.concat(parts, ignore_index=True)


def recovery(
    rng: np.random.Generator, *, n_books: int, n_accounts: int = 500, link: str = "logit"
) -> pd.DataFrame:
    """Learn the hazard in each of many books, and hold it against the truth.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_books : int
    n_accounts : int, default 500
        In each book.
    link : {"logit", "cloglog"}, default "logit"
        The truth is a logit.

    Returns
    -------
    DataFrame, one row per book and column with a planted effect
        ``book``, ``column``, ``truth``, ``estimate``, ``covered`` (by the 95 % interval).
    """
    rows = []
    for book in range(n_books):
        frame = opportunities(rng, n_accounts)
        table = survival.renewal_hazard(
            frame, ["use", "tickets", "segment"], link=link
        ).coefficients.set_index("column")
        flip = "segment=ENT" in table.index  # the commoner segment is the reference
        for column, truth in TRUTH.items():
            name, sign = ("segment=ENT", -1) if flip and "segment" in column else (column, 1)
            own = table.loc[name]
            covered = own["low"] <= sign * truth <= own["high"]
            rows.append((book, column, truth, sign * own["log_odds"], covered))
    return pd.DataFrame(rows, columns=["book", "column", "truth", "estimate", "covered"])


def summary(records: pd.DataFrame) -> pd.DataFrame:
    """Return bias and coverage of each column, one row each.

    Returns
    -------
    DataFrame
        ``column``, ``truth``, ``bias``, ``bias_se``, ``relative_bias``, ``coverage``,
        ``coverage_se``, ``n_books``, ``met`` (both bars).
    """
    rows = []
    for column, own in records.groupby("column", sort=False):
        error, n = own["estimate"] - own["truth"], len(own)
        truth, bias, cover = own["truth"].iloc[0], error.mean(), own["covered"].mean()
        se = np.sqrt(max(cover * (1 - cover), 0.25 / n) / n)
        within = abs(bias) <= max(0.1 * abs(truth), 0.03) and 0.92 <= cover <= 0.98
        rows.append(
            (column, truth, bias, error.std() / np.sqrt(n), bias / truth, cover, se, n, within)
        )
    names = ["column", "truth", "bias", "bias_se", "relative_bias", "coverage", "coverage_se"]
    return pd.DataFrame(rows, columns=[*names, "n_books", "met"])
