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
from cs_models.learn.profile import distance

FEWEST_OF_SEGMENT: Final = 30  # past terms: with fewer, likeness is looked for in all segments
FAR: Final = 0.99
MOST_JUDGED: Final = 2000  # past terms by which the illustration is judged
_BLOCK: Final = 256
_TERMS_OF_AN_ACCOUNT: Final = 6  # looked at to find one neighbour: accounts are shown once

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
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


@dataclass(frozen=True)
class _Terms:
    """Terms on the common scale, and what decides who may be whose neighbour."""

    at: tuple[Float, Float]
    account: Whole
    segment: Whole
    decided: Whole
    known: Whole

    def rows(self, rows: NDArray[np.intp] | slice) -> _Terms:
        at, held = self.at
        return _Terms(
            (at[rows], held[rows]),
            self.account[rows],
            self.segment[rows],
            self.decided[rows],
            self.known[rows],
        )


def nearest(
    history: pd.DataFrame,
    now: pd.DataFrame,
    columns: Sequence[str],
    drivers: Mapping[str, str],
    *,
    k: int = 5,
    segment_by: str | None = "segment",
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
        Only terms of the same segment, where it has 30 past terms of other accounts that had
        ended by then; else of all.
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
    Source: ``methods.md`` 6 (k-NN as illustration).  Neighbours are terms of other accounts that
    had ended by the decision date, so a customer is never shown its own past or future.
    """
    past = _checked(history, now, columns, drivers, k, cluster, outcome)
    values = peers.numbers(past, columns)
    space = distance.learn(values, list(columns), drivers)
    if not space.used.any():
        raise TooLittleDataError("past terms agree in every column", where=", ".join(columns))
    names = pd.unique(pd.concat([past[cluster], now[cluster]]))
    books = _segments(past, segment_by), _segments(now, segment_by)
    segments = pd.unique(np.concatenate([books[0], books[1]]))
    then = _placed(past, space.place(values), names, cluster, books[0], segments)
    today = space.place(peers.numbers(now, columns))
    here = _placed(now, today, names, cluster, books[1], segments)
    churned = past[outcome].to_numpy(dtype=np.float64)
    found, far = _search(space, here, then, k, ended=True)
    judged = np.arange(len(past))
    if len(judged) > MOST_JUDGED:
        judged = np.sort(rng.choice(judged, MOST_JUDGED, replace=False))
    _, past_far = _search(space, then.rows(judged), then, 1, ended=False)
    beyond = float(np.nanquantile(past_far[:, 0], FAR)) if len(past) > 1 else np.nan
    at_the_time, _ = _search(space, then.rows(judged), then, k, ended=True)
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


def _segments(frame: pd.DataFrame, segment_by: str | None) -> NDArray[np.object_]:
    if segment_by is None or segment_by not in frame.columns:
        return np.full(len(frame), peers.EVERYBODY, dtype=object)
    named = frame[segment_by].astype("object")
    return np.asarray(named.where(named.notna(), peers.UNKNOWN), dtype=object)


def _placed(
    frame: pd.DataFrame,
    at: tuple[Float, Float],
    accounts: NDArray[np.object_],
    cluster: str,
    book: NDArray[np.object_],
    segments: NDArray[np.object_],
) -> _Terms:
    ended = frame["term_end"] if "term_end" in frame.columns else frame["as_of_date"]
    return _Terms(
        at,
        pd.Index(accounts).get_indexer(pd.Index(frame[cluster])).astype(np.int64),
        pd.Index(segments).get_indexer(pd.Index(book)).astype(np.int64),
        _days(frame["as_of_date"]),
        _days(ended),
    )


def _days(dates: pd.Series) -> Whole:
    return np.asarray(dates.to_numpy(dtype="datetime64[D]"), dtype=np.int64)


def _search(
    space: distance.Space, queries: _Terms, past: _Terms, k: int, *, ended: bool
) -> tuple[Whole, Float]:
    """Return the places of the k nearest terms (-1 where there are fewer), and how far they are.

    ``ended`` looks only among terms that had ended by the query's decision date.
    """
    n = len(queries.account)
    found, far = np.full((n, k), -1, dtype=np.int64), np.full((n, k), np.nan)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = queries.rows(rows)
        apart = space.between(block.at, past.at)
        allowed = block.account[:, None] != past.account
        if ended:
            allowed &= past.known <= block.decided[:, None]
        same = allowed & (block.segment[:, None] == past.segment)
        enough = same.sum(axis=1) >= FEWEST_OF_SEGMENT
        allowed = np.where(enough[:, None], same, allowed)
        found[rows], far[rows] = _nearest(np.where(allowed, apart, np.inf), past.account, k)
    return found, far


def _nearest(apart: Float, account: Whole, k: int) -> tuple[Whole, Float]:
    """Return the k smallest of each line, one term of each account."""
    size = min(k * _TERMS_OF_AN_ACCOUNT, apart.shape[1])
    near = np.argpartition(apart, size - 1, axis=1)[:, :size]
    order = np.argsort(np.take_along_axis(apart, near, axis=1), axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    far, whose = np.take_along_axis(apart, near, axis=1), account[near]
    fresh = np.isfinite(far)
    for j in range(1, size):
        fresh[:, j] &= ~(whose[:, :j] == whose[:, j : j + 1]).any(axis=1)
    rank = np.cumsum(fresh, axis=1) - 1
    row, place = np.nonzero(fresh & (rank < k))
    found = np.full((len(apart), k), -1, dtype=np.int64)
    gone = np.full((len(apart), k), np.nan)
    found[row, rank[row, place]] = near[row, place]
    gone[row, rank[row, place]] = far[row, place]
    return found, gone


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
    book, theirs = _segments(now, segment_by)[row], _segments(near, segment_by)
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
