"""What calling by the chance is worth, in leavers found, at each chance from which to call.

Grain in: past predictions, one row per (origin, subscription_id).  Grain out: one row per
threshold, per 100 contracts.  Vickers and Elkin 2006; ``methods.md`` 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn import health
from cs_models.learn.evaluation import decisions

TABLE: Final = "benefit-table"
THRESHOLDS: Final = tuple(percent / 100 for percent in range(5, 61))
CUSTOMARY: Final = 0.25  # without a stated play: from here a contract counts as at risk (glossary)
N_BOOT: Final = 1000
_WORTH: Final = ["model", "low", "high", "all", "none", "ahead", "ahead_low", "ahead_high"]


@dataclass(frozen=True)
class Benefit:
    """What calls from each chance on would have been worth in past quarters.

    Attributes
    ----------
    table : DataFrame
        One row per threshold, ascending: ``threshold``, ``share_called`` (0 to 1), and in leavers
        found per 100 contracts, each wrong call counted off at the odds of the threshold:
        ``model``, ``low``, ``high``, ``all``, ``none``, ``ahead`` (of the better of calling all
        and none), ``ahead_low``, ``ahead_high``; ``crm`` where there is such a score; ``n``,
        ``n_churned``.
    at : float
        The threshold that the sentence speaks of; one of the table's.
    save_rate : float or None
        Share of would-be leavers that a call is taken to keep where `at` is what the play's cost
        implies; None where no play is stated or it pays at no threshold of the table.
    """

    table: pd.DataFrame
    at: float
    save_rate: float | None

    @property
    def row(self) -> dict[str, float]:
        """Return the figures at `at`."""
        at = self.table.iloc[(self.table["threshold"] - self.at).abs().argmin()]
        return {str(name): float(value) for name, value in at.items()}


def weigh(
    seen: pd.DataFrame,
    play: health.Play | None,
    *,
    score: pd.Series | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    rng: np.random.Generator,
) -> Benefit:
    """Count what calls by the chance, as told at the time, were worth at each threshold.

    Parameters
    ----------
    seen : DataFrame
        ``origin``, ``account_id``, ``churned``, ``p_churn``, ``arr``: one row per
        (origin, subscription_id).
    play : health.Play or None
        Its cost, margin and the middle of its save rates say from which chance a call to a
        contract of the mean ARR pays.
    score : Series of float, optional
        A score that was there before, growing with risk: in each quarter it makes as many calls
        as the chance does at that threshold, ties to the larger contract.
    thresholds : sequence of float
        Within 0 and 1, ascending.
    rng : numpy.random.Generator
        Draws accounts.

    Returns
    -------
    Benefit
    """
    found = decisions.net_benefit(
        seen["churned"], seen["p_churn"], account=seen["account_id"], thresholds=thresholds,
        n_boot=N_BOOT, rng=rng,
    )  # fmt: skip
    if score is not None:
        found["crm"] = [_as_many(seen, score, threshold) for threshold in thresholds]
    worth = [name for name in (*_WORTH, "crm") if name in found]
    found[worth] *= 100
    pays = _pays_from(seen, play)
    if play is None or not thresholds[0] <= pays <= thresholds[-1]:
        return Benefit(found, _nearest(thresholds, CUSTOMARY), None)
    return Benefit(found, _nearest(thresholds, pays), _middle(play))


def _as_many(seen: pd.DataFrame, score: pd.Series, threshold: float) -> float:
    """Return the worth per contract of as many calls a quarter, the highest score first."""
    order = seen.assign(score=score, by_chance=seen["p_churn"] >= threshold).sort_values(
        ["score", "arr"], ascending=False, na_position="last", kind="stable"
    )
    quarters = order.groupby("origin", sort=False)
    called = quarters.cumcount() < quarters["by_chance"].transform("sum")
    left = order["churned"].astype(float)
    return float((called * (left - (1 - left) * threshold / (1 - threshold))).mean())


def _pays_from(seen: pd.DataFrame, play: health.Play | None) -> float:
    """Return the chance from which a call to a contract of the mean ARR pays."""
    if play is None or not 0 < _middle(play) <= 1:
        return float("nan")
    value = float(seen["arr"].mean()) * play.margin
    return float(decisions.break_even(float(play.cost), _middle(play), value))


def _middle(play: health.Play) -> float:
    return (play.save_rate_low + play.save_rate_high) / 2


def _nearest(thresholds: Sequence[float], wanted: float) -> float:
    return min(thresholds, key=lambda threshold: abs(threshold - wanted))
