"""What of the use is to be counted: windows, features, and whether the account's own columns too.

Nothing is read here; ``counts`` makes a relational expression of it and ``columns`` names what
came back.

Source: ``methods.md`` 1.1, 1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cs_models.features import catalogue


class Window(NamedTuple):
    """One window: hung from the decision date (``last``) or the start (``first``, ``before``)."""

    anchor: catalogue.Anchor
    days: int

    @property
    def name(self) -> str:
        """Short name within the expression: ``last_28``."""
        return f"{self.anchor}_{self.days}"


@dataclass(frozen=True)
class Request:
    """What is to be counted.

    Parameters
    ----------
    last_days : tuple of int
        Lengths of the windows before the decision date.
    first_days : tuple of int
        Lengths of the windows from the term's start.
    features : tuple of str
        Product features with rows of their own.
    breadth : tuple of str
        Product features that count as one each in the number of different features.
    before_days : tuple of int, default ()
        Lengths of the windows that end at the term's start; of the whole account only.
    brief : bool, default False
        Leave out what only the account's own columns need: the number of different features,
        trend, spike and the last use.  ``breadth`` must then be empty.
    """

    last_days: tuple[int, ...]
    first_days: tuple[int, ...]
    features: tuple[str, ...]
    breadth: tuple[str, ...]
    before_days: tuple[int, ...] = ()
    brief: bool = False

    @cached_property
    def places(self) -> dict[str, int]:
        """The small number that stands for each feature, those of breadth first."""
        names = dict.fromkeys((*self.breadth, *self.features))
        return {name: place for place, name in enumerate(names)}

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows asked for, the last ones first."""
        last = [Window("last", days) for days in self.last_days]
        return (*last, *(Window("first", days) for days in self.first_days))

    @property
    def before(self) -> tuple[Window, ...]:
        """The windows that end at the term's start."""
        return tuple(Window("before", days) for days in self.before_days)

    @property
    def whole(self) -> tuple[str, ...]:
        """The names of the account's counts in whole numbers."""
        breadth = () if self.brief else tuple(f"features_{w.name}" for w in self.windows)
        return (
            *(f"users_{w.name}" for w in (*self.windows, *self.before)),
            *(f"days_{w.name}" for w in self.windows),
            *(f"workdays_first_{days}" for days in self.first_days),
            *breadth,
        )

    @property
    def compared(self) -> tuple[Window, ...]:
        """The windows asked for and those under ``trend`` and ``spike``."""
        if self.brief:
            return (*self.windows, *self.before)
        own = (
            catalogue.TREND_DAYS,
            2 * catalogue.TREND_DAYS,
            catalogue.SPIKE_DAYS,
            catalogue.SPIKE_DAYS + catalogue.SPIKE_BASE_DAYS,
        )
        missing = sorted(set(own) - set(self.last_days))
        return (*self.windows, *self.before, *(Window("last", days) for days in missing))

    @property
    def reach(self) -> int:
        """The longest window before the decision date, in days; 0 without any."""
        return max((w.days for w in self.compared if w.anchor == "last"), default=0)
