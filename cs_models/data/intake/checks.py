"""One table held against the contract, in as few scans of the source as its faults allow.

Clean rows cost one scan for all row rules together, plus one small aggregate for keys and one for
references.  Only a rule that is broken costs another, for its five samples.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import OPEN_ENDED_FROM, TableSpec
from cs_models.data.faults import SAMPLES, Fault
from cs_models.data.intake import conversion, rules
from cs_models.data.mapping import TableSource

TOO_MANY_BAD = 0.20
"""Share of a required table's rows in quarantine at which the run is refused."""


@dataclass
class Verdict:
    """What is known of one table so far.

    Parameters
    ----------
    rows : ibis Table
        Canonical columns of the rows that stay.
    faults : list of Fault
        Found so far.
    read, quarantined, excluded : int
        Row counts.
    """

    rows: ir.Table
    faults: list[Fault] = field(default_factory=list)
    read: int = 0
    quarantined: int = 0
    excluded: int = 0

    @property
    def kept(self) -> int:
        """Rows that stay."""
        return self.read - self.quarantined - self.excluded

    @property
    def refused(self) -> bool:
        """Whether a fault found so far stops the run."""
        return any(fault.severity == "refuse" for fault in self.faults)

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows read, kept, quarantined and excluded."""
        return {
            "read": self.read,
            "kept": self.kept,
            "quarantined": self.quarantined,
            "excluded": self.excluded,
        }


def rows(
    spec: TableSpec, raw: ir.Table, source: TableSource, setting: conversion.Setting
) -> Verdict:
    """Read one table and hold each of its rows against the contract.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    raw : ibis Table
        The source's own columns.
    source : TableSource
        The mapping of this table.
    setting : Setting
        Time zones and the last day.

    Returns
    -------
    Verdict
        With the rows that pass every row rule, one row a row of the source, plus
        ``raw <key>`` columns for `keys`.
    """
    located, faults = _locate(spec, raw, source)
    readings = {
        name: conversion.read(raw[column], spec[name], source, setting)
        for name, column in located.items()
    }
    faults += _column_faults(spec, readings)
    typed = _typed(spec, raw, readings, plain=())
    applied = rules.of(spec, readings, setting)
    late = rules.too_late(spec, readings, setting)
    counted = _count(typed, applied, late, readings)
    broken = [rule for index, rule in enumerate(applied) if counted[f"rule {index}"]]
    for index, rule in enumerate(applied):
        if count := counted[f"rule {index}"]:
            faults.append(_fault(spec, typed, rule, late, int(count)))
    if counted["late"]:
        faults.append(
            Fault(
                spec.name,
                spec.arrival or "",
                "is after as_of; left out",
                "note",
                int(counted["late"]),
                repair="none needed",
            )
        )
    unchanged = [name for name in readings if counted.get(f"changed {name}") == 0]
    lean = _typed(spec, raw, readings, plain=unchanged)
    kept = _kept(spec, lean, broken, late if counted["late"] else None)
    return Verdict(
        kept,
        faults,
        int(counted["rows"]),
        int(counted["quarantined"]),
        int(counted["late"] + counted["excluded"]),
    )


def keys(spec: TableSpec, verdict: Verdict) -> Verdict:
    """Look for rows that share a key: copies leave, contradictions refuse the run.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    verdict : Verdict
        From `rows`.

    Returns
    -------
    Verdict
        With one row a key, and only the canonical columns.
    """
    table = verdict.rows
    plain = table.select(*[name for name in table.columns if not name.startswith(rules.RAW)])
    verdict.rows = plain
    if not spec.key:
        return verdict
    spelt = [
        table[rules.RAW + name].nunique() for name in spec.key if rules.RAW + name in table.columns
    ]
    spellings = reduce(operator.add, spelt) if spelt else ibis.literal(len(spec.key))
    groups = table.group_by(*spec.key).aggregate(n=table.count(), spellings=spellings)
    shared = groups.filter(groups.n > 1)
    name = spec.key[0]
    collisions = shared.filter(shared.spellings > len(spec.key)) if spelt else None
    total = shared.aggregate(rows=shared.n.sum().fill_null(0), keys=shared.count())
    row = total.to_pyarrow().to_pylist()[0]
    if row["keys"]:
        distinct = plain.distinct()
        again = distinct.group_by(*spec.key).aggregate(n=distinct.count())
        conflicts = again.filter(again.n > 1)
        if count := int(conflicts.count().to_pyarrow().as_py()):
            verdict.faults.append(
                Fault(
                    spec.name,
                    name,
                    "several rows with different contents share one key",
                    "refuse",
                    count,
                    _samples(conflicts, name),
                    "keep one row a key: the newest, or a `sql:` that picks it",
                )
            )
        copies = int(row["rows"]) - int(
            distinct.semi_join(shared, list(spec.key)).count().to_pyarrow().as_py()
        )
        if copies:
            verdict.faults.append(
                Fault(
                    spec.name,
                    name,
                    "identical copies of a row",
                    "quarantine",
                    copies,
                    _samples(shared, name),
                    "export each row once",
                )
            )
        verdict.quarantined += copies
        verdict.rows = distinct
        if collisions is not None and (count := int(collisions.count().to_pyarrow().as_py())):
            verdict.faults.append(
                Fault(
                    spec.name,
                    name,
                    "identifiers that differ only in white space or Unicode form are one",
                    "note",
                    count,
                    _samples(collisions, name),
                    "make them equal in the source",
                )
            )
    return _case_twins(spec, verdict)


def _case_twins(spec: TableSpec, verdict: Verdict) -> Verdict:
    if spec.name == "accounts":
        folded = verdict.rows.group_by(folded=verdict.rows.account_id.lower()).aggregate(
            n=lambda t: t.account_id.nunique()
        )
        twins = folded.filter(folded.n > 1)
        if count := int(twins.count().to_pyarrow().as_py()):
            verdict.faults.append(
                Fault(
                    "accounts",
                    "account_id",
                    "identifiers that differ only in case are kept apart",
                    "note",
                    count,
                    _samples(twins, "folded"),
                    "make them equal in the source if they are one account",
                )
            )
    return verdict


def references(
    spec: TableSpec, verdict: Verdict, parents: Mapping[str, ir.Table], backend: Any, name: str
) -> Verdict:
    """Look for rows that point at an account or user that is not there.

    A row without its account leaves (quarantine).  A row whose user is unknown stays: the use took
    place, and the name still tells users apart (note).

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    verdict : Verdict
        From `keys`.
    parents : mapping of str to ibis Table
        Checked tables so far.
    backend : ibis backend
        Where the small table of references may be kept.
    name : str
        Schema for it.
    """
    columns = [
        column
        for column in spec.columns
        if column.references in parents
        and not (spec.name == "accounts" and column.references == "accounts")
    ]
    if not columns:
        return verdict
    table = verdict.rows
    pairs = backend.create_table(
        f"references of {spec.name}",
        table.group_by(*[column.name for column in columns]).aggregate(n=table.count()),
        database=name,
    )
    for column in columns:
        parent = parents[str(column.references)]
        key = str(column.references)[:-1] + "_id"
        known = parent.select(**{column.name: parent[key]}).distinct()
        orphans = pairs.filter(pairs[column.name].notnull()).anti_join(known, column.name)
        count = orphans.n.sum().fill_null(0).to_pyarrow().as_py()
        if not count:
            continue
        severity = "quarantine" if column.required else "note"
        repair = (
            f"add it to {column.references}, or leave the rows out"
            if column.required
            else f"none needed: rows stay; {column.references} lacks them"
        )
        verdict.faults.append(
            Fault(
                spec.name,
                column.name,
                f"is not in {column.references}",
                severity,
                int(count),
                _samples(orphans, column.name),
                repair,
            )
        )
        if column.required:
            verdict.quarantined += int(count)
            verdict.rows = verdict.rows.semi_join(known, column.name)
    return verdict


def size(spec: TableSpec, verdict: Verdict, expected: int | None) -> Verdict:
    """Look at the table as a whole: empty, emptied by its faults, or short of rows.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    verdict : Verdict
        With all counts.
    expected : int or None
        Rows that the source's checksums promise.
    """
    severity = "refuse" if spec.required else "note"
    live = verdict.read - verdict.excluded
    if expected is not None and expected != verdict.read:
        verdict.faults.append(
            Fault(
                spec.name,
                "",
                f"holds {verdict.read:,} rows where its checksum says {expected:,}",
                "refuse",
                repair="copy the file again, whole",
            )
        )
    if verdict.read == 0:
        verdict.faults.append(
            Fault(
                spec.name,
                "",
                "the table is empty",
                severity,
                repair="export it again: an empty table is no history",
            )
        )
    elif verdict.kept == 0:
        verdict.faults.append(
            Fault(
                spec.name,
                "",
                "no row is left",
                severity,
                live,
                repair="see the table's other faults; is as_of before the data?",
            )
        )
    elif spec.required and verdict.quarantined > TOO_MANY_BAD * live:
        verdict.faults.append(
            Fault(
                spec.name,
                "",
                f"more than {TOO_MANY_BAD:.0%} of the rows are unfit to use",
                "refuse",
                verdict.quarantined,
                repair="repair the source or its mapping; see the table's quarantine",
            )
        )
    return verdict


def _locate(
    spec: TableSpec, raw: ir.Table, source: TableSource
) -> tuple[dict[str, str], list[Fault]]:
    """Return the source column of each canonical column that is present."""
    located: dict[str, str] = {}
    faults: list[Fault] = []
    there = ", ".join(raw.columns)
    for column in spec.columns:
        name = source.columns.get(column.name, column.name)
        if name is not None and name in raw.columns:
            located[column.name] = name
        elif column.name in source.columns and name is not None:
            faults.append(
                Fault(
                    spec.name,
                    column.name,
                    f"the source has no column {name!r}",
                    "refuse",
                    repair=f"it has {there}",
                )
            )
        elif column.required:
            faults.append(
                Fault(
                    spec.name,
                    column.name,
                    "a required column is not in the source",
                    "refuse",
                    repair=f"map it: {{columns: {{{column.name}: their name}}}}; "
                    f"the source has {there}",
                )
            )
    absent = [name for name in spec.names if name not in located and not spec[name].required]
    if absent:
        faults.append(
            Fault(
                spec.name,
                "",
                "optional columns that the source does not have; unknown everywhere",
                "note",
                0,
                tuple(absent),
                "map them if the source knows them",
            )
        )
    unknown = sorted(set(raw.columns) - set(located.values()))
    if unknown:
        faults.append(
            Fault(
                spec.name,
                "",
                "columns of the source that nothing uses",
                "note",
                0,
                tuple(unknown),
                "none needed",
            )
        )
    return located, faults


def _column_faults(spec: TableSpec, readings: Mapping[str, conversion.Reading]) -> list[Fault]:
    faults = []
    for name, reading in readings.items():
        if reading.refusal:
            faults.append(
                Fault(
                    spec.name,
                    name,
                    reading.refusal,
                    "refuse",
                    repair=f"store it as {conversion.EXPECTED[spec[name].kind]}",
                )
            )
        faults += [
            Fault(spec.name, name, rule, "note", repair=repair) for rule, repair in reading.notes
        ]
    return faults


def _typed(
    spec: TableSpec, raw: ir.Table, readings: Mapping[str, conversion.Reading], plain: Sequence[str]
) -> ir.Table:
    columns: dict[str, ir.Value] = {}
    for column in spec.columns:
        reading = readings.get(column.name) or conversion.absent(column)
        cheap = column.name in plain and reading.plain is not None
        columns[column.name] = reading.plain if cheap else reading.value
        if reading.raw is not None:
            columns[rules.RAW + column.name] = reading.raw
        if reading.local is not None:
            columns[rules.LOCAL + column.name] = reading.local
    return raw.select(**columns)


def _count(
    typed: ir.Table,
    applied: Sequence[rules.Rule],
    late: rules.Condition | None,
    readings: Mapping[str, conversion.Reading],
) -> dict[str, Any]:
    is_late = late(typed) if late else ibis.literal(False)
    live = ~is_late
    out = _any(typed, applied, "exclude")
    bad = _any(typed, applied, "row")
    totals: dict[str, ir.Value] = {
        "rows": typed.count(),
        "late": typed.count(where=is_late),
        "excluded": typed.count(where=live & out),
        "quarantined": typed.count(where=live & ~out & bad),
    }
    for index, rule in enumerate(applied):
        totals[f"rule {index}"] = typed.count(where=live & rule.broken(typed))
    for name, reading in readings.items():
        if reading.plain is not None:
            raw = typed[rules.RAW + name]
            totals[f"changed {name}"] = typed.count(
                where=(raw != typed[name]) | (raw.notnull() & typed[name].isnull())
            )
    return dict(typed.aggregate(**totals).to_pyarrow().to_pylist()[0])


def _any(typed: ir.Table, applied: Sequence[rules.Rule], effect: rules.Effect) -> ir.BooleanValue:
    verdicts = [rule.broken(typed).fill_null(False) for rule in applied if rule.effect == effect]
    return reduce(operator.or_, verdicts, ibis.literal(False))


def _fault(
    spec: TableSpec, typed: ir.Table, rule: rules.Rule, late: rules.Condition | None, count: int
) -> Fault:
    live = typed.filter(~late(typed)) if late else typed
    found = live.filter(rule.broken(live))
    samples = _samples(found, rule.shown)
    if rule.text == "is missing" and rule.shown != rule.column:
        samples = tuple(f"{rule.shown} {sample}" for sample in samples)
    return Fault(spec.name, rule.column, rule.text, rule.severity, count, samples, rule.repair)


def _samples(table: ir.Table, column: str) -> tuple[str, ...]:
    values = (
        table.select(sample=table[column].cast("string"))
        .distinct()
        .order_by("sample")
        .limit(SAMPLES)
    )
    return tuple(
        "" if value is None else str(value)
        for value in values.to_pyarrow().column("sample").to_pylist()
    )


def _kept(
    spec: TableSpec, lean: ir.Table, broken: Sequence[rules.Rule], late: rules.Condition | None
) -> ir.Table:
    leave = [
        rule.broken(lean).fill_null(False) for rule in broken if rule.effect in ("row", "exclude")
    ]
    if late:
        leave.append(late(lean))
    kept = lean.filter(~reduce(operator.or_, leave)) if leave else lean
    values: dict[str, ir.Value] = {}
    for name in spec.names:
        unknown = [
            rule.broken(kept).fill_null(False)
            for rule in broken
            if rule.effect == "value" and rule.column == name
        ]
        value = kept[name]
        values[name] = ibis.ifelse(reduce(operator.or_, unknown), None, value) if unknown else value
    spelt = {
        rules.RAW + name: kept[rules.RAW + name]
        for name in spec.key
        if rules.RAW + name in kept.columns
    }
    return kept.select(**values, **spelt, **_marks(spec, kept))


def _marks(spec: TableSpec, kept: ir.Table) -> dict[str, ir.Value]:
    """Return what hiding a value would forget: a term without an end, a later decision."""
    if spec.name != "subscriptions":
        return {}
    return {
        "open_ended": (kept.term_end >= OPEN_ENDED_FROM).fill_null(False),
        "decided": kept.decided_at,
    }
