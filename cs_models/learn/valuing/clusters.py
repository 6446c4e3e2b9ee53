"""Groups that an algorithm finds, and whether they are there at all.

Grain in: one row a user, numbers; grain out: a verdict with its evidence, and a label per row.

k-means finds k groups in anything.  Two tests stand before any name is given: the gap statistic
(are the groups tighter than in one even cloud of the same shape; the least k within a standard
error) and stability (do the groups come out again when accounts are drawn anew: mean Jaccard at
least .75 for every group).  What fails either is "no stable groups".

Source: ``methods.md`` 5; Tibshirani, Walther & Hastie 2001 (JRSS B 63:411); Hennig 2007 (CSDA
52:258).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans

Float = NDArray[np.float64]
Int = NDArray[np.int64]

STABLE: Final = 0.75
MOST_GROUPS: Final = 5
MOST_ROWS: Final = 1500
N_REFERENCES: Final = 10
N_DRAWS: Final = 20
FEWEST_ROWS: Final = 100
NONE, TOO_FEW, UNSTABLE, FOUND = "one cloud", "too few users", "not stable", "stable groups"


@dataclass(frozen=True)
class Groups:
    """What was found.

    Attributes
    ----------
    verdict : str
        "stable groups", "one cloud" (the gap statistic prefers one), "not stable", "too few users".
    n_groups : int
        As the gap statistic chose; 0 with too few users.
    jaccard : tuple of float
        Mean Jaccard similarity of every group over the drawings, 0 to 1, in the order of labels.
    gaps : pandas.DataFrame
        ``k``, ``gap``, ``se``.
    labels : ndarray of int, shape (n_rows,)
        Group of every row, by size, largest 0; -1 where nothing stable was found.
    centres : ndarray of float, shape (n_groups, n_columns)
        In standard deviations.
    """

    verdict: str
    n_groups: int
    jaccard: tuple[float, ...]
    gaps: pd.DataFrame
    labels: Int
    centres: Float


def groups(
    values: ArrayLike, account: ArrayLike, rng: np.random.Generator, *, most: int = MOST_GROUPS
) -> Groups:
    """Look for groups, and say whether they are there.

    Parameters
    ----------
    values : array-like of float, shape (n_rows, n_columns)
        Without missing values.
    account : array-like, shape (n_rows,)
        Whole accounts are drawn anew.
    rng : numpy.random.Generator
    most : int, default 5
        Largest number of groups tried.

    Returns
    -------
    Groups
        Learnt on at most 1,500 rows, drawn at random; all rows are labelled.
    """
    x = np.asarray(values, dtype=np.float64)
    nothing = np.full(len(x), -1, dtype=np.int64)
    if len(x) < FEWEST_ROWS:
        empty = pd.DataFrame(columns=["k", "gap", "se"])
        return Groups(TOO_FEW, 0, (), empty, nothing, np.empty((0, x.shape[1])))
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    codes = pd.factorize(np.asarray(account))[0]
    chosen = rng.permutation(len(x))[:MOST_ROWS]
    own, of = x[chosen], codes[chosen]
    gaps = _gaps(own, rng, most)
    k = _best(gaps)
    if k == 1:
        return Groups(NONE, 1, (), gaps, nothing, np.zeros((1, x.shape[1])))
    fitted = _fit(own, k, rng)
    labels = fitted.predict(own)
    jaccard = _stability(own, of, labels, k, rng)
    order = np.argsort(-np.bincount(labels, minlength=k))
    centres, stable = fitted.cluster_centers_[order], tuple(float(jaccard[g]) for g in order)
    if min(stable) < STABLE:
        return Groups(UNSTABLE, k, stable, gaps, nothing, centres)
    return Groups(FOUND, k, stable, gaps, np.argsort(order)[fitted.predict(x)], centres)


def _fit(x: Float, k: int, rng: np.random.Generator, n_init: int = 4) -> KMeans:
    return KMeans(k, n_init=n_init, random_state=int(rng.integers(2**31))).fit(x)


def _gaps(x: Float, rng: np.random.Generator, most: int) -> pd.DataFrame:
    """Compare the tightness of k groups with that in an even cloud along the main axes."""
    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    turned = x @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    clouds = [rng.uniform(low, high, turned.shape) for _ in range(N_REFERENCES)]
    rows = []
    for k in range(1, most + 1):
        own = np.log(max(_fit(turned, k, rng).inertia_, 1e-12))
        other = np.log([_fit(cloud, k, rng, 1).inertia_ for cloud in clouds])
        se = float(other.std() * np.sqrt(1 + 1 / len(clouds)))
        rows.append((k, float(other.mean() - own), se))
    return pd.DataFrame(rows, columns=["k", "gap", "se"])


def _best(gaps: pd.DataFrame) -> int:
    """Return the least k whose gap is within a standard error of the next one's."""
    gap, se = gaps["gap"].to_numpy(), gaps["se"].to_numpy()
    enough = np.flatnonzero(gap[:-1] >= gap[1:] - se[1:])
    return int(enough[0]) + 1 if len(enough) else len(gaps)


def _stability(x: Float, of: Int, labels: Int, k: int, rng: np.random.Generator) -> Float:
    """Return each group's mean best overlap with the groups learnt from accounts drawn anew."""
    found = np.zeros((N_DRAWS, k))
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(of.max() + 2))
    names = np.unique(of)
    for draw in range(N_DRAWS):
        drawn = rng.choice(names, size=len(names))
        rows = np.concatenate([order[starts[a] : starts[a + 1]] for a in drawn])
        again = _fit(x[rows], k, rng, 2).predict(x)
        table = np.zeros((k, k))
        np.add.at(table, (labels, again), 1.0)
        union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None, :] - table
        found[draw] = (table / np.maximum(union, 1)).max(axis=1)
    return np.asarray(found.mean(axis=0))
