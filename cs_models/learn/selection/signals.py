"""Signals and echoes: which features matter by themselves (``methods.md`` 2.4b).

Active customers use everything, so everything goes with renewal.  After the leading rule is
accepted, its indicator and a smooth curve of its own feature join the null model, and the other
features must show that they add something; and so on.

Grain in: the leaders of every scope.  Grain out: one role per (scope, feature).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.selection import crossfit, multiplier
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Family
from cs_models.learn.selection.leaders import Leader

MOST_SIGNALS = 5
N_DRAWS = 999
COVARIATES_PER_CHURN = 0.1
KNOTS = (0.05, 0.35, 0.65, 0.95)

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Role:
    """What a feature is in a scope.

    Attributes
    ----------
    name : {"signal", "echo"}
    p : float or None
        p of the feature given the signals accepted before it; None for a leading signal.
    """

    name: str
    p: float | None


def roles(
    family: Family,
    found: Mapping[str | None, Sequence[Leader]],
    rng: np.random.Generator,
) -> dict[tuple[str | None, str], Role]:
    """Decide for every significant feature of every scope: signal or echo.

    The whole book comes first.  In a segment the signals of the whole book that are significant
    there stay signals, and other features of the segment must add to them: a feature that leads
    in a small segment only because the true one happens to show less there is an echo.

    Parameters
    ----------
    family : Family
    found : mapping of scope to leaders, best first
    rng : numpy.random.Generator

    Returns
    -------
    dict of (scope, feature) to Role
    """
    decided: dict[tuple[str | None, str], Role] = {}
    tested = [scope for scope, _ in family.scopes if len(found.get(scope, ())) > 0]
    alpha = family.alpha / max(len(tested), 1)  # each scope may err; together at most alpha
    book: list[str] = []
    for scope in tested:
        announced = list(found[scope])
        accepted = _accept(family, scope, announced, book, alpha, rng)
        for leader in announced:
            decided[scope, leader.feature] = accepted[leader.feature]
        if scope is None:
            book = [name for name, role in accepted.items() if role.name == "signal"]
    return decided


def _accept(
    family: Family,
    scope: str | None,
    announced: list[Leader],
    book: list[str],
    alpha: float,
    rng: np.random.Generator,
) -> dict[str, Role]:
    """Search conditionally within one scope, starting from what the whole book has accepted."""
    population, grid = family.population, family.grid
    mine = crossfit.rules_of(grid, scope)
    rows = grid.scope_rows(int(mine[0]))
    features = grid.rules["feature"].to_numpy()
    known = [name for name in book if (features[mine] == name).any()]
    start = known or [announced[0].feature]
    out = {name: Role("signal", None) for name in start}
    adjusters = [_best(family, mine, name) for name in start]
    waiting = {leader.feature: leader for leader in announced if leader.feature not in out}
    last_p: dict[str, float] = {}
    base = _covariates(family, rows)
    enough = population.churned_accounts(_mask(population.n_rows, rows)) >= FEWEST_CHURNED_ACCOUNTS
    while waiting and enough and len(out) < MOST_SIGNALS:
        design = np.column_stack([base, *(_adjuster(family, rule, rows) for rule in adjusters)])
        model = multiplier.fit_null(design, population.churned, rows)
        allowed = _mask(len(grid.rules), mine) & ~np.isin(features, list(out))
        scored, adjusted = multiplier.test(
            grid, model, population.account, allowed, n_draws=N_DRAWS, rng=rng
        )
        last_p = {name: float(adjusted.p[allowed & (features == name)].min()) for name in waiting}
        best = min(waiting, key=lambda name: (last_p[name], -_largest(scored, features, name)))
        if last_p[best] > alpha:
            break
        out[best] = Role("signal", last_p[best])
        adjusters.append(_strongest(scored, allowed & (features == best)))
        del waiting[best]
    out |= {name: Role("echo", last_p.get(name)) for name in waiting}
    return out


def _largest(scored: multiplier.Scores, features: NDArray[np.object_], name: str) -> float:
    return float(np.abs(scored.statistic[features == name]).max())


def _strongest(scored: multiplier.Scores, among: NDArray[np.bool_]) -> int:
    candidates = np.flatnonzero(among)
    return int(candidates[np.argmax(np.abs(scored.statistic[candidates]))])


def _best(family: Family, mine: NDArray[np.int64], feature: str) -> int:
    own = mine[family.grid.rules["feature"].to_numpy()[mine] == feature]
    return int(own[np.argmax(np.abs(family.statistic[own]))])


def _mask(size: int, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    mask[chosen] = True
    return mask


def _adjuster(family: Family, rule: int, rows: NDArray[np.int64]) -> Float:
    """Return a rule's indicator and a restricted cubic spline of log1p of its own column."""
    at = family.grid.rules.iloc[rule]
    values = np.log1p(np.maximum(family.grid.blocks[at["block"]].amounts, 0.0))
    indicator = family.grid.indicator(rule).astype(np.float64)
    return np.column_stack([indicator, restricted_cubic_spline(values, values[rows])])


def restricted_cubic_spline(values: Float, reference: Float) -> Float:
    """Return the linear and cubic terms of a spline that is straight beyond its outer knots.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    reference : ndarray of float
        Its 5, 35, 65 and 95 % quantiles are the knots; repeated knots are used once.

    Returns
    -------
    ndarray of float, shape (n_rows, 1 to 3)
    """
    knots = np.unique(np.quantile(reference, KNOTS))
    if len(knots) < 3:
        return values[:, None]
    last, before = knots[-1], knots[-2]
    scale = (last - knots[0]) ** 2

    def cube(knot: float) -> Float:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3)

    terms = [values]
    for knot in knots[:-2]:
        bend = cube(knot) - cube(before) * (last - knot) / (last - before)
        bend += cube(last) * (before - knot) / (last - before)
        terms.append(bend / scale)
    return np.column_stack(terms)


def _covariates(family: Family, rows: NDArray[np.int64]) -> Float:
    """Return stratum, log ARR, term number, contract length and start quarter, where known."""
    population = family.population
    frame = population.frame
    parts = [pd.get_dummies(pd.Series(population.stratum)).to_numpy(dtype=np.float64)]
    logged = [name for name in ("arr", "term_months") if name in frame.columns]
    parts += [_filled(np.log1p(_number(frame[name]).clip(lower=0))) for name in logged]
    if "term_no" in frame.columns:
        parts.append(_filled(_number(frame["term_no"])))
    if "term_start" in frame.columns:
        start = pd.to_datetime(frame["term_start"])
        quarter = pd.Series(start.dt.year * 4 + start.dt.quarter, index=frame.index)
        affordable = COVARIATES_PER_CHURN * float(population.churned[rows].sum())
        if quarter.iloc[rows].nunique() <= affordable:
            parts.append(pd.get_dummies(quarter).to_numpy(dtype=np.float64))
        else:
            parts.append(_filled(_number(quarter)))
    return np.column_stack(parts)


def _number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values).astype(float)


def _filled(values: pd.Series) -> Float:
    """Put the mean where the value is unknown."""
    mean = values.mean()
    return values.fillna(0.0 if pd.isna(mean) else mean).to_numpy(dtype=np.float64)[:, None]
