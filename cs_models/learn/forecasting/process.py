"""All that a forecast takes from the past, in one place.

Grain in: out-of-time predictions (one row per (origin, subscription_id)) and ended terms.  Grain
out: one Process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cs_models.learn.forecasting import chances, shocks, sizes
from cs_models.learn.forecasting.chances import Notices
from cs_models.learn.forecasting.shocks import Shock
from cs_models.learn.forecasting.sizes import Ratios, Split

PREDICTION_COLUMNS = ("origin", "p_churn", "churned")


@dataclass(frozen=True)
class Process:
    """What past quarters and past terms say of the quarters to come.

    Attributes
    ----------
    shock : Shock
        How far whole quarters went from what was said of them.
    split : Split
        How many of those who stay shrink, stay alike or grow.
    ratios : Ratios
        What their ARR came to.
    notices : Notices
        How many notices were carried out.
    """

    shock: Shock
    split: Split
    ratios: Ratios
    notices: Notices


def learn(predictions: pd.DataFrame | None, history: pd.DataFrame) -> Process:
    """Learn shocks, sizes and notices from the past.

    Parameters
    ----------
    predictions : pandas.DataFrame or None
        ``churn.backtest(...).predictions``: origin, p_churn, churned; out of time.  None where
        there is no backtest: the shock is then its prior.
    history : pandas.DataFrame
        ``features.renewals.history``.

    Returns
    -------
    Process
        The same for the same frames: nothing is drawn.
    """
    rows = pd.DataFrame(columns=list(PREDICTION_COLUMNS)) if predictions is None else predictions
    rows = rows[rows["churned"].notna() & rows["p_churn"].notna()]
    place, names = pd.factorize(rows["origin"], sort=True)
    shock = shocks.learn(
        rows["p_churn"].to_numpy(dtype=np.float64),
        rows["churned"].to_numpy(dtype=np.float64),
        place.astype(np.int64),
    )
    named = shock.quarters.assign(quarter=pd.to_datetime(pd.Series(names)))
    shock = Shock(shock.sigma, shock.low, shock.high, shock.n_quarters, shock.weight, named)
    return Process(shock, sizes.split(history), sizes.ratios(history), chances.notices(history))
