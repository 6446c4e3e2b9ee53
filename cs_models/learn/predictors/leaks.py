"""Columns that tell the outcome all but alone: written when it was known, not before.

Grain: judged terms in, the column that tells most out.  Looked at before any model is fitted: with
such a column every fit is one of complete separation, slow and worth nothing.

Source: ``methods.md`` 1.1 (too-good feature); ``reliability.md`` E7.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import DataError
from cs_models.learn.evaluation import metrics
from cs_models.learn.predictors import columns, encoding

TOO_GOOD_ALONE: Final = 0.95
_RARE: Final = 20  # terms: below, a word is one of many and its rate is chance


def refuse(rows: pd.DataFrame, names: list[str]) -> None:
    """Refuse a history in which one column tells who left.

    Parameters
    ----------
    rows : pandas.DataFrame
        Judged terms, ``churned`` 0 or 1.
    names : list of str
        Predictors.

    Raises
    ------
    DataError
        Naming the column whose AUC alone is above .95, or one with infinite values.
    """
    name, area = worst(rows, names)
    if area > TOO_GOOD_ALONE:
        raise refusal(name, f"AUC {area:.3f} of this column alone, above {TOO_GOOD_ALONE}")


def refusal(name: str, got: str) -> DataError:
    """Return the refusal of predictions that are too good to be true."""
    return DataError(
        "the predictions are too good to be true: a column was probably written afterwards",
        where=name,
        got=got,
        repair="leave the column out of the source's mapping, or give the date it became known",
    )


def worst(rows: pd.DataFrame, names: list[str]) -> tuple[str, float]:
    """Return the column that tells the outcome best by itself, and its AUC (.5 to 1).

    Parameters
    ----------
    rows : pandas.DataFrame
        Judged terms, ``churned`` 0 or 1.
    names : list of str
        Predictors.

    Returns
    -------
    tuple of (str, float)
        "the panel" and .5 without columns.  A missing number counts as below all others, a word
        as the share of its terms that left.
    """
    left = rows["churned"].to_numpy(dtype="float64")
    numbers = [name for name in names if name not in columns.CATEGORIES]
    table = encoding.numeric(rows, numbers)
    lowest = np.where(np.isfinite(table), table, np.inf).min(axis=0, initial=0.0) - 1.0
    told = dict(zip(numbers, np.where(np.isfinite(table), table, lowest).T, strict=True))
    for name in names:
        if name in columns.CATEGORIES:
            told[name] = _rates(rows[name], left)
    areas = {name: metrics.auc(left, values) for name, values in told.items()}
    both = {name: max(area, 1 - area) for name, area in areas.items()}
    return max(both.items(), key=lambda item: item[1], default=("the panel", 0.5))


def _rates(words: pd.Series, left: np.ndarray) -> np.ndarray:
    text = words.astype("string").fillna("").to_numpy(dtype=object)
    frame = pd.DataFrame({"word": text, "left": left})
    size = frame.groupby("word")["left"].transform("size")
    frame.loc[size < _RARE, "word"] = None
    grouped = frame.groupby("word", dropna=False)["left"].transform("mean")
    return np.asarray(grouped, dtype="float64")
