"""What notebook 08 shows: the other pages' answers on one page, each led back to where it is from.

Grain in: ``evidence.brief.Brief``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.report.display import Column, Exhibit, Number, Statement, Table, num
from cs_models.report.evidence import anchors, journey_anchors, places
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence.brief import Brief
from cs_models.report.evidence.plays import FEWEST
from cs_models.report.evidence.rules import records
from cs_models.report.exhibits.lists import told
from cs_models.report.figures import brief as figures
from cs_models.report.findings import brief as findings
from cs_models.report.findings.lists import PAST as PAST_LISTS
from cs_models.report.findings.plays import BOOK as PLAYS
from cs_models.report.values import interval, percent

Shown = Sequence[Exhibit | Statement | Table]


def money(brief: Brief, currency: str) -> Shown:
    """Show the coming quarters beside the past, and this quarter's contracts by standing.

    Parameters
    ----------
    brief : Brief
    currency : str
        ISO 4217 code.
    """
    coming = evidence.quarters(brief)
    known = coming.dropna(subset=["grr_p50"])
    if known.empty:
        return _gone(brief, evidence.OUTLOOK, "money-gone")
    table = Table.of(
        coming,
        id=evidence.MONEY,
        title="The coming quarters",
        columns={
            "label": Column("Quarter"),
            "due_arr": Column("ARR due", kind="money", unit=currency),
            "grr_p50": Column("Kept, middle", kind="percent", digits=0),
            "grr_p10": Column("from", kind="percent", digits=0),
            "grr_p90": Column("to", kind="percent", digits=0),
            "arr_at_risk": Column("ARR at risk", kind="money", unit=currency),
            "loss_p90": Column("Lost, one quarter of ten", kind="money", unit=currency),
            "n_due": Column("Contracts due", kind="integer"),
        },
        note="From and to: where it ends eight times in ten.",
        source=_from(brief, evidence.OUTLOOK, "The coming quarters", places.COMING),
    )
    said = [
        f"{row['label']}: {percent(row['grr_p50'])} ({interval(row['grr_p10'], row['grr_p90'])})"
        for row in records(known)
    ]
    figure = Exhibit(
        id="money",
        title="What is kept of the ARR that comes up",
        figure=figures.money(evidence.past(brief), known),
        table=table,
        alt="Share of the ARR due that is likely to be kept. " + "; ".join(said) + ".",
        caption="Grey: what past quarters kept of the contracts that still ran when they began, "
        "those in notice among them, as the first bar counts; a later bar also holds those of "
        "today's contracts that leave before its quarter begins. Bars: where a coming quarter ends "
        "eight times in ten; the stroke is as likely too low as too high. A past quarter whose "
        "late renewals may still come in is not there.",
    )
    return (figure, *findings.money(brief), *_book(brief, currency))


def _book(brief: Brief, currency: str) -> Sequence[Table]:
    """Show what is being done about this quarter, and with whom most is at stake."""
    book, named = evidence.book(brief), evidence.largest(brief)
    tables = []
    if len(book):
        tables.append(
            Table.of(
                book,
                id=evidence.BOOK,
                title="This quarter's contracts, and what is being done about them",
                columns={
                    "group": Column("Who"),
                    "arr": Column("ARR", kind="money", unit=currency),
                    "loss": Column("Expected to leave", kind="money", unit=currency),
                    "loss_low": Column("from", kind="money", unit=currency),
                    "loss_high": Column("to", kind="money", unit=currency),
                    "n_accounts": Column("Customers", kind="integer"),
                },
                note="Groups overlap. From and to: where it ends eight times in ten; not given of "
                f"a part of fewer than {FEWEST} contracts, whose losses come in a few lumps.",
                source=_from(brief, evidence.OUTLOOK, "What is being done about them", PLAYS),
            )
        )
    if len(named):
        tables.append(
            Table.of(
                named,
                id=evidence.LARGEST,
                title="With whom most is at stake",
                columns={
                    "account_name": Column("Customer"),
                    "arr": Column("ARR", kind="money", unit=currency),
                    "chance": Column("Chance of leaving", kind="percent", digits=0),
                    "term_end": Column("Renews", kind="date"),
                    "account_id": Column("Account"),
                },
                note="ARR times the chance of leaving, largest first; without those who have "
                "already asked to cancel. Chances are those of the renewal outlook, learnt from "
                "customers as far from their renewal as the middle of the quarter; the page on "
                "churn predictors asks at another distance and gives others.",
                source=_from(brief, evidence.OUTLOOK, "Where the risk sits", places.AT_RISK),
            )
        )
    return tables


def levels(brief: Brief, currency: str) -> Shown:
    """Show the announced levels with who stands below, and what is said of them."""
    frame = evidence.levels(brief)
    said, below = findings.levels(brief), findings.below(brief)
    if frame.empty:
        told = (*said, *below)
        return told or findings.above(brief) or _gone(brief, evidence.THRESHOLDS, "levels-gone")
    table = Table.of(
        frame,
        id=evidence.LEVELS,
        title="Levels, and who is below today",
        columns={
            "group": Column("Customers"),
            "n_accounts_below": Column("Below today", kind="integer"),
            "arr_below": Column("Their ARR", kind="money", unit=currency),
            "rule": Column("Level"),
            "rate_above": Column("Renewed there", kind="percent", digits=0),
            "rate_below": Column("elsewhere", kind="percent", digits=0),
            "verdict": Column("What it is"),
            "decay": Column("A\u00a0year on"),
        },
        note="A year on: whether a level learnt a year ago held in the renewals since.",
        source=_from(brief, evidence.THRESHOLDS, "Signal register", anchors.REGISTER),
    )
    return (*said, *below, table)


def drivers(brief: Brief) -> Shown:
    """Show what goes with leaving."""
    return findings.drivers(brief) or _gone(brief, evidence.PREDICTORS, "drivers-gone")


def warned(brief: Brief) -> Shown:
    """Show what came true of earlier warnings."""
    return findings.warned(brief) or _gone(brief, evidence.BACKTEST, "warned-gone")


def journey(brief: Brief, currency: str) -> Shown:
    """Show where customers stand and where journeys break.

    Parameters
    ----------
    brief : Brief
    currency : str
        ISO 4217 code.
    """
    frame = evidence.stages(brief)
    if frame.empty:
        return _gone(brief, evidence.JOURNEY, "journey-gone")
    below = {
        "n_below": Column("Below the level now", kind="integer"),
        "arr_below": Column("Their ARR", kind="money", unit=currency),
    }
    known = frame["n_below"].notna().any()
    table = Table.of(
        frame,
        id=evidence.STAGES,
        title="Today's customers by stage",
        columns={
            "stage": Column("Stage"),
            "arr": Column("ARR", kind="money", unit=currency),
            "n_accounts": Column("Customers", kind="integer"),
            **(below if known else {}),
            "median_days": Column("Days in it, middle", kind="integer"),
            "usual": Column("Usual days", kind="integer"),
        },
        note="Usual: by when half have moved on."
        + (
            " Below: with a running contract that has not reached the level in force."
            if known
            else ""
        ),
        source=_from(
            brief, evidence.JOURNEY, "Where is every customer today?", journey_anchors.TODAY
        ),
    )
    return (*findings.journey(brief), table)


def lists(brief: Brief, wanted: Sequence[str], currency: str) -> Shown:
    """Show the lists to act on.

    Parameters
    ----------
    brief : Brief
    wanted : sequence of str
        Names of lists, in the order shown.
    currency : str
        ISO 4217 code.
    """
    frame = evidence.lists(brief, wanted)
    said = findings.lists(brief, wanted)
    if frame.empty:
        return said
    columns = {
        "title": Column("List"),
        "n": Column("On it today", kind="integer"),
        "arr": Column("Their ARR", kind="money", unit=currency),
        "past_hit_rate": Column("Came true in the past", kind="percent", digits=0),
        "base_rate": Column("Others alike", kind="percent", digits=0),
        "difference": Column("Gap", kind="points", unit="points", digits=0),
        "difference_low": Column("from", kind="points", digits=0),
        "difference_high": Column("to", kind="points", digits=0),
        "told": Column("Told apart"),
    }
    table = Table.of(
        frame.assign(told=told(frame)).reindex(columns=list(columns)),
        id=evidence.LISTS,
        title="Lists to act on",
        columns=columns,
        note="Each list with its names is on the renewal outlook's page and beside it as a file "
        "for the CRM. Came true: what the list is after happened to those who would have been on "
        "it in past quarters. Others alike, at the same time: as far from their renewal, of the "
        "same segment. Gap, from, to and told apart allow for several lists being compared at "
        "once and for customers who were listed often.",
        source=_from(brief, evidence.OUTLOOK, "Which lists were worth the calls", PAST_LISTS),
    )
    return (*said, table)


def unknown(brief: Brief) -> Shown:
    """Show what the pages say they do not know."""
    return findings.unknown(brief)


def sources(brief: Brief) -> Table:
    """Show on which pages the brief rests."""
    return Table.of(
        evidence.sources(brief),
        id=evidence.SOURCES,
        title="The pages that this brief rests on",
        columns={
            "notebook": Column("Page"),
            "state": Column("State"),
            "run": Column("Run"),
            "why": Column("Why not"),
            "n_findings": Column("Findings", kind="integer"),
        },
    )


def _from(brief: Brief, notebook: str, section: str, table: str) -> Number | None:
    """Lead from a table to where its numbers were made; nothing where its page has no address."""
    page = brief.sources[notebook].page
    words = f"{evidence.words(notebook)} \u2192 {section}"
    return num(words, f"{page}#{table}", strong=False) if page else None


def _gone(brief: Brief, notebook: str, anchor: str) -> Shown:
    why = brief.sources[notebook].why
    if not why:
        return (findings.instead(brief, notebook, anchor),)
    return (Statement.of("caution", f"{evidence.words(notebook)}: {why}.", id=anchor),)
