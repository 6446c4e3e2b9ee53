"""What earlier reports really said, beside what came true since.

Grain in: :class:`earlier.Earlier` and ended terms.  Grain out: one row per (report, contract), per
report, per (report, quarter).  A contract is judged once its outcome is known today; the share of
all warnings that came true counts each contract once, by the first report that named it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cs_models.features.renewals import GONE
from cs_models.learn.evaluation import calibration
from cs_models.report.earlier import READ, Earlier
from cs_models.report.evidence import kept


@dataclass(frozen=True)
class Retold:
    """Earlier reports, judged.

    Attributes
    ----------
    runs : pandas.DataFrame
        ``Earlier.runs`` with, for each report read, n_known (contracts whose outcome is known by
        now), expected (leavers among them, as said), left, arr_expected, arr_left, n_lost
        (contracts that today's records no longer hold).
    contracts : pandas.DataFrame
        One row per contract whose outcome is known, by the first report that named it: run_id,
        as_of, account_id, subscription_id, term_end, arr, p_churn, p_low, p_high, outcome, left.
    forecasts : pandas.DataFrame
        One row per (report, quarter) that is over: run_id, as_of, quarter, label, due_arr,
        grr_p10, grr_p50, grr_p90, grr (what came), hit, n_due.
    totals : dict
        n_read, n_named (contracts), n_known, expected, left, ratio, low, high, n_quarters, n_hit.
    """

    runs: pd.DataFrame
    contracts: pd.DataFrame
    forecasts: pd.DataFrame
    totals: dict[str, Any]


def retold(found: Earlier, ended: pd.DataFrame, *, as_of: date, grace_days: int) -> Retold:
    """Judge what earlier reports said by what is known today.

    Parameters
    ----------
    found : Earlier
    ended : pandas.DataFrame
        ``renewals.history`` of today.
    as_of : datetime.date
    grace_days : int

    Returns
    -------
    Retold
        With empty frames where no report was found, or nothing of it is known yet.
    """
    said = _with_outcome(found.said, ended, as_of, grace_days)
    first = said.sort_values(["as_of", "run_id"]).drop_duplicates("subscription_id")
    known = first[first["outcome"].notna()].reset_index(drop=True)
    forecasts = _judged(found, ended, as_of, grace_days)
    runs = found.runs.merge(_by_run(said), on="run_id", how="left", validate="one_to_one")
    ratio, low, high = _ratio(known)
    totals = {
        "n_read": found.n_read, "n_named": int(found.said["subscription_id"].nunique()),
        "n_known": len(known), "expected": float(known["p_churn"].sum()),
        "left": int(known["left"].sum()), "ratio": ratio, "low": low, "high": high,
        "n_quarters": len(forecasts), "n_hit": int(forecasts["hit"].sum()),
    }  # fmt: skip
    return Retold(runs, known, forecasts, totals)


def _with_outcome(
    said: pd.DataFrame, ended: pd.DataFrame, as_of: date, grace_days: int
) -> pd.DataFrame:
    """Add what became of each contract; those lost for reasons of their own count as neither."""
    outcome = ended.set_index("subscription_id")["outcome"]
    rows = said.assign(outcome=said["subscription_id"].map(outcome).astype("object"))
    due = rows["term_end"] + pd.Timedelta(days=grace_days) <= pd.Timestamp(as_of)
    lost = due & rows["outcome"].isna()
    own = rows["outcome"].eq("involuntary")
    rows["outcome"] = rows["outcome"].mask(own)
    return rows.assign(lost=lost, left=rows["outcome"].isin(GONE).astype(float))


def _by_run(said: pd.DataFrame) -> pd.DataFrame:
    known = said[said["outcome"].notna()]
    known = known.assign(
        arr_expected=known["p_churn"] * known["arr"], arr_left=known["left"] * known["arr"]
    )
    found = known.groupby("run_id", as_index=False).agg(
        n_known=("subscription_id", "size"), expected=("p_churn", "sum"), left=("left", "sum"),
        arr_expected=("arr_expected", "sum"), arr_left=("arr_left", "sum"),
    )  # fmt: skip
    lost = said.groupby("run_id", as_index=False).agg(n_lost=("lost", "sum"))
    return lost.merge(found, on="run_id", how="left")


def _ratio(known: pd.DataFrame) -> tuple[float, float, float]:
    if known.empty:
        return (float("nan"),) * 3
    return calibration.observed_to_expected(
        known["left"], known["p_churn"], account=known["account_id"]
    )


def _judged(found: Earlier, ended: pd.DataFrame, as_of: date, grace_days: int) -> pd.DataFrame:
    """Follow the contracts that each forecast counted to the end of its quarter."""
    names = [
        "run_id", "as_of", "quarter", "label", "due_arr", "grr_p10", "grr_p50", "grr_p90", "grr",
        "hit", "n_due",
    ]  # fmt: skip
    over = found.due[kept.known(found.due["quarter"], as_of, grace_days)].reset_index(drop=True)
    if over.empty:
        return pd.DataFrame(columns=names)
    came = kept.retention(kept.came_to(over, ended), ["run_id", "quarter"])
    rows = found.forecast.drop(columns="due_arr").merge(
        came, on=["run_id", "quarter"], how="inner", validate="one_to_one"
    )
    slack = 1e-9
    inside = (rows["grr"] >= rows["grr_p10"] - slack) & (rows["grr"] <= rows["grr_p90"] + slack)
    rows = rows.assign(hit=inside)[rows["grr"].notna() & rows["grr_p10"].notna()]
    return rows.sort_values(["as_of", "quarter"], ignore_index=True)[names]


def shown(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the reports that took part, newest first, and those that did not by their reason."""
    read = runs[runs["verdict"] == READ]
    return read.sort_values("as_of", ascending=False, ignore_index=True)


def left_out(runs: pd.DataFrame) -> pd.DataFrame:
    """Count the reports that took no part, by reason: reason, n_runs."""
    others = runs[runs["verdict"] != READ]
    found = others.groupby("verdict", as_index=False).agg(n_runs=("run_id", "size"))
    return found.rename(columns={"verdict": "reason"}).assign(
        n_runs=np.asarray(found["n_runs"], dtype=int)
    )
