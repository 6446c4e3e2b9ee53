"""What notebook 01 shows of word, skill and use.

Grain in: the frames of ``report/evidence/satisfaction.py`` and ``saydo.py``.  Grain out: display
objects; sentences and figures read the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.learn.satisfaction import Gaps
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.satisfaction import Product, Voices
from cs_models.report.evidence.saydo import SayDo
from cs_models.report.figures import satisfaction as figures
from cs_models.report.findings import satisfaction as findings
from cs_models.report.values import integer, interval, number, percent, points

Shown = Sequence[Exhibit | Statement | Table]


def cube(told: Voices, currency: str) -> Shown:
    """Show the eight corners, who answered, and the accounts.

    Parameters
    ----------
    told : Voices
    currency : str
        ISO 4217 code.
    """
    said = findings.cube(told, currency)
    if told.cube is None:
        return said
    corners = told.cube.corners
    table = Table.of(
        corners,
        id=findings.CUBE,
        title="The eight corners, and what each calls for",
        columns={
            "corner": Column("Corner"),
            "n": Column("Users", kind="integer"),
            "share": Column("Share of those who answered", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
            "n_accounts": Column("Customers", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "calls_for": Column("Calls for"),
        },
        note=f"{integer(told.n_answered)} users answered. Satisfied: NPS 7 or more, CSAT 4 of 5 "
        "or more, answered in the last 180 days. "
        "Skilled: in the upper half of the role by the skill survey, else by how many features "
        "were used in 90 days. Much use: in the upper half of the role by days of use in 28 "
        "days. A customer's ARR is split evenly over its users who answered. From and to: the "
        "95 % interval, customers as the unit.",
    )
    told_by = [f"{row['corner']}: {percent(row['share'])} ({row['n']})" for row in records(corners)]
    figure = Exhibit(
        id="cube",
        title="Users who answered, by satisfaction, skill and use",
        figure=figures.corners(corners),
        table=table,
        alt="Share of the users who answered in each corner. " + "; ".join(told_by) + ".",
        caption="Thin strokes: 95 % interval.",
    )
    return (*said, figure, _response(told), _accounts(told, currency))


def _response(told: Voices) -> Table:
    assert told.cube is not None
    return Table.of(
        told.cube.response,
        id=findings.RESPONSE,
        title="Who answered",
        columns={
            "group": Column("Users"),
            "n": Column("Users", kind="integer"),
            "n_answered": Column("Answered", kind="integer"),
            "share": Column("Share", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
        },
        note="An answer is NPS or CSAT of the last 180 days by a user who is still there. No "
        "answer is missing, never a middle value.",
    )


def _accounts(told: Voices, currency: str) -> Table:
    return Table.of(
        told.accounts,
        id=findings.VOICES,
        title="Customers with answers, largest first",
        columns={
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "n_answered": Column("Answered", kind="integer"),
            "n_users": Column("of users", kind="integer"),
            "satisfaction": Column("Satisfaction", kind="number", unit="0–1", digits=2),
            "proficiency": Column("Skill", kind="number", unit="0–1", digits=2),
            "usage": Column("Use", kind="number", unit="0–1", digits=2),
            "corner": Column("Most of them"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
        note="Means of the users who answered; few answers say little of a customer.",
        at_most=20,
    )


def gaps(found: Gaps) -> Shown:
    """Show the gap in NPS of each feature.

    Parameters
    ----------
    found : Gaps
    """
    said = findings.gaps(found)
    if found.why_not:
        return said
    table = Table.of(
        found.table,
        id=findings.GAPS,
        title="NPS of those who use a feature, and of like people who do not",
        columns={
            "feature": Column("Feature"),
            "n_with": Column("Answers with", kind="integer"),
            "n_without": Column("without", kind="integer"),
            "nps_with": Column("NPS with, plain", kind="number", digits=0),
            "nps_without": Column("without", kind="number", digits=0),
            "gap": Column("Gap among like people", kind="number", unit="points of NPS", digits=0),
            "low": Column("from", kind="number", digits=0),
            "high": Column("to", kind="number", digits=0),
            "p": Column("p, all features counted", kind="number", digits=3),
        },
        note=f"{integer(found.n)} answers of {integer(found.n_accounts)} customers; a gap of "
        f"{number(found.detectable, 0)} points would have been found in eight cases of ten. Used "
        "in "
        "the 90 days before the answer. The interval is that of one feature looked "
        "at alone; p is the chance that a gap like this is the largest of all where no feature "
        "goes with NPS (step-down over random signs of the customers).",
    )
    if not found.table["holds"].any():
        return (*said, table)  # a picture of nothing but noise teaches to see shapes in it
    told = [f"{row['feature']}: {number(row['gap'], 0)}" for row in records(found.table)]
    figure = Exhibit(
        id="gaps",
        title="How far the NPS of a feature's users is from that of like people",
        figure=figures.gaps(found.table),
        table=table,
        alt="Gap in points of NPS by feature. " + "; ".join(told) + ".",
        caption="Grey: cannot be told from none once all features are counted, even where the "
        "stroke clears zero.",
    )
    return (*said, figure)


def product(found: Product) -> Shown:
    """Show which features are used, go with renewal, or are not needed.

    Parameters
    ----------
    found : Product
    """
    said = findings.product(found)
    if found.table.empty:
        return said
    table = Table.of(
        found.table,
        id=findings.PRODUCT,
        title="Feature by feature: used, and going with renewal",
        columns={
            "feature": Column("Feature"),
            "share": Column("Used by, of active users", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
            "content_share": Column("of skilled, satisfied ones", kind="percent"),
            "content_low": Column("from", kind="percent"),
            "content_high": Column("to", kind="percent"),
            "points": Column("Renewal with twice the use", kind="points", unit="points"),
            "link_low": Column("from", kind="points"),
            "link_high": Column("to", kind="points"),
            "p": Column("p that decided", kind="number", digits=3),
            "p_alone": Column("p of it alone", kind="number", digits=3),
            "role": Column("Renewal"),
            "says": Column("Says to product"),
        },
        note="Use today: in the last 90 days. Renewal: use in the first 8 weeks of past contracts, "
        "among customers of the same kind that were as active in all. A feature has to pass alone "
        "and again with the others that passed known; p that decided is the larger of the two, "
        "all features counted. An echo passes alone only. Ends and middle: a bend that passes "
        "where a line does not tell it.",
    )
    linked = found.table.dropna(subset=["points"])
    if linked.empty:
        return (*said, table)
    told = [
        f"{row['feature']}: used by {percent(row['share'])}, {points(row['points'])}, {row['role']}"
        for row in records(linked)
    ]
    figure = Exhibit(
        id="product",
        title="How widely a feature is used, and how its use goes with renewal",
        figure=figures.product(linked),
        table=table,
        alt="Features by share of users and link with renewal. " + "; ".join(told) + ".",
        caption="Grey: cannot be told from no link once all features are counted, or an echo of "
        "one that can. Coloured by the p that decided.",
    )
    return (*said, figure)


def say_do(found: SayDo, currency: str) -> Shown:
    """Show past renewals by word and deed, and today's customers whose word and deed disagree.

    Parameters
    ----------
    found : SayDo
    currency : str
        ISO 4217 code.
    """
    said = findings.say_do(found, currency)
    if found.why_not:
        return said
    table = Table.of(
        found.meetings.assign(disagree=found.meetings["disagree"].map({True: "yes", False: ""})),
        id=findings.MEETINGS,
        title="What was said, what was done, and what came of it",
        columns={
            "says": Column("Says"),
            "does": Column("Does"),
            "disagree": Column("Disagree"),
            "n_terms": Column("Past contracts", kind="integer"),
            "renewal_rate": Column("Renewed", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
            "n_today": Column("Customers today", kind="integer"),
            "arr_today": Column("their ARR", kind="money", unit=currency),
        },
        note="Says: mean of the answers (NPS, CSAT) of 180 days, praise from 9 of 10, complaint "
        "up to 6. Does: uses per seat in the 12 weeks before, in the lowest, middle or highest "
        "third of the segment; a contract in its first week is not counted yet. Past contracts "
        f"are read {found.decision_days} days before their renewal.",
    )
    told = [
        f"{row['says']}, {row['does']}: {percent(row['renewal_rate'])} "
        f"({interval(row['low'], row['high'])})"
        for row in records(found.meetings) if row["n_terms"]
    ]  # fmt: skip
    figure = Exhibit(
        id="say-do",
        title="Past renewals by what customers said and did",
        figure=figures.meetings(found.meetings),
        table=table,
        alt="Renewal rate by word and deed. " + "; ".join(told) + ".",
        caption="Dots that rise from left to right: deeds go with renewal. Dots of one place far "
        "apart by colour: words do.",
    )
    words = Table.of(
        found.surprises.assign(n_left=found.surprises["n_terms"] - found.surprises["n_renewed"]),
        id=findings.SURPRISES,
        title="Renewal by what was said alone",
        columns={
            "says": Column("Says"),
            "n_terms": Column("Past contracts", kind="integer"),
            "n_renewed": Column("Renewed", kind="integer"),
            "n_left": Column("Left", kind="integer"),
            "renewal_rate": Column("Share", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
        },
    )
    return (*said, figure, words, _against(found, currency))


def _against(found: SayDo, currency: str) -> Table:
    return Table.of(
        found.against,
        id=findings.AGAINST,
        title="Customers whose word and deed disagree today",
        columns={
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "says": Column("Says"),
            "does": Column("Does"),
            "arr": Column("ARR", kind="money", unit=currency),
            "term_end": Column("Renews", kind="date"),
        },
        at_most=20,
    )
