"""By how much those who stay shrink or grow: how many do, and the ratios they came to.

Grain in: ended terms with the money of the next (``features.renewals.history``).  Grain out: shares
of down, flat and up by segment and length, and a stock of ratios by segment to draw from.  The
ratios are the past's own, smoothed, never their mean: one large contraction is what a plan fears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.forecasting import cells
from cs_models.learn.forecasting.cells import Float, Int, Layout, Shares

DOWN, FLAT, UP = 0, 1, 2
KINDS: Final = ("down", "flat", "up")
FEWEST_RATIOS: Final = 20
STOCK: Final = 4096
LARGEST: Final = 0.99  # ratios beyond this quantile are set to it, as methods.md 3 does with ARR
_BY_OUTCOME: Final = {"contracted": DOWN, "renewed": FLAT, "expanded": UP}


@dataclass(frozen=True)
class Split:
    """Shares of down, flat and up among those who stayed, by segment and length.

    Attributes
    ----------
    layout : Layout
    shares : Shares
        Kinds: down, flat, up.
    """

    layout: Layout
    shares: Shares

    @property
    def table(self) -> pd.DataFrame:
        """One row per cell: segment, length, n_stayed, down, flat, up."""
        mean = self.shares.mean
        stayed = self.shares.counts.sum(axis=1).astype(int)
        return self.layout.names().assign(
            n_stayed=stayed, **{kind: mean[:, place] for place, kind in enumerate(KINDS)}
        )


@dataclass(frozen=True)
class Ratios:
    """What the ARR of those who changed came to, as a ratio of what it was.

    Attributes
    ----------
    segments : tuple of str
        The last one is "" (all others).
    down, up : tuple of ndarray of float
        Past ratios by segment, sorted, below and above 1; those of all segments where one has
        fewer than 20.
    table : pandas.DataFrame
        One row per (segment, kind): segment, kind, n (its own), mean, p10, p50, p90, pooled,
        capped_at.
    """

    segments: tuple[str, ...]
    down: tuple[Float, ...]
    up: tuple[Float, ...]
    table: pd.DataFrame

    def stock(self, rng: np.random.Generator) -> tuple[Float, Float]:
        """Draw a stock of smoothed ratios for each segment.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        down, up : ndarray of float, shape (n_segments, 4096)
        """
        down = np.stack([smoothed(ratios, STOCK, rng) for ratios in self.down])
        return down, np.stack([smoothed(ratios, STOCK, rng) for ratios in self.up])


def split(history: pd.DataFrame) -> Split:
    """Learn how many of those who stayed shrank, stayed alike or grew.

    Parameters
    ----------
    history : pandas.DataFrame
        From ``features.renewals.history``.

    Returns
    -------
    Split
        By the money where both terms' is known, else by the outcome on record.
    """
    stayed = history[history["outcome"].isin(list(_BY_OUTCOME))]
    layout = Layout.of(history)
    counts = cells.tally(layout.cell_of(stayed), kinds(stayed), layout.size, len(KINDS))
    return Split(layout, cells.shrink(counts))


def kinds(stayed: pd.DataFrame) -> Int:
    """Tell down (0), flat (1) and up (2) of terms that stayed.

    Parameters
    ----------
    stayed : pandas.DataFrame
        outcome, ratio.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    ratio = stayed["ratio"].to_numpy(dtype=np.float64)
    told = stayed["outcome"].map(_BY_OUTCOME).to_numpy(dtype=np.int64)
    by_money = np.where(ratio < 1.0, DOWN, np.where(ratio > 1.0, UP, FLAT))
    return np.where(np.isnan(ratio), told, by_money).astype(np.int64)


def ratios(history: pd.DataFrame) -> Ratios:
    """Collect the ratios of those who shrank and of those who grew, by segment.

    Parameters
    ----------
    history : pandas.DataFrame
        From ``features.renewals.history``.

    Returns
    -------
    Ratios
        A ratio beyond the 99 % quantile of its kind is set to it: one contract that grew from
        next to nothing must not be drawn for the largest.  With no ratio of a kind at all, the
        kind is drawn as 1 (no change).
    """
    told = history["outcome"].isin(list(_BY_OUTCOME)) & history["ratio"].gt(0)
    changed = history[told & history["ratio"].ne(1.0)]
    layout = Layout.of(history)
    segment = layout.segment_of(changed)
    ratio = changed["ratio"].to_numpy(dtype=np.float64)
    lists: dict[str, list[Float]] = {"down": [], "up": []}
    rows = []
    for kind, mine in (("down", ratio < 1.0), ("up", ratio > 1.0)):
        every = ratio[mine]
        most = float(np.quantile(every, LARGEST)) if kind == "up" and len(every) else np.nan
        for place, name in enumerate(layout.segments):
            own = ratio[mine & (segment == place)]
            few = len(own) < FEWEST_RATIOS
            used = np.sort(np.fmin(every if few else own, most))
            used = used if len(used) else np.ones(1)
            low, middle, high = np.quantile(used, [0.1, 0.5, 0.9])
            lists[kind].append(used)
            rows.append((name, kind, len(own), used.mean(), low, middle, high, few, most))
    names = ["segment", "kind", "n", "mean", "p10", "p50", "p90", "pooled", "capped_at"]
    table = pd.DataFrame(rows, columns=names)
    return Ratios(layout.segments, tuple(lists["down"]), tuple(lists["up"]), table)


def smoothed(past: Float, size: int, rng: np.random.Generator) -> Float:
    """Draw from past ratios by the smoothed bootstrap, on the log scale.

    Parameters
    ----------
    past : ndarray of float, shape (n,)
        All below 1, or all above 1, or the single ratio 1.
    size : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (size,)
        On the same side of 1: what smoothing takes across is reflected.  The bandwidth is
        Silverman's, and the draws are drawn in so that smoothing adds no spread.
    """
    log = np.log(past)
    n, spread = len(log), float(log.std())
    drawn = rng.choice(log, size)
    if n < 2 or spread == 0:
        return np.asarray(np.exp(drawn))
    quartiles = np.quantile(log, [0.25, 0.75])
    narrow = min(spread, float(quartiles[1] - quartiles[0]) / 1.349) or spread
    width = 0.9 * narrow * n**-0.2
    centre = float(log.mean())
    moved = drawn - centre + width * rng.standard_normal(size)
    moved = centre + moved / np.sqrt(1.0 + (width / spread) ** 2)
    return np.asarray(np.exp(np.abs(moved) * np.sign(centre)))
