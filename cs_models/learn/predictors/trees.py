"""Boosted trees: grown on columns that are cut into bins once, and told column by column.

Grain: encoded terms in, a fitted ``HistGradientBoostingClassifier`` or log-odds out.  All that
reaches into scikit-learn to save time stands here; what it returns is scikit-learn's own, to the
last digit.

- Cutting columns into bins takes as long as forty small trees.  A search, its fit and a hundred
  refits on redrawn accounts share one cut.
- Trees of four leaves are three comparisons: told for a whole column at once they take a tenth of
  what a walk from node to node takes, row by row.

Source: ``methods.md`` 3 (L4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cs_models.learn.predictors.table import Floats

BOOSTING: Final[dict[str, Any]] = {
    "learning_rate": 0.1,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "early_stopping": False,  # stopped by whole accounts, in ``levels``
    "random_state": 0,
}
_N_BINS: Final = 256  # scikit-learn's 255, and one for gaps
_ROWS: Final = 2048  # of a block: its columns stay in the processor's cache


@dataclass(frozen=True)
class Binned:
    """Columns cut into bins.

    Attributes
    ----------
    mapper : sklearn's _BinMapper
        Where they are cut.
    codes : ndarray of uint8, shape (n_rows, n_columns)
        Bin of each value, column after column in memory.
    """

    mapper: Any
    codes: npt.NDArray[np.uint8]

    def take(self, rows: npt.NDArray[Any]) -> Binned:
        """Return some of the rows."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Binned(self.mapper, np.take(self.codes.T, places, axis=1).T)


def binned(raw: Floats) -> Binned:
    """Cut columns into bins, as scikit-learn does before it grows trees.

    Parameters
    ----------
    raw : ndarray of float, shape (n_rows, n_columns)
        NaN where missing.

    Returns
    -------
    Binned
    """
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    # The seed that an estimator with this random_state draws: it picks the rows of large tables.
    drawn = np.random.RandomState(BOOSTING["random_state"])
    seed = drawn.randint(np.iinfo(np.uint32).max, dtype="u8")
    mapper = _BinMapper(n_bins=_N_BINS, random_state=seed, n_threads=1)
    return Binned(mapper, mapper.fit(raw).transform(raw))


def grow(columns: Binned, churned: Floats, signs: Sequence[int], n_trees: int) -> Any:
    """Fit boosted trees on columns that are cut already.

    Parameters
    ----------
    columns : Binned
    churned : ndarray of float, shape (n_rows,)
        0 or 1, both of them.
    signs : sequence of int
        Which way each column may act: 1 up, -1 down, 0 either.
    n_trees : int

    Returns
    -------
    sklearn.ensemble.HistGradientBoostingClassifier
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    class Cut(HistGradientBoostingClassifier):  # type: ignore[misc]
        def _bin_data(self, _x: Any, _weight: Any, is_training_data: bool) -> Any:  # noqa: ARG002
            self._bin_mapper = columns.mapper
            return columns.codes

    # The values themselves are not looked at any more: one nought stands for all of them.
    absent = np.broadcast_to(np.float64(0.0), columns.codes.shape)
    made = Cut(max_iter=n_trees, monotonic_cst=list(signs), **BOOSTING).fit(absent, churned)
    plain = HistGradientBoostingClassifier(**made.get_params())
    plain.__dict__.update(made.__dict__)
    return plain


@dataclass(frozen=True)
class Split:
    """A node: rows with at most ``at`` in a column go left; a gap goes left if ``gaps_left``."""

    column: int
    at: float
    gaps_left: bool
    left: Split | float
    right: Split | float

    def splits(self) -> Iterator[Split]:
        """Yield it and all below it."""
        yield self
        for side in (self.left, self.right):
            if isinstance(side, Split):
                yield from side.splits()


Tree = Split | float


def read(estimator: Any) -> tuple[float, list[Tree]]:
    """Return an estimator's first log-odds and its trees.

    Parameters
    ----------
    estimator : sklearn.ensemble.HistGradientBoostingClassifier
        For two classes, without categorical columns.

    Returns
    -------
    tuple of (float, list of Split or float)
    """
    start = float(np.asarray(estimator._baseline_prediction).ravel()[0])
    names = ("is_leaf", "value", "feature_idx", "num_threshold", "missing_go_to_left")
    found = []
    for (tree,) in estimator._predictors:
        parts = [tree.nodes[name].tolist() for name in (*names, "left", "right")]
        nodes = list(zip(*parts, strict=True))
        found.append(_tree(nodes, 0))
    return start, found


def _tree(nodes: list[Any], at: int) -> Tree:
    leaf, value, column, threshold, gaps_left, left, right = nodes[at]
    if leaf:
        return float(value)
    return Split(column, threshold, bool(gaps_left), _tree(nodes, left), _tree(nodes, right))


class Sides:
    """Which rows go left at a split; asked once for each place at which any tree cuts a column."""

    def __init__(self, columns: Floats) -> None:
        self._columns = columns
        self._known: dict[tuple[int, float, bool], Any] = {}

    def left(self, split: Split) -> Any:
        """Return whether each row goes left, shape (n_rows,)."""
        key = (split.column, split.at, split.gaps_left)
        found = self._known.get(key)
        if found is None:
            values = self._columns[split.column]
            found = ~(values > split.at) if split.gaps_left else values <= split.at
            self._known[key] = found
        return found


def said(estimators: Sequence[Any], raw: Floats) -> Floats:
    """Return the log-odds of each row by each estimator.

    Parameters
    ----------
    estimators : sequence of HistGradientBoostingClassifier
        For two classes, without categorical columns.
    raw : ndarray of float, shape (n_rows, n_columns)
        NaN where missing.

    Returns
    -------
    ndarray of float, shape (n_rows, n_estimators)
        What ``decision_function`` returns, bit for bit.
    """
    models = [read(estimator) for estimator in estimators]
    found = np.empty((len(raw), len(models)))
    for start in range(0, len(raw), _ROWS):
        part = found[start : start + _ROWS]
        sides = Sides(np.ascontiguousarray(raw[start : start + _ROWS].T))
        for place, (first, trees) in enumerate(models):
            total = np.full(len(part), first)
            for tree in trees:
                total += _value(tree, sides)
            part[:, place] = total
    return found


def staged(estimator: Any, raw: Floats) -> Iterator[Floats]:
    """Yield the log-odds of each row by the first tree, the first two, and so on.

    Parameters
    ----------
    estimator : HistGradientBoostingClassifier
    raw : ndarray of float, shape (n_rows, n_columns)

    Yields
    ------
    ndarray of float, shape (n_rows,)
        The same array each time, one tree further.
    """
    first, trees = read(estimator)
    total = np.full(len(raw), first)
    sides = [
        (total[start : start + _ROWS], Sides(np.ascontiguousarray(raw[start : start + _ROWS].T)))
        for start in range(0, len(raw), _ROWS)
    ]
    for tree in trees:
        for part, here in sides:
            part += _value(tree, here)
        yield total


def _value(tree: Tree, sides: Sides) -> Any:
    if not isinstance(tree, Split):
        return tree
    return np.where(sides.left(tree), _value(tree.left, sides), _value(tree.right, sides))


def mixed(
    estimator: Any, own: Floats, other: Floats, group: npt.NDArray[np.int64], n_groups: int
) -> Floats:
    """Return the log-odds of each row for every mixture of its own and another's columns.

    Parameters
    ----------
    estimator : HistGradientBoostingClassifier
    own, other : ndarray of float, shape (n_rows, n_columns)
        The two sides.
    group : ndarray of int, shape (n_columns,)
        Group of each column, from 0; a mixture takes whole groups.
    n_groups : int

    Returns
    -------
    ndarray of float, shape (n_rows, 2 ** n_groups)
        Mixture m takes group g from ``own`` where bit g of m is set.

    Notes
    -----
    A tree reads few groups: each is told for the mixtures of these alone, and added up.
    """
    first, trees = read(estimator)
    sides = [Sides(np.ascontiguousarray(values.T)) for values in (other, own)]
    told: dict[int, Floats] = {}
    for tree in trees:
        read_by = set() if not isinstance(tree, Split) else {s.column for s in tree.splits()}
        bits = sorted({int(group[column]) for column in read_by})
        mask = sum(1 << bit for bit in bits)
        sums = told.setdefault(mask, np.zeros((2 ** len(bits), len(own))))
        for place in range(2 ** len(bits)):
            taken = frozenset(bit for at, bit in enumerate(bits) if place >> at & 1)
            sums[place] += _mixture(tree, sides, group, taken)
    found = np.full((2**n_groups, len(own)), first)
    every = np.arange(2**n_groups)
    for mask, sums in told.items():
        bits = [bit for bit in range(n_groups) if mask >> bit & 1]
        found += sums[sum((every >> bit & 1) << at for at, bit in enumerate(bits))]
    return found.T


def _mixture(tree: Tree, sides: list[Sides], group: Any, own: frozenset[int]) -> Any:
    if not isinstance(tree, Split):
        return tree
    left = sides[int(group[tree.column]) in own].left(tree)
    parts = (_mixture(side, sides, group, own) for side in (tree.left, tree.right))
    return np.where(left, *parts)
