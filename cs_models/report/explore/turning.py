"""The knobs of the threshold explorer, and how each fits the others to it.

In: what a turn reads (``sides.Levels``).  Out: one widget.  Who is looked at decides the level,
unless the hand has set one: see :mod:`cs_models.report.explore.places`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from cs_models.report.display import Exhibit, Statement
from cs_models.report.evidence import rules
from cs_models.report.evidence.rules import WHOLE_BOOK
from cs_models.report.explore import knobs, places
from cs_models.report.explore.sides import Levels
from cs_models.report.findings.words import amount

USERS: Final = (1, 2, 3, 5)
ABOUT = (
    "Turn the level, the use, its window, whose contracts, or how many users must take part: the "
    "figure shows what share of past contract terms renewed on both sides, the sentences how sure "
    "that is and who stands below today. The first view is the level that the search announced. "
    "Whoever is looked at, the level is their own, announced or tried, until you set one yourself. "
    "What is shown goes with renewal; whether moving a customer across changes anything, only an "
    "experiment tells."
)


class Turning:
    """Knobs over levels.

    Parameters
    ----------
    levels : Levels
    uses : dict of str to dict
        ``Levels.columns()``, not empty.

    Attributes
    ----------
    view : Explorer
        What is shown; opens at the level that the search announced first.
    """

    def __init__(self, levels: Levels, uses: dict[str, dict[int, str]]) -> None:
        self._levels, self._uses = levels, uses
        self._by_hand: set[str] = set()
        first = _first(levels, uses)
        self._level = knobs.steps("Level", _written(levels.cuts(first["column"])), first["cut"])
        self._use = knobs.choice("Use", uses, first["use"])
        self._days = knobs.choice("Window, days", sorted(uses[first["use"]]), first["days"])
        everybody = [(WHOLE_BOOK, None), *((name, name) for name in levels.segments())]
        self._who = knobs.choice("Who", everybody)
        self._who.value = first["segment"]
        users = sorted({*USERS, *(int(rule["min_users"]) for rule in levels.announced)})
        self._users = knobs.choice("Users, at least", users, first["min_users"])
        turned = {"level": self._level, "use": self._use, "days": self._days, "who": self._who,
                  "users": self._users}  # fmt: skip
        self.view = knobs.Explorer("threshold", ABOUT, turned, self._draw, refit=self._refit)

    def _draw(
        self, level: float, use: str, days: int, who: str | None, users: int
    ) -> Sequence[Exhibit | Statement]:
        column = self._uses[use][days]
        shown = self._levels.at(column, level, segment=who, min_users=users)
        own = self._own(column, users)
        said = places.said(own, level, who, by_hand="level" in self._by_hand)
        # After the two sides and how sure they are; before who stands there today.
        return shown if said is None else [*shown[:2], said, *shown[2:]]

    def _refit(self, name: str) -> None:
        if name == "level":
            own = self._own(self._column, self._users.value)
            back = own is not None and own.cut == self._level.value
            (self._by_hand.discard if back else self._by_hand.add)("level")
            return
        if name == "use":
            self._by_hand.discard("level")  # so many reports are not so many days
        if name != "who":
            self._by_hand.add(name)
        if name in ("use", "who") and "level" not in self._by_hand and self._lead():
            return
        if name in ("use", "days"):
            self._offer(self._use.value, self._days.value)

    @property
    def _column(self) -> str:
        return self._uses[self._use.value][self._days.value]

    def _own(self, column: str, users: int) -> places.Place | None:
        """Return the own level of whoever is looked at, of one use in one window."""
        found = places.announced(
            self._levels.announced, self._who.value, columns={column}, min_users=users
        )
        return found or places.tried(self._levels.search, column, self._who.value, users)

    def _lead(self) -> bool:
        """Go to the own level of whoever is looked at; False where none is known.

        What the hand has chosen besides stays; what it has not may follow to where the level was
        announced.
        """
        kept = {name: name in self._by_hand for name in ("use", "days", "users")}
        here = self._uses[self._use.value]
        columns = {
            column
            for use, own in self._uses.items()
            if use == self._use.value or not kept["use"]
            for days, column in own.items()
            if days == self._days.value or not kept["days"]
        }
        users = self._users.value if kept["users"] else None
        found = places.announced(
            self._levels.announced, self._who.value, columns=columns, min_users=users
        )
        if found is None:
            days = self._days.value if self._days.value in here else max(here)
            found = self._own(here[days], self._users.value)
        if found is None:
            return False
        self._use.value, days = _places(self._uses)[found.column]
        self._offer(self._use.value, days, found.cut)
        self._users.value = found.min_users
        return True

    def _offer(self, use: str, days: int, cut: float | None = None) -> None:
        """Offer the windows and levels of a use, and choose: the nearest to those chosen before."""
        windows = sorted(self._uses[use])
        chosen = days if days in windows else windows[-1]
        if tuple(windows) != tuple(self._days.options):
            self._days.options = windows
        self._days.value = chosen
        before = self._level.value if cut is None else cut
        cuts = self._levels.cuts(self._uses[use][chosen])
        self._level.options = _written(cuts)
        self._level.value = min(cuts, key=lambda one: abs(one - before))


def _first(levels: Levels, uses: dict[str, dict[int, str]]) -> dict[str, Any]:
    """Return where the explorer opens: the first announced level, else the middle of any use."""
    at = _places(uses)
    for rule in rules.records(rules.leading(levels.search)):
        if rule["column"] in at:
            use, days = at[rule["column"]]
            own = None if pd.isna(rule["segment"]) else str(rule["segment"])
            return {"use": use, "days": days, "column": rule["column"], "cut": float(rule["cut"]),
                    "segment": own, "min_users": int(rule["min_users"])}  # fmt: skip
    use = next(iter(uses))
    days = max(uses[use])
    column = uses[use][days]
    cuts = levels.cuts(column)
    best = places.tried(levels.search, column, None, 1)
    cut = cuts[len(cuts) // 2] if best is None else best.cut
    return {"use": use, "days": days, "column": column, "cut": cut, "segment": None,
            "min_users": 1}  # fmt: skip


def _places(uses: dict[str, dict[int, str]]) -> dict[str, tuple[str, int]]:
    """Return use and window by column."""
    return {column: (use, days) for use, own in uses.items() for days, column in own.items()}


def _written(cuts: Sequence[float]) -> list[tuple[str, float]]:
    return [(amount(cut), cut) for cut in cuts]
