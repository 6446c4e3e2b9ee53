"""The cube satisfaction × proficiency × usage, and what each of its corners calls for.

Grain in: one row per user.  Grain out: one row per corner, per account, per group of users.

Source: ``methods.md`` 1.4; ``customer_success.md`` M9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.learn.evaluation.rates import proportion

Float = NDArray[np.float64]

# NPS 7 and CSAT 4 of 5 are the first answers that are not unhappy ones; both are above 0.7 less
# a rounding, and 6 and 3 below.
SATISFIED: Final = 0.7
UPPER_HALF: Final = 0.5
_TOPS: Final = (5.0, 7.0, 10.0, 100.0)

CORNERS: Mapping[tuple[bool, bool, bool], tuple[str, str]] = {
    (True, True, True): (
        "satisfied, skilled, much use",
        "Ask for a reference; let them teach others.",
    ),
    (True, True, False): (
        "satisfied, skilled, little use",
        "Not needed, or needed seldom: ask which work it does not serve, and tell product.",
    ),
    (True, False, True): (
        "satisfied, less skilled, much use",
        "Offer training in the next features: there is more to gain.",
    ),
    (True, False, False): (
        "satisfied, less skilled, little use",
        "Kind words, little value yet: show what it can do before the renewal.",
    ),
    (False, True, True): (
        "unsatisfied, skilled, much use",
        "They depend on it and are unhappy: hear what is broken, and mend it.",
    ),
    (False, True, False): (
        "unsatisfied, skilled, little use",
        "They know it and turned away: speak to the sponsor.",
    ),
    (False, False, True): (
        "unsatisfied, less skilled, much use",
        "Struggling every day: training and support now.",
    ),
    (False, False, False): (
        "unsatisfied, less skilled, little use",
        "Revisit onboarding and training.",
    ),
}


@dataclass(frozen=True)
class Cube:
    """Users by satisfaction, proficiency and usage.

    Attributes
    ----------
    users : DataFrame, one row per user
        As given, with ``satisfaction``, ``proficiency``, ``usage`` (0 to 1, the first missing
        where nothing was answered), ``surveyed_skill`` (proficiency is from a survey), ``score``
        (their geometric mean) and ``corner``.
    corners : DataFrame, eight rows
        ``corner``, ``calls_for``, ``n``, ``share`` (of those who answered), ``low``, ``high``,
        ``n_accounts``, ``arr`` (each account's, split evenly over its users who answered).
    accounts : DataFrame, one row per account
        ``account_id``, ``n_users``, ``n_answered``, ``satisfaction``, ``proficiency``, ``usage``,
        ``score`` (means of those who answered), ``corner`` (that of most of them), ``arr``.
    response : DataFrame, one row per group of users
        ``group``, ``n``, ``n_answered``, ``share``, ``low``, ``high``.
    """

    users: pd.DataFrame
    corners: pd.DataFrame
    accounts: pd.DataFrame
    response: pd.DataFrame


def rescaled(score: ArrayLike, *, kind: str, top: float) -> Float:
    """Bring answers onto 0 to 1.

    Parameters
    ----------
    score : array-like of float
        On the survey's own scale; missing stays missing.
    kind : {"nps", "csat", "proficiency"}
        NPS begins at 0; CSAT at 1 where its scale ends at 5, 7 or 10, else at 0.
    top : float
        The highest answer on record: the scale ends at the first of 5, 7, 10, 100 that holds it.

    Returns
    -------
    ndarray of float
        0 to 1.

    Notes
    -----
    Source: ``methods.md`` 1.4.  An NPS kept as −100 to 100 is moved onto the same line.
    """
    values = np.asarray(score, dtype=np.float64)
    ends = [10.0, 100.0] if kind == "nps" else list(_TOPS)
    end = next((e for e in ends if top <= e), max(top, 1.0))
    begin = 0.0
    if kind == "csat" and end <= 10.0:
        begin = 1.0
    if kind == "nps" and end > 10.0:
        begin = -100.0
    return np.clip((values - begin) / (end - begin), 0.0, 1.0)


def percentile(values: pd.Series, role: pd.Series) -> Float:
    """Return where each value stands among those of its role, ties in their middle.

    Parameters
    ----------
    values : Series of float
    role : Series
        Missing roles are a group of their own.

    Returns
    -------
    ndarray of float
        Share below plus half the share alike, strictly between 0 and 1; missing where the value is.
    """
    group = values.groupby(role.astype("object").where(role.notna(), "not recorded").to_numpy())
    ranked = (group.rank(method="average") - 0.5) / group.transform("count")
    return ranked.to_numpy(dtype=np.float64)


def cube(users: pd.DataFrame, *, satisfied: float = SATISFIED, upper: float = UPPER_HALF) -> Cube:
    """Part users by satisfaction, proficiency and usage.

    Parameters
    ----------
    users : DataFrame, one row per user
        ``user_id``, ``account_id``, ``role``, ``arr`` (the account's, float), ``satisfaction``
        (0 to 1, missing without an answer of the last 180 days), ``skill`` (a survey's, any
        scale, missing without), ``depth`` (different features used), ``active_days``.
    satisfied : float, default 0.7
        From this satisfaction on a user counts as satisfied.
    upper : float, default 0.5
        From this percentile of the role on a user counts as skilled, or as using much.

    Returns
    -------
    Cube

    Notes
    -----
    Proficiency is the percentile of the survey's score among those of the role who answered it,
    else that of the number of different features used; usage that of the days of use.
    Source: ``methods.md`` 1.4.
    """
    skill = percentile(users["skill"], users["role"])
    depth = percentile(users["depth"].astype(float), users["role"])
    frame = users.assign(
        surveyed_skill=~np.isnan(skill),
        proficiency=np.where(np.isnan(skill), depth, skill),
        usage=percentile(users["active_days"].astype(float), users["role"]),
    )
    parts = frame[["satisfaction", "proficiency", "usage"]].to_numpy(dtype=np.float64)
    frame["score"] = np.cbrt(parts.prod(axis=1))
    high = np.column_stack([parts[:, 0] >= satisfied, parts[:, 1:] >= upper])
    names = [CORNERS[(bool(a), bool(b), bool(c))][0] for a, b, c in high]
    answered = frame["satisfaction"].notna()
    frame["corner"] = pd.Series(names, index=frame.index, dtype=object).where(answered)
    return Cube(frame, _corners(frame[answered]), _accounts(frame), response(frame))


def _corners(said: pd.DataFrame) -> pd.DataFrame:
    weight = said.groupby("account_id")["user_id"].transform("count")
    money = said["arr"].astype(float) / weight
    rows = []
    for name, calls_for in CORNERS.values():
        inside = said["corner"] == name
        share = proportion(inside, said["account_id"])
        rows.append(
            {"corner": name, "calls_for": calls_for, "n": int(inside.sum()), "share": share.rate,
             "low": share.low, "high": share.high,
             "n_accounts": int(said.loc[inside, "account_id"].nunique()),
             "arr": float(money[inside].sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _accounts(frame: pd.DataFrame) -> pd.DataFrame:
    said = frame[frame["satisfaction"].notna()]
    mine = frame.groupby("account_id")
    out = pd.DataFrame({"n_users": mine["user_id"].size(), "arr": mine["arr"].first()})
    told = said.groupby("account_id")
    out["n_answered"] = told.size().reindex(out.index).fillna(0).astype(int)
    for name in ("satisfaction", "proficiency", "usage", "score"):
        out[name] = told[name].mean().reindex(out.index)
    # The corner of most; of two alike, the one that comes first in the list of corners.
    place = {name: i for i, (name, _) in enumerate(CORNERS.values())}
    counted = said.groupby(["account_id", "corner"]).size().rename("n").reset_index()
    counted["place"] = counted["corner"].map(place)
    counted = counted.sort_values(["n", "place"], ascending=[False, True])
    out["corner"] = counted.drop_duplicates("account_id").set_index("account_id")["corner"]
    order = ["n_users", "n_answered", "satisfaction", "proficiency", "usage", "score", "corner"]
    return out[[*order, "arr"]].reset_index()


def response(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how many answered, in all, by role and by how much they use the product.

    Parameters
    ----------
    frame : DataFrame, one row per user
        ``account_id``, ``role``, ``satisfaction`` and ``usage``.

    Returns
    -------
    DataFrame, one row per group
        ``group``, ``n``, ``n_answered``, ``share``, ``low``, ``high``: where users of little use
        answer less, those who answered speak for those who use much.
    """
    half = np.where(frame["usage"] >= UPPER_HALF, "uses much for the role", "uses little")
    role = frame["role"].astype("object").where(frame["role"].notna(), "role not recorded")
    rows = [_answered("all", frame)]
    rows += [_answered(name, frame[half == name]) for name in ("uses much for the role",
                                                               "uses little")]  # fmt: skip
    rows += [_answered(f"role: {name}", part) for name, part in frame.groupby(role)]
    return pd.DataFrame(rows)


def _answered(name: str, part: pd.DataFrame) -> dict[str, object]:
    share = proportion(part["satisfaction"].notna(), part["account_id"])
    return {"group": name, "n": share.n, "n_answered": share.n_events, "share": share.rate,
            "low": share.low, "high": share.high}  # fmt: skip
