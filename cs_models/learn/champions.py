"""Champions: who they are, how soon they leave, and what happened when they did.

Grain in: logins, episodes, use by month, contracts.  Grain out: one row a champion, one rate a
group, one comparison of renewals.

A champion is a login whose role says so, or an admin among the tenth of users who use the product
most for the size of their account (and who invited others, where the records hold invitations).
How soon champions leave is learnt from the role alone: who is among the most active today says
nothing of who was three years ago.

Source: ``methods.md`` 4 (departure hazard), 5 (champion); ``customer_success.md`` Q5, Q9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from cs_models.learn.valuing import departures
from cs_models.learn.valuing.contrast import Contrast, within_strata

CHAMPION: Final = "champion"
ADMIN: Final = "admin"
TOP_SHARE: Final = 0.1
EVERYBODY: Final = "all"
# A departure so close to the renewal may be its first consequence.
DECISION_DAYS: Final = 90


def champions(
    frame: pd.DataFrame, activity: pd.Series, *, invites: str = "", top_share: float = TOP_SHARE
) -> pd.Series:
    """Say which logins are champions.

    Parameters
    ----------
    frame : pandas.DataFrame
        From ``people.frame``.
    activity : pandas.Series of float, same index
        Percentile (0 to 1) of activity among users of accounts of the size; missing for a login
        that is not compared.
    invites : str, default ""
        Column of ``frame`` that counts invitations, where the records hold them.
    top_share : float, default 0.1
        Share of users that counts as most active.

    Returns
    -------
    pandas.Series of bool
        Removed logins are none.
    """
    most = (activity >= 1 - top_share) & frame["role"].eq(ADMIN).fillna(False).astype(bool)
    if invites:
        most &= frame[invites].fillna(0) > 0
    named = frame["role"].eq(CHAMPION).fillna(False).astype(bool)
    return (named | most) & ~frame["deactivated"]


@dataclass(frozen=True)
class Departures:
    """How soon champions leave.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a group, the first for all: ``group``, ``n`` (people), ``n_accounts``, ``months``
        (watched), ``left``, ``hazard``, ``low``, ``high`` (a month, 0 to 1).
    by_how : pandas.DataFrame
        The same for each kind of departure: ``how`` ("removal", "silence").
    n_silences, n_returned : int
        Silences that counted as departures, and those after which the person came back: how far
        silence can be trusted.
    role : str
        Whose departures: "champion", or "admin" where no login is a champion; "" for nobody.
    """

    table: pd.DataFrame
    by_how: pd.DataFrame
    n_silences: int
    n_returned: int
    role: str


def leaving(spells: pd.DataFrame, segments: pd.Series) -> Departures:
    """Tell how soon champions leave, for all and by segment.

    Parameters
    ----------
    spells : pandas.DataFrame
        From ``departures.spells``.
    segments : pandas.Series
        Segment by account_id.

    Returns
    -------
    Departures

    Notes
    -----
    Departures per month watched, from the first day of recorded use to the data date; the account
    is the unit of the interval.  Source: ``methods.md`` 4.
    """
    role = next((r for r in (CHAMPION, ADMIN) if spells["role"].eq(r).any()), "")
    own = spells[spells["role"].eq(role).fillna(False).astype(bool)]
    own = own.assign(group=own["account_id"].map(segments).astype("string"))
    whole = departures.rates(own).assign(group=EVERYBODY)
    parts = departures.rates(own[own["group"].notna()], ["group"])
    table = pd.concat([whole, parts], ignore_index=True) if len(parts) > 1 else whole
    kinds = (departures.REMOVAL, departures.SILENCE)
    by_how = pd.concat(
        [departures.rates(own, how=how).assign(how=how) for how in kinds], ignore_index=True
    )
    silences = int((own["how"] == departures.SILENCE).sum())
    return Departures(table, by_how, silences, int(own["returned"].sum()), role)


def silent(
    frame: pd.DataFrame, champion: pd.Series, *, silent_days: int = departures.SILENT_DAYS
) -> pd.DataFrame:
    """List the champions of paying accounts who have fallen silent.

    Parameters
    ----------
    frame : pandas.DataFrame
        From ``people.frame``.
    champion : pandas.Series of bool, same index
    silent_days : int, default 60
        Days without use; somebody who never used anything counts from the login's first day.

    Returns
    -------
    pandas.DataFrame
        The champions' rows of ``frame`` with ``silent_days``, the highest-paying accounts first.
    """
    quiet = frame["days_since_last_use"].fillna(frame["days_since_created"])
    chosen = champion & frame["arr"].notna() & (quiet >= silent_days).fillna(False)
    found = frame[chosen].assign(silent_days=quiet[chosen])
    ordered: pd.DataFrame = found.sort_values(
        ["arr", "silent_days", "user_id"], ascending=[False, False, True], ignore_index=True
    )
    return ordered


def after_departure(
    spells: pd.DataFrame,
    opportunities: pd.DataFrame,
    former: pd.Series,
    *,
    decision_days: int = DECISION_DAYS,
    roles: Sequence[str] = (CHAMPION,),
) -> Contrast:
    """Compare renewals before which a champion left with those before which none did.

    Parameters
    ----------
    spells : pandas.DataFrame
        From ``departures.spells``.
    opportunities : pandas.DataFrame
        From ``tenure.opportunities``.
    former : pandas.Series
        Present account_id by the former one, from ``people.served``.
    decision_days : int, default 90
        A departure counts when it came during the term and so many days before its end: one that
        comes later may follow from the customer's own decision.
    roles : sequence of str, default ("champion",)
        Whose departures.

    Returns
    -------
    Contrast
        Share renewed with a departure less without, within segment and number of the renewal.
        Terms that ended before that day are left out of both.
    """
    now = opportunities["account_id"].map(former).fillna(opportunities["account_id"])
    decided = opportunities["opportunity_date"] - pd.Timedelta(days=decision_days)
    rows = opportunities.assign(account_id=now, decided=decided).reset_index(drop=True)
    first = spells["entry_on"].min()
    watched = (rows["term_start"] >= first) & ~rows["early"].astype(bool)
    rows = rows[watched & (rows["decided"] > rows["term_start"])]
    rows = rows.reset_index(drop=True)
    left = spells[spells["role"].isin(list(roles)) & (spells["event"] == 1)]
    keyed = rows[["account_id", "term_start", "decided"]].reset_index(names="row")
    pairs = keyed.merge(left[["account_id", "left_on"]], on="account_id")
    inside = (pairs["left_on"] >= pairs["term_start"]) & (pairs["left_on"] < pairs["decided"])
    exposed = rows.index.isin(pairs.loc[inside, "row"])
    late = rows["opportunity"].clip(upper=4).astype("string")
    strata = rows["segment"].astype("string").fillna("") + " " + late
    return within_strata(1 - rows["lost"].astype("float64"), exposed, strata, rows["account_id"])
