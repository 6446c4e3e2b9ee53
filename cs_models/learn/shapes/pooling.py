"""Does the level differ between segments: cuts that lend each other strength.

Grain in: one row per term with its segment.  Grain out: one row per segment, with a cut and a
lift drawn together as far as the segments are alike, and a test whether they share one cut.
``methods.md`` 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn.shapes import likelihood, shrinkage

FEWEST_CHURNED_ACCOUNTS = 20
_MOST_NEAR = 120  # observed levels close to the best common cut, added for the homogeneity test

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Pooled:
    """What the level of one rule is in each segment.

    Attributes
    ----------
    table : DataFrame, one row per segment
        ``segment``; ``cut`` (smallest observed value of the upper side), ``cut_low``,
        ``cut_high`` (levels that draw a line; the segment's own posterior interval whether or not
        its cut is shown); ``n_terms``, ``n_churned_accounts``; ``log_odds`` of renewal at or above
        ``cut`` against below, shrunken; ``lift`` in renewal rate that goes with it, ``lift_low``,
        ``lift_high`` (which do not know that the cut was learnt); ``own``, False when ``cut`` is
        the pooled one.
    pooled_cut, pooled_low, pooled_high : float
        The cut if all segments share one, and its interval.
    tau : float
        Posterior mean of the spread of log cuts: segments differ by about a factor exp(tau).
        0 with one segment.
    p_same : float
        Of the hypothesis that all segments share one cut.
    """

    table: pd.DataFrame
    pooled_cut: float
    pooled_low: float
    pooled_high: float
    tau: float
    p_same: float


def segments(
    values: Float,
    churned: Float,
    account: Int,
    segment: Int,
    names: Sequence[str],
    *,
    rng: np.random.Generator,
    n_permutations: int = 499,
    level: float = 0.95,
) -> Pooled:
    """Learn the cut and the lift of every segment, each with the help of the others.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        The rule's own count, 0 or more; rows where it is missing are left out.
    churned : ndarray of float, shape (n_rows,)
        1 where the term ended in churn, else 0.
    account : ndarray of int, shape (n_rows,)
        Several terms of one account count for less (design effect by segment).
    segment : ndarray of int, shape (n_rows,)
        Place of the row's segment in ``names``; rows below 0 are left out.
    names : sequence of str
    rng : Generator
    n_permutations : int, default 499
        Data sets drawn for ``p_same``.
    level : float, default 0.95
        Of all intervals.

    Returns
    -------
    Pooled
        A segment shows its own number when segments differ (the spread is judged to be above 0
        when ``p_same`` is at most 1 - level) and it has 20 churned accounts or more.

    Raises
    ------
    ValueError
        A value is negative or infinite, or no row is left.
    """
    use = (segment >= 0) & ~np.isnan(values)
    values, churned, account, segment = values[use], churned[use], account[use], segment[use]
    if not len(values) or values.min() < 0 or not np.isfinite(values).all():
        raise ValueError("segments are compared on a log scale: give finite values, 0 or more")
    offset = _offset(values)
    x = np.log(values + offset)
    scale = shrinkage.cuts(x, segment)
    cells, lost = shrinkage.tally(x, churned, segment, scale, len(names))
    evidence = shrinkage.log_marginal(cells, lost)
    above = x >= scale[evidence.argmax(axis=1)][segment]
    deff = _design_effects(above, churned, account, segment, len(names))
    evidence = _evidence(cells, lost, deff)
    common = shrinkage.together(evidence, scale, level)
    apart = shrinkage.posterior(evidence, scale, level)
    p_same = homogeneity(x, churned, segment, scale, deff, rng=rng, n_draws=n_permutations)
    lost_accounts = _accounts(account, segment, churned > 0, len(names))
    own = (p_same <= 1 - level) & (lost_accounts >= FEWEST_CHURNED_ACCOUNTS)
    levels = np.unique(values)
    cut = _at(np.exp(np.where(own, apart.mean, common.mean)) - offset, levels)
    low, high = _down(np.exp(apart.low) - offset, levels), _at(np.exp(apart.high) - offset, levels)
    table = pd.DataFrame(
        {
            "segment": list(names),
            "cut": cut,
            "cut_low": np.minimum(cut, low),
            "cut_high": np.maximum(cut, high),
            "n_terms": cells.sum(axis=1).astype(np.int64),
            "n_churned_accounts": lost_accounts,
            **_effects(values >= cut[segment], churned, segment, deff, level),
            "own": own,
        }
    )
    return Pooled(
        table,
        pooled_cut=float(_at(np.exp(common.mean) - offset, levels)[0]),
        pooled_low=float(_down(np.exp(common.low) - offset, levels)[0]),
        pooled_high=float(_at(np.exp(common.high) - offset, levels)[0]),
        tau=apart.tau,
        p_same=p_same,
    )


def homogeneity(
    x: Float,
    churned: Float,
    segment: Int,
    scale: Float,
    deff: Float,
    *,
    rng: np.random.Generator,
    n_draws: int,
) -> float:
    """Test that all segments share one cut, whatever their churn, their use and their effect.

    The statistic is ``sum_s max_c L_s(c) - max_c sum_s L_s(c)``.  Its distribution is drawn from
    the model of one cut: every term keeps its segment and its use and is churned at random at
    the segment's rate on its side of the best common cut, the effects shrunken (raw ones at a
    chosen cut are too large).  Permuting the segments' labels, the first thought, supposes that
    segments have the same churn and the same use: where both differed but the cut did not, it
    rejected 11 % at 80 terms per segment and none at 300 (``benchmarks/segments.py``).

    Parameters
    ----------
    x : ndarray of float, shape (n_rows,)
        Log of use.
    churned, segment : ndarray, shape (n_rows,)
    scale : ndarray of float, shape (n_cuts,)
    deff : ndarray of float, shape (n_segments,)
        Terms are drawn independently, as many as the observed ones are worth.
    rng : Generator
    n_draws : int

    Returns
    -------
    float
        p, from 1 / (n_draws + 1) to 1.
    """
    scale = _refined(x, churned, segment, scale, deff)
    cells, lost = shrinkage.tally(x, churned, segment, scale, len(deff))
    evidence = _evidence(cells, lost, deff)
    best = int(evidence.sum(axis=0).argmax())
    n, n_above = cells.sum(axis=1), shrinkage.above(cells)[:, best]
    effect, variance = shrinkage.log_odds(
        n_above, shrinkage.above(lost)[:, best], n, lost.sum(axis=1)
    )
    shrunken = shrinkage.shrink(effect, variance * deff).effect
    above, below = shrinkage.rates(shrunken, n_above, n, lost.sum(axis=1))
    side = np.arange(len(scale) + 1) > best
    churn_rate = 1.0 - np.where(side, above[:, None], below[:, None])
    # As many independent terms as the observed ones are worth, rounded along the cuts.
    worth = np.diff(np.floor(cells.cumsum(axis=1) / deff[:, None] + 0.5), axis=1, prepend=0.0)
    drawn = rng.binomial(worth.astype(np.int64), churn_rate, size=(n_draws, *worth.shape))
    null = _disagreement(shrinkage.log_marginal(worth, drawn.astype(np.float64)))
    return float((1 + (null >= _disagreement(evidence) - 1e-9).sum()) / (n_draws + 1))


def _evidence(cells: Float, lost: Float, deff: Float) -> Float:
    """Return log marginal likelihoods of the terms that the observed ones are worth.

    Counts are divided by the design effect, which divides the likelihood by it and leaves the
    weight of the prior in step: every term copied once changes nothing.
    """
    return shrinkage.log_marginal(cells / deff[:, None], lost / deff[:, None])


def _disagreement(evidence: Float) -> Float:
    """Return what segments gain by a cut of their own, over (..., n_segments, n_cuts)."""
    return np.asarray(evidence.max(axis=-1).sum(axis=-1) - evidence.sum(axis=-2).max(axis=-1))


def _refined(x: Float, churned: Float, segment: Int, scale: Float, deff: Float) -> Float:
    """Add observed levels near the best common cut.

    With many terms even neighbouring cuts can be told apart, and segments would seem to differ
    because the cut that they share is not among those tried.
    """
    cells, lost = shrinkage.tally(x, churned, segment, scale, len(deff))
    best = scale[_evidence(cells, lost, deff).sum(axis=0).argmax()]
    reach = 3 * (scale[1] - scale[0])
    near = np.unique(x[np.abs(x - best) <= reach])
    near = near[:: -(-len(near) // _MOST_NEAR) or 1]
    return np.union1d(scale, near)


def _effects(
    above: NDArray[np.bool_], churned: Float, segment: Int, deff: Float, level: float
) -> dict[str, Float]:
    """Return shrunken log odds of renewal and the lift that they mean in each segment."""
    n, lost, n_above, lost_above = (
        np.bincount(segment, weight, minlength=len(deff)).astype(np.float64)
        for weight in (np.ones(len(churned)), churned, above, churned * above)
    )
    effect, variance = shrinkage.log_odds(n_above, lost_above, n, lost)
    shrunken = shrinkage.shrink(effect, variance * deff)
    z = float(stats.norm.ppf(0.5 + level / 2))

    def lift(log_odds: Float, churned_terms: Float) -> Float:
        up, down = shrinkage.rates(log_odds, n_above, n, churned_terms)
        return np.asarray(up - down)

    # The lift is in doubt because the odds are, and because the segment's own rate is.
    middle, reach = lift(shrunken.effect, lost), z * shrunken.standard_error
    swing = z * np.sqrt(deff * (lost + 0.5) * (n - lost + 0.5) / (n + 1))
    ends = [lift(shrunken.effect, np.clip(lost + by, 0, n)) for by in (-swing, swing)]
    of_rate = (ends[1] - ends[0]) / 2
    low, high = (lift(shrunken.effect + by, lost) - middle for by in (-reach, reach))
    return {
        "log_odds": shrunken.effect,
        "lift": middle,
        "lift_low": np.maximum(middle - np.hypot(low, of_rate), -1.0),
        "lift_high": np.minimum(middle + np.hypot(high, of_rate), 1.0),
    }


def _design_effects(
    above: NDArray[np.bool_], churned: Float, account: Int, segment: Int, n_segments: int
) -> Float:
    """Return each segment's design effect; 1 where no account has a second term."""
    deff = np.ones(n_segments)
    for code in np.unique(segment):
        mine = segment == code
        clusters = np.unique(account[mine], return_inverse=True)[1].astype(np.int64)
        if clusters.max() + 1 < mine.sum():
            one = np.zeros(len(clusters), dtype=np.int64)
            deff[code] = likelihood.design_effect(above[mine], churned[mine], one, clusters)
    return deff


def _accounts(account: Int, segment: Int, rows: NDArray[np.bool_], n_segments: int) -> Int:
    pairs = np.unique(np.column_stack([segment[rows], account[rows]]), axis=0)
    return np.bincount(pairs[:, 0], minlength=n_segments).astype(np.int64)


def _offset(values: Float) -> float:
    """Return what is added before the logarithm: half a count, where there are zeros."""
    if values.min() > 0:
        return 0.0
    if (values == values.round()).all():
        return 0.5
    return float(np.quantile(values[values > 0], 0.05)) / 2


def _at(cut: Float, levels: Float) -> Float:
    """Return the smallest observed value of the upper side, such that a lower side is left."""
    place = np.searchsorted(levels, cut - 1e-9, side="left")
    return np.asarray(levels[np.clip(place, min(1, len(levels) - 1), len(levels) - 1)])


def _down(cut: Float, levels: Float) -> Float:
    """Return the lowest level that draws the same line."""
    place = np.maximum(np.searchsorted(levels, cut - 1e-9, side="left") - 1, 0)
    whole = bool((levels == levels.round()).all())
    return np.asarray(levels[place] + 1 if whole else np.maximum(levels[place], levels[:2][-1]))
