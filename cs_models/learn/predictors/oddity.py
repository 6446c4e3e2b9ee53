"""Whether a term is like those that were learnt from; if not, its probability is a guess.

Grain: encoded terms in, a flag and the odd columns out.  With eighty columns nearly every term is
beyond the 1st or 99th percentile of one of them; what is odd is to be beyond in as many, or as
far from the middle of all together (Mahalanobis, shrunken covariance), as one in a hundred of the
terms learnt from.

Source: ``methods.md`` 3 (out-of-distribution flag).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cs_models.learn.predictors import numbers
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Data

_TAILS: Final = (0.01, 0.99)
_QUANTILE: Final = 0.99
_SHOWN: Final = 3


@dataclass(frozen=True)
class Oddity:
    """What the terms learnt from looked like.

    Attributes
    ----------
    low, high : list of float
        1st and 99th percentile of each number; a gap counts as outside where
        fewer than one in a hundred had it.
    most_outside : float
        Numbers outside of them in 99 of 100 terms, at most.
    precision : list of list of float
        Inverse of the shrunken covariance of the regression's straight lines.
    farthest : float
        Squared distance from the middle in 99 of 100 terms, at most.
    """

    low: list[float]
    high: list[float]
    most_outside: float
    precision: list[list[float]]
    farthest: float

    def plain(self) -> dict[str, Any]:
        """Return it as lists and scalars."""
        return asdict(self)


def learn(encoder: Encoder, data: Data) -> Oddity:
    """Learn what is usual from the training terms.

    Parameters
    ----------
    encoder : Encoder
    data : Data
        Training terms.

    Returns
    -------
    Oddity
    """
    from sklearn.covariance import LedoitWolf

    raw = data.raw[numbers.sample(len(data.raw))]
    values = raw[:, : len(encoder.numbers)]
    edges = [
        np.quantile(column[np.isfinite(column)], _TAILS) if np.isfinite(column).any() else _TAILS
        for column in values.T
    ]
    low, high = ([float(edge[side]) for edge in edges] for side in (0, 1))
    outside = _outside(encoder, values, np.array(low), np.array(high)).sum(axis=1)
    lines = encoder.straight(raw)
    precision = LedoitWolf(assume_centered=True).fit(lines).precision_
    distance = _distance(lines, precision)
    return Oddity(
        low,
        high,
        float(np.quantile(outside, _QUANTILE)),
        [[float(v) for v in row] for row in precision],
        float(np.quantile(distance, _QUANTILE)),
    )


def judge(usual: Oddity, encoder: Encoder, data: Data) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Flag the terms that are unlike those learnt from, and name what is odd about them.

    Parameters
    ----------
    usual : Oddity
    encoder : Encoder
    data : Data
        Terms to be scored.

    Returns
    -------
    flagged : ndarray of bool, shape (n_rows,)
    names : list of str
        Up to three columns, the oddest first, comma-separated; "" where none is flagged.
    """
    flagged = np.zeros(len(data.raw), dtype=bool)
    named: list[str] = []
    for block in numbers.blocks(*data.raw.shape):
        flagged[block], names = _judged(usual, encoder, data.raw[block])
        named += names
    return flagged, named


def _judged(
    usual: Oddity, encoder: Encoder, raw: Floats
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    values = raw[:, : len(encoder.numbers)]
    outside = _outside(encoder, values, np.array(usual.low), np.array(usual.high))
    lines = encoder.straight(raw)
    flagged = (outside.sum(axis=1) > usual.most_outside) | (
        _distance(lines, np.array(usual.precision)) > usual.farthest
    )
    how_far = (np.abs(lines[:, : len(encoder.numbers)]) + np.isnan(values)) * outside
    names = [number.name for number in encoder.numbers]
    return flagged, [
        _named(far, names) if odd else "" for far, odd in zip(how_far, flagged, strict=True)
    ]


def _named(how_far: Floats, names: list[str]) -> str:
    order = np.argsort(-how_far, kind="stable")[:_SHOWN]
    return ", ".join(names[at] for at in order if how_far[at] > 0)


def _outside(encoder: Encoder, values: Floats, low: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    """Say which numbers are beyond their range, or missing where they rarely were."""
    rarely = np.array([not n.gaps or n.center[-1] < _TAILS[0] for n in encoder.numbers], dtype=bool)
    with np.errstate(invalid="ignore"):
        found: npt.NDArray[np.bool_] = (values < low) | (values > high)
        found |= np.isnan(values) & rarely
    return found


def _distance(lines: Floats, precision: Any) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", lines @ np.asarray(precision), lines))
