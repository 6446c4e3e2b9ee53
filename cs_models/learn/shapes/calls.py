"""A play, and which single customers are worth one: chance of leaving × save rate × margin on ARR.

Grain in: one row per running term with its chance of leaving.  Grain out: one row per account.
Money is Decimal.  ``methods.md`` 2.8 and 6: the save rate is an input with a range, never learnt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError

_CENT: Final = Decimal("0.01")

Float = NDArray[np.float64]


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
    need(frame, cluster, "arr")
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
            "arr": allmoney(out["arr"]),
            "arr_at_risk": allmoney(out["arr_at_risk"]),
            **{f"net_{name}": allmoney(value) for name, value in net.items()},
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


def need(frame: pd.DataFrame, *names: str) -> None:
    """Refuse a panel that lacks columns, naming them."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise ParameterError("the panel lacks columns", where=", ".join(absent))


def money(value: float) -> Decimal:
    """Return an amount to the cent."""
    return Decimal(str(float(value))).quantize(_CENT)


def allmoney(values: Iterable[float]) -> pd.Series:
    """Return amounts to the cent."""
    return pd.Series([money(value) for value in values], dtype=object)
