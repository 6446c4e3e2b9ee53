"""How much likelier a value is of a renewer than of a leaver, by monotone bins.

Grain in: past terms of one kind.  Grain out: one number per term and column.  ``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from cs_models.learn import peers

MOST_BINS: Final = 10
LEAVERS_A_BIN: Final = 10
# Terms of the kind's own mix that are added to every bin: a bin of few terms is drawn to "says
# nothing", and no bin speaks with certainty.
PRIOR_TERMS: Final = 2.0

Float = NDArray[np.float64]


def log_ratios(
    reference: Float, left: NDArray[np.bool_], values: Float, columns: Sequence[str]
) -> Float:
    """Return log f_renew / f_churn of values, by monotone bins of each column."""
    out = np.full(values.shape, np.nan)
    for place, name in enumerate(columns):
        known = ~np.isnan(reference[:, place])
        x, y = reference[known, place], left[known].astype(np.float64)
        if not 0 < y.sum() < len(y):
            continue
        edges = _edges(x, int(y.sum()))
        ratio = _ratios_of_bins(np.searchsorted(edges, x, side="right"), y, len(edges) + 1, name)
        here = ~np.isnan(values[:, place])
        out[here, place] = ratio[np.searchsorted(edges, values[here, place], side="right")]
    return out


def _edges(x: Float, n_left: int) -> Float:
    """Return inner edges of equal-count bins; a value that many share is never split."""
    n_bins = int(np.clip(n_left // LEAVERS_A_BIN, 2, MOST_BINS))
    inner = np.unique(np.quantile(x, np.arange(1, n_bins) / n_bins, method="higher"))
    return np.asarray(inner[inner > x.min()], dtype=np.float64)


def _ratios_of_bins(code: NDArray[np.int64], y: Float, n_bins: int, column: str) -> Float:
    """Return the log likelihood ratio of each bin, monotone in the direction of the column."""
    share = float(y.mean())
    terms: Float = np.bincount(code, minlength=n_bins).astype(np.float64) + PRIOR_TERMS
    left = np.asarray(np.bincount(code, weights=y, minlength=n_bins), dtype=np.float64)
    left += PRIOR_TERMS * share
    rates: Float = np.asarray(left / terms, dtype=np.float64)
    fits = dict(_fits(rates, terms, peers.worse_when_more(column)))
    best = min(fits, key=lambda way: float(terms @ (rates - fits[way]) ** 2))
    fitted = fits[best]
    return np.asarray(np.log((1 - fitted) / fitted) - np.log((1 - share) / share))


def _fits(rates: Float, terms: Float, rising: bool | None) -> Iterator[tuple[bool, Float]]:
    """Return the monotone fits to choose from: one where the direction is known."""
    for way in (True, False) if rising is None else (rising,):
        yield way, optimize.isotonic_regression(rates, weights=terms, increasing=way).x
