"""What the past taught of leaving, and what it says of the customers whose renewal comes up.

Grain in: panels before renewal, one row per (subscription_id, as_of_date).  Grain out: one row a
contract term that comes up (:func:`at_risk`).  Where the history is too short for a backtest,
nothing is foretold and everything says so.  ``methods.md`` 3 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models import beside
from cs_models.errors import TooLittleDataError
from cs_models.features import catalogue
from cs_models.learn import churn, health
from cs_models.learn.evaluation import metrics
from cs_models.learn.health import Boundaries, Play
from cs_models.learn.predictors.model import Model
from cs_models.learn.predictors.past import Backtest
from cs_models.report.earlier import Earlier
from cs_models.report.evidence.coming import Due

AT_RISK, TOTALS = "at-risk-table", "due-table"
N_REASONS: Final = 3
_BASE: Final = "L0"


@dataclass(frozen=True)
class Learnt:
    """What could be learnt from past terms, or why nothing could.

    Attributes
    ----------
    past : churn.Backtest or None
        None where the history is too short.
    model : churn.Model or None
    refused : str
        Why nothing could be learnt; "" otherwise.
    counts : dict
        n_terms, n_accounts, n_churned, n_churned_accounts of the terms whose end was the
        customer's choice; with a backtest n_quarters and n_foretold (terms judged in them).
    """

    past: Backtest | None
    model: Model | None
    refused: str
    counts: dict[str, int]

    @property
    def better(self) -> bool:
        """Tell whether it foretold past quarters better than each segment's share that left."""
        if self.past is None or self.past.chosen == _BASE:
            return False
        seen = self.past.predictions
        ahead = metrics.gain(
            seen["churned"], seen["p_churn"], seen["p_base"], account=seen["account_id"]
        )
        return bool(ahead.value > ahead.se)


@dataclass(frozen=True)
class Today:
    """What is said of the customers who come up for renewal.

    Attributes
    ----------
    risk : DataFrame, one row per term, the largest expected loss first
        Columns of :func:`at_risk`.
    health : DataFrame
        What ``health.score`` returned, in the order of ``risk``.
    parts : DataFrame
        What ``churn.explain`` returned, in the order of ``risk``.
    totals : dict
        n_terms, n_accounts, n_without_arr, arr; expected_leavers and expected_loss (sum of
        chances, and of chance times ARR) with _low and _high (10 % and 90 % of refits);
        n_red, arr_red, n_uncertain, n_odd; n_before (terms that the last report coloured too),
        n_held (of these, whose colour is held back).
    limits : health.Boundaries
        Where colours change.
    since : Timestamp or None
        Day of the last report whose colours were read.
    """

    risk: pd.DataFrame
    health: pd.DataFrame
    parts: pd.DataFrame
    totals: dict[str, float]
    limits: Boundaries
    since: pd.Timestamp | None = None

    @property
    def by_play(self) -> bool:
        """Whether colours follow from what a call costs."""
        return self.limits.play is not None


def learn(
    history: pd.DataFrame, *, as_of: date, grace_days: int, n_refits: int, random_state: int
) -> Learnt:
    """Walk through the past quarters and fit what they chose, where there is enough to learn from.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Panel of terms with known outcomes.
    as_of : datetime.date
    grace_days, n_refits, random_state : int
        As in ``churn.backtest`` and ``churn.fit``.

    Returns
    -------
    Learnt

    Raises
    ------
    DataError
        If the outcome was all but told, or a column cannot be read.
    """
    try:
        past = churn.backtest(
            history, as_of=as_of, grace_days=grace_days, random_state=random_state
        )
        model = churn.fit(history, past, n_refits=n_refits, random_state=random_state)
    except TooLittleDataError as refused:
        return Learnt(None, None, refused.what, _counted(history))
    more = {"n_quarters": past.n_origins, "n_foretold": len(past.predictions)}
    return Learnt(past, model, "", _counted(history) | more)


def begin(
    history: pd.DataFrame, *, as_of: date, grace_days: int, n_refits: int, random_state: int
) -> beside.Task[Learnt]:
    """Begin to learn, in a second process where the run has a core to spare for it.

    Parameters
    ----------
    history, as_of, grace_days, n_refits, random_state
        As for :func:`learn`.

    Returns
    -------
    beside.Task
        Its ``result`` is what :func:`learn` returns, or raises what that raises.
    """
    return beside.begin(
        partial(
            learn, history, as_of=as_of, grace_days=grace_days, n_refits=n_refits,
            random_state=random_state,
        )
    )  # fmt: skip


def colours_before(before: Earlier) -> pd.DataFrame:
    """Return the colours that the last report gave, against which today's are settled.

    Parameters
    ----------
    before : Earlier

    Returns
    -------
    DataFrame, one row per term
        as_of, subscription_id, colour, colour_raw; empty where no earlier report kept colours.
    """
    kept = before.said[before.said["colour_raw"].notna()]
    last = kept[kept["as_of"] == kept["as_of"].max()]
    names = ["as_of", "subscription_id", "colour", "colour_raw"]
    found: pd.DataFrame = last.drop_duplicates("subscription_id")[names].reset_index(drop=True)
    return found


def today(
    learnt: Learnt, coming: Due, play: Play | None, before: pd.DataFrame | None = None
) -> Today | None:
    """Say of each term that comes up what its chance of leaving is, why, and what is at stake.

    Parameters
    ----------
    learnt : Learnt
    coming : Due
    play : Play or None
        What a call costs and is believed to save; sets the colours.
    before : DataFrame, optional
        What :func:`colours_before` returned: a colour that crossed its limit since, within the
        band and for the first time, is held back.

    Returns
    -------
    Today or None
        None where nothing was learnt, or nobody comes up.
    """
    if learnt.past is None or learnt.model is None or coming.terms.empty:
        return None
    seen = learnt.past.predictions
    scores = churn.score(learnt.model, coming.terms)
    parts = churn.explain(learnt.model, coming.terms)
    drawn = churn.spread(learnt.model, coming.terms)
    at = limits(learnt.past, play)
    coloured = health.score(scores, parts, seen["p_churn"], limits=at)
    coloured = _settled(coloured, before)
    why = churn.why(learnt.model, coming.terms, parts, n_reasons=N_REASONS)
    if learnt.model.level == _BASE:  # it reads nothing but the segment: nobody is unlike others
        scores = scores.assign(out_of_distribution=False, odd_columns="")
    risk = at_risk(scores, coloured, why.reset_index(drop=True))
    totals = _totals(risk, drawn) | _held(coloured)
    order = risk.sort_values(
        ["expected_loss", "p_churn", "subscription_id"],
        ascending=[False, False, True], na_position="last",
    ).index  # fmt: skip
    return Today(
        risk=risk.loc[order].reset_index(drop=True),
        health=coloured.loc[order].reset_index(drop=True),
        parts=parts.loc[order].reset_index(drop=True),
        totals=totals,
        limits=at,
        since=None if before is None or before.empty else before["as_of"].max(),
    )


def _settled(coloured: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """Hold back colours that moved within their noise; nothing is held without a last report."""
    if before is None or before.empty:
        return coloured.assign(colour_before=None, held_back=False)
    found = health.settle(before, coloured)
    sure = found["colour_sure"].astype(bool) & ~found["held_back"].astype(bool)
    return found.assign(colour_sure=sure)


def _held(coloured: pd.DataFrame) -> dict[str, float]:
    """Count the terms that the last report coloured too, and whose colour is held back."""
    return {
        "n_before": int(coloured["colour_before"].notna().sum()),
        "n_held": int(coloured["held_back"].sum()),
    }


def limits(past: Backtest, play: Play | None) -> Boundaries:
    """Return where the colours change: by what a call costs, else by the past share that left.

    Parameters
    ----------
    past : churn.Backtest
    play : Play or None
    """
    return health.boundaries(float(past.predictions["churned"].mean()), play=play)


def at_risk(scores: pd.DataFrame, coloured: pd.DataFrame, why: pd.DataFrame) -> pd.DataFrame:
    """Bring chance, colour and reasons of each term together.

    Parameters
    ----------
    scores, coloured, why : DataFrame, one row per term, in one order
        What ``churn.score``, ``health.score`` and ``churn.why`` returned.

    Returns
    -------
    DataFrame, one row per term
        subscription_id, account_id, account_name, segment, arr (float), term_end, days_left,
        p_churn, p_low, p_high, expected_loss (ARR times chance), health, colour (settled),
        colour_raw, held_back (the two differ), colour_sure,
        uncertain, out_of_distribution, mind (what to bear in mind, in words), reason_1 ….
    """
    days = pd.to_datetime(scores["term_end"]) - pd.to_datetime(scores["as_of_date"])
    frame = scores[["subscription_id", "account_id", "account_name", "segment", "arr", "term_end"]]
    frame = frame.assign(
        days_left=days.dt.days,
        **{name: scores[name] for name in ("p_churn", "p_low", "p_high")},
        expected_loss=scores["arr"] * scores["p_churn"],
        **{
            name: coloured[name]
            for name in ("health", "colour", "colour_raw", "held_back", "colour_sure")
        },
        **{name: scores[name] for name in ("uncertain", "out_of_distribution")},
        mind=[
            _mind(*row)
            for row in zip(
                scores["uncertain"], scores["out_of_distribution"], scores["odd_columns"],
                strict=True,
            )
        ],
    )  # fmt: skip
    return frame.join(why)


def label(column: str) -> str:
    """Return a panel column in the field's words; an attribute by its own name."""
    measure = catalogue.parse(column)
    return column.replace("_", " ") if measure is None else measure.label()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `frame` as dicts keyed by column name."""
    return [dict(zip(map(str, frame.columns), row, strict=True))
            for row in frame.itertuples(index=False, name=None)]  # fmt: skip


def _mind(uncertain: bool, odd: bool, columns: str) -> str:
    said = ["the chance may be far off"] if uncertain else []
    if odd:
        named = "; ".join(label(name) for name in columns.split(", ")) if columns else ""
        said.append("unlike those learnt from" + (f": {named}" if named else ""))
    return ", and ".join(said)


def _totals(risk: pd.DataFrame, drawn: np.ndarray) -> dict[str, float]:
    """Add up what comes up for renewal and what of it is expected to leave."""
    arr = risk["arr"].to_numpy(dtype="float64")
    money = np.nan_to_num(arr)
    p = risk["p_churn"].to_numpy(dtype="float64")
    red = (risk["colour"] == health.COLOURS[-1]).to_numpy()
    found = {
        "n_terms": len(risk),
        "n_accounts": risk["account_id"].nunique(),
        "n_without_arr": int(np.isnan(arr).sum()),
        "arr": float(money.sum()),
        "n_red": risk.loc[red, "account_id"].nunique(),
        "arr_red": float(money[red].sum()),
        "n_uncertain": int(risk["uncertain"].sum()),
        "n_odd": int(risk["out_of_distribution"].sum()),
    }
    for name, weight in (("expected_leavers", np.ones(len(p))), ("expected_loss", money)):
        sums = weight @ drawn
        value = float(weight @ p)
        low, high = np.quantile(sums, churn.BAND) if sums.size else (value, value)
        # The band is of refits; the sum itself belongs into it.
        found |= {name: value, f"{name}_low": min(float(low), value),
                  f"{name}_high": max(float(high), value)}  # fmt: skip
    return found


def _counted(history: pd.DataFrame) -> dict[str, int]:
    churned = pd.to_numeric(history["churned"]).astype("float64")
    known = history[churned.notna()]
    return {
        "n_terms": len(known),
        "n_accounts": int(known["account_id"].nunique()),
        "n_churned": int(churned.sum()),
        "n_churned_accounts": int(history.loc[churned == 1, "account_id"].nunique()),
    }
