"""The grammar of panel columns: a measure has one name, and the name says everything.

``{measure}__{window}`` is about the whole account, ``{measure}__{feature}__{window}`` about
one feature of the product.  The measure comes first and never holds ``__``, the window comes
last and never does either, so that a feature's text may hold anything, ``__`` and markup
included: it is whatever stands between the first and the last ``__``.

==================  ===========================================================
window              events that count, for decision date D and term start s
==================  ===========================================================
``last_{n}d``       event date in [D - n, D)
``first_{n}d``      event date in [s, s + n), only when s + n <= D
``to_date``         everything before D (``days_to_first``: everything in [s, D))
==================  ===========================================================

Whole numbers are counts.  ``onboarded`` is 1 or 0.  Measures in ``RELATIONS`` are there in
panels built with ``relations=True`` only.  A share or a rate has its denominator in
its words and is missing where that is nought.

Source: ``methods.md`` 1.1 (point in time), 1.2 (landmarks), 1.4 (measures), 2.4b (shares).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cs_models.errors import ParameterError

Anchor = Literal["last", "first", "before", "to_date"]

SEPARATOR: Final = "__"
TREND_DAYS: Final = 28
SPIKE_DAYS: Final = 30
SPIKE_BASE_DAYS: Final = 60

_WINDOW: Final = re.compile(r"(last|first|before)_([1-9][0-9]{0,3})d|to_date")

_ANCHORS: Final[dict[str | None, Anchor]] = {
    "last": "last",
    "first": "first",
    "before": "before",
    None: "to_date",
}


@dataclass(frozen=True)
class _Kind:
    """What is known of a measure: its words, its unit and the windows it exists in."""

    words: str
    unit: str
    account_anchors: frozenset[Anchor]
    feature_anchors: frozenset[Anchor] = frozenset()
    only_days: int | None = None
    said: str = ""  # the whole label, where words and window do not make a phrase


_WINDOWED: Final[frozenset[Anchor]] = frozenset({"last", "first"})
_ANYWHERE: Final[frozenset[Anchor]] = frozenset({"last", "first", "before"})
_FIRST: Final[frozenset[Anchor]] = frozenset({"first"})
_TO_DATE: Final[frozenset[Anchor]] = frozenset({"to_date"})
_LAST: Final[frozenset[Anchor]] = frozenset({"last"})
_NONE: Final[frozenset[Anchor]] = frozenset()

_KINDS: Final[dict[str, _Kind]] = {
    "events": _Kind("events", "events", _ANYWHERE, _WINDOWED),
    "active_users": _Kind("active users", "users", _ANYWHERE),
    "active_days": _Kind("active days", "days", _WINDOWED),
    "distinct_features": _Kind("distinct features used", "features", _WINDOWED),
    "seat_utilisation": _Kind("active users per seat", "users per seat", _WINDOWED),
    "daily_active_share": _Kind(
        "share of Mondays to Fridays with use per active user", "share", _FIRST
    ),
    "trend": _Kind("events against the 28 days before", "ratio", _LAST, only_days=TREND_DAYS),
    "spike": _Kind("event rate against the 60 days before", "ratio", _LAST, only_days=SPIKE_DAYS),
    "days_since_last_use": _Kind("days since the last use", "days", _TO_DATE),
    "users": _Kind("users", "users", _NONE, _WINDOWED),
    "events_per_seat": _Kind("events per seat", "events per seat", _NONE, _WINDOWED),
    "share": _Kind("share of all events", "share", _NONE, _FIRST),
    "events_per_user": _Kind("events per active user", "events per user", _NONE, _FIRST),
    "days_to_first": _Kind("days to the first use", "days", _NONE, _TO_DATE),
    "tickets": _Kind("tickets opened", "tickets", _WINDOWED),
    "severe_tickets": _Kind("severe tickets opened", "tickets", _WINDOWED),
    "onboarded": _Kind("onboarding completed", "yes (1) or no (0)", _FIRST),
}

_RELATIONS: Final[dict[str, _Kind]] = {
    "open_tickets": _Kind("open tickets", "tickets", _TO_DATE),
    "open_severe_tickets": _Kind("open severe tickets", "tickets", _TO_DATE),
    "oldest_open_ticket_days": _Kind("age of the oldest open ticket", "days", _TO_DATE),
    "escalated_tickets": _Kind("escalated tickets, opened and closed", "tickets", _LAST),
    "nps": _Kind("mean answer to the recommendation survey (NPS)", "points", _TO_DATE),
    "csat": _Kind("mean answer to the satisfaction survey (CSAT)", "points", _TO_DATE),
    "proficiency": _Kind("mean answer to the proficiency survey", "points", _TO_DATE),
    "nps_age_days": _Kind("days since the latest NPS answer", "days", _TO_DATE),
    "csat_age_days": _Kind("days since the latest CSAT answer", "days", _TO_DATE),
    "proficiency_age_days": _Kind("days since the latest proficiency answer", "days", _TO_DATE),
    "customer_contacts": _Kind("contacts that the customer began", "contacts", _LAST),
    "days_since_customer_contact": _Kind(
        "days since the customer last wrote or called", "days", _TO_DATE
    ),
    "our_contacts_lagged": _Kind(
        "contacts that we began",
        "contacts",
        _LAST,
        said="contacts that we began in the {days} days up to 30 days before the decision date",
    ),
    "champions_left": _Kind("champions who left since the term began", "people", _TO_DATE),
    "decision_makers_left": _Kind(
        "decision makers who left since the term began", "people", _TO_DATE
    ),
    "new_decision_makers": _Kind("new decision makers since the term began", "people", _TO_DATE),
    "champions": _Kind("champions who are there", "people", _TO_DATE),
    "champion_silent_days": _Kind(
        "days since the champion last used the product", "days", _TO_DATE
    ),
    "onboarding_overdue_steps": _Kind("onboarding steps overdue", "steps", _TO_DATE),
    "onboarding_days_late": _Kind(
        "days by which the latest onboarding step missed its date", "days", _TO_DATE
    ),
    "goals_reached": _Kind("goals reached", "goals", _TO_DATE),
    "goals_overdue": _Kind("goals overdue", "goals", _TO_DATE),
    "idle_seats_share": _Kind("share of seats without use", "share", _LAST),
    "mix_change": _Kind(
        "change in the mix of features used",
        "share",
        _LAST,
        only_days=TREND_DAYS,
        said="share of the use that moved between features, last {days} days against the 62 before",
    ),
    "export_spike": _Kind(
        "rate of exports and downloads",
        "ratio",
        _LAST,
        only_days=SPIKE_DAYS,
        said="rate of exports and downloads, last {days} days against the 60 before",
    ),
    "crm_health": _Kind("health score in the CRM", "points", _TO_DATE),
}
RELATIONS: Final = frozenset(_RELATIONS)
KINDS: Final = _KINDS | _RELATIONS


@dataclass(frozen=True)
class Measure:
    """One measure of the panel.

    Parameters
    ----------
    measure : str
        A name in ``KINDS``.
    feature : str or None
        The product feature's own text, or None for the whole account.
    anchor : {"last", "first", "before", "to_date"}
        Which end the window hangs from.
    days : int or None
        Length of the window in days; None exactly when ``anchor`` is ``to_date``.

    Raises
    ------
    ParameterError
        If the measure is unknown, or does not exist in that window.
    """

    measure: str
    feature: str | None
    anchor: Anchor
    days: int | None

    def __post_init__(self) -> None:
        kind = KINDS.get(self.measure)
        if kind is None:
            raise ParameterError(
                "unknown measure",
                where="a panel column",
                got=repr(self.measure),
                repair=f"one of {', '.join(KINDS)}",
            )
        anchors = kind.account_anchors if self.feature is None else kind.feature_anchors
        counted = self.days is not None and 1 <= self.days <= 9999
        right_days = self.days is None if self.anchor == "to_date" else counted
        if kind.only_days is not None:
            right_days = self.days == kind.only_days
        if self.anchor not in anchors or not right_days:
            raise ParameterError(
                f"{self.measure} does not exist in this window",
                where="a panel column",
                got=f"feature {self.feature!r}, {self.anchor}, {self.days} days",
                repair=f"windows of {self.measure}: {', '.join(sorted(anchors)) or 'none'}",
            )

    @property
    def window(self) -> str:
        """The window's text: ``last_28d``, ``first_60d``, ``before_90d`` or ``to_date``."""
        return "to_date" if self.days is None else f"{self.anchor}_{self.days}d"

    @property
    def column(self) -> str:
        """The panel column's name."""
        middle = [] if self.feature is None else [self.feature]
        return SEPARATOR.join([self.measure, *middle, self.window])

    @property
    def unit(self) -> str:
        """The unit in words."""
        return KINDS[self.measure].unit

    def label(self) -> str:
        """Return the measure in words, for a title or a table head.

        Returns
        -------
        str
            For example "report_shared events in the first 60 days of the term".
        """
        words, said = KINDS[self.measure].words, KINDS[self.measure].said
        if said:
            return said.format(days=self.days)
        if self.measure == "days_to_first":
            return f"{words} of {self.feature} in the term"
        if self.measure == "onboarded":
            # Steps completed before the term count too: the window has an end only.
            return f"{words} by day {self.days} of the term"
        if self.feature is not None:
            words = f"{self.feature} {words}"
        if self.anchor == "last":
            return f"{words} in the {self.days} days before the decision date"
        if self.anchor == "first":
            return f"{words} in the first {self.days} days of the term"
        if self.anchor == "before":
            return f"{words} in the {self.days} days before the term"
        return words


@lru_cache(maxsize=8192)
def parse(column: str) -> Measure | None:
    """Read a panel column's name.

    Parameters
    ----------
    column : str
        Any column name.

    Returns
    -------
    Measure or None
        None when the column is not a measure (an id, the outcome, a segment).
    """
    first, last = column.find(SEPARATOR), column.rfind(SEPARATOR)
    window = _WINDOW.fullmatch(column[last + 2 :]) if first >= 0 else None
    if window is None or first < last < first + 2:
        return None
    feature = column[first + 2 : last] if last > first else None
    days = int(window[2]) if window[2] else None
    try:
        return Measure(column[:first], feature, _ANCHORS[window[1]], days)
    except ParameterError:
        return None


def among(
    columns: Iterable[str], *, anchor: Anchor, measures: Sequence[str] | None = None
) -> list[str]:
    """Return the measures' columns of one kind of window, in their order.

    Parameters
    ----------
    columns : iterable of str
        Columns of a panel; those that are no measure are passed over.
    anchor : {"last", "first", "before", "to_date"}
        Which end the window hangs from.
    measures : sequence of str, optional
        Only these measures; all when None.

    Returns
    -------
    list of str
    """
    read = ((column, parse(column)) for column in columns)
    return [
        column
        for column, measure in read
        if measure is not None
        and measure.anchor == anchor
        and (measures is None or measure.measure in measures)
    ]
