"""Boosted trees as plain arrays, and back: what a file says of them is checked, not believed.

Grain: fitted ``HistGradientBoostingClassifier`` of one kind in (a model and the refits of its
band), one dict of arrays and a single estimator without trees out.  A hundred refits are a dozen
arrays rather than tens of thousands of small objects, and every index that the compiled
prediction would follow blindly is first held inside its tree: a crafted file could otherwise read
foreign memory or run for ever.

Source: ``reliability.md`` E10, G7.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Parameters in which a refit may differ from its model.
_OWN: Final = ("max_iter", "random_state")
# State of fitting, of no use to a prediction: left out, it needs no further type in the file.
_OF_FITTING: Final = ("_feature_subsample_rng", "_random_seed", "_scorer")
_LARGEST_TREE: Final = 10_000


def pack(estimators: list[Any]) -> dict[str, Any]:
    """Return boosted trees as arrays and one estimator without trees.

    Parameters
    ----------
    estimators : list of HistGradientBoostingClassifier
        Fitted on the same columns with the same parameters (but for ``max_iter``), for two
        classes, without categorical columns.

    Returns
    -------
    dict
        ``shell`` the estimator without trees; ``nodes`` all nodes of all trees, one after the
        other; ``tree_sizes`` nodes of each tree; ``n_trees`` trees of each estimator;
        ``baselines`` log-odds at which each estimator starts.

    Raises
    ------
    TypeError
        If they are not of one kind.
    """
    first = estimators[0]
    if any(_kind(one) != _kind(first) for one in estimators):
        raise TypeError("only boosted trees of one kind, without categorical columns, can be kept")
    trees = [tree for one in estimators for (tree,) in one._predictors]
    if any(len(tree.raw_left_cat_bitsets) for tree in trees):
        raise TypeError("only boosted trees of one kind, without categorical columns, can be kept")
    shell = copy.copy(first)
    shell._predictors = []
    shell._bin_mapper = copy.copy(first._bin_mapper)
    shell._bin_mapper.random_state = None
    for name in _OF_FITTING:
        setattr(shell, name, None)
    return {
        "shell": shell,
        "nodes": np.concatenate([tree.nodes for tree in trees]),
        "tree_sizes": np.array([len(tree.nodes) for tree in trees], dtype="int64"),
        "n_trees": np.array([len(one._predictors) for one in estimators], dtype="int64"),
        "baselines": np.array([_baseline(one) for one in estimators], dtype="float64"),
    }


def unpack(packed: dict[str, Any]) -> list[Any]:
    """Return the estimators that :func:`pack` took apart.

    Parameters
    ----------
    packed : dict
        As :func:`pack` gives it; from a file, so nothing of it is believed.

    Returns
    -------
    list of HistGradientBoostingClassifier
        Their predictions equal those of the estimators packed, bit for bit.

    Raises
    ------
    ValueError
        If sizes do not add up, a node points out of its tree or back in it, or a column is read
        that is not there.
    """
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    shell, nodes = packed["shell"], packed["nodes"]
    sizes, n_trees, baselines = (packed[name] for name in ("tree_sizes", "n_trees", "baselines"))
    if nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
        raise ValueError("nodes of another kind")
    for counts, total in ((sizes, len(nodes)), (n_trees, len(sizes))):
        if counts.dtype != np.int64 or counts.ndim != 1 or (counts < 1).any():
            raise ValueError("sizes that are none")
        if counts.sum() != total or (counts > max(_LARGEST_TREE, len(sizes))).any():
            raise ValueError("sizes that do not add up")
    if baselines.shape != n_trees.shape or not np.isfinite(baselines).all():
        raise ValueError("a start that is no number")
    _hold_inside(nodes, sizes, int(shell.n_features_in_))
    trees = [_tree(part) for part in np.split(nodes, np.cumsum(sizes)[:-1])]
    ends = np.cumsum(n_trees)
    return [
        _filled(shell, trees[end - count : end], float(baseline))
        for end, count, baseline in zip(ends, n_trees, baselines, strict=True)
    ]


def _hold_inside(nodes: Array, sizes: Array, n_columns: int) -> None:
    """Refuse nodes whose children are not later nodes of their own tree, and unknown columns."""
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.arange(len(nodes)) - starts
    size = np.repeat(sizes, sizes)
    split = nodes["is_leaf"] == 0
    for side in ("left", "right"):
        child = nodes[side].astype("int64")
        if (split & ((child <= place) | (child >= size))).any():
            raise ValueError("a node that points out of its tree, or back")
    column = nodes["feature_idx"]
    if (split & ((column < 0) | (column >= n_columns))).any():
        raise ValueError("a column that is not there")
    if nodes["is_categorical"].any() or not np.isfinite(nodes["value"]).all():
        raise ValueError("a split of words, or a leaf that is no number")


def _tree(nodes: Array) -> Any:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    none = np.zeros((0, 8), dtype="uint32")
    return TreePredictor(
        nodes=nodes.copy(), binned_left_cat_bitsets=none, raw_left_cat_bitsets=none
    )


def _filled(shell: Any, trees: list[Any], baseline: float) -> Any:
    model = copy.copy(shell)
    model.max_iter = len(trees)
    model._predictors = [[tree] for tree in trees]
    model._baseline_prediction = np.array([[baseline]])
    return model


def _baseline(estimator: Any) -> float:
    return float(np.asarray(estimator._baseline_prediction).ravel()[0])


def _kind(estimator: Any) -> tuple[Any, ...]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    if type(estimator) is not HistGradientBoostingClassifier:
        raise TypeError(
            f"no estimator of type {type(estimator).__name__} can be kept, only "
            "boosted trees: write its coefficients into what is plain"
        )
    own = {k: v for k, v in estimator.get_params().items() if k not in _OWN}
    classes = tuple(map(float, estimator.classes_))
    plain = estimator._preprocessor is None and estimator.n_trees_per_iteration_ == 1
    return repr(sorted(own.items())), estimator.n_features_in_, classes, plain
