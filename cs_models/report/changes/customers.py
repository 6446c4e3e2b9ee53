"""Whose risk of leaving moved since the run before, and what became of those at risk then.

Grain in: the contracts that each run's outlook counted (``due``), and how contracts ended since
(``settled``).  Grain out: at most four changes, with contracts, their ARR and the largest by name.

At risk is who asked to cancel, or whose chance of leaving is at least :data:`AT_RISK_FROM`: the
outlook's own bands.  Only one and the same contract, undecided in both runs, can tell that a risk
moved.  A contract that was not in the earlier book, renewed or left moved the book, not the risk:
that is told and is no news.  Nor is a chance that crosses the line within its own interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cs_models.report import values
from cs_models.report.changes.amounts import about, apart, counted, inside, num, text
from cs_models.report.changes.change import Change
from cs_models.report.changes.said import OUTLOOK, Said

TOPIC: Final = "Customers at risk"
AT_RISK_FROM: Final = 0.25
NAMED: Final = 3
_DIGITS: Final = (0, 1, 2)  # of a chance, until two can be told apart
_PREDICTORS: Final = "03_churn_predictors"
_NOTICE, _DECIDED = "notice", "decided"
_Interval = tuple[float | None, float | None]
_UNKNOWN: Final[_Interval] = (None, None)


@dataclass(frozen=True)
class _Contract:
    """One contract in the book of one run, in the nearest quarter that both runs foretell."""

    key: str
    name: str
    arr: float
    chance: float
    how: str  # what the chance comes from
    n_renewals: float  # renewal dates that the chance is about: several where terms are short
    ends: str

    @property
    def open(self) -> bool:
        return self.how != _DECIDED

    @property
    def notice(self) -> bool:
        return self.how == _NOTICE

    @property
    def at_risk(self) -> bool:
        return self.open and (self.notice or self.chance >= AT_RISK_FROM)


@dataclass(frozen=True)
class _Pair:
    """One undecided contract as two runs saw it, and the intervals of its chance."""

    old: _Contract
    new: _Contract
    old_interval: _Interval
    new_interval: _Interval

    @property
    def rose(self) -> bool:
        """Whether it came to be at risk, and not by more renewals ahead of it."""
        more = self.new.n_renewals > self.old.n_renewals and not self.new.notice
        return self.new.at_risk and not self.old.at_risk and not more

    @property
    def fell(self) -> bool:
        """Whether it is at risk no longer, and not by fewer renewals ahead of it."""
        fewer = self.new.n_renewals < self.old.n_renewals
        return self.old.at_risk and not self.new.at_risk and not fewer

    @property
    def within(self) -> bool:
        """Whether the chance moved by no more than its interval allows, before or now."""
        if self.old.notice or self.new.notice:
            return False
        return inside(self.old.chance, *self.new_interval) or inside(
            self.new.chance, *self.old_interval
        )


def at_risk(earlier: Said, later: Said) -> list[Change]:
    """Say whose risk moved, what is new in the book, and what became of who was at risk.

    Returns
    -------
    list of Change
        Empty where either run has no outlook.
    """
    then, now = _books(earlier, later)
    if not then or not now:
        return []
    before, after = _intervals(earlier), _intervals(later)
    pairs = [
        _Pair(then[key], new, before.get(key, _UNKNOWN), after.get(key, _UNKNOWN))
        for key, new in now.items()
        if key in then and then[key].open and new.open
    ]
    line = values.percent(AT_RISK_FROM)
    rose, fell = [one for one in pairs if one.rose], [one for one in pairs if one.fell]
    new = [one for key, one in now.items() if key not in then and one.at_risk]
    return [
        *_moved(f"The chance of leaving rose beyond {line}, or a cancellation was asked for",
                "new", rose, later),
        *_moved(f"The chance of leaving fell below {line}", "old", fell, later),
        *_new(new, later),
        *_became(then, now, fell, later),
    ]  # fmt: skip


def _moved(words: str, side: str, pairs: list[_Pair], run: Said) -> list[Change]:
    """Tell of contracts whose own risk moved, the largest by name."""
    if not pairs:
        return []
    told = {getattr(pair, side).key: pair for pair in pairs}
    named = _named([getattr(pair, side) for pair in pairs],
                   {key: _how(pair) for key, pair in told.items()}, run)  # fmt: skip
    within = sum(pair.within for pair in pairs)
    noise = f" Of them, {within} moved within the interval of their own chance." if within else ""
    size = _size([getattr(pair, side) for pair in pairs], run)
    return [Change(TOPIC, f"{words}: {size}: {named}.{noise}", within < len(pairs), OUTLOOK)]


def _how(pair: _Pair) -> str:
    if pair.new.notice:
        return "asked to cancel"
    if pair.old.notice:
        return f"chance {values.percent(pair.new.chance)}, before in notice"
    written = apart(pair.old.chance, pair.new.chance, values.percent, _DIGITS)
    if written is None:
        return f"chance {values.percent(pair.new.chance)}, hardly moved"
    return f"chance {written[1]}, before {written[0]}"


def _new(found: list[_Contract], run: Said) -> list[Change]:
    """Tell of contracts at risk that the earlier run did not count: the calendar, no news."""
    if not found:
        return []
    how = {
        one.key: f"{'asked to cancel' if one.notice else f'chance {values.percent(one.chance)}'}"
        + (f", renews {one.ends}" if one.ends else "")
        for one in found
    }
    words = f"New in the book and at risk: {_size(found, run)}: {_named(found, how, run)}."
    return [Change(TOPIC, words, False, OUTLOOK)]


def _became(
    then: Mapping[str, _Contract], now: Mapping[str, _Contract], fell: list[_Pair], run: Said
) -> list[Change]:
    """Tell what became of the contracts that were at risk: renewed, left, pending, each counted."""
    risky = [one for one in then.values() if one.at_risk]
    ended = _ended(now, run)
    sank = {pair.new.key for pair in fell}
    kinds: dict[str, list[_Contract]] = {
        "renewed": [one for one in risky if ended.get(one.key) is False],
        "left": [one for one in risky if ended.get(one.key) is True],
    }
    gone = [one for one in risky if one.key not in ended and one.key not in now]
    if not any(kinds.values()) and not gone:
        return []  # nothing was decided: what moved stands in the sentences before
    open_ = [one for one in risky if one.key not in ended and one.key in now]
    kinds["fell below the line"] = [one for one in open_ if one.key in sank]
    kinds["still pending"] = [one for one in open_ if one.key not in sank]
    kinds["no longer in the book, with no outcome on record"] = gone
    parts = [f"{words} {_size(found, run)}" for words, found in kinds.items() if found]
    return [Change(TOPIC, f"Of {_size(risky, run)}, at risk before: {'; '.join(parts)}.", False,
                   OUTLOOK)]  # fmt: skip


def _ended(now: Mapping[str, _Contract], run: Said) -> dict[str, bool]:
    """Return of each contract whose outcome is on record whether the customer left."""
    settled = {
        text(row, "subscription_id"): left
        for row in run.rows(OUTLOOK, "settled")
        if isinstance(left := row.get("left"), bool)
    }
    known = {key: one.chance >= 1.0 for key, one in now.items() if not one.open}
    return {key: left for key, left in settled.items() if key not in now} | known


def _size(found: Iterable[_Contract], run: Said) -> str:
    listed = list(found)
    arr = sum(one.arr for one in listed)
    return f"{counted(len(listed), 'contract')} ({about(arr, run.currency)} a year)"


def _named(found: list[_Contract], how: Mapping[str, str], run: Said) -> str:
    largest = sorted(found, key=lambda one: (-one.arr, one.key))[:NAMED]
    names = [
        f"{one.name} ({values.money(one.arr, run.currency)}, {how[one.key]})" for one in largest
    ]
    if left := len(found) - len(largest):
        names.append(counted(left, "other"))
    return "; ".join(names)


def _books(earlier: Said, later: Said) -> tuple[dict[str, _Contract], dict[str, _Contract]]:
    """Return both runs' contracts, each in the nearest quarter that both of them foretell."""
    then, now = _quarters(earlier), _quarters(later)
    chosen: tuple[dict[str, _Contract], dict[str, _Contract]] = ({}, {})
    for key in {*then, *now}:
        shared = sorted({*then.get(key, {})} & {*now.get(key, {})})
        for book, into in zip((then, now), chosen, strict=True):
            if quarters := book.get(key):
                into[key] = quarters[shared[0] if shared else min(quarters)]
    return chosen


def _quarters(run: Said) -> dict[str, dict[str, _Contract]]:
    """Return a run's contracts by their id, and by the quarter in which they come up."""
    found: dict[str, dict[str, _Contract]] = {}
    for row in run.rows(OUTLOOK, "due"):
        key, chance = text(row, "subscription_id"), num(row, "chance")
        if not key or chance is None:
            continue
        found.setdefault(key, {})[text(row, "quarter")] = _Contract(
            key=key,
            name=text(row, "account_name") or text(row, "account_id") or key,
            arr=num(row, "arr") or 0.0,
            chance=chance,
            how=text(row, "p_from"),
            n_renewals=num(row, "n_renewals") or 1.0,
            ends=text(row, "term_end"),
        )
    return found


def _intervals(run: Said) -> dict[str, _Interval]:
    rows = run.rows(_PREDICTORS, "said")
    return {text(row, "subscription_id"): (num(row, "p_low"), num(row, "p_high")) for row in rows}
