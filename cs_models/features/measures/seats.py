"""Seats bought against seats used, and areas of the product never touched, account by account.

Grain out: one row per account with a running contract (:func:`seats`), or one row per running
account and feature (:func:`areas`).

Activated: logins still there that ever used the product.  Utilisation: users active in the last 28
days per seat; above 1 is allowed, and is over-use.

Source: ``methods.md`` 1.4 (breadth); ``customer_success.md`` M7, M8.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cs_models.features.measures import who
from cs_models.features.measures.facts import SEEN_DAYS, Facts


def seats(facts: Facts, people: pd.DataFrame) -> pd.DataFrame:
    """Return how many of its seats each running account uses.

    Parameters
    ----------
    facts : Facts
    people : DataFrame
        ``people.recent`` of the same facts.

    Returns
    -------
    DataFrame, one row per account_id
        account_id, account_name, segment, plan, cohort_month, seats (float; missing where not
        known), seats_known, entitled (seats, else users seen in 90 days), logins, activated,
        active (users of the last 28 days), recent (of the last 84), unused (seats less activated,
        not below 0), utilisation (active / seats), over_use (bool), user_days, depth_users
        (features of the last 84 days added up over recent users), mix_entropy (0 to 1: how evenly
        the last 84 days' use is spread over the features; missing without use), n_features (used
        in 84 days).
    """
    alive = who.running(facts.terms, facts.today)
    told = people.assign(
        one=1, active=people["active_days"] > 0, recent=people["active_weeks"] > 0,
        seen=people["days_since_last_use"] <= SEEN_DAYS,
    )  # fmt: skip
    grouped = told.groupby("account_id")
    own = grouped.agg(
        logins=("one", "sum"), activated=("used", "sum"), active=("active", "sum"),
        recent=("recent", "sum"), seen=("seen", "sum"), user_days=("active_days", "sum"),
        depth_users=("features", "sum"),
    ).astype("float64")  # fmt: skip
    about = ["account_id", "account_name", "segment", "plan", "cohort_month"]
    frame = alive.merge(facts.accounts[about], on="account_id").merge(
        own.reset_index(), on="account_id", how="left"
    )
    frame = frame.merge(_mix(facts), on="account_id", how="left")
    counted = [*own.columns, "n_features"]
    frame[counted] = frame[counted].fillna(0.0)
    known = frame["seats"].notna()
    frame = frame.assign(
        seats_known=known, entitled=frame["seats"].fillna(frame["seen"]),
        unused=(frame["seats"] - frame["activated"]).clip(lower=0),
        utilisation=frame["active"] / frame["seats"],
        over_use=known & (frame["active"] > frame["seats"]),
    )  # fmt: skip
    return frame.drop(columns=["seen", "since"]).sort_values("account_id", ignore_index=True)


def areas(facts: Facts) -> pd.DataFrame:
    """Return which features each running account ever touched, and lately.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per (account_id, feature)
        account_id, segment, plan, cohort_month, feature, touched (bool: ever, within the recorded
        time), touched_lately (bool: in the last 84 days).
    """
    alive = who.running(facts.terms, facts.today)
    own = facts.accounts.reset_index(names="account")
    own = own[own["account_id"].isin(alive["account_id"])]
    grid = own[["account", "account_id", "segment", "plan", "cohort_month"]].merge(
        pd.Series(facts.features, name="feature", dtype=object), how="cross"
    )
    used = _by_feature(facts)
    grid = grid.merge(used, on=["account", "feature"], how="left")
    grid["touched"] = grid["recent"].notna()
    grid["touched_lately"] = grid["recent"].fillna(0.0) > 0
    return grid.drop(columns=["account", "recent"])


def _by_feature(facts: Facts) -> pd.DataFrame:
    firsts = facts.firsts
    n = max(len(firsts["feature"].cat.categories), 1)
    key = firsts["account"].to_numpy(np.int64) * n + firsts["feature"].cat.codes.to_numpy(np.int64)
    keys, place = np.unique(key, return_inverse=True)
    recent = np.bincount(place, weights=firsts["recent"], minlength=len(keys))
    names = np.asarray(firsts["feature"].cat.categories, dtype=object)
    return pd.DataFrame({"account": keys // n, "feature": names[keys % n], "recent": recent})


def _mix(facts: Facts) -> pd.DataFrame:
    """Return how many features each account used lately, and how evenly."""
    used = _by_feature(facts)
    used = used[used["feature"].isin(facts.features) & (used["recent"] > 0)]
    names = facts.accounts["account_id"].to_numpy(dtype=object)
    place = {name: number for number, name in enumerate(facts.features)}
    table = np.zeros((len(names), max(len(place), 1)))
    table[used["account"], used["feature"].map(place).astype(int)] = used["recent"]
    kept = np.flatnonzero(table.sum(axis=1) > 0)
    entropy = stats.entropy(table[kept], axis=1) if len(kept) else np.zeros(0)
    whole = np.log(len(place)) if len(place) > 1 else np.nan
    return pd.DataFrame(
        {
            "account_id": names[kept],
            "mix_entropy": np.clip(entropy / whole, 0.0, 1.0),
            "n_features": (table[kept] > 0).sum(axis=1).astype(np.float64),
        }
    )
