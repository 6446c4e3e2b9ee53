"""Does adopting a feature go with a higher NPS: people who use it against like people who do not.

Grain in: one row per NPS answer of a user.  Grain out: one row per feature.

Source: ``methods.md`` 2.3 (many columns, one correction); ``customer_success.md`` Q6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.learn.engines import columns as engine
from cs_models.learn.evaluation import bootstrap

Float = NDArray[np.float64]
PROMOTER, DETRACTOR = 9.0, 6.0
LEAST_SIDE: Final = 20
LEAST_WITHIN: Final = 200


@dataclass(frozen=True)
class Gaps:
    """How NPS differs between people who use a feature and like people who do not.

    Attributes
    ----------
    table : DataFrame, one row per feature, largest evidence first
        ``feature``, ``n_with``, ``n_without`` (answers), ``n_accounts``, ``nps_with``,
        ``nps_without`` (plain, −100 to 100), ``gap`` (among like people, points of NPS), ``low``,
        ``high`` (95 %, accounts as the unit), ``p`` (adjusted for all features), ``holds``.
    within : bool
        True: compared inside accounts.  False: between accounts, inside segment and role.
    n, n_accounts : int
        Answers and accounts that the comparison rests on.
    detectable : float
        The smallest gap that would have been found in eight cases of ten, of the median feature.
    why_not : str
        Why nothing was compared; empty otherwise.
    """

    table: pd.DataFrame
    within: bool
    n: int
    n_accounts: int
    detectable: float
    why_not: str = ""


GAP_COLUMNS: Final = (
    "feature", "n_with", "n_without", "n_accounts", "nps_with", "nps_without", "gap", "low",
    "high", "p", "holds",
)  # fmt: skip


def nps_points(share: ArrayLike) -> Float:
    """Return what one answer adds to the NPS: 100 a promoter, −100 a detractor, else 0.

    Parameters
    ----------
    share : array-like of float
        NPS answers on 0 to 10.
    """
    score = np.asarray(share, dtype=np.float64)
    return np.where(score >= PROMOTER, 100.0, np.where(score <= DETRACTOR, -100.0, 0.0))


def feature_gaps(
    answers: pd.DataFrame,
    features: Sequence[str],
    *,
    rng: np.random.Generator,
    n_draws: int = 1999,
    alpha: float = 0.05,
) -> Gaps:
    """Compare the NPS of people who use a feature with that of like people who do not.

    Like people answered for the same account where enough accounts have several answers (else in
    the same segment), have the same role, used the product on as many days and as many of its
    other features: those who are active use everything, and without that every feature would seem
    to go with what activity goes with.

    Parameters
    ----------
    answers : DataFrame, one row per NPS answer of a user
        ``account_id``, ``segment``, ``role``, ``score`` (0 to 10), ``active_days`` (in the window
        before the answer), and a column ``uses:<feature>`` of 0/1 for each feature.
    features : sequence of str
    rng : numpy.random.Generator
        Random signs of the accounts.
    n_draws : int, default 1999
    alpha : float, default 0.05
        How often one or more features may be announced where none goes with NPS.

    Returns
    -------
    Gaps

    Notes
    -----
    Random signs for accounts, the largest of all features under them, stepping down (maxT): the
    second engine of ``methods.md`` 2.3, chosen because accounts differ in how many answers they
    have, so that they cannot change places.  A feature used, or left, in fewer than 20 answers
    is not judged.
    """
    empty = pd.DataFrame(columns=list(GAP_COLUMNS))
    rows = answers.dropna(subset=["score", "account_id"]).reset_index(drop=True)
    uses = {f: rows[f"uses:{f}"].to_numpy(dtype=np.float64) for f in features}
    kept = [f for f in features if LEAST_SIDE <= uses[f].sum() <= len(rows) - LEAST_SIDE]
    if not kept:
        why = f"no feature is used, and left unused, in {LEAST_SIDE} answers each"
        return Gaps(empty, False, len(rows), rows["account_id"].nunique(), np.nan, why)
    within = _informative(rows) >= LEAST_WITHIN
    groups = rows["account_id"] if within else _group(rows, "segment", "role")
    alone = groups.map(groups.value_counts()) < 2
    used = rows[~alone].reset_index(drop=True)
    if len(used) < LEAST_SIDE:
        why = "too few people alike answered"
        return Gaps(empty, within, len(used), used["account_id"].nunique(), np.nan, why)
    codes = pd.factorize(groups[~alone])[0]
    table, detectable = _compared(used, kept, codes, within, rng, n_draws, alpha)
    return Gaps(table, within, len(used), used["account_id"].nunique(), detectable)


def _compared(
    used: pd.DataFrame, kept: Sequence[str], codes: NDArray[np.int64], within: bool,
    rng: np.random.Generator, n_draws: int, alpha: float,
) -> tuple[pd.DataFrame, float]:  # fmt: skip
    points = nps_points(used["score"])
    uses = used[[f"uses:{f}" for f in kept]].to_numpy(dtype=np.float64)
    active = np.log1p(used["active_days"].to_numpy(dtype=np.float64))
    likeness = [active, active**2]
    if within:
        role = used["role"].astype("object").where(used["role"].notna(), "not recorded")
        likeness += list(pd.get_dummies(role, drop_first=True).to_numpy(dtype=np.float64).T)
    account, n_accounts = bootstrap.accounts(used["account_id"])
    parts = _parted(points, uses, np.column_stack(likeness), codes)
    variance, marginal = parts.variance * (parts.own**2).sum(axis=0), parts.marginal
    _, adjusted = engine.judge(
        parts.own * parts.residual, variance, marginal * parts.variance, account,
        n_draws=n_draws, rng=rng,
    )  # fmt: skip
    gap, error = _slopes(parts.own, parts.residual, account, n_accounts)
    untestable = ~np.isfinite(error)
    table = pd.DataFrame(
        {
            "feature": kept,
            "n_with": uses.sum(axis=0).astype(int),
            "n_without": (1 - uses).sum(axis=0).astype(int),
            "n_accounts": n_accounts,
            "nps_with": [points[u > 0].mean() if u.any() else np.nan for u in uses.T],
            "nps_without": [points[u == 0].mean() if (u == 0).any() else np.nan for u in uses.T],
            "gap": gap, "low": gap - 1.96 * error, "high": gap + 1.96 * error,
            "p": np.where(untestable, np.nan, adjusted.p),
        }
    )  # fmt: skip
    table["holds"] = table["p"] <= alpha
    order = table["p"].fillna(1.0).to_numpy(), -(table["gap"] / error).abs().fillna(0).to_numpy()
    table = table.iloc[np.lexsort(order[::-1])].reset_index(drop=True)
    # 80 % power at the level that the largest of all must pass.
    return table, float((adjusted.quantile(1 - alpha) + 0.84) * np.nanmedian(error))


@dataclass(frozen=True)
class _Parts:
    """Each feature's use and the NPS beside it, cleared of what like people share.

    ``own`` and ``residual`` have one column per feature; ``variance`` is that of the residual,
    ``marginal`` the feature's spread inside the groups before the clearing.
    """

    own: Float
    residual: Float
    variance: Float
    marginal: Float


def _parted(points: Float, uses: Float, likeness: Float, codes: NDArray[np.int64]) -> _Parts:
    """Clear every feature of likeness and of how many of the other features are used."""
    n_groups = int(codes.max()) + 1
    outcome, inside = _centred(points[:, None], codes)[:, 0], _centred(uses, codes)
    own, residual, variance = np.empty_like(uses), np.empty_like(uses), np.empty(uses.shape[1])
    for place in range(uses.shape[1]):
        others = np.delete(uses, place, axis=1).sum(axis=1)
        design = _centred(np.column_stack([likeness, others, others**2]), codes)
        model = engine.linear_null(design, outcome, n_groups=n_groups)
        own[:, place] = engine.cleared(inside[:, [place]], model)[:, 0]
        residual[:, place], variance[place] = model.residual, model.weight[0]
    return _Parts(own, residual, variance, (inside**2).sum(axis=0))


def _slopes(
    own: Float, residual: Float, account: NDArray[np.int64], n_accounts: int
) -> tuple[Float, Float]:
    """Return the slope of each residual on its cleared column, and the clustered error."""
    square = (own**2).sum(axis=0)
    square = np.where(square > 1e-9, square, np.nan)
    gap = (own * residual).sum(axis=0) / square
    left = (residual - own * gap) * own
    sums = bootstrap.sums(left, account, n_accounts)
    inflate = n_accounts / max(n_accounts - 1, 1)
    return gap, np.sqrt(inflate * (sums**2).sum(axis=1)) / square


def _informative(rows: pd.DataFrame) -> int:
    """Return the answers of accounts with two or more."""
    size = rows["account_id"].map(rows["account_id"].value_counts())
    return int((size >= 2).sum())


def _group(rows: pd.DataFrame, *names: str) -> pd.Series:
    parts = rows[list(names)].astype("object").where(rows[list(names)].notna(), "–").astype(str)
    return parts.agg("|".join, axis=1)


def _centred(columns: Float, codes: NDArray[np.int64]) -> Float:
    size = np.bincount(codes)
    means = np.column_stack([np.bincount(codes, weights=c) / size for c in columns.T])
    return np.asarray(columns - means[codes])
