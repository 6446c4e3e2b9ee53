"""Whether those who come up now still look like those who were learnt from.

Grain in: the panel of ended terms, and of running ones.  Grain out: one row per column.  A column
has drifted when it differs by more than exchanged customers would make it, allowing for how many
columns are looked at.  ``methods.md`` 3 (drift).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.learn import churn
from cs_models.learn.evaluation import drift
from cs_models.report.evidence.backtest import Told
from cs_models.report.evidence.predictors import label

SCORE: Final = "chance of leaving"
N_LAST: Final = 4  # quarters that one model, which knew none of them, is held against today on
HALF_QUARTER: Final = 46  # days on either side: together a quarter of renewals
FEWEST: Final = 20
NAMES: Final = (
    "feature", "words", "driver", "n_reference", "n_current", "missing_reference",
    "missing_current", "psi", "psi_limit", "ks", "q", "drifted",
)  # fmt: skip


def coming_up(today: pd.DataFrame, in_notice: pd.DataFrame, *, decision_days: int) -> pd.DataFrame:
    """Return the running terms that are about as far from their renewal as those learnt from.

    Parameters
    ----------
    today : pandas.DataFrame
        Panel of running terms, seen at the run's date.
    in_notice : pandas.DataFrame
        subscription_id and in_notice of the same terms.
    decision_days : int

    Returns
    -------
    pandas.DataFrame
        Those without notice whose renewal is ``decision_days`` away, give or take half a quarter.
    """
    days = (today["term_end"] - today["as_of_date"]).dt.days
    near = (days - decision_days).abs() <= HALF_QUARTER
    asked = in_notice.loc[in_notice["in_notice"].astype(bool), "subscription_id"]
    return today[near & ~today["subscription_id"].isin(asked)].reset_index(drop=True)


def compared(
    told: Told,
    history: pd.DataFrame,
    now: pd.DataFrame,
    *,
    data_start: date,
    random_state: int,
) -> pd.DataFrame:
    """Compare each predictor, and the chance itself, of those who come up with the past.

    Parameters
    ----------
    told : Told
    history, now : pandas.DataFrame
        Panels: ended terms, and those of :func:`coming_up`.
    data_start : datetime.date
        First day of recorded use.  Terms that began before it lack what was not recorded: that is
        no drift, and they are left out.  The chance is that of one model, learnt from what was
        known before the last four quarters: of their terms, and of those of today.
    random_state : int

    Returns
    -------
    pandas.DataFrame
        One row a column, those that drifted first, the farthest beyond its limit first: feature,
        words, driver, n_reference, n_current, missing_reference, missing_current, psi, psi_limit,
        ks, q, drifted.  Empty with fewer than 20 on either side.
    """
    recorded = history["term_start"] >= pd.Timestamp(data_start)
    past = history[history["churned"].notna() & recorded]
    if min(len(past), len(now)) < FEWEST:
        return pd.DataFrame(columns=list(NAMES))
    names = [
        name for name in churn.columns(past)
        if pd.api.types.is_numeric_dtype(past[name]) or pd.api.types.is_bool_dtype(past[name])
    ]  # fmt: skip
    then = {name: _numbers(past[name]) for name in names}
    today = {name: _numbers(now[name]) for name in names}
    who = past["account_id"]
    rng = np.random.default_rng(random_state)
    table = drift.table(
        then, today, reference_account=who, current_account=now["account_id"], rng=rng
    )
    table = table.assign(
        words=[label(name) for name in table["feature"]],
        driver=[churn.driver(name) for name in table["feature"]],
    )
    table = pd.concat([_score(told, history, now, random_state), table], ignore_index=True)
    beyond = table["psi"] / table["psi_limit"].where(table["psi_limit"] > 0)
    order = table.assign(beyond=beyond.fillna(0.0), is_score=table["feature"].eq(SCORE))
    order = order.sort_values(
        ["is_score", "drifted", "beyond"], ascending=False, kind="stable", ignore_index=True
    )
    return order[list(NAMES)]


def _score(told: Told, history: pd.DataFrame, now: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Compare the chances that one model gives to today's terms and to those of the last quarters.

    The model knew the outcome of neither: with another model on each side, or with one side learnt
    from, chances would differ without anybody having changed.  Empty where too little was known
    before those quarters.
    """
    if told.past is None:
        return pd.DataFrame()
    last = np.sort(told.predictions["origin"].unique())[-N_LAST:]
    seen = told.predictions[told.predictions["origin"].isin(last)]
    known = history["term_end"] + pd.Timedelta(days=told.past.grace_days) <= last[0]
    then = history[history["subscription_id"].isin(seen["subscription_id"])]
    try:
        model = churn.fit(history[known], told.past, n_refits=0, random_state=random_state)
    except TooLittleDataError:
        return pd.DataFrame()
    one = drift.table(
        {SCORE: churn.score(model, then)["p_churn"].to_numpy()},
        {SCORE: churn.score(model, now)["p_churn"].to_numpy()},
        reference_account=then["account_id"],
        current_account=now["account_id"],
        rng=np.random.default_rng(random_state),
    )
    return one.assign(words=SCORE, driver="")


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)


def moved(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that drifted, as ``results.json`` keeps them."""
    return table.loc[table["drifted"].astype(bool), ["feature", "psi", "psi_limit", "q"]]
