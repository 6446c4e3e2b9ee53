"""What stands under every report: terms and features left out, and what the guards saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.report.display import Column, Table


def exclusions(frame: pd.DataFrame, left: Mapping[str, int]) -> Table:
    """Show which terms were left out of the history, and why.

    Parameters
    ----------
    frame : DataFrame
        ``Cohort.exclusions``.
    left : mapping of str to int
        What the search itself leaves out, terms by reason.
    """
    own = pd.DataFrame(
        [{"reason": reason, "n_terms": n} for reason, n in left.items() if n],
        columns=["reason", "n_terms"],
    )
    return Table.of(
        pd.concat([frame, own], ignore_index=True) if len(own) else frame,
        id="exclusions",
        title="Terms left out",
        columns={
            "reason": Column("Why"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Of these lost", kind="integer"),
            "churn_rate": Column("Lost share of those decided", kind="percent"),
        },
    )


def guards(frame: pd.DataFrame) -> Table:
    """Show what the leak guards saw."""
    return Table.of(
        frame,
        id="guards",
        title="Leak guards",
        columns={
            "guard": Column("Guard"),
            "status": Column("Status"),
            "detail": Column("What was seen"),
            "n": Column("Terms checked", kind="integer"),
        },
    )


def left_out(features: Sequence[dict[str, Any]]) -> Table:
    """Show the features that too few customers use."""
    return Table.of(
        pd.DataFrame(list(features), columns=["feature", "n_accounts", "reason"]),
        id="left-out",
        title="Features left out",
        columns={
            "feature": Column("Feature"),
            "n_accounts": Column("Customers", kind="integer"),
            "reason": Column("Why"),
        },
    )
