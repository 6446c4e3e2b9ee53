"""The outcome side of a contract term, made once for everybody.

Grain: one row per subscription_id in, the same rows out.  Only the cohort reads this
module; nothing that computes a feature may import it.

Source: ``methods.md`` 1.1 (outcome at the renewal date, competing risks, recurrent terms).
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

CHURNED: Final = "churned"
INVOLUNTARY: Final = "involuntary"
PENDING: Final = "pending"


def attach(subscriptions: ir.Table) -> ir.Table:
    """Add the outcome columns to the contract terms.

    Parameters
    ----------
    subscriptions : ibis.expr.types.Table
        Canonical subscriptions, one row per subscription_id.

    Returns
    -------
    ibis.expr.types.Table
        The same rows with

        * ``churned`` int8: 1 left by choice, 0 stayed; null when not decided, and null when
          involuntary (acquired, out of business), which the contrast of causes leaves out;
        * ``involuntary`` bool;
        * ``previous_outcome`` str: outcome of the account's previous term by start date;
          ``previous_end`` date: the day that term ended, from which its outcome was known;
        * ``won_back`` bool: the previous term had churned, so that this one is a new episode.
    """
    order = ibis.window(
        group_by=subscriptions.account_id,
        order_by=[
            subscriptions.term_start,
            subscriptions.term_end,
            subscriptions.subscription_id,
        ],
    )
    outcome = subscriptions.outcome.fill_null(PENDING)
    closed = ibis.least(
        subscriptions.term_end, subscriptions.ended_at.fill_null(subscriptions.term_end)
    )
    previous = subscriptions.outcome.lag().over(order)
    churned = ibis.cases(
        (outcome.isin([PENDING, INVOLUNTARY]), ibis.null("int8")),
        (outcome == CHURNED, ibis.literal(1, "int8")),
        else_=ibis.literal(0, "int8"),
    )
    return subscriptions.mutate(
        outcome=outcome,
        churned=churned,
        involuntary=outcome == INVOLUNTARY,
        previous_outcome=previous,
        previous_end=closed.lag().over(order),
        won_back=(previous == CHURNED).fill_null(False),
    )
