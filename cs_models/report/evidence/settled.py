"""How the contracts of the last year ended, kept for the run that comes after.

Grain in: canonical tables at the data date.  Grain out: one row per contract that ended and whose
outcome is on record.  A later page tells by it who renewed and who left of those that an earlier
page held for at risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features import outcomes
from cs_models.features.renewals import GONE

DAYS: Final = 400  # back from the data date: a year's book, and the days in which a late one counts


def contracts(tables: Mapping[str, ir.Table], as_of: date) -> pd.DataFrame:
    """List the contracts that ended of late, each with how.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: subscriptions.
    as_of : datetime.date
        The data date.

    Returns
    -------
    pandas.DataFrame
        One row per contract that ended by the data date and within :data:`DAYS` before it,
        outcome on record, ordered by subscription_id: subscription_id, account_id, left (True:
        the customer left with it, or with a contract that followed, for whatever reason; False:
        it renewed, for more or less or the same, and the customer is still there).
    """
    terms = tables["subscriptions"]
    closed = ibis.least(terms.term_end, terms.ended_at.fill_null(terms.term_end))
    terms = terms.mutate(closed=closed, gone=terms.outcome.isin(GONE).fill_null(False))
    today, since = ibis.literal(as_of), ibis.literal(as_of - timedelta(days=DAYS))
    past = (terms.closed <= today).fill_null(False)
    latest = terms.filter(terms.term_start <= today).group_by("account_id")
    latest = latest.agg(
        last_gone=(terms.gone & past).argmax(terms.term_start)  # of short terms, the quarter's last
    )
    decided = terms.outcome.fill_null(outcomes.PENDING) != outcomes.PENDING
    rows = terms.filter(past & decided & (terms.closed > since).fill_null(False))
    rows = rows.left_join(latest, "account_id")
    left = rows.gone | rows.last_gone.fill_null(False)
    found: pd.DataFrame = rows.select("subscription_id", "account_id", left=left).execute()
    return found.sort_values("subscription_id", ignore_index=True)
