"""What moved among the answers: levels, verdicts, forecasts, what came true, the definition.

Grain in: two runs.  Grain out: one change a segment, finding or quarter that moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cs_models.report import values
from cs_models.report.changes.amounts import apart, inside, num, text, whole
from cs_models.report.changes.change import Change
from cs_models.report.changes.said import BACKTEST, MEASURES, OUTLOOK, THRESHOLDS, Said

LEVEL, VERDICT, FORECAST = "Level", "Verdict", "Forecast"
TRUE, DEFINITION = "Came true", "Definition of adopted"
QUARTERS: Final = 2  # of the forecast, the nearest ones
HARDLY: Final = "hardly moved"
_FINE, _FINER = (0, 1, 2), (2, 3, 4)  # digits of a share, and of a level, until two differ
_EARLIER: Final = ("earlier-said", "earlier-forecasts")
_DEFINED: Final = re.compile(r"[Bb]y the definition in force:? ?\(?(.+?)\)?[.,]?$", re.DOTALL)
_NUMBERED: Final = re.compile(r"-\d+$")

Row = Mapping[str, Any]
_Interval = tuple[float, float] | None


def levels(earlier: Said, later: Said) -> list[Change]:
    """Say which announced levels moved, appeared or went, segment by segment.

    A move is news only when neither run's interval holds the other's level.  An interval of one
    value tells nothing of how far a level may move: there the two intervals must lie apart.
    """
    if not _both(THRESHOLDS, earlier, later):
        return []
    then, now = _announced(earlier), _announced(later)
    found = []
    for segment in sorted({*then, *now}):
        old, new = then.get(segment), now.get(segment)
        if old is None and new is not None:
            found.append(_level(f"{segment}: new, {text(new, 'rule')}{_verdict_of(new)}."))
        elif new is None and old is not None:
            found.append(_level(f"{segment}: no longer announced, {text(old, 'rule')}."))
        elif old is not None and new is not None:
            found += _moved(segment, old, new)
    return found


def verdicts(earlier: Said, later: Said) -> list[Change]:
    """Say which findings have another verdict than before."""
    found = []
    for notebook in sorted({*earlier.results} & {*later.results}):
        then = earlier.findings(notebook)
        for key, new in later.findings(notebook).items():
            old = then.get(key, {})
            before, after = text(old, "verdict"), text(new, "verdict")
            if not before or not after or before == after or key.startswith("lift-"):
                continue  # levels are told with their level
            about = text(new, "statement")
            if _NUMBERED.search(key) and _subject(old) != _subject(new):
                continue  # the number is a place in an order, and another stands there now
            words = f"{values.verdict(after)}, before: {values.verdict(before)}. {_first(about)}"
            found.append(Change(VERDICT, words, True, notebook))
    return found


def forecasts(earlier: Said, later: Said) -> list[Change]:
    """Say how the share of ARR likely to be kept moved, for the quarters that both foretell.

    A middle that stays between the P10 and the P90 that were printed is no news.
    """
    then = {text(row, "quarter"): row for row in earlier.rows(OUTLOOK, "forecast")}
    now = {text(row, "quarter"): row for row in later.rows(OUTLOOK, "forecast")}
    shared = sorted(quarter for quarter in {*then} & {*now} if quarter)[:QUARTERS]
    found = [_forecast(then[quarter], now[quarter]) for quarter in shared]
    return [change for change in found if change is not None]


def came_true(earlier: Said, later: Said) -> list[Change]:
    """Repeat what the backtest says of earlier reports, where it says something new."""
    then, now = earlier.findings(BACKTEST), later.findings(BACKTEST)
    said = [
        (text(now[key], "statement"), text(then.get(key, {}), "statement"))
        for key in _EARLIER
        if key in now
    ]
    return [Change(TRUE, new, True, BACKTEST) for new, old in said if new and new != old]


def definition(earlier: Said, later: Said) -> list[Change]:
    """Say whether another definition of adopted is in force."""
    then, now = _defined(earlier), _defined(later)
    if not then or not now or then == now:
        return []
    return [Change(DEFINITION, f"Now: {now}. Before: {then}.", True, MEASURES)]


def _both(notebook: str, earlier: Said, later: Said) -> bool:
    return notebook in earlier.results and notebook in later.results


def _level(words: str, *, news: bool = True) -> Change:
    return Change(LEVEL, words, news, THRESHOLDS)


def _announced(run: Said) -> dict[str, Row]:
    """Return the best signal of each segment: thresholds stand best first."""
    found: dict[str, Row] = {}
    for row in run.rows(THRESHOLDS, "thresholds"):
        if text(row, "role") == "signal" and num(row, "cut") is not None:
            found.setdefault(text(row, "segment") or "All customers", row)
    return found


def _moved(segment: str, old: Row, new: Row) -> list[Change]:
    after = _changed_verdict(old, new)
    if any(old.get(name) != new.get(name) for name in ("column", "direction", "members")):
        return [_level(f"{segment}: now {text(new, 'rule')}, before {text(old, 'rule')}{after}.")]
    was, cut = num(old, "cut"), num(new, "cut")
    if was is None or cut is None:
        return []
    what = text(new, "counted") or text(new, "column")
    if was == cut:
        return [_level(f"{segment}: {whole(cut)} {what} as before{after}.")] if after else []
    written = apart(was, cut, whole, _FINER)
    if written is None:
        return [_level(f"{segment}: the level {HARDLY}, {whole(cut)} {what}{after}.",
                       news=bool(after))]  # fmt: skip
    held, why = _against(was, cut, _interval(old), _interval(new))
    moved = f"{segment}: the level is {written[1]} {what}, before {written[0]}"
    return [_level(f"{moved}; {why}{after}.", news=bool(after) or not held)]


def _against(was: float, cut: float, old: _Interval, new: _Interval) -> tuple[bool, str]:
    """Say whether two levels are held together by their intervals, and how."""
    if old is None:
        return False, "the earlier run gave no interval"
    printed = _between(*old)
    if old[0] < old[1] and inside(cut, *old):
        return True, f"that is within the earlier interval ({printed}), so no news"
    alone = old[0] == old[1]
    outside = f"outside the earlier interval ({printed})"
    before = (
        f"the earlier run gave no interval beside it ({whole(was)} alone)" if alone else outside
    )
    if new is None:
        return False, before
    own = f"the new one ({_between(*new)})"
    if new[0] > old[1] or old[0] > new[1]:
        return False, f"{before}, and {own} does not touch it"
    if inside(was, *new):
        return True, f"{before}, but {own} holds the earlier level, so no news"
    if new[0] == new[1]:
        return True, f"{before}, but no interval stands beside the new one, so no news"
    return False, f"{before}, which {own} still touches"


def _between(low: float, high: float) -> str:
    """Write an interval with ends that can be told apart; without, it is one value."""
    if low == high:
        return f"{whole(low)} alone"
    written = apart(low, high, whole, _FINER)
    return f"{written[0]} to {written[1]}" if written else f"{whole(low)} alone"


def _interval(row: Row) -> _Interval:
    low, high = num(row, "cut_low"), num(row, "cut_high")
    return None if low is None or high is None else (low, high)


def _changed_verdict(old: Row, new: Row) -> str:
    before, after = text(old, "verdict"), text(new, "verdict")
    if before == after or not before or not after:
        return ""
    return f"; the verdict is “{values.verdict(after)}”, before “{values.verdict(before)}”"


def _verdict_of(row: Row) -> str:
    verdict = text(row, "verdict")
    return f" (“{values.verdict(verdict)}”)" if verdict else ""


def _forecast(old: Row, new: Row) -> Change | None:
    was, low, high = (num(old, f"grr_{name}") for name in ("p50", "p10", "p90"))
    now, new_low, new_high = (num(new, f"grr_{name}") for name in ("p50", "p10", "p90"))
    if was is None or now is None:
        return None
    before = f"{values.percent(was)} ({values.interval(low, high)})"
    after = f"{values.percent(now)} ({values.interval(new_low, new_high)})"
    if before == after:
        return None
    held = inside(now, low, high)
    verdict = "within" if held else "outside"
    ending = ", so no news" if held else ""
    label = text(new, "label") or text(new, "quarter")
    digits = next((n for n in _FINE if values.percent(was, n) != values.percent(now, n)), None)
    if digits is None:
        words = (
            f"{label}: the share of the ARR due that is likely to be kept {HARDLY} "
            f"({values.percent(now)}), its interval is {values.interval(new_low, new_high)}, "
            f"before {values.interval(low, high)}"
        )
    else:
        after = f"{values.percent(now, digits)} ({_shares(new_low, new_high, digits)})"
        before = f"{values.percent(was, digits)} ({_shares(low, high, digits)})"
        words = f"{label}: {after} of the ARR due is likely to be kept, before {before}"
    return Change(
        FORECAST, f"{words}; the new middle is {verdict} the earlier interval{ending}.", not held,
        OUTLOOK,
    )  # fmt: skip


def _shares(low: float | None, high: float | None, digits: int) -> str:
    return values.interval(low, high, "percent", digits)


def _defined(run: Said) -> str:
    statement = text(run.findings(MEASURES).get("measures-adopted", {}), "statement")
    found = _DEFINED.search(statement)
    return found.group(1) if found else ""


def _subject(finding: Row) -> str:
    return text(finding, "statement").partition(":")[0]


def _first(statement: str) -> str:
    return re.split(r"(?<=[.?!])\s+(?=[A-Z0-9])", statement, maxsplit=1)[0]
