"""The CRM's own health score, as it stood on a decision date: a benchmark, never a predictor.

Grain in: canonical health_scores, one row a dated score of an account; points.  Grain out: one row
a point that sees any score.

The latest score dated before D and known by D.  It is there to be compared with what the history
tells.  Somebody's judgement of the customer, often written knowing what no column holds, must not
be learnt from: the comparison would be lost.

Source: ``methods.md`` 1.1 (never a score history that was recomputed later), section 5.
"""

from __future__ import annotations

import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import Column, Request, to_date


def columns(request: Request) -> list[Column]:
    """Return the column, if there is any score.

    Parameters
    ----------
    request : Request
        What the records hold.

    Returns
    -------
    list[Column]
    """
    return [Column(to_date("crm_health"), whole=False)] if request.health else []


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Take the latest score of every point that sees any.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; health_scores is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to tell.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and crm_health__to_date float64.
    """
    del request
    scores = sight.seen(tables["health_scores"], points, "scored_date", "scored_at", "score")
    return scores.group_by("point").agg(crm_health__to_date=scores.score.argmax(scores.scored_at))
