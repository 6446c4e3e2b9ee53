"""Rows sorted into cells once, so that every sum above every cut is one sparse product.

Grain in: one cell number per known row of a column.  Grain out: sums of row weights by cell, for
many columns of weights at once.  ``methods.md`` 2.3: the binning that all rules of a column share.

Weights of 0 and 1 are summed in 16 bits, four times as many at once as in single precision; a cell
is cut into pieces that cannot overflow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LARGEST_PIECE = 2**15 - 1  # rows: as many ones as 16 bits can count

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Ones:
    """Ones that the sparse matrices of all columns share, to hold them once in memory."""

    single: NDArray[np.float32]
    short: NDArray[np.int16]

    @classmethod
    def up_to(cls, n_rows: int) -> Ones:
        """Return enough for a column that is known in every row."""
        return cls(np.ones(n_rows, dtype=np.float32), np.ones(n_rows, dtype=np.int16))


@dataclass(frozen=True)
class Bins:
    """Which cell each row falls into.

    Attributes
    ----------
    matrix : csr_matrix of float32, shape (n_cells, n_population)
        Rows are in order inside a cell; rows below the lowest cut are in none.
    pieces : csr_matrix of int16, shape (n_pieces, n_population)
        The same rows, in pieces of at most ``LARGEST_PIECE`` rows.
    first : ndarray of int, shape (n_cells,)
        First piece of each cell.
    """

    matrix: sparse.csr_matrix
    pieces: sparse.csr_matrix
    first: NDArray[np.int64]

    @property
    def n_cells(self) -> int:
        """Return the number of cells."""
        return len(self.first)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return how many rows each cell holds."""
        sizes: NDArray[np.int64] = np.diff(self.matrix.indptr).astype(np.int64)
        return sizes

    def sums(self, weights: NDArray[np.generic]) -> NDArray[np.floating]:
        """Sum row weights by cell.

        Parameters
        ----------
        weights : ndarray, shape (n_population, n_columns)
            Floats; or int16, which must be 0 and 1.

        Returns
        -------
        ndarray of float, shape (n_cells, n_columns)
            In the precision of the weights; float32, and exact, for int16.
        """
        if weights.dtype != np.int16:
            return np.asarray(self.matrix @ weights)
        sums = np.asarray(self.pieces @ weights).astype(np.float32)
        if len(sums) == self.n_cells:
            return sums
        return np.asarray(np.add.reduceat(sums, self.first, axis=0))

    def of_rows(self) -> NDArray[np.int32]:
        """Return the cell of each row of the population, -1 where it is in none."""
        cell = np.full(self.matrix.shape[1], -1, dtype=np.int32)
        cell[self.matrix.indices] = np.repeat(np.arange(self.n_cells, dtype=np.int32), self.sizes)
        return cell


def sort(cell: NDArray[np.int32], rows: Integers, n_cells: int, n_rows: int, ones: Ones) -> Bins:
    """Sort rows into cells.

    Parameters
    ----------
    cell : ndarray of int, shape (n_known,)
        -1 for a row in no cell.
    rows : ndarray of int, shape (n_known,)
        Their numbers in the population, increasing.
    n_cells, n_rows : int
        ``n_rows`` of the population.
    ones : Ones

    Returns
    -------
    Bins
    """
    inside = cell >= 0
    if not inside.all():
        cell, rows = cell[inside], rows[inside]
    # numpy sorts 16-bit integers by their digits, in one pass over the rows
    order = np.argsort(cell.astype(np.uint16 if n_cells <= 2**16 else np.int64), kind="stable")
    indices = rows[order].astype(np.int32)
    sizes = np.bincount(cell, minlength=n_cells)
    starts = np.cumsum(sizes) - sizes
    n_pieces = np.maximum(-(-sizes // LARGEST_PIECE), 1)
    first = np.cumsum(n_pieces) - n_pieces
    place = np.arange(int(n_pieces.sum())) - np.repeat(first, n_pieces)
    edges = np.repeat(starts, n_pieces) + LARGEST_PIECE * place
    n = len(indices)
    return Bins(
        _csr(ones.single[:n], indices, starts, n_rows),
        _csr(ones.short[:n], indices, edges, n_rows),
        first,
    )


def _csr(
    ones: NDArray[np.generic], indices: NDArray[np.int32], starts: Integers, n_rows: int
) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((len(starts), n_rows), dtype=ones.dtype)
    matrix.data, matrix.indices = ones, indices  # set, not passed: scipy would copy the ones
    matrix.indptr = np.append(starts, len(indices)).astype(np.int32)
    return matrix
