"""Rates of kinds of accounts, were they alike in the rest; only where they can be alike at all.

Grain in: one row per term with several words about its account.  Grain out: one standardised rate
per level of each word.  A rate for a mix that no account of the kind has describes nobody: words
of which the kinds share too few levels are left out, and where too few rows remain there is none.

Source: ``methods.md`` 2.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.evaluation import bootstrap, logistic

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Flags = NDArray[np.bool_]
LEAST_SHARED: Final = 5  # accounts of every kind
SHARED: Final = 0.8  # of the rows, for a word to be held the same
KEPT: Final = 0.5  # of the rows, for all these words together
_Z: Final = 1.959964

RATE_COLUMNS: Final = ("column", "level", "adjusted_rate", "adjusted_low", "adjusted_high")


def rates(
    words: Mapping[str, pd.Series], event: Float, account: Int
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return the rate of each level in the mix of the rest that all levels of its word share.

    Parameters
    ----------
    words : mapping of str to Series, each of n_rows
        Of text, one value an account.
    event : ndarray of float, shape (n_rows,)
        0 or 1.
    account : ndarray of int, shape (n_rows,)
        0 to n_accounts - 1.

    Returns
    -------
    rates : DataFrame, one row per column and level
        ``adjusted_rate``, ``adjusted_low``, ``adjusted_high`` (0 to 1, accounts as the unit);
        missing where the levels share too little of the rest.
    alike : dict of str to tuple of str
        The words held the same for each word; empty where there is no rate.
    """
    found, alike = [], {}
    for column, values in words.items():
        rest = {name: each for name, each in words.items() if name != column}
        held, inside = _shared(values, rest, account)
        levels = sorted(values.unique())
        told = _standardised(values, {n: rest[n] for n in held}, event, account, inside)
        alike[column] = held if np.isfinite(told).all() else ()
        rows = told if alike[column] else np.full((len(levels), 3), np.nan)
        found += [(column, level, *row) for level, row in zip(levels, rows, strict=True)]
    return pd.DataFrame(found, columns=list(RATE_COLUMNS)), alike


def _shared(
    values: pd.Series, rest: Mapping[str, pd.Series], account: Int
) -> tuple[tuple[str, ...], Flags]:
    """Return the words that can be held the same, and the rows in which all of them can."""
    first = np.unique(account, return_index=True)[1]
    inside, held = np.ones(len(values), dtype=np.bool_), []
    kind, kinds = pd.factorize(values)
    for name, each in rest.items():
        place, places = pd.factorize(each)
        cell = place[first] * len(kinds) + kind[first]
        counts = np.bincount(cell, minlength=len(places) * len(kinds)).reshape(-1, len(kinds))
        here: Flags = (counts.min(axis=1) >= LEAST_SHARED)[place]
        if here.mean() >= SHARED and (inside & here).mean() >= KEPT:
            inside &= here
            held.append(name)
    return tuple(held), inside


def _standardised(
    values: pd.Series, held: Mapping[str, pd.Series], event: Float, account: Int, inside: Flags
) -> Float:
    levels = sorted(values.unique())
    out = np.full((len(levels), 3), np.nan)
    mine = values[inside]
    if not held or len(mine.unique()) < len(levels):
        return out
    rest = [each[inside] for each in held.values()]
    dummies = [pd.get_dummies(each, drop_first=True) for each in (mine, *rest)]
    design = np.column_stack([np.ones(len(mine)), *(d.to_numpy(np.float64) for d in dummies)])
    beta = logistic.fit(design, event[inside, None])[:, 0]
    if not np.isfinite(beta).all() or np.linalg.matrix_rank(design) < design.shape[1]:
        return out
    rate = logistic.expit(design @ beta)
    codes, n_accounts = bootstrap.accounts(account[inside])
    sums = bootstrap.sums(design * (event[inside] - rate)[:, None], codes, n_accounts)
    covariance = logistic.robust_covariance(design, rate, sums)
    for place in range(len(levels)):
        at = design.copy()
        at[:, 1 : len(levels)] = 0.0
        if place:
            at[:, place] = 1.0
        p = logistic.expit(at @ beta)
        slope = (p * (1 - p)) @ at / len(at)
        error = float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
        mean = float(p.mean())
        out[place] = mean, max(0.0, mean - _Z * error), min(1.0, mean + _Z * error)
    return out
