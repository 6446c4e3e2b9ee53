"""Past quarters: what would have been said before each, what came true, how often intervals held.

Grain in: out-of-time predictions, one row per (origin, subscription_id), and ended terms.  Grain
out: one row per past quarter; one row per measure.  A quarter is that of the decision
(``origin``): decided 90 days ahead, its renewals fall due in the calendar quarter after.

What is said of a quarter uses nothing that was not known on its first day: shocks, shares and
ratios come from terms whose renewal date and grace had passed by then, which leaves out the
quarter just before.  The predictor's refits of that time are not kept; its common error is part
of the shocks, which are taken from predictions made out of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from cs_models.errors import DataError
from cs_models.learn.forecasting.opportunities import label
from cs_models.learn.forecasting.outlook import forecast
from cs_models.learn.forecasting.process import learn

FEWEST_QUARTERS: Final = 4
FEWEST_EARLIER: Final = 2
TARGET: Final = 0.8
MEASURES: Final = ("grr", "nrr", "loss", "n_churn", "independent")
TOO_EARLY: Final = "fewer than two earlier quarters were known"
NOTHING_DUE: Final = "no ARR was due"


@dataclass(frozen=True)
class QuarterBacktest:
    """What was said of past quarters beside what came true.

    Attributes
    ----------
    quarters : pandas.DataFrame
        One row per quarter judged: origin, label, first_end, last_end (renewal dates), n_due,
        due_arr, n_earlier (quarters learnt from), sigma, and for grr, nrr, loss (ARR of those who
        left) and n_churn: …_p10, …_p50, …_p90, …_actual, …_hit (within p10 to p90);
        independent_p10, independent_p90, independent_hit (GRR, were everyone to decide alone);
        n_next_unknown (renewed terms without a next one on record: taken as flat).
    coverage : pandas.DataFrame
        One row per measure (grr, nrr, loss, n_churn, independent): measure, n_quarters, n_hit,
        coverage (0 to 1), low, high (exact binomial 95 %), target (.8), enough.
    skipped : pandas.DataFrame
        One row per quarter not judged: origin, label, n_due, reason.
    """

    quarters: pd.DataFrame
    coverage: pd.DataFrame
    skipped: pd.DataFrame

    @property
    def enough(self) -> bool:
        """Whether four or more quarters could be judged; else: too few quarters."""
        return len(self.quarters) >= FEWEST_QUARTERS


def backtest(
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    *,
    rng: np.random.Generator,
    n_paths: int = 2000,
    grace_days: int = 30,
) -> QuarterBacktest:
    """Forecast every past quarter with what was known on its first day.

    Parameters
    ----------
    predictions : pandas.DataFrame
        ``churn.backtest(...).predictions``: origin, subscription_id, account_id, segment,
        term_months, term_end, arr, p_churn, churned (0, 1; rows without are left out: lost for
        reasons of their own).
    history : pandas.DataFrame
        ``features.renewals.history``.
    rng : numpy.random.Generator
    n_paths : int, default 2000
        Paths of each quarter.
    grace_days : int, default 30
        Days after the renewal date from which an outcome counts as known.

    Returns
    -------
    QuarterBacktest

    Raises
    ------
    DataError
        If a column is missing.
    """
    needed = ["origin", "subscription_id", "account_id", "term_end", "arr", "p_churn", "churned"]
    missing = [name for name in needed if name not in predictions]
    if missing:
        raise DataError("a column is missing", where="predictions", got=", ".join(missing))
    rows = _joined(predictions, history)
    known = pd.to_datetime(rows["term_end"]) + pd.Timedelta(days=grace_days)
    judged: list[dict[str, Any]] = []
    skipped = []
    for origin in sorted(rows["origin"].unique()):
        due = rows[rows["origin"] == origin]
        earlier = rows[(known <= origin) & (rows["origin"] < origin)]
        n_earlier = earlier["origin"].nunique()
        reason = TOO_EARLY if n_earlier < FEWEST_EARLIER else ""
        reason = reason or ("" if due["arr"].sum() > 0 else NOTHING_DUE)
        if reason:
            skipped.append({"origin": origin, "n_due": len(due), "reason": reason})
            continue
        past = history[history["known_date"] <= origin]
        judged.append(_judged(due, earlier, past, n_earlier, rng, n_paths))
    quarters = _labelled(pd.DataFrame(judged, columns=None if judged else ["origin"]))
    left_out = _labelled(pd.DataFrame(skipped, columns=["origin", "n_due", "reason"]))
    return QuarterBacktest(quarters, coverage(quarters), left_out)


def coverage(quarters: pd.DataFrame) -> pd.DataFrame:
    """Count how often the intervals held, with the exact interval of that share.

    Parameters
    ----------
    quarters : pandas.DataFrame
        One row per quarter, with a column …_hit for each measure.

    Returns
    -------
    pandas.DataFrame
        One row per measure: measure, n_quarters, n_hit, coverage, low, high, target, enough.
        Without quarters the coverage is missing and the interval 0 to 1.
    """
    found = []
    for measure in MEASURES:
        hits = quarters.get(f"{measure}_hit", pd.Series(dtype=bool)).astype(bool)
        n, k = len(hits), int(hits.sum())
        low, high = (0.0, 1.0) if n == 0 else stats.binomtest(k, n).proportion_ci(0.95, "exact")
        share = k / n if n else np.nan
        found.append((measure, n, k, share, low, high, TARGET, n >= FEWEST_QUARTERS))
    names = ["measure", "n_quarters", "n_hit", "coverage", "low", "high", "target", "enough"]
    return pd.DataFrame(found, columns=names)


def _joined(predictions: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Add what each term came to, and whose decision it was."""
    rows = predictions[predictions["churned"].notna() & predictions["p_churn"].notna()]
    rows = rows.drop(columns=["parent_account_id", "arr_next"], errors="ignore")
    known = history[["subscription_id", "parent_account_id", "arr_next"]]
    rows = rows.assign(arr=rows["arr"].astype("float64"), origin=pd.to_datetime(rows["origin"]))
    rows = rows.merge(known, on="subscription_id", how="left", validate="many_to_one")
    left = rows["churned"].eq(1)
    return rows.assign(
        next_unknown=~left & rows["arr_next"].isna(),
        came_to=np.where(left, 0.0, rows["arr_next"].fillna(rows["arr"])),
    )


def _judged(
    due: pd.DataFrame,
    earlier: pd.DataFrame,
    history: pd.DataFrame,
    n_earlier: int,
    rng: np.random.Generator,
    n_paths: int,
) -> dict[str, Any]:
    """Forecast one quarter and set beside it what came true."""
    process = learn(earlier, history)
    told = forecast(due.assign(quarter=due["origin"]), process, rng=rng, n_paths=n_paths)
    said = told.quarters.iloc[0]
    arr, came_to, left = due["arr"], due["came_to"], due["churned"].eq(1)
    actual = {
        "grr": np.minimum(came_to, arr).sum() / arr.sum(),
        "nrr": came_to.sum() / arr.sum(),
        "loss": arr[left].sum(),
        "n_churn": float(left.sum()),
    }
    row: dict[str, Any] = {
        "origin": due["origin"].iloc[0],
        "first_end": due["term_end"].min(),
        "last_end": due["term_end"].max(),
        "n_due": len(due),
        "due_arr": float(arr.sum()),
        "n_earlier": n_earlier,
        "sigma": process.shock.sigma,
    }
    for name, value in actual.items():
        low, middle, high = (float(said[f"{name}_{tenth}"]) for tenth in ("p10", "p50", "p90"))
        row |= {f"{name}_p10": low, f"{name}_p50": middle, f"{name}_p90": high}
        row |= {f"{name}_actual": float(value), f"{name}_hit": _within(low, value, high)}
    low, high = float(said["independent_p10"]), float(said["independent_p90"])
    row |= {"independent_p10": low, "independent_p90": high}
    row |= {"independent_hit": _within(low, actual["grr"], high)}
    return row | {"n_next_unknown": int(due["next_unknown"].sum())}


def _within(low: float, value: float, high: float) -> bool:
    """Return whether a value lies in an interval; one at its edge does, rounding apart."""
    slack = 1e-9 * max(1.0, abs(value))
    return bool(low - slack <= value <= high + slack)


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(origin=pd.to_datetime(frame["origin"]).astype("datetime64[s]"))
    frame.insert(1, "label", label(frame["origin"]))
    return frame
