"""Where the stages of the journey meet the definition of adopted, contract by contract.

A stage says what a customer has reached at any time; the definition judges each contract anew.
Grain in: what is known of the contracts, and the stays.  Grain out: one value per account, or one
row per stage.  Shares are 0 to 1, times are days.

Source: ``customer_success.md`` M1; ``methods.md`` 1.2 (landmark).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.grid import FAR, numbers
from cs_models.features.daily.known import Known
from cs_models.learn import journey
from cs_models.learn.journey import Rules

AFTER_DAYS: Final = 365  # so that every contract of a year meets its renewal once
_EDGES: Final = (31, 91, 182, 273)  # days to the renewal within which customers are alike
_AGES: Final = 90  # days since the beginning within which they are
_COLUMNS: Final = ["stage", "day", "n_long", "n_moved", "long", "moved", "low", "high", "p"]


def below(told: Known, accounts: pd.Series) -> pd.Series:
    """Say whose running contract stands below the definition of adopted.

    Parameters
    ----------
    told : Known
    accounts : Series of str

    Returns
    -------
    Series of bool or NA (pandas "boolean"), indexed as `accounts`
        NA where no contract runs, its first days are not over or were not recorded, or nothing is
        defined.
    """
    found = pd.Series(pd.NA, index=told.terms.names, dtype="boolean")
    if told.adopted is not None:
        terms, last = told.terms, told.last
        row = np.flatnonzero((terms.start <= last) & (last < terms.closed))
        met = told.adopted[row] <= last
        known = (terms.start[row] >= told.recorded) & (terms.start[row] + told.window <= last)
        told_ = met | known
        found.iloc[terms.account[row][told_]] = ~met[told_]
    return found.reindex(accounts).set_axis(accounts.index)


def adopted_day(told: Known) -> pd.Series | None:
    """Return the days since each customer began at which it first met the definition.

    Parameters
    ----------
    told : Known

    Returns
    -------
    Series of float, by account, or None
        Missing where it has not been met; None where nothing is defined.
    """
    if told.adopted is None:
        return None
    terms = told.terms
    met = np.where(told.adopted <= told.last, told.adopted, FAR)
    first, begun = (np.full(len(terms.names), FAR) for _ in range(2))
    np.minimum.at(first, terms.account, met)
    np.minimum.at(begun, terms.account, terms.start)
    return pd.Series(np.where(first < FAR, first - begun, np.nan), index=terms.names)


def counted(now: pd.DataFrame) -> pd.DataFrame:
    """Count, by stage, the accounts whose running contract is below the level.

    Parameters
    ----------
    now : DataFrame, one row per thing
        ``stage``, ``arr`` and, of accounts, ``below``.

    Returns
    -------
    DataFrame, indexed by stage
        ``n_below``, ``arr_below``, ``n_open`` (float; NaN where no contract at all was judged).
    """
    if "below" not in now or now["below"].isna().all():
        names = ["n_below", "arr_below", "n_open"]
        return pd.DataFrame(np.nan, index=now["stage"].unique(), columns=names)
    is_below = now["below"].fillna(False).astype(bool)
    open_ = now["below"].isna() & (now["arr"] > 0)
    rows = pd.DataFrame({"n_below": is_below.astype(float), "arr_below": now["arr"].where(is_below,
                         0.0), "n_open": open_.astype(float)})  # fmt: skip
    return rows.groupby(now["stage"]).sum()


def after_long(
    stays: pd.DataFrame, terms: Terms | None, rules: Rules, lasting: pd.DataFrame, as_of: date
) -> pd.DataFrame:
    """Compare who is still in an early stage on its long day with who had come further by then.

    Come further means into another early stage: both sides are short of the level.  An early stage
    is left for the later ones by reaching it, so that to compare with those would find the gap at
    the level once more and call it the harm of a long stay.

    Every account is looked at once a stage, on the day ``long`` after it first entered it, and
    counts if a year is known after that.  Customers of the same group and age, with as many
    days to their renewal, are compared; lost is who asked to cancel or ended within the year.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        Of accounts, with the ``group`` of each.
    terms : Terms or None
        Their contracts.
    rules : Rules
    lasting : DataFrame, one row per stage
        With ``long``, the day by which three in four have moved on.
    as_of : datetime.date
        The last day.

    Returns
    -------
    DataFrame, one row per early stage that has a long day, but for the last
        ``stage``, ``day`` (the landmark: days since it was entered), ``n_long``, ``n_moved``,
        ``long``, ``moved``, ``low``, ``high``, ``p`` as in ``learn.journey.Landmark``; NaN where
        too few can be compared.
    """
    long = lasting.set_index("stage")["long"]
    rows = []
    for name in rules.early[:-1]:
        day = float(long.get(name, np.nan))
        if np.isnan(day) or terms is None:
            continue
        found = journey.landmark(_looked_at(stays, terms, rules, name, int(day), as_of))
        rows.append((name, day, found.n_long, found.n_moved, found.long, found.moved, found.low,
                     found.high, found.p))  # fmt: skip
    return pd.DataFrame(rows, columns=_COLUMNS)


def _looked_at(
    stays: pd.DataFrame, terms: Terms, rules: Rules, stage: str, day: int, as_of: date
) -> pd.DataFrame:
    """Return who was in a stage, or in a later early one, so many days after entering it."""
    entered = stays[(stays["stage"] == stage) & stays["entry_seen"]]
    entered = entered.drop_duplicates("account_id").set_index("account_id")
    at = entered["entered_on"] + pd.Timedelta(days=day)
    at = at[at + pd.Timedelta(days=AFTER_DAYS) <= pd.Timestamp(as_of)]
    own = stays[stays["account_id"].isin(at.index)]
    when = at.reindex(own["account_id"]).to_numpy()
    there = own[(own["entered_on"] <= when) & (own["last_day"] >= when)].set_index("account_id")
    further = rules.early[rules.early.index(stage) + 1 :]
    # Who had reached the level, gone into trouble or fallen back by that day is on neither side.
    still = (there["stage"] == stage) & (there["entered_on"] == entered["entered_on"].reindex(
        there.index))  # fmt: skip
    there = there[still | there["stage"].isin(further)]
    gone = own[own["stage"].isin(rules.lost)].groupby("account_id")["entered_on"].apply(list)
    until = at + pd.Timedelta(days=AFTER_DAYS)
    lost = [
        any(at[name] < moment <= until[name] for moment in gone.get(name, []))
        for name in there.index
    ]
    age = (entered["start"].reindex(there.index) + day) // _AGES
    band = np.searchsorted(_EDGES, _to_renewal(terms, at.reindex(there.index)))
    return pd.DataFrame(
        {
            "long": (there["stage"] == stage).to_numpy(),
            "lost": lost,
            "stratum": [
                f"{group}/{old:.0f}/{near}"
                for group, old, near in zip(there["group"], age, band, strict=True)
            ],
        }
    )


def _to_renewal(terms: Terms, at: pd.Series) -> np.ndarray:
    """Return the days from each account's day to the renewal of the contract that ran then."""
    account = terms.names.get_indexer(at.index)
    wide = 4 * FAR
    day = numbers(at)
    row = np.searchsorted(terms.account * wide + terms.start, account * wide + day, "right") - 1
    return np.asarray(terms.renewal[row] - day)
