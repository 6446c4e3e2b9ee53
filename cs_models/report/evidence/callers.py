"""Which list would have been worth the calls: the model's, the largest customers', the CRM's.

Grain in: ``churn.Backtest.predictions``.  Grain out: one row per (list, calls a quarter), and per
(list, measure) at the team's own number.  Each quarter's list is made on its own.  ``methods.md``
2.8 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn import health
from cs_models.learn.evaluation import decisions
from cs_models.report.evidence import net_benefit
from cs_models.report.evidence.net_benefit import Benefit
from cs_models.report.evidence.predictors import Learnt

CALLS, WORTH, BY_NUMBER = "calls-table", "calls-worth", "calls-by-number"
CRM_COLUMN: Final = "crm_health__to_date"
CRM, LOSS = "crm", "loss"
LENGTHS: Final = 25
N_BOOT: Final = 1000


@dataclass(frozen=True)
class Calls:
    """What lists of past quarters would have caught.

    Attributes
    ----------
    at_capacity : DataFrame
        ``decisions.capacity`` at ``k`` calls a quarter: one row per (ranking, measure); rankings
        "model" (by chance), "loss" (by chance times ARR), "arr" (the largest) and "crm".
    curve : DataFrame
        One row per (ranking, k): precision, recall, arr_caught, share_called (of the terms).
    worth : DataFrame
        ``decisions.net_value`` by save rate: ``name`` ("low", "high"), ``save_rate`` and its
        columns; empty without a play.
    k : int
        Calls a quarter.
    n_quarters : int
    everyone : bool
        The calls reach every customer who came up in every quarter: no list is needed.
    benefit : Benefit or None
        What calls from each chance on were worth, beside calling everybody and nobody.
    """

    at_capacity: pd.DataFrame
    curve: pd.DataFrame
    worth: pd.DataFrame
    k: int
    n_quarters: int
    everyone: bool
    benefit: Benefit | None = None

    def value(self, ranking: str, measure: str) -> dict[str, float]:
        """Return a list's value, low, high, and how far the model is ahead of it."""
        table = self.at_capacity
        row = table[(table["ranking"] == ranking) & (table["measure"] == measure)].iloc[0]
        names = ("value", "low", "high", "ahead", "ahead_low", "ahead_high")
        return {name: float(row[name]) for name in names}


def calls(
    learnt: Learnt,
    history: pd.DataFrame,
    *,
    k: int,
    play: health.Play | None,
    rng: np.random.Generator,
) -> Calls | None:
    """Call the first `k` of each list in each past quarter, and see who left.

    Parameters
    ----------
    learnt : Learnt
    history : DataFrame
        The panel it was made from; holds the CRM's score where there is one.
    k : int
        Calls that the team can make in a quarter.
    play : health.Play or None
        What a call costs and is believed to save.
    rng : numpy.random.Generator
        Draws accounts.

    Returns
    -------
    Calls or None
        None where nothing was foretold.
    """
    if learnt.past is None:
        return None
    seen = with_crm(learnt.past.predictions, history)
    ranked = scores(seen)
    others = {name: score for name, score in ranked.items() if name in (LOSS, CRM)}
    y, p, arr, account = (seen[name] for name in ("churned", "p_churn", "arr", "account_id"))
    streams = rng.spawn(3)
    at = at_capacity(seen, others, k, streams[0])
    longest = int(seen.groupby("origin").size().max())
    parts = []
    lengths = np.linspace(1, longest, LENGTHS).round().astype(int)
    for length in np.unique([*lengths, min(k, longest)]).tolist():  # the team's own among them
        one = decisions.capacity(
            y, p, length, arr=arr, account=account, others=others, quarter=seen["origin"],
            n_boot=0, rng=streams[0],
        )  # fmt: skip
        wide = one.pivot_table(index="ranking", columns="measure", values="value", dropna=False)
        called = float(one["n_called"].iloc[0])
        parts.append(wide.reset_index().assign(k=length, share_called=called / len(seen)))
    return Calls(
        at_capacity=at,
        curve=pd.concat(parts, ignore_index=True),
        worth=_worth(seen, play, streams[1]),
        k=k,
        n_quarters=learnt.past.n_origins,
        everyone=bool(at["n_called"].iloc[0] >= len(seen)),
        benefit=net_benefit.weigh(seen, play, score=ranked.get(CRM), rng=streams[2]),
    )


def at_capacity(
    seen: pd.DataFrame, others: Mapping[str, pd.Series], k: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return what the first `k` of each list would have caught, with one range for all pages.

    Parameters
    ----------
    seen : DataFrame
        Predictions, one row per (origin, subscription_id).
    others : mapping of str to Series of float
        Lists beside the chance and the ARR; which they are does not change the range of any.
    k : int
        Calls that the team can make in a quarter.
    rng : numpy.random.Generator
        Draws accounts: two pages that begin it at the same seed print the same range.

    Returns
    -------
    DataFrame, one row per (ranking, measure)
        ``decisions.capacity``.
    """
    return decisions.capacity(
        seen["churned"], seen["p_churn"], k, arr=seen["arr"], account=seen["account_id"],
        others=others, quarter=seen["origin"], n_boot=N_BOOT, rng=rng,
    )  # fmt: skip


def scores(seen: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what each list is made by, growing with what comes first.

    Parameters
    ----------
    seen : DataFrame
        What :func:`with_crm` returned.

    Returns
    -------
    dict of str to Series of float
        "model" (chance), "arr", "loss" (chance times ARR) and, where there is one, "crm".
    """
    found = {
        decisions.MODEL: seen["p_churn"], decisions.BY_ARR: seen["arr"],
        LOSS: seen["arr"] * seen["p_churn"],
    }  # fmt: skip
    return found | ({CRM: -seen[CRM_COLUMN]} if CRM_COLUMN in seen else {})


def with_crm(predictions: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with the CRM's own score as it was on the decision date, if any.

    Parameters
    ----------
    predictions : DataFrame
        One row per (origin, subscription_id).
    history : DataFrame
        Panel; ``crm_health__to_date`` where the source keeps such a score.
    """
    if CRM_COLUMN not in history or history[CRM_COLUMN].notna().sum() == 0:
        return predictions
    of = history.drop_duplicates("subscription_id").set_index("subscription_id")[CRM_COLUMN]
    score = pd.to_numeric(predictions["subscription_id"].map(of)).astype("float64")
    return predictions.assign(**{CRM_COLUMN: score})


def _worth(seen: pd.DataFrame, play: health.Play | None, rng: np.random.Generator) -> pd.DataFrame:
    """Say what calls by the chance would have earned, at the lowest and highest save rate."""
    if play is None:
        return pd.DataFrame(columns=["name", "save_rate", "chosen", "n_called", "net_value"])
    parts = []
    for name, rate in (("low", play.save_rate_low), ("high", play.save_rate_high)):
        if rate > 0:
            found = decisions.net_value(
                seen["churned"], seen["p_churn"], cost=float(play.cost), save_rate=rate,
                value=seen["arr"] * play.margin, account=seen["account_id"], n_boot=N_BOOT,
                rng=rng,
            )  # fmt: skip
            parts.append(found.assign(name=name, save_rate=rate))
    columns = ["name", "save_rate", "chosen", "n_called", "net_value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
