"""How far other customers would have moved a prediction: the model again on redrawn accounts.

Grain: training terms in, refitted models out.  Accounts are drawn with replacement, all terms of
an account together; the encoding and the hyper-parameters stay.

Source: ``methods.md`` 3 (uncertainty per account).
"""

from __future__ import annotations

import numpy as np

from cs_models.learn.predictors import levels
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Data, Fitted, Line, Task


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
    found = []
    for _ in range(n_refits):
        drawn = np.bincount(rng.integers(n_accounts, size=n_accounts), minlength=n_accounts)
        # Rows stand twice, not weigh twice: weighted quantiles make trees ten times slower.
        rows = np.repeat(np.arange(len(task.churned)), drawn[task.account])
        some = Task(task.data.take(rows), task.churned[rows], task.account[rows])
        if some.churned.min() != some.churned.max():
            found.append(levels.refit(fitted, some, encoder))
    return tuple(found)


def logits(refits: tuple[Fitted, ...], data: Data) -> Floats:
    """Return every refit's log-odds, shape (n_rows, n_refits)."""
    if not refits:
        return np.zeros((len(data.raw), 0))
    lines = [one for one in refits if isinstance(one, Line)]
    if len(lines) == len(refits):  # one product instead of a hundred
        places = list(lines[0].places)
        weights = np.array([one.coefficients for one in lines]).T
        stacked: Floats = data.design[:, places] @ weights + np.array([o.intercept for o in lines])
        return stacked
    return np.column_stack([one.logit(data) for one in refits])
