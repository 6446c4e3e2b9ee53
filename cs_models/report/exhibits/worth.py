"""What notebook 02 shows of worth: customers who were alike before, and money.

Grain in: the frames of ``report/evidence/worth.py``.  Grain out: display objects; sentences and
figures read the same frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.learn.policy import Play
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence.alike import NOTICEABLE
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.worth import Worth
from cs_models.report.figures import worth as figures
from cs_models.report.findings import worth as findings
from cs_models.report.values import interval, money, percent, points

Shown = Sequence[Exhibit | Statement | Table]
_NAMES = {"low": "lowest", "mid": "middle", "high": "highest"}


def alike(
    frame: pd.DataFrame,
    balance: pd.DataFrame,
    n_below: Mapping[int, int],
    *,
    announced: bool,
) -> Shown:
    """Show each rule's gap among customers who were alike before, and how alike they are.

    Parameters
    ----------
    frame, balance : DataFrame
        What ``evidence.alike.alike`` and ``evidence.alike.balance`` returned.
    n_below : mapping of int to int
        By ``rule_id``: customers below the level today.
    announced : bool
        Whether any rule was announced.
    """
    said = findings.alike(frame, n_below, announced=announced)
    if frame.empty:
        return said
    first, others = said[: len(frame)], said[len(frame) :]
    return (*first, _alike(frame, n_below), *others, _balance(balance))


def _alike(frame: pd.DataFrame, n_below: Mapping[int, int]) -> Exhibit:
    sizes = findings.experiments(frame, n_below).drop(columns="group")
    told = [
        f"{row['group']}: as counted {points(row['gap_counted'], 0)}, alike "
        f"{points(row['gap'], 0)} points"
        for row in records(frame)
    ]
    return Exhibit(
        id="alike",
        title="The gap, as counted and between customers who were alike before",
        figure=figures.alike(frame),
        table=Table.of(
            frame.join(sizes),
            id=anchors.ALIKE,
            title="The gap between customers who were alike before",
            columns={
                "group": Column("Who"),
                "gap_counted": Column("As counted", kind="points"),
                "gap_strata": Column("Same segment and length", kind="points"),
                "gap": Column("Alike before", kind="points"),
                "low": Column("from", kind="points"),
                "high": Column("to", kind="points"),
                "e_value": Column("Hidden difference needed", kind="number", digits=1),
                "e_value_limit": Column("for no clear gap", kind="number", digits=1),
                "n_terms": Column("Terms", kind="integer"),
                "n_effective_better": Column("Weight where more renewed", kind="integer"),
                "n_effective_worse": Column("where fewer", kind="integer"),
                "share_overlap": Column("Could be on either side", kind="percent"),
                "rate_worse": Column("Renewed where fewer", kind="percent"),
                "n_whole": Column("Experiment, each half", kind="integer"),
                "n_half": Column("if half of them cross", kind="integer"),
                "n_today": Column("There today", kind="integer"),
            },
            note="Customers are weighted by their chance, given what was known before the term, of "
            "standing on the other side (overlap weights). Weight: the terms that this leaves. "
            "Hidden difference: how many times likelier it would have to go with both the use "
            "and leaving (E-value). Experiments are sized for two shares, 80 % power, 5 % level.",
        ),
        alt="Gap in renewal. " + "; ".join(told) + ".",
        caption="Bar: 95 % interval, customers drawn anew. A rule found in this very history keeps "
        "what its choice flatters it by.",
    )


def _balance(balance: pd.DataFrame) -> Exhibit:
    worst = balance.groupby(["group", "covariate"], sort=False)[["before", "after"]].max()
    worst = worst.reset_index().sort_values("before", ascending=False, kind="stable")
    apart = worst[worst["after"] > NOTICEABLE]
    left = ", ".join(dict.fromkeys(apart["covariate"])) or "nothing"
    return Exhibit(
        id="balance",
        title="What was made alike",
        figure=figures.balance(worst, limit=NOTICEABLE),
        table=Table.of(
            balance.assign(in_model=balance["in_model"].map({True: "yes", False: "no"})),
            id=anchors.BALANCE,
            title="How far the two sides are apart, in standard deviations",
            columns={
                "group": Column("Who"),
                "covariate": Column("Known before"),
                "level": Column("Level"),
                "before": Column("As they are", kind="number"),
                "after": Column("Weighted", kind="number"),
                "in_model": Column("Made alike"),
            },
            note="Made alike: no where there were too few customers to compare within it as well.",
        ),
        alt=f"Differences between the two sides before and after weighting; still apart in {left}.",
        caption="One dot a group of customers, its widest level. Left of the dotted line the two "
        "sides count as alike.",
    )


def worth(found: Worth, play: Play | None, currency: str, *, announced: bool) -> Shown:
    """Show what the play brings by the level below which it is made.

    Parameters
    ----------
    found : Worth
        What ``evidence.worth.worth`` returned.
    play : Play or None
    currency : str
        ISO 4217 code.
    announced : bool
        Whether any rule was announced.
    """
    said = findings.worth(found, play, currency, announced=announced)
    if found.rules.empty:
        return said
    mid = [row for row in records(found.rates) if row["name"] == "mid"]
    told = [
        f"{row['group']}: {money(row['net_value_held_out'], currency)} at "
        f"{percent(row['save_rate'])} saved ({_between(row, currency)})"
        for row in mid
    ]
    exhibit = Exhibit(
        id="worth",
        title="What the play brings over the history, by the level below which it is made",
        figure=figures.net_value(
            found.curve, currency=currency, axes=[str(row["use"]) for row in mid]
        ),
        table=_worth_table(found, currency),
        alt="Net value of the play, held out. " + "; ".join(told) + ".",
        caption="Band: from the lowest to the highest save rate, which is an assumption; the "
        "interval stands in the table. Where the band lies below nought, the play costs more than "
        "it keeps. It is a sum over all terms of the history, each treated once, and its peak "
        "flatters: the table has what levels chosen on other customers earned.",
    )
    return (*said, exhibit)


def _between(row: dict[str, Any], currency: str) -> str:
    return interval(row["net_low"], row["net_high"], "money", unit=currency)


def _worth_table(found: Worth, currency: str) -> Table:
    about = found.rules.set_index("place")
    frame = found.rates.assign(
        rate=found.rates["name"].map(_NAMES),
        **{name: found.rates["place"].map(about[name])
           for name in ("break_even", "n_single", "arr_single")},
    )  # fmt: skip
    return Table.of(
        frame,
        id=anchors.WORTH,
        title="Below which level the play pays",
        columns={
            "group": Column("Who"),
            "rate": Column("Save rate"),
            "save_rate": Column("of those who would leave", kind="percent", digits=0),
            "who": Column("It pays for"),
            "n_terms": Column("Terms of the history", kind="integer"),
            "arr": Column("Their ARR", kind="money", unit=currency),
            "net_value_held_out": Column("Net, held out", kind="money", unit=currency),
            "net_low": Column("from", kind="money", unit=currency),
            "net_high": Column("to", kind="money", unit=currency),
            "net_value": Column("Net, as promised", kind="money", unit=currency),
            "n_today": Column("Customers today", kind="integer"),
            "arr_today": Column("ARR today", kind="money", unit=currency),
            "cost_today": Column("Cost today", kind="money", unit=currency),
            "break_even": Column("Breaks even at", kind="percent", digits=0),
            "n_single": Column("Worth a call singly", kind="integer"),
            "arr_single": Column("with ARR", kind="money", unit=currency),
        },
        note="The save rate is an input, never learnt here. Held out: levels chosen on some "
        "customers, counted on others by who really left; from, to: 95 %, customers drawn anew, "
        "the levels as chosen. It pays where all of that is above nought. Promised: by the chance "
        "of leaving at their use, in their segment. Breaks even: the save "
        "rate at which the play pays for all on the side that renewed less. Singly: today's "
        "customers there with more at stake than the play costs, at the middle save rate.",
    )
