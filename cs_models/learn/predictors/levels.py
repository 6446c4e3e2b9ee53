"""The ladder's models, from a base rate to monotone boosting.

Grain: encoded training terms in, a fitted model out; its ``logit`` gives one log-odds a row.
Each is fitted as churn happened: nothing is resampled and no class is weighted, which would
spoil the probabilities (van den Goorbergh 2022).

=====  ======================  ===============================================================
level  name                    model
=====  ======================  ===============================================================
L0     segment base rate       share that left, by segment, shrunk to the whole (beta-binomial)
L1     last use                two rates: any use in the last window before the decision, or none
L2     recency and seats       logistic regression on days since the last use, and seats used
L3     regression              ridge logistic regression, lines and bends of all predictors
L4     boosting                gradient-boosted small trees, monotone where the field knows
L5     explainable boosting    a sum of boosted steps, one column each, monotone likewise (optional)
=====  ======================  ===============================================================

Hyper-parameters are chosen inside the training terms, whole accounts held out.

Source: ``methods.md`` 3 (ladder).
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from scipy import special

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn import splits
from cs_models.learn.predictors import columns, ridge, trees
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import (
    Additive,
    Boosted,
    Fitted,
    Line,
    Rates,
    Task,
)
from cs_models.learn.predictors.table import Ints

NAMES: Final = {
    "L0": "segment base rate",
    "L1": "last use",
    "L2": "recency and seats",
    "L3": "regression",
    "L4": "boosting",
    "L5": "explainable boosting",
}
LEVELS: Final = ("L0", "L1", "L2", "L3", "L4")
PLAIN: Final = ("L0", "L1", "L2")  # read one or two columns by design
OPTIONAL: Final = "L5"
_HELD_OUT: Final = 4  # a quarter of the accounts says when the trees are enough
_TREES: Final = 120
_LEAST_TREES: Final = 5
_BAGS: Final = 4
_STRENGTHS: Final = np.geomspace(1.0, 3000.0, 40)  # terms that a segment's prior may weigh


def tried(*, explainable_boosting: bool = False) -> tuple[str, ...]:
    """Return the levels to try, simplest first.

    Parameters
    ----------
    explainable_boosting : bool, default False
        Whether L5 is one of them.

    Returns
    -------
    tuple of str

    Raises
    ------
    ParameterError
        If L5 is asked for and its library is not there.
    """
    if not explainable_boosting:
        return LEVELS
    if importlib.util.find_spec("interpret") is None:
        raise ParameterError(
            "explainable boosting is not installed",
            where="explainable_boosting",
            repair="python -m pip install 'cs-models[ebm]'",
        )
    return (*LEVELS, OPTIONAL)


def fit(
    level: str,
    task: Task,
    encoder: Encoder,
    rng: np.random.Generator,
    *,
    tuned: float | None = None,
) -> Fitted:
    """Fit one level, choosing its hyper-parameters inside the task.

    Parameters
    ----------
    level : str
        One of :data:`LEVELS`.
    task : Task
    encoder : Encoder
        That the task's data were encoded with.
    rng : numpy.random.Generator
    tuned : float, optional
        The level's hyper-parameter (``Fitted.tuned``) where it is known; chosen when not given.

    Returns
    -------
    Fitted
    """
    return _FITS[level](task, encoder, rng, tuned)


def refit(fitted: Fitted, task: Task, encoder: Encoder, times: Ints) -> Fitted:
    """Fit a level again on redrawn terms, with the hyper-parameters it has: for bootstraps.

    Parameters
    ----------
    fitted : Fitted
        What is fitted again; a regression starts from it.
    task : Task
        That it was fitted on.
    encoder : Encoder
    times : ndarray of int, shape (n_rows,)
        How often each term was drawn; some that left and some that stayed.

    Returns
    -------
    Fitted
    """
    if isinstance(fitted, Line):
        return ridge.refit(fitted, task, times)
    # Rows stand twice, not weigh twice: the least size of a leaf counts rows.
    rows = np.repeat(np.arange(len(times)), times)
    if isinstance(fitted, Boosted):
        signs = fitted.trees.monotonic_cst
        cut = task.data.binned.take(rows)
        return Boosted(trees.grow(cut, task.churned[rows], signs, fitted.n_trees), fitted.n_trees)
    some = Task(task.data.take(rows), task.churned[rows], task.account[rows])
    if isinstance(fitted, Additive):
        return _additive(some, encoder, bags=1)
    return _rates(some, fitted) if isinstance(fitted, Rates) else fitted


def _base_rates(
    task: Task, _encoder: Encoder, _rng: np.random.Generator, _tuned: float | None
) -> Rates:
    return _rates(task, Rates({}, None))


def _last_use(
    task: Task, encoder: Encoder, _rng: np.random.Generator, _tuned: float | None
) -> Rates:
    place = _shortest(encoder, "events")
    return _rates(task, Rates({}, place)) if place is not None else _rates(task, Rates({}, None))


def _rates(task: Task, draft: Rates) -> Rates:
    """Estimate shrunken rates of the draft's groups."""
    frame = pd.DataFrame({"group": draft.groups(task.data), "left": task.churned, "n": 1.0})
    sums = frame.groupby("group", sort=True)[["left", "n"]].sum()
    left, n = (sums[name].to_numpy(dtype="float64") for name in ("left", "n"))
    # Half a customer either way keeps a rate off nought and one, where log-odds have no end.
    whole = (left.sum() + 0.5) / (n.sum() + 1.0)
    strength = _strength(left, n, whole)
    rates = (left + strength * whole) / (n + strength)
    shrunk = dict(zip(map(str, sums.index), map(float, rates), strict=True))
    return replace(draft, rates={**shrunk, "": shrunk.get("", float(whole))})


def _strength(left: Floats, n: Floats, whole: float) -> float:
    """Return how many terms the common rate weighs, by the likelihood of the groups' counts."""
    if len(n) < 2:
        return float(_STRENGTHS[0])
    a, b = _STRENGTHS[:, None] * whole, _STRENGTHS[:, None] * (1 - whole)
    likelihood = (special.betaln(left + a, n - left + b) - special.betaln(a, b)).sum(axis=1)
    return float(_STRENGTHS[int(np.argmax(likelihood))])


def _recency(
    task: Task, encoder: Encoder, _rng: np.random.Generator, _tuned: float | None
) -> Line | Rates:
    seats = _shortest(encoder, "seat_utilisation", place="design")
    names = encoder.design_names
    lines = set(encoder.lines)
    places = tuple(
        place
        for place, name in enumerate(names)
        if place in lines and (name == "days_since_last_use__to_date" or place == seats)
    )
    return ridge.fit(task, places, 1.0) if places else _rates(task, Rates({}, None))


def _shortest(encoder: Encoder, measure: str, place: str = "raw") -> int | None:
    """Return the place of the account's measure in its shortest window before the decision."""
    names = encoder.raw_names if place == "raw" else encoder.design_names
    found = [
        (read.days, at)
        for at, read in enumerate(map(catalogue.parse, names))
        if read and read.measure == measure and read.anchor == "last" and read.feature is None
    ]
    return min(found)[1] if found else None


def _regression(
    task: Task, encoder: Encoder, rng: np.random.Generator, tuned: float | None
) -> Line:
    names = encoder.design_names
    lines = set(encoder.lines)
    places = tuple(
        at for at, name in enumerate(names) if not columns.never_protects(name) or at in lines
    )
    fitted = ridge.fit(task, places, tuned or ridge.penalty(task, places, rng))
    guilty = {
        at
        for at, weight in zip(fitted.places, fitted.coefficients, strict=True)
        if weight < 0 and columns.never_protects(names[at])
    }
    if guilty:
        fitted = ridge.fit(task, tuple(at for at in places if at not in guilty), fitted.penalty)
    return fitted


def _boosting(
    task: Task, encoder: Encoder, rng: np.random.Generator, tuned: float | None
) -> Boosted:
    """Fit trees, as many as serve accounts held out."""
    return _boosted(task, encoder, int(tuned or _n_trees(task, encoder, rng)))


def _n_trees(task: Task, encoder: Encoder, rng: np.random.Generator) -> int:
    fold = splits.grouped_folds(task.account, task.churned, n_folds=_HELD_OUT, rng=rng)
    held, learnt = np.flatnonzero(fold == 0), np.flatnonzero(fold != 0)
    churned = task.churned[learnt]
    if churned.min() == churned.max():
        return _LEAST_TREES
    cut = trees.binned(task.data.raw[learnt])
    trial = trees.grow(cut, churned, _signs(encoder), _TREES)
    left = task.churned[held]
    losses = [ridge.loss(logit, left) for logit in trees.staged(trial, task.data.raw[held])]
    return max(_LEAST_TREES, int(np.argmin(losses)) + 1)


def _boosted(task: Task, encoder: Encoder, n_trees: int) -> Boosted:
    return Boosted(trees.grow(task.data.binned, task.churned, _signs(encoder), n_trees), n_trees)


def _signs(encoder: Encoder) -> list[int]:
    return [columns.sign(name) for name in encoder.raw_names]


def _explainable(
    task: Task, encoder: Encoder, _rng: np.random.Generator, _tuned: float | None
) -> Additive:
    return _additive(task, encoder, bags=_BAGS)


def _additive(task: Task, encoder: Encoder, *, bags: int) -> Additive:
    """Fit an explainable boosting machine and keep its steps as plain numbers."""
    from interpret.glassbox import ExplainableBoostingClassifier

    machine = ExplainableBoostingClassifier(
        interactions=0,
        outer_bags=bags,
        n_jobs=1,
        random_state=0,
        feature_types=["continuous"] * len(encoder.raw_names),
        monotone_constraints=_signs(encoder),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own plots, which are not used
        machine.fit(task.data.raw, task.churned.astype(int))
    return Additive(
        tuple(tuple(map(float, bins[0])) for bins in machine.bins_),
        tuple(tuple(map(float, scores)) for scores in machine.term_scores_),
        float(np.ravel(machine.intercept_)[0]),
    )


_FITS: Final[dict[str, Callable[[Task, Encoder, np.random.Generator, float | None], Fitted]]] = {
    "L0": _base_rates,
    "L1": _last_use,
    "L2": _recency,
    "L3": _regression,
    "L4": _boosting,
    "L5": _explainable,
}
