"""One table's rows held against the contract, in as few scans of the source as its faults allow.

A ctyped table costs one scan for all row rules together (and one small aggregate each for keys and
references, in `keys`).  Only a rule that is broken costs another, for its five samples.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import OPEN_ENDED_FROM, TableSpec
from cs_models.data.faults import Fault, Severity
from cs_models.data.intake import rules
from cs_models.data.intake.columns import RAW, Columns, Keep
from cs_models.data.intake.moments import Setting
from cs_models.data.intake.verdict import Verdict, samples

TOO_MANY_BAD = 0.20
"""Share of a required table's rows in quarantine above which the run is refused."""


def rows(columns: Columns, setting: Setting, view: Keep) -> Verdict:
    """Hold each row of one table against the contract's row rules.

    Parameters
    ----------
    columns : Columns
        The table's columns, and how they read.
    setting : Setting
        Time zones and the last day.
    view : callable
        ``(name, expression) -> ibis Table``: keeps an expression as a stage of the query.

    Returns
    -------
    Verdict
        With the rows that pass, and ``raw <key>`` columns for `keys.unique`.
    """
    tidy = columns.tidy()
    typed = view(f"typed {columns.spec.name}", columns.typed(tidy))
    applied = rules.of(columns, setting, tidy)
    late = rules.too_late(columns, setting)
    counted = _counted(typed, applied, late)
    broken = [rule for index, rule in enumerate(applied) if counted[f"rule {index}"]]
    live = typed if late is None else typed.filter(~late(typed))
    faults = [
        _fault(columns.spec, live, rule, int(counted[f"rule {index}"]))
        for index, rule in enumerate(applied)
        if counted[f"rule {index}"]
    ]
    spec = columns.spec
    if counted["late"]:
        rule, column = "is after as_of; left out", spec.arrival or ""
        faults.append(Fault(spec.name, column, rule, "note", counted["late"], repair="none needed"))
    kept = _kept(spec, typed, broken, late if counted["late"] else None)
    excluded = counted["late"] + counted["excluded"]
    found = (*columns.faults, *faults)
    present = frozenset(columns.readings)
    return Verdict(kept, found, counted["rows"], counted["quarantined"], excluded, present)


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
    severity: Severity = "refuse" if spec.required else "note"
    if expected is not None and expected != verdict.read:
        rule = f"holds {verdict.read:,} rows where its checksum says {expected:,}"
        fault = Fault(spec.name, "", rule, "refuse", repair="copy the file again, whole")
        verdict = verdict.with_fault(fault)
    if verdict.read == 0:
        repair = "export it again: an empty table is no history"
        return verdict.with_fault(
            Fault(spec.name, "", "the table is empty", severity, repair=repair)
        )
    if verdict.kept == 0:
        repair = "see the table's other faults; does as_of lie before the data?"
        return verdict.with_fault(
            Fault(spec.name, "", "no row is left", severity, verdict.read, repair=repair)
        )
    if spec.required and verdict.quarantined > TOO_MANY_BAD * verdict.live:
        rule = f"more than {TOO_MANY_BAD:.0%} of the rows are unfit to use"
        repair = "repair the source or its mapping: the table's quarantine says where"
        return verdict.with_fault(
            Fault(spec.name, "", rule, "refuse", verdict.quarantined, repair=repair)
        )
    return verdict


def _counted(
    typed: ir.Table,
    applied: Sequence[rules.Rule],
    late: rules.Condition | None,
) -> Mapping[str, int]:
    """Return all counts of one table, from one scan."""
    is_late = ibis.literal(False) if late is None else late(typed)
    live = ~is_late
    out = _any(typed, applied, "exclude")
    totals: dict[str, ir.Value] = {
        "rows": typed.count(),
        "late": typed.count(where=is_late),
        "excluded": typed.count(where=live & out),
        "quarantined": typed.count(where=live & ~out & _any(typed, applied, "row")),
    }
    for index, rule in enumerate(applied):
        totals[f"rule {index}"] = typed.count(where=live & rule.broken(typed))
    found: dict[str, Any] = typed.aggregate(**totals).to_pyarrow().to_pylist()[0]
    return {name: int(count) for name, count in found.items()}


def _any(
    typed: ir.Table, applied: Sequence[rules.Rule], effect: rules.Effect, column: str | None = None
) -> ir.BootypedValue:
    """Return whether a row breaks any rule of one effect (and column); never NULL."""
    verdicts = [
        rule.broken(typed).fill_null(False)
        for rule in applied
        if rule.effect == effect and column in (None, rule.column)
    ]
    return reduce(operator.or_, verdicts, ibis.literal(False))


def _fault(spec: TableSpec, live: ir.Table, rule: rules.Rule, count: int) -> Fault:
    found = samples(live.filter(rule.broken(live)), rule.shown)
    if rule.points:
        found = tuple(f"{rule.shown} {sample}" for sample in found)
    return Fault(spec.name, rule.column, rule.text, rule.severity, count, found, rule.repair)


def _kept(
    spec: TableSpec, typed: ir.Table, broken: Sequence[rules.Rule], late: rules.Condition | None
) -> ir.Table:
    """Return the rows that stay, with the values that stay.

    Only rules that are broken are written into the expression: a ctyped table is scanned as it is.
    """
    kept = typed
    if late is not None or any(rule.effect in ("row", "exclude") for rule in broken):
        leaves = _any(typed, broken, "row") | _any(typed, broken, "exclude")
        kept = typed.filter(~(leaves if late is None else leaves | late(typed)))
    hidden = {rule.column for rule in broken if rule.effect == "value"}
    values = {
        name: ibis.ifelse(_any(kept, broken, "value", name), None, kept[name])
        if name in hidden
        else kept[name]
        for name in spec.names
    }
    spelt = {RAW + name: kept[RAW + name] for name in spec.key if RAW + name in kept.columns}
    return kept.select(**values, **spelt, **_marks(spec, kept))


def _marks(spec: TableSpec, kept: ir.Table) -> dict[str, ir.Value]:
    """Return what hiding a value would forget: a term without an end, a later decision."""
    if spec.name != "subscriptions":
        return {}
    return {
        "open_ended": (kept.term_end >= OPEN_ENDED_FROM).fill_null(False),
        "decided": kept.decided_at,
    }
