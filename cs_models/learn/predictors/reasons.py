"""Why a term is at risk: each driver's part of the log-odds, against those who renewed.

Grain: encoded terms in, one row each out, a column a driver.  The parts are exact Shapley values
of the game in which a driver either has the account's own values or those of a typical renewed
term of its segment; with eight drivers there are 256 such mixtures.  They add up to the
prediction.  They say what went with the prediction, not what would change it.

Source: ``methods.md`` 3 (explanations: Shapley over driver groups).
"""

from __future__ import annotations

from math import factorial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cs_models.learn.predictors import columns, numbers, trees
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Boosted, Data, Fitted, Line

_CELLS: Final = 4_000_000  # numbers of a chunk of mixtures in memory
_EDGE: Final = 1e-6  # isotonic calibration may say never or always, where log-odds have no end
_ALL: Final = ""


def typical(encoder: Encoder, data: Data, churned: Floats) -> dict[str, list[float | None]]:
    """Return the typical renewed term of each segment, as raw values.

    Parameters
    ----------
    encoder : Encoder
    data : Data
        Training terms.
    churned : ndarray of float, shape (n_rows,)

    Returns
    -------
    dict of str to list of float or None
        Medians of numbers and the commonest word of each attribute, by segment; "" for all.
    """
    stayed = churned == 0
    found = {_ALL: _middle(encoder, _some(data.raw, stayed))}
    for name in sorted(set(data.segment)):
        own = stayed & (data.segment == name)
        if name != _ALL and own.any():
            found[str(name)] = _middle(encoder, _some(data.raw, own))
    return found


def _some(raw: Floats, own: npt.NDArray[np.bool_]) -> Floats:
    """Return those rows, or as many of them as tell a median."""
    rows = np.flatnonzero(own)
    return np.asarray(raw[rows[numbers.sample(len(rows))]])


def _middle(encoder: Encoder, raw: Floats) -> list[float | None]:
    """Return the median of each number, and the commonest word."""
    values = raw[:, : len(encoder.numbers)]
    known = np.isfinite(values)
    # A column that most of them lack is typically missing.
    medians = [
        float(np.median(values[known[:, at], at])) if known[:, at].mean() >= 0.5 else None
        for at in range(values.shape[1])
    ]
    at = values.shape[1]
    for word in encoder.words:
        marks = raw[:, at : at + len(word.words)].mean(axis=0)
        shares = np.append(marks, 1 - marks.sum())
        common = int(np.argmax(shares))
        medians += [float(place == common) for place in range(len(word.words))]
        at += len(word.words)
    return medians


def explain(
    fitted: Fitted,
    calibrator: Any,
    encoder: Encoder,
    data: Data,
    reference: dict[str, list[float | None]],
) -> pd.DataFrame:
    """Part each term's log-odds into its drivers.

    Parameters
    ----------
    fitted : Fitted
    calibrator : Recalibration
    encoder : Encoder
    data : Data
        Terms to explain.
    reference : dict of str to list
        From :func:`typical`.

    Returns
    -------
    pandas.DataFrame
        ``base`` (log-odds of the typical renewed term of the segment), one column a driver,
        ``logit``; base and drivers add up to logit.
    """
    against = np.array(
        [
            [np.nan if v is None else v for v in reference.get(str(name), reference[_ALL])]
            for name in data.segment
        ],
        dtype="float64",
    ).reshape(len(data.segment), len(encoder.raw_names))
    of = np.array([columns.DRIVERS.index(columns.driver(n)) for n in encoder.raw_names], dtype=int)
    members = _members()
    weights = _weights(members)
    told = np.empty((len(data.raw), len(weights) + 2))
    chunk = max(1, _CELLS // (len(members) * max(1, data.raw.shape[1])))
    if isinstance(fitted, (Line, Boosted)):  # whose mixtures are not tables of raw values
        chunk = max(1, _CELLS // len(members))
    for start in range(0, len(told), chunk):
        rows = slice(start, start + chunk)
        some = Data(data.raw[rows], data.segment[rows], encoder)
        values = _log_odds(calibrator, _mixtures(fitted, some, against[rows], of, members))
        told[rows, 0], told[rows, -1] = values[:, 0], values[:, -1]
        told[rows, 1:-1] = values @ weights.T
    return pd.DataFrame(told, columns=["base", *columns.DRIVERS, "logit"])


def _members() -> npt.NDArray[np.bool_]:
    """Return who is in each coalition, shape (256, 8); the first is empty, the last is full."""
    n = len(columns.DRIVERS)
    return np.array([[bool(c >> d & 1) for d in range(n)] for c in range(2**n)])


def _weights(members: npt.NDArray[np.bool_]) -> Floats:
    """Return what each coalition's value weighs in each driver's part, shape (8, 256)."""
    n = members.shape[1]
    size = members.sum(axis=1)
    share = np.array([factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)])
    weights = np.zeros((n, len(members)))
    for driver in range(n):
        inside = members[:, driver]
        weights[driver, inside] = share[size[inside] - 1]
        weights[driver, ~inside] = -share[size[~inside]]
    return weights


def _mixtures(
    fitted: Fitted,
    data: Data,
    against: Floats,
    of: npt.NDArray[np.int64],
    members: npt.NDArray[np.bool_],
) -> Floats:
    """Return the log-odds of every mixture before calibration, shape (n_rows, 256)."""
    if isinstance(fitted, Line):
        return np.asarray(
            _added(fitted, data.encoder, data, against)
            @ np.vstack([np.ones(len(members)), members.T.astype(float)])
        )
    if isinstance(fitted, Boosted):
        return trees.mixed(fitted.trees, data.raw, against, of, len(columns.DRIVERS))
    # The segment itself stays: whoever is compared with its own segment differs in nothing else.
    own = members[:, of]
    mixed = np.where(own[None, :, :], data.raw[:, None, :], against[:, None, :])
    segment = np.repeat(data.segment, len(members))
    flat = Data(mixed.reshape(-1, data.raw.shape[1]), segment, data.encoder)
    return fitted.logit(flat).reshape(len(data.raw), len(members))


def _added(line: Line, encoder: Encoder, data: Data, against: Floats) -> Floats:
    """Return a regression's value at the reference and each driver's addition, (n_rows, 9)."""
    names = encoder.design_names
    first = {name: columns.DRIVERS.index(columns.driver(name)) for name in set(names)}
    driver = np.array([first[names[place]] for place in line.places], dtype=int)
    weights = np.array(line.coefficients)
    there = line.part(encoder.design(against)) * weights
    here = line.part(data.design) * weights
    apart = here - there
    added = [apart[:, driver == d].sum(axis=1) for d in range(len(columns.DRIVERS))]
    return np.column_stack([there.sum(axis=1) + line.intercept, *added])


def _log_odds(calibrator: Any, raw: Floats) -> Floats:
    shape = raw.shape
    p = np.clip(calibrator.apply(raw.ravel()), _EDGE, 1 - _EDGE)
    calibrated: Floats = special.logit(p).reshape(shape)
    return calibrated
