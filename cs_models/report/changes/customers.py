"""Who is at risk now and was not before, and who no longer is.

Grain in: the contracts that each run's outlook counted (``due``).  Grain out: at most two changes,
with customers, their ARR and the largest by name.

At risk is who asked to cancel, or whose chance of leaving is at least :data:`AT_RISK_FROM`: the
outlook's own bands.  A customer whose chance crosses that line within the interval of the chance
itself is counted apart: that is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cs_models.report import values
from cs_models.report.changes.amounts import about, counted, inside, num, text
from cs_models.report.changes.change import Change
from cs_models.report.changes.said import OUTLOOK, Said

TOPIC: Final = "Customers at risk"
AT_RISK_FROM: Final = 0.25
NAMED: Final = 3
_PREDICTORS: Final = "03_churn_predictors"
_NOTICE: Final = "notice"
_Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class _Customer:
    """One customer in the book of one run: the contract that is likeliest to be lost."""

    name: str
    arr: float
    chance: float
    notice: bool

    @property
    def at_risk(self) -> bool:
        return self.notice or self.chance >= AT_RISK_FROM


def at_risk(earlier: Said, later: Said) -> list[Change]:
    """Say who is newly at risk, and who no longer is.

    Returns
    -------
    list of Change
        Empty where either run has no outlook.
    """
    then, now = _book(earlier), _book(later)
    if not then or not now:
        return []
    came = {key: one for key, one in now.items() if one.at_risk and not _was(then.get(key))}
    went = {key: one for key, one in then.items() if one.at_risk and not _was(now.get(key))}
    return [
        *_told("newly at risk", came, then, _intervals(later), _how_came, later),
        *_told("no longer at risk", went, now, _intervals(earlier), _how_went, earlier),
    ]


def _was(one: _Customer | None) -> bool:
    return one is not None and one.at_risk


def _told(
    words: str,
    moved: Mapping[str, _Customer],
    others: Mapping[str, _Customer],
    intervals: Mapping[str, _Interval],
    how: Callable[[_Customer, _Customer | None], str],
    run: Said,
) -> list[Change]:
    if not moved:
        return []
    arr = about(sum(one.arr for one in moved.values()), run.currency)
    within = sum(_within(one, others.get(key), intervals.get(key)) for key, one in moved.items())
    noise = f" Of them, {within} moved within the interval of their own chance." if within else ""
    largest = sorted(moved.items(), key=lambda item: (-item[1].arr, item[0]))[:NAMED]
    names = [
        f"{one.name} ({values.money(one.arr, run.currency)}, {how(one, others.get(key))})"
        for key, one in largest
    ]
    if left := len(moved) - len(largest):
        names.append(counted(left, "other"))
    who = f"{counted(len(moved), 'customer')} {words}, with {arr} a year"
    return [Change(TOPIC, f"{who}: {'; '.join(names)}.{noise}", within < len(moved), OUTLOOK)]


def _within(one: _Customer, other: _Customer | None, interval: _Interval | None) -> bool:
    """Say whether a customer's chance moved by no more than its own interval allows."""
    if other is None or interval is None or one.notice or other.notice:
        return False
    return inside(other.chance, *interval)


def _how_came(new: _Customer, old: _Customer | None) -> str:
    if new.notice:
        return "asked to cancel"
    chance = f"chance {values.percent(new.chance)}"
    return f"{chance}, before {values.percent(old.chance)}" if old else f"{chance}, not due before"


def _how_went(old: _Customer, new: _Customer | None) -> str:
    if new is None:
        return "no longer due: renewed, or gone"
    return f"chance {values.percent(new.chance)}, before " + (
        "in notice" if old.notice else values.percent(old.chance)
    )


def _book(run: Said) -> dict[str, _Customer]:
    found: dict[str, _Customer] = {}
    for row in run.rows(OUTLOOK, "due"):
        key, chance = text(row, "account_id"), num(row, "chance")
        if not key or chance is None:
            continue
        arr = num(row, "arr") or 0.0
        name = text(row, "account_name") or key
        own = _Customer(name, arr, chance, text(row, "p_from") == _NOTICE)
        before = found.get(key)
        if before is None or (own.notice, own.chance) > (before.notice, before.chance):
            found[key] = own
    return found


def _intervals(run: Said) -> dict[str, _Interval]:
    rows = run.rows(_PREDICTORS, "said")
    return {text(row, "account_id"): (num(row, "p_low"), num(row, "p_high")) for row in rows}
