"""How use usually ramps up over a term, and one account against that.

Grain in: one row per contract term and week of it, with uses per seat.  Grain out: one row per
kind of use, outcome and point of the term; one row per running account; one row per feature that
the product got later.

Bands are pointwise: at each week the terms that still ran in it, renewed and left apart.  Nine of
ten renewed terms stand inside theirs in a given week, far fewer in every week; and a band of few
terms says little, so each point carries how many it rests on and is empty below 20.

Source: ``methods.md`` 1.4 (benchmarks by day and by fraction of the term); ``customer_success.md``
M10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.hazards import curves

Float = NDArray[np.float64]
LEAST_TERMS: Final = 20
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
NAMES: Final = ("p10", "p25", "p50", "p75", "p90")
FRACTIONS: Final = 10
RENEWED, LEFT = "renewed", "left"
ALL_USE: Final = "all use"
RECENT_WEEKS: Final = 4
WEEK_DAYS: Final = 7


@dataclass(frozen=True)
class Ramps:
    """Usual courses of use.

    Attributes
    ----------
    weeks : DataFrame, one row per use, outcome and week
        ``use`` ("all use" or a feature), ``outcome`` ("renewed", "left"), ``week`` (1 is the
        first), ``n_terms``, ``p10`` … ``p90`` (uses per seat in the week; missing where fewer than
        20 terms ran).
    fractions : DataFrame, one row per use, outcome and tenth of the term
        ``use``, ``outcome``, ``fraction`` (middle of the tenth, 0 to 1), ``n_terms``, quantiles.
    n_renewed, n_left : int
        Past terms behind the curves.
    """

    weeks: pd.DataFrame
    fractions: pd.DataFrame
    n_renewed: int
    n_left: int


def learn(terms: pd.DataFrame, weekly: pd.DataFrame, uses: Sequence[str]) -> Ramps:
    """Learn the usual course of use from past terms.

    Parameters
    ----------
    terms : DataFrame, one row per past term
        ``subscription_id``, ``churned`` (0/1; missing left out), ``seats`` (missing: one),
        ``length_days`` (of the contract) and ``seen_days`` (until it ended, early perhaps).
    weekly : DataFrame, one row per term and week with any use
        ``subscription_id``, ``week`` (0 is the first) and one column of uses per name in `uses`.
    uses : sequence of str
        "all use" and features.

    Returns
    -------
    Ramps

    Notes
    -----
    A week without a record is a week without use; a week that was not over when the term ended
    is no point of it.
    """
    known = terms.dropna(subset=["churned"]).reset_index(drop=True)
    left = known["churned"].to_numpy(dtype=np.float64) == 1
    rate, n_weeks = dense(known, weekly, uses)
    whole = _tenths(rate, n_weeks, known["length_days"].to_numpy(dtype=np.float64))
    weeks, tenths = [], []
    for outcome, rows in ((RENEWED, ~left), (LEFT, left)):
        weeks.append(_bands(rate[rows], uses).assign(outcome=outcome))
        tenths.append(_bands(whole[rows], uses).assign(outcome=outcome))
    by_week = pd.concat(weeks, ignore_index=True).rename(columns={"place": "week"})
    by_week["week"] += 1
    by_tenth = pd.concat(tenths, ignore_index=True).rename(columns={"place": "fraction"})
    by_tenth["fraction"] = (by_tenth["fraction"] + 0.5) / FRACTIONS
    columns = ["use", "outcome", "n_terms", *NAMES]
    return Ramps(
        by_week[["week", *columns]],
        by_tenth[["fraction", *columns]],
        int((~left).sum()),
        int(left.sum()),
    )


def dense(
    terms: pd.DataFrame, weekly: pd.DataFrame, uses: Sequence[str]
) -> tuple[Float, NDArray[np.int64]]:
    """Lay uses per seat out by term, week and kind of use.

    Parameters
    ----------
    terms, weekly, uses
        As in :func:`learn`.

    Returns
    -------
    rate : ndarray of float, shape (n_terms, n_weeks, n_uses)
        Uses per seat in the week; NaN in weeks that the term did not see to their end.
    n_weeks : ndarray of int, shape (n_terms,)
        Whole weeks of each term.
    """
    whole = (terms["seen_days"].to_numpy(dtype=np.float64) // WEEK_DAYS).clip(min=0).astype(int)
    rate = np.zeros((len(terms), int(whole.max(initial=0)), len(uses)))
    place = pd.Series(np.arange(len(terms)), index=terms["subscription_id"].to_numpy())
    row = weekly["subscription_id"].map(place)
    kept = row.notna().to_numpy()
    row_of = row[kept].astype(int).to_numpy()
    week = weekly.loc[kept, "week"].to_numpy(dtype=np.int64)
    inside = (week >= 0) & (week < whole[row_of]) if len(row_of) else np.zeros(0, dtype=bool)
    seats = terms["seats"].astype("Float64").fillna(1).clip(lower=1).to_numpy(dtype=np.float64)
    amounts = weekly.loc[kept, list(uses)].to_numpy(dtype=np.float64)[inside]
    rate[row_of[inside], week[inside]] = amounts / seats[row_of[inside], None]
    rate[np.arange(rate.shape[1])[None, :] >= whole[:, None]] = np.nan
    return rate, whole


def _tenths(rate: Float, n_weeks: NDArray[np.int64], length: Float) -> Float:
    """Average the weeks whose middle lies in each tenth of the contract."""
    out = np.full((len(rate), FRACTIONS, rate.shape[2]), np.nan)
    middle = (np.arange(rate.shape[1]) + 0.5) * WEEK_DAYS
    tenth = np.floor(FRACTIONS * middle[None, :] / np.maximum(length, 1.0)[:, None])
    tenth = np.where(np.arange(rate.shape[1])[None, :] < n_weeks[:, None], tenth, -1)
    for place in range(FRACTIONS):
        mine = (tenth == place)[:, :, None]
        n = mine.sum(axis=1)
        total = np.where(mine, np.nan_to_num(rate), 0.0).sum(axis=1)
        out[:, place] = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return out


def _bands(rate: Float, uses: Sequence[str]) -> pd.DataFrame:
    """Return quantiles over the terms, place by place."""
    frames = []
    for place in range(rate.shape[1]):
        here = rate[:, place]
        here = here[~np.isnan(here[:, 0])]
        n = len(here)
        values = (
            np.quantile(here, QUANTILES, axis=0).T
            if n >= LEAST_TERMS
            else np.full((len(uses), len(QUANTILES)), np.nan)
        )
        frame = pd.DataFrame(values, columns=list(NAMES))
        frames.append(frame.assign(use=list(uses), place=place, n_terms=n))
    if not frames:
        return pd.DataFrame(columns=[*NAMES, "use", "place", "n_terms"])
    return pd.concat(frames, ignore_index=True)


def standing(
    ramps: Ramps, terms: pd.DataFrame, weekly: pd.DataFrame, *, use: str = ALL_USE
) -> pd.DataFrame:
    """Set running accounts against the ramp of those who renewed, over their last four weeks.

    Parameters
    ----------
    ramps : Ramps
    terms : DataFrame, one row per running term
        As :func:`learn` takes it, without ``churned``; ``seen_days`` until today.
    weekly : DataFrame
        As :func:`learn` takes it.
    use : str, default "all use"

    Returns
    -------
    DataFrame, one row per running term with four whole weeks
        ``subscription_id``, ``week`` (the last whole one, 1 the first), ``recent`` (mean uses per
        seat and week of the last four weeks), ``usual_low``, ``usual``, ``usual_high`` (means of
        the renewed terms' 10, 50 and 90 % marks in the same weeks), ``below`` (bool: under the
        10 % mark), ``n_terms`` (fewest renewed terms in these weeks).  Where fewer than 20 renewed
        terms reached these weeks there is no row.
    """
    rate, n_weeks = dense(terms, weekly, [use])
    band = ramps.weeks[(ramps.weeks["use"] == use) & (ramps.weeks["outcome"] == RENEWED)]
    usual = band.sort_values("week")[["p10", "p50", "p90", "n_terms"]].to_numpy(dtype=np.float64)
    fit = (n_weeks >= RECENT_WEEKS) & (n_weeks <= len(usual))
    last = n_weeks[fit]
    weeks = last[:, None] - RECENT_WEEKS + np.arange(RECENT_WEEKS)[None, :]
    marks = usual[weeks] if len(usual) else np.empty((0, RECENT_WEEKS, 4))
    recent = rate[np.flatnonzero(fit)[:, None], weeks, 0].mean(axis=1)
    low, middle, high, _ = marks.mean(axis=1).T
    out = pd.DataFrame(
        {
            "subscription_id": terms["subscription_id"].to_numpy()[fit], "week": last,
            "recent": recent, "usual_low": low, "usual": middle, "usual_high": high,
            "below": recent < low, "n_terms": marks[:, :, 3].min(axis=1).astype(int),
        }
    )  # fmt: skip
    return out[out["usual_low"].notna()].reset_index(drop=True)


def course(terms: pd.DataFrame, weekly: pd.DataFrame, subscription_id: str, use: str) -> Float:
    """Return the uses per seat of one running term, week by week.

    Parameters
    ----------
    terms, weekly
        As in :func:`standing`.
    subscription_id : str
    use : str

    Returns
    -------
    ndarray of float, shape (n_weeks,)
    """
    own = terms[terms["subscription_id"] == subscription_id]
    rate, n_weeks = dense(own, weekly, [use])
    return np.asarray(rate[0, : int(n_weeks[0]), 0]) if len(own) else np.empty(0)


def take_up(rows: pd.DataFrame) -> pd.DataFrame:
    """Say how long accounts took to try features that the product got later.

    Parameters
    ----------
    rows : DataFrame, one row per (feature, account)
        ``feature``, ``days`` (from the launch, or from the account's start where that is later, to
        the first use, or until last seen), ``used`` (0/1).

    Returns
    -------
    DataFrame, one row per feature
        ``feature``, ``n``, ``n_used``, ``median``, ``median_low``, ``median_high`` (days, Kaplan–
        Meier; None where half have not tried it yet).

    Notes
    -----
    Those who have not used it yet count as not yet, never as not at all (``methods.md`` 1.4).
    """
    columns = ["feature", "n", "n_used", "median", "median_low", "median_high"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    # A first use on the day of the launch took part of a day.
    days = rows["days"].astype(float).clip(lower=0.5)
    found = curves.kaplan_meier(days, rows["used"], groups=rows["feature"]).summary
    return found.rename(columns={"group": "feature", "n_events": "n_used"})[columns]
