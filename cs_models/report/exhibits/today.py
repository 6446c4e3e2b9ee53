"""Where today's customers stand: counts with ARR, who is below, who still has time."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.features import adoption
from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence import anchors, standing
from cs_models.report.findings import adopted as findings
from cs_models.report.findings.words import cited

NONE_BELOW = "No level was announced, so no customer stands below one."
NOBODY = "No running term is measured against a level, so there is nothing to count."


def totals(frame: pd.DataFrame, currency: str) -> Table | Statement:
    """Show how many customers stand where, with their ARR; a sentence where no rule speaks."""
    if not frame["n_terms"].sum():
        return Statement.of("finding", NOBODY, id="totals-said")
    by_all = {
        "n_accounts_borrowed": Column("Of these by the level of all", kind="integer"),
        "arr_borrowed": Column("Their ARR", kind="money", unit=currency),
    }
    return Table.of(
        frame,
        id=anchors.TODAY,
        title="Running terms today",
        columns={
            "status": Column("Where they stand"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_terms": Column("Terms", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "n_accounts_lacking": Column("Of these short of it", kind="integer"),
            "arr_lacking": Column("Their ARR", kind="money", unit=currency),
            "n_accounts_soon": Column("Renew this quarter", kind="integer"),
            "arr_soon": Column("Their ARR", kind="money", unit=currency),
            "n_accounts_asked": Column("Asked to cancel", kind="integer"),
            "arr_asked": Column("Their ARR", kind="money", unit=currency),
        }
        | (by_all if frame["n_accounts_borrowed"].any() else {}),
        note="Of these short of it: on the side that renewed less, so far where the window is "
        f"open. Renew this quarter: by {frame['until'].iloc[0]:%Y-%m-%d}, those overdue among "
        "them; who asked to cancel may be one of these."
        + (
            " Of these by the level of all: in a segment for which no level of its own was found, "
            "or in which too few customers have left to look for one."
            if frame["n_accounts_borrowed"].any()
            else ""
        ),
    )


def below(where: pd.DataFrame, currency: str) -> Sequence[Statement | Table]:
    """Show the customers below by name, largest ARR first, and those who still have time.

    Parameters
    ----------
    where : DataFrame
        What ``standing.against`` returned.
    currency : str
        ISO 4217 code.
    """
    if where.empty:
        return (Statement.of("finding", NONE_BELOW, id="below-said"),)
    under, open_ = standing.below(where), standing.still_open(where)
    return (
        *_no_tipping_point(where),
        Table.of(
            under,
            id="today",
            title="Customers on the side of their level that renewed less",
            columns=_columns(currency, {"term_end": Column("Renews", kind="date")}),
            note="Counted in the window of the rule, which is over for these customers: what is "
            "missing says how far they were from the level then. The whole list is in "
            "tables/customers_below.csv.",
        ),
        Table.of(
            open_,
            id=anchors.SO_FAR,
            title="Customers who still have time, and what they lack so far",
            columns=_columns(currency, {"days_left": Column("Days left", kind="integer")}),
            note="Their window is still open: nobody here is below yet. Fewest days left first. "
            "The whole list is in tables/customers_still_open.csv.",
        ),
    )


def _no_tipping_point(where: pd.DataFrame) -> Sequence[Statement]:
    """Say where the level is none to aim for."""
    gradual = where.loc[where["verdict"] == "gradual", "rule"].unique()
    return [
        Statement.of(
            "caution", "No tipping point: ", *cited(anchors.RULES, str(rule)),
            ". More goes with more all along the scale; the level in these lists is only where "
            "the history divides best. Whom to call first is "
            "better told by what is at stake (What is it worth?).",
        )
        for rule in gradual
    ]  # fmt: skip


def definition(
    met: pd.DataFrame, defined: adoption.Definition | None, currency: str
) -> Sequence[Statement | Table]:
    """Show how many running terms meet the definition in force, beside where they stand.

    Parameters
    ----------
    met : DataFrame
        What ``standing.agreement`` returned.
    defined : Definition or None
        None where none is set.
    currency : str
        ISO 4217 code.
    """
    said = findings.definition(met, defined)
    if not said:
        return said
    table = Table.of(
        met,
        id=anchors.AGREEMENT,
        title="The definition in force against the level learnt here",
        columns={
            "met": Column("Meets the definition"),
            "status": Column("Against the level"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_terms": Column("Terms", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
        note="Not known: a window of the definition is still open, or use was not recorded.",
    )
    return (*said, table)


def _columns(currency: str, when: dict[str, Column]) -> dict[str, Column]:
    return {
        "account_name": Column("Customer"),
        "segment": Column("Segment"),
        "level_of": Column("Level of"),
        "arr": Column("ARR", kind="money", unit=currency),
        "to_do": Column("What is missing"),
        **when,
        "so_far": Column("Reached", kind="number"),
        "needed": Column("Level", kind="number"),
        "in_notice": Column("In notice"),
        "account_id": Column("Account"),
    }
