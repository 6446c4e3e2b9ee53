"""The register of signals as a table: what was announced, what of it can be acted on, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence.rules import group_of, records
from cs_models.report.findings import register as findings


def register(entries: pd.DataFrame, currency: str) -> Sequence[Statement | Table]:
    """Show every announced rule with its decision and the reason.

    Parameters
    ----------
    entries : DataFrame
        What ``learn.register.build`` returned.
    currency : str
        ISO 4217 code.
    """
    said = findings.register_said(entries)
    if entries.empty:
        return said
    frame = entries.assign(group=[group_of(row) for row in records(entries)])
    table = Table.of(
        frame,
        id=anchors.REGISTER,
        title="The signal register",
        columns={
            "group": Column("Who"),
            "rule": Column("Rule"),
            "decision": Column("Decision"),
            "why": Column("Why"),
            "n_accounts_below": Column("Customers today", kind="integer"),
            "arr_below": Column("Their ARR", kind="money", unit=currency),
            "coverage": Column("Of the lost, caught", kind="percent", digits=0),
            "precision": Column("Of those caught, lost", kind="percent", digits=0),
            "lead_time_days": Column("Days before renewal", kind="integer"),
            "lift_within_strata": Column("Gap among like customers", kind="points"),
            "lift_low": Column("from", kind="points"),
            "lift_high": Column("to", kind="points"),
            "lift_crossfit": Column("held out", kind="points"),
            "lift_overlap": Column("alike before", kind="points"),
            "decay": Column("Newest renewals"),
        },
        note="Ship: stands on its own, its interval holds no nought, it has not faded and is known "
        "in time. Watch: one of these is in doubt, or the rule is one for all customers where "
        "groups have levels of their own, or where renewal rises all along the scale. Reject: an "
        "echo of a signal, gone between customers who were alike, or faded. Customers today: "
        "on the side that renewed less, their window over; a customer may stand under several "
        "rules.",
    )
    return (*said, table)
