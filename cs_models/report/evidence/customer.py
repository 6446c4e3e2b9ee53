"""One customer at a time: what its chance is made of, where it stands, whom it is like.

Grain in: panels before renewal.  Grain out: one row a driver, a measure or a past term.
``methods.md`` 1.4, 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.features import catalogue
from cs_models.learn import churn, profile
from cs_models.learn.peers import worse_when_more
from cs_models.learn.predictors import told
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Today, records

PARTS, PLACES, NEAR, CYCLE = "customer-table", "places-table", "near", "cycle"
LARGE: Final = 0.75  # of those who come up: a large account pays more than so many
# What a customer is compared by, in a few words: each in its longest window.
MEASURES: Final = {
    "active_users": "active users",
    "active_days": "active days",
    "seat_utilisation": "active users per seat",
    "distinct_features": "features used",
    "trend": "use against the 28 days before",
    "days_since_last_use": "days since last use",
    "open_severe_tickets": "open severe tickets",
    "oldest_open_ticket_days": "age of oldest open ticket",
    "nps": "NPS",
    "csat": "CSAT",
    "champion_silent_days": "days champion is silent",
    "goals_reached": "goals reached",
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
    cycle : dict
        Row of ``profile.adoption_cycle``; empty where its first weeks cannot be compared.
    """

    risk: dict[str, Any]
    base: float
    parts: pd.DataFrame
    places: pd.DataFrame
    near: pd.DataFrame
    near_summary: dict[str, Any]
    near_quality: dict[str, float]
    cycle: dict[str, Any] = field(default_factory=dict)


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
    one = coming.terms[coming.terms["subscription_id"] == subscription_id]
    if today is None or not (today.risk["subscription_id"] == subscription_id).any():
        return None
    return looks(today, one, history, by=by, grace_days=grace_days, rng=rng).of(subscription_id)


@dataclass(frozen=True)
class Looks:
    """What :func:`look` says of each of several customers, worked out for all of them at once.

    Attributes
    ----------
    today : Today
    places, near, summary : DataFrame
        Rows of all customers, with ``subscription_id``; ``near`` and ``summary`` are empty where
        nothing could be compared.
    quality : dict
        ``profile.Neighbours.quality``.
    cycle : DataFrame
        ``profile.adoption_cycle``; empty where no first weeks can be compared.
    """

    today: Today
    places: pd.DataFrame
    near: pd.DataFrame
    summary: pd.DataFrame
    quality: dict[str, float]
    cycle: pd.DataFrame

    def of(self, subscription_id: str) -> Look | None:
        """Return what is said of one term; None where there is no such term."""
        at = np.flatnonzero(self.today.risk["subscription_id"] == subscription_id)
        if not len(at):
            return None
        place = int(at[0])
        scored = self.today.health.iloc[place]
        summary = records(_of(self.summary, subscription_id))
        cycle = records(_of(self.cycle, subscription_id))
        return Look(
            risk=records(self.today.risk.iloc[[place]])[0],
            base=1 - float(scored["health_reference"]) / 100,
            parts=parts(scored),
            places=_of(self.places, subscription_id).drop(columns="subscription_id"),
            near=_of(self.near, subscription_id),
            near_summary=summary[0] if summary else {},
            near_quality=self.quality,
            cycle=cycle[0] if cycle else {},
        )


def looks(
    today: Today,
    terms: pd.DataFrame,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    rng: np.random.Generator,
) -> Looks:
    """Look at several customers: what takes long is done for all of them at once.

    Parameters
    ----------
    today : Today
    terms : DataFrame, one row per (subscription_id, as_of_date)
        Panel rows of those to look at.
    history, by, grace_days, rng
        As in :func:`look`.

    Returns
    -------
    Looks
    """
    near, summary, quality = _near(history, terms, by, grace_days, rng)
    places, cycle = _places(history, terms), _cycle(history, terms)
    return Looks(today, places, near, summary, quality, cycle)


def _of(frame: pd.DataFrame, subscription_id: str) -> pd.DataFrame:
    if frame.empty:
        return frame
    mine: pd.DataFrame = frame[frame["subscription_id"] == subscription_id]
    return mine.reset_index(drop=True)


def compared(history: pd.DataFrame) -> dict[str, str]:
    """Return the columns by which a customer is compared, each with its words.

    Parameters
    ----------
    history : DataFrame
        Panel of past terms.

    Returns
    -------
    dict of str to str
        Of each of :data:`MEASURES` that is there, the longest window before the decision.
    """
    found: dict[str, tuple[int, str]] = {}
    for column in history.columns:
        measure = catalogue.parse(column)
        if measure is None or measure.feature or measure.measure not in MEASURES:
            continue
        if measure.anchor in ("last", "to_date"):
            found[measure.measure] = max(
                found.get(measure.measure, (-1, "")), (measure.days or 0, column)
            )
    words = {}
    for name, said in MEASURES.items():
        days, column = found.get(name, (0, ""))
        if column:
            words[column] = f"{said}, {days} days" if days and name != "trend" else said
    return words


def parts(scored: pd.Series) -> pd.DataFrame:
    """Return each driver's points of the chance, the largest first."""
    points = {name: -float(scored[f"points_{name}"]) for name in churn.DRIVERS}
    frame = pd.DataFrame(
        {"driver": list(points), "said": [told.DRIVERS[name] for name in points],
         "points": list(points.values())}
    )  # fmt: skip
    order = frame["points"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _places(history: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Place customers among past renewers, measure by measure, 0 worst."""
    words = compared(history)
    columns = ["subscription_id", "column", "said", "value", "among_renewed", "among_renewed_low",
               "among_renewed_high", "n_renewed", "kind"]  # fmt: skip
    try:
        found = profile.position(history, panel, list(words))
    except TooLittleDataError:
        return pd.DataFrame(columns=columns)
    found = found[found["among_renewed"].notna()].assign(said=lambda f: f["column"].map(words))
    turned = found["column"].map(lambda name: bool(worse_when_more(name)))
    low, high = found["among_renewed_low"].copy(), found["among_renewed_high"].copy()
    found["among_renewed"] = found["among_renewed"].mask(turned, 1 - found["among_renewed"])
    found["among_renewed_low"] = low.mask(turned, 1 - high)
    found["among_renewed_high"] = high.mask(turned, 1 - low)
    return found.sort_values("among_renewed", kind="stable", ignore_index=True)[columns]


def _cycle(history: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Compare the first weeks with those of renewers; only rows that could be compared are kept."""
    try:
        found = profile.adoption_cycle(history, panel)
    except (ParameterError, TooLittleDataError):  # no window from the start, or too few renewed
        return pd.DataFrame()
    return found[found["aligned"] != "none"].reset_index(drop=True)


def _near(
    history: pd.DataFrame,
    panel: pd.DataFrame,
    by: str | None,
    grace_days: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    drivers = {name: churn.driver(name) for name in compared(history)}
    try:
        found = profile.nearest(
            history, panel, list(drivers), drivers, segment_by=by, grace_days=grace_days, rng=rng
        )
    except TooLittleDataError:
        return pd.DataFrame(), pd.DataFrame(), {}
    return found.terms, found.summary, found.quality
