"""How far apart two terms are: drivers weigh alike, whatever the number of their columns.

Grain in: one row per term.  Grain out: one distance per pair of terms.  ``methods.md`` 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMIT: Final = 3.0  # robust standard deviations: one wild value is far, not infinitely far
_TO_SD: Final = ((25, 75, 1.349), (5, 95, 3.290))  # widths of a normal distribution in its sd

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """Measures on one scale, in which past and running terms are compared.

    Attributes
    ----------
    used : ndarray of bool, shape (n_columns,)
        False where all past terms agree: such a column tells no two terms apart.
    log : ndarray of bool, shape (n_used,)
        Columns never below nought are taken as log(1 + x): counts have long tails.
    centre, scale, spread : ndarray of float, shape (n_used,)
        Median and robust standard deviation of past terms, and the mean squared difference of
        two of them on that scale.
    weight : ndarray of float, shape (n_used,)
        1 / (drivers · columns of the driver): every driver has the same say.
    """

    used: NDArray[np.bool_]
    log: NDArray[np.bool_]
    centre: Float
    scale: Float
    spread: Float
    weight: Float

    def place(self, values: Float) -> tuple[Float, Float]:
        """Put terms on the common scale.

        Parameters
        ----------
        values : ndarray of float, shape (n_rows, n_columns)
            NaN where missing.

        Returns
        -------
        at : ndarray of float, shape (n_rows, n_used)
            Weighed so that squared distances of places are what a driver may say; 0 where
            missing.
        known : ndarray of float, shape (n_rows, n_used)
            1 where there is a value.
        """
        values = values[:, self.used]
        known = (~np.isnan(values)).astype(np.float64)
        raw = np.nan_to_num((_logged(values, self.log) - self.centre) / self.scale)
        at = np.clip(raw, -LIMIT, LIMIT) * np.sqrt(self.weight / self.spread)
        return at * known, known

    def between(self, one: tuple[Float, Float], other: tuple[Float, Float]) -> Float:
        """Return the distance of every pair of placed terms.

        Parameters
        ----------
        one, other : tuple of ndarray
            What :meth:`place` returned for each set of terms.

        Returns
        -------
        ndarray of float, shape (n_one, n_other)
            1 is the distance of two past terms drawn at random (root mean square).

        Notes
        -----
        Where one of the two has no value, the column counts as for a pair drawn at random:
        what is not recorded makes nobody alike, and nobody strange.
        """
        (a, a_known), (b, b_known) = one, other
        both = (a**2) @ b_known.T + a_known @ (b**2).T - 2 * (a @ b.T)
        unknown = self.weight.sum() - (a_known * self.weight) @ b_known.T
        return np.asarray(np.sqrt(np.maximum(both + unknown, 0.0)), dtype=np.float64)


def learn(values: Float, columns: list[str], drivers: Mapping[str, str]) -> Space:
    """Learn the common scale from past terms.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows, n_columns)
        Past terms; NaN where missing.
    columns : list of str
    drivers : mapping of str to str
        Driver of each column.

    Returns
    -------
    Space
    """
    with np.errstate(invalid="ignore"):
        log = np.asarray(~(values < 0).any(axis=0), dtype=bool)
    logged = _logged(values, log)
    centre, scale = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for j in range(values.shape[1]):
        known = logged[~np.isnan(logged[:, j]), j]
        if known.size:
            centre[j], scale[j] = float(np.median(known)), _sd(known)
    used = scale > 0
    placed = np.clip((logged[:, used] - centre[used]) / scale[used], -LIMIT, LIMIT)
    names = [drivers[name] for name, kept in zip(columns, used, strict=True) if kept]
    size = {name: names.count(name) for name in set(names)}
    weight = np.array([1 / (len(size) * size[name]) for name in names])
    spread = 2 * np.nanvar(placed, axis=0) if used.any() else np.zeros(0)
    return Space(used, log[used], centre[used], scale[used], spread, weight)


def _logged(values: Float, log: NDArray[np.bool_]) -> Float:
    return np.where(log, np.log1p(np.where(log, values, 0.0)), values)


def _sd(known: Float) -> float:
    """Return a robust standard deviation; the plain one where most agree, nought where all do."""
    if known.min() == known.max():
        return 0.0
    for low, high, width in _TO_SD:
        spread = float(np.subtract(*np.percentile(known, [high, low]))) / width
        if spread > 0:
            return spread
    return float(known.std())
