"""How much of a past quarter was told by each driver.

Grain: one quarter's tested terms in, one row a driver out.  All columns of a driver are shuffled
together, so that columns which say the same cannot stand in for each other.

Source: ``methods.md`` 3 (permutation importance on test quarters, grouped).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.learn.evaluation import metrics
from cs_models.learn.predictors import columns
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Data, Fitted, Line

_REPEATS: Final = 3


def of_drivers(
    fitted: Fitted,
    calibrator: Any,
    encoder: Encoder,
    data: Data,
    churned: Floats,
    rng: np.random.Generator,
    *,
    plain: bool = False,
) -> pd.DataFrame:
    """Say how much worse the terms would have been told with a driver's columns shuffled.

    Parameters
    ----------
    fitted : Fitted
        What was believed at the time.
    calibrator : Recalibration
    encoder : Encoder
    data : Data
        The quarter's tested terms.
    churned : ndarray of float, shape (n_rows,)
    rng : numpy.random.Generator
    plain : bool, default False
        The level reads few drivers by design: the others had no say, which is not judged.

    Returns
    -------
    pandas.DataFrame
        One row a driver: driver, loss_increase (log loss a term; NaN without columns, and where
        the level could not read them), rank.
    """
    told = metrics.log_loss(churned, calibrator.apply(fitted.logit(data)))
    of, of_design = (
        np.array([columns.driver(name) for name in names])
        for names in (encoder.raw_names, encoder.design_names)
    )
    straight = isinstance(fitted, Line)  # its columns are shuffled once they are made
    increases = []
    for driver in columns.DRIVERS:
        worse = []
        for _ in range(_REPEATS if (of == driver).any() else 0):
            order = rng.permutation(len(churned))
            raw = data.raw if straight else _shuffled(data.raw, of == driver, order)
            made = _shuffled(data.design, of_design == driver, order) if straight else None
            segment = data.segment[order] if driver == "commercial" else data.segment
            p = calibrator.apply(fitted.logit(Data(raw, segment, encoder, made)))
            worse.append(metrics.log_loss(churned, p) - told)
        unread = plain and not np.any(worse)
        increases.append(float(np.mean(worse)) if worse and not unread else np.nan)
    frame = pd.DataFrame({"driver": columns.DRIVERS, "loss_increase": increases})
    return frame.assign(rank=frame["loss_increase"].rank(ascending=False))


def _shuffled(table: Floats, mine: npt.NDArray[np.bool_], order: npt.NDArray[np.int64]) -> Floats:
    found = table.copy()
    found[:, mine] = table[np.ix_(order, mine)]
    return found
