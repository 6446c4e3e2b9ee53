"""The frames behind the backtest: what would have been said of past quarters, and what came true.

Grain in: predictions made out of time (one row per (origin, subscription_id)) and ended terms.
Grain out: one row per past quarter, per list and measure, per customer of one list.  A quarter is
that in which was decided (``origin``); its renewals follow ``decision_days`` later.
``methods.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.learn import churn, revenue
from cs_models.learn.evaluation import calibration, decisions, drift
from cs_models.learn.predictors.past import Backtest
from cs_models.report.evidence import callers, foretold, kept
from cs_models.report.evidence.kept import labelled

N_PATHS: Final = 2000
LOSS: Final = "loss"
LISTS: Final = (decisions.MODEL, LOSS, decisions.BY_ARR)
RANDOM: Final = "random"
PART: Final = "part"  # of a quarter of which not all is known yet


@dataclass(frozen=True)
class Told:
    """What past quarters were told, or why none was.

    Attributes
    ----------
    past : churn.Backtest or None
    reason : str
        Why there is none, "" where there is one.
    """

    past: Backtest | None
    reason: str

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per term foretold; empty without any."""
        names = ["origin", "subscription_id", "account_id", "arr", "p_churn", "churned"]
        return pd.DataFrame(columns=names) if self.past is None else self.past.predictions


def told(history: pd.DataFrame, *, as_of: date, grace_days: int, random_state: int) -> Told:
    """Stand at each past quarter, where there is enough to stand on.

    Parameters
    ----------
    history : pandas.DataFrame
        Panel of terms with known outcomes.
    as_of : datetime.date
    grace_days, random_state : int
        As in ``churn.backtest``.

    Raises
    ------
    DataError
        If a column knows the outcome.
    """
    try:
        past = churn.backtest(
            history, as_of=as_of, grace_days=grace_days, n_halves=0, random_state=random_state
        )
    except TooLittleDataError as error:
        return Told(None, f"{error.what} ({error.got})" if error.got else error.what)
    return Told(past, "")


def scored(
    told: Told, ended: pd.DataFrame, *, grace_days: int, rng: np.random.Generator
) -> revenue.QuarterBacktest | None:
    """Set each past quarter's forecast beside what came true; None where nothing was foretold."""
    if told.past is None:
        return None
    found = revenue.backtest(
        told.predictions, ended, rng=rng, n_paths=N_PATHS, grace_days=grace_days
    )
    if found.quarters.empty:
        return found
    named = found.quarters.assign(label=_named(told, found.quarters["origin"]))
    return replace(found, quarters=named)


def honest(told: Told, ended: pd.DataFrame) -> dict[str, Any]:
    """Say of all past quarters together how many were expected to leave and how many did.

    Parameters
    ----------
    told : Told
    ended : pandas.DataFrame
        ``renewals.history``, for the swing of quarters.

    Returns
    -------
    dict
        n, n_accounts, n_quarters, expected, churned, ratio, low, high (95 %), spread (value, low
        and high of the slope: 1 is right, above 1 the chances lie too close together), chart
        (``drift.level_chart`` with the quarters named, and ``alone``: the expected share lies
        within the 95 % interval of the one that came, no swing allowed for), groups
        (``calibration.groups``).  Counts are 0 and frames empty where nothing was foretold.
    """
    seen = told.predictions
    if seen.empty:
        return {
            "n": 0, "n_accounts": 0, "n_quarters": 0, "expected": 0.0, "churned": 0,
            "ratio": float("nan"), "low": float("nan"), "high": float("nan"),
            "spread": dict.fromkeys(("value", "low", "high"), float("nan")),
            "chart": pd.DataFrame(columns=["label", "outside", "alone"]), "sigma": float("nan"),
            "groups": pd.DataFrame(),
        }  # fmt: skip
    y, p, account = seen["churned"], seen["p_churn"], seen["account_id"]
    ratio, low, high = calibration.observed_to_expected(y, p, account=account)
    sigma = revenue.learn(seen, ended).shock.sigma
    chart = drift.level_chart(y, p, seen["origin"], account=account, sigma=sigma)
    alone = [foretold.within_luck(mine)[2] for _, mine in seen.groupby("origin")]
    chart = chart.assign(label=_named(told, chart["quarter"]), alone=alone)
    ends = calibration.spread(y, p, account=account)
    return {
        "n": len(seen), "n_accounts": int(account.nunique()), "n_quarters": len(chart),
        "expected": float(p.sum()), "churned": int(y.sum()), "ratio": ratio, "low": low,
        "high": high, "spread": dict(zip(("value", "low", "high"), ends, strict=True)),
        "chart": chart, "sigma": sigma,
        "groups": calibration.groups(y, p, account=account),
    }  # fmt: skip


def by_group(told: Told, history: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Say of each group how many were expected to leave and how many did.

    Parameters
    ----------
    told : Told
    history : pandas.DataFrame
        The panel that was foretold; holds the column.
    by : str or None
        Column of ``history``; None parts nothing.

    Returns
    -------
    pandas.DataFrame
        One row a value: group, n, expected, churned, ratio, low, high (95 %, accounts as the unit;
        missing where all or none left).  Empty without predictions or without such a column.
    """
    seen = told.predictions
    names = ["group", "n", "expected", "churned", "ratio", "low", "high"]
    if seen.empty or by is None or by not in history:
        return pd.DataFrame(columns=names)
    of = history.set_index("subscription_id")[by].astype("object")
    value = seen["subscription_id"].map(of).fillna("not recorded").astype(str)
    rows = []
    for group, mine in seen.groupby(value):
        ratio = calibration.observed_to_expected(
            mine["churned"], mine["p_churn"], account=mine["account_id"]
        )
        rows.append((group, len(mine), mine["p_churn"].sum(), int(mine["churned"].sum()), *ratio))
    return pd.DataFrame(rows, columns=names)


def lists(told: Told, capacity: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Call so many of each list in each past quarter, and see whom that would have met.

    Parameters
    ----------
    told : Told
    capacity : int
        Customers that can be called in a quarter.
    rng : numpy.random.Generator
        Draws accounts; begun at the run's seed it draws those of ``evidence.callers.calls``.

    Returns
    -------
    pandas.DataFrame
        ``decisions.capacity``: one row per (ranking, measure), rankings :data:`LISTS` and
        :data:`RANDOM` (what as many calls drawn by lot in each quarter meet on average, so without
        an interval); empty where nothing was foretold.
    """
    seen = told.predictions
    if seen.empty:
        return pd.DataFrame(columns=["ranking", "measure", "value", "n_called", "n"])
    # Of the same stream as page 03's lists: one statistic has one range.
    stream = rng.spawn(1)[0]
    by_loss = {LOSS: seen["p_churn"] * seen["arr"].fillna(0.0)}
    made = callers.at_capacity(seen, by_loss, capacity, stream)
    model = made[made["ranking"] == decisions.MODEL].set_index("measure", drop=False)
    value = pd.Series(_by_lot(by_quarter(told, capacity)))[model.index]
    none = dict.fromkeys(("low", "high", "ahead_low", "ahead_high"), np.nan)
    lot = model.assign(ranking=RANDOM, value=value, ahead=model["value"] - value, **none)
    return pd.concat([made, lot], ignore_index=True)


def _by_lot(quarters: pd.DataFrame) -> dict[str, float]:
    """Return what as many calls drawn by lot in each quarter meet on average."""
    mine = quarters[quarters["ranking"] == decisions.MODEL]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": float(np.divide(mine["n_random"].sum(), mine["n_called"].sum())),
            "recall": float(np.divide(mine["n_random"].sum(), mine["n_left"].sum())),
            "arr_caught": float(np.divide(
                (mine["arr_left"] * mine["n_called"] / mine["n_due"]).sum(), mine["arr_left"].sum()
            )),
        }  # fmt: skip


def by_quarter(told: Told, capacity: int) -> pd.DataFrame:
    """Say of each past quarter what the first so many of each list came to.

    Parameters
    ----------
    told : Told
    capacity : int

    Returns
    -------
    pandas.DataFrame
        One row per (origin, ranking): origin, label ("part" behind it where not all decided on in
        that quarter can be known yet), ranking, n_due, n_left, arr_left, n_called, n_met (of those
        called, who left), arr_met, n_random (whom as many calls drawn by lot meet on average).
    """
    rows = []
    for origin, mine in told.predictions.groupby("origin"):
        lost = mine["arr"].fillna(0.0) * mine["churned"]
        for ranking in LISTS:
            first = mine.loc[_order(mine, ranking)[:capacity]]
            rows.append(
                {
                    "origin": origin, "ranking": ranking, "n_due": len(mine),
                    "n_left": int(mine["churned"].sum()), "arr_left": float(lost.sum()),
                    "n_called": len(first), "n_met": int(first["churned"].sum()),
                    "arr_met": float(lost[first.index].sum()),
                    "n_random": float(mine["churned"].sum()) * len(first) / len(mine),
                }
            )  # fmt: skip
    names = [
        "origin", "ranking", "n_due", "n_left", "arr_left", "n_called", "n_met", "arr_met",
        "n_random",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(1, "label", _named(told, frame["origin"]) if len(frame) else "")
    return frame


def _named(told: Told, quarter: pd.Series) -> pd.Series:
    """Name quarters, those of which not all is known yet as a part."""
    assert told.past is not None
    over = _over(told.predictions, quarter, told.past.as_of, told.past.grace_days)
    return labelled(quarter) + np.where(over, "", f" {PART}")


def _over(seen: pd.DataFrame, quarter: pd.Series, as_of: date, grace_days: int) -> pd.Series:
    """Tell of which quarters all renewals, and their days of grace, are over."""
    longest = (seen["term_end"] - seen["as_of_date"]).max()
    last = kept.end_of(quarter) + longest + pd.Timedelta(days=grace_days)
    over: pd.Series = last <= pd.Timestamp(as_of)
    return over


def _order(rows: pd.DataFrame, ranking: str) -> pd.Index:
    """Return the rows of one quarter in the order of a list, ties by ARR, as ``lists`` has it."""
    arr = rows["arr"].fillna(0.0)
    by_list = {decisions.MODEL: rows["p_churn"], LOSS: rows["p_churn"] * arr,
               decisions.BY_ARR: arr}  # fmt: skip
    keys = pd.DataFrame({"score": -by_list[ranking], "arr": -arr}, index=rows.index)
    return keys.iloc[np.lexsort((keys["arr"], keys["score"]))].index


def called(
    told: Told, ended: pd.DataFrame, capacity: int, *, as_of: date, grace_days: int
) -> pd.DataFrame:
    """Return the list of the last quarter that is over, and what became of each customer on it.

    Parameters
    ----------
    told : Told
    ended : pandas.DataFrame
        ``renewals.history``.
    capacity : int
    as_of : datetime.date
    grace_days : int

    Returns
    -------
    pandas.DataFrame
        One row a contract on the list, likeliest to leave first: place, origin, label,
        account_id, account_name, subscription_id, segment, arr, p_churn, as_of_date, term_end,
        churned, outcome, arr_next (0 when gone; missing where the next term is not on record);
        and of all who came up then: n_due, n_left_of_due, first_due, last_due (renewal dates).
        The last quarter whose renewals, and days of grace, are all over by ``as_of``; the newest
        where there is none.
    """
    if told.past is None:
        return pd.DataFrame()
    seen = told.predictions
    origins = seen["origin"].drop_duplicates()
    over = origins[_over(seen, origins, as_of, grace_days)]
    origin = (over if len(over) else origins).max()
    mine = seen[seen["origin"] == origin]
    first = mine.loc[_order(mine, decisions.MODEL)[:capacity]]
    known = ended[["subscription_id", "outcome", "arr_next"]]
    listed = first.merge(known, on="subscription_id", how="left", validate="one_to_one")
    listed.insert(0, "place", np.arange(1, len(listed) + 1))
    listed.insert(1, "label", labelled(listed["origin"]))
    names = [
        "place", "origin", "label", "account_id", "account_name", "subscription_id", "segment",
        "arr", "p_churn", "as_of_date", "term_end", "churned", "outcome", "arr_next",
    ]  # fmt: skip
    found: pd.DataFrame = listed[names]
    ends = pd.to_datetime(mine["term_end"])
    return found.assign(
        n_due=len(mine), n_left_of_due=int(mine["churned"].sum()), first_due=ends.min(),
        last_due=ends.max(),
    )  # fmt: skip


def saved_quarters(found: revenue.QuarterBacktest | None) -> pd.DataFrame:
    """Return past quarters, said and come true, as ``results.json`` keeps them."""
    return pd.DataFrame() if found is None else found.quarters


def counts(told: Told, history: pd.DataFrame, earlier: dict[str, Any]) -> dict[str, int]:
    """Return what was counted, for ``results.json``.

    Parameters
    ----------
    told : Told
    history : pandas.DataFrame
        Panel of terms with known outcomes.
    earlier : dict
        ``Retold.totals``.
    """
    known = history["churned"].notna()
    return {
        "n_terms": int(known.sum()),
        "n_churned": int(history.loc[known, "churned"].sum()),
        "n_foretold": len(told.predictions),
        "n_quarters": 0 if told.past is None else told.past.n_origins,
        "n_earlier_reports": int(earlier["n_read"]),
        "n_earlier_known": int(earlier["n_known"]),
    }
