"""One predictor a coming quarter: a renewal three quarters away is read as past ones were then.

Grain in: canonical tables and the book of running contracts.  Grain out: one :class:`Ahead` a
coming quarter; one row per (contract, quarter) due with its chance and its band.

Who is going to leave tells it later and later: some give notice, and those who did are no longer
in doubt.  So a quarter's predictor is learnt from past terms as they stood as many days before
their renewal as the middle of that quarter is away, and judged by past quarters told from just as
far.  From the middle to the days that each contract has left its chance is moved by what past
renewals in doubt so near came to (``nearness``).  Source: ``methods.md`` 3 and 4.

A predictor speaks only of contracts of the kind it learnt from: at least as long as it looks
ahead, and with one renewal in the quarter.  One dated example, as_of 2026-06-30: the predictor of
2026 Q3 has seen past terms 46 days before their renewal, so none of a month was among them.  A
monthly contract to 2026-07-15 comes up three times in Q3; it is told by how often contracts of
its segment and length left at a renewal, three times over.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import TooLittleDataError
from cs_models.features import cohort, panel
from cs_models.learn import churn, revenue
from cs_models.learn.predictors.model import Model
from cs_models.learn.predictors.past import Backtest
from cs_models.report.evidence import nearness

N_REFITS: Final = 40
# Trees gain little on sums of contracts, and four backtests and their refits take minutes by them.
LAST_LEVEL: Final = "L3"
N_PAST_PATHS: Final = 2000
PREDICTOR, BASE_RATE, NOTICE, DECIDED = "predictor", "base rate", "notice", "decided"
BAND: Final = (0.1, 0.9)

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Ahead:
    """What a coming quarter is told by.

    Attributes
    ----------
    quarter : pandas.Timestamp
        Its first day.
    label : str
    days : int
        Days before the renewal at which past terms were looked at.
    past : churn.Backtest or None
        Past quarters told from as far; None where the history is too short.
    scores : pandas.DataFrame
        Running contracts that it may speak of (:func:`spoken_of`), with their chance:
        subscription_id, p_churn, p_low, p_high, out_of_distribution; empty without a predictor.
    refits : ndarray of float, shape (n_scores, n_refits)
    level : str
        Name of the predictor, "" without.
    reason : str
        Why there is no predictor, "" where there is one.
    model : churn.Model or None
        The predictor.
    history, today : pandas.DataFrame
        Past terms as they stood as far from their renewal, and those of this quarter today.
    near : pandas.DataFrame
        From ``nearness.by_distance``: what past renewals came to from the quarter's distances.
    """

    quarter: pd.Timestamp
    label: str
    days: int
    past: Backtest | None
    scores: pd.DataFrame
    refits: Float
    level: str
    reason: str
    model: Model | None = None
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    today: pd.DataFrame = field(default_factory=pd.DataFrame)
    near: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def predictions(self) -> pd.DataFrame | None:
        """Predictions of past quarters, made from as far."""
        return None if self.past is None else self.past.predictions

    def at(self, chance: pd.Series | Float, days_left: Float) -> Float:
        """Move chances to the days that are left (``nearness.moved``); as they are without."""
        told = np.asarray(chance, dtype=np.float64)
        return nearness.moved(told, days_left, self.near, self.days) if len(self.near) else told


def days_ahead(quarters: Sequence[pd.Timestamp], as_of: date, *, decision_days: int) -> list[int]:
    """Return how far the middle of what is still to come of each quarter is away.

    Parameters
    ----------
    quarters : sequence of Timestamp
        First days of the coming quarters.
    as_of : datetime.date
    decision_days : int
        The nearest quarter is read at least half as many days ahead: later most of those who
        leave have said so.

    Returns
    -------
    list of int
        On 2026-06-30 with 90 days: 46, 138, 230, 321.
    """
    today = pd.Timestamp(as_of)
    found = []
    for start in quarters:
        first = max(pd.Timestamp(start), today)
        last = pd.Timestamp(start) + pd.offsets.QuarterBegin(startingMonth=1)
        found.append(max(decision_days // 2, ((first - today) + (last - first) / 2).days))
    return found


def standing(
    tables: Mapping[str, ir.Table],
    *,
    as_of: date,
    data_start: date | None,
    options: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the panel of all contracts that run today, with what is told of the relationship.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    as_of : datetime.date
    data_start : datetime.date or None
    options : mapping
        Of ``panel.build``: windows_days, first_days, min_accounts, export_features.
    """
    now = cohort.running(tables, as_of, decision="before_renewal", data_start=data_start)
    return panel.build(tables, now, **{**options, "relations": True})


def learn(
    tables: Mapping[str, ir.Table],
    book: revenue.Book,
    today: pd.DataFrame,
    *,
    as_of: date,
    decision_days: int,
    grace_days: int,
    data_start: date | None,
    options: Mapping[str, Any],
    random_state: int,
) -> list[Ahead]:
    """Learn a predictor for each coming quarter, as far as the history carries one.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    book : revenue.Book
        Says which quarters, and what comes up in them.
    today : pandas.DataFrame
        From :func:`standing`.
    as_of : datetime.date
    decision_days, grace_days : int
    data_start : datetime.date or None
    options : mapping
        Of ``panel.build``: windows_days, first_days, min_accounts, export_features.
    random_state : int

    Returns
    -------
    list of Ahead
        One a quarter, in order.

    Raises
    ------
    DataError
        If a column knows the outcome: see ``churn.backtest``.
    """
    named = book.quarters.dropna(subset=["quarter"])
    starts = [pd.Timestamp(one) for one in named["quarter"]]
    distances = days_ahead(starts, as_of, decision_days=decision_days)
    asked = {**options, "relations": True, "features": today.attrs["recipe"]["features"]}
    cohorts = {
        days: cohort.terms(
            tables, as_of, decision="before_renewal", days=days, grace_days=grace_days,
            data_start=data_start,
        )
        for days in distances
    }  # fmt: skip
    histories = panel.each(tables, cohorts, **asked)
    found = []
    for start, label, days in zip(starts, named["label"], distances, strict=True):
        due = book.due[(book.due["quarter"] == start) & spoken_of(book.due, days)]
        mine = today[today["subscription_id"].isin(due["subscription_id"])]
        about = (start, str(label), days)
        one = _ahead(about, histories[days], mine, as_of, grace_days, random_state)
        if one.level and len(due):
            left = due["due_in_days"]
            asked_at = nearness.distances(int(left.min()), int(left.max()), days)
            near = nearness.by_distance(
                tables, asked_at, as_of=as_of, grace_days=grace_days, data_start=data_start
            )
            one = replace(one, near=near)
        found.append(one)
    return found


def spoken_of(due: pd.DataFrame, days: int) -> pd.Series:
    """Say of which renewals a predictor may speak: of such as it could learn from.

    Parameters
    ----------
    due : pandas.DataFrame
        From ``revenue.book(...).due``: one row per (contract, quarter).
    days : int
        Days before their renewal at which past terms were looked at.

    Returns
    -------
    pandas.Series of bool
        Of the contract's next renewal, where it is as long as past terms had to be
        (``cohort.terms`` leaves out those shorter than `days`) and renews once in the quarter:
        the chance of a yearly contract, said three times over, is not that of a monthly one.
    """
    length = (pd.to_datetime(due["term_end"]) - pd.to_datetime(due["term_start"])).dt.days
    return due["renewal_no"].eq(1) & due["n_renewals"].eq(1) & length.ge(days)


def _ahead(
    about: tuple[pd.Timestamp, str, int],
    history: pd.DataFrame,
    today: pd.DataFrame,
    as_of: date,
    grace_days: int,
    random_state: int,
) -> Ahead:
    """Learn from one distance and speak of those due at that distance."""
    try:
        past = churn.backtest(
            history, as_of=as_of, grace_days=grace_days, n_halves=0, up_to=LAST_LEVEL,
            random_state=random_state,
        )  # fmt: skip
        model = churn.fit(history, past, n_refits=N_REFITS, random_state=random_state)
    except TooLittleDataError as error:
        none = np.empty((0, N_REFITS))
        return Ahead(*about, None, nothing_said(), none, "", _reason(error), None, history, today)
    if today.empty:
        scores, refits = nothing_said(), np.empty((0, N_REFITS))
    else:
        scores, refits = churn.score(model, today), churn.spread(model, today)
    return Ahead(*about, past, scores, refits, model.name, "", model, history, today)


def nothing_said() -> pd.DataFrame:
    """Return scores of nobody."""
    names = ["subscription_id", "p_churn", "p_low", "p_high", "out_of_distribution"]
    return pd.DataFrame(columns=names)


def _reason(error: TooLittleDataError) -> str:
    return f"{error.what} ({error.got})" if error.got else error.what


def chances(
    due: pd.DataFrame, base: revenue.BaseRates, ahead: Sequence[Ahead], *, rng: np.random.Generator
) -> tuple[pd.DataFrame, Float]:
    """Give every contract due its chance of leaving, by its quarter's predictor or a base rate.

    Parameters
    ----------
    due : pandas.DataFrame
        From ``revenue.book(...).due``.
    base : revenue.BaseRates
    ahead : sequence of Ahead
    rng : numpy.random.Generator

    Returns
    -------
    due : pandas.DataFrame
        As ``revenue.chances`` returns it, with p_low and p_high (10th and 90th percentile of
        what other customers would have taught) and out_of_distribution.  Where a contract renews
        more than once in its quarter, p_churn and p_involuntary are such that so many renewals
        of that chance come to what its renewals come to.
    refits : ndarray of float, shape (n_due, n_refits)

    Notes
    -----
    A quarter's predictor was learnt from as far away as the quarter's middle is, so nothing is
    added for the time until then, as it is for base rates; ``nearness`` moves its chance from the
    middle to the days that the contract has left.
    """
    told, refits = _by_rates(due, base, rng)
    p = told["p_churn"].to_numpy(dtype=np.float64).copy()
    early = told["p_early"].to_numpy(dtype=np.float64).copy()
    low, high = np.quantile(refits, BAND, axis=1) if len(told) else np.empty((2, 0))
    odd = np.zeros(len(told), dtype=bool)
    by_model = np.zeros(len(told), dtype=bool)
    for one in ahead:
        place = pd.Index(one.scores["subscription_id"]).get_indexer(
            pd.Index(told["subscription_id"])
        )
        mine = (told["quarter"] == one.quarter) & spoken_of(told, one.days) & (place >= 0)
        rows = np.flatnonzero(mine.to_numpy())
        said = one.scores.iloc[place[rows]]
        left = told["due_in_days"].to_numpy(dtype=np.float64)[rows]
        p[rows], early[rows], by_model[rows] = one.at(said["p_churn"], left), 0.0, True
        low[rows], high[rows] = one.at(said["p_low"], left), one.at(said["p_high"], left)
        odd[rows] = said["out_of_distribution"].to_numpy(dtype=bool)
        refits[rows] = one.at(_as_many(one.refits, one.scores["p_churn"])[place[rows]], left)
    by_rate = told["p_from"].eq(BASE_RATE).to_numpy()
    return told.assign(
        p_churn=p, p_early=early, p_low=np.fmin(low, p), p_high=np.fmax(high, p),
        out_of_distribution=odd,
        p_from=np.where(by_rate & by_model, PREDICTOR, told["p_from"]),
    ), refits  # fmt: skip


def _by_rates(
    due: pd.DataFrame, base: revenue.BaseRates, rng: np.random.Generator
) -> tuple[pd.DataFrame, Float]:
    """Give every contract due its base rate: only its next renewal is as near as today.

    Of a contract that came within half its term of a renewal without notice, fewer leave; of the
    later renewals in the quarter nothing is known yet, so theirs is the rate of all.
    """
    same = copy.deepcopy(rng)  # the same draws of the rates as those of later quarters
    told, refits = revenue.chances(due, base, rng=rng, n_refits=N_REFITS)
    later, spread = revenue.chances(due.assign(renewal_no=2), base, rng=same, n_refits=N_REFITS)
    times = due["n_renewals"].to_numpy(dtype=np.float64)

    def each(first: Float, others: Float, times: Float) -> Float:
        return np.asarray(1.0 - ((1.0 - first) * (1.0 - others) ** (times - 1)) ** (1.0 / times))

    of = {
        name: each(told[name].to_numpy(np.float64), later[name].to_numpy(np.float64), times)
        for name in ("p_churn", "p_involuntary")
    }
    return told.assign(**of), each(refits, spread, times[:, None])


def _as_many(refits: Float, said: pd.Series) -> Float:
    """Return refits in their usual number: a draw of accounts without a leaver taught none."""
    if not refits.shape[1]:
        return np.repeat(said.to_numpy(dtype=np.float64)[:, None], N_REFITS, axis=1)
    return refits[:, np.arange(N_REFITS) % refits.shape[1]]
