"""What a walk through the past quarters leaves to be read.

Source: ``methods.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Backtest:
    """What would have been said in each past quarter, and what came true.

    Attributes
    ----------
    predictions : pandas.DataFrame
        One row per (origin, subscription_id) tested: subscription_id, account_id, account_name,
        segment, term_months, term_no, arr (float), as_of_date (the decision date), term_end,
        churned (0 or 1), origin (first day of the quarter), p_churn (said at the time: level and
        calibration from earlier quarters only), level, p_base (segment base rate), p_L0 … p_L4,
        cold (the account was never learnt from).
    ladder : pandas.DataFrame
        One row a level, simplest first: level, name, n_terms, log_loss, auc, compared_with, gain
        (log loss gained over the last promoted level) and gain_se (accounts as units), promoted,
        chosen.
    origins : pandas.DataFrame
        One row a quarter: origin, n_train, n_train_churned, n_embargoed, n_test, n_test_accounts,
        n_test_churned, n_cold, n_pending, level.
    importance : pandas.DataFrame
        One row per (origin, driver): loss_increase (log loss of the quarter with the driver's
        columns shuffled, less that without), rank.
    stability : dict
        ``kendall_tau``: mean agreement of the drivers' ranks between successive quarters, NaN
        with fewer than two; ``n_origins``.
    coefficients : pandas.DataFrame
        One row a column: column, driver, sign, share_same_sign, selected_share, stable.
    chosen : str
        The level to believe: the simplest within one standard error of the best.
    calibrators : dict
        Recalibration of each level, from all quarters.
    n_embargoed : int
        Terms that at some quarter's start were decided on and not yet known.
    as_of : datetime.date
    grace_days : int
    """

    predictions: pd.DataFrame
    ladder: pd.DataFrame
    origins: pd.DataFrame
    importance: pd.DataFrame
    stability: dict[str, float]
    coefficients: pd.DataFrame
    chosen: str
    calibrators: dict[str, Any]
    n_embargoed: int
    as_of: date
    grace_days: int

    @property
    def n_origins(self) -> int:
        """Past quarters tested."""
        return len(self.origins)


def agreement(importance: pd.DataFrame) -> dict[str, float]:
    """Return how well the drivers' ranks agree from quarter to quarter."""
    from scipy import stats

    wide = importance.pivot_table(index="origin", columns="driver", values="loss_increase")
    both = [wide.iloc[at : at + 2].dropna(axis="columns") for at in range(len(wide) - 1)]
    taus = [
        float(stats.kendalltau(two.iloc[0], two.iloc[1]).statistic)
        for two in both
        if two.shape[1] > 1
    ]
    known = [tau for tau in taus if np.isfinite(tau)]
    return {
        "kendall_tau": float(np.mean(known)) if known else float("nan"),
        "n_origins": float(len(wide)),
    }
