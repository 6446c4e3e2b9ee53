"""How far what was said lies from what came, beside what perfect probabilities would show.

Grain in: tested terms.  Grain out: one distance a measure (ICI, E50, E90, the binned error), each
with its null reference.  ``methods.md`` 3 and S15; Austin and Steyerberg 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn.evaluation import bootstrap, logistic
from cs_models.learn.evaluation.told import Judged, Told

Float = NDArray[np.float64]
Int = NDArray[np.int64]

N_BINS: Final = 10
_CELLS: Final = 2**18


def shape(judged: Judged, n_null: int, rng: np.random.Generator) -> dict[str, Told]:
    """Return distances from the smooth curve and the groups, beside their null reference."""
    design = logistic.spline(
        judged.logit, logistic.knots(judged.logit, events(judged.churned, judged.codes))
    )
    of_groups = binned(judged.p, N_BINS)

    def measures(outcome: Float) -> Float:
        beta = logistic.fit(design, outcome, start=identity(design))
        away = np.abs(logistic.expit(design @ beta) - judged.p[:, None])
        middle, far = np.quantile(away, [0.5, 0.9], axis=0)
        return np.stack([away.mean(axis=0), middle, far, of_groups(outcome)])

    seen = measures(judged.churned[:, None])[:, 0]
    drawn = [measures(outcome) for outcome in _simulated(judged.p, n_null, rng)]
    null = np.concatenate(drawn, axis=1) if drawn else np.empty((4, 0))
    names = ("ici", "e50", "e90", "ece")
    return {
        name: _beside(value, draws, judged.level)
        for name, value, draws in zip(names, seen, null, strict=True)
    }


def _beside(value: float, null: Float, level: float) -> Told:
    """Return a distance with its mean, quantile and tail under perfect probabilities."""
    there = null[~np.isnan(null)]
    lacking = 1 - len(there) / len(null) if len(null) else 1.0
    if np.isnan(value) or lacking > bootstrap.MOST_LACKING:
        return Told(float(value))
    tail = (1 + int((there >= value - 1e-12).sum())) / (1 + len(there))
    return Told(
        value=float(value),
        null_mean=float(there.mean()),
        null_high=float(np.quantile(there, level)),
        p_value=tail,
    )


def _simulated(p: Float, n_null: int, rng: np.random.Generator) -> Iterator[Float]:
    """Draw outcomes from the probabilities themselves, shape (n_rows, block)."""
    block = max(8, _CELLS // len(p))
    for start in range(0, n_null, block):
        size = min(block, n_null - start)
        yield (rng.random((size, len(p))) < p).T.astype(np.float64)


def binned(p: Float, n_bins: int) -> Callable[[Float], Float]:
    """Return the binned error as a function of outcomes, shape (n_rows, n_columns)."""
    group = bins(p, n_bins)
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    said = np.add.reduceat(p[order], first)[:, None]

    def error(outcome: Float) -> Float:
        seen = np.add.reduceat(outcome[order], first, axis=0)
        return np.asarray(np.abs(seen - said).sum(axis=0) / len(p))

    return error


def bins(p: Float, n_bins: int) -> Int:
    """Return the group of each row, by rank; equal probabilities share theirs."""
    places = stats.rankdata(p) - 0.5
    group = np.floor(n_bins * places / max(1, len(p))).astype(np.int64)
    return np.asarray(np.minimum(n_bins - 1, group))


def events(churned: Float, codes: Int) -> int:
    """Return accounts of the rarer class: copied rows must not bend the curve."""
    return min(len(np.unique(codes[churned == side])) for side in (0, 1))


def identity(design: Float) -> Float:
    """Return the coefficients of a curve on which all that was said came true."""
    start = np.zeros(design.shape[1])
    start[1] = 1.0
    return start
