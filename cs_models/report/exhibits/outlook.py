"""What notebook 06 shows: the coming quarters, their doubt, and who is due.

Grain in: the frames of ``report/evidence/outlook.py``, ``due.py`` and ``kept.py``.  Grain out:
display objects; sentences and figures read the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import places
from cs_models.report.evidence.outlook import Outlook
from cs_models.report.evidence.rules import records
from cs_models.report.figures import outlook as figures
from cs_models.report.findings import outlook as findings
from cs_models.report.findings.amounts import quarters
from cs_models.report.values import integer, interval, percent

Shown = Sequence[Exhibit | Statement | Table]
DRAWN = 15  # customers in the figure; the table has more
ALL = "all, each once"
_YES = {True: "yes", False: "no"}


def coming(found: Outlook, past: pd.DataFrame, currency: str) -> Shown:
    """Show the coming quarters beside what past quarters kept.

    Parameters
    ----------
    found : Outlook
    past : DataFrame
        What ``kept.past_quarters`` returned.
    currency : str
        ISO 4217 code.
    """
    said = findings.coming(found, past, currency)
    kept = _kept_table(past, currency)
    if not found.first["n_ended"]:
        return (*said, kept)
    table = _coming_table(found, currency)
    drawn = _fan(found)
    if drawn.empty:
        return (*said, table, kept)
    told = [
        f"{row['label']}: {percent(row['p50'])} ({interval(row['p10'], row['p90'])})"
        for row in records(drawn)
    ]
    figure = Exhibit(
        id="coming",
        title="What is kept of the ARR that comes up, quarter by quarter",
        figure=figures.fan(past[past["grr_running"].notna()], drawn),
        table=table,
        alt="Share of the ARR due that is likely to be kept. " + "; ".join(told) + ".",
        caption="Grey: what past quarters kept of the contracts that still ran when they began, "
        "those in notice among them, as the first bar counts; one whose late renewals may still "
        "come in is not there. A later bar also holds those of today's contracts that leave before "
        "its quarter begins. Bars: where a coming quarter ends eight times in ten, darker the "
        "middle half; the stroke is as likely too low as too high.",
    )
    return (*said, figure, kept)


def _fan(found: Outlook) -> pd.DataFrame:
    """Return the levels that are drawn: one row a quarter in which something is due."""
    levels = found.levels.dropna(subset=["quarter"])
    wide = levels.assign(name="p" + (levels["level"] * 100).round().astype(int).astype(str))
    wide = wide.pivot_table(index="label", columns="name", values="grr", sort=False)
    if wide.empty:
        return pd.DataFrame(columns=["label", "p10", "p25", "p50", "p75", "p90", "n_due"])
    drawn = wide[["p10", "p25", "p75"]].reset_index()
    rest = found.quarters[["label", "grr_p50", "grr_p90", "n_due"]]
    return drawn.merge(rest.rename(columns={"grr_p50": "p50", "grr_p90": "p90"}), on="label")


def _coming_table(found: Outlook, currency: str) -> Table:
    frame = found.quarters.assign(label=found.quarters["label"].replace("all", ALL))
    return Table.of(
        frame,
        id=places.COMING,
        title="The coming quarters",
        columns={
            "label": Column("Quarter"),
            "n_due": Column("Contracts due", kind="integer"),
            "due_arr": Column("ARR due", kind="money", unit=currency),
            "grr_p50": Column("Kept, middle", kind="percent"),
            "grr_p10": Column("from", kind="percent"),
            "grr_p90": Column("to", kind="percent"),
            "kept_p50": Column("Kept, middle", kind="money", unit=currency),
            "kept_p10": Column("from", kind="money", unit=currency),
            "kept_p90": Column("to", kind="money", unit=currency),
            "arr_at_risk": Column("ARR at risk", kind="money", unit=currency),
            "loss_p90": Column("Lost, one quarter of ten", kind="money", unit=currency),
            "arr_shrinks": Column("Shrinks", kind="money", unit=currency),
            "nrr_p50": Column("With growth, middle", kind="percent"),
            "nrr_p10": Column("from", kind="percent"),
            "nrr_p90": Column("to", kind="percent"),
        },
        note=f"{quarters(len(found.quarters) - 1)}, then all of them. "
        "From and to: where it ends eight times in ten (P10 and P90). ARR at risk: the ARR "
        "that leaves on average. Lost, one quarter of ten: more than this leaves in the worst "
        "tenth. Shrinks: what goes on average where contracts are renewed for less. What is kept "
        "is without what leaves and what shrinks; as a middle is no average, the columns add up "
        "only nearly. A contract that renews every month comes up in each quarter; in the last "
        "row it counts once, so the quarters may add up to more.",
    )


def rests(found: Outlook, currency: str) -> Shown:
    """Show by what each quarter is told."""
    table = Table.of(
        found.quarters.dropna(subset=["quarter"]),
        id=places.RESTS,
        title="What each quarter rests on",
        columns={
            "label": Column("Quarter"),
            "level": Column("Predictor"),
            "days": Column("Read so many days ahead", kind="integer"),
            "n_predictor": Column("Contracts told by it", kind="integer"),
            "n_rate": Column("by base rate", kind="integer"),
            "arr_rate": Column("their ARR", kind="money", unit=currency),
            "n_notice": Column("in notice", kind="integer"),
            "arr_notice": Column("their ARR", kind="money", unit=currency),
            "n_decided": Column("outcome on record", kind="integer"),
            "n_judged": Column("Past quarters told from as far", kind="integer"),
            "n_hit": Column("interval held in", kind="integer"),
            "held_low": Column("so of all such: from", kind="percent"),
            "held_high": Column("to", kind="percent"),
            "n_hit_alone": Column("were everyone alone", kind="integer"),
        },
        note="The predictor is the simplest that past quarters could not tell from the best. "
        f"{_notices(found)}",
    )
    return (*findings.reliance(found, currency), table)


def _inside(found: Outlook) -> str:
    """Count, for each coming quarter, the past ones inside the interval and below its middle."""
    told = [
        f"{row['label']}: inside {int(row['n_hit'])} of {int(row['n_judged'])}, below the middle "
        f"{findings.below_middle(found.judged, row['label'])}"
        for row in records(found.quarters.dropna(subset=["quarter"]))
        if row["n_judged"]
    ]
    return f"As far ahead as {'; '.join(told)}." if told else ""


def _notices(found: Outlook) -> str:
    """Say what became of past notices, by which those in notice are counted."""
    told = found.notices
    if told.assumed:
        return "Contracts in notice count as lost: too few past notices are on record."
    return f"Of {integer(told.n)} past notices {percent(told.share)} were carried out."


def _kept_table(past: pd.DataFrame, currency: str) -> Table:
    return Table.of(
        past,
        id=places.PAST_KEPT,
        title="What past quarters kept",
        columns={
            "label": Column("Renewals of"),
            "n_due": Column("Contracts due", kind="integer"),
            "due_arr": Column("ARR due", kind="money", unit=currency),
            "grr": Column("Kept", kind="percent"),
            "nrr": Column("With growth", kind="percent"),
            "n_gone": Column("Left", kind="integer"),
            "loss": Column("ARR lost", kind="money", unit=currency),
            "n_running": Column("Still ran when it began", kind="integer"),
            "running_arr": Column("their ARR", kind="money", unit=currency),
            "grr_running": Column("of it kept", kind="percent"),
        },
        note="All contracts that were to end in the quarter and had begun before it, also those "
        "who left long before; and of them those that still ran when it began, in notice or not. "
        "The latter are drawn, for the coming quarters too hold only contracts that run today.",
    )


def book(found: Outlook, currency: str) -> Table:
    """Show the same against all of today's ARR."""
    frame = found.whole_book.assign(label=found.whole_book["label"].replace("all", ALL))
    return Table.of(
        frame,
        id=places.BOOK,
        title="Against all of today's ARR",
        columns={
            "label": Column("Quarter"),
            "book_arr": Column("ARR today", kind="money", unit=currency),
            "due_arr": Column("of it due", kind="money", unit=currency),
            "grr_p50": Column("Kept, middle", kind="percent"),
            "grr_p10": Column("from", kind="percent"),
            "grr_p90": Column("to", kind="percent"),
            "nrr_p50": Column("With growth, middle", kind="percent"),
            "nrr_p10": Column("from", kind="percent"),
            "nrr_p90": Column("to", kind="percent"),
        },
        note="Contracts that do not come up are taken to stay as they are; new customers are not "
        "counted.",
    )


def width(found: Outlook) -> Shown:
    """Show the interval beside the one in which everyone decides alone."""
    said = findings.width(found)
    rows = found.quarters.dropna(subset=["quarter"])
    rows = rows[rows["grr_p10"].notna()]
    if rows.empty:
        return said
    table = Table.of(
        rows.assign(
            worst=rows["sigma"].map(findings.worst_odds),
            wide=100 * (rows["grr_p90"] - rows["grr_p10"]),
            wide_alone=100 * (rows["independent_p90"] - rows["independent_p10"]),
        ),
        id=places.WIDTH,
        title="How wide, and why",
        columns={
            "label": Column("Quarter"),
            "grr_p10": Column("Kept, from", kind="percent"),
            "grr_p90": Column("to", kind="percent"),
            "independent_p10": Column("Everyone alone, from", kind="percent"),
            "independent_p90": Column("to", kind="percent"),
            "sigma": Column("Swing of quarters", kind="number", digits=2),
            "sigma_low": Column("from", kind="number", digits=2),
            "sigma_high": Column("to", kind="number", digits=2),
            "n_shock_quarters": Column("Quarters it is learnt from", kind="integer"),
            "worst": Column("Times the odds, worst quarter of ten", kind="number", digits=2),
            "wide": Column("Points wide", kind="integer"),
            "wide_alone": Column("Points wide, everyone alone", kind="integer"),
        },
        note="Swing: standard deviation, on the log of the odds of leaving, by which whole past "
        "quarters went from what was said of them as far ahead; from and to are its 95 % interval.",
    )
    told = [
        f"{row['label']}: {interval(row['grr_p10'], row['grr_p90'])}, alone "
        f"{interval(row['independent_p10'], row['independent_p90'])}"
        for row in records(rows)
    ]
    figure = Exhibit(
        id="width", title="The interval, and the one it would be if nobody's fate were shared",
        figure=figures.width(rows), table=table,
        alt="Range in which a quarter ends eight times in ten. " + "; ".join(told) + ".",
        caption="The nearer the two bars, the less do quarters swing as a whole.",
    )  # fmt: skip
    return (*said, figure)


def held(found: Outlook) -> Shown:
    """Show past quarters: what would have been said from as far ahead, and what came true."""
    said = findings.held(found)
    if not len(found.judged) or "grr_hit" not in found.judged:
        return said
    table = Table.of(
        found.judged.assign(hit=found.judged["grr_hit"].map(_YES)),
        id=places.HELD,
        title="Past quarters, told as the coming ones",
        columns={
            "label": Column("As far ahead as"),
            "days": Column("Days", kind="integer"),
            "decided_in": Column("Said in"),
            "first_end": Column("Renewals from", kind="date"),
            "last_end": Column("to", kind="date"),
            "n_due": Column("Contracts", kind="integer"),
            "grr_p10": Column("Kept, said from", kind="percent", digits=0),
            "grr_p50": Column("middle", kind="percent", digits=0),
            "grr_p90": Column("to", kind="percent", digits=0),
            "grr_actual": Column("Came true", kind="percent", digits=0),
            "hit": Column("Inside"),
            "n_churn_p50": Column("Leave, said", kind="integer"),
            "n_churn_actual": Column("left", kind="integer"),
        },
        note="Each quarter is told with what was known on its first day: predictor, swing of "
        "quarters and sizes. Only customers who were still in doubt are counted: those in notice "
        "by then, and short contracts, are left out; so shares kept are higher than in the table "
        "of past quarters. The newest quarter holds only the renewals whose outcome is known. "
        f"{_inside(found)}",
    )
    nearest = found.judged[found.judged["label"] == found.judged["label"].iloc[0]]
    drawn = nearest.assign(
        label=nearest["decided_in"], low=nearest["grr_p10"], middle=nearest["grr_p50"],
        high=nearest["grr_p90"], actual=nearest["grr_actual"], hit=nearest["grr_hit"],
    )  # fmt: skip
    told = [
        f"{row['decided_in']}: said {interval(row['low'], row['high'])}, came "
        f"{percent(row['actual'])}"
        for row in records(drawn)
    ]
    figure = Exhibit(
        id="held",
        title=f"What would have been said {int(nearest['days'].iloc[0])} days ahead, and what came",
        figure=figures.held(drawn), table=table,
        alt="Share of ARR kept, said and true, by the quarter in which it was said. "
        + "; ".join(told) + ".",
        caption="A dot inside its bar: the interval held. Eight of ten should.",
    )  # fmt: skip
    return (*said, figure)
