"""What a customer's people answered: satisfaction and skill, and how old the answer is.

Grain in: canonical surveys, one row an answer; points.  Grain out: one row a point that sees any
answer.

Of every user the latest answer of a kind counts, if it is of the 180 days before D, and the
account has their mean, on the survey's own scale.  An answer without a user stands for one person.
An answer is known seven days after it was given.  No answer is missing, never a middle value:
silence depends on how the customer feels.  Dated example, D = 2024-03-01: answers of 9 (user u1,
2024-01-10), 3 (u1, 2024-02-10), 8 (u2, 2023-09-03) and 10 (u2, 2024-02-25, known 2024-03-03) give
``nps__to_date`` (3 + 8) / 2 = 5.5 and ``nps_age_days__to_date`` 20.

Source: ``methods.md`` 1.4 (carry forward 180 days, else missing).
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import Column, Request, to_date

KINDS: Final = ("nps", "csat", "proficiency")
CARRIED_DAYS: Final = 180


def columns(request: Request) -> list[Column]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What the records hold.

    Returns
    -------
    list[Column]
    """
    asked = [kind for kind in KINDS if kind in request.surveys]
    scores = [Column(to_date(kind), whole=False) for kind in asked]
    return [*scores, *(Column(to_date(f"{kind}_age_days")) for kind in asked)]


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Take the mean answer, and the age of the latest, of every point that sees any.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; surveys is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to tell.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and numbers named as the columns.
    """
    answers = sight.seen(
        tables["surveys"], points, "answered_date", "answered_at", "survey_id", "user_id", "kind",
        "score",
    )  # fmt: skip
    ages = answers.group_by("point").agg(
        **{f"{kind}_age_days__to_date": _least(answers, kind) for kind in request.surveys}
    )
    recent = answers.filter(answers.ago <= CARRIED_DAYS)
    respondent = recent.user_id.fill_null("one " + recent.survey_id)
    of_user = ibis.window(
        group_by=[recent.point, recent.kind, respondent],
        order_by=[recent.answered_at.desc(), recent.survey_id.desc()],
    )
    latest = recent.mutate(place=ibis.row_number().over(of_user)).filter(lambda t: t.place == 0)
    # Decimals add up to the same sum in any order, so that a mean has one value.
    score = latest.score.cast("decimal(18, 6)")
    means = latest.group_by("point").agg(
        **{
            f"{kind}__to_date": score.sum(where=latest.kind == kind).cast("float64")
            / (latest.kind == kind).sum().nullif(0)
            for kind in request.surveys
        }
    )
    return ages.left_join(means, "point").drop("point_right")


def _least(answers: ir.Table, kind: str) -> ir.IntegerScalar:
    """Return the age of the latest answer of a kind."""
    return answers.ago.min(where=answers.kind == kind)
