"""The health score: probability as points, with the drivers' points adding up exactly.

Grain in and out: one row per running term.  ``methods.md`` 5.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from cs_models.errors import DataError, ParameterError
from cs_models.learn import peers
from cs_models.learn.health import colours
from cs_models.learn.health.colours import Boundaries

CLOSE: Final = 1e-6
POINTS: Final = "points_"
_NEEDED: Final = ("subscription_id", "arr", "p_churn", "p_low", "p_high")
_CARRIED: Final = (
    "subscription_id",
    "account_id",
    "account_name",
    "segment",
    "arr",
    "term_end",
    "as_of_date",
    "p_churn",
    "p_low",
    "p_high",
)
_NOT_DRIVERS: Final = frozenset({*_CARRIED, "base", "logit", "term_start", "term_months"})

Float = NDArray[np.float64]


def score(
    scores: pd.DataFrame, reasons: pd.DataFrame, reference: ArrayLike, *, limits: Boundaries
) -> pd.DataFrame:
    """Turn probabilities and reasons into health, a colour and points by driver.

    Parameters
    ----------
    scores : DataFrame, one row per running term
        ``subscription_id``, ``arr``, ``p_churn`` and its band ``p_low``, ``p_high`` (0 to 1).
    reasons : DataFrame, one row per running term
        ``subscription_id``, ``base``, one column per driver (log odds) and ``logit``.
    reference : array-like of float, shape (n_past,)
        Probabilities that past terms were given before their outcome was known; NaN are left out.
    limits : Boundaries
        See ``health.boundaries``.

    Returns
    -------
    DataFrame, one row per row of ``scores``, in its order
        The ids, money, dates and probabilities of ``scores``; ``health`` = 100 · (1 - p_churn)
        with ``health_low`` and ``health_high`` (the band turned round); ``percentile``, the share
        (0 to 1) of past terms with worse health, ties counted half; ``colour`` (null where the
        ARR that its boundary needs is unknown), ``colour_raw`` (the same, until ``health.settle``
        holds one back), ``colour_sure`` (the whole band has this colour), ``amber_at``,
        ``red_at`` (probabilities); ``health_reference`` (of the renewed customer that reasons
        start from) and ``points_{driver}``: they add up to ``health - health_reference``.

    Raises
    ------
    ParameterError
        A column is missing, or no past probability is given.
    DataError
        The reasons are not those of the scores: other terms, sums or probabilities.

    Notes
    -----
    Source: ``methods.md`` 5.  The way from the reference to the customer is a straight line in log
    odds, along which each driver gets its share of the change in probability: points of a driver
    are 100 · phi · (p_ref - p) / sum(phi), whose limit where the drivers cancel is
    -100 · phi · p · (1 - p).
    """
    peers.need(scores, *_NEEDED)
    peers.need(reasons, "subscription_id", "base", "logit")
    past = np.asarray(reference, dtype=np.float64)
    past = past[~np.isnan(past)]
    if not past.size:
        raise ParameterError("no past probability to place health in", where="reference")
    drivers = [name for name in reasons.columns if name not in _NOT_DRIVERS]
    base, parts = _reasons(scores, reasons, drivers)
    p = scores["p_churn"].to_numpy(dtype=np.float64)
    low = scores["p_low"].to_numpy(dtype=np.float64)
    high = scores["p_high"].to_numpy(dtype=np.float64)
    amber, red = limits.at(pd.to_numeric(scores["arr"]).to_numpy(dtype=np.float64))
    level = colours.levels(p, amber, red)
    table = scores[[name for name in _CARRIED if name in scores.columns]].reset_index(drop=True)
    table["health"] = 100 * (1 - p)
    table["health_low"] = 100 * (1 - high)
    table["health_high"] = 100 * (1 - low)
    table["percentile"] = peers.percentiles(-past[:, None], -p[:, None])[:, 0]
    table["colour"] = table["colour_raw"] = colours.named(level)
    table["colour_sure"] = (colours.levels(low, amber, red) == level) & (
        colours.levels(high, amber, red) == level
    )
    table["amber_at"], table["red_at"] = amber, red
    table["health_reference"] = 100 * (1 - special.expit(base))
    points = parts * _points_per_logit(base, parts.sum(axis=1))[:, None]
    named = [POINTS + name for name in drivers]
    return table.join(pd.DataFrame(points, columns=named, index=table.index))


def _reasons(
    scores: pd.DataFrame, reasons: pd.DataFrame, drivers: list[str]
) -> tuple[Float, Float]:
    """Return base and drivers of each scored term, refusing reasons of something else."""
    keys = reasons["subscription_id"]
    place = pd.Index(keys).get_indexer(scores["subscription_id"]) if keys.is_unique else None
    if place is None or (place < 0).any():
        raise DataError(
            "scores and reasons are not of the same terms",
            where="subscription_id",
            got="a term twice" if place is None else f"{int((place < 0).sum())} without reasons",
            repair="explain the frame that was scored",
        )
    rows = reasons.iloc[place]
    base = rows["base"].to_numpy(dtype=np.float64)
    logit = rows["logit"].to_numpy(dtype=np.float64)
    parts = rows[drivers].to_numpy(dtype=np.float64)
    apart = np.abs(base + parts.sum(axis=1) - logit).max(initial=0.0)
    chance = scores["p_churn"].to_numpy(dtype=np.float64)
    other = np.abs(special.expit(logit) - chance).max(initial=0.0)
    for what, gap in (("do not add up", apart), ("explain other probabilities", other)):
        if not gap <= CLOSE:
            raise DataError(
                f"the reasons {what}",
                where="base, drivers, logit, p_churn",
                got=f"a difference of {gap:.3g}",
                repair="explain with the model that scored",
            )
    return base, parts


def _points_per_logit(base: Float, total: Float) -> Float:
    """Return 100 · (p_ref - p) / total: the points of one unit of log odds, also as total -> 0."""
    # p - p_ref = expit(base + total) · expit(-base) · (1 - exp(-total)), without cancellation.
    near = np.abs(total) < CLOSE
    away = np.where(near, 1.0, total)
    slope = np.where(near, 1 - total / 2, -np.expm1(-np.clip(away, -700, None)) / away)
    return np.asarray(-100 * special.expit(base + total) * special.expit(-base) * slope)
