"""How each contract term ended, as it was known at ``as_of``.

The source's own outcome counts once it was known: from ``decided_at`` on, or, when that is not
recorded, from the end of the term.  Where the source tells none, the account's next term tells.
Worked example (grace 30 days, as_of 2024-06-30): a term ends 2024-03-31; the account's next term
starts 2024-04-15 with more seats: ``expanded``.  No next term by 2024-04-30: ``churned``.  A term
that ends 2024-06-15 and has no next term yet is ``pending``.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cs_models.data.faults import Fault

DAYS_A_MONTH = 365.2425 / 12


def concluded(terms: ir.Table, *, as_of: date, grace_days: int) -> ir.Table:
    """Fill ``outcome`` and add ``term_no`` and ``term_months``.

    Parameters
    ----------
    terms : ibis Table
        One row a contract term: canonical columns, `open_ended` and `decided` (the recorded date
        of the decision, later than `as_of` or not).
    as_of : date
        The last day that may be looked at.
    grace_days : int
        Days within which a next term continues a term, before or after its end.

    Returns
    -------
    ibis Table
        The same terms, `decided` dropped; ``outcome`` is never NULL.
    """
    following = _next_terms(terms, grace_days)
    joined = terms.left_join(following, "subscription_id").drop("subscription_id_right")
    end = _end(joined)
    told = joined.outcome.notnull()
    hidden = ibis.coalesce(joined.decided > as_of, ibis.literal(False))
    # NULL (an open-ended term) is not over.
    due = ibis.coalesce(end <= as_of, ibis.literal(False))
    known = joined.decided.notnull() | due
    waiting = end + ibis.interval(days=grace_days) > as_of
    outcome = ibis.cases(
        (hidden, "pending"),
        (told & known, joined.outcome),
        (~due, "pending"),
        (joined.next_start.notnull(), _compared(joined)),
        (waiting, "pending"),
        else_="churned",
    )
    order = ibis.window(group_by="account_id", order_by=["term_start", "subscription_id"])
    months = ((joined.term_end.delta(joined.term_start, unit="day")) / DAYS_A_MONTH).round()
    return joined.mutate(
        outcome=outcome,
        term_no=(ibis.row_number().over(order) + 1).cast("int64"),
        term_months=ibis.greatest(months.cast("int64"), 1),
    ).drop("decided", "next_start", "next_seats", "next_arr")


def doubts(terms: ir.Table, *, as_of: date, grace_days: int, source_tells: bool) -> list[Fault]:
    """Say what makes derived outcomes doubtful.

    Parameters
    ----------
    terms : ibis Table
        As for `concluded`.
    as_of : date
        The last day that may be looked at.
    grace_days : int
        As for `concluded`.
    source_tells : bool
        Whether the source has an outcome column.
    """
    found = []
    derived = terms.filter(terms.outcome.isnull() & (_end(terms) <= as_of))
    count = int(derived.count().to_pyarrow().as_py())
    if count:
        rule = "is not told for terms that ended" if source_tells else "is not in the source"
        found.append(
            Fault(
                "subscriptions",
                "outcome",
                f"{rule}; derived from the account's next term",
                "note",
                count,
                (),
                f"map it, or check grace_days ({grace_days})",
            )
        )
        other = terms.view()
        beside = terms.inner_join(
            other,
            [
                terms.account_id == other.account_id,
                terms.subscription_id < other.subscription_id,
                terms.term_start + ibis.interval(days=grace_days) < _end(other),
                other.term_start + ibis.interval(days=grace_days) < _end(terms),
            ],
        ).select(terms.account_id)
        together = (
            beside.aggregate(n=beside.count(), accounts=beside.account_id.nunique())
            .to_pyarrow()
            .to_pylist()[0]
        )
        if together["n"]:
            found.append(
                Fault(
                    "subscriptions",
                    "term_start",
                    f"pairs of terms of one account run together (in {together['accounts']:,} "
                    "accounts); a next term may continue either",
                    "note",
                    int(together["n"]),
                    (),
                    "if they are lines of one contract, add them up in a `sql:` mapping",
                )
            )
    return found


def _end(terms: ir.Table) -> ir.DateValue:
    """Return the day a term stopped: its renewal date, or an early cancellation before it."""
    early = terms.ended_at
    return ibis.ifelse(
        early.notnull() & (terms.term_end.isnull() | (early < terms.term_end)),
        early,
        terms.term_end,
    )


def _next_terms(terms: ir.Table, grace_days: int) -> ir.Table:
    """Return the first later term of the account that starts around each term's end."""
    other = terms.view()
    grace = ibis.interval(days=grace_days)
    end = _end(terms)
    pairs = terms.inner_join(
        other,
        [
            terms.account_id == other.account_id,
            other.term_start > terms.term_start,
            other.term_start >= end - grace,
            other.term_start <= end + grace,
            other.term_end.isnull() | (other.term_end > end),
        ],
    ).select(
        subscription_id=terms.subscription_id,
        next_start=other.term_start,
        next_seats=other.seats,
        next_arr=other.arr,
        distance=(other.arr - terms.arr).abs(),
        next_id=other.subscription_id,
    )
    order = ibis.window(group_by="subscription_id", order_by=["next_start", "distance", "next_id"])
    ranked = pairs.mutate(place=ibis.row_number().over(order))
    return ranked.filter(ranked.place == 0).drop("distance", "next_id", "place")


def _compared(joined: ir.Table) -> ir.StringValue:
    """Return renewed, expanded or contracted: by seats where both are known, else by ARR."""
    by_seats = joined.seats.notnull() & joined.next_seats.notnull()
    more = ibis.ifelse(by_seats, joined.next_seats > joined.seats, joined.next_arr > joined.arr)
    less = ibis.ifelse(by_seats, joined.next_seats < joined.seats, joined.next_arr < joined.arr)
    return ibis.cases((more, "expanded"), (less, "contracted"), else_="renewed")
