"""What calling by the chance was worth in past quarters: sentence, figure and folded table.

Grain in: what ``evidence.callers`` found; None without a backtest.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import net_benefit as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.net_benefit import Benefit
from cs_models.report.figures import net_benefit as figures
from cs_models.report.findings import net_benefit as findings
from cs_models.report.values import number, percent

_STEP: Final = 5  # percent between rows of the table


def net_benefit(called: Calls | None) -> Sequence[Exhibit | Statement | Table]:
    """Show what calls from each chance on were worth; nothing where nothing was foretold.

    Parameters
    ----------
    called : Calls or None
        What ``evidence.callers.calls`` returned.
    """
    if called is None or called.benefit is None:
        return ()
    found = called.benefit
    row = found.row
    exhibit = Exhibit(
        id="benefit",
        title="What calls were worth, by the chance from which they are made",
        figure=figures.net_benefit(found.table, found.at),
        table=_table(found),
        alt=f"From a chance of {percent(found.at)} on: by the chance {number(row['model'], 1)} "
        f"leavers per 100 contracts, calling everybody {number(row['all'], 1)}, nobody 0.",
        caption="Leavers found, less wrong calls at their price: the more a call costs, the "
        "higher the chance from which it pays, and the more a wrong one takes off. Band: 95 %. "
        "Upright: the chance that the sentence speaks of.",
    )
    return (findings.said(found), exhibit)


def _table(found: Benefit) -> Table:
    """Return every fifth percent and the one spoken of, that one first."""
    percents = (100 * found.table["threshold"]).round().astype(int)
    spoken = percents == round(100 * found.at)
    rows = found.table.assign(wrong=found.table["threshold"] / (1 - found.table["threshold"]))
    shown = pd.concat([rows[spoken], rows[~spoken & (percents % _STEP == 0)]])
    crm = {"crm": Column("As many calls by the CRM's score", kind="number", digits=1)}
    return Table.of(
        shown,
        id=evidence.TABLE,
        title="What calls from each chance on were worth, per 100 contracts",
        columns={
            "threshold": Column("Called from a chance of", kind="percent", digits=0),
            "share_called": Column("Share called", kind="percent", digits=0),
            "wrong": Column("A wrong call takes off", kind="number", digits=2),
            "model": Column("By the chance", kind="number", digits=1),
            "low": Column("from", kind="number", digits=1),
            "high": Column("to", kind="number", digits=1),
            "all": Column("Everybody", kind="number", digits=1),
            "none": Column("Nobody", kind="number", digits=1),
            **(crm if "crm" in shown else {}),
            "ahead": Column("Ahead of the better of the two", kind="number", digits=1),
            "ahead_low": Column("from", kind="number", digits=1),
            "ahead_high": Column("to", kind="number", digits=1),
        },
        note="In leavers found per 100 contracts: those called who left, less those called who "
        "stayed times what a wrong call takes off, which is chance over one less chance (at "
        f"{percent(found.at)}, {number(found.at / (1 - found.at), 2)}). Known as net benefit. "
        + _why(found)
        + "Chances as told at the time; ranges of 95 % with the customer as the unit.",
    )


def _why(found: Benefit) -> str:
    """Say where the first row's chance comes from."""
    if found.save_rate is None:
        return "The first row's chance is that from which a contract counts as at risk. "
    return (
        "The first row's chance is the cost of a call over its margin on a contract of the mean "
        f"ARR, were it to keep {percent(found.save_rate)} of those who would leave: the middle of "
        "the shares stated. A smaller contract pays only from a higher chance. "
    )
