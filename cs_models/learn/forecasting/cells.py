"""Shares by segment and length of contract, drawn together where a cell holds little.

Grain in: counts by cell (segment x length) and kind.  Grain out: one posterior per cell.  The cells
of one length have a Dirichlet prior around that length's own shares; how much it weighs is not
set but integrated over, by its marginal likelihood.  A beta-binomial is the case of two kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LENGTHS: Final = ("monthly", "under a year", "a year", "longer")
_FROM_MONTHS: Final = np.array([3, 12, 24])
OTHER: Final = ""  # the segment of whoever has none, and of whoever's was never seen
# Prior weights in terms, from "nearly no drawing together" to "all one".
WEIGHTS: Final = np.geomspace(2.0, 2000.0, 25)


def length_of(term_months: pd.Series) -> Int:
    """Return the place in ``LENGTHS`` of each contract's length.

    Parameters
    ----------
    term_months : pandas.Series of int
        Months; missing counts as a year.

    Returns
    -------
    ndarray of int, shape (n,)
        0 below 3 months, 1 below 12, 2 below 24, 3 from 24 on.
    """
    months = term_months.astype("Float64").fillna(12).to_numpy(dtype=np.float64)
    return np.searchsorted(_FROM_MONTHS, months, side="right").astype(np.int64)


@dataclass(frozen=True)
class Layout:
    """The cells: every segment seen and ``OTHER``, times four lengths.

    Attributes
    ----------
    segments : tuple of str
        The last one is ``OTHER``.
    """

    segments: tuple[str, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Layout:
        """Lay out the segments of a history."""
        names = sorted(set(_segments(frame)) - {OTHER})
        return cls((*names, OTHER))

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.segments) * len(LENGTHS)

    def segment_of(self, frame: pd.DataFrame) -> Int:
        """Return each row's segment; ``OTHER`` where it is none of those seen."""
        place = pd.Index(self.segments).get_indexer(pd.Index(_segments(frame)))
        return np.where(place < 0, len(self.segments) - 1, place).astype(np.int64)

    def cell_of(self, frame: pd.DataFrame) -> Int:
        """Return each row's cell, segments outside and lengths inside."""
        return self.segment_of(frame) * len(LENGTHS) + length_of(frame["term_months"])

    def names(self) -> pd.DataFrame:
        """Return one row per cell: segment, length."""
        index = pd.MultiIndex.from_product([self.segments, LENGTHS], names=["segment", "length"])
        return index.to_frame(index=False)


@dataclass(frozen=True)
class Shares:
    """What is known of the shares of each cell.

    Attributes
    ----------
    counts : ndarray of float, shape (n_cells, n_kinds)
    together : ndarray of float, shape (4, n_kinds)
        Counts of all cells of a length, and one term at what the length itself is drawn to.
    weight : ndarray of float, shape (25,)
        How likely each of ``WEIGHTS`` is; adds up to 1.
    """

    counts: Float
    together: Float
    weight: Float

    @property
    def centre(self) -> Float:
        """The shares that each cell is drawn to, shape (n_cells, n_kinds)."""
        shares = self.together / self.together.sum(axis=1, keepdims=True)
        return np.tile(shares, (len(self.counts) // len(LENGTHS), 1))

    @property
    def mean(self) -> Float:
        """The expected shares, shape (n_cells, n_kinds); each row adds up to 1."""
        known = self.counts.sum(axis=1)
        prior = WEIGHTS[:, None, None] * self.centre + self.counts
        share = prior / (WEIGHTS[:, None] + known)[..., None]
        return np.asarray(np.einsum("w,wck->ck", self.weight, share))

    def draw(self, n_draws: int, rng: np.random.Generator) -> Float:
        """Draw shares from the posterior.

        Parameters
        ----------
        n_draws : int
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of float, shape (n_draws, n_cells, n_kinds)
            A kind that no cell can have stays at 0.
        """
        weight = rng.choice(WEIGHTS, size=n_draws, p=self.weight)
        centre = _dirichlet(np.broadcast_to(self.together, (n_draws, *self.together.shape)), rng)
        centre = np.tile(centre, (1, len(self.counts) // len(LENGTHS), 1))
        return _dirichlet(weight[:, None, None] * centre + self.counts, rng)

    def quantile(self, kind: int, level: float) -> Float:
        """Return a quantile of one kind's share: of the beta with the posterior's two moments.

        Parameters
        ----------
        kind : int
        level : float, 0 to 1

        Returns
        -------
        ndarray of float, shape (n_cells,)
        """
        mean, centre = self.mean[:, kind], self.centre[:, kind]
        weight, known = float(self.weight @ WEIGHTS), self.counts.sum(axis=1)
        of_length = np.tile(self.together.sum(axis=1), len(known) // len(LENGTHS))
        of_centre = centre * (1.0 - centre) / (of_length + 1.0) * (weight / (weight + known)) ** 2
        variance = mean * (1.0 - mean) / (weight + known + 1.0) + of_centre
        certain = variance <= 0
        total = mean * (1.0 - mean) / np.where(certain, 1.0, variance) - 1.0
        total = np.where(certain, 1.0, np.maximum(total, 1e-3))
        found = stats.beta.ppf(level, np.maximum(mean, 1e-9) * total, (1.0 - mean) * total + 1e-9)
        return np.where(certain, mean, found)


def shrink(counts: Float, centre: Float | None = None) -> Shares:
    """Draw the cells of each length to that length's shares.

    Parameters
    ----------
    counts : ndarray of float, shape (n_cells, n_kinds)
        Cells laid out by :class:`Layout`.
    centre : ndarray of float, shape (4, n_kinds), optional
        What a length without any count is drawn to; the shares of all lengths together when not
        given.  It weighs one term beside the length's own.

    Returns
    -------
    Shares
    """
    n_kinds = counts.shape[1]
    by_length = counts.reshape(-1, len(LENGTHS), n_kinds).sum(axis=0)
    if centre is None:
        total = by_length.sum(axis=0) + 0.5
        centre = np.tile(total / total.sum(), (len(LENGTHS), 1))
    found = Shares(counts, by_length + centre, np.ones(len(WEIGHTS)))
    evidence = _evidence(counts, found.centre)
    weight = np.exp(evidence - evidence.max())
    return Shares(counts, found.together, weight / weight.sum())


def tally(cell: Int, kind: Int, n_cells: int, n_kinds: int) -> Float:
    """Count rows by cell and kind.

    Parameters
    ----------
    cell, kind : ndarray of int, shape (n_rows,)
    n_cells, n_kinds : int

    Returns
    -------
    ndarray of float, shape (n_cells, n_kinds)
    """
    flat = np.bincount(cell * n_kinds + kind, minlength=n_cells * n_kinds)
    return flat.reshape(n_cells, n_kinds).astype(np.float64)


def _evidence(counts: Float, centre: Float) -> Float:
    """Return the Dirichlet-multinomial log likelihood of all cells at each prior weight."""
    alpha = WEIGHTS[:, None, None] * np.maximum(centre, 1e-12)
    cells = (gammaln(alpha + counts) - gammaln(alpha)).sum(axis=(1, 2))
    sizes = gammaln(WEIGHTS[:, None]) - gammaln(WEIGHTS[:, None] + counts.sum(axis=1))
    return np.asarray(cells + sizes.sum(axis=1))


def _dirichlet(alpha: Float, rng: np.random.Generator) -> Float:
    drawn = rng.standard_gamma(alpha)
    return np.asarray(drawn / np.maximum(drawn.sum(axis=-1, keepdims=True), 1e-300))


def _segments(frame: pd.DataFrame) -> list[str]:
    if "segment" not in frame:
        return [OTHER] * len(frame)
    return [
        str(name)
        for name in frame["segment"].astype("object").where(frame["segment"].notna(), OTHER)
    ]
