"""What moved beneath the answers: the records, which questions they carry, the settings.

Grain in: two runs.  Grain out: one change for what was read, one a question that opened or closed,
one for settings and software.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cs_models.report import values
from cs_models.report.changes.amounts import num, text
from cs_models.report.changes.change import Change
from cs_models.report.changes.said import READINESS, Said

RECORDS, QUESTION, SETTINGS = "Records", "Question", "Settings"
SHRUNK: Final = 0.98  # fewer rows than this share of the earlier run's: records went missing
NAMED: Final = 5
_BY_THE_RUN: Final = frozenset({"as_of", "output_dir"})


def same(earlier: Said, later: Said) -> bool:
    """Say whether both runs looked back from one day on one and the same records."""
    then, now = earlier.noted, later.noted
    return bool(then.inputs) and then.inputs == now.inputs and then.as_of == now.as_of


def questions(earlier: Said, later: Said) -> list[Change]:
    """Say which questions can be answered now and could not be before, or the other way round."""
    then = {_question(row): row.get("value") for row in earlier.rows(READINESS, "findings")}
    found = []
    for row in later.rows(READINESS, "findings"):
        ready, was = row.get("value"), then.get(_question(row))
        if isinstance(ready, bool) and isinstance(was, bool) and ready != was:
            can = "can now be answered" if ready else "can no longer be answered"
            _, _, needed = text(row, "statement").partition("?")
            words = f"{_question(row)}? This {can}: it{needed.rstrip('.') or ' did not say why'}."
            found.append(Change(QUESTION, words, True, READINESS))
    return found


def rows(earlier: Said, later: Said) -> list[Change]:
    """Say how the records moved: day, window, rows of each table, rows set aside, terms judged.

    Only a table that lost rows, came or went is news: records are meant to grow.
    """
    if same(earlier, later):
        return []
    parts = [*_days(earlier, later), *_judged(earlier, later)]
    tables, lost = _tables(earlier, later)
    parts += tables
    found = []
    if parts:
        found.append(Change(RECORDS, f"{'; '.join(parts)}.", False, READINESS))
    if lost:
        words = "; ".join(lost)
        found.append(Change(RECORDS, f"{words[:1].upper()}{words[1:]}.", True, READINESS))
    return found


def settings(earlier: Said, later: Said) -> list[Change]:
    """Say which parameters differ, and whether other software made the run."""
    found = []
    moved = dict(_parameters(earlier, later))
    if moved:
        shown = [f"{name}: {words}" for name, words in list(moved.items())[:NAMED]]
        more = f"; and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
        found.append(Change(SETTINGS, f"{'; '.join(shown)}{more}.", True))
    if software := _software(earlier, later):
        found.append(Change(SETTINGS, software, False))
    return found


def _question(row: Mapping[str, Any]) -> str:
    return text(row, "statement").partition("?")[0]


def _days(earlier: Said, later: Said) -> Iterator[str]:
    then, now = earlier.noted.as_of, later.noted.as_of
    if then != now:
        yield f"Data as of {now}, before {then}"
    was, window = _window(earlier), _window(later)
    if was and window and was[0] != window[0]:
        yield f"complete records begin on {window[0]}, before {was[0]}"


def _window(run: Said) -> list[str]:
    told = run.results.get(READINESS, {}).get("data_window")
    return [str(day) for day in told] if isinstance(told, list) else []


def _judged(earlier: Said, later: Said) -> Iterator[str]:
    then, now = (run.results.get(READINESS, {}).get("counts") for run in (earlier, later))
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return
    for name, words in (("n_terms", "terms judged"), ("n_churned", "customers lost")):
        was, count = num(then, name), num(now, name)
        if was is not None and count is not None and was != count:
            yield f"{values.integer(count)} {words}, before {values.integer(was)}"


def _tables(earlier: Said, later: Said) -> tuple[list[str], list[str]]:
    """Return the tables that moved, and of them those that lost rows, came or went."""
    then, now = earlier.noted.tables, later.noted.tables
    moved, lost = [], []
    for table in sorted({*then, *now}):
        if table not in now or table not in then:
            lost.append(f"table {table} {'is gone' if table not in now else 'is new'}")
            continue
        was, kept = then[table].get("kept", 0), now[table].get("kept", 0)
        words = f"{table} {values.integer(kept)} rows, before {values.integer(was)}"
        if kept < SHRUNK * was:
            lost.append(f"rows went missing: {words}")
        elif kept != was:
            moved.append(words)
        lost += _set_aside(table, then[table], now[table])
    return moved, lost


def _set_aside(table: str, then: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Say when a table's share of rows set aside doubled and is more than one in a hundred."""
    was, share = (each.get("quarantined", 0) / max(each.get("read", 0), 1) for each in (then, now))
    if share <= 0.01 or share < 2 * was:
        return []
    told = f"{values.percent(share, 1)} of rows set aside, before {values.percent(was, 1)}"
    return [f"{table}: {told}"]


def _parameters(earlier: Said, later: Said) -> Iterator[tuple[str, str]]:
    then, now = earlier.noted.parameters, later.noted.parameters
    shared = sorted({*then} & {*now})
    for notebook in shared:
        for name in sorted({*then[notebook], *now[notebook]} - _BY_THE_RUN):
            was, value = then[notebook].get(name), now[notebook].get(name)
            if was == value:
                continue
            common = all(then[each].get(name) == was and now[each].get(name) == value
                         for each in shared)  # fmt: skip
            where = name if common and len(shared) > 1 else f"{notebook[3:]}.{name}"
            yield where, f"{_shown(value)}, before {_shown(was)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list) and len(str(value)) > 60:
        return "another value"
    return "none" if value is None else str(value)[:60]


def _software(earlier: Said, later: Said) -> str:
    then, now = (_versions(run) for run in (earlier, later))
    moved = [
        f"{name} {now.get(name, 'gone')}, before {then.get(name, 'none')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if not moved:
        return ""
    more = f"; and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return f"Other software made this run: {'; '.join(moved[:NAMED])}{more}."


def _versions(run: Said) -> dict[str, str]:
    packages = run.noted.software.get("packages")
    found = {str(k): str(v) for k, v in packages.items()} if isinstance(packages, dict) else {}
    git = run.noted.software.get("git")
    if isinstance(git, dict) and git.get("commit"):
        found["this project"] = str(git["commit"])[:9]
    return found
