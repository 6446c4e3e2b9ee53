"""How use ramps up, in sentences.

Grain in: the frames of ``report/evidence/ramps.py``.  Grain out: statements for the page and
findings for ``results.json``.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from cs_models.learn.ramps import ALL_USE, LEFT, RENEWED
from cs_models.report.display import Statement
from cs_models.report.evidence.ramps import Ramp
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, contracts, customers
from cs_models.report.findings.words import Part, linked, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, number, percent

WEEKS, TENTHS, BELOW, TAKE_UP = (
    "ramp-table", "tenths-table", "below-ramp-table", "take-up-table",
)  # fmt: skip
PLATEAU: Final = 0.9
EXPECTED: Final = 0.1


def ramp(found: Ramp, currency: str) -> list[Statement]:
    """Say when use is usually up, and how many running customers are below the usual.

    Parameters
    ----------
    found : Ramp
    currency : str
        ISO 4217 code.
    """
    if found.usual.weeks["p50"].isna().all():
        return [
            Statement.of(
                "caution", "The usual ramp cannot be told: fewer than 20 past contracts of one "
                "length were watched from their first day.", verdict="too_little_data",
                id="ramp-said",
            )
        ]  # fmt: skip
    said = [Statement.of("finding", *_usual(found), id="ramp-said")]
    if len(found.standing):
        said.append(Statement.of("finding", *_below(found, currency), id="below-ramp-said"))
    return said


def full_week(found: Ramp, outcome: str = RENEWED) -> tuple[int, float] | None:
    """Return the week by which the middle contract is at 90 % of its year's level, and the level.

    Parameters
    ----------
    found : Ramp
    outcome : str, default "renewed"

    Returns
    -------
    tuple of (int, float) or None
        The level is the median over the second half of the contract of the weekly medians.
    """
    weeks = found.usual.weeks
    own = weeks[(weeks["use"] == ALL_USE) & (weeks["outcome"] == outcome)]
    own = own.dropna(subset=["p50"]).sort_values("week")
    if len(own) < 2:
        return None
    level = float(own["p50"].iloc[len(own) // 2 :].median())
    there = own[own["p50"] >= PLATEAU * level]
    return (int(there["week"].iloc[0]), level) if len(there) and level > 0 else None


def _usual(found: Ramp) -> list[Part]:
    full = full_week(found)
    parts: list[Part] = [
        "Learnt from ", linked(contracts(found.usual.n_renewed), WEEKS), " that renewed and ",
        linked(integer(found.usual.n_left), WEEKS), " that left, all of ",
        linked(f"{found.term_months} months", WEEKS), " and watched from their first day. ",
    ]  # fmt: skip
    if full is None:
        return [*parts, "The middle contract never shows steady use."]
    parts += [
        "The middle contract that renewed is at its usual level by week ",
        linked(integer(full[0]), WEEKS), " (", linked(number(full[1]), WEEKS),
        " uses per seat and week)",
    ]  # fmt: skip
    other = full_week(found, LEFT)
    if other is not None:
        parts += ["; of those that left, the middle one settled at ",
                  linked(number(other[1]), WEEKS)]  # fmt: skip
    return [*parts, "."]


def _below(found: Ramp, currency: str) -> list[Part]:
    below = found.standing[found.standing["below"]]
    # A customer may run several contracts of that length at once.
    n_below, n = below["account_id"].nunique(), found.standing["account_id"].nunique()
    if not (found.standing["usual_low"] > 0).any():
        return [
            "Who uses less than usual cannot be told by the ramp: of the contracts of ",
            linked(f"{found.term_months} months", BELOW), " that renewed, a tenth were "
            "not used at all in such weeks, so that none of ", linked(customers(n), BELOW),
            " can stand below them.",
        ]  # fmt: skip
    return [
        "Today ", linked(customers(n_below), BELOW), " of ",
        linked(integer(n), BELOW), " (", linked(percent(n_below / n), BELOW),
        ") stand under the lowest tenth of the renewed for their week, with ",
        linked(about(float(below["arr"].sum()), currency), BELOW), " a year. One in ten of those "
        "who renewed stood there too: it is a reason to look, not a verdict.",
    ]  # fmt: skip


def take_up(table: pd.DataFrame, rows: pd.DataFrame) -> list[Statement]:
    """Say how fast new features are tried.

    Parameters
    ----------
    table : DataFrame
        What ``ramps.take_up`` of ``learn`` returned.
    rows : DataFrame
        One row per (feature, account) behind it.
    """
    if table.empty:
        return [
            Statement.of(
                "note", "No feature appeared after the records began, so nobody can be slow to "
                "take up a new one.", id="take-up-said",
            )
        ]  # fmt: skip
    parts: list[Part] = []
    for row in records(table):
        waiting = int(((rows["feature"] == row["feature"]) & (rows["used"] == 0)
                       & rows["running"].astype(bool)).sum())  # fmt: skip
        when: list[Part] = (
            ["half had tried it after ", linked(f"{integer(row['median'])} days", TAKE_UP)]
            if row["median"] is not None
            else ["half have not tried it yet"]
        )
        parts += [" " if parts else "", f"{row['feature']}: ", *when, "; ",
                  linked(customers(waiting), TAKE_UP), " of today have not."]  # fmt: skip
    return [Statement.of("finding", *parts, id="take-up-said")]


def saved(found: Ramp, currency: str) -> list[Finding]:
    """Return findings ``ramp`` (week of full use) and ``below-ramp``.

    Parameters
    ----------
    found : Ramp
    currency : str
    """
    full = full_week(found)
    statement = ramp(found, currency)[0].text
    out = [
        Finding("ramp", statement, full[0] if full else None, unit="week",
                n=found.usual.n_renewed, table=WEEKS,
                verdict=None if full else "too_little_data")
    ]  # fmt: skip
    if len(found.standing):
        below = found.standing[found.standing["below"]]
        words = "".join(map(text, _below(found, currency)))
        out.append(Finding("below-ramp", words, float(below["arr"].sum()), unit=currency,
                           n=below["account_id"].nunique(), table=BELOW))  # fmt: skip
    return out
