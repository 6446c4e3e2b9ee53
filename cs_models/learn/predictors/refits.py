"""How far other customers would have moved a prediction: the model again on redrawn accounts.

Grain: training terms in, refitted models out.  Accounts are drawn with replacement, all terms of
an account together; the encoding and the hyper-parameters stay.

Source: ``methods.md`` 3 (uncertainty per account).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cs_models import beside, progress
from cs_models.learn.predictors import levels, threads, trees
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Boosted, Data, Fitted, Line, Task
from cs_models.learn.predictors.table import Ints


def draw(
    fitted: Fitted, task: Task, encoder: Encoder, *, n_refits: int, rng: np.random.Generator
) -> tuple[Fitted, ...]:
    """Fit a model again on redrawn accounts.

    Parameters
    ----------
    fitted : Fitted
        Whose hyper-parameters are kept.
    task : Task
    encoder : Encoder
    n_refits : int
    rng : numpy.random.Generator

    Returns
    -------
    tuple of Fitted
        At most ``n_refits``: a draw without any leaver, or without anyone who stayed, is none.
    """
    n_accounts = int(task.account.max()) + 1
    draws = [
        np.bincount(rng.integers(n_accounts, size=n_accounts), minlength=n_accounts)
        for _ in range(n_refits)
    ]

    def again(some: Sequence[Ints]) -> list[Fitted]:
        found = []
        for drawn in progress.through(some, "refits of the model"):
            times = drawn[task.account]
            left = task.churned[times > 0]
            if left.min() != left.max():
                found.append(levels.refit(fitted, task, encoder, times))
        return found

    # On many rows the trees' own threads fill the cores, in one process' memory.
    small = len(task.churned) < threads.MANY_ROWS
    return tuple(beside.shared(again, draws) if small else again(draws))


def logits(refits: tuple[Fitted, ...], data: Data) -> Floats:
    """Return every refit's log-odds, shape (n_rows, n_refits)."""
    if not refits:
        return np.zeros((len(data.raw), 0))
    lines = [one for one in refits if isinstance(one, Line)]
    if len(lines) == len(refits):  # one product instead of a hundred
        weights = np.array([one.coefficients for one in lines]).T
        table = lines[0].part(data.design)
        return np.asarray(table @ weights + np.array([one.intercept for one in lines]))
    boosted = [one for one in refits if isinstance(one, Boosted)]
    if len(boosted) == len(refits):  # a cut that two of them make is made once
        return trees.said([one.trees for one in boosted], data.raw)
    return np.column_stack([one.logit(data) for one in refits])
