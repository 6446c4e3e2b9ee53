"""The past terms most like a customer's, what became of them, and how much that is worth.

An illustration, not a forecast: five terms are five stories.  So that nobody takes them for
more, the same picture is drawn for past terms, with what was known at their time, and held
against what they did.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per term and neighbour.
``methods.md`` 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import peers
from cs_models.learn.evaluation import bootstrap, ordering
from cs_models.learn.profile import distance, search

FAR: Final = 0.99
MOST_JUDGED: Final = 2000  # past terms by which the illustration is judged

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """The nearest past terms and what became of them.

    Attributes
    ----------
    terms : DataFrame, one row per (subscription_id, rank)
        ``subscription_id``, ``account_id``, ``rank`` (1 is nearest), ``near_subscription_id``,
        ``near_account_id``, ``near_account_name``, ``near_segment``, ``near_term_end``,
        ``near_arr`` (float), ``near_churned`` (bool), ``near_outcome``, ``same_segment`` (bool)
        and ``distance`` (1 is that of two past terms drawn at random).
    summary : DataFrame, one row per row of ``now``, in its order
        ``subscription_id``, ``account_id``, ``n_near``, ``n_churned``, ``churned_share`` (NaN
        without neighbours), ``nearest_distance``, ``nothing_near`` (the
        nearest term is farther than 99 % of past terms had theirs, or there is none).
    quality : dict
        How well the churned share among ``k`` neighbours, known at the time, ordered what past
        terms did: ``auc`` (.5 is chance), ``low``, ``high``, ``n_terms``, ``n_accounts``,
        ``n_churned``, ``churned_share`` of those judged; NaN where nothing could be judged.
    sparse_beyond : float
        The distance beyond which nothing is near.
    columns_left_out : tuple of str
        Columns in which all past terms agree.
    """

    terms: pd.DataFrame
    summary: pd.DataFrame
    quality: dict[str, float]
    sparse_beyond: float
    columns_left_out: tuple[str, ...]


def nearest(
    history: pd.DataFrame,
    now: pd.DataFrame,
    columns: Sequence[str],
    drivers: Mapping[str, str],
    *,
    k: int = 5,
    segment_by: str | None = "segment",
    grace_days: int = 30,
    cluster: str = "account_id",
    outcome: str = "churned",
    rng: np.random.Generator,
    n_boot: int = 500,
    level: float = 0.95,
) -> Neighbours:
    """Find the past terms of other customers that were most like each term at the same point.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes, looked at so many days before their renewal.
    now : DataFrame, one row per (subscription_id, as_of_date)
        Terms to illustrate, looked at in the same way.
    columns : sequence of str
        Measures, as columns of both panels.
    drivers : mapping of str to str
        Driver of each of the columns; each driver has the same say.
    k : int, default 5
        Neighbours, at most one term of each account.
    segment_by : str or None, default "segment"
        Only terms of the same segment, where it has 30 past terms of other accounts whose
        outcome was known by then; else of all.
    grace_days : int, default 30
        Days after its end in which a term's outcome becomes known.
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.
    rng : numpy.random.Generator
        Draws the past terms to judge by, where there are more than 2,000, and the accounts of
        the bootstrap.
    n_boot : int, default 500
        Drawings of accounts for the interval of the quality.
    level : float, default 0.95
        Coverage of that interval.

    Returns
    -------
    Neighbours

    Raises
    ------
    ParameterError
        A panel lacks a column, a column has no driver, or ``k`` is less than 1.
    DataError
        A column holds no numbers.
    TooLittleDataError
        No past terms, or all agree in every column.

    Notes
    -----
    Source: ``methods.md`` 6 (k-NN as illustration).  Neighbours are terms of other accounts whose
    outcome was known by the decision date, so a customer is never shown its own past or future.
    """
    past = _checked(history, now, columns, drivers, k, cluster, outcome)
    values = peers.numbers(past, columns)
    space = distance.learn(values, list(columns), drivers)
    if not space.used.any():
        raise TooLittleDataError("past terms agree in every column", where=", ".join(columns))
    names = pd.unique(pd.concat([past[cluster], now[cluster]]))
    books = search.segments(past, segment_by), search.segments(now, segment_by)
    segments = pd.unique(np.concatenate([books[0], books[1]]))
    then = search.placed(past, space.place(values), names, cluster, books[0], segments, grace_days)
    today = space.place(peers.numbers(now, columns))
    here = search.placed(now, today, names, cluster, books[1], segments, grace_days)
    churned = past[outcome].to_numpy(dtype=np.float64)
    found, far = search.nearest(space, here, then, k, in_time=True)
    judged = np.arange(len(past))
    if len(judged) > MOST_JUDGED:
        judged = np.sort(rng.choice(judged, MOST_JUDGED, replace=False))
    _, past_far = search.nearest(space, then.rows(judged), then, 1, in_time=False)
    beyond = float(np.nanquantile(past_far[:, 0], FAR)) if len(past) > 1 else np.nan
    at_the_time, _ = search.nearest(space, then.rows(judged), then, k, in_time=True)
    return Neighbours(
        terms=_told(past, now, found, far, churned, cluster, segment_by),
        summary=_summary(now, found, far, churned, beyond, cluster),
        quality=_quality(at_the_time, churned, judged, then.account, rng, n_boot, level),
        sparse_beyond=beyond,
        columns_left_out=tuple(
            name for name, used in zip(columns, space.used, strict=True) if not used
        ),
    )


def _checked(
    history: pd.DataFrame,
    now: pd.DataFrame,
    columns: Sequence[str],
    drivers: Mapping[str, str],
    k: int,
    cluster: str,
    outcome: str,
) -> pd.DataFrame:
    """Return the past terms to choose from, refusing what cannot be compared."""
    needed = ("subscription_id", cluster, "as_of_date", "term_end")
    peers.need(history, *needed, outcome, *columns)
    peers.need(now, *needed[:3], *columns)
    without = [name for name in columns if name not in drivers]
    if without:
        raise ParameterError("columns without a driver", where="drivers", got=", ".join(without))
    if k < 1:
        raise ParameterError("at least one neighbour", where="k", got=str(k))
    past = history[history[[outcome, cluster, "as_of_date", "term_end"]].notna().all(axis=1)]
    if past.empty:
        raise TooLittleDataError("no past terms to compare with", where=outcome)
    return past


def _told(
    past: pd.DataFrame,
    now: pd.DataFrame,
    found: Whole,
    far: Float,
    churned: Float,
    cluster: str,
    segment_by: str | None,
) -> pd.DataFrame:
    """Return one row per term and neighbour."""
    row, place = np.nonzero(found >= 0)
    near = past.iloc[found[row, place]]
    book, theirs = search.segments(now, segment_by)[row], search.segments(near, segment_by)
    table = {
        "subscription_id": now["subscription_id"].to_numpy()[row],
        "account_id": now[cluster].to_numpy()[row],
        "rank": place + 1,
        "near_subscription_id": near["subscription_id"].to_numpy(),
        "near_account_id": near[cluster].to_numpy(),
    }
    for name in ("account_name", "segment", "term_end", "outcome"):
        if name in near.columns:
            table[f"near_{name}"] = near[name].to_numpy()
    if "arr" in near.columns:
        table["near_arr"] = pd.to_numeric(near["arr"]).to_numpy(dtype=np.float64)
    return pd.DataFrame(
        table
        | {
            "near_churned": churned[found[row, place]] > 0,
            "same_segment": book == theirs,
            "distance": far[row, place],
        }
    )


def _summary(
    now: pd.DataFrame, found: Whole, far: Float, churned: Float, beyond: float, cluster: str
) -> pd.DataFrame:
    """Return one row per term: what became of its neighbours, and whether any is near."""
    n_near = (found >= 0).sum(axis=1)
    left = _left(found, churned)
    return pd.DataFrame(
        {
            "subscription_id": now["subscription_id"].to_numpy(),
            "account_id": now[cluster].to_numpy(),
            "n_near": n_near,
            "n_churned": left.astype(np.int64),
            "churned_share": np.where(n_near > 0, left / np.maximum(n_near, 1), np.nan),
            "nearest_distance": far[:, 0],
            "nothing_near": ~(far[:, 0] <= beyond),
        }
    )


def _left(found: Whole, churned: Float) -> Float:
    return np.asarray(np.where(found >= 0, churned[found], 0.0).sum(axis=1), dtype=np.float64)


def _quality(
    found: Whole,
    churned: Float,
    judged: NDArray[np.intp],
    account: Whole,
    rng: np.random.Generator,
    n_boot: int,
    level: float,
) -> dict[str, float]:
    """Hold the neighbours of past terms, as known at the time, against what the terms did."""
    full = (found >= 0).all(axis=1)
    share, did = _left(found[full], churned) / found.shape[1], churned[judged[full]]
    told = {
        "auc": np.nan,
        "low": np.nan,
        "high": np.nan,
        "n_terms": len(did),
        "n_accounts": len(np.unique(account[judged[full]])),
        "n_churned": int(did.sum()),
        "churned_share": float(did.mean()) if len(did) else np.nan,
    }
    if not 0 < did.sum() < len(did):
        return told
    value, drawn = ordering.aucs(did, share, account=account[judged[full]], n_boot=n_boot, rng=rng)
    low, high = bootstrap.interval(drawn, level=level)
    return told | {"auc": float(value[0]), "low": float(low[0]), "high": float(high[0])}
