"""How good a statement about time was, when some rows were only seen for a while.

Grain in: one row per account episode: its duration, whether it ended, and what was said of it
before.  Grain out: one number, or one row per horizon.  Knows no model.

Rows still there when last seen say nothing of later times.  Those that ended are weighted by one
over the chance G that they would still have been watched ("inverse probability of censoring"),
so that the rows seen stand for all; see `watching`.

Sources: ``methods.md`` 4 and 8; Uno et al. 2011 (Stat Med 30:1105); Graf et al. 1999 (Stat Med
18:2529); Haider et al. 2020 (JMLR 21:85).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.errors import DataError
from cs_models.learn.evaluation import pairs
from cs_models.learn.evaluation.watching import Watching, checked, watching

__all__ = [
    "Watching",
    "auc_at",
    "brier",
    "concordance",
    "d_calibration",
    "integrated_brier",
    "uno",
    "watching",
]

Float = NDArray[np.float64]


def concordance(durations: ArrayLike, event: ArrayLike, risk: ArrayLike) -> float:
    """Return Harrell's C: of pairs whose order is known, the share that risk orders rightly.

    Parameters
    ----------
    durations, event : array-like, shape (n_rows,)
        Time, and 1 where the row ended.
    risk : array-like, shape (n_rows,)
        Larger means sooner.  Pairs of equal risk count one half.

    Returns
    -------
    float
        One half is chance; it depends on how long rows were watched (see `uno`).

    Raises
    ------
    TooLittleDataError
        No pair can be ordered.
    """
    time, ended = checked(durations, event)
    return pairs.ordered(time, ended, _scores(risk, len(time)), ended)


def uno(
    durations: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    *,
    tau: float | None = None,
    censoring: Watching | None = None,
    strata: ArrayLike | None = None,
) -> float:
    """Return Uno's C: concordance within tau that does not depend on how long rows were watched.

    Parameters
    ----------
    durations, event, risk : array-like, shape (n_rows,)
        As in `concordance`.
    tau : float, optional
        Only those that ended before it are compared with those that stayed longer; a later tau
        gives much weight to few.  ``methods.md`` takes the 80th percentile of durations.
    censoring : Watching, optional
        G, as of the rows learnt from; that of these rows when not given.
    strata : array-like, shape (n_rows,), optional
        Of G.

    Returns
    -------
    float

    Raises
    ------
    TooLittleDataError
        No pair can be ordered.
    """
    time, ended = checked(durations, event)
    known = censoring or watching(time, ended, strata=strata)
    counted = ended if tau is None else ended * (time < tau)
    weight = _inverse(known.before(time, strata), counted) ** 2
    return pairs.ordered(time, ended, _scores(risk, len(time)), weight)


def auc_at(
    durations: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    horizons: ArrayLike,
    *,
    censoring: Watching | None = None,
    strata: ArrayLike | None = None,
) -> pd.DataFrame:
    """Tell those who end by each horizon from those who stay beyond it.

    Parameters
    ----------
    durations, event, censoring, strata
        As in `uno`.
    risk : array-like, shape (n_rows,) or (n_rows, n_horizons)
        Larger means sooner; a column per horizon where it changes.
    horizons : array-like, shape (n_horizons,)
        In the unit of the durations.

    Returns
    -------
    DataFrame, one row per horizon
        ``horizon``, ``auc`` (cumulative/dynamic; missing without a case or a control),
        ``n_ended``, ``n_stayed``.
    """
    time, ended = checked(durations, event)
    known = censoring or watching(time, ended, strata=strata)
    when = np.atleast_1d(np.asarray(horizons, dtype=np.float64))
    scores = np.asarray(risk, dtype=np.float64)
    scores = np.repeat(scores[:, None], len(when), axis=1) if scores.ndim == 1 else scores
    rows = []
    for place, horizon in enumerate(when):
        case, control = (ended > 0) & (time <= horizon), time > horizon
        weight = _inverse(known.before(time, strata), case.astype(np.float64))
        beyond = _inverse(
            known.after(np.full(len(time), horizon), strata), control.astype(np.float64)
        )
        auc = _area(scores[:, place], weight, beyond)
        rows.append((float(horizon), auc, int(case.sum()), int(control.sum())))
    return pd.DataFrame(rows, columns=["horizon", "auc", "n_ended", "n_stayed"])


def brier(
    durations: ArrayLike,
    event: ArrayLike,
    survival: ArrayLike,
    horizons: ArrayLike,
    *,
    censoring: Watching | None = None,
    strata: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return the mean squared error of the chance to be still there, at each horizon.

    Parameters
    ----------
    durations, event, censoring, strata
        As in `uno`.
    survival : array-like, shape (n_rows, n_horizons) or (n_horizons,)
        The chance that was said; one row for all where it was the same for all.
    horizons : array-like, shape (n_horizons,)
        In the unit of the durations.

    Returns
    -------
    DataFrame, one row per horizon
        ``horizon``, ``brier``, ``null`` (of these rows' own Kaplan–Meier curve), ``skill``
        (1 - brier / null).
    """
    time, ended = checked(durations, event)
    known = censoring or watching(time, ended, strata=strata)
    when = np.atleast_1d(np.asarray(horizons, dtype=np.float64))
    said = np.broadcast_to(np.asarray(survival, dtype=np.float64), (len(time), len(when)))
    curve = _curve(time, ended, when)
    before = known.before(time, strata)
    rows = []
    for place, horizon in enumerate(when):
        case, control = (ended > 0) & (time <= horizon), time > horizon
        weight = _inverse(before, case.astype(np.float64)) + _inverse(
            known.after(np.full(len(time), horizon), strata), control.astype(np.float64)
        )
        score = float(np.mean(weight * (control - said[:, place]) ** 2))
        null = float(np.mean(weight * (control - curve[place]) ** 2))
        rows.append((float(horizon), score, null, 1 - score / null if null > 0 else np.nan))
    return pd.DataFrame(rows, columns=["horizon", "brier", "null", "skill"])


def integrated_brier(scores: pd.DataFrame) -> pd.Series:
    """Average Brier scores over the horizons, each for as long as it stands (trapezoids).

    Parameters
    ----------
    scores : DataFrame
        From `brier`, at two horizons or more; narrower ones give a better average.

    Returns
    -------
    Series
        ``brier``, ``null``, ``skill``.
    """
    if len(scores) < 2:
        raise DataError("an average over time needs two horizons", where="horizons")
    width = float(scores["horizon"].iloc[-1] - scores["horizon"].iloc[0])
    means = {
        name: float(np.trapezoid(scores[name], scores["horizon"]) / width)
        for name in ("brier", "null")
    }
    return pd.Series({**means, "skill": 1 - means["brier"] / means["null"]})


def d_calibration(
    survival: ArrayLike,
    event: ArrayLike,
    *,
    before: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    n_bins: int = 10,
) -> tuple[pd.DataFrame, float]:
    """Test whether the chances said are spread as they should be: evenly from 0 to 1.

    Parameters
    ----------
    survival : array-like, shape (n_rows,)
        The chance said to be still there after the row's own duration.
    event : array-like, shape (n_rows,)
        1 where the row ended then; a row last seen counts evenly below its chance.
    before : array-like, shape (n_rows,), optional
        The chance said just before that duration, where chances fall in steps (renewals): the
        row's place is drawn between the two, or ties would look like a misfit.
    rng : numpy.random.Generator, optional
        Needed with ``before``.
    n_bins : int, default 10
        Bins of equal width.

    Returns
    -------
    bins : DataFrame, one row per bin
        ``low``, ``high`` (of the chance), ``share`` (of the rows; 1 / n_bins is right).
    p : float
        Of the chi-square over the bins; small where the chances said are off.

    Raises
    ------
    DataError
        A chance is not between 0 and 1, or steps are given without ``rng``.
    """
    place = np.asarray(survival, dtype=np.float64)
    ended = np.asarray(event, dtype=np.float64) > 0
    if before is not None:
        if rng is None:
            raise DataError("steps need a generator to draw places between them", where="rng")
        upper = np.asarray(before, dtype=np.float64)
        place = np.where(ended, place + rng.random(len(place)) * (upper - place), place)
    if not ((place >= 0) & (place <= 1)).all():
        raise DataError("a chance lies between 0 and 1", where="survival")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    bins = np.clip(np.ceil(place * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    filled = np.bincount(bins[ended], minlength=n_bins).astype(np.float64)
    open_place = np.maximum(place[~ended], 1e-12)
    inside = np.clip(open_place[:, None] - edges[None, :-1], 0.0, 1.0 / n_bins)
    filled += (inside / open_place[:, None]).sum(axis=0)
    expected = len(place) / n_bins
    p = float(stats.chi2.sf(((filled - expected) ** 2 / expected).sum(), n_bins - 1))
    frame = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "share": filled / len(place)})
    return frame, p


def _scores(risk: ArrayLike, n_rows: int) -> Float:
    scores = np.asarray(risk, dtype=np.float64)
    if scores.shape != (n_rows,) or not np.isfinite(scores).all():
        raise DataError("every row needs one finite risk", where="risk")
    return scores


def _inverse(chance: Float, counted: Float) -> Float:
    """Return 1 / chance for rows that count, 0 for others and where nobody was watched."""
    return np.divide(counted, chance, out=np.zeros_like(chance), where=(chance > 0) & (counted > 0))


def _area(scores: Float, case: Float, control: Float) -> float:
    order = np.argsort(scores, kind="stable")
    _, place = np.unique(scores[order], return_inverse=True)
    below = np.bincount(place, control[order])
    until = np.cumsum(below)
    won = np.bincount(place, case[order]) @ (until - below / 2)
    total = case.sum() * control.sum()
    return float(won / total) if total > 0 else float("nan")


def _curve(time: Float, ended: Float, moments: Float) -> Float:
    when, number = np.unique(time[ended > 0], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), when, side="left")
    curve = np.r_[1.0, np.cumprod(1 - number / at_risk)]
    return np.asarray(curve[np.searchsorted(when, moments, side="right")])
