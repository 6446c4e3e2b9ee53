"""Which columns of a panel foretell churn, which driver each belongs to, and which way it may act.

Grain: column names in, names with their driver and sign out.  A sign is what the field knows
before it looks: more use never raises the risk, an open severe ticket never lowers it.  Where the
field does not know, the sign is 0.

What our own team does is a consequence of risk as much as a cause: such columns may raise a risk
and never lower it (:data:`NEVER_PROTECTIVE`).

Source: ``methods.md`` 3 (drivers, monotone constraints) and 6 (touches are endogenous).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cs_models.features import catalogue
from cs_models.features.catalogue import Measure

DRIVERS: Final = (
    "adoption",
    "depth",
    "breadth",
    "trend",
    "support",
    "sentiment",
    "relationship",
    "commercial",
)
NUMBERS: Final = ("arr", "seats", "term_no", "term_months")
CATEGORIES: Final = (
    "segment",
    "plan",
    "region",
    "industry",
    "acquisition_channel",
    "previous_outcome",
)
NEVER_PROTECTIVE: Final = ("our_contacts_lagged",)


class _Known(NamedTuple):
    """What the field knows of a measure: its driver late and early in a term, and its sign."""

    driver: str
    early: str
    sign: int


def _use(sign: int = -1) -> _Known:
    """Use in the first days is adoption; use before the decision is depth."""
    return _Known("depth", "adoption", sign)


def _same(driver: str, sign: int) -> _Known:
    return _Known(driver, driver, sign)


_MEASURES: Final[dict[str, _Known]] = {
    "events": _use(),
    "active_users": _use(),
    "active_days": _use(),
    "seat_utilisation": _use(),
    "daily_active_share": _use(),
    "users": _use(),
    "idle_seats_share": _use(1),
    "distinct_features": _same("breadth", -1),
    "trend": _same("trend", -1),
    "spike": _same("trend", 0),
    "days_since_last_use": _same("trend", 1),
    "mix_change": _same("trend", 0),
    "export_spike": _same("trend", 1),
    "days_to_first": _same("adoption", 1),
    "onboarded": _same("adoption", -1),
    "onboarding_overdue_steps": _same("adoption", 1),
    "onboarding_days_late": _same("adoption", 1),
    "goals_reached": _same("adoption", -1),
    "goals_overdue": _same("adoption", 1),
    "tickets": _same("support", 0),
    "severe_tickets": _same("support", 1),
    "open_tickets": _same("support", 0),
    "open_severe_tickets": _same("support", 1),
    "oldest_open_ticket_days": _same("support", 1),
    "escalated_tickets": _same("support", 1),
    "nps": _same("sentiment", -1),
    "csat": _same("sentiment", -1),
    "proficiency": _same("sentiment", -1),
    "nps_age_days": _same("sentiment", 0),
    "csat_age_days": _same("sentiment", 0),
    "proficiency_age_days": _same("sentiment", 0),
    "customer_contacts": _same("relationship", 0),
    "days_since_customer_contact": _same("relationship", 0),
    "our_contacts_lagged": _same("relationship", 1),
    "champions": _same("relationship", -1),
    "champions_left": _same("relationship", 1),
    "champion_silent_days": _same("relationship", 1),
    "decision_makers_left": _same("relationship", 1),
    "new_decision_makers": _same("relationship", 0),
}
_WINDOWS: Final = ("first", "last", "to_date")
# One use of the product has many measures that say the same; each further one makes a model of
# few hundred leavers worse (docs/evidence.md, "Churn predictors").
_OF_A_FEATURE: Final = {"first": ("events", "users"), "last": ("events",)}


def chosen(names: Iterable[str]) -> list[str]:
    """Return the predictors that a panel offers, in the panel's order.

    Parameters
    ----------
    names : iterable of str
        Columns of a panel.

    Returns
    -------
    list of str
        Attributes of the contract known at the decision date, measures of the account, and of
        each feature of the product its use in the longest windows.
    """
    offered = list(names)
    read = {name: catalogue.parse(name) for name in offered}
    longest = _longest(measure for measure in read.values() if measure is not None)
    return [
        name
        for name, measure in read.items()
        if name in NUMBERS or name in CATEGORIES or (measure and _wanted(measure, longest))
    ]


def driver(name: str) -> str:
    """Return the driver that a predictor belongs to.

    Parameters
    ----------
    name : str
        A column of :func:`chosen`.

    Returns
    -------
    str
        One of :data:`DRIVERS`.

    Raises
    ------
    KeyError
        If the column is no predictor.
    """
    measure = catalogue.parse(name)
    if measure is None:
        if name in NUMBERS or name in CATEGORIES:
            return "commercial"
        raise KeyError(name)
    known = _MEASURES[measure.measure]
    return known.early if measure.anchor == "first" else known.driver


def sign(name: str) -> int:
    """Return which way a predictor may act on the risk: 1 up, -1 down, 0 either.

    Parameters
    ----------
    name : str
        A column of :func:`chosen`.

    Returns
    -------
    int
    """
    measure = catalogue.parse(name)
    return 0 if measure is None else _MEASURES[measure.measure].sign


def is_count(name: str) -> bool:
    """Return whether a predictor grows by ratios rather than by steps: counts, money, seats."""
    measure = catalogue.parse(name)
    return name in ("arr", "seats") if measure is None else measure.unit not in _PLAIN_UNITS


_PLAIN_UNITS: Final = ("share", "points", "yes (1) or no (0)")


def never_protects(name: str) -> bool:
    """Return whether a predictor may raise a risk but never lower it."""
    measure = catalogue.parse(name)
    return measure is not None and measure.measure in NEVER_PROTECTIVE


def _longest(measures: Iterable[Measure]) -> dict[str, int]:
    """Return the longest window of each kind in which features have columns."""
    longest: dict[str, int] = {}
    for measure in measures:
        if measure.feature is not None and measure.days is not None:
            longest[measure.anchor] = max(longest.get(measure.anchor, 0), measure.days)
    return longest


def _wanted(measure: Measure, longest: dict[str, int]) -> bool:
    if measure.measure not in _MEASURES or measure.anchor not in _WINDOWS:
        return False
    if measure.feature is None:
        return True
    return measure.measure in _OF_A_FEATURE.get(measure.anchor, ()) and measure.days == longest.get(
        measure.anchor
    )
