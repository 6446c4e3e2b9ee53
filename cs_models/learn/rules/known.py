"""In which rows of a scope a column is known, told once for all columns that agree.

Grain in: the rows of a scope and a column.  Grain out: the rows in which it is known, and what
the smallest sides of ``methods.md`` 2.1 need of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.rules.population import Population


@dataclass(frozen=True)
class Known:
    """Rows of a scope in which a column is known.

    Attributes
    ----------
    rows : ndarray of int
        Row numbers of the population, increasing.
    starts : ndarray of int, shape (n_accounts,)
        Where each account begins among the rows.
    most_terms : int
        The most terms of one account.
    rate : float
        Share of the rows that churned.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    most_terms: int
    rate: float


class KnownRows:
    """Hands one and the same array to all columns of a scope that are known in the same rows.

    A book of a million terms then holds its row numbers once, and not once a column; and whether
    two columns are known in the same rows is answered by their identity.

    Parameters
    ----------
    population : Population
    rows : ndarray of int
        Rows of the scope, increasing.
    """

    def __init__(self, population: Population, rows: NDArray[np.int64]) -> None:
        self._population, self._rows = population, rows
        self._found: dict[bytes, Known] = {}

    def of(self, values: NDArray[np.float64]) -> Known:
        """Return where a column is known.

        Parameters
        ----------
        values : ndarray of float, shape (n_population,)
            NaN where it is not.
        """
        missing = np.isnan(values[self._rows])
        key = np.packbits(missing).tobytes() if missing.any() else b""
        if key not in self._found:
            self._found[key] = self._described(self._rows[~missing] if key else self._rows)
        return self._found[key]

    def _described(self, rows: NDArray[np.int64]) -> Known:
        if not len(rows):
            return Known(rows, rows, 0, 0.0)
        account = self._population.account[rows]
        starts = np.flatnonzero(np.r_[True, account[1:] != account[:-1]])
        most_terms = int(np.diff(np.r_[starts, len(rows)]).max())
        return Known(rows, starts, most_terms, float(self._population.churned[rows].mean()))
