"""Would the same rule be found again? The whole search on resampled accounts.

Grain in: one searched family.  Grain out: one row per re-run of the search: 200 bootstraps of whole
accounts, and one run without each quarter.  ``methods.md`` 2.6 (stability panel) and 2.7 (the
optimism of the apparent gap).

A re-run scores every rule of the scope by its stratified sum of outcomes over the deviation that
it has in the whole history: the same ranking up to the noise of the deviation, for one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from cs_models import progress
from cs_models.learn.rules.grid import Grid
from cs_models.learn.selection import leaders
from cs_models.learn.selection.family import Family
from cs_models.learn.shapes import effect

N_BOOTSTRAPS = 200
CHUNK = 50  # runs whose weights are in memory at once
BOOTSTRAP, WITHOUT_QUARTER = "bootstrap", "without quarter"

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Reruns:
    """The search of one scope, run again on other weights of the terms.

    Attributes
    ----------
    grid : Grid
        Rules of the scope.
    statistic : ndarray of float, shape (n_rules_of_scope, n_runs)
    kind, name : list of str
        What each run is.
    drawn : ndarray of int, shape (n_accounts, n_bootstraps)
        How often each bootstrap drew each account.
    """

    grid: Grid
    statistic: Float
    kind: list[str]
    name: list[str]
    drawn: NDArray[np.uint8]


def rerun(family: Family, scope: str | None, rng: np.random.Generator) -> Reruns:
    """Search a scope again on bootstrapped accounts, and without each quarter.

    Parameters
    ----------
    family : Family
    scope : str or None
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    Reruns
    """
    population = family.population
    n_accounts = int(population.account.max()) + 1
    counts = rng.multinomial(n_accounts, np.full(n_accounts, 1 / n_accounts), N_BOOTSTRAPS)
    drawn = np.minimum(counts.T, 255).astype(np.uint8)
    of_row = _quarter(population.frame)
    quarters = np.unique(of_row[family.rows_of(scope)]).tolist()
    quarters = quarters if len(quarters) > 1 else []
    grid, positions = family.grid.subset(scope)
    deviation = family.deviation[positions]
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    parts = []
    for start in progress.through(range(0, N_BOOTSTRAPS, CHUNK), "batches of re-runs"):
        weights = drawn[population.account, start : start + CHUNK].astype(np.float64)
        parts.append(_sums(family, grid, weights))
    if quarters:
        kept = np.column_stack([1.0 * (of_row != quarter) for quarter in quarters])
        parts.append(_sums(family, grid, kept))
    statistic = np.concatenate(parts, axis=1) * inverse[:, None]
    kind = [BOOTSTRAP] * N_BOOTSTRAPS + [WITHOUT_QUARTER] * len(quarters)
    name = [str(number + 1) for number in range(N_BOOTSTRAPS)] + quarters
    return Reruns(grid, np.round(statistic, 6), kind, name, drawn)


def _sums(family: Family, grid: Grid, weights: Float) -> Float:
    """Return stratified sums of outcomes above every rule, one column a run."""
    population = family.population
    score, stratum = population.score[:, None], population.stratum
    out = np.zeros((len(grid.rules), weights.shape[1]))
    rules_of_block = grid.rules["block"].to_numpy()
    for rows, rules in grid.parts():
        ones = np.ones(len(rows))
        member = sparse.csr_matrix((ones, (stratum[rows], np.arange(len(rows)))))
        counted = weights[rows] * score[rows]
        means = (member @ counted) / np.maximum(member @ weights[rows], 1e-12)
        centred = np.zeros(weights.shape, dtype=np.float32)
        centred[rows] = counted - weights[rows] * means[stratum[rows]]
        for number in np.unique(rules_of_block[rules]):
            block = grid.blocks[number]
            out[rules_of_block == number] = block.above(centred)[block.admissible]
    return out


def panel(reruns: Reruns, feature: str, phi: NDArray[np.float64], column: str) -> pd.DataFrame:
    """Return what each re-run found: its feature, and the cut of the leader's own feature.

    Parameters
    ----------
    reruns : Reruns
    feature : str
        The leader's feature.
    phi : ndarray of float, shape (n_rules_of_scope,)
        Agreement of the leader with every rule of the scope.
    column : str
        The leader's column: cuts of other columns are not on its scale and are left empty.

    Returns
    -------
    DataFrame, one row per re-run
        ``kind``, ``name``, ``feature`` (of the best rule), ``cut`` (best of the leader's column),
        ``same_feature``, ``same_family``.
    """
    strength = np.abs(reruns.statistic)
    rules = reruns.grid.rules
    features = rules["feature"].to_numpy(dtype=object)
    best = np.argmax(strength, axis=0)
    own = np.flatnonzero(features == feature)
    best_own = own[np.argmax(strength[own], axis=0)]
    of_column = np.flatnonzero((rules["column"] == column).to_numpy())
    best_cut = of_column[np.argmax(strength[of_column], axis=0)]
    return pd.DataFrame(
        {
            "kind": reruns.kind,
            "name": reruns.name,
            "feature": features[best],
            "cut": rules["cut"].to_numpy(dtype=np.float64)[best_cut],
            "same_feature": features[best] == feature,
            "same_family": np.abs(phi[best_own]) >= leaders.EQUIVALENT_PHI,
        }
    )


def corrected(
    family: Family, reruns: Reruns, candidates: NDArray[np.int64], apparent: float
) -> float:
    """Return the apparent gap less its optimism (Harrell's bootstrap).

    Parameters
    ----------
    family : Family
    reruns : Reruns
    candidates : ndarray of int
        Rules of the scope's grid among which each bootstrap chooses.
    apparent : float
        Gap of the rule that the whole history chose, inside strata.

    Returns
    -------
    float
        Above minus below for a rule of the direction of ``apparent``.
    """
    population = family.population
    renewed = 1.0 - population.churned
    strength = np.abs(reruns.statistic[candidates])
    chosen = candidates[np.argmax(strength, axis=0)]
    optimism = []
    for run, rule in enumerate(chosen):
        if reruns.kind[run] != BOOTSTRAP:
            continue
        rows = reruns.grid.scope_rows(int(rule))
        above = reruns.grid.indicator(int(rule))[rows]
        sides = (above, renewed[rows], population.stratum[rows])
        weights = reruns.drawn[population.account[rows], run].astype(np.float64)
        there = effect.within_strata(*sides, weights=weights).gap
        here = effect.within_strata(*sides).gap
        optimism.append(abs(there) - abs(here) if there * here > 0 else abs(there) + abs(here))
    mean = float(np.nanmean(optimism)) if optimism else float("nan")
    return float(np.sign(apparent) * (abs(apparent) - mean))


def shares(found: pd.DataFrame) -> tuple[float, float]:
    """Return in how many bootstraps feature and family came out the same."""
    drawn = found[found["kind"] == BOOTSTRAP]
    return float(drawn["same_feature"].mean()), float(drawn["same_family"].mean())


def _quarter(frame: pd.DataFrame) -> NDArray[np.str_]:
    if "term_start" not in frame.columns:
        return np.full(len(frame), "", dtype=str)
    start = pd.to_datetime(frame["term_start"])
    return np.asarray(start.dt.to_period("Q").astype(str), dtype=str)
