"""From adjusted p to what is said: table, headline, counts, families, profiles.

Grain in: one searched family.  Grain out: a ``Search``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import wording
from cs_models.learn.selection import crossfit, leaders, signals, stability
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Family
from cs_models.learn.telling import detail, records, rows, tally

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    table : DataFrame, best first
        One row per announced rule: the leader of the whole book and of each segment, then the
        other significant features; one row for each scope without any.  Rates are renewal rates,
        ``lift`` is above minus below, raw; ``lift_within_strata`` and its interval ``lift_low``,
        ``lift_high`` compare like customers; ``role`` is ``signal`` or ``echo``; ``verdict`` is
        ``sharp``, ``tentative``, ``gradual`` or ``associated`` for a signal, ``associated`` for an
        echo, ``none`` or ``too_little_data`` for a scope without any.
    headline : str
        One to three sentences: the leading signals only.
    rules : DataFrame, one row per searched rule
        With ``statistic`` (negative: churn is rarer above), ``p_raw``, ``p_adjusted``.
    null_max : ndarray of float, shape (n_permutations,)
        The best statistic of everything searched, in histories where nothing is there.
    profiles : dict of int to DataFrame
        Likelihood of the cut by ``rule_id`` of the table, one row per candidate cut.
    counts : dict
        Terms, accounts, churned, rules, permutations, the naive best split, exclusions.
    families : DataFrame
        Rules that say nearly the same as a rule of the table (``family``, ``rule``, ``phi``).
    learnt_from : DataFrame, one row per (subscription_id, as_of_date)
        The rows of the panel that every number here is about, each with the segment it was
        counted in; figures and tables made from them agree with the table.
    features : DataFrame, one row per (segment, feature)
        ``statistic`` and ``p_feature`` of its best rule (allowing for the feature's own rules),
        ``q_feature`` (Benjamini-Hochberg over the features of the segment), ``p_adjusted``,
        ``role``: a ranking to explore, not to announce.
    stability : dict of int to DataFrame
        By ``rule_id`` of each signal, what every re-run of the search found.
    curves : dict of int to DataFrame
        By ``rule_id`` of each signal, the isotonic renewal rate by value, with its band.
    segments : DataFrame, one row per (rule_id, segment)
        Signals of the whole book, their level in each segment partially pooled.
    alike : dict of int to dict
        By ``rule_id``: ``tau`` (segments differ by about a factor exp(tau)) and ``p_same`` (the
        chance of segments so different if all had one level).
    """

    table: pd.DataFrame
    headline: str
    rules: pd.DataFrame
    null_max: Float
    profiles: Mapping[int, pd.DataFrame]
    counts: Mapping[str, Any]
    families: pd.DataFrame
    learnt_from: pd.DataFrame
    features: pd.DataFrame
    stability: Mapping[int, pd.DataFrame]
    curves: Mapping[int, pd.DataFrame]
    segments: pd.DataFrame
    alike: Mapping[int, Mapping[str, float]]


def search(
    family: Family,
    *,
    to_fold: np.random.Generator,
    to_bootstrap: np.random.Generator,
    to_judge: np.random.Generator,
) -> Search:
    """Turn a tested family into a table, a headline and the figures behind them.

    Parameters
    ----------
    family : Family
    to_fold, to_bootstrap, to_judge : numpy.random.Generator
        Sources of folds, of the bootstrap of the conditional search, and of what is asked of each
        signal.
    """
    judged = _judged(family, to_fold, to_bootstrap)
    details = _details(family, judged, to_judge)
    ranking = records.ranking(family, judged.roles)
    written, profiles = records.of_family(family, judged, details, ranking)
    families = records.families(family, judged.found, written)
    ordered = records.ordered(written)
    counts = tally.counts(family)
    pooled = {rule: one.pooled for rule, one in details.items() if one.pooled is not None}
    return Search(
        table=pd.DataFrame(ordered, columns=list(rows.COLUMNS), dtype=object),
        headline=_headline(ordered, counts),
        rules=family.grid.rules.assign(
            statistic=family.statistic,
            p_raw=records.p_raw(family.statistic),
            p_adjusted=family.adjusted.p,
        ),
        null_max=family.adjusted.null_max,
        profiles=profiles,
        counts=counts,
        families=families,
        learnt_from=family.population.named_frame(family.segment_by),
        features=ranking,
        stability={rule: one.reruns for rule, one in details.items()},
        curves={rule: one.curve for rule, one in details.items()},
        segments=detail.segments(pooled),
        alike={rule: {"tau": one.tau, "p_same": one.p_same} for rule, one in pooled.items()},
    )


def _judged(
    family: Family, to_fold: np.random.Generator, to_bootstrap: np.random.Generator
) -> records.Judged:
    grid, p = family.grid, family.adjusted.p
    if not (p <= family.alpha).any():
        return records.Judged({}, {}, {}, {})
    training = crossfit.train(family.population, grid, to_fold)
    leading = {
        scope: leaders.leaders(
            family.population, grid, family.statistic, p, training, scope=scope, alpha=family.alpha
        )
        for scope, _ in family.scopes
    }
    found, given = signals.confirmed(family, leading, to_bootstrap)
    held = {
        scope: crossfit.judge(family.population, grid, training, crossfit.rules_of(grid, scope))
        for scope, announced in found.items()
        if announced
    }
    return records.Judged(found, given, held, signals.roles(family, found, to_bootstrap))


def _details(
    family: Family, judged: records.Judged, rng: np.random.Generator
) -> dict[int, detail.Detail]:
    """Ask of every signal what kind of thing it is."""
    out: dict[int, detail.Detail] = {}
    signal_of = {
        scope: [one for one in announced if judged.roles[scope, one.feature].name == "signal"]
        for scope, announced in judged.found.items()
    }
    speaking = sum(1 for signal in signal_of.values() if signal)
    for scope, signal in signal_of.items():
        if not signal:
            continue
        announced = judged.found[scope]
        reruns = stability.rerun(family, scope, rng)
        for leader in signal:
            gap = rows.gap_of(family.population, family.grid, leader.rule)
            out[leader.rule] = detail.of_signal(
                family, leader, reruns, gap=gap, leading=leader is announced[0],
                alpha=family.alpha / speaking, rng=rng,
            )  # fmt: skip
    return out


def _headline(ordered: list[dict[str, Any]], counts: Mapping[str, Any]) -> str:
    signal = [record for record in ordered if record["role"] == "signal"]
    if signal:
        # Either the segments speak or the whole book does, whichever comes first.
        whole = signal[0]["segment"] is None
        speaking = [record for record in signal if (record["segment"] is None) == whole]
        silent = [
            r["segment"] for r in ordered if r["segment"] and r["verdict"] not in records.ANNOUNCED
        ]
        return wording.headline(speaking, [] if whole else silent)
    book = next(record for record in ordered if record["segment"] is None)
    if book["verdict"] == "none":
        return wording.nothing(counts, book["p_adjusted"], book["p_given_covariates"])
    return wording.too_little(int(book["n_churned_accounts"]), FEWEST_CHURNED_ACCOUNTS)
