"""From a company's own tables to checked canonical tables.

`read` is the only door: it opens the source, converts each mapped table to the contract's types,
holds every row against the contract, and gives back Ibis tables without the rows that failed.
All faults are told together.  Every query runs inside the source's engine; events are never
loaded.  The tables stand as they were known at ``as_of``: later rows and later knowledge are
hidden, so that adding them to the source changes no number.  Within a run a source is checked
once, and its notebooks open what was written down then (`cs_models.data.snapshot`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import ibis.expr.types as ir

from cs_models import kept, progress
from cs_models.data import snapshot
from cs_models.data.contract import TABLES, TableSpec
from cs_models.data.faults import CheckReport, Fault, ordered
from cs_models.data.intake import arrivals, checks, columns, engine, keys, outcomes
from cs_models.data.intake.moments import Setting
from cs_models.data.intake.verdict import Verdict
from cs_models.data.mapping import Source, TableSource
from cs_models.data.tables import Tables
from cs_models.errors import ParameterError

__all__ = ["Source", "TableSource", "check", "read"]

Checked = tuple[dict[str, ir.Table], CheckReport, Any]
"""Tables by name, what was found at the door, and the connection they live in."""


def read(source: Source, *, as_of: date, timezone: str = "UTC", currency: str = "USD") -> Tables:
    """Return the checked canonical tables of a source.

    Parameters
    ----------
    source : Source
        Where the tables lie and how they map onto the contract.
    as_of : date
        Last day that exists: later rows are left out and counted.
    timezone : str, default "UTC"
        Reporting time zone of every calendar date (an IANA name).
    currency : str, default "USD"
        Currency of all money; carried, never converted.

    Returns
    -------
    Tables
        Canonical tables by name with the derived columns of the contract.

    Raises
    ------
    DataError
        With all refusals together, or when a file cannot be read.
    ParameterError
        When the mapping leaves the source, or its SQL does not run.
    """
    named = snapshot.name(source, as_of, timezone)
    tables, report, backend = _checked(named, source, as_of, timezone)
    report.raise_refusals(source.path)
    return Tables(tables, backend, as_of, timezone, currency, report, named)


def check(source: Source, *, as_of: date, timezone: str = "UTC") -> CheckReport:
    """Return every fault of a source and the row counts, without refusing it.

    Parameters
    ----------
    source : Source
        Where the tables lie and how they map onto the contract.
    as_of : date
        Last day that exists.
    timezone : str, default "UTC"
        Reporting time zone.

    Raises
    ------
    DataError
        When a file is missing or cannot be read at all.
    ParameterError
        When the mapping leaves the source, or its SQL does not run.
    """
    return _checked(snapshot.name(source, as_of, timezone), source, as_of, timezone)[1]


def _checked(named: str, source: Source, as_of: date, timezone: str) -> Checked:
    """Return what this run wrote down about the source, or examine it."""
    found: list[Checked] = []

    def write(place: Path) -> bool:
        found.append(_examine(source, as_of, timezone))
        tables, report, _ = found[0]
        return not report.refusals and snapshot.write(place, source, tables, report)

    place = kept.once(named, write) if named else None
    if place is not None:
        return snapshot.read(place)
    return found[0] if found else _examine(source, as_of, timezone)


def _examine(source: Source, as_of: date, timezone: str) -> Checked:
    if timezone not in available_timezones():
        raise ParameterError(
            "no such time zone",
            where="timezone",
            got=repr(timezone),
            repair="use an IANA name such as Europe/Berlin",
        )
    setting = Setting(timezone, source.naive_timezone, as_of)
    opened = engine.open_source(source)
    faults = [Fault(table, "", rule, "note", repair=repair) for table, rule, repair in opened.notes]
    tables: dict[str, ir.Table] = {}
    counts: dict[str, dict[str, int]] = {}
    for name, spec in progress.through(TABLES.items(), "tables of the contract", len(TABLES)):
        if name not in opened.raw:
            if spec.required:
                faults.append(
                    Fault(
                        name,
                        "",
                        "a required table is not in the source",
                        "refuse",
                        repair=f"map it under source.tables.{name}",
                    )
                )
            continue
        with engine.reading(_place(source, name), opened.texts.get(name, ()), source.encoding):
            verdict = _judged(spec, opened, source, setting, tables)
            faults += verdict.faults
            counts[name] = verdict.counts
            if not verdict.refused:
                tables[name] = _finished(spec, verdict, opened, source, setting)
                faults += _doubts(spec, verdict, source, setting)
            opened.drop(f"raw {name}", f"references of {name}")
            if not _in_place(spec, opened):
                opened.drop(f"rows of {name}")
    return tables, CheckReport(ordered(faults), counts), opened.backend


def _judged(
    spec: TableSpec,
    opened: engine.Opened,
    source: Source,
    setting: Setting,
    parents: dict[str, ir.Table],
) -> Verdict:
    mapping = (source.tables or {}).get(spec.name) or TableSource(from_=spec.name)
    raw = opened.raw[spec.name]
    if spec.name not in opened.in_place:
        # A CSV file is parsed once, a SELECT of the run file runs once.
        raw = opened.table(f"raw {spec.name}", raw)
    found = columns.of(spec, raw, mapping, setting, opened.view)
    verdict = checks.rows(found, setting, opened.view)
    if not verdict.refused:
        keep = opened.view if _in_place(spec, opened) else opened.table
        verdict = replace(verdict, rows=keep(f"rows of {spec.name}", verdict.rows))
        verdict = keys.unique(spec, verdict)
        verdict = keys.referring(spec, verdict, parents, opened.table)
    return checks.size(spec, verdict, opened.expected_rows.get(spec.name))


def _finished(
    spec: TableSpec, verdict: Verdict, opened: engine.Opened, source: Source, setting: Setting
) -> ir.Table:
    """Return the checked table with its derived columns, kept inside the engine."""
    rows = verdict.rows
    if spec.name == "events":
        rows = rows.mutate(quantity=rows.quantity.fill_null(1).cast(spec["quantity"].dtype))
    if spec.name == "subscriptions":
        rows = outcomes.concluded(rows, as_of=setting.as_of, grace_days=source.grace_days)
    tells = "known_at" in verdict.present
    lag_days = arrivals.usual_lag(spec, rows, setting) if tells else spec.lag_days
    rows = arrivals.dated(spec, rows, setting, lag_days)
    keep = opened.view if _in_place(spec, opened) else opened.table
    return keep(spec.name, rows)


def _doubts(spec: TableSpec, verdict: Verdict, source: Source, setting: Setting) -> list[Fault]:
    if spec.name != "subscriptions":
        return []
    return outcomes.doubts(
        verdict.rows,
        as_of=setting.as_of,
        grace_days=source.grace_days,
        source_tells="outcome" in verdict.present,
    )


def _in_place(spec: TableSpec, opened: engine.Opened) -> bool:
    """Return whether a table stays where it lies: events, unless a scan would recompute them."""
    return spec.name == "events" and spec.name in opened.in_place


def _place(source: Source, name: str) -> str:
    mapping = (source.tables or {}).get(name)
    told = mapping.from_ or "its SELECT" if mapping else name
    return f"{source.path}, table {name} ({told})"
