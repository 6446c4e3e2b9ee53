"""Where a customer stands among past renewers and past leavers of its kind.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per term and column.
``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn import peers
from cs_models.learn.profile import counts, likelihood

Float = NDArray[np.float64]
Whole = NDArray[np.int64]

_PLACED: Final = (
    "among_renewed",
    "among_renewed_low",
    "among_renewed_high",
    "among_churned",
    "among_churned_low",
    "among_churned_high",
    "log_ratio",
    "n_renewed",
    "n_churned",
)


def position(
    history: pd.DataFrame,
    now: pd.DataFrame,
    columns: Sequence[str],
    *,
    by: Sequence[str] = peers.BY,
    cluster: str = "account_id",
    outcome: str = "churned",
    level: float = 0.95,
) -> pd.DataFrame:
    """Place each customer among past renewers and past leavers of its kind, measure by measure.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes.
    now : DataFrame, one row per (subscription_id, as_of_date)
        Terms to place; a term of ``history`` among them is counted in its own reference.
    columns : sequence of str
        Measures, as columns of both panels.
    by, cluster, outcome : sequence of str, str, str
    As in `bands`.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    DataFrame, one row per (subscription_id, column), in the order of ``now`` and ``columns``
        ``subscription_id``, ``account_id``, ``column``, ``value``, ``kind``; the share (0 to 1)
        of past renewers of the kind that stood lower, ties counted half, with its interval
        (``among_renewed``, ``among_renewed_low``, ``among_renewed_high``), likewise
        ``among_churned``; ``n_renewed`` and ``n_churned`` terms behind them; and ``log_ratio``,
        the natural logarithm of how much likelier the value is of a renewer than of a leaver.
        NaN where the value is missing or fewer than 10 accounts of the side have one.

    Raises
    ------
    ParameterError
        A panel lacks a column.
    DataError
        A column holds no numbers.
    TooLittleDataError
        Fewer than 20 accounts renewed, or left.

    Notes
    -----
    Source: ``methods.md`` 1.4.  A percentile is a share of past terms, so its interval is
    Wilson's at the size that is left when terms of one account count together: the account-
    clustered variance of the share, averaged over the nine deciles, is the limit of drawing
    accounts with replacement, and stays honest beyond the last past value, where every draw
    agrees.  The likelihood ratio is read off at most ten equal-count bins whose churn shares rise
    or fall all along the column (``peers.worse_when_more``; by the data where that is None).
    Ratios of several columns are not independent: never add them up.
    """
    kinds = peers.kinds(history, by=by, cluster=cluster, outcome=outcome)
    past = history[history[outcome].notna() & history[cluster].notna()]
    reference, values = peers.numbers(past, columns), peers.numbers(now, columns)
    account = pd.factorize(past[cluster])[0]
    left = past[outcome].to_numpy(dtype=np.float64) > 0
    of = kinds.of(now).to_numpy()
    found = {name: np.full(values.shape, np.nan) for name in _PLACED}
    for kind in pd.unique(of):
        rows, inside = np.flatnonzero(of == kind), kinds.members(past, kind)
        for name, side in (("renewed", inside & ~left), ("churned", inside & left)):
            placed = _placed(reference[side], account[side], values[rows], level)
            for suffix, block in zip(("", "_low", "_high"), placed[:3], strict=True):
                found[f"among_{name}{suffix}"][rows] = block
            found[f"n_{name}"][rows] = placed[3]
        ratio = likelihood.log_ratios(reference[inside], left[inside], values[rows], columns)
        enough = ~np.isnan(found["among_renewed"][rows] + found["among_churned"][rows])
        found["log_ratio"][rows] = np.where(enough, ratio, np.nan)
    n_columns = len(columns)
    table = pd.DataFrame(
        {
            "subscription_id": np.repeat(now["subscription_id"].to_numpy(), n_columns),
            "account_id": np.repeat(now[cluster].to_numpy(), n_columns),
            "column": np.tile(np.array(columns, dtype=object), len(now)),
            "value": values.ravel(),
            "kind": np.repeat(of, n_columns),
            **{name: block.ravel() for name, block in found.items()},
        }
    )
    return table.astype({"n_renewed": "int64", "n_churned": "int64"})


def _placed(
    reference: Float, account: Whole, values: Float, level: float
) -> tuple[Float, Float, Float, Whole]:
    """Return percentiles of values in a reference, their interval, and how many terms it has."""
    known = ~np.isnan(reference)
    n = known.sum(axis=0)
    share = peers.percentiles(reference, values)
    share[:, counts.accounts(known, account) < counts.FEWEST_KNOWN] = np.nan
    size = np.maximum(n, 1) / _design_effects(reference, account)
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    spread = np.sqrt(share * (1 - share) / size + (z / (2 * size)) ** 2)
    half = z / (1 + z * z / size) * spread
    low, high = np.minimum(share, centre - half), np.maximum(share, centre + half)
    return share, np.maximum(low, 0.0), np.minimum(high, 1.0), n


def _design_effects(reference: Float, account: Whole) -> Float:
    """Return how much larger an account-clustered percentile's variance is, column by column."""
    effect = np.ones(reference.shape[1])
    known = ~np.isnan(reference)
    n = known.sum(axis=0)
    usable = np.flatnonzero(n > 1)
    if not usable.size:
        return effect
    values, held, n = reference[:, usable], known[:, usable], n[usable]
    ranks = stats.rankdata(values, axis=0, nan_policy="omit")
    place = (ranks - 0.5) / n
    ratios = np.zeros((9, len(usable)))
    for step in range(9):
        below = np.where(held, place < (step + 1) / 10, 0.0)
        share = below.sum(axis=0) / n
        sums = counts.by_account(np.where(held, below - share, 0.0), account)
        factor = len(sums) / max(len(sums) - 1, 1)
        plain = n * share * (1 - share)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios[step] = np.where(plain > 0, (sums**2).sum(axis=0) * factor / plain, 1.0)
    effect[usable] = np.maximum(1.0, ratios.mean(axis=0))
    return effect
