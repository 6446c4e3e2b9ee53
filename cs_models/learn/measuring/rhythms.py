"""What rhythm is usual for a role, and who falls below it.

Grain in: users of accounts that renewed (``people.rhythm``), and users of today
(``people.recent``).  Grain out: one row per role; one level per user.

The middle half of a role's users in renewed accounts is that role's own rhythm.  A user is below,
within or above it; or without any use in the twelve weeks.  (High, medium and low are the tiers of
``learn.personas``, among today's users; this is another question.)  By construction up to a quarter
of the renewers' own users stood below, so today's share is only told beside theirs.

Source: ``customer_success.md`` M6, M7.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

FEWEST_USERS: Final = 30
FEWEST_ACCOUNTS: Final = 10
LEVELS: Final = ("above", "within", "below", "no use")
ABOVE, WITHIN, BELOW, NO_USE = LEVELS
EVERYBODY: Final = "all roles"


def by_role(past: pd.DataFrame) -> pd.DataFrame:
    """Return the middle and the middle half of each role's active weeks.

    Parameters
    ----------
    past : DataFrame
        ``people.rhythm``.

    Returns
    -------
    DataFrame, one row per role, "all roles" last
        role, n_users, n_accounts, silent (share of logins without any use, 0 to 1), q25, median,
        q75 (active weeks of 12, of the users with any use), enough (bool: 30 users of 10 accounts;
        else the role is read by all roles' rhythm).
    """
    roles = [*sorted(past["role"].unique()), EVERYBODY] if len(past) else []
    rows = []
    for role in roles:
        own = past if role == EVERYBODY else past[past["role"] == role]
        used = own[own["active_weeks"] > 0]
        weeks = used["active_weeks"].to_numpy(np.float64)
        told = np.quantile(weeks, [0.25, 0.5, 0.75]) if len(weeks) else np.full(3, np.nan)
        n_accounts = int(used["account_id"].nunique())
        rows.append(
            (role, len(own), int(own["account_id"].nunique()), 1 - len(used) / len(own), *told,
             len(used) >= FEWEST_USERS and n_accounts >= FEWEST_ACCOUNTS)
        )  # fmt: skip
    columns = ["role", "n_users", "n_accounts", "silent", "q25", "median", "q75", "enough"]
    return pd.DataFrame(rows, columns=columns).astype({"enough": bool})


def levels(users: pd.DataFrame, rhythm: pd.DataFrame) -> pd.Series:
    """Say where each user stands to the rhythm of its own role.

    Parameters
    ----------
    users : DataFrame
        role and active_weeks (0 to 12).
    rhythm : DataFrame
        What :func:`by_role` returned.

    Returns
    -------
    Series of str, index of ``users``
        "above", "within" or "below" the middle half, "no use"; missing where no role has enough to
        tell from.
    """
    known = rhythm[rhythm["enough"]].set_index("role")
    whole = known.loc[EVERYBODY] if EVERYBODY in known.index else None
    ends = {}
    for name in ("q25", "q75"):
        own = users["role"].map(known[name]) if len(known) else pd.Series(np.nan, users.index)
        ends[name] = own.astype("float64").fillna(np.nan if whole is None else float(whole[name]))
    weeks = users["active_weeks"]
    level = pd.Series(WITHIN, index=users.index, dtype=object)
    level = level.mask(weeks < ends["q25"], BELOW).mask(weeks > ends["q75"], ABOVE)
    level = level.mask(weeks == 0, NO_USE)
    told = ends["q25"].notna() | (weeks == 0)
    return level.mask(~told)
