"""What of the relationship is to be told, and what of it the records hold at all.

A request is made once a panel by ``records.look_up`` and stands in the panel's recipe, so that the
guards can make the columns again.  What stands in it is a fact about the records as a whole (which
roles are ever named, since when tickets are kept), never about one account.

Source: ``methods.md`` 1.1, 2.1 (missing is never zero).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from cs_models.features.catalogue import Measure

CHAMPION: Final = "champion"
DECISION_MAKER: Final = "decision_maker"


@dataclass(frozen=True)
class Request:
    """What is to be told, and what the records hold.

    Parameters
    ----------
    last_days : tuple of int
        Lengths of the windows before the decision date, in days.
    data_start : str
        First day of recorded use, ISO.
    tickets_since, contacts_since : str
        First day of recorded tickets and contacts, ISO; "" where there are none.
    tickets_rated, tickets_closed, tickets_escalated : bool
        Whether any ticket has a severity, a closing, an escalation.
    surveys : tuple of str
        Kinds of surveys with any answer.
    contacts_by : tuple of str
        Who is ever named as the one who began a contact: ``us``, ``customer``.
    roles : tuple of str
        Roles that any user has.
    departures, users_named : bool
        Whether any user was ever deactivated, and any event names its user.
    onboarding_due, onboarding_done, goals_due, goals_done : bool
        Whether any step (goal) has a due date, and any was completed.
    mix, mix_since : tuple of str
        Features whose shares are compared, and the day each was there from.
    exports, exports_since : tuple of str
        Features that carry data away, and the day each was there from.
    health : bool
        Whether there is any dated score of the CRM.
    """

    last_days: tuple[int, ...]
    data_start: str
    tickets_since: str = ""
    tickets_rated: bool = False
    tickets_closed: bool = False
    tickets_escalated: bool = False
    surveys: tuple[str, ...] = ()
    contacts_since: str = ""
    contacts_by: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    departures: bool = False
    users_named: bool = False
    onboarding_due: bool = False
    onboarding_done: bool = False
    goals_due: bool = False
    goals_done: bool = False
    mix: tuple[str, ...] = ()
    mix_since: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    exports_since: tuple[str, ...] = ()
    health: bool = False

    def plain(self) -> dict[str, object]:
        """Return the request as lists and scalars."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Request:
        """Return the request that :meth:`plain` was made of."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in plain.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Column:
    """One panel column: its measure, and when nothing in the records means zero or not known.

    Parameters
    ----------
    measure : Measure
        Names the column; the expression's column has the same name.
    empty : float, optional
        Its value where the records hold nothing of the account; missing when None.
    since : str, default ""
        First day of its records, ISO; "" when they have no beginning.
    opens_days : int, default 1
        How many days before the decision date the window opens.
    whole : bool, default True
        Whether it counts.
    """

    measure: Measure
    empty: float | None = None
    since: str = ""
    opens_days: int = 1
    whole: bool = True

    @property
    def name(self) -> str:
        """The column's name."""
        return self.measure.column

    @property
    def first_day(self) -> date | None:
        """The first day of its records."""
        return date.fromisoformat(self.since) if self.since else None


def to_date(measure: str) -> Measure:
    """Return a measure of everything before the decision date.

    Parameters
    ----------
    measure : str
        Its name in the catalogue.

    Returns
    -------
    Measure
    """
    return Measure(measure, None, "to_date", None)


def last(measure: str, days: int) -> Measure:
    """Return a measure of the days before the decision date.

    Parameters
    ----------
    measure : str
        Its name in the catalogue.
    days : int
        Length of the window.

    Returns
    -------
    Measure
    """
    return Measure(measure, None, "last", days)
