"""Lives of a book over some quarters: many paths, quarter by quarter.

Grain in: one row per (contract, quarter) due.  Grain out: one number per (path, quarter), and one
per path for all quarters together.  No path is kept by contract: memory stays bounded.

On one path every contract shares the quarter's shock and one draw of the parameters (a bootstrap
refit of the predictor, a draw of the shares of down and up and of the notices carried out).
Contracts of one parent, or of one account, that come up in the same quarter share one uniform
draw: they leave from the likeliest down, as one decision.  That keeps every contract's own
probability and is the strongest bond there can be: few books hold enough parents to measure it.

Source: ``methods.md`` 4 (revenue forecast).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cs_models.learn.forecasting import shocks
from cs_models.learn.forecasting.cells import Float, Int

CHUNK: Final = 50_000  # cells of an array: three times as fast where the cache holds it
MEASURES: Final = ("start", "kept", "end", "loss", "n_churn")
_EDGE: Final = 1e-6


@dataclass(frozen=True)
class Slice:
    """The contracts due in one quarter; arrays of one length.

    Attributes
    ----------
    contract : ndarray of int
        Place of the contract among all contracts.
    cluster : ndarray of int
        Whose decision it is, 0 to n_clusters - 1.
    arr : ndarray of float
        Today's ARR, currency a year.
    probability, gone : ndarray of float
        Of leaving by choice, and of being lost otherwise, at one renewal.
    eta : ndarray of float, shape (n_refits, n_rows)
        Logits before the shock, one row a draw of the parameters.
    group : ndarray of int
        Which shares of down and up the contract has.
    down, up : ndarray of float, shape (n_refits, n_groups)
        Shares of those who stay.
    segment, n_renewals : ndarray of int
    notice : ndarray of bool
        A cancellation was asked for.
    fixed : ndarray of int
        -1: open; 0, 1, 2: known to stay down, flat, up; 3: known to leave.
    """

    contract: Int
    cluster: Int
    arr: Float
    probability: Float
    gone: Float
    eta: Float
    group: Int
    down: Float
    up: Float
    segment: Int
    n_renewals: Int
    notice: NDArray[np.bool_]
    fixed: Int


OPEN, LEAVES = -1, 3


@dataclass(frozen=True)
class Totals:
    """Sums over contracts; shape (n_paths, n_quarters + 1), the last column all quarters together.

    Attributes
    ----------
    start, kept, end : ndarray of float
        ARR due when the quarter began; what of it is kept without expansion; what it came to.
    loss : ndarray of float
        ARR of those who left.
    n_churn : ndarray of float
        Contracts that left.
    lost : ndarray of float, shape (n_paths, n_groups)
        ARR of those who left, of each group asked for.
    """

    start: Float
    kept: Float
    end: Float
    loss: Float
    n_churn: Float
    lost: Float


def around(probability: Float, refits: Float | None, drawn: Float) -> Float:
    """Return the logits of each draw of the parameters, so that the mean stays what was said.

    Parameters
    ----------
    probability : ndarray of float, shape (n_rows,)
    refits : ndarray of float, shape (n_rows, n_refits), or None
        Only how they differ from their own mean logit is used.
    drawn : ndarray of float, shape (n_draws,)
        Shocks of the quarter.

    Returns
    -------
    ndarray of float, shape (n_refits or 1, n_rows)
        eta with mean over refits and shocks of expit(eta + shock) = probability, to 1e-3.
    """
    if refits is None or refits.shape[1] == 0:
        return shocks.centred(probability, drawn)[None, :]
    logits = logit(np.clip(refits, _EDGE, 1 - _EDGE))
    apart = logits - logits.mean(axis=1, keepdims=True)
    scale, mean = shocks.average(drawn)
    centre = shocks.centred(probability, drawn)
    certain = ~np.isfinite(centre)
    centre = np.where(certain, 0.0, centre)
    slope = np.gradient(mean, scale)
    for _ in range(4):  # Newton: the mean over refits grows with the centre
        at = centre[:, None] + apart
        off = np.interp(at, scale, mean).mean(axis=1) - probability
        rate = np.maximum(np.interp(at, scale, slope).mean(axis=1), 1e-9)
        centre = centre - np.clip(np.where(certain, 0.0, off / rate), -2.0, 2.0)
    eta = centre[:, None] + apart
    eta[certain] = np.where(probability[certain] >= 1, np.inf, -np.inf)[:, None]
    return np.ascontiguousarray(eta.T)


def walk(
    slices: list[Slice],
    *,
    arr: Float,
    shock: Float,
    carried_out: Float,
    stock: tuple[Float, Float],
    rng: np.random.Generator,
    groups: list[Float] | None = None,
) -> Totals:
    """Walk every path through the quarters.

    Parameters
    ----------
    slices : list of Slice
        One per quarter, in order.
    arr : ndarray of float, shape (n_contracts,)
        Today's.
    shock : ndarray of float, shape (n_paths, n_quarters)
    carried_out : ndarray of float, shape (n_refits,)
        Share of notices carried out, by draw of the parameters.
    stock : (ndarray, ndarray), each of shape (n_segments, n_stock)
        Ratios to draw from, down and up.
    rng : numpy.random.Generator
    groups : list of ndarray of float, each of shape (n_rows of the slice, n_groups), optional
        1 where a row belongs to a group, else 0.  What is drawn is the same with them and without.

    Returns
    -------
    Totals
    """
    (n_paths, n_quarters), n_contracts = shock.shape, len(arr)
    sums = {name: np.zeros((n_paths, n_quarters + 1)) for name in MEASURES}
    lost = np.zeros((n_paths, groups[0].shape[1] if groups else 0))
    n_draws = len(carried_out)
    wide = max((len(one.arr) for one in slices), default=0) + n_contracts
    most = max(1, CHUNK // max(wide, 1))
    for draw, group in enumerate(np.array_split(np.arange(n_paths), n_draws)):
        for begin in range(0, len(group), most):
            paths = group[begin : begin + most]
            state = np.ones((len(paths), n_contracts))
            for place, one in enumerate(slices):
                gone, found = _quarter(
                    one, state, shock[paths, place], draw, carried_out, stock, rng
                )
                for name, values in zip(MEASURES, found, strict=True):
                    sums[name][paths, place] = values
                if groups:
                    lost[paths] += gone @ (one.arr[:, None] * groups[place])
            whole = sums["loss"][paths, :-1].sum(axis=1), sums["n_churn"][paths, :-1].sum(axis=1)
            ends = np.minimum(state, 1.0) @ arr, state @ arr
            for name, value in zip(MEASURES, (arr.sum(), *ends, *whole), strict=True):
                sums[name][paths, -1] = value
    return Totals(**sums, lost=lost)


def leaving(one: Slice, at: Float, carried_out: float | Float) -> Float:
    """Return the chance of leaving within the quarter, over its renewals and both causes.

    Parameters
    ----------
    one : Slice
    at : ndarray of float, shape (..., n_rows)
        Chance of leaving by choice at one renewal.
    carried_out : float
        Share of notices carried out.

    Returns
    -------
    ndarray of float, shape (..., n_rows)
    """
    stays = (1.0 - at) * (1.0 - one.gone)
    several = one.n_renewals > 1
    if several.any():
        stays[..., several] **= one.n_renewals[several]
    if one.notice.any():
        stays[..., one.notice] = 1.0 - carried_out
    known = one.fixed != OPEN
    if known.any():
        stays[..., known] = np.where(one.fixed[known] == LEAVES, 0.0, 1.0)
    return np.asarray(1.0 - stays)


def _quarter(
    one: Slice,
    state: Float,
    shock: Float,
    draw: int,
    carried_out: Float,
    stock: tuple[Float, Float],
    rng: np.random.Generator,
) -> tuple[Float, tuple[Float, ...]]:
    """Let one quarter pass on some paths; `state` (ARR over today's) is moved on.

    Returns what left, over today's ARR, by path and row, and the sums of :data:`MEASURES`.
    """
    n_paths, n_rows = len(shock), len(one.arr)
    before = state[:, one.contract]
    eta = one.eta[draw % len(one.eta)]
    at = expit(eta + shock[:, None]) if shock.any() else expit(eta)[None, :]
    chance = leaving(one, at, carried_out[draw])
    n_clusters = int(one.cluster.max()) + 1 if n_rows else 0
    decides = rng.random((n_paths, n_clusters))
    if n_clusters < n_rows:
        decides = decides[:, one.cluster]
    left = (decides < chance) & (before > 0)
    change = _changed(one, (n_paths, n_rows), draw, stock, rng)
    change[left] = 0.0
    after = before * change
    state[:, one.contract] = after
    kept = np.minimum(after, before) @ one.arr
    gone = before * left
    n_gone = left.sum(axis=1).astype(np.float64)
    return gone, (before @ one.arr, kept, after @ one.arr, gone @ one.arr, n_gone)


def _changed(
    one: Slice,
    shape: tuple[int, int],
    draw: int,
    stock: tuple[Float, Float],
    rng: np.random.Generator,
) -> Float:
    """Return the ratio to which each contract's ARR changes, if it stays."""
    down = one.down[draw % len(one.down)][one.group]
    up = one.up[draw % len(one.up)][one.group]
    chosen = rng.random(shape)
    change = np.ones(shape)
    flat = change.reshape(-1)
    for past, drawn in ((stock[0], chosen < down), (stock[1], chosen >= 1.0 - up)):
        cells = np.flatnonzero(drawn)
        row = one.segment[cells % shape[1]] if len(cells) else cells
        flat[cells] = past[row, rng.integers(0, past.shape[1], len(cells))]
    return change
