"""Would other customers have named the same columns?  Stability selection of a sparse regression.

Grain: encoded training terms in, one row a panel column out.  A lasso logistic regression of the
straight lines is fitted to many random halves of the accounts; a column is stable when it is
selected in at least 70 % of them, with one sign.

Source: ``methods.md`` 3 (predictor stability); Meinshausen & Bühlmann 2010 JRSS B 72:417.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models import beside, progress
from cs_models.learn.predictors import columns, threads
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Task
from cs_models.learn.predictors.table import Ints

STABLE: Final = 0.7
_SELECTED: Final = 12  # columns that the lasso is to keep, about
_STRENGTHS: Final = np.geomspace(0.005, 0.5, 12)


def selected(
    task: Task, encoder: Encoder, *, n_halves: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Say how often each column is selected, and with which sign.

    Parameters
    ----------
    task : Task
        Training terms.
    encoder : Encoder
    n_halves : int
        Random halves of the accounts.
    rng : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        One row a panel column, the most often selected first: column, driver, sign (1 went with
        leaving, -1 with staying), share_same_sign, selected_share, stable.
    """
    table = task.data.design[:, encoder.lines]
    names = [encoder.design_names[at] for at in encoder.lines]
    strength = _strength(table, task.churned)
    n_accounts = int(task.account.max()) + 1
    halves = [rng.permutation(n_accounts)[: n_accounts // 2] for _ in range(n_halves)]

    def chosen(some: Sequence[Ints]) -> list[Floats]:
        signs = []
        for half in progress.through(some, "halves of the customers"):
            rows = np.isin(task.account, half)
            if task.churned[rows].min() != task.churned[rows].max():
                fitted = _lasso(strength).fit(table[rows], task.churned[rows])
                signs.append(np.sign(fitted.coef_[0]))
        return signs

    small = len(table) < threads.MANY_ROWS
    signs = beside.shared(chosen, halves) if small else chosen(halves)
    frame = _by_column(np.array(signs).reshape(-1, len(names)), names)
    frame["stable"] = (frame["selected_share"] >= STABLE) & (frame["share_same_sign"] >= 0.95)
    return frame


def _by_column(signs: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Gather the words of one attribute: selected when any of them is."""
    found = []
    for name in dict.fromkeys(names):
        own = signs[:, [at for at, other in enumerate(names) if other == name]]
        # The word with the most selections speaks for an attribute's sign.
        loudest = own[:, int(np.argmax(np.abs(own).sum(axis=0)))] if len(own) else np.zeros(0)
        chosen = loudest[loudest != 0]
        total = float(chosen.sum())
        sign = int(np.sign(total)) if total else 0
        found.append(
            {
                "column": name,
                "driver": columns.driver(name),
                "sign": sign,
                "share_same_sign": float((chosen == sign).mean()) if len(chosen) else np.nan,
                "selected_share": float((own != 0).any(axis=1).mean()) if len(own) else 0.0,
            }
        )
    frame = pd.DataFrame(found)
    return frame.sort_values("selected_share", ascending=False, kind="stable", ignore_index=True)


def _strength(table: np.ndarray, churned: np.ndarray) -> float:
    """Return the lasso's C that keeps about a dozen columns: the same for every half."""
    for strength in _STRENGTHS:
        kept = np.count_nonzero(_lasso(float(strength)).fit(table, churned).coef_)
        if kept >= min(_SELECTED, table.shape[1]):
            return float(strength)
    return float(_STRENGTHS[-1])


def _lasso(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        l1_ratio=1.0, C=strength, solver="liblinear", tol=1e-3, random_state=0
    )
