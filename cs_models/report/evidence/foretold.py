"""How well past quarters were foretold: by quarter, overall, and whether the chances came true.

Grain in: ``churn.Backtest.predictions``, one row per (origin, subscription_id).  Grain out: one
row a quarter, a measure, a place of the calibration curve, a level of the ladder or a driver.
``methods.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from cs_models.learn.evaluation import calibration, decisions, metrics, rates
from cs_models.learn.predictors import told
from cs_models.learn.predictors.columns import CATEGORIES
from cs_models.learn.predictors.past import Backtest
from cs_models.report.evidence.predictors import Learnt, label

QUARTERS, MEASURES, CURVE, LADDER, DRIVERS, COLUMNS, PARITY = (
    "quarters-table", "measures", "calibration-table", "ladder-table", "drivers-table",
    "columns", "parity",
)  # fmt: skip
N_BOOT: Final = 1000
READS: Final = {
    "L0": "the share of each segment that left before",
    "L1": "whether the product was used at all of late",
    "L2": "days since the last use, and seats in use",
    "L3": "all records, each weighed by itself",
    "L4": "all records, and how they go together",
}
LEVEL: Final = 0.95
FEWEST_QUARTERS: Final = 3  # of a kind of record: fewer have no spread to tell luck by
FEWEST_LEFT: Final = 10  # of cold accounts: fewer say nothing
_WAYS: Final = {True: "more leaving", False: "more staying"}
_SAVED: Final = ("auc", "brier", "log_loss")
_CALIBRATED: Final = {"calibration_slope": "slope", "observed_to_expected": "observed_to_expected"}


@dataclass(frozen=True)
class Judged:
    """How good the predictions of past quarters were.

    Attributes
    ----------
    measures : DataFrame
        ``metrics.table``: one row per (metric, weighted).
    calibrated : DataFrame
        ``calibration.table``: one row a measure.
    curve, groups : DataFrame
        ``calibration.curve`` and ``calibration.groups``.
    cold : DataFrame
        ``metrics.table`` of accounts never learnt from; empty where too few of them left.
    quarters : DataFrame
        See :func:`quarters`.
    segments : DataFrame
        ``decisions.parity``.
    auc_base : float
        Pairs told apart (0 to 1) by the plain share of each segment.
    """

    measures: pd.DataFrame
    calibrated: pd.DataFrame
    curve: pd.DataFrame
    groups: pd.DataFrame
    cold: pd.DataFrame
    quarters: pd.DataFrame
    segments: pd.DataFrame
    auc_base: float

    def value(self, name: str) -> dict[str, float]:
        """Return value, low and high of an unweighted metric or of a measure of calibration."""
        plain = self.measures[~self.measures["weighted"]]
        found = plain[plain["metric"] == name]
        if found.empty:
            found = self.calibrated[self.calibrated["measure"] == name]
        row = found.iloc[0]
        return {end: float(row[end]) for end in ("value", "low", "high")}

    def plain(self) -> dict[str, float]:
        """Return the measures that other readers keep, each with ``_low`` and ``_high``."""
        found: dict[str, float] = {}
        for saved, name in {**{name: name for name in _SAVED}, **_CALIBRATED}.items():
            value = self.value(name)
            found |= {saved: value["value"], f"{saved}_low": value["low"],
                      f"{saved}_high": value["high"]}  # fmt: skip
        return found

    def card(self) -> pd.DataFrame:
        """Return the same one row a measure: metric, value, low, high (the model card's form)."""
        rows = [
            {"metric": saved, **self.value(name)}
            for saved, name in {**{name: name for name in _SAVED}, **_CALIBRATED}.items()
        ]
        return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


def judge(
    learnt: Learnt, history: pd.DataFrame, *, by: str | None, rng: np.random.Generator
) -> Judged | None:
    """Judge what was said of past quarters by what came true.

    Parameters
    ----------
    learnt : Learnt
    history : DataFrame
        The panel it was made from: holds the column `by`.
    by : str or None
        Column whose values are judged apart; None for all together.
    rng : numpy.random.Generator
        Draws accounts and simulated histories.

    Returns
    -------
    Judged or None
        None where nothing was foretold.
    """
    if learnt.past is None:
        return None
    seen = learnt.past.predictions
    y, p, account = seen["churned"], seen["p_churn"], seen["account_id"]
    streams = rng.spawn(5)
    cold = seen[seen["cold"].astype(bool)]
    measured = metrics.table(
        y, p, account=account, arr=seen["arr"], p_base=seen["p_base"], n_boot=N_BOOT,
        rng=streams[0],
    )  # fmt: skip
    enough = min(cold["churned"].sum(), (1 - cold["churned"]).sum()) >= FEWEST_LEFT
    return Judged(
        measures=measured,
        calibrated=calibration.table(y, p, account=account, rng=streams[1]),
        curve=calibration.curve(y, p, account=account, rng=streams[2]),
        groups=calibration.groups(y, p, account=account),
        cold=metrics.table(
            cold["churned"], cold["p_churn"], account=cold["account_id"], p_base=cold["p_base"],
            n_boot=N_BOOT, rng=streams[3],
        ) if enough else measured.iloc[:0],
        quarters=quarters(learnt.past),
        segments=decisions.parity(
            y, p, _groups(seen, history, by), account=account, n_boot=N_BOOT, rng=streams[4]
        ),
        auc_base=metrics.auc(y, seen["p_base"]),
    )  # fmt: skip


def quarters(past: Backtest) -> pd.DataFrame:
    """Set what was expected of each past quarter beside what came.

    Parameters
    ----------
    past : churn.Backtest

    Returns
    -------
    DataFrame, one row a quarter
        quarter ("2025 Q1", by the day on which terms were judged), n_terms, n_accounts, n_cold,
        n_expected, n_churned, expected (mean chance), observed (share that left), low, high
        (95 %, accounts as the unit), inside (the expected share lies between), arr,
        arr_expected, arr_lost, level (name of the model believed then).
    """
    rows = []
    names = dict(zip(past.ladder["level"], past.ladder["name"], strict=True))
    for origin, mine in past.predictions.groupby("origin"):
        rate, expected, inside = within_luck(mine)
        arr = mine["arr"].fillna(0.0)
        start = pd.Timestamp(str(origin))
        rows.append(
            {
                "quarter": f"{start.year} Q{start.quarter}",
                "n_terms": len(mine),
                "n_accounts": mine["account_id"].nunique(),
                "n_cold": int(mine["cold"].sum()),
                "n_expected": float(mine["p_churn"].sum()),
                "n_churned": int(mine["churned"].sum()),
                "expected": expected,
                "observed": rate.rate,
                "low": rate.low,
                "high": rate.high,
                "inside": inside,
                "arr": float(arr.sum()),
                "arr_expected": float((arr * mine["p_churn"]).sum()),
                "arr_lost": float((arr * mine["churned"]).sum()),
                "level": names[str(mine["level"].iloc[0])],
            }
        )
    return pd.DataFrame(rows)


def within_luck(mine: pd.DataFrame) -> tuple[rates.Proportion, float, bool]:
    """Say whether what was expected of a quarter lies within the 95 % interval of what came.

    Parameters
    ----------
    mine : DataFrame
        Rows of ``churn.Backtest.predictions`` of one quarter.

    Returns
    -------
    rate : Proportion
        Share that left, accounts as the unit.
    expected : float
        Mean chance, 0 to 1.
    inside : bool
        Luck alone is allowed for, no swing of quarters.
    """
    rate = rates.proportion(
        mine["churned"].to_numpy(dtype="float64"), pd.factorize(mine["account_id"])[0]
    )
    expected = float(mine["p_churn"].mean())
    return rate, expected, bool(rate.low <= expected <= rate.high)


def ladder(past: Backtest) -> pd.DataFrame:
    """Return the levels, simplest first, with what each added to the last that was worth it.

    Parameters
    ----------
    past : churn.Backtest

    Returns
    -------
    DataFrame, one row a level
        ``Backtest.ladder`` with ``gain_low`` and ``gain_high`` (one standard error either side),
        ``than`` (name of the level compared with), ``reads`` and ``verdict`` in words.
    """
    table = past.ladder
    names = dict(zip(table["level"], table["name"], strict=True))
    frame = table.assign(
        gain_low=table["gain"] - table["gain_se"],
        gain_high=table["gain"] + table["gain_se"],
        than=table["compared_with"].map(names),
        reads=table["level"].map(READS),
    )
    frame["verdict"] = [
        _climbed(float(gain), bool(promoted), bool(chosen))
        for gain, promoted, chosen in zip(
            table["gain"], table["promoted"], table["chosen"], strict=True
        )
    ]
    return frame


def drivers(past: Backtest) -> pd.DataFrame:
    """Return how much worse each past quarter would have been told without each driver.

    Parameters
    ----------
    past : churn.Backtest

    Returns
    -------
    DataFrame, one row per driver that any column belongs to, the weightiest first
        driver, said (in words), mean with low and high (95 % for all kinds tried together, by the
        spread of its quarters; NaN with fewer than three), clear (low is above nought),
        share_above (of quarters in which it helped), n_quarters, by_quarter (list of dict:
        quarter, loss_increase).

    Notes
    -----
    Bonferroni's t: of eight kinds that tell nothing, one helps in six of eight quarters more
    often than not.
    """
    known = past.importance[past.importance["loss_increase"].notna()]
    n_kinds = known["driver"].nunique()
    rows: list[dict[str, Any]] = []
    for driver, mine in known.groupby("driver"):
        starts = pd.DatetimeIndex(mine["origin"])
        low, high = _mean_range(mine["loss_increase"].to_numpy(dtype="float64"), n_kinds)
        rows.append(
            {
                "driver": driver,
                "said": told.DRIVERS[str(driver)],
                "mean": float(mine["loss_increase"].mean()),
                "low": low,
                "high": high,
                "clear": bool(low > 0),
                "share_above": float((mine["loss_increase"] > 0).mean()),
                "n_quarters": len(mine),
                "by_quarter": [
                    {"quarter": f"{start.year} Q{start.quarter}", "loss_increase": float(value)}
                    for start, value in zip(starts, mine["loss_increase"], strict=True)
                ],
            }
        )
    columns = ["driver", "said", "mean", "low", "high", "clear", "share_above", "n_quarters",
               "by_quarter"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("mean", ascending=False, ignore_index=True)


def columns(past: Backtest) -> pd.DataFrame:
    """Return the columns that random halves of the customers chose, in words.

    Parameters
    ----------
    past : churn.Backtest

    Returns
    -------
    DataFrame, one row a column chosen at all, the most often chosen first
        column, said (in words), driver (in words), way ("more leaving" where more of it went with
        leaving; of words: "depends on which"), selected_share, share_same_sign, stable.
    """
    found = past.coefficients
    found = found[found["selected_share"] > 0]
    return found.assign(
        said=[label(str(name)) for name in found["column"]],
        driver=found["driver"].map(told.DRIVERS),
        way=[
            "depends on which" if name in CATEGORIES else _WAYS[sign > 0]
            for name, sign in zip(found["column"], found["sign"], strict=True)
        ],
    ).reset_index(drop=True)


def _mean_range(gains: np.ndarray, n_kinds: int) -> tuple[float, float]:
    """Return the range of a mean over quarters that holds for all kinds at once."""
    if len(gains) < FEWEST_QUARTERS:
        return float("nan"), float("nan")
    times = stats.t.ppf(1 - (1 - LEVEL) / 2 / n_kinds, len(gains) - 1)
    reach = times * gains.std(ddof=1) / np.sqrt(len(gains))
    return float(gains.mean() - reach), float(gains.mean() + reach)


def _climbed(gain: float, promoted: bool, chosen: bool) -> str:
    if chosen:
        return "believed"
    if np.isnan(gain):
        return "to begin with"
    return "better, by more than chance would" if promoted else "no clear gain"


def _groups(seen: pd.DataFrame, history: pd.DataFrame, by: str | None) -> pd.Series:
    if by is None:
        return pd.Series("all customers", index=seen.index)
    of = history.drop_duplicates("subscription_id").set_index("subscription_id")[by]
    return seen["subscription_id"].map(of)
