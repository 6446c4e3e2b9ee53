"""The register of signals: its table, and what is said of it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pandas as pd

from cs_models.learn import register
from cs_models.report.display import Number, Statement, Table
from cs_models.report.exhibits import register as exhibits
from cs_models.report.findings import register as findings


def entry(decision: str, **changed: Any) -> dict[str, Any]:
    """Return a row of the register."""
    return dict.fromkeys(register.COLUMNS) | {
        "rule_id": 5, "feature": "report_shared", "segment": None, "role": "signal",
        "rule": "at least 12 report_shared events in the first 60 days of the term",
        "verdict": "sharp", "lift_within_strata": 0.2, "lift_low": 0.1, "lift_high": 0.3,
        "lead_time_days": 305.0, "coverage": 0.8, "precision": 0.42, "n_accounts_below": 40,
        "arr_below": Decimal("1000.50"), "decision": decision, "why": "stands on its own, in time",
    } | changed  # fmt: skip


def entries(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return a register of these rows."""
    return pd.DataFrame(list(rows), columns=list(register.COLUMNS), dtype=object)


def test_decisions_are_counted_and_the_best_are_told() -> None:
    """Ship, watch and reject add up to the rules; only what ships is told, numbers linked."""
    frame = entries(
        entry(register.SHIP, segment="North"),
        entry(register.SHIP, lead_time_days=150.0),
        entry(register.WATCH),
        entry(register.REJECT, role="echo", why="echo of a signal"),
    )
    counted, best = findings.register_said(frame)
    assert "Of 4 announced rules 2 can be acted on (ship), 1 should be watched, and 1 are" in (
        counted.text)  # fmt: skip
    assert "North (report_shared) 80" in best.text
    assert "at least 150 days before the renewal" in best.text
    for statement in (counted, best):
        free = "".join(part for part in statement.parts if not isinstance(part, Number))
        assert not re.search(r"\d", free)


def test_nothing_to_ship_is_told_by_its_count_alone() -> None:
    """A register of echoes has one sentence, and no claim of what was caught."""
    (counted,) = findings.register_said(entries(entry(register.REJECT)))
    assert "0 can be acted on" in counted.text


def test_the_table_holds_every_rule_with_its_reason_and_money() -> None:
    """Each rule is listed with decision, reason, customers and ARR, its group in words."""
    _, _, table = exhibits.register(entries(entry(register.SHIP)), "USD")
    assert isinstance(table, Table)
    shown = dict(zip(table.columns, table.rows[0], strict=True))
    assert (shown["group"], shown["decision"]) == ("All customers", "ship")
    assert shown["why"] == "stands on its own, in time"
    assert shown["arr_below"] == 1000.5


def test_an_empty_register_says_so() -> None:
    """Without any rule the section is one sentence."""
    (said,) = exhibits.register(entries(), "USD")
    assert isinstance(said, Statement)
    assert said.text == findings.NO_RULE
