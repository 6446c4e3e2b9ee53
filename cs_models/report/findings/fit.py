"""The fit of the sale, and onboarding that is stuck, in sentences.

Grain in: what ``learn.fit`` and ``report/evidence/fit.py`` found.  Grain out: statements for the
page and findings for ``results.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cs_models.learn import fit
from cs_models.learn.fit import Fit
from cs_models.report.display import Statement
from cs_models.report.evidence.fit import Stuck
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, contracts, customers
from cs_models.report.findings.words import Part, cited, linked, listed
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number, percent

KINDS, COLUMNS, LENGTHS, PAIRS, STUCK, STEPS = (
    "kinds-table", "fit-table", "fit-lengths-table", "pairs-table", "stuck-table",
    "stuck-steps-table",
)  # fmt: skip
NAMES: Final[Mapping[str, str]] = {
    "acquisition_channel": "channel", "segment": "segment", "industry": "industry",
    "region": "region", "plan": "plan", "size": "size",
}  # fmt: skip
MOST_TOLD: Final = 4  # kinds of one column in a sentence


def sale(found: Fit) -> list[Statement]:
    """Say by which of what was known at the sale renewal differs, if by any.

    Rates are those of the contracts themselves; what would be were customers alike in the rest
    stays in the table, and what only follows another column is named as that.

    Parameters
    ----------
    found : Fit
    """
    if found.why_not:
        return [
            Statement.of("caution", f"Whether the sale fitted cannot be told: {found.why_not}.",
                         verdict="too_little_data", id="fit-said")
        ]  # fmt: skip
    said = [Statement.of("finding", *_columns(found), id="fit-said")]
    if len(found.lengths) > 1:
        said.append(Statement.of("note", *_lengths(found), id="fit-lengths-said"))
    if len(found.pairs):
        said.append(Statement.of("note", *_pairs(found), id="pairs-said"))
    return said


def _columns(found: Fit) -> list[Part]:
    of = {role: [r for r in records(found.columns) if r["role"] == role]
          for role in (fit.SIGNAL, fit.ECHO, fit.NONE)}  # fmt: skip
    rest = _named(row["column"] for row in of[fit.NONE])
    parts: list[Part] = [
        "Compared are ", linked(contracts(found.n), KINDS), f" {found.length}, of ",
        linked(customers(found.n_accounts), KINDS), " that came up for renewal.",
    ]  # fmt: skip
    if not of[fit.SIGNAL]:
        return [*parts, f" Renewal does not differ by {rest} more than chance would have it: all "
                "these were judged together."]  # fmt: skip
    for row in of[fit.SIGNAL]:
        parts += [
            f" Renewal differs by {_named([row['column']])} beyond chance (p ",
            linked(_p(row["p"]), COLUMNS),
            ", allowing for all that was tried): ",
            *_levels(found, row["column"]),
            " renewed.",
        ]
    if of[fit.ECHO]:
        echoes = _named(row["column"] for row in of[fit.ECHO])
        parts.append(f" By {echoes} it differs only because that goes with "
                     f"{_named(row['column'] for row in of[fit.SIGNAL])}.")  # fmt: skip
    if rest:
        parts.append(f" By {rest} it cannot be told apart.")
    return parts


def _named(columns: Iterable[str]) -> str:
    return listed([NAMES.get(column, column) for column in columns])


def _levels(found: Fit, column: str) -> list[Part]:
    """Return the plain rates of a column's kinds, highest first; of many kinds, those that tell."""
    rows = [r for r in records(found.levels) if r["column"] == column]
    rows.sort(key=lambda r: -r["renewal_rate"])
    if len(rows) > MOST_TOLD:
        rows = [r for r in rows if r["holds"]] or [rows[0], rows[-1]]
    parts: list[Part] = []
    for place, row in enumerate(rows):
        between = interval(row["low"], row["high"])
        parts += [", " if place else "", f"{row['level']} ",
                  linked(percent(row["renewal_rate"]), KINDS), " (", linked(between, KINDS),
                  ")"]  # fmt: skip
    return parts


def _lengths(found: Fit) -> list[Part]:
    others = found.lengths[~found.lengths["judged"].astype(bool)]
    parts: list[Part] = ["A renewal by the month is not one by the year: only contracts of one "
                         "length are compared. Left out are "]  # fmt: skip
    for place, row in enumerate(records(others)):
        parts += [", " if place else "", linked(contracts(row["n"]), LENGTHS), f" {row['length']}"]
    return [*parts, "."]


def _pairs(found: Fit) -> list[Part]:
    parts: list[Part] = [
        "Of ", linked(integer(found.n_pairs), PAIRS), " pairs tried, beyond what their parts say "
        "stand out: ",
    ]  # fmt: skip
    for place, row in enumerate(records(found.pairs)):
        parts += ["; " if place else "", f"{row['level']} with {row['other_level']}, ",
                  linked(percent(row["renewal_rate"]), PAIRS), " of ",
                  linked(contracts(row["n"]), PAIRS), " renewed"]  # fmt: skip
    return [*parts, ". One such pair in twenty books would stand out by chance."]


def _p(p: float) -> str:
    return "under 0.01" if p < 0.01 else number(p, 2)


def stuck(found: Stuck, currency: str) -> list[Statement]:
    """Say who is late in onboarding, at which step, and what goes with it.

    Parameters
    ----------
    found : Stuck
    currency : str
        ISO 4217 code.
    """
    if found.why_not:
        return [
            Statement.of("caution", f"Who is stuck in onboarding cannot be told: {found.why_not}.",
                         verdict="too_little_data", id="stuck-said")
        ]  # fmt: skip
    other = (
        "Page 05 answers \u201cWho is stuck?\u201d otherwise. There it is who has been in an early "
        "stage of the way for longer than three in four of those before, in any contract and "
        "whatever the dates of the plan. A customer can be on one list and not on the other."
    )
    return [
        Statement.of("finding", *_stuck(found, currency), id="stuck-said"),
        Statement.of("note", other, id="stuck-elsewhere"),
    ]


def _stuck(found: Stuck, currency: str) -> list[Part]:
    rows, steps = found.accounts, records(found.steps)
    if rows.empty:
        none = " customers in their first contract waits at a step of onboarding."
        return ["None of ", linked(integer(found.n_first), STUCK), none, *_unticked(found)]
    first: dict[str, Any] = steps[0]
    parts: list[Part] = [
        linked(customers(len(rows)), STUCK), " of ", linked(integer(found.n_first), STUCK),
        " in their first contract wait at a step of onboarding that was due, with ",
        linked(about(float(rows["arr"].sum()), currency), STUCK), " a year. Most often they ",
        f"wait at {first['step']} (", linked(integer(first["n"]), STEPS), "), half of these for ",
        linked(f"{integer(round(first['days_late']))} days", STEPS), " or longer.",
    ]  # fmt: skip
    return [*parts, *_unticked(found), *_telling(found)]


def _unticked(found: Stuck) -> list[Part]:
    if not found.n_unticked:
        return []
    return cited(
        STUCK,
        f" Another {integer(found.n_unticked)} lack the date of a step, but a later one is done: a "
        "tick is missing there, and they are not counted.",
    )


def _telling(found: Stuck) -> list[Part]:
    """Say only what tells those who wait from the other first contracts."""
    words = {
        "no sponsor": "no sponsor used the product in the last 28 days",
        "early cases": "there were support cases in the first 60 days",
    }
    holds = [row for row in records(found.telling) if row["holds"]]
    told = [
        part
        for row in holds
        for part in cited(
            STUCK, f" At {percent(row['share'])} of them {words[row['trait']]}; at "
            f"{percent(row['share_others'])} of the other first contracts.",
        )
    ]  # fmt: skip
    alike = [row["trait"] for row in records(found.telling) if not row["holds"]]
    if alike:
        names = {"no sponsor": "the use of their sponsors", "early cases": "early support cases"}
        rest = listed([names[name] for name in alike])
        told.append(f" By {rest} they cannot be told from the other first contracts.")
    return told


def saved(found: Fit, late: Stuck, currency: str) -> list[Finding]:
    """Return findings ``fit-of-sale`` and ``stuck-in-onboarding``.

    Parameters
    ----------
    found : Fit
    late : Stuck
    currency : str
    """
    holds = bool(found.columns["holds"].any()) if len(found.columns) else False
    verdict = "too_little_data" if found.why_not else "associated" if holds else "none"
    top = float(found.columns["p"].iloc[0]) if len(found.columns) else None
    money = float(late.accounts["arr"].sum()) if not late.why_not else None
    return [
        Finding("fit-of-sale", sale(found)[0].text, top, unit="p", n=found.n, verdict=verdict,
                table=COLUMNS),
        Finding("stuck-in-onboarding", stuck(late, currency)[0].text, money, unit=currency,
                n=len(late.accounts), table=STUCK,
                verdict="too_little_data" if late.why_not else None),
    ]  # fmt: skip
