"""Signals and echoes among words: which of them matter beyond the others (``methods.md`` 2.4b).

Grain in: one row per term with 0/1 columns for the levels of several words, of which some stand
out when looked at alone.  Grain out: the words that matter by themselves.  Where one word follows
another, all that follow it stand out; the conditional search of ``selection.signals`` for words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines import columns, multiplier

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_SIGNALS: Final = 5


@dataclass(frozen=True)
class Words:
    """Terms, their outcome, and the levels of words that were known of them.

    Attributes
    ----------
    indicator : ndarray of float, shape (n_rows, n_levels)
    owner : ndarray of int, shape (n_levels,)
        The word of each level.
    base : ndarray of float, shape (n_rows, n_covariates)
        What every test is given: 0/1 columns of when the account began.
    churned : ndarray of float, shape (n_rows,)
    account : ndarray of int, shape (n_rows,)
    """

    indicator: Float
    owner: Int
    base: Float
    churned: Float
    account: Int

    def given(
        self, accepted: Sequence[int], asked: Sequence[int], n_draws: int, rng: np.random.Generator
    ) -> dict[int, float]:
        """Return p of each word asked beyond the accepted ones, adjusted for all levels asked."""
        design = np.column_stack([self.base, self.indicator[:, np.isin(self.owner, accepted)]])
        model = multiplier.fit_null(design, self.churned, np.arange(len(self.churned)))
        mine = np.isin(self.owner, asked)
        _, found = columns.test(
            self.indicator[:, mine], model, self.account, n_draws=n_draws, rng=rng
        )
        return {word: float(found.p[self.owner[mine] == word].min()) for word in asked}


def signals(
    words: Words, standing: Sequence[int], *, n_draws: int, alpha: float, rng: np.random.Generator
) -> tuple[list[int], dict[int, float]]:
    """Return the words that matter by themselves.

    Parameters
    ----------
    words : Words
    standing : sequence of int
        Words that stand out when looked at alone, clearest first.
    n_draws : int
    alpha : float
    rng : numpy.random.Generator

    Returns
    -------
    signals : list of int
    p : dict of int to float
        p of words beyond the signals, of those asked.

    Notes
    -----
    The clearest is accepted first; whoever of the others adds to it comes next, and so on.  Then
    each is asked again given all the others, and gives way to a word of lower number beyond which
    it adds nothing: where two tell the same, luck would choose between them.
    """
    accepted, waiting = list(standing[:1]), list(standing[1:])
    p: dict[int, float] = {}
    while waiting and len(accepted) < MOST_SIGNALS:
        p |= words.given(accepted, waiting, n_draws, rng)
        best = min(waiting, key=lambda word: (p[word], standing.index(word)))
        if p[best] > alpha:
            break
        accepted.append(best)
        waiting.remove(best)
    for one in list(accepted)[:-1]:
        p |= words.given([word for word in accepted if word != one], [one], n_draws, rng)
        if p[one] > alpha:
            accepted.remove(one)
    accepted = _exchanged(words, accepted, standing, n_draws, alpha, rng)
    echoes = [word for word in standing if word not in accepted]
    if echoes:
        p |= words.given(accepted, echoes, n_draws, rng)
    return accepted, p


def _exchanged(
    words: Words, accepted: list[int], standing: Sequence[int], n_draws: int, alpha: float,
    rng: np.random.Generator,
) -> list[int]:  # fmt: skip
    """Put an echo that tells all that a signal tells in its place, where it is named before it."""
    out = list(accepted)
    for place, one in enumerate(accepted):
        for echo in sorted(word for word in standing if word not in out and word < one):
            others = [echo if word == one else word for word in out]
            if words.given(others, [one], n_draws, rng)[one] > alpha:
                out[place] = echo
                break
    return out
