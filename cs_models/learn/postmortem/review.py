"""At which stage did lost customers fall behind: from onboarding to the relationship.

Any rule of being behind finds something in customers who renewed as well.  Each share of lost
terms therefore stands beside the share of renewed ones that the same rule would have blamed;
only the excess tells of leaving.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per lost term, and one
per stage.  Question Q8 of the customer success questions; ``methods.md`` 1.4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import peers
from cs_models.learn.postmortem import behind as rule
from cs_models.learn.postmortem import stages as measures
from cs_models.learn.postmortem import told

BEHIND: Final = 0.25


@dataclass(frozen=True)
class PostMortem:
    """Where lost terms fell behind first, and how often renewed ones would be blamed alike.

    Attributes
    ----------
    terms : DataFrame, one row per lost term
        ``subscription_id``, ``account_id``, ``account_name``, ``segment``, ``term_end`` where the
        panel has them, ``arr`` (float), ``kind``, ``stage`` (the first at which it was behind;
        "none": it kept pace wherever something was recorded; "not recorded"),
        ``n_stages_behind``, ``n_stages_recorded``; of the measure of that stage in which it was
        furthest behind: ``column``, ``value``, ``percentile`` (0 to 1 among past renewers of the
        kind, 0 is worst) and the renewers' quartiles ``renewed_q25``, ``renewed_q50``,
        ``renewed_q75``.
    stages : DataFrame, one row per stage, with "none" and "not recorded" last
        ``stage``, ``n_columns``; ``n_lost``, ``share`` of lost terms whose first stage it is,
        ``arr``, ``share_arr`` of the ARR lost; ``share_of_renewed_behind`` (renewed terms blamed
        by the same rule) and ``excess`` = share - that, with its account-clustered interval
        ``low``, ``high``; ``share_arr_of_renewed_behind``; ``behind`` and ``renewed_behind``,
        the shares behind at the stage whether it is their first or not, of those recorded;
        ``on_pace_behind`` and ``on_pace_renewed_behind``, the same of those that were not behind
        at any stage before;
        ``n_not_recorded`` lost terms.
    columns : dict of str to tuple of str
        The measures of each stage that the panel holds.
    n_lost, n_renewed, n_without_arr : int
        Terms that left and that renewed, and lost ones whose ARR is unknown.
    """

    terms: pd.DataFrame
    stages: pd.DataFrame
    columns: dict[str, tuple[str, ...]]
    n_lost: int
    n_renewed: int
    n_without_arr: int


def lost(
    history: pd.DataFrame,
    *,
    stages: Mapping[str, Sequence[str]] | None = None,
    thresholds: Mapping[str, float] | None = None,
    behind: float = BEHIND,
    by: Sequence[str] = peers.BY,
    cluster: str = "account_id",
    outcome: str = "churned",
    level: float = 0.95,
) -> PostMortem:
    """Find the first stage at which each lost term fell behind past renewers of its kind.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes and ``arr``, all looked at so many days before their renewal.
    stages : mapping of str to sequence of str, optional
        Columns of each stage, in the order in which stages follow each other; by default those
        of :func:`columns`.
    thresholds : mapping of str to float, optional
        Learned levels of single columns: where a stage has such columns, a term is behind when
        it is on the worse side of one of them, whatever the renewers' quarter.
    behind : float, default 0.25
        Share of renewers that may be behind at a stage, above 0 and at most 0.5.
    by : sequence of str, default ("segment", "term_months")
        What makes a kind, widest first (see ``peers.kinds``).
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    PostMortem

    Raises
    ------
    ParameterError
        A column is missing, no stage has any, or ``behind`` is out of its range.
    TooLittleDataError
        Nobody left, or fewer than 20 accounts renewed.

    Notes
    -----
    At each stage a term's place is the mean percentile of its measures (windows and features of
    one measure have one say together) among the renewers of its kind, turned so that 0 is worst;
    it is behind below the place that a quarter of the renewers stand below (with ties, the nearest
    share to a quarter that can be drawn, never more than a half).  A stage is not recorded where
    more than half of its measures are missing; a missing value is never behind.  Renewers are
    judged by a rule drawn from themselves, so their share is a measured one, close to a quarter
    at each stage.  Where lost terms fell behind early, fewer are left to fall behind first at a
    later stage, and its excess may be negative: ``on_pace_behind`` compares those that had kept
    pace until then.  Falling behind went with leaving where there is an excess; it is not thereby
    why anybody left.
    """
    if not 0 < behind <= rule.MOST_BEHIND:
        raise ParameterError(
            "out of range", where="behind", got=f"{behind:g}", repair="above 0, at most 0.5"
        )
    peers.need(history, "subscription_id", "arr", cluster, outcome)
    past = history[history[outcome].notna() & history[cluster].notna()].reset_index(drop=True)
    chosen = measures.chosen(past, stages)
    left = past[outcome].to_numpy(dtype=np.float64) > 0
    if not left.any():
        raise TooLittleDataError("nobody left: there is nothing to look into", where=outcome)
    kinds = peers.kinds(past, by=by, cluster=cluster, outcome=outcome, fewest_churned=0)
    names = [name for held in chosen.values() for name in held]
    values = peers.numbers(past, names)
    placed = rule.Placed.of(past, values, names, kinds, ~left)
    flags = rule.flags(placed, chosen, values, names, ~left, dict(thresholds or {}), behind)
    first = rule.first(flags)
    arr = pd.to_numeric(past["arr"]).to_numpy(dtype=np.float64)
    terms = told.terms(past, placed, chosen, names, values, flags, first, arr, left, cluster)
    table = told.stages(chosen, flags, first, arr, left, past[cluster].to_numpy(), level)
    return PostMortem(
        terms=terms,
        stages=table,
        columns=chosen,
        n_lost=int(left.sum()),
        n_renewed=int((~left).sum()),
        n_without_arr=int(np.isnan(arr[left]).sum()),
    )
