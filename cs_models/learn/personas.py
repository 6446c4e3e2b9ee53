"""Kinds of users: tiers of activity by stated cuts, those below their peers, and groups if any.

Grain in: one row a login (``people.frame``, what was known before a day).  Grain out: the same
rows, or those worth a look.

A user's activity is the mean of three places among active users of the same role in accounts of
the same size: how often (days of use in the last 28), how deep (features in the last 90 days), how
lately.  A monthly visitor in a role that comes monthly is thus not low.  Whoever has not used
anything for 60 days is silent, and whoever was invited and has no use on record at all never came:
neither is a measure for the others, and neither is below them.  Tiers are cut at stated places;
groups found by an algorithm are an exploration, shown only when they come out again in other
accounts and are more than a split of one cloud.

Dated example: an admin with 8 days of use in the last 28, 5 features and use yesterday, among
admins of accounts with 11 to 50 users of whom 60 %, 40 % and 80 % lie below: activity .60, medium.

Source: ``methods.md`` 5 (tiers, personas), 1.4 (benchmarks); ``customer_success.md`` Q9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap
from cs_models.learn.valuing import clusters

Float = NDArray[np.float64]

HIGH, MEDIUM, LOW, SILENT, NEVER = "high", "medium", "low", "silent", "never came"
TIERS: Final = (HIGH, MEDIUM, LOW, SILENT, NEVER)
SIZES: Final = (0, 10, 50, 200, np.inf)  # users with a login
SIZE_NAMES: Final = ("up to 10 users", "11 to 50 users", "51 to 200 users", "over 200 users")
TENURES: Final = (-1, 90, 365, np.inf)  # days since the login was made
TENURE_NAMES: Final = ("up to 90 days", "91 to 365 days", "over a year")
FEWEST_PEERS: Final = 30
# What a user is placed by; the last one is better when smaller.
FREQUENCY, DEPTH, RECENCY = (
    "active_days__last_28d", "distinct_features__last_90d", "days_since_last_use",
)  # fmt: skip
ONBOARDING, TOP_PAYING, RENEWING = "finishing onboarding", "top-paying", "up for renewal"
EVERYBODY: Final = "all users"
SPONSORS: Final = ("champion", "decision_maker", "admin")
_Z: Final = 1.959964
GROUPS: Final = (ONBOARDING, TOP_PAYING, RENEWING)


@dataclass(frozen=True)
class Cuts:
    """Where tiers are cut, and who counts as below the others.

    Parameters
    ----------
    high, medium : float, default 0.7 and 0.3
        Least activity (0 to 1) of either tier.
    silent_days : int, default 60
        Whoever came, and has not used anything for so many days, is silent, whatever the others do.
    below : float, default 0.2
        Share of the peers, the least active, that counts as below them.
    top_paying : float, default 0.1
        Share of paying accounts, by ARR.
    renewal_days : int, default 90
        A contract that ends within so many days is up for renewal.
    onboarding_days : (int, int), default (14, 90)
        Age in days of a login that should be finishing onboarding.
    """

    high: float = 0.7
    medium: float = 0.3
    silent_days: int = 60
    below: float = 0.2
    top_paying: float = 0.1
    renewal_days: int = 90
    onboarding_days: tuple[int, int] = (14, 90)

    def __post_init__(self) -> None:
        if not 0 < self.medium < self.high < 1:
            raise ParameterError(
                "tiers are cut between 0 and 1, medium below high",
                where="medium and high", got=f"{self.medium:g} and {self.high:g}",
                repair="such as 0.3 and 0.7",
            )  # fmt: skip
        for name in ("below", "top_paying"):
            if not 0 < getattr(self, name) < 1:
                raise ParameterError(
                    "a share must be above 0 and below 1", where=name,
                    got=f"{getattr(self, name):g}", repair="such as 0.2",
                )  # fmt: skip


def tiers(frame: pd.DataFrame, cuts: Cuts = Cuts()) -> pd.DataFrame:
    """Place every login of a paying account among its like, and name its tier.

    Parameters
    ----------
    frame : pandas.DataFrame
        From ``people.frame``: known before its day only.
    cuts : Cuts
        Where tiers are cut.

    Returns
    -------
    pandas.DataFrame
        The rows of logins not removed, of accounts that pay, with their index: ``size`` and
        ``tenure`` (of the account, in users; of the login), ``activity`` (0 to 1, among active
        users of the role and size; missing for the silent and those who never came),
        ``among_peers`` (the same among users of the role, size and tenure, these with them),
        ``peers`` (how many these are), ``tier`` (one of :data:`TIERS`; missing where use is not
        known).
    """
    live = frame[~frame["deactivated"] & frame["arr"].notna()].copy()
    users = live.groupby("account_id")["user_id"].transform("size")
    live["size"] = pd.cut(users, SIZES, labels=SIZE_NAMES).astype("string")
    age = live["days_since_created"].astype("float64")
    live["tenure"] = pd.cut(age, TENURES, labels=TENURE_NAMES).astype("string")
    role = live["role"].fillna("not recorded")
    never = live[RECENCY].isna() & bool(live[RECENCY].notna().any())
    silent = (live[RECENCY] >= cuts.silent_days).fillna(False).astype(bool)
    away = silent | never
    live["among_peers"], live["peers"] = _places(live, role, ["size", "tenure"])
    activity, _ = _places(live[~away], role[~away], ["size"])
    live["activity"] = activity.reindex(live.index)
    tier = np.select(
        [never, silent, live["activity"] >= cuts.high, live["activity"] >= cuts.medium],
        [NEVER, SILENT, HIGH, MEDIUM],
        LOW,
    )
    live["tier"] = pd.Series(tier, live.index, dtype="string").where(live["among_peers"].notna())
    return live


def _places(
    live: pd.DataFrame, role: pd.Series, by: Sequence[str]
) -> tuple[pd.Series, NDArray[np.int64]]:
    """Return the mean place of every row among its peers, and how many these are.

    Peers are of the same role and of each of ``by``; where they are too few, the last of ``by`` is
    left out, then the one before, at last the role.
    """
    keys: list[pd.Series] = [role.astype("string"), *(live[name] for name in by)]
    everybody = np.zeros(len(live), dtype=np.int64)
    place, n = _place(live, everybody), np.full(len(live), len(live))
    for step in range(1, len(keys) + 1):
        own, names = pd.factorize(keys[0].str.cat(pd.concat(keys[:step], axis=1), sep="|"))
        size = np.bincount(own, minlength=len(names))[own] if len(live) else n
        enough = size >= FEWEST_PEERS
        place = place.mask(enough, _place(live, own))
        n = np.where(enough, size, n)
    return place, n


def _place(live: pd.DataFrame, cells: NDArray[np.int64]) -> pd.Series:
    """Return the mean place (mid-distribution) of the three measures inside a cell."""
    places = pd.Series(0.0, index=live.index)
    for column in (FREQUENCY, DEPTH, RECENCY):
        values = live[column].astype("float64")
        if column == RECENCY:
            # Never used is the longest silence of all, where anything is known of use.
            values = -values.fillna(np.inf) if values.notna().any() else values
        ranked = values.groupby(cells)
        size = ranked.transform("count")
        places += (ranked.rank(method="average") - 0.5) / size.where(size > 0)
    return places / 3


def members(live: pd.DataFrame, cuts: Cuts = Cuts()) -> pd.DataFrame:
    """Say which users are in the groups that matter.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    cuts : Cuts

    Returns
    -------
    pandas.DataFrame of bool
        One column each of :data:`GROUPS`, same index.
    """
    arr = live.groupby("account_id")["arr"].first()
    top = arr >= arr.quantile(1 - cuts.top_paying, interpolation="higher")
    youngest, oldest = cuts.onboarding_days
    age, ahead = live["days_since_created"], live["days_to_renewal"]
    return pd.DataFrame(
        {
            ONBOARDING: age.between(youngest, oldest).astype(bool),
            TOP_PAYING: live["account_id"].map(top).astype(bool),
            RENEWING: ahead.between(0, cuts.renewal_days).fillna(False).astype(bool),
        }
    )


def shares(live: pd.DataFrame, groups: pd.DataFrame, cuts: Cuts = Cuts()) -> pd.DataFrame:
    """Tell where the users of each group stand among their peers, and how many are silent.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    groups : pandas.DataFrame
        From :func:`members`.
    cuts : Cuts

    Returns
    -------
    pandas.DataFrame
        One row a group, the first for all: ``group``, ``n_users``, ``n_accounts``, ``place`` (mean
        place among peers, 0 to 1; about one half for all), ``low``, ``high`` (account-clustered),
        ``silent``, ``never`` (shares), ``n_below`` (as :func:`below` lists them), ``apart`` (bool:
        the interval leaves out the mean of all).
    """
    known = live["among_peers"].notna()
    under = _under(live, cuts)
    whole = {EVERYBODY: pd.Series(True, live.index)}
    usual = float(live["among_peers"].mean())
    rows = []
    for name, inside in (whole | {str(n): groups[n] for n in groups}).items():
        own = live[inside & known]
        if own.empty:
            rows.append((name, 0, 0, *[np.nan] * 5, 0, False))
            continue
        codes, n_accounts = bootstrap.accounts(own["account_id"])
        values = own["among_peers"].to_numpy(np.float64)
        mean = float(values.mean())
        half = _Z * bootstrap.standard_error(values, codes, n_accounts)
        apart = name != EVERYBODY and abs(mean - usual) > half
        rows.append(
            (name, len(own), n_accounts, mean, max(mean - half, 0.0), min(mean + half, 1.0),
             float((own["tier"] == SILENT).mean()), float((own["tier"] == NEVER).mean()),
             int((under & inside).sum()), bool(apart))
        )  # fmt: skip
    columns = ["group", "n_users", "n_accounts", "place", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "silent", "never", "n_below", "apart"])


def _under(live: pd.DataFrame, cuts: Cuts) -> pd.Series:
    """Say who is below: of those who ever came, the least active fifth and silent sponsors."""
    sponsor = live["role"].isin(SPONSORS)
    return (live["activity"] < cuts.below) | (sponsor & live["tier"].eq(SILENT).fillna(False))


def below(live: pd.DataFrame, groups: pd.DataFrame, cuts: Cuts = Cuts()) -> pd.DataFrame:
    """List the users below their peers in the groups that matter, with what is usual there.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    groups : pandas.DataFrame
        From :func:`members`.
    cuts : Cuts

    Returns
    -------
    pandas.DataFrame
        Rows of ``live``: the least active fifth of the active, and sponsors (champions, decision
        makers, admins) who are silent; with ``groups`` (names, joined) and ``usual_days`` (median
        days of use in the last 28 of active users of the role and size).  Sponsors first, then by
        ARR, the least active first.
    """
    active = live[live["activity"].notna()]
    usual = active.groupby(["role", "size"], dropna=False)[FREQUENCY].median().rename("usual_days")
    chosen = _under(live, cuts) & groups.any(axis=1)
    found = live[chosen].assign(groups=_joined(groups[chosen])).join(usual, on=["role", "size"])
    found = found.assign(order=(~found["role"].isin(SPONSORS)).astype(int)).sort_values(
        ["order", "arr", "activity", "user_id"],
        ascending=[True, False, True, True],
        na_position="first",
    )
    return found.drop(columns="order").reset_index(drop=True)


def _joined(groups: pd.DataFrame) -> list[str]:
    """Return the names of the groups of each row, joined."""
    names = [str(name) for name in groups]
    return [
        ", ".join(n for n, there in zip(names, row, strict=True) if there)
        for row in groups.to_numpy(dtype=bool)
    ]


def by_account(live: pd.DataFrame, groups: pd.DataFrame, cuts: Cuts = Cuts()) -> pd.DataFrame:
    """Roll users below their peers, and those who never came, up by account.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    groups : pandas.DataFrame
        From :func:`members`.
    cuts : Cuts

    Returns
    -------
    pandas.DataFrame
        One row per account_id with any such user in the groups that matter: ``account_id``,
        ``account_name``, ``arr``, ``days_to_renewal``, ``groups`` (names, joined), ``n_users``
        (there, in these groups), ``n_below``, ``n_never``, ``sponsors`` (logins of silent sponsors
        and of those who never came, joined, with their roles).  Accounts with such sponsors first,
        then by ARR.
    """
    matters = groups.any(axis=1)
    own = live[matters].assign(
        n_below=_under(live, cuts)[matters], n_never=(live["tier"] == NEVER).fillna(False)[matters]
    )
    away = own["role"].isin(SPONSORS) & own["tier"].isin([SILENT, NEVER])
    named = own["user_id"] + " (" + own["role"].astype("string").str.replace("_", " ")
    named = named + np.where(own["tier"] == NEVER, ", never came)", ")")
    of = own["account_id"]
    table = own.groupby("account_id").agg(
        account_name=("account_name", "first"), arr=("arr", "first"),
        days_to_renewal=("days_to_renewal", "first"), n_users=("user_id", "size"),
        n_below=("n_below", "sum"), n_never=("n_never", "sum"),
    )  # fmt: skip
    inside = groups[matters].groupby(of).any().reindex(table.index)
    table["groups"] = _joined(inside)
    table["sponsors"] = named[away].groupby(of[away]).agg(", ".join).reindex(table.index)
    table = table.astype({"n_below": "int64", "n_never": "int64", "sponsors": "string"})
    table = table[(table["n_below"] + table["n_never"]) > 0].reset_index()
    order = table["sponsors"].isna()
    table = (
        table.fillna({"sponsors": ""})
        .assign(order=order)
        .sort_values(
            ["order", "arr", "account_id"], ascending=[True, False, True], ignore_index=True
        )
    )
    columns = ["account_id", "account_name", "arr", "days_to_renewal", "groups", "n_users"]
    return table[[*columns, "n_below", "n_never", "sponsors"]]


def explore(live: pd.DataFrame, rng: np.random.Generator) -> clusters.Groups:
    """Look for groups of active users by how they use the product.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    rng : numpy.random.Generator

    Returns
    -------
    Groups
        Of the rows that are not silent, in their order; columns: days of use, features, uses and
        days since the last use, as logarithms.
    """
    active = live[live["activity"].notna()]
    lately = active[RECENCY].fillna(active["days_since_created"])
    columns = [active[FREQUENCY], active[DEPTH], active["events__last_90d"], lately]
    known = pd.concat(columns, axis=1).astype("float64").fillna(0.0)
    return clusters.groups(np.log1p(known.to_numpy()), active["account_id"], rng)
