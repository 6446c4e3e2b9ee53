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
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import splits
from cs_models.learn.rules import reading
from cs_models.learn.shapes import payoff

FEWEST_CHURNED_ACCOUNTS: Final = 10
_CENT: Final = Decimal("0.01")

Float = NDArray[np.float64]
Direction = Literal["below", "at_or_above"]


@dataclass(frozen=True)
class Play:
    """What is done for a customer believed at risk, and what is believed of it.

    Attributes
    ----------
    cost : Decimal
        Cost per treated account, in the currency of ``arr``.
    margin : float
        Gross margin, above 0 and up to 1.
    save_rate_low, save_rate_high : float
        Range of the share (0 to 1) of would-be leavers whom the play keeps: believed, not learnt.

    Raises
    ------
    ParameterError
        A number is out of its range.
    """

    cost: Decimal
    margin: float
    save_rate_low: float
    save_rate_high: float

    def __post_init__(self) -> None:
        if not isinstance(self.cost, Decimal) or not self.cost.is_finite() or self.cost < 0:
            raise ParameterError(
                "the cost of a play is a sum of money",
                where="cost",
                got=repr(self.cost),
                repair='a Decimal of at least 0, such as Decimal("250")',
            )
        if not 0 < self.margin <= 1:
            raise ParameterError(
                "out of range", where="margin", got=f"{self.margin:g}", repair="above 0, up to 1"
            )
        if not 0 <= self.save_rate_low <= self.save_rate_high <= 1:
            raise ParameterError(
                "the save rates are a range of shares",
                where="save_rate_low, save_rate_high",
                got=f"{self.save_rate_low:g}, {self.save_rate_high:g}",
                repair="0 <= low <= high <= 1",
            )

    @property
    def save_rates(self) -> dict[str, float]:
        """Return the low, middle and high save rate, by name."""
        middle = (self.save_rate_low + self.save_rate_high) / 2
        return {"low": self.save_rate_low, "mid": middle, "high": self.save_rate_high}


@dataclass(frozen=True)
class PolicyCut:
    """Where a play pays, over the terms that were learnt from.

    Attributes
    ----------
    table : DataFrame, one row per save rate
        ``save_rate`` (0 to 1), ``cut`` (NaN where nobody is worth the cost; infinite where all
        are, if those below are treated), ``n_terms``, ``n_accounts``, ``arr``, ``net_value``
        (Decimal; what the sum promises at the best cut) and ``net_value_held_out`` (Decimal;
        what cuts chosen without an account would have earned from it, by who really left).
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
        Deals the folds.

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
                "net_value": _money(sums[name][best]),
                "net_value_held_out": _money(earned),
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


def ranked(
    frame: pd.DataFrame,
    churn_probability: ArrayLike,
    play: Play,
    *,
    capacity: int | None = None,
    cluster: str = "account_id",
) -> pd.DataFrame:
    """Rank accounts by what a play saves, for a team that can treat only so many.

    Parameters
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Running terms with ``arr``; terms of one account are treated together, at one cost.
    churn_probability : array-like of float, shape (n_rows,)
        Chance that each term ends in leaving, 0 to 1; NaN where unknown.
    play : Play
    capacity : int, optional
        Most accounts that can be treated; by default all that pay.
    cluster : str, default "account_id"
        The account.

    Returns
    -------
    DataFrame, one row per account, dearest risk first
        The account, ``arr`` and ``arr_at_risk`` (p · ARR) as Decimal, ``net_low``, ``net_mid``,
        ``net_high`` (p · s · V - k at each save rate, Decimal), ``break_even_save_rate``
        (infinite where nothing is at risk) and ``treat``: within capacity, and worth its cost at
        the middle save rate.  Terms whose ARR or chance is unknown are left out and counted in
        ``attrs["n_unknown"]``.

    Raises
    ------
    ParameterError
        The panel lacks a column, the chances do not fit the rows, or the capacity is negative.
    """
    _need(frame, cluster, "arr")
    chance = _chances(churn_probability, len(frame))
    if capacity is not None and capacity < 0:
        raise ParameterError("a capacity is not negative", where="capacity", got=str(capacity))
    arr = pd.to_numeric(frame["arr"]).to_numpy(dtype=np.float64)
    known = ~np.isnan(arr) & ~np.isnan(chance) & frame[cluster].notna().to_numpy(dtype=bool)
    rows = pd.DataFrame({cluster: frame[cluster], "arr": arr, "arr_at_risk": arr * chance})
    out: pd.DataFrame = rows[known].groupby(cluster, as_index=False, sort=True).sum()
    out = out.sort_values("arr_at_risk", ascending=False, kind="stable", ignore_index=True)
    risk, cost = out["arr_at_risk"].to_numpy() * play.margin, float(play.cost)
    net = {name: save_rate * risk - cost for name, save_rate in play.save_rates.items()}
    within = np.arange(len(out)) < (len(out) if capacity is None else capacity)
    out = pd.DataFrame(
        {
            cluster: out[cluster],
            "arr": _all_money(out["arr"]),
            "arr_at_risk": _all_money(out["arr_at_risk"]),
            **{f"net_{name}": _all_money(value) for name, value in net.items()},
            "break_even_save_rate": np.divide(
                cost, risk, out=np.full(len(out), np.inf), where=risk > 0
            ),
            "treat": within & (net["mid"] > 0),
        }
    )
    out.attrs["n_unknown"] = int((~known).sum())
    return out


def _chances(churn_probability: ArrayLike, n_rows: int) -> Float:
    chance = np.asarray(churn_probability, dtype=np.float64)
    fits = chance.shape == (n_rows,)
    if not fits or not (np.isnan(chance) | ((chance >= 0) & (chance <= 1))).all():
        raise ParameterError(
            "one chance of leaving per row, between 0 and 1",
            where="churn_probability",
            got=f"shape {chance.shape} for {n_rows} rows",
        )
    return chance


def _terms(
    rule: reading.Rule, frame: pd.DataFrame, cluster: str, outcome: str, segment_by: str | None
) -> _Terms:
    """Return the evaluable terms of a rule's scope."""
    _need(frame, cluster, outcome, "arr")
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


def _need(frame: pd.DataFrame, *names: str) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise ParameterError("the panel lacks columns", where=", ".join(absent))


def _fewer_is_better(rule: reading.Rule) -> bool:
    return bool(dict(rule)["direction"] == "at_most")


def _treated(terms: _Terms, rows: NDArray[np.bool_]) -> dict[str, int | Decimal]:
    return {
        "n_terms": int(rows.sum()),
        "n_accounts": len(np.unique(terms.account[rows])),
        "arr": _money(terms.arr[rows].sum()),
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


def _money(value: float) -> Decimal:
    return Decimal(str(float(value))).quantize(_CENT)


def _all_money(values: Iterable[float]) -> pd.Series:
    return pd.Series([_money(value) for value in values], dtype=object)
