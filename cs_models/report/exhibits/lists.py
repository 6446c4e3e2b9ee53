"""What notebook 06 shows of the lists to act on, and of what past ones came to.

Grain in: ``evidence.lists`` and ``evidence.listed``.  Grain out: display objects, and
files for the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from cs_models.learn.policy import Play
from cs_models.report import results, values
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import listed
from cs_models.report.evidence.rules import records
from cs_models.report.figures import lists as figures
from cs_models.report.findings import lists as findings
from cs_models.report.findings.amounts import about
from cs_models.report.values import integer, interval, money, percent

Shown = Sequence[Exhibit | Statement | Table]
_TOUCH: Final = {"high": "a person", "tech": "a message"}
SHOWN, AT_MOST = 10, 30  # rows of a list before the fold, and on the page; the file has all


def overview(summary: pd.DataFrame, capacity: int, play: Play | None, currency: str) -> Shown:
    """Show all lists with how many each holds, and how the team's calls are shared over them.

    Parameters
    ----------
    summary : DataFrame
        ``listed.summary``.
    capacity : int
        Customers that the team can call, over all lists.
    play : Play or None
        What a call costs and may keep.
    currency : str
    """
    said = findings.overview(summary, capacity, play, currency)
    if summary.empty:
        return said
    nouns = {grain: many for grain, (_, many) in findings.NOUNS.items()}
    table = Table.of(
        summary.assign(
            why=summary["skipped"], grain=summary["grain"].map(nouns),
            n_message=summary["n_accounts"] - summary["n_high"],
            cost=[findings.cost(row, play) if play else float("nan") for row in records(summary)],
        ).sort_values("turn"),
        id=findings.ALL, title="Lists of today, in the order in which they take the team's calls",
        columns={
            "turn": Column("Turn", kind="integer"),
            "title": Column("List"),
            "n": Column("On it", kind="integer"),
            "grain": Column("of"),
            "arr": Column("ARR of their customers", kind="money", unit=currency),
            "n_accounts": Column("Customers", kind="integer"),
            "n_high": Column("get a person", kind="integer"),
            "n_calls": Column("of them called from no earlier list", kind="integer"),
            **(_called(currency) if play and summary["calls_low"].notna().any() else {}),
            "n_message": Column("get a message", kind="integer"),
            "n_quiet": Column("Left out: spoken to lately", kind="integer"),
            "n_unknown": Column("Not known", kind="integer"),
            "criteria": Column("Asks for"),
            "file": Column("File"),
            "why": Column("Why it could not be made"),
        },
        note=f"The team can make {integer(capacity)} calls, one number for all lists: each list "
        "takes what those before it left, and a customer on several lists is called once. A list "
        "ordered by what a call is worth calls from its top; of the others a person speaks to the "
        "largest customers, the fewest who together make four fifths of the ARR of all running "
        "customers unless the list says otherwise. Who is left gets a message. Another order, or "
        "a limit for one list, is "
        f"set by priority and per_week in its file.{_assumed(play, currency)}",
    )  # fmt: skip
    return (*said, table)


def _called(currency: str) -> dict[str, Column]:
    of = {"kind": "money", "unit": currency}
    return {
        "cost": Column("Calls cost", **of),  # type: ignore[arg-type]
        "calls_low": Column("bring after it, from", **of),  # type: ignore[arg-type]
        "calls_high": Column("to", **of),  # type: ignore[arg-type]
    }


def _assumed(play: Play | None, currency: str) -> str:
    if play is None:
        return ""
    rates = interval(float(play.save_rate_low), float(play.save_rate_high))
    return (
        f" A call costs {money(play.cost, currency)}; what calls bring supposes that they keep "
        f"{rates} of those who would leave, for a year, at a margin of "
        f"{percent(float(play.margin))}: stated in the run file, and not learnt from this history."
    )


def each(
    summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame], currency: str
) -> list[Statement | Table]:
    """Show every list that could be made: what it asks, and its first rows.

    Parameters
    ----------
    summary : DataFrame
        ``listed.summary``.
    tables : mapping of str to DataFrame
        By list name: what ``listed.rows`` returned.
    currency : str
    """
    shown: list[Statement | Table] = []
    for row in records(summary[summary["skipped"] == ""]):
        shown += findings.one(row, currency)
        frame = tables[row["name"]]
        if len(frame):
            shown.append(_table(row, frame, currency))
    return shown


def _table(row: Mapping[str, Any], frame: pd.DataFrame, currency: str) -> Table:
    name, title, grain = row["name"], row["title"], row["grain"]
    shown = frame.assign(
        **({"reason_1": frame["reason_1"].str.partition(":")[0]} if "reason_1" in frame else {}),
        touch=frame["touch"].map(_TOUCH),
    )
    columns = {
        "rank": Column("Place", kind="integer"),
        "account_name": Column("Customer"),
        "arr": Column("ARR", kind="money", unit=currency),
    }
    if grain == "account":
        columns |= {
            "days_to_renewal": Column("Days to renewal", kind="integer"),
            "p_churn": Column(
                "Chance of leaving", kind="percent", digits=int(row["chance_digits"])
            ),
            "reason_1": Column("It goes with"),
        }
        if row["outcome"] == "left" and "expected_value" in frame:
            columns |= {
                "expected_value": Column("A call is worth", kind="money", unit=currency),
                "similar": Column("Five past ones most alike"),
            }
        elif "unused_features" in frame:
            columns["unused_names"] = Column("Not touched of late")
    else:
        columns |= {
            "role": Column("Role"),
            "days_since_last_use": Column("Days since last use", kind="integer"),
            "active_days__to_date": Column("Days with use so far", kind="integer"),
        }
    columns |= {
        "days_since_our_contact__to_date": Column("Days since our contact", kind="integer"),
        "touch": Column("Gets"),
        "user_id" if grain == "user" else "account_id": Column("Id"),
    }  # fmt: skip
    there = {key: column for key, column in columns.items() if key in shown and _told(shown[key])}
    return Table.of(
        shown, id=listed.anchor(name), title=title, columns=there, fold_after=SHOWN,
        at_most=AT_MOST, note=f"On it: {findings.people(len(frame), grain)}{findings.whose(row)}"
        f"{about(row['arr'], currency)} a year. All columns are in tables/list_{name}.csv, ids "
        "first.",
    )  # fmt: skip


def _told(values: pd.Series) -> bool:
    return bool((values.notna() & values.astype(str).ne("")).any())


def past(summary: pd.DataFrame) -> Shown:
    """Show what past lists came to, beside everybody else at the same time."""
    said = findings.worth(summary)
    judged = summary[(summary["skipped"] == "") & (summary["past_n"] > 0)]
    if judged.empty:
        return said
    frame = judged.assign(
        came=judged["outcome"].map(findings.CAME),
        told=told(judged),
    )  # fmt: skip
    table = Table.of(
        frame, id=findings.PAST, title="What past lists came to",
        columns={
            "title": Column("List"), "came": Column("Of those on it, the share who"),
            "past_hit_rate": Column("Share", kind="percent", digits=0),
            "past_low": Column("from", kind="percent", digits=0),
            "past_high": Column("to", kind="percent", digits=0),
            "base_rate": Column("of others", kind="percent", digits=0),
            "past_n": Column("On past lists", kind="integer"),
            "past_n_accounts": Column("Customers", kind="integer"),
            "past_quarters": Column("Quarters", kind="integer"),
            "told": Column("Told apart"),
        },
        note="Each list was made again in past quarters from what was known then, each alone with "
        "all that the team can call. Others: those not on it at the same time; of customers as far "
        "from their renewal and of the same segment, of users as active so far, of the age and "
        "role that the list asks. Told apart counts that several lists are compared at once. "
        "Levels learnt from the whole history (adoption) were not known then.",
    )  # fmt: skip
    # The number drawn is that of past lists, not of today's.
    drawn = (
        frame[frame["past_hit_rate"].notna()]
        .drop(columns="n")
        .rename(
            columns={"past_hit_rate": "rate", "past_low": "low", "past_high": "high", "past_n": "n"}
        )
    )
    figure = Exhibit(
        id="past-lists", title="Which lists were worth the calls",
        figure=figures.past(drawn), table=table,
        alt="For each list the share of past rows for whom it came true, with its interval, beside "
        "the share of the others; the numbers are in the table.",
        caption="Dot and line: those on the list, with the interval. Stroke: the others at the "
        "same time. What is meant to come differs by list: for a rescue list, leaving.",
    )  # fmt: skip
    return (*said, figure, *_reached(frame))


def _reached(frame: pd.DataFrame) -> Shown:
    """Show how much of what came true had stood on lists of customers, by count and by ARR."""
    told = frame[frame["arr_share"].notna()]
    if told.empty:
        return []
    shown = told.sort_values("arr_share", ascending=False).assign(
        ahead=[_ahead(row) for row in records(told.sort_values("arr_share", ascending=False))]
    )
    table = Table.of(
        shown, id=findings.REACHED,
        title="How much of it a list had reached",
        columns={
            "title": Column("List"), "came": Column("Of contracts that"),
            "n_came": Column("All", kind="integer"),
            "n_caught": Column("On it", kind="integer"),
            "arr_share": Column("Of their ARR", kind="percent", digits=0),
            "arr_share_low": Column("from", kind="percent", digits=0),
            "arr_share_high": Column("to", kind="percent", digits=0),
            "arr_share_by_size": Column("As many by size", kind="percent", digits=0),
            "ahead_of_size": Column("List ahead of it by", kind="points", digits=0),
            "ahead_of_size_low": Column("from", kind="points", digits=0),
            "ahead_of_size_high": Column("to", kind="points", digits=0),
            "ahead": Column("Told apart"),
            "arr_share_by_chance": Column("As many by lot", kind="percent", digits=0),
            "ahead_of_chance": Column("List ahead of it by", kind="points", digits=0),
            "ahead_of_chance_low": Column("from", kind="points", digits=0),
            "ahead_of_chance_high": Column("to", kind="points", digits=0),
        },
        note="Each contract once, where the table above counts it in every quarter in which it "
        "stood on the list; on it: it had stood on a past list at any time before. By size, by "
        "lot: what as many customers each quarter, as far from their renewal, would have "
        "held: those with the largest contracts, or drawn from all (on average). "
        "A list of few large customers reaches much of the ARR with few calls. Ahead: in points of "
        "that ARR, on the same customers, with intervals that hold for all lists at once and take "
        "the customer as the unit. Told apart: from as many by size. "
        "Not to be set beside the list of 03_churn_predictors and 07_backtest, which is made once "
        "a quarter, of everybody who comes up, by chance times ARR: these lists are made at each "
        "distance from the renewal, and leave out whom their rule does and whom we had just "
        "spoken to.",
    )  # fmt: skip
    drawn = shown[shown["ahead_of_size_low"].notna()]
    if drawn.empty:
        return [table]
    words = "; ".join(f"{row['title']}: {_gap_words(row)}" for row in records(drawn))
    return [
        Exhibit(
            id="reached-lists", title="What lists reached beyond as many calls by size",
            figure=figures.ahead(drawn), table=table,
            alt=f"Share of the ARR held by each list, less that of as many by size: {words}.",
            caption="Right of the line: the list held more of the ARR that came true than the "
            "largest customers, as many, would have. Grey: may as well be nought.",
        )
    ]  # fmt: skip


def _ahead(row: Mapping[str, Any]) -> str:
    """Return in words whether a list can be told from as many customers by size."""
    low, high = row["ahead_of_size_low"], row["ahead_of_size_high"]
    if values.is_missing(low) or values.is_missing(high):
        return "too few to say"
    if not findings.stands_out(low, high):
        return "cannot be told apart"
    return "more" if low > 0 else "less"


def _gap_words(row: Mapping[str, Any]) -> str:
    between = values.interval(row["ahead_of_size_low"], row["ahead_of_size_high"], "points")
    return f"{values.points(row['ahead_of_size'], 0)} ({between})"


def told(judged: pd.DataFrame) -> list[str]:
    """Return for each list in words whether its past rows can be told apart from the others.

    Parameters
    ----------
    judged : DataFrame
        One row a list: ``few`` and ``apart``; missing where no past list was judged.
    """
    frame = judged.reindex(columns=["few", "apart"])
    return [_verdict(few, apart) for few, apart in zip(frame["few"], frame["apart"], strict=True)]


def _verdict(few: Any, apart: Any) -> str:
    if values.is_missing(few) or few:
        return "too few to say"
    return "yes" if not values.is_missing(apart) and apart else "cannot be told apart"


def write(output_dir: str | None, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write every list as ``tables/list_<name>.csv``, safe to open in a spreadsheet.

    Parameters
    ----------
    output_dir : str or None
        The notebook's folder; None writes nothing.
    tables : mapping of str to DataFrame
        By list name; a list that nobody is on has its columns only.
    """
    for name, frame in tables.items():
        results.write_table(output_dir, f"list_{name}", frame)
