"""What treating everyone below a cut brings, at every cut: sums over terms, judged held out.

Grain in: plain arrays, one entry per term; ``depth`` grows towards the side that renews more.
Grain out: one entry per edge, the distinct depths and infinity; all below an edge are treated.
``methods.md`` 2.8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

Float = NDArray[np.float64]
Ints = NDArray[np.int64]


def crossfitted(depth: Float, churned: Float, fold: Ints) -> Float:
    """Return each term's chance of leaving, never rising with depth, learnt without its fold.

    Parameters
    ----------
    depth, churned : ndarray of float, shape (n_rows,)
    fold : ndarray of int, shape (n_rows,)
        Accounts are whole inside a fold.

    Returns
    -------
    ndarray of float, shape (n_rows,)
    """
    chance = np.empty(len(fold))
    for i in np.unique(fold):
        chance[fold == i] = _isotonic(depth, churned, fold != i, depth[fold == i])
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


def held_out(depth: Float, churned: Float, gain: Float, cost: float, fold: Ints) -> float:
    """Return what the best cut of the other folds earns from those who really left.

    Parameters
    ----------
    depth, churned, gain : ndarray of float, shape (n_rows,)
        ``gain`` is what treating a term brings if it would have left.
    cost : float
        Cost of treating one term.
    fold : ndarray of int, shape (n_rows,)

    Returns
    -------
    float
        Free of the optimism of choosing the cut.
    """
    total = 0.0
    for i in np.unique(fold):
        learnt, judged = fold != i, fold == i
        edges = edges_of(depth[learnt])
        chance = _isotonic(depth, churned, learnt, depth[learnt])
        best = edges[np.argmax(sums(edges, depth[learnt], chance * gain[learnt] - cost))]
        total += float((churned * gain - cost)[judged & (depth < best)].sum())
    return total


def _isotonic(depth: Float, churned: Float, rows: NDArray[np.bool_], at: Float) -> Float:
    model = IsotonicRegression(increasing=False, out_of_bounds="clip")
    return np.asarray(model.fit(depth[rows], churned[rows]).predict(at), dtype=np.float64)
