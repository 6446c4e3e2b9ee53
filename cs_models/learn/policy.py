"""Whom to call: the cut at which a play earns more than it costs, and a list for few hands.

A rule says where renewal changes; whether a customer is worth a call is another question, and
money answers it: treat while p · s · V exceeds k, with p the chance of leaving, V the account's
ARR times margin and k the cost of the play.  The save rate s, the share of would-be leavers whom
the play keeps, is an input with a range and is never learnt here: customers were called because
they were believed at risk, so without an experiment touchpoints tell nothing of it.

Grain in: a rule and one row per (subscription_id, as_of_date).  Grain out: one row per save rate
(:func:`cut`), or per account (:func:`ranked`).  Money is Decimal going in and coming out, and
float in between.  ``methods.md`` 2.8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import TooLittleDataError
from cs_models.learn import splits
from cs_models.learn.evaluation import bootstrap
from cs_models.learn.rules import reading
from cs_models.learn.shapes import payoff
from cs_models.learn.shapes.calls import Play, money, need, ranked

__all__ = ["Play", "PolicyCut", "chances", "cut", "ranked"]

FEWEST_CHURNED_ACCOUNTS: Final = 10
N_BOOT: Final = 1000

Float = NDArray[np.float64]
Direction = Literal["below", "at_or_above"]


@dataclass(frozen=True)
class PolicyCut:
    """Where a play pays, over the terms that were learnt from.

    Attributes
    ----------
    table : DataFrame, one row per save rate
        ``save_rate`` (0 to 1), ``cut`` (NaN where nobody is worth the cost; infinite where all
        are, if those below are treated), ``n_terms``, ``n_accounts``, ``arr``, ``net_value``
        (Decimal; what the sum promises at the best cut), ``net_value_held_out`` (Decimal;
        what cuts chosen without an account would have earned from it, by who really left) and
        its 95 % interval ``net_low``, ``net_high`` (Decimal; accounts drawn anew, the cuts as
        they were chosen).
    curve : DataFrame, one row per possible cut
        ``cut``, and net value (float) at the ``low``, ``mid`` and ``high`` save rate.
    break_even_save_rate : float or None
        Save rate at which the play pays for all on the rule's own worse side, each weighed by
        its money; None where not even saving every one would.
    direction : {"below", "at_or_above"}
        Who is treated: those below the cut, or those at or above it.
    n_without_arr : int
        Terms left out because their ARR is not known.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    break_even_save_rate: float | None
    direction: Direction
    n_without_arr: int


@dataclass(frozen=True)
class _Terms:
    """Terms in floats: ``depth`` grows towards the side of the rule that renews more."""

    depth: Float
    churned: Float
    arr: Float
    account: NDArray[np.int64]
    segment: NDArray[np.int64]
    worse: NDArray[np.bool_]
    n_without_arr: int


def cut(
    rule: reading.Rule,
    frame: pd.DataFrame,
    play: Play,
    *,
    cluster: str = "account_id",
    outcome: str = "churned",
    segment_by: str | None = "segment",
    n_folds: int = 5,
    rng: np.random.Generator,
) -> PolicyCut:
    """Choose the cut on a rule's count below which a play earns most.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Terms with ``arr`` and known outcomes, such as ``Search.learnt_from``.
    play : Play
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.
    segment_by : str or None, default "segment"
        Column within which the chance of leaving is learnt, since segments differ in money and in
        leaving at once; None, or a column that the panel lacks, learns one chance for all.
    n_folds : int, default 5
        Folds of accounts: a term's chance of leaving is learnt without its account.
    rng : numpy.random.Generator
        Deals the folds, then draws the accounts.

    Returns
    -------
    PolicyCut
        The cut c that maximises the sum of p · s · V - k over the terms on the worse side of c,
        with p isotonic in the count within each segment.  Every term counts as one treatment.

    Raises
    ------
    ParameterError
        The panel lacks a column.
    TooLittleDataError
        Fewer than 10 accounts left.

    Notes
    -----
    Source: ``methods.md`` 2.8.  p is the chance of leaving without the play only as far as the
    terms learnt from were without it.
    """
    terms = _terms(rule, frame, cluster, outcome, segment_by)
    fold = splits.grouped_folds(terms.account, terms.churned, n_folds=n_folds, rng=rng)
    chance = payoff.crossfitted(terms.depth, terms.churned, terms.segment, fold)
    risk = chance * terms.arr * play.margin
    edges, cost = payoff.edges_of(terms.depth), float(play.cost)
    direction: Direction = "at_or_above" if _fewer_is_better(rule) else "below"
    names = [_named(i, edges, direction) for i in range(len(edges))]
    sums, rows = {}, []
    draws = _drawn(terms.account, rng)
    for name, save_rate in play.save_rates.items():
        sums[name] = payoff.sums(edges, terms.depth, save_rate * risk - cost)
        best = int(np.argmax(sums[name]))
        gain = save_rate * play.margin * terms.arr
        earned = payoff.held_out(terms.depth, terms.churned, terms.segment, gain, cost, fold)
        rows.append(
            {
                "save_rate": save_rate,
                "cut": names[best],
                **_treated(terms, terms.depth < edges[best]),
                "net_value": money(sums[name][best]),
                "net_value_held_out": money(earned.sum()),
                **_between(earned, terms.account, draws),
            }
        )
    return PolicyCut(
        table=pd.DataFrame(rows),
        curve=pd.DataFrame({"cut": names[1:], **{name: net[1:] for name, net in sums.items()}}),
        break_even_save_rate=_break_even(risk[terms.worse], cost),
        direction=direction,
        n_without_arr=terms.n_without_arr,
    )


def chances(
    rule: reading.Rule,
    frame: pd.DataFrame,
    book: pd.DataFrame,
    *,
    cluster: str = "account_id",
    outcome: str = "churned",
    segment_by: str | None = "segment",
) -> pd.Series:
    """Return the chance of leaving of other terms, by a rule's count and their segment.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Terms to learn from, as in :func:`cut`.
    book : DataFrame, one row per (subscription_id, as_of_date)
        Terms that run, of other accounts or later.
    cluster, outcome, segment_by : str
        As in :func:`cut`.

    Returns
    -------
    Series of float, index of ``book``
        0 to 1; NaN outside the rule's scope and where its count is not known.

    Raises
    ------
    ParameterError
        A panel lacks a column.
    TooLittleDataError
        Fewer than 10 accounts left.

    Notes
    -----
    Source: ``methods.md`` 2.8.
    """
    learnt = _terms(rule, frame, cluster, outcome, segment_by)
    depth = _depth(rule, book)
    known = (reading.apply(rule, book).notna() & depth.notna()).to_numpy(dtype=bool)
    chance = np.full(len(book), np.nan)
    if known.any():
        segment = _codes(book, _names(frame, segment_by), segment_by)
        chance[known] = payoff.chances(
            learnt.depth,
            learnt.churned,
            learnt.segment,
            depth.to_numpy(dtype=np.float64)[known],
            segment[known],
        )
    return pd.Series(chance, index=book.index)


def _terms(
    rule: reading.Rule, frame: pd.DataFrame, cluster: str, outcome: str, segment_by: str | None
) -> _Terms:
    """Return the evaluable terms of a rule's scope."""
    need(frame, cluster, outcome, "arr")
    better = reading.apply(rule, frame)
    depth = _depth(rule, frame)
    arr = pd.to_numeric(frame["arr"]).astype(float)
    kept = better.notna() & depth.notna() & frame[[cluster, outcome]].notna().all(axis=1)
    usable = (kept & arr.notna()).to_numpy(dtype=bool)
    churned = frame.loc[usable, outcome].to_numpy(dtype=np.float64)
    account = pd.factorize(frame.loc[usable, cluster])[0].astype(np.int64)
    n_left = len(np.unique(account[churned > 0]))
    if n_left < FEWEST_CHURNED_ACCOUNTS:
        raise TooLittleDataError(
            "too few accounts left to say what a play would save",
            where=outcome,
            got=f"{n_left} accounts",
            repair=f"at least {FEWEST_CHURNED_ACCOUNTS}",
        )
    return _Terms(
        depth=depth[usable].to_numpy(dtype=np.float64),
        churned=churned,
        arr=np.asarray(arr[usable], dtype=np.float64),
        account=account,
        segment=_codes(frame, _names(frame, segment_by), segment_by)[usable],
        worse=~better[usable].to_numpy(dtype=bool),
        n_without_arr=int(kept.sum() - usable.sum()),
    )


def _drawn(account: NDArray[np.int64], rng: np.random.Generator) -> Float:
    """Return how often each account is drawn, one column a drawing."""
    n = len(np.unique(account))
    return np.hstack([*bootstrap.drawings(n, N_BOOT, rng, n_rows=len(account))])


def _between(earned: Float, account: NDArray[np.int64], draws: Float) -> dict[str, Decimal]:
    """Return the interval of what was earned, accounts drawn anew."""
    by_account = np.bincount(account, weights=earned, minlength=len(draws))
    low, high = np.quantile(by_account @ draws, (0.025, 0.975))
    return {"net_low": money(low), "net_high": money(high)}


def _depth(rule: reading.Rule, frame: pd.DataFrame) -> pd.Series:
    count = reading.values(rule, frame)
    return -count if _fewer_is_better(rule) else count


def _names(frame: pd.DataFrame, segment_by: str | None) -> pd.Index:
    """Return the segments of a panel, in an order that its rows do not set."""
    if segment_by is None or segment_by not in frame.columns:
        return pd.Index([])
    names: pd.Index = pd.Index(sorted(frame[segment_by].dropna().unique(), key=str))
    return names


def _codes(frame: pd.DataFrame, names: pd.Index, segment_by: str | None) -> NDArray[np.int64]:
    """Return each row's place among the segments; -1 where it has none of them."""
    if segment_by is None or segment_by not in frame.columns:
        return np.full(len(frame), -1, dtype=np.int64)
    return np.asarray(names.get_indexer(pd.Index(frame[segment_by])), dtype=np.int64)


def _fewer_is_better(rule: reading.Rule) -> bool:
    return bool(dict(rule)["direction"] == "at_most")


def _treated(terms: _Terms, rows: NDArray[np.bool_]) -> dict[str, int | Decimal]:
    return {
        "n_terms": int(rows.sum()),
        "n_accounts": len(np.unique(terms.account[rows])),
        "arr": money(terms.arr[rows].sum()),
    }


def _break_even(risk: Float, cost: float) -> float | None:
    """Return the save rate at which treating all of them pays; None where none does."""
    at_stake, spent = float(risk.sum()), cost * len(risk)
    return spent / at_stake if at_stake > 0 and spent <= at_stake else None


def _named(i: int, edges: Float, direction: Direction) -> float:
    """Return an edge of depth as a cut of the count itself; NaN where nobody is below it."""
    if i == 0:
        return math.nan
    # Depth is then minus the count: below an edge are those at or above the next larger count.
    return float(edges[i]) if direction == "below" else float(-edges[i - 1])
