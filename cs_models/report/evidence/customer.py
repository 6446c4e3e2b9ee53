"""One customer at a time, and what the whole history says of heavy use, health and lost renewals.

Grain in: panels before renewal.  Grain out: one row a driver, a measure or a past term
(:func:`look`); the others are tables of the learning layer, or None where too few left or stayed.
``methods.md`` 1.3, 1.4, 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.learn import churn, health, postmortem, profile
from cs_models.learn.peers import worse_when_more
from cs_models.learn.predictors import told
from cs_models.report.evidence import callers
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Learnt, Today, label, records

PARTS, PLACES, NEAR, HEAVY, SIGNS, HEALTH, LOST = (
    "customer-table", "places-table", "near", "heavy", "signs", "health-table", "lost-table",
)  # fmt: skip
LARGE: Final = 0.75  # of those who come up: a large account pays more than so many
MEASURES: Final = (
    "active_users__last_90d",
    "active_days__last_90d",
    "seat_utilisation__last_90d",
    "distinct_features__last_90d",
    "trend__last_28d",
    "days_since_last_use__to_date",
    "open_severe_tickets__to_date",
    "oldest_open_ticket_days__to_date",
    "nps__to_date",
    "csat__to_date",
    "champion_silent_days__to_date",
    "goals_reached__to_date",
)
_SIGNS: Final = {
    "spike__last_30d": "a burst of use",
    "export_spike__last_30d": "a burst of exports",
    "mix_change__last_28d": "another mix of features",
    "trend__last_28d": "falling use",
}


@dataclass(frozen=True)
class Look:
    """One customer: its chance, what went with it, where it stands, and whom it is like.

    Attributes
    ----------
    risk : dict
        Its row of ``Today.risk``.
    base : float
        Chance (0 to 1) of the typical renewed term of its segment.
    parts : DataFrame, one row a driver, the largest part first
        driver, said (in words), points (of 100, added to the chance of the typical renewer; all
        parts add up to the difference).
    places : DataFrame, one row a measure that is recorded
        column, said, value, among_renewed (+ _low, _high; share of past renewers that stood
        worse, 0 to 1), n_renewed, kind.
    near : DataFrame, one row a past term
        Rows of ``profile.Neighbours.terms``.
    near_summary : dict
        Row of ``profile.Neighbours.summary``; empty where nothing could be compared.
    near_quality : dict
        ``profile.Neighbours.quality``.
    """

    risk: dict[str, Any]
    base: float
    parts: pd.DataFrame
    places: pd.DataFrame
    near: pd.DataFrame
    near_summary: dict[str, Any]
    near_quality: dict[str, float]


def first(today: Today | None) -> str:
    """Return the term to look at first: the largest chance among the large accounts.

    Parameters
    ----------
    today : Today or None

    Returns
    -------
    str
        A subscription_id; "" where nobody comes up.
    """
    if today is None:
        return ""
    risk = today.risk
    large = risk[risk["arr"] >= risk["arr"].quantile(LARGE)]
    mine = large if len(large) else risk
    return str(mine.sort_values("p_churn", ascending=False)["subscription_id"].iloc[0])


def look(
    subscription_id: str,
    today: Today | None,
    coming: Due,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    rng: np.random.Generator,
) -> Look | None:
    """Look at one customer.

    Parameters
    ----------
    subscription_id : str
        The term.
    today : Today or None
    coming : Due
    history : DataFrame
        Panel of past terms.
    by : str or None
        Column of segments.
    grace_days : int
    rng : numpy.random.Generator
        Draws past terms by which the neighbours are judged.

    Returns
    -------
    Look or None
        None where there is no such term, or nothing was learnt.
    """
    if today is None or not (today.risk["subscription_id"] == subscription_id).any():
        return None
    at = int(np.flatnonzero(today.risk["subscription_id"] == subscription_id)[0])
    panel = coming.terms[coming.terms["subscription_id"] == subscription_id]
    scored = today.health.iloc[at]
    near, summary, quality = _near(history, panel, by, grace_days, rng)
    return Look(
        risk=records(today.risk.iloc[[at]])[0],
        base=1 - float(scored["health_reference"]) / 100,
        parts=_parts(scored),
        places=_places(history, panel),
        near=near,
        near_summary=summary,
        near_quality=quality,
    )


def heavy(history: pd.DataFrame, coming: Due) -> profile.HeavyUse | None:
    """Return heavy users whose use changes like that of past leavers; None with too few of them.

    Parameters
    ----------
    history : DataFrame
        Panel of past terms.
    coming : Due
    """
    if coming.terms.empty:
        return None
    try:
        return profile.heavy_but_leaving(history, coming.terms)
    except TooLittleDataError:
        return None


def heavy_terms(found: profile.HeavyUse | None, today: Today | None, coming: Due) -> pd.DataFrame:
    """Return the heavy users with a sign, the largest first, with their chance where one is said.

    Parameters
    ----------
    found : HeavyUse or None
    today : Today or None
    coming : Due

    Returns
    -------
    DataFrame, one row per term
        subscription_id, account_id, account_name, segment, arr (float), term_end, use, said (its
        signs in words), backed ("yes", "no", "not known"), p_churn (NaN where none is said).
    """
    columns = ["subscription_id", "account_id", "account_name", "segment", "arr", "term_end",
               "use", "said", "backed", "p_churn"]  # fmt: skip
    if found is None:
        return pd.DataFrame(columns=columns)
    terms = found.terms[found.terms["flag"].astype(bool)].drop(columns="account_id")
    about = coming.terms[["subscription_id", "account_id", "account_name", "segment", "arr",
                          "term_end"]]  # fmt: skip
    frame = terms.merge(about, on="subscription_id", how="left")
    frame["arr"] = pd.to_numeric(frame["arr"]).astype("float64")
    frame["said"] = [", ".join(map(sign, text.split(", "))) for text in frame["signs"]]
    frame["backed"] = [
        "not known" if pd.isna(value) else "yes" if value else "no" for value in frame["backed"]
    ]
    if today is None:
        frame["p_churn"] = np.nan
    else:
        chances = today.risk.set_index("subscription_id")["p_churn"]
        frame["p_churn"] = frame["subscription_id"].map(chances)
    return frame.sort_values("arr", ascending=False, ignore_index=True)[columns]


def sign(column: str) -> str:
    """Return a sign of off-boarding in words."""
    return _SIGNS.get(column, label(column))


def validated(
    learnt: Learnt, today: Today | None, history: pd.DataFrame, rng: np.random.Generator
) -> health.Validation | None:
    """Hold the colours, as they would have been given, against what customers did.

    Parameters
    ----------
    learnt : Learnt
    today : Today or None
        Where the colours change.
    history : DataFrame
        Panel of past terms, with the CRM's score where there is one.
    rng : numpy.random.Generator

    Returns
    -------
    Validation or None
    """
    if learnt.past is None or today is None:
        return None
    seen = callers.with_crm(learnt.past.predictions, history)
    return health.validate(seen, today.limits, rng=rng)


def lost(history: pd.DataFrame) -> postmortem.PostMortem | None:
    """Return at which stage lost terms fell behind; None where too few left or renewed.

    Parameters
    ----------
    history : DataFrame
        Panel of past terms.
    """
    try:
        return postmortem.lost(history)
    except TooLittleDataError:
        return None


def _parts(scored: pd.Series) -> pd.DataFrame:
    """Return each driver's points of the chance, the largest first."""
    points = {name: -float(scored[f"points_{name}"]) for name in churn.DRIVERS}
    frame = pd.DataFrame(
        {"driver": list(points), "said": [told.DRIVERS[name] for name in points],
         "points": list(points.values())}
    )  # fmt: skip
    order = frame["points"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _places(history: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Place the customer among past renewers, measure by measure, 0 worst."""
    names = [name for name in MEASURES if name in history.columns and name in panel.columns]
    columns = ["column", "said", "value", "among_renewed", "among_renewed_low",
               "among_renewed_high", "n_renewed", "kind"]  # fmt: skip
    try:
        found = profile.position(history, panel, names)
    except TooLittleDataError:
        return pd.DataFrame(columns=columns)
    found = found[found["among_renewed"].notna()].assign(said=lambda f: f["column"].map(label))
    turned = found["column"].map(lambda name: bool(worse_when_more(name)))
    low, high = found["among_renewed_low"].copy(), found["among_renewed_high"].copy()
    found["among_renewed"] = found["among_renewed"].mask(turned, 1 - found["among_renewed"])
    found["among_renewed_low"] = low.mask(turned, 1 - high)
    found["among_renewed_high"] = high.mask(turned, 1 - low)
    return found.sort_values("among_renewed", kind="stable", ignore_index=True)[columns]


def _near(
    history: pd.DataFrame,
    panel: pd.DataFrame,
    by: str | None,
    grace_days: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, float]]:
    names = [name for name in MEASURES if name in history.columns and name in panel.columns]
    drivers = {name: churn.driver(name) for name in names}
    try:
        found = profile.nearest(
            history, panel, names, drivers, segment_by=by, grace_days=grace_days, rng=rng
        )
    except TooLittleDataError:
        return pd.DataFrame(), {}, {}
    return found.terms, records(found.summary)[0], found.quality
