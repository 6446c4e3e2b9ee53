"""What notebook 01 shows of the fit of the sale and of onboarding that is stuck.

Grain in: what ``learn.fit`` and ``report/evidence/fit.py`` found.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.learn import fit
from cs_models.learn.fit import Fit
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.fit import Stuck
from cs_models.report.evidence.rules import records
from cs_models.report.figures import fit as figures
from cs_models.report.findings import fit as findings
from cs_models.report.findings import words
from cs_models.report.findings.amounts import about
from cs_models.report.values import integer, interval, percent

Shown = Sequence[Exhibit | Statement | Table]


def sale(found: Fit) -> Shown:
    """Show renewal by what was known at the sale.

    Parameters
    ----------
    found : Fit
    """
    said = findings.sale(found)
    if found.why_not:
        return said
    named = found.levels.assign(kind=found.levels["column"].map(findings.NAMES))
    differs = set(found.columns.loc[found.columns["holds"], "column"])
    drawn = named.assign(
        holds=named["column"].isin(differs),
        name=named["kind"] + ": " + named["level"],
        rate=named["renewal_rate"],
    )
    table = Table.of(
        named,
        id=findings.KINDS,
        title=f"Renewal by kind of customer, contracts {found.length}",
        columns={
            "kind": Column("By"),
            "level": Column("Kind"),
            "n": Column("Contracts", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "renewal_rate": Column("Renewed", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
            "adjusted_rate": Column("Were they alike in the rest", kind="percent"),
            "adjusted_low": Column("from", kind="percent"),
            "adjusted_high": Column("to", kind="percent"),
            "p": Column("p, all kinds counted", kind="number", digits=3),
        },
        note="Alike in the rest: in what the table below names. Where the kinds have too few "
        "customers in common to be alike, nothing stands there: such a rate would describe "
        "nobody. What was known at the sale is that of the first contract on record. p: against "
        "customers changing places, whole histories together.",
    )
    told = [
        f"{row['name']}: {percent(row['rate'])} ({interval(row['low'], row['high'])})"
        for row in records(drawn)
    ]
    figure = Exhibit(
        id="fit",
        title="Renewal by how, and to whom, it was sold",
        figure=figures.levels(drawn),
        table=table,
        alt="Renewal rate by kind of customer. " + "; ".join(told) + ".",
        caption="Plain rates. Grey is within noise, or goes with what is in colour: some kind "
        "always comes out lowest.",
    )
    return (*said, figure, _columns(found), *_lengths(found), *_pairs(found))


def _columns(found: Fit) -> Table:
    rows = found.columns.assign(
        kind=found.columns["column"].map(findings.NAMES),
        said=[_role(row["role"], row["goes_with"]) for row in records(found.columns)],
        alike=[words.listed([findings.NAMES[c] for c in names]) or "too little in common"
               for names in found.columns["alike_in"]],
    )  # fmt: skip
    return Table.of(
        rows,
        id=findings.COLUMNS,
        title="Does renewal differ at all by",
        columns={
            "kind": Column("By"),
            "n_levels": Column("Kinds", kind="integer"),
            "spread": Column("Highest less lowest, plain", kind="points", unit="points"),
            "p": Column("p, all columns counted", kind="number", digits=3),
            "p_given": Column("p beyond those that differ", kind="number", digits=3),
            "said": Column("It"),
            "alike": Column("Can be held alike in"),
        },
        note="p: how often customers who changed places would differ as much in any of these. "
        "Beyond those that differ: asked only of what differs when looked at alone.",
    )


def _role(role: str, goes_with: Sequence[str]) -> str:
    if role == fit.ECHO:
        return f"only goes with {words.listed([findings.NAMES[c] for c in goes_with])}"
    return "differs" if role == fit.SIGNAL else "cannot be told apart"


def _lengths(found: Fit) -> Sequence[Table]:
    if len(found.lengths) < 2:
        return ()
    return (
        Table.of(
            found.lengths.assign(
                compared=found.lengths["judged"].map({True: "compared", False: "left out"})
            ),
            id=findings.LENGTHS,
            title="Renewal by length of contract",
            columns={
                "length": Column("Contracts"),
                "n": Column("Ended", kind="integer"),
                "n_accounts": Column("Customers", kind="integer"),
                "renewal_rate": Column("Renewed", kind="percent"),
                "low": Column("from", kind="percent"),
                "high": Column("to", kind="percent"),
                "compared": Column("Here"),
            },
            note="Contracts by the month come up twelve times a year: their rate is one of months.",
        ),
    )


def _pairs(found: Fit) -> Sequence[Table]:
    if found.pairs.empty:
        return ()
    return (
        Table.of(
            found.pairs,
            id=findings.PAIRS,
            title="Pairs that stand out beyond their parts",
            columns={
                "level": Column("Kind"),
                "other_level": Column("with"),
                "n": Column("Contracts", kind="integer"),
                "renewal_rate": Column("Renewed", kind="percent"),
                "low": Column("from", kind="percent"),
                "high": Column("to", kind="percent"),
                "p": Column("p, all pairs counted", kind="number", digits=3),
            },
        ),
    )


def _traits(found: Stuck) -> str:
    """Say of those who wait and of the others how many have what may go with waiting."""
    return "".join(
        f"{str(row['trait']).capitalize()}: {percent(row['share'])} of them, "
        f"{percent(row['share_others'])} of the others. "
        for row in records(found.telling)
    )


def stuck(found: Stuck, currency: str) -> Shown:
    """Show who is late in onboarding, and at which step.

    Parameters
    ----------
    found : Stuck
    currency : str
        ISO 4217 code.
    """
    said = findings.stuck(found, currency)
    if found.why_not:
        return said
    steps = Table.of(
        found.steps,
        id=findings.STEPS,
        title="At which step they wait",
        columns={
            "step": Column("Step"),
            "n": Column("Customers", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "days_late": Column("Late, middle", kind="integer", unit="days"),
        },
    )
    rows = Table.of(
        found.accounts,
        id=findings.STUCK,
        title="Customers in their first contract who wait",
        columns={
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "arr": Column("ARR", kind="money", unit=currency),
            "step": Column("Waits at"),
            "days_late": Column("Late", kind="integer", unit="days"),
            "past_share": Column("Past customers done by then", kind="percent", digits=0),
            "training": Column("Training date"),
            "sponsor": Column("Sponsor"),
            "sponsor_days": Column("last seen", kind="integer", unit="days ago"),
            "early_tickets": Column("Cases in first 60 days", kind="integer"),
            "open_tickets": Column("still open", kind="integer"),
        },
        note=f"{integer(len(found.accounts))} of {integer(found.n_first)} customers in their first "
        f"contract wait, with {about(float(found.accounts['arr'].sum()), currency)} a year; "
        f"{integer(found.n_unticked)} more lack a date only. {_traits(found)}Waits at: the "
        "earliest "
        "step that was due and is open, none that usually comes later "
        "being done. Sponsor: a champion, "
        "decision maker or admin; engaged, when one used the product in the last 28 days.",
        at_most=25,
    )
    return (*said, *((steps,) if len(found.steps) else ()), rows)
