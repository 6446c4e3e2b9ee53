"""What treating everyone below a cut brings, at every cut: sums over terms, judged held out.

Grain in: plain arrays, one entry per term; ``depth`` grows towards the side that renews more, and
``segment`` (int codes) parts customers whose money and leaving differ: one chance for all would
lay the leaving of the many small on the money of the few large.
Grain out: one entry per edge, the distinct depths and infinity; all below an edge are treated.
``methods.md`` 2.8.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

FEWEST_CHURNED_TERMS: Final = 20  # of a segment, for a curve of its own
_PRIOR_CHURNED: Final = 2.0  # terms as the pooled curve expects them, set beside a segment's own
_SMALLEST: Final = 1e-9  # a chance of 0 or 1 has no odds
_WIDEST: Final = 50.0  # no shift of log odds is wider

Float = NDArray[np.float64]
Ints = NDArray[np.int64]


def crossfitted(depth: Float, churned: Float, segment: Ints, fold: Ints) -> Float:
    """Return each term's chance of leaving, never rising with depth, learnt without its fold.

    Parameters
    ----------
    depth, churned : ndarray of float, shape (n_rows,)
    segment, fold : ndarray of int, shape (n_rows,)
        Accounts are whole inside a fold.

    Returns
    -------
    ndarray of float, shape (n_rows,)
    """
    chance = np.empty(len(fold))
    for i in np.unique(fold):
        learnt, judged = fold != i, fold == i
        chance[judged] = chances(
            depth[learnt], churned[learnt], segment[learnt], depth[judged], segment[judged]
        )
    return chance


def chances(
    depth: Float, churned: Float, segment: Ints, depth_at: Float, segment_at: Ints
) -> Float:
    """Return the chance of leaving at given depths, isotonic within each segment.

    Parameters
    ----------
    depth, churned : ndarray of float, shape (n_rows,)
    segment : ndarray of int, shape (n_rows,)
    depth_at : ndarray of float, shape (n_at,)
    segment_at : ndarray of int, shape (n_at,)

    Returns
    -------
    ndarray of float, shape (n_at,)
        A segment of which 20 terms or more left has a curve of its own.  Another has the pooled
        curve, its log odds shifted until as many are expected to leave as did, two expected terms
        set beside them; one that was never seen has the pooled curve as it is.

    Notes
    -----
    Source: ``methods.md`` 2.8.
    """
    pooled = _isotonic(depth, churned)
    chance = _at(pooled, depth_at)
    known = np.unique(segment)
    if len(known) == 1:
        return chance
    for i in np.intersect1d(known, segment_at):
        own, asked = segment == i, segment_at == i
        if churned[own].sum() >= FEWEST_CHURNED_TERMS:
            chance[asked] = _at(_isotonic(depth[own], churned[own]), depth_at[asked])
        else:
            chance[asked] = _shifted(_at(pooled, depth[own]), churned[own], chance[asked])
    return chance


def edges_of(depth: Float) -> Float:
    """Return the edges: every distinct depth (below the first is nobody), and infinity."""
    return np.append(np.unique(depth), np.inf)


def sums(edges: Float, depth: Float, net: Float) -> Float:
    """Return the sum of what the terms below each edge bring.

    Parameters
    ----------
    edges : ndarray of float, shape (n_edges,)
    depth, net : ndarray of float, shape (n_rows,)
        ``net`` is what treating a term brings, less its cost.

    Returns
    -------
    ndarray of float, shape (n_edges,)
    """
    order = np.argsort(depth, kind="stable")
    running = np.append(0.0, np.cumsum(net[order]))
    return np.asarray(running[np.searchsorted(depth[order], edges, side="left")])


def held_out(
    depth: Float, churned: Float, segment: Ints, gain: Float, cost: float, fold: Ints
) -> Float:
    """Return what the best cut of the other folds earns from each term, by who really left.

    Parameters
    ----------
    depth, churned, gain : ndarray of float, shape (n_rows,)
        ``gain`` is what treating a term brings if it would have left.
    cost : float
        Cost of treating one term.
    segment, fold : ndarray of int, shape (n_rows,)

    Returns
    -------
    ndarray of float, shape (n_rows,)
        0 where a term is not treated.  Free of the optimism of choosing the cut.
    """
    earned = np.zeros(len(depth))
    for i in np.unique(fold):
        learnt, judged = fold != i, fold == i
        edges = edges_of(depth[learnt])
        here = depth[learnt], segment[learnt]
        chance = chances(depth[learnt], churned[learnt], segment[learnt], *here)
        best = edges[np.argmax(sums(edges, depth[learnt], chance * gain[learnt] - cost))]
        treated = judged & (depth < best)
        earned[treated] = (churned * gain - cost)[treated]
    return earned


def _isotonic(depth: Float, churned: Float) -> IsotonicRegression:
    return IsotonicRegression(increasing=False, out_of_bounds="clip").fit(depth, churned)


def _at(model: IsotonicRegression, depth: Float) -> Float:
    return np.asarray(model.predict(depth), dtype=np.float64)


def _shifted(expected: Float, churned: Float, chance: Float) -> Float:
    """Shift the log odds of ``chance`` by what fits ``expected`` to those who left."""
    n_expected = expected.sum()
    aim = n_expected * (churned.sum() + _PRIOR_CHURNED) / (n_expected + _PRIOR_CHURNED)
    odds = logit(np.clip(expected, _SMALLEST, 1 - _SMALLEST))
    if not expit(odds - _WIDEST).sum() < aim < expit(odds + _WIDEST).sum():
        return chance  # where the pooled curve is nought or one throughout
    shift = brentq(lambda by: expit(odds + by).sum() - aim, -_WIDEST, _WIDEST)
    return np.asarray(expit(logit(np.clip(chance, _SMALLEST, 1 - _SMALLEST)) + shift))
