"""The threshold explorer: a use, a window, a level, whose; renewal on both sides, and who stands.

Grain in: a finished search, and today's running terms.  Grain out: display objects for one level.
The numbers come from the functions that the export calls: at a level that the search announced
they are the export's.  ``methods.md`` 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn import thresholds, wording
from cs_models.learn.rules import layout
from cs_models.learn.thresholds import Search
from cs_models.report.display import Exhibit, Statement
from cs_models.report.evidence import rules, standing
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.rules import group_of
from cs_models.report.exhibits import thresholds as exhibits
from cs_models.report.explore import doubt
from cs_models.report.findings import today
from cs_models.report.values import integer, interval, money, percent, points

MOST_LEVELS: Final = 200
_BOOK: Final = [
    "subscription_id", "account_id", "account_name", "term_start", "term_end", "arr", "in_notice",
]  # fmt: skip


@dataclass(frozen=True)
class Levels:
    """What a turn of the threshold explorer reads, brought together once.

    Attributes
    ----------
    search : Search
    history : DataFrame, one row per evaluable term
        ``Search.learnt_from`` without what pandas would copy at every turn.
    so_far : DataFrame, one row per running term
        From ``panel.build(..., unfinished=True)``.
    as_of : datetime.date
    by : str or None
        Column that holds the segment.
    currency : str
        ISO 4217 code.
    announced : tuple of dict
        The rules of ``Search.table``.
    """

    search: Search
    history: pd.DataFrame
    so_far: pd.DataFrame
    as_of: date
    by: str | None
    currency: str
    announced: tuple[dict[str, Any], ...]

    @classmethod
    def of(
        cls, search: Search, so_far: pd.DataFrame, *, as_of: date, by: str | None, currency: str
    ) -> Levels:
        """Return it for a finished search and today's terms."""
        told = search.table[search.table["column"].notna()]
        return cls(
            search, _bare(search.learnt_from), _bare(so_far), as_of, by, currency,
            tuple(rules.records(told)),
        )  # fmt: skip

    def columns(self) -> dict[str, dict[int, str]]:
        """Return the panel columns that can be turned, by what they count and days of the window.

        Those of the search come first; sets of actions are among them where one was announced.
        """
        found: dict[str, dict[int, str]] = {}
        for rule in self.announced:
            if rules.is_set(rule):
                own = found.setdefault(str(rule["counted"]), {})
                own[int(rule["window_days"])] = str(rule["column"])
        for column in catalogue.among(self.history.columns, anchor="first"):
            measure = catalogue.parse(column)
            if measure is not None and measure.days is not None and column in self.so_far:
                found.setdefault(_use(measure), {})[measure.days] = column
        return found

    def segments(self) -> list[str]:
        """Return the segments by name."""
        if self.by is None:
            return []
        return sorted(map(str, self.history[self.by].dropna().unique()))

    def cuts(self, column: str) -> list[float]:
        """Return the levels of a column: each draws another line; those tried are among them."""
        known = thresholds.values(self.rule(column, 0.0), self.history).dropna().to_numpy()
        distinct = np.unique(known)[1:]
        if len(distinct) > MOST_LEVELS:
            ranks = np.linspace(0, len(known) - 1, MOST_LEVELS).astype(int)
            distinct = np.unique(np.sort(known)[ranks])[1:]
        own = {float(rule["cut"]) for rule in self.announced if rule["column"] == column}
        tried = self.search.rules.loc[self.search.rules["column"] == column, "cut"]
        return sorted({*distinct.tolist(), *own, *map(float, tried)}) or [0.0]

    def rule(
        self, column: str, cut: float, segment: str | None = None, min_users: int = 1
    ) -> dict[str, Any]:
        """Return a level set by hand as a row of ``Search.table``: the announced one where it is.

        Raises
        ------
        ParameterError
            When the column is not counted from the term's start, or is not in the panel.
        """
        own = doubt.learned(self.announced, column, cut, segment, min_users)
        if own is not None:
            return dict(own)
        return self._by_hand(column, float(cut), segment, min_users)

    def at(
        self, column: str, cut: float, *, segment: str | None = None, min_users: int = 1
    ) -> list[Exhibit | Statement]:
        """Return what is shown of one level."""
        rule = self.rule(column, cut, segment, min_users)
        names = ["account_id", "churned", *self._read(rule)]
        rates = evidence.either_side(pd.DataFrame([rule]), self.history[names], self.by)
        by_side = {row["side"]: row for row in rules.records(rates)}
        above, n = by_side[evidence.ABOVE]["n_terms"], int(rates["n_terms"].sum())
        sure = doubt.said(self.search, self.announced, rule, above, n)
        said: list[Exhibit | Statement] = [_said(rule, by_side), sure, self._today(rule)]
        return [*said, exhibits.rates(rates)] if rates["n_terms"].all() else said

    def _today(self, rule: dict[str, Any]) -> Statement:
        book = self.so_far[[*_BOOK, *self._read(rule)]]
        where = standing.against(pd.DataFrame([rule]), book, as_of=self.as_of, by=self.by)
        by = standing.totals(where, self.as_of).set_index("status")
        under, still = by.loc[standing.BELOW], by.loc[standing.OPEN]
        return Statement.of(
            "finding", f"Today {integer(under['n_accounts'])} running customers stand on the side "
            f"that renewed less and would have to move; they pay "
            f"{money(under['arr'], self.currency)} a year. "
            f"{today.still_open(dict(still), self.currency)}",
        )  # fmt: skip

    def _read(self, rule: dict[str, Any]) -> list[str]:
        """Return the columns that a rule reads, and that of its segment."""
        return list(dict.fromkeys([*thresholds.columns(rule), *([self.by] if self.by else [])]))

    def _by_hand(
        self, column: str, cut: float, segment: str | None, min_users: int
    ) -> dict[str, Any]:
        sets = [r for r in self.announced if r["column"] == column and rules.is_set(r)]
        described = None if sets else layout.describe(column, list(self.history.columns))
        if described is None and not sets:
            raise ParameterError(
                "a threshold is explored only in use in the first days of the term",
                where="column",
                got=column,
                repair="a column such as events__report_shared__first_60d",
            )
        if not sets and column not in self.history:
            raise ParameterError("the panel has no such column", where="column", got=column)
        members = sets[0]["members"] if sets else None
        users = None if described is None else described.users_column
        days = int(sets[0]["window_days"]) if described is None else described.window_days
        asked_users = min_users if users else 1
        counted = str(sets[0]["counted"]) if sets else wording.counted(column)
        words = wording.rule_text(counted, cut, -np.inf, asked_users, "at_least")
        return {
            "rule_id": -1, "rule": words, "counted": counted, "column": column, "members": members,
            "cut": cut, "cut_low": cut, "cut_high": cut, "cut_below": -np.inf,
            "min_users": asked_users, "users_column": users, "direction": "at_least",
            "segment": segment, "segment_by": self.by, "window_days": days, "verdict": None,
            "role": None,
        }  # fmt: skip


def threshold(
    search: Search,
    so_far: pd.DataFrame,
    column: str,
    cut: float,
    *,
    segment: str | None = None,
    min_users: int = 1,
    as_of: date,
    by: str | None = "segment",
    currency: str = "USD",
) -> list[Exhibit | Statement]:
    """Show the renewal rate on either side of a level, how sure it is, and who stands below.

    Parameters
    ----------
    search : Search
        What ``thresholds.learn`` returned.
    so_far : DataFrame, one row per running term
        What ``panel.build(..., unfinished=True)`` returned.
    column : str
        Panel column counted from the term's start.
    cut : float
        The level.
    segment : str, optional
        Only this segment; all customers when None.
    min_users : int, default 1
        How many users must take part, where the panel counts them.
    as_of : datetime.date
        The run's date.
    by : str or None, default "segment"
        Column that holds the segment.
    currency : str, default "USD"
        ISO 4217 code of the ARR.

    Returns
    -------
    list of Exhibit or Statement
        Both sides with 95 % intervals, how sure, who stands below today; then the figure, where
        both sides hold terms.

    Raises
    ------
    ParameterError
        When the column is not counted from the term's start, or is not in the panel.
    """
    levels = Levels.of(search, so_far, as_of=as_of, by=by, currency=currency)
    return levels.at(column, cut, segment=segment, min_users=min_users)


def threshold_view(
    search: Search,
    so_far: pd.DataFrame,
    *,
    as_of: date,
    by: str | None = "segment",
    currency: str = "USD",
) -> Any:
    """Return the threshold explorer for JupyterLab.

    Parameters
    ----------
    search, so_far, as_of, by, currency
        As in :func:`threshold`.

    Returns
    -------
    ipywidgets.VBox
        Keyboard-usable; opens at the level that the search announced first.
    """
    from cs_models.report.explore import knobs, turning

    levels = Levels.of(search, so_far, as_of=as_of, by=by, currency=currency)
    uses = levels.columns()
    if not uses:
        return knobs.nothing("threshold", "No use in the first days of a term is recorded.")
    return turning.Turning(levels, uses).view


def _said(rule: dict[str, Any], by_side: dict[str, Any]) -> Statement:
    above, below = by_side[evidence.ABOVE], by_side[evidence.BELOW]
    head = f"{group_of(rule)}, {rule['rule']}: "
    if not above["n_terms"] or not below["n_terms"]:
        side = "at or above" if below["n_terms"] else "below"
        return Statement.of("caution", f"{head}no past term stands {side} this level.")
    return Statement.of(
        "answer", f"{head}of {integer(above['n_terms'])} terms at or above it "
        f"{_rate(above)} renewed, of {integer(below['n_terms'])} below it {_rate(below)}: "
        f"{points(above['rate'] - below['rate'], 0)}.",
    )  # fmt: skip


def _rate(row: dict[str, Any]) -> str:
    return f"{percent(row['rate'])} ({interval(row['low'], row['high'], 'percent')})"


def _use(measure: catalogue.Measure) -> str:
    """Return what a measure counts, without its window."""
    words = catalogue.KINDS[measure.measure].words
    return words if measure.feature is None else f"{measure.feature} {words}"


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    found = frame.copy(deep=False)
    found.attrs = {}  # pandas copies those with every column taken
    return found
