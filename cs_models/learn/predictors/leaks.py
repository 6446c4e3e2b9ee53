"""Columns that tell the outcome all but alone: written when it was known, not before.

Grain: judged terms in, the column that tells most out.  Looked at before any model is fitted: with
such a column every fit is one of complete separation, slow and worth nothing.

Source: ``methods.md`` 1.1 (too-good feature); ``reliability.md`` E7.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from cs_models.errors import DataError
from cs_models.learn.predictors.history import Terms
from cs_models.learn.predictors.table import Floats, Ints, Words

TOO_GOOD_ALONE: Final = 0.95
_RARE: Final = 20  # terms: below, a word is one of many and its rate is chance


def refuse(terms: Terms) -> None:
    """Refuse a history in which one column tells who left.

    Parameters
    ----------
    terms : Terms

    Raises
    ------
    DataError
        Naming the column whose AUC alone is above .95.
    """
    name, area = worst(terms)
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


def worst(terms: Terms) -> tuple[str, float]:
    """Return the column that tells the outcome best by itself, and its AUC (.5 to 1).

    Parameters
    ----------
    terms : Terms

    Returns
    -------
    tuple of (str, float)
        "the panel" and .5 without columns.  A missing number counts as below all others, a word
        as the share of its terms that left.
    """
    left = terms.churned == 1
    found = ("the panel", 0.5)
    for at, name in enumerate(terms.table.names):
        found = max(found, (name, _area(left, terms.table.numbers[terms.at, at])), key=_by_area)
    for name, words in terms.table.words.items():
        found = max(found, (name, _area(left, _rates(words, left, terms.at))), key=_by_area)
    return found


def _by_area(told: tuple[str, float]) -> float:
    return told[1]


def _area(left: npt.NDArray[np.bool_], values: Floats) -> float:
    """Return the AUC of values alone, whichever way they tell; a gap is below all of them."""
    rank = stats.rankdata(np.where(np.isnan(values), -np.inf, values))
    n_left = int(left.sum())
    area = (rank[left].sum() - n_left * (n_left + 1) / 2) / (n_left * (len(left) - n_left))
    return float(max(area, 1 - area))


def _rates(words: Words, left: npt.NDArray[np.bool_], rows: Ints) -> Floats:
    """Return the share that left among the terms with each row's word, rare words together."""
    size = np.bincount(words.codes[rows], minlength=len(words.names))
    codes = np.where(size < _RARE, len(words.names), np.arange(len(words.names)))[words.codes[rows]]
    rates = np.bincount(codes, weights=left) / np.maximum(np.bincount(codes), 1)
    return np.asarray(rates[codes], dtype="float64")
