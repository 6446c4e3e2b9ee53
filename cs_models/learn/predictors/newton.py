"""Newton's method for a ridge logistic regression, step by step as ``newton-cholesky`` goes.

Grain: rows of a design in, the coefficients of one line out.  The steps, the line search and the
rule to stop are those of scikit-learn's solver of that name, so that what a loose tolerance leaves
undone is left undone alike.  A backtest fits thousands of lines to a thousand rows each, and there
checking arguments, both triangles of a symmetric product and its indefinite solution cost more
than the fit; and the first curvature, a quarter of the design's square whatever the ridge, serves
every strength.

Source: ``methods.md`` 3 (L2, L3); Boyd and Vandenberghe, Convex Optimization (2004), 9.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

_MOST_STEPS: Final = 200
_MOST_HALVES: Final = 21
_ENOUGH: Final = 2.0**-11  # of the decrease that the slope promises: scikit-learn's constant
_CELLS: Final = 2_000_000  # rows are weighed in blocks of so many numbers

Numbers = NDArray[Any]


@dataclass
class Rows:
    """Terms to learn from.

    Attributes
    ----------
    design : ndarray of float32 or float64, shape (n_rows, n_columns)
    churned : ndarray of float {0, 1}, shape (n_rows,)
    times : ndarray of float, shape (n_rows,), optional
        How often each row counts; once when not given.
    """

    design: Numbers
    churned: Numbers
    times: Numbers | None = None
    _first: Numbers | None = field(default=None, init=False)

    @property
    def total(self) -> float:
        """Sum of the times."""
        return float(len(self.churned) if self.times is None else self.times.sum())

    def shared(self, values: Numbers) -> Numbers:
        """Return each row's part in the mean of `values`."""
        weighed = values if self.times is None else values * self.times
        return np.asarray(weighed / self.total, dtype=self.design.dtype)

    def curvature(self, raw: Numbers) -> Numbers:
        """Return the mean loss's second derivatives (upper triangle, intercept last)."""
        if raw.any():
            p = special.expit(raw)
            return self._square(self.shared(p * (1.0 - p)))
        if self._first is None:
            self._first = self._square(self.shared(np.full(len(raw), 0.25)))
        return self._first.copy(order="F")

    def _square(self, bend: Numbers) -> Numbers:
        width = self.design.shape[1]
        found: Numbers = np.zeros((width + 1, width + 1), dtype=self.design.dtype, order="F")
        (product,) = linalg.get_blas_funcs(("syrk",), (found,))
        root = np.sqrt(bend)[:, None]
        size = max(256, _CELLS // max(width, 1))
        for at in range(0, len(bend), size):
            part = self.design[at : at + size] * root[at : at + size]
            found[:width, :width] += product(1.0, part.T)
        found[:width, width] = bend @ self.design
        found[width, width] = bend.sum()
        return found


@dataclass(frozen=True)
class _Place:
    """Where the search stands."""

    coef: Numbers
    raw: Numbers
    loss: float
    slope: Numbers


def fit(rows: Rows, strength: float, *, tol: float, start: Numbers | None = None) -> Numbers | None:
    """Fit a regression.

    Parameters
    ----------
    rows : Rows
    strength : float
        scikit-learn's C, smaller for more shrinkage; the intercept is not shrunk.
    tol : float
        It is done where neither a slope of the mean loss nor half the squared Newton decrement
        exceeds this.
    start : ndarray of float, shape (n_columns + 1,), optional
        Where to begin, the intercept last; at nought when not given.

    Returns
    -------
    ndarray of float64, shape (n_columns + 1,), or None
        Coefficients, the intercept last; None where the steps fail.
    """
    width = rows.design.shape[1]
    ridge = 1.0 / (strength * rows.total)
    coef = np.zeros(width + 1) if start is None else start
    place = _at(rows, coef.astype(rows.design.dtype), ridge)
    lines = np.arange(width)
    for _ in range(_MOST_STEPS):
        curve = rows.curvature(place.raw)
        curve[lines, lines] += ridge
        (solve,) = linalg.get_lapack_funcs(("posv",), (curve,))
        _, step, failed = solve(curve, -place.slope, overwrite_a=True)
        promised = float(place.slope @ step)
        if failed or not promised <= 0:
            return None
        found = _searched(rows, place, step, promised, ridge)
        if found is None:
            return None
        place = found
        if np.abs(place.slope).max() <= tol and -promised / 2 <= tol:
            return np.asarray(place.coef, dtype=np.float64)
    return None


def _searched(
    rows: Rows, place: _Place, step: Numbers, promised: float, ridge: float
) -> _Place | None:
    """Go along a step, half as far until the loss falls as it should; None where it does not."""
    along = rows.design @ step[:-1] + step[-1]
    tiny = abs(place.loss) * 16 * float(np.finfo(rows.design.dtype).eps)
    length = 1.0
    for _ in range(_MOST_HALVES):
        there = _at(rows, place.coef + length * step, ridge, place.raw + length * along)
        gain = there.loss - place.loss
        if gain <= length * _ENOUGH * promised:
            return there
        if abs(gain) <= tiny and np.abs(there.slope).sum() < np.abs(place.slope).sum():
            return there
        length /= 2
    return None


def _at(rows: Rows, coef: Numbers, ridge: float, raw: Numbers | None = None) -> _Place:
    """Return the loss and its slope at some coefficients."""
    raw = rows.design @ coef[:-1] + coef[-1] if raw is None else raw
    each = rows.shared(np.logaddexp(0.0, raw) - rows.churned * raw)
    loss = float(each.sum()) + ridge / 2 * float(coef[:-1] @ coef[:-1])
    off = rows.shared(special.expit(raw) - rows.churned)
    slope = np.append(off @ rows.design + ridge * coef[:-1], off.sum())
    return _Place(coef, raw, loss, slope.astype(coef.dtype))
