"""The forecast of a book: how much of it stays, with its doubt, and on whom that depends.

Grain in: one row per (contract, quarter) due, with chances.  Grain out: one row per quarter and one
for all of them; one row per account.  Source: ``methods.md`` 4 (revenue forecast).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.learn.forecasting import chances, paths, slices
from cs_models.learn.forecasting.cells import Float
from cs_models.learn.forecasting.opportunities import label
from cs_models.learn.forecasting.paths import Slice, Totals
from cs_models.learn.forecasting.process import Process

TOP: Final = 5
N_DRAWS, PATHS_A_DRAW = 100, 20  # draws of the parameters, at most; paths that share one, at least
LEVELS: Final = np.round(np.arange(0.01, 1.0, 0.01), 2)
_TENTHS: Final = (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))


@dataclass(frozen=True)
class _Walked:
    """What a forecast's frames are told from: the rows due and the sums of every path."""

    rows: pd.DataFrame
    starts: list[pd.Timestamp]
    totals: Totals
    alone: Totals
    whole: float
    again: Callable[[list[Float]], Float]


@dataclass(frozen=True)
class Forecast:
    """What the coming quarters are likely to bring in.

    Attributes
    ----------
    quarters : pandas.DataFrame
        One row per quarter, and the last for all together (label "all", each contract once against
        today's ARR): quarter, label, n_due, due_arr (today's), grr_p10, grr_p50, grr_p90,
        nrr_p10, …, arr_at_risk (expected ARR of those who leave), loss_p10, loss_p50, loss_p90
        (ARR of those who leave), n_churn_p10, … (contracts), top5_share (of arr_at_risk),
        independent_p10, independent_p90 (GRR, were everyone to decide alone and all chances
        known exactly).  GRR and NRR are missing where nothing is due.
    accounts : pandas.DataFrame
        One row per account due, the largest first: rank, account_id, parent_account_id, segment,
        n_due (contracts), arr, arr_at_risk, share (of all ARR at risk), cumulated_share.
    book : pandas.DataFrame
        One row per quarter and one for all: quarter, label, book_arr, due_arr, grr_p10, …,
        nrr_p10, … with all of today's ARR in the denominator.  Contracts not due are taken to
        stay.
    levels : pandas.DataFrame
        One row per (quarter, level .01 to .99): quarter, label, level, grr, nrr, loss, n_churn.
    n_paths : int
    n_base_rate, n_notice : int
        Contracts due whose next chance is a base rate; that are in notice.
    arr_base_rate, arr_notice : float
        Their ARR.
    """

    n_paths: int
    n_base_rate: int
    arr_base_rate: float
    n_notice: int
    arr_notice: float
    _walked: _Walked

    # Each is made when it is first asked for: of a past quarter only the first is.
    @cached_property
    def quarters(self) -> pd.DataFrame:
        """One row per quarter, and the last for all together."""
        return _by_quarter(self._walked)

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """One row per account due."""
        return _by_account(self._walked.rows)

    @cached_property
    def book(self) -> pd.DataFrame:
        """One row per quarter and one for all, against all of today's ARR."""
        return _of_book(self._walked)

    @cached_property
    def levels(self) -> pd.DataFrame:
        """One row per (quarter, level)."""
        return _levels(self._walked)

    def losses(self, groups: Sequence[Collection[tuple[str, pd.Timestamp]]]) -> Float:
        """Walk the same paths again and add up, for some groups of contracts, the ARR that leaves.

        Parameters
        ----------
        groups : sequence of collection of (subscription_id, quarter)
            Rows of ``due``; the groups may overlap.

        Returns
        -------
        ndarray of float, shape (n_paths, n_groups)
            Path by path: the group of all that is due in a quarter has that quarter's losses.
        """
        rows = self._walked.rows
        keys = pd.MultiIndex.from_frame(rows[["subscription_id", "quarter"]])
        inside = [keys.isin(pd.MultiIndex.from_tuples(list(one))) if one else
                  np.zeros(len(rows), dtype=bool) for one in groups]  # fmt: skip
        held = np.column_stack([np.empty((len(rows), 0)), *inside]).astype(np.float64)
        parts = [held[(rows["quarter"] == start).to_numpy()] for start in self._walked.starts]
        return self._walked.again(parts)


def forecast(
    due: pd.DataFrame,
    process: Process,
    *,
    rng: np.random.Generator,
    refits: Float | None = None,
    n_paths: int = 4000,
    quarters: Sequence[pd.Timestamp] | pd.Series | None = None,
    book_arr: float | None = None,
) -> Forecast:
    """Walk the contracts due through the coming quarters.

    Parameters
    ----------
    due : pandas.DataFrame
        One row per (subscription_id, quarter): subscription_id, account_id, quarter, arr (Decimal
        or float), p_churn (of one renewal); optional: parent_account_id, segment, term_months,
        in_notice, decided, n_renewals, p_involuntary, p_from.
    process : Process
        From :func:`learn`.
    rng : numpy.random.Generator
    refits : ndarray of float, shape (n_due, n_refits), optional
        Probabilities of the refits of the predictor, rows as ``due``: their doubt.  The first 100
        are used, fewer where fewer than 20 paths would share one.
    n_paths : int, default 4000
    quarters : sequence of Timestamp, optional
        First days of the quarters to tell, in which nothing may be due; those of ``due`` when not
        given.  Missing ones are passed over.
    book_arr : float, optional
        ARR of the whole book; that of the contracts due when not given.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If ``n_paths`` is below 100, or ``refits`` has other rows than ``due``.
    DataError
        If a column is missing, a probability is outside 0 to 1 or ARR is negative.
    """
    if n_paths < 100:
        raise ParameterError("too few", where="n_paths", got=str(n_paths), repair="100 or more")
    if refits is not None and len(refits) != len(due):
        got = f"{len(refits)} and {len(due)}"
        raise ParameterError("not the rows of `due`", where="refits", got=got)
    rows = slices.checked(due)
    starts = _quarters(rows, quarters)
    arr = slices.Contracts.of(rows).arr
    shock = process.shock.draw((n_paths, len(starts)), rng)
    n_draws = min(N_DRAWS, max(1, n_paths // PATHS_A_DRAW))
    some = None if refits is None else refits[:, :n_draws]
    parts = slices.cut(rows, starts, process, shock, some, n_draws, rng)
    stock, carried_out = process.ratios.stock(rng), process.notices.draw(n_draws, rng)
    again = partial(_again, parts, arr, shock, carried_out, stock, copy.deepcopy(rng))
    totals = paths.walk(parts, arr=arr, shock=shock, carried_out=carried_out, stock=stock, rng=rng)
    alone = paths.walk(
        [slices.alone(one) for one in parts],
        arr=arr,
        shock=np.zeros_like(shock),
        carried_out=np.array([process.notices.share]),
        stock=stock,
        rng=rng,
    )
    rows = rows.assign(risk=_risk(rows, parts, starts, process.notices.share))
    first = rows.sort_values("quarter", kind="stable").drop_duplicates("subscription_id")
    by_rate = first["p_from"].eq(chances.BASE_RATE)
    notice = first["in_notice"].astype(bool)
    whole = float(arr.sum()) if book_arr is None else float(book_arr)
    return Forecast(
        n_paths=n_paths,
        n_base_rate=int(by_rate.sum()),
        arr_base_rate=float(first.loc[by_rate, "arr"].sum()),
        n_notice=int(notice.sum()),
        arr_notice=float(first.loc[notice, "arr"].sum()),
        _walked=_Walked(rows, starts, totals, alone, whole, again),
    )


def _again(
    parts: list[Slice],
    arr: Float,
    shock: Float,
    carried_out: Float,
    stock: tuple[Float, Float],
    before: np.random.Generator,
    groups: list[Float],
) -> Float:
    """Walk once more from the state in which the generator was, so that no path need be kept."""
    told = paths.walk(
        parts, arr=arr, shock=shock, carried_out=carried_out, stock=stock,
        rng=copy.deepcopy(before), groups=groups,
    )  # fmt: skip
    return told.lost


def _quarters(
    rows: pd.DataFrame, asked: Sequence[pd.Timestamp] | pd.Series | None
) -> list[pd.Timestamp]:
    """Return the quarters to tell, in order."""
    named = pd.Series(rows["quarter"] if asked is None else asked, dtype="datetime64[s]")
    starts = sorted(named.dropna().unique())
    strange = rows.loc[~rows["quarter"].isin(starts), "quarter"]
    if len(strange):
        raise ParameterError(
            "contracts are due in a quarter that is not asked for",
            where="quarters",
            got=str(strange.iloc[0]),
        )
    return [pd.Timestamp(start) for start in starts]


def _risk(
    rows: pd.DataFrame, parts: list[Slice], starts: list[pd.Timestamp], carried_out: float
) -> Float:
    """Return the ARR expected to leave with each row: chance to come so far, chance to leave."""
    risk = np.zeros(len(rows))
    still = np.ones(rows["subscription_id"].nunique())
    for one, start in zip(parts, starts, strict=True):
        chance = paths.leaving(one, one.probability, carried_out)
        risk[np.flatnonzero(rows["quarter"] == start)] = one.arr * still[one.contract] * chance
        still[one.contract] *= 1.0 - chance
    return risk


def _by_quarter(walked: _Walked) -> pd.DataFrame:
    rows, totals = walked.rows, walked.totals
    found = []
    for place, start in enumerate([*walked.starts, pd.NaT]):
        mine = rows if start is pd.NaT else rows[rows["quarter"] == start]
        once = mine.drop_duplicates("subscription_id")
        by_account = mine.groupby("account_id")["risk"].sum()
        risk = float(by_account.sum())
        told = _shares(totals, place) | {"loss": totals.loss[:, place]}
        levels = _tenths(told | {"n_churn": totals.n_churn[:, place]})
        naive = _tenths({"independent": _shares(walked.alone, place)["grr"]})
        found.append(
            {"quarter": start, "n_due": len(once), "due_arr": float(once["arr"].sum())}
            | {name: value for name, value in levels.items() if name[:3] in ("grr", "nrr")}
            | {"arr_at_risk": risk}
            | {name: value for name, value in levels.items() if name[:3] not in ("grr", "nrr")}
            | {"top5_share": float(by_account.nlargest(TOP).sum() / risk) if risk > 0 else np.nan}
            | {name: naive[name] for name in ("independent_p10", "independent_p90")}
        )
    return _named(pd.DataFrame(found))


def _by_account(rows: pd.DataFrame) -> pd.DataFrame:
    once = rows.drop_duplicates("subscription_id")
    found = once.groupby("account_id", sort=False).agg(
        parent_account_id=("parent_account_id", "first"),
        segment=("segment", "first"),
        n_due=("subscription_id", "size"),
        arr=("arr", "sum"),
    )
    found["arr_at_risk"] = rows.groupby("account_id")["risk"].sum()
    found = found.reset_index()
    found = found.sort_values(["arr_at_risk", "account_id"], ascending=[False, True])
    total = float(found["arr_at_risk"].sum())
    share = found["arr_at_risk"] / total if total > 0 else found["arr_at_risk"] * np.nan
    found = found.assign(share=share, cumulated_share=share.cumsum())
    found.insert(0, "rank", np.arange(1, len(found) + 1))
    return found.reset_index(drop=True)


def _of_book(walked: _Walked) -> pd.DataFrame:
    rows, totals, whole = walked.rows, walked.totals, walked.whole
    found = []
    for place, start in enumerate([*walked.starts, pd.NaT]):
        mine = rows if start is pd.NaT else rows[rows["quarter"] == start]
        begun = totals.start[:, place]
        kept = whole - (begun - totals.kept[:, place])
        came_to = whole + totals.end[:, place] - begun
        values = {"grr": _ratio(kept, whole), "nrr": _ratio(came_to, whole)}
        due_arr = float(mine.drop_duplicates("subscription_id")["arr"].sum())
        found.append({"quarter": start, "book_arr": whole, "due_arr": due_arr} | _tenths(values))
    return _named(pd.DataFrame(found))


def _levels(walked: _Walked) -> pd.DataFrame:
    starts, totals = walked.starts, walked.totals
    found: dict[str, list[Float]] = {"grr": [], "nrr": [], "loss": [], "n_churn": []}
    for place in range(len(starts) + 1):
        told = _shares(totals, place)
        told |= {"loss": totals.loss[:, place], "n_churn": totals.n_churn[:, place]}
        for name, value in told.items():
            found[name].append(_quantiles(value, LEVELS))
    named = {
        "quarter": pd.DatetimeIndex([*starts, pd.NaT]).repeat(len(LEVELS)),
        "level": np.tile(LEVELS, len(starts) + 1),
    }
    return _named(pd.DataFrame(named | {name: np.concatenate(v) for name, v in found.items()}))


def _shares(totals: Totals, place: int) -> dict[str, Float]:
    begun = totals.start[:, place]
    return {
        "grr": _ratio(totals.kept[:, place], begun),
        "nrr": _ratio(totals.end[:, place], begun),
    }


def _ratio(part: Float, whole: Float | float) -> Float:
    """Return part over whole, missing where there is nothing."""
    below = np.broadcast_to(np.asarray(whole, dtype=np.float64), part.shape)
    out = np.full(part.shape, np.nan)
    return np.asarray(np.divide(part, below, out=out, where=below > 0))


def _tenths(told: dict[str, Float]) -> dict[str, float]:
    """Return the 10th, 50th and 90th percentile of each, by its name and the tenth's."""
    levels = np.array([level for _, level in _TENTHS])
    return {
        f"{name}_{tenth}": float(found)
        for name, values in told.items()
        for (tenth, _), found in zip(_TENTHS, _quantiles(values, levels), strict=True)
    }


def _quantiles(values: Float, levels: Float) -> Float:
    """Return quantiles of the paths that have a value; missing where none has."""
    known = values[~np.isnan(values)]
    return np.asarray(np.quantile(known, levels) if len(known) else np.full(len(levels), np.nan))


def _named(found: pd.DataFrame) -> pd.DataFrame:
    quarter = pd.to_datetime(found["quarter"]).astype("datetime64[s]")
    found = found.assign(quarter=quarter)
    found.insert(1, "label", label(quarter))
    return found
