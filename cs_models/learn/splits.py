"""Folds that never split an account: whoever was learnt from is not judged by.

Grain in: one row per observation with its cluster.  Grain out: one fold number per row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grouped_folds(
    clusters: NDArray[np.int64],
    event: NDArray[np.float64],
    *,
    n_folds: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Deal whole clusters into folds, those with an event evenly.

    Parameters
    ----------
    clusters : ndarray of int, shape (n_rows,)
        Cluster number of each row, 0 to n_clusters - 1.
    event : ndarray of float, shape (n_rows,)
        1 where the row has the event; a cluster with any event is dealt with its like.
    n_folds : int
        Number of folds.
    rng : numpy.random.Generator
        Source of the shuffling.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Fold of each row, 0 to n_folds - 1.

    Notes
    -----
    Dealing by event keeps the churn rate of the folds alike, as ``methods.md`` 2.7 needs
    where churn is rare.
    """
    n_clusters = int(clusters.max()) + 1
    has_event = np.zeros(n_clusters, dtype=bool)
    has_event[clusters[event > 0]] = True
    order = np.lexsort((rng.random(n_clusters), has_event))
    fold_of_cluster = np.empty(n_clusters, dtype=np.int64)
    fold_of_cluster[order] = np.arange(n_clusters) % n_folds
    return fold_of_cluster[clusters]
