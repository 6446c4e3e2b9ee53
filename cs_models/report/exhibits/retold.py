"""What notebook 07 shows of earlier reports: which there were, what they said, what came true.

Grain in: ``report/evidence/retold.py``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence import places, retold
from cs_models.report.evidence.retold import Retold
from cs_models.report.findings import retold as findings

Shown = Sequence[Statement | Table]
YES = {True: "yes", False: "no"}
LEFT = {0.0: "stayed", 1.0: "left"}


def earlier(found: Retold, currency: str) -> Shown:
    """Show earlier reports, the warnings that can be judged, and the forecasts that are over."""
    shown: list[Statement | Table] = list(findings.said(found))
    if len(found.runs):
        shown.append(_runs(found, currency))
    if len(found.contracts):
        shown.append(_contracts(found, currency))
    if len(found.forecasts):
        shown.append(_forecasts(found, currency))
    return tuple(shown)


def _runs(found: Retold, currency: str) -> Table:
    return Table.of(
        retold.shown(found.runs),
        id=places.RUNS,
        title="Earlier reports",
        columns={
            "as_of": Column("Data as of", kind="date"),
            "run_id": Column("Report"),
            "n_said": Column("Contracts named", kind="integer"),
            "n_known": Column("Outcome known by now", kind="integer"),
            "expected": Column("Expected to leave", kind="number", digits=1),
            "left": Column("Left", kind="integer"),
            "arr_expected": Column("ARR expected to leave", kind="money", unit=currency),
            "arr_left": Column("ARR that left", kind="money", unit=currency),
            "n_lost": Column("No longer on record", kind="integer"),
            "n_quarters": Column("Quarters forecast", kind="integer"),
        },
        note="Newest first. Weekly reports name the same contracts again: each counts in every "
        "report's own row, and once in the sentence above, by the first report that named it. "
        "Of several reports of one day the one made last counts.",
    )


def _contracts(found: Retold, currency: str) -> Table:
    rows = found.contracts.sort_values(
        ["p_churn", "arr"], ascending=[False, False], ignore_index=True
    )
    return Table.of(
        rows.assign(came=rows["left"].map(LEFT)),
        id=places.SAID,
        title="What was said of each contract, and what came true",
        columns={
            "account_id": Column("Account"),
            "subscription_id": Column("Contract"),
            "as_of": Column("First said", kind="date"),
            "term_end": Column("Renewal", kind="date"),
            "arr": Column("ARR", kind="money", unit=currency),
            "p_churn": Column("Chance of leaving, as printed", kind="percent", digits=0),
            "p_low": Column("from", kind="percent", digits=0),
            "p_high": Column("to", kind="percent", digits=0),
            "came": Column("Came true"),
        },
        note="Likeliest to leave first. Customers lost for reasons of their own (out of business, "
        "acquired) are left out. All of them are in tables/said_and_came.csv.",
    )


def _forecasts(found: Retold, currency: str) -> Table:
    rows = found.forecasts
    return Table.of(
        rows.assign(inside=rows["hit"].map(YES)),
        id=places.FORECASTS,
        title="Forecasts whose quarter is over",
        columns={
            "as_of": Column("Data as of", kind="date"),
            "label": Column("Quarter"),
            "n_due": Column("Contracts", kind="integer"),
            "due_arr": Column("ARR due", kind="money", unit=currency),
            "grr_p50": Column("Kept, said", kind="percent", digits=0),
            "grr_p10": Column("from", kind="percent", digits=0),
            "grr_p90": Column("to", kind="percent", digits=0),
            "grr": Column("Kept", kind="percent", digits=0),
            "inside": Column("Inside"),
            "run_id": Column("Report"),
        },
        note="The contracts that the report counted, followed to the end of its quarter.",
    )
