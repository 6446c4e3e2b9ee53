"""What a fitted model says of terms: a chance with its band, and what it went with.

Grain: panel rows in, one row each out, in their order.

Source: ``methods.md`` 3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.predictors import forms, oddity, reasons, refits, threads, told
from cs_models.learn.predictors.encoding import Floats
from cs_models.learn.predictors.model import Model

BAND: Final = (0.1, 0.9)
WIDE: Final = 0.25
_TERM: Final = [
    "subscription_id",
    "account_id",
    "account_name",
    "segment",
    "arr",
    "seats",
    "term_months",
    "term_start",
    "term_end",
    "as_of_date",
]


@threads.sparing
def score(model: Model, frame: pd.DataFrame, *, play_at: float | None = None) -> pd.DataFrame:
    """Give each term its probability of leaving, with its band.

    Parameters
    ----------
    model : Model
    frame : pandas.DataFrame
        Panel rows with the columns the model reads.
    play_at : float, optional
        Probability from which something would be done: a band that crosses it is uncertain.

    Returns
    -------
    pandas.DataFrame
        One row a panel row, in its order: subscription_id, account_id, account_name, segment,
        arr (float), seats, term_months, term_start, term_end, as_of_date, p_churn, p_low, p_high
        (10th and 90th percentile over refits on redrawn accounts), uncertain (a band wider than
        .25, or across ``play_at``), out_of_distribution, odd_columns (up to three, "" without).

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.

    Notes
    -----
    The band is about what was learnt: other customers would have taught it otherwise.  Whether a
    customer with 30 % leaves is chance besides.
    """
    data = forms.encode(model.encoder, frame)
    scores = frame[_TERM].reset_index(drop=True)
    scores["arr"] = pd.to_numeric(scores["arr"]).astype("float64")
    scores["p_churn"] = model.calibrator.apply(model.fitted.logit(data))
    drawn = spread(model, frame)
    low, high = (
        np.quantile(drawn, BAND, axis=1) if drawn.shape[1] else np.full((2, len(frame)), np.nan)
    )
    # The band is of refits; the prediction itself belongs into it.
    scores["p_low"] = np.fmin(low, scores["p_churn"])
    scores["p_high"] = np.fmax(high, scores["p_churn"])
    scores["uncertain"] = scores["p_high"] - scores["p_low"] > WIDE
    if play_at is not None:
        scores["uncertain"] |= (scores["p_low"] < play_at) & (scores["p_high"] > play_at)
    flagged, odd = oddity.judge(model.usual, model.encoder, data)
    return scores.assign(out_of_distribution=flagged, odd_columns=odd)


@threads.sparing
def spread(model: Model, frame: pd.DataFrame) -> Floats:
    """Return each term's probability under every refit, shape (n_rows, n_refits).

    Parameters
    ----------
    model : Model
    frame : pandas.DataFrame
        Panel rows.

    Returns
    -------
    ndarray of float
        What parameter uncertainty a forecast has to carry on.
    """
    data = forms.encode(model.encoder, frame)
    logits = refits.logits(model.refits, data)
    p: Floats = model.calibrator.apply(logits.ravel()).reshape(logits.shape)
    return p


@threads.sparing
def explain(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Part each term's log-odds of leaving into its drivers, against renewed terms of its segment.

    Parameters
    ----------
    model : Model
    frame : pandas.DataFrame
        Panel rows.

    Returns
    -------
    pandas.DataFrame
        One row a panel row, in its order: subscription_id, base (log-odds of the typical renewed
        term of the segment), one column for each of :data:`columns.DRIVERS`, logit; base and
        drivers add up to logit.  A positive part went with leaving.  It is an association.

    Notes
    -----
    Source: ``methods.md`` 3 (exact Shapley values of the game of eight drivers).
    """
    data = forms.encode(model.encoder, frame)
    parts = reasons.explain(model.fitted, model.calibrator, model.encoder, data, model.reference)
    parts.insert(0, "subscription_id", frame["subscription_id"].to_numpy())
    return parts


def why(
    model: Model, frame: pd.DataFrame, parts: pd.DataFrame, *, n_reasons: int = 3
) -> pd.DataFrame:
    """Say in words which drivers went with each prediction, the largest part first.

    Parameters
    ----------
    model : Model
    frame : pandas.DataFrame
        Panel rows.
    parts : pandas.DataFrame
        What :func:`explain` returned for them.
    n_reasons : int, default 3
        At most so many.

    Returns
    -------
    pandas.DataFrame
        One row a panel row, in its order: ``reason_1`` …, "" where no further driver went with
        leaving.
    """
    return told.why(model.encoder, model.reference, frame, parts, n_reasons=n_reasons)
