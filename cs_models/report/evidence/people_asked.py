"""What speaks against asking a customer's users to speak for the product.

Grain in: canonical tables.  Grain out: one row per account.  A customer that asked to cancel, whose
users complain on average (as the page on adoption metrics says it), or that waits for an answer to
a severe case is not asked for a favour.  ``customer_success.md`` Q9; ``methods.md`` 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features.relationship import SEVERE as SEVERITIES
from cs_models.learn import advocates
from cs_models.learn.satisfaction import saydo
from cs_models.report.evidence import heard


def doubts(tables: Mapping[str, ir.Table], as_of: date, accounts: pd.Series) -> pd.DataFrame:
    """Return what speaks against asking anybody of each account, as known before a day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    as_of : datetime.date
    accounts : Series
        account_id by user_id, of the logins that are there.

    Returns
    -------
    DataFrame of bool, by account_id
        One column each of ``advocates.DOUBTS``; those the source cannot tell are left out.
    """
    names = pd.Index(accounts.unique(), name="account_id")
    found = {advocates.IN_NOTICE: _in_notice(tables["subscriptions"], as_of)}
    if "surveys" in tables:
        mean = heard.latest(tables, as_of)["satisfaction"]
        of = accounts.reindex(mean.index)
        known = mean[of.notna()].groupby(of.dropna().astype("string")).mean()
        found[advocates.COMPLAINS] = set(known.index[saydo.said(known) == "complaint"])
    if "tickets" in tables:
        found[advocates.SEVERE] = _waiting(tables["tickets"], as_of)
    return pd.DataFrame({name: names.isin(list(those)) for name, those in found.items()}, names)


def _in_notice(terms: ir.Table, as_of: date) -> set[str]:
    """Return the accounts that had asked to cancel a term that still runs."""
    today = ibis.literal(as_of)
    over = ((terms.term_end <= today) | (terms.ended_at <= today)).fill_null(False)
    asked = terms.filter(~over, (terms.cancel_requested_at <= today).fill_null(False))
    return set(asked.select("account_id").distinct().to_pyarrow()["account_id"].to_pylist())


def _waiting(tickets: ir.Table, as_of: date) -> set[str]:
    """Return the accounts with a severe case open, where the records ever close one."""
    today = ibis.literal(as_of)
    seen = tickets.filter(tickets.opened_date < today, tickets.known_date <= today)
    closed = (seen.closed_date < today).fill_null(False)
    severe = seen.severity.isin(SEVERITIES).fill_null(False)
    rows = seen.group_by("account_id").agg(
        waits=(severe & ~closed).any(), any_closed=closed.any()
    ).to_pyarrow().to_pandas()  # fmt: skip
    if not rows["any_closed"].any():
        return set()
    return set(rows.loc[rows["waits"], "account_id"])
