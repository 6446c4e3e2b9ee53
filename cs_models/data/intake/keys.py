"""Rows that share a name, and rows that point at nothing.

Every join of the workbench relies on this: one row a key, every account known.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import TABLES, ColumnSpec, TableSpec
from cs_models.data.faults import Fault
from cs_models.data.intake.columns import RAW
from cs_models.data.intake.verdict import Verdict, number, samples


def unique(spec: TableSpec, verdict: Verdict) -> Verdict:
    """Make a key name one row: copies leave, contradictions refuse the run.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    verdict : Verdict
        Its rows carry ``raw <key>`` where normalising can change a key.

    Returns
    -------
    Verdict
        Without the ``raw`` columns.
    """
    table = verdict.rows
    plain = table.select(*[name for name in table.columns if not name.startswith(RAW)])
    verdict = verdict.without(plain, 0)
    if not spec.key:
        return verdict
    spelt = [table[RAW + name].nunique() for name in spec.key if RAW + name in table.columns]
    several = reduce(operator.or_, [count > 1 for count in spelt], ibis.literal(False))
    groups = table.group_by(*spec.key).aggregate(rows=table.count(), several=several)
    shared = groups.filter(groups.rows > 1)
    folded = groups[spec.key[0]].lower()
    found = (
        groups.aggregate(
            rows=groups.rows.sum(where=groups.rows > 1),
            folded=folded.nunique(),
            names=groups.count(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    if found["rows"]:
        verdict = _without_copies(spec, verdict, shared, int(found["rows"]))
    if spec.name == "accounts" and found["folded"] < found["names"]:
        verdict = verdict.with_fault(_case_twins(groups))
    return verdict


def referring(
    spec: TableSpec, verdict: Verdict, parents: Mapping[str, ir.Table], keep: Any
) -> Verdict:
    """Look for rows that point at an account or a user that is not there.

    A row without its account leaves (quarantine).  A row whose user is unknown stays: the use
    took place, and the name still tells users apart (note).

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    verdict : Verdict
        From `unique`.
    parents : mapping of str to ibis Table
        Checked tables so far.
    keep : callable
        ``(name, expression) -> ibis Table``: keeps a small table inside the engine.
    """
    parents = {**parents, spec.name: verdict.rows}
    columns = [
        column
        for column in spec.columns
        if column.references in parents and column.name in verdict.present
    ]
    if not columns:
        return verdict
    table = verdict.rows
    first = {"first": table[spec.arrival].min()} if spec.name == "events" and spec.arrival else {}
    groups = table.group_by(*[column.name for column in columns])
    counted = groups.aggregate(rows=table.count(), **first)
    if not _any_amiss(spec, columns, counted, parents):
        return verdict
    pairs = keep(f"references of {spec.name}", counted)
    for column in columns:
        target = TABLES[str(column.references)]
        known = parents[target.name].select(**{column.name: target.key[0]}).distinct()
        verdict = _without_orphans(spec, verdict, column, pairs, known)
        if column.required:
            # A row that left is no other fault as well.
            pairs = pairs.semi_join(known, column.name)
    return verdict.with_fault(*_misplaced(spec, pairs, parents))


def _any_amiss(
    spec: TableSpec,
    columns: Sequence[ColumnSpec],
    pairs: ir.Table,
    parents: Mapping[str, ir.Table],
) -> bool:
    """Return whether any reference is amiss, in one query: most tables have none that is.

    Asks what `_without_orphans` and `_misplaced` ask, all at once and without an answer for each.
    """
    looked = pairs
    for column in columns:
        target = TABLES[str(column.references)]
        known = {f"known {column.name}": target.key[0]}
        if target.name == "users" and spec.name != "users" and "account_id" in pairs.columns:
            known["home"] = "account_id"
        if target.name == "accounts" and "first" in pairs.columns:
            known["birth"] = "created_at"
        there = parents[target.name].select(**known)
        looked = looked.left_join(there, looked[column.name] == there[f"known {column.name}"])
    signs = [
        looked[column.name].notnull() & looked[f"known {column.name}"].isnull()
        for column in columns
    ]
    if "home" in looked.columns:
        signs.append((looked.home != looked.account_id).fill_null(False))
    if "birth" in looked.columns:
        signs.append((looked["first"] < looked.birth).fill_null(False))
    return bool(looked.filter(reduce(operator.or_, signs)).limit(1).count().to_pyarrow().as_py())


def _without_copies(spec: TableSpec, verdict: Verdict, shared: ir.Table, rows: int) -> Verdict:
    name = spec.key[0]
    faults = []
    collisions = shared.filter(shared.several)
    if count := number(collisions.count()):
        rule = "identifiers that differ only in white space or Unicode form are one"
        repair = "make them equal in the source"
        faults.append(
            Fault(spec.name, name, rule, "note", count, samples(collisions, name), repair)
        )
    distinct = verdict.rows.distinct()
    again = distinct.group_by(*spec.key).aggregate(rows=distinct.count())
    conflicts = again.filter(again.rows > 1)
    if count := number(conflicts.count()):
        rule = "several rows with different contents share one key"
        repair = "keep one row a key, e.g. the newest, by a `sql:` mapping"
        faults.append(
            Fault(spec.name, name, rule, "refuse", count, samples(conflicts, name), repair)
        )
    copies = rows - number(distinct.semi_join(shared, list(spec.key)).count())
    if copies:
        rule = "identical copies of a row"
        repair = "export each row once"
        faults.append(
            Fault(spec.name, name, rule, "quarantine", copies, samples(shared, name), repair)
        )
    return verdict.without(distinct, copies, *faults)


def _case_twins(groups: ir.Table) -> Fault:
    folded = groups.group_by(folded=groups.account_id.lower()).aggregate(n=groups.count())
    twins = folded.filter(folded.n > 1)
    rule = "identifiers that differ only in case are kept apart"
    repair = "make them equal in the source if they are one account"
    count, found = number(twins.count()), samples(twins, "folded")
    return Fault("accounts", "account_id", rule, "note", count, found, repair)


def _without_orphans(
    spec: TableSpec, verdict: Verdict, column: ColumnSpec, pairs: ir.Table, known: ir.Table
) -> Verdict:
    name = column.name
    target = TABLES[str(column.references)]
    orphans = pairs.filter(pairs[name].notnull()).anti_join(known, name)
    count = number(orphans.rows.sum())
    if not count:
        return verdict
    found = samples(orphans, name)
    rule = f"is not in {target.name}"
    if not column.required:
        repair = f"none needed: the rows stay, though {target.name} lacks what they name"
        return verdict.with_fault(Fault(spec.name, name, rule, "note", count, found, repair))
    repair = f"add it to {target.name}, or leave the rows out"
    fault = Fault(spec.name, name, rule, "quarantine", count, found, repair)
    return verdict.without(verdict.rows.semi_join(known, name), count, fault)


def _misplaced(spec: TableSpec, pairs: ir.Table, parents: Mapping[str, ir.Table]) -> list[Fault]:
    """Say which references exist but contradict their parent."""
    faults = []
    users = parents.get("users")
    both = {"account_id", "user_id"} <= set(pairs.columns)
    if users is not None and spec.name != "users" and both:
        homes = users.select(user_id="user_id", home="account_id")
        away = pairs.inner_join(homes, "user_id").filter(lambda t: t.home != t.account_id)
        if count := number(away.rows.sum()):
            rule = "the user belongs to another account than the row"
            repair = "check how rows are given to accounts"
            found = samples(away, "user_id")
            faults.append(Fault(spec.name, "user_id", rule, "note", count, found, repair))
    if "first" in pairs.columns and "accounts" in parents:
        births = parents["accounts"].select("account_id", "created_at")
        early = pairs.inner_join(births, "account_id").filter(lambda t: t["first"] < t.created_at)
        if count := number(early.account_id.nunique()):
            rule = "accounts with rows before their created_at"
            repair = "check created_at; the rows stay"
            found = samples(early, "account_id")
            faults.append(Fault(spec.name, "account_id", rule, "note", count, found, repair))
    return faults
