"""Which words about an account go with its outcome: accounts change places, whole histories.

Grain in: one row per account with its sum of outcomes beyond what is usual in its group, and 0/1
columns for the levels of several words.  Grain out: one p per word and one per level.  The
permutation of ``permutation`` (Engine A) for words, where that one reads the cuts of a grid.

Source: ``methods.md`` 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn.engines.stepdown import adjust

Float = NDArray[np.float64]
Int = NDArray[np.int64]
_BLOCK: Final = 250


@dataclass(frozen=True)
class Exchanged:
    """What changing places says of words and of their levels.

    Attributes
    ----------
    column : ndarray of float, shape (n_columns,)
        p of each word, adjusted for all words.
    level : ndarray of float, shape (n_levels,)
        p of each level against all others, adjusted for all levels of all words.
    clarity : ndarray of float, shape (n_columns,)
        Minus the log of each word's own p by a gamma law with the moments of the drawings: it puts
        in order what no drawing reached.
    """

    column: Float
    level: Float
    clarity: Float


def test(
    indicator: Float, owner: Int, surplus: Float, group: Int, *, n_permutations: int,
    rng: np.random.Generator,
) -> Exchanged:  # fmt: skip
    """Hold words against accounts that change places inside their group.

    Parameters
    ----------
    indicator : ndarray of float, shape (n_accounts, n_levels)
        1 where the account is of the level.
    owner : ndarray of int, shape (n_levels,)
        The word that each level belongs to, 0 to n_columns - 1.
    surplus : ndarray of float, shape (n_accounts,)
        Outcomes of the account less the mean of its group, added up.
    group : ndarray of int, shape (n_accounts,)
        Accounts that may change places; 0 to n_groups - 1.
    n_permutations : int
    rng : numpy.random.Generator

    Returns
    -------
    Exchanged
    """
    sizes = np.bincount(group)
    # Only what can change places counts: levels are centred inside each group of accounts.
    inside = np.column_stack([np.bincount(group, weights=c) / sizes for c in indicator.T])
    centred = indicator - inside[group]
    spread = np.array([np.var(surplus[group == g], ddof=1) if sizes[g] > 1 else 0.0
                       for g in range(len(sizes))])  # fmt: skip
    deviation = np.sqrt((centred**2).T @ spread[group])
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9)
    observed = centred.T @ surplus * inverse
    null = _drawn(centred * inverse, surplus, group, n_permutations, rng)
    by_level = adjust(np.round(observed, 9), [np.abs(null).T])
    words = range(int(owner.max()) + 1)
    seen = np.array([(observed[owner == c] ** 2).sum() for c in words])
    together = np.column_stack([(null[:, owner == c] ** 2).sum(axis=1) for c in words])
    # Words have different numbers of levels: each is put on the scale of its own p.
    surprise = -np.log(_reached(np.vstack([seen, together])) / (n_permutations + 1.0))
    by_column = adjust(surprise[0], [surprise[1:].T])
    return Exchanged(by_column.p, by_level.p, _clarity(seen, together))


def _drawn(
    centred: Float, surplus: Float, group: Int, n_permutations: int, rng: np.random.Generator
) -> Float:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    ends = np.r_[starts[1:], len(order)]
    blocks = []
    for begin in range(0, n_permutations, _BLOCK):
        size = min(_BLOCK, n_permutations - begin)
        drawn = np.empty((size, len(order)))
        for start, end in zip(starts, ends, strict=True):
            own = np.broadcast_to(surplus[order[start:end]], (size, end - start))
            drawn[:, start:end] = rng.permuted(own, axis=1)
        blocks.append(drawn @ centred[order])
    return np.concatenate(blocks)


def _reached(everything: Float) -> Float:
    """Return, column by column, how many of all values reach each value, itself among them."""
    out = np.empty_like(everything)
    for c, values in enumerate(everything.T):
        ordered = np.sort(values)
        out[:, c] = len(ordered) - np.searchsorted(ordered, values - 1e-9, side="left")
    return out


def _clarity(seen: Float, together: Float) -> Float:
    mean, variance = together.mean(axis=0), together.var(axis=0)
    told = (variance > 1e-12) & (mean > 1e-12)
    scale = np.divide(variance, mean, out=np.ones_like(mean), where=told)
    shape = np.divide(mean**2, variance, out=np.ones_like(mean), where=told)
    return np.where(told, -stats.gamma.logsf(seen, shape, scale=scale), 0.0)
