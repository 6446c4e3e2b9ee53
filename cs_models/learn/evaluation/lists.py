"""Lists for few hands: what the first K of each ranking would have caught.

Grain in: one row per tested term.  Grain out: one row per ranking and measure (:func:`capacity`)
or per ranking and length (:func:`capacity_curve`).  ``methods.md`` 3: K is the calls that can be
made; ties are broken by money; the model is held against the plain list of the largest customers
and against any score that was there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, rows

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MODEL: Final = "model"
BY_ARR: Final = "arr"
MEASURES: Final = ("precision", "recall", "arr_caught")


def capacity(
    churned: ArrayLike,
    p: ArrayLike,
    k: int,
    *,
    arr: ArrayLike,
    account: ArrayLike,
    others: Mapping[str, ArrayLike] | None = None,
    quarter: ArrayLike | None = None,
    n_boot: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what the `k` first of each list would have caught, and how far ahead the model is.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)
    p : array-like of float, shape (n_rows,)
        Probability of leaving, 0 to 1: the list called ``"model"``.
    k : int
        Calls that can be made (per quarter, where `quarter` is given).
    arr : array-like of float, shape (n_rows,)
        Money of each term; breaks ties, and is itself the list called ``"arr"``.  NaN comes last,
        and counts in no share of money.
    account : array-like, shape (n_rows,)
        Account of each row.
    others : mapping of str to array-like of float, optional
        Further scores to compare with, growing with risk (minus the CRM's health); rows without a
        score come last.
    quarter : array-like, shape (n_rows,), optional
        Each quarter's list is made and called on its own; one list when None.
    n_boot : int, default 1000
        Drawings of accounts; each list is cut anew at `k` in each.
    level : float, default 0.95
        Coverage of the intervals.
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    DataFrame, one row per (ranking, measure)
        ``ranking`` ("model", "arr", then `others`), ``measure`` ("precision": of those called,
        the share that left; "recall": of those who left, the share called; "arr_caught": of the
        money that left, the share called), ``value``, ``low``, ``high``, ``ahead`` (the model's
        value minus this one's, on the same drawings), ``ahead_low``, ``ahead_high``, ``n_called``,
        ``n``, ``n_churned``, ``n_without_arr``, ``n_without_score``.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing, or `k` is below 1.
    """
    if k < 1:
        raise ParameterError("nobody can be called", where="k", got=str(k), repair="at least 1")
    left = rows.outcomes(churned)
    money = np.asarray(arr, dtype=np.float64)
    codes, n_accounts = bootstrap.accounts(account)
    group = _quarters(quarter, len(left))
    rankings = _rankings(rows.probabilities(p, len(left)), money, others)
    lists = [_order(score, money, group) for score in rankings.values()]
    gains = np.column_stack([left, np.nan_to_num(money) * left])
    totals = bootstrap.sums(gains, codes, n_accounts)

    def caught(times: Float) -> Float:
        return np.stack([_caught(o, times, codes, gains, totals, group, k) for o in lists])

    value = caught(np.ones((n_accounts, 1)))
    blocks = bootstrap.drawings(n_accounts, n_boot if n_accounts > 1 else 0, rng, n_rows=len(left))
    drawn = np.concatenate([np.empty((*value.shape[:2], 0)), *map(caught, blocks)], axis=2)
    frame = _told(list(rankings), value, drawn, level)
    counts = [int(np.isnan(score).sum()) for score in rankings.values()]
    called = int(np.minimum(np.bincount(group), k).sum()) if len(group) else 0
    return frame.assign(
        n_called=called,
        n=len(left),
        n_churned=int(left.sum()),
        n_without_arr=int(np.isnan(money).sum()),
        n_without_score=np.repeat(counts, len(MEASURES)),
    )


def first(
    score: ArrayLike, k: int, *, arr: ArrayLike, quarter: ArrayLike | None = None
) -> NDArray[np.bool_]:
    """Say which rows are among the `k` first of a list, quarter by quarter.

    Parameters
    ----------
    score : array-like of float, shape (n_rows,)
        Grows with what comes first; missing comes last.
    k : int
        Calls that can be made, per quarter where `quarter` is given.
    arr, quarter
        As in :func:`capacity`.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    ParameterError
        `k` is below 1.
    """
    if k < 1:
        raise ParameterError("nobody can be called", where="k", got=str(k), repair="at least 1")
    scores = np.asarray(score, dtype=np.float64)
    group = _quarters(quarter, len(scores))
    order = _order(scores, np.asarray(arr, dtype=np.float64), group)
    sorted_group = group[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_group, sorted_group)
    called = np.zeros(len(order), dtype=bool)
    called[order[place < k]] = True
    return called


def capacity_curve(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    arr: ArrayLike,
    others: Mapping[str, ArrayLike] | None = None,
    points: int = 50,
) -> pd.DataFrame:
    """Return what each list would have caught at every length.

    Parameters
    ----------
    churned, p, arr, others
        As in :func:`capacity`.
    points : int, default 50
        Lengths shown, evenly from 1 to all terms.

    Returns
    -------
    DataFrame, one row per (ranking, k)
        ``ranking``, ``k``, ``share_called``, ``precision``, ``recall``, ``arr_caught``; recall and
        money are NaN where nobody left.

    Raises
    ------
    ParameterError
        An outcome or a probability is missing.
    """
    left = rows.outcomes(churned)
    money = np.asarray(arr, dtype=np.float64)
    one = np.zeros(len(left), dtype=np.int64)
    lengths = np.unique(np.linspace(1, len(left), points).round().astype(int))
    lengths = lengths[lengths >= 1]
    parts = []
    for name, score in _rankings(rows.probabilities(p, len(left)), money, others).items():
        order = _order(score, money, one)
        lost = np.nan_to_num(money[order]) * left[order]
        caught, saved = np.cumsum(left[order])[lengths - 1], np.cumsum(lost)[lengths - 1]
        parts.append(
            pd.DataFrame(
                {
                    "ranking": name,
                    "k": lengths,
                    "share_called": lengths / max(1, len(left)),
                    "precision": caught / lengths,
                    "recall": _share(caught, left.sum()),
                    "arr_caught": _share(saved, lost.sum()),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _quarters(quarter: ArrayLike | None, n_rows: int) -> Int:
    if quarter is None:
        return np.zeros(n_rows, dtype=np.int64)
    return np.asarray(
        pd.factorize(np.asarray(quarter), sort=True, use_na_sentinel=False)[0], dtype=np.int64
    )


def _rankings(p: Float, money: Float, others: Mapping[str, ArrayLike] | None) -> dict[str, Float]:
    """Return all scores, each growing with what comes first."""
    known = {MODEL: p, BY_ARR: money}
    for name, score in (others or {}).items():
        known[name] = np.asarray(score, dtype=np.float64)
    for name, score in known.items():
        if score.shape != p.shape:
            raise ParameterError(
                "a score to compare with differs in length from the outcomes",
                where=name,
                got=f"shape {score.shape} for {len(p)} rows",
            )
    return known


def _order(score: Float, money: Float, group: Int) -> Int:
    """Return rows quarter by quarter, the highest score first, ties by money, missing last."""
    by_money, by_score = np.nan_to_num(-money, nan=np.inf), np.nan_to_num(-score, nan=np.inf)
    return np.lexsort((by_money, by_score, group))


def _caught(
    order: Int, times: Float, codes: Int, gains: Float, totals: Float, group: Int, k: int
) -> Float:
    """Return the measures of one list in each drawing, shape (n_measures, block).

    The last account called may be called in part: a drawing holds it several times.
    """
    weight = times[codes[order]]
    called = np.empty_like(weight)
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        mine = weight[start:stop]
        before = np.cumsum(mine, axis=0) - mine
        called[start:stop] = np.clip(k - before, 0.0, mine)
    found = gains[order].T @ called
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([found[0] / called.sum(axis=0), *(found / (totals @ times))])


def _told(names: list[str], value: Float, drawn: Float, level: float) -> pd.DataFrame:
    """Return values and differences to the model with their limits."""
    ahead, ahead_drawn = value[:1] - value, drawn[:1] - drawn
    low, high = bootstrap.interval(drawn.reshape(value.size, -1).T, level=level)
    behind, beyond = bootstrap.interval(ahead_drawn.reshape(value.size, -1).T, level=level)
    return pd.DataFrame(
        {
            "ranking": np.repeat(names, len(MEASURES)),
            "measure": np.tile(MEASURES, len(names)),
            "value": value.ravel(),
            "low": low,
            "high": high,
            "ahead": ahead.ravel(),
            "ahead_low": behind,
            "ahead_high": beyond,
        }
    )


def _share(part: Float, whole: float) -> Float:
    return part / whole if whole > 0 else np.full(len(part), np.nan)
