"""Chances to be in each stage after so many days: Aalen–Johansen.

Grain in: one row per stay.  Grain out: one row per moment and stage.

``P(s, t)`` is the product over the days of ``(s, t]`` on which somebody moved of ``I + dA``: of
those in a stage on a day, the share that moves.  Who comes into the records late is counted from
then on.  Chances of one row add up to one.  From a day on which everybody begins, the product tells
how many are in each stage even where the past matters for the next move; from a stage on a later
day it does not, and then those who were there on that day are followed by themselves (landmark
Aalen–Johansen).

Bands draw accounts anew, with all their stays and all their users.

Source: ``methods.md`` 5 (Aalen & Johansen 1978; Putter & Spitoni 2018); checked against R on the
heart data (8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import DataError
from cs_models.learn.evaluation import bootstrap

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LEAST: Final = 10  # things in a stage at a landmark, below which nothing is said of them


def occupation(
    stays: pd.DataFrame,
    stages: Sequence[str],
    moments: ArrayLike,
    *,
    initial: str | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the chance to be in each stage so long after the beginning.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        ``stage``, ``next_stage`` (missing where last seen), ``start``, ``stop`` and, for bands,
        ``account_id``.
    stages : sequence of str
        All stages.
    moments : array-like of float
        Times, in the unit of the stays.
    initial : str, optional
        The stage at time 0; told by the stays that begin at 0 when not given.
    n_boot : int, default 0
        Drawings of accounts for the band; none without.
    rng : numpy.random.Generator, optional
        Draws them.
    level : float, default 0.95
        Coverage of the band.

    Returns
    -------
    DataFrame, one row per moment and stage
        ``time``, ``stage``, ``chance``, ``low``, ``high`` (0 to 1; NaN without drawings).

    Raises
    ------
    DataError
        An unknown stage, a stay that ends before it begins, or nobody is seen from the beginning.
    """
    when = np.atleast_1d(np.asarray(moments, dtype=np.float64))
    rows = _Rows.of(stays, stages)
    first = None if initial is None else list(stages).index(initial)
    path = rows.follow(rows.begins(first, np.ones((len(stays), 1))), when)[:, :, 0]
    low, high = np.full((2, *path.shape), np.nan)
    if n_boot and rng is not None and len(stays):
        codes, size = bootstrap.accounts(stays["account_id"].astype(str))
        drawn = [
            rows.follow(rows.begins(first, weights[codes]), when, weights[codes])
            for weights in bootstrap.drawings(size, n_boot, rng, n_rows=len(stays))
        ]
        flat = np.concatenate(drawn, axis=2).reshape(path.size, -1).T
        ends = bootstrap.interval(flat, level=level)
        low, high = (end.reshape(path.shape) for end in ends)
    return pd.DataFrame(
        {
            "time": np.repeat(when, len(stages)),
            "stage": list(stages) * len(when),
            "chance": path.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def transition(
    stays: pd.DataFrame,
    stages: Sequence[str],
    *,
    since: float,
    until: float,
    landmark: bool = False,
    thing: str = "account_id",
    least: int = LEAST,
) -> pd.DataFrame:
    """Estimate where those in each stage at one time are at a later one.

    Parameters
    ----------
    stays, stages
        As in `occupation`.
    since, until : float
        The two times, ``since < until``.
    landmark : bool, default False
        Follow only those that are in the stage at ``since``: right where the past matters for the
        next move, at the price of fewer stays.
    thing : str, default "account_id"
        Column of the thing.
    least : int, default 10
        Stages with fewer things at ``since`` are left out.

    Returns
    -------
    DataFrame, one row per stage at ``since`` and stage at ``until``
        ``stage``, ``n`` (things in it at ``since``), ``to``, ``chance``.

    Raises
    ------
    DataError
        As `occupation`.
    """
    there = stays[(stays["start"] <= since) & (stays["stop"] > since)]
    parts = []
    for place, name in enumerate(stages):
        inside = there.loc[there["stage"] == name, thing]
        if inside.nunique() < least:
            continue
        own = stays[stays["stop"] > since]
        own = own[own[thing].isin(inside)] if landmark else own
        own = own.assign(start=own["start"].clip(lower=since))
        state = np.zeros((len(stages), 1))
        state[place] = 1.0
        path = _Rows.of(own, stages).follow(state, np.array([until]))[0, :, 0]
        parts.append(
            pd.DataFrame({"stage": name, "n": inside.nunique(), "to": stages, "chance": path})
        )
    columns = ["stage", "n", "to", "chance"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


class _Rows:
    """Stays as arrays, ready to be counted under many weights."""

    def __init__(self, start: Float, stop: Float, source: Int, target: Int, size: int) -> None:
        self.start, self.stop, self.source, self.target = start, stop, source, target
        self.size = size
        moved = np.flatnonzero(target >= 0)
        cell = np.lexsort((target[moved], source[moved], stop[moved]))
        self.moves = moved[cell]
        key = np.stack([stop[self.moves], source[self.moves], target[self.moves]])
        new = np.r_[True, (key[:, 1:] != key[:, :-1]).any(axis=0)][: len(self.moves)]
        self.opens = np.flatnonzero(new)
        first = self.moves[self.opens]
        self.time, self.out, self.into = stop[first], source[first], target[first]

    @classmethod
    def of(cls, stays: pd.DataFrame, stages: Sequence[str]) -> _Rows:
        place = {name: number for number, name in enumerate(stages)}
        source = stays["stage"].map(place).astype("float64")
        target = stays["next_stage"].map(place).astype("float64")
        unknown = source.isna() | (stays["next_stage"].notna() & target.isna())
        start, stop = (stays[name].to_numpy(np.float64) for name in ("start", "stop"))
        if unknown.any() or (stop < start).any():
            raise DataError(
                "a stay needs known stages, and no end before its start",
                where="stays", got=f"{int(unknown.sum())} stays in unknown stages",
                repair="; ".join(stages),
            )  # fmt: skip
        out, into = (column.fillna(-1).to_numpy().astype(np.int64) for column in (source, target))
        return cls(start, stop, out, into, len(stages))

    def begins(self, initial: int | None, weights: Float) -> Float:
        """Return the share in each stage at time 0, shape (n_stages, n_draws)."""
        state = np.zeros((self.size, weights.shape[1]))
        if initial is not None:
            state[initial] = 1.0
            return state
        at = self.start <= 0
        if not at.any():
            raise DataError("nobody is seen from the beginning", where="stays", got="0 stays")
        np.add.at(state, self.source[at], weights[at])
        return np.asarray(state / np.maximum(state.sum(axis=0), 1e-300))

    def follow(self, state: Float, moments: Float, weights: Float | None = None) -> Float:
        """Carry shares along, shape (n_moments, n_stages, n_draws)."""
        given = np.ones((len(self.start), 1)) if weights is None else weights
        flow = np.add.reduceat(given[self.moves], self.opens) if len(self.opens) else given[:0]
        present = self._present(given)
        rate = np.divide(flow, present, out=np.zeros_like(flow), where=present > 1e-9)
        edges = np.r_[0, np.flatnonzero(np.diff(self.time)) + 1, len(self.time)]
        times = self.time[edges[:-1]] if len(self.time) else np.empty(0)
        found = np.empty((len(moments), self.size, state.shape[1]))
        order = np.argsort(moments, kind="stable")
        upto = np.searchsorted(times, moments[order], side="right")
        now, done = state.copy(), 0
        for place, last in zip(order, upto, strict=True):
            for step in range(done, last):
                cells = slice(edges[step], edges[step + 1])
                going = now[self.out[cells]] * rate[cells]
                np.subtract.at(now, self.out[cells], going)
                np.add.at(now, self.into[cells], going)
            done = max(done, last)
            found[place] = now
        return found

    def _present(self, weights: Float) -> Float:
        """Return the weight in each cell's stage just before its time."""
        present = np.zeros((len(self.opens), weights.shape[1]))
        for stage in np.unique(self.out):
            mine, cells = self.source == stage, self.out == stage
            for column, sign in ((self.start, 1.0), (self.stop, -1.0)):
                order = np.argsort(column[mine], kind="stable")
                total = np.cumsum(weights[mine][order], axis=0)
                total = np.vstack([np.zeros((1, weights.shape[1])), total])
                at = np.searchsorted(column[mine][order], self.time[cells], side="left")
                present[cells] += sign * total[at]
        return present
