"""What goes with leaving, adoption fairly timed, what staying is worth, and whether it knew.

Grain in: what ``evidence.survival_drivers``, ``survival_adoption`` and ``survival_value``
returned.  Grain out: statements for the page.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cs_models.learn.survival import MOST_BEYOND
from cs_models.report.display import Statement
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence import survival_due as looked
from cs_models.report.evidence import survival_value as valued
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import Untold
from cs_models.report.evidence.survival_drivers import Drivers
from cs_models.report.evidence.survival_due import Due
from cs_models.report.evidence.survival_value import Foretold, Value
from cs_models.report.findings.words import Part, chance, cited, linked, listed
from cs_models.report.values import integer, interval, money, number, percent

ENOUGH_A_COLUMN = 10  # leavers
CLEAR = 0.05


def level(row: dict[str, Any], end: str, currency: str) -> str:
    """Return an end of a column's range in words: a share, an amount of money, or a number."""
    value = row[end]
    if row["name"] == looked.LEVEL:
        return "reached" if value else "not"
    if row["kind"] == "any":
        return "some" if value else "none"
    if row["name"] == looked.IDLE:
        return percent(value)
    return _about(value, currency) if row["name"] == looked.MONEY else number(value)


def _untold(reason: str, anchor: str) -> Statement:
    return Statement.of("finding", reason, verdict="too_little_data", id=anchor)


def drivers(known: Due, found: Drivers | Untold, currency: str) -> list[Statement]:
    """Say what goes with leaving at a renewal, and what was looked at in vain.

    Parameters
    ----------
    known : Due
    found : Drivers or Untold
    currency : str
        ISO 4217 code.
    """
    if isinstance(found, Untold):
        reason = f"What goes with leaving cannot be said from this history: {found.reason}."
        return [_untold(reason, "drivers-said")]
    rows = records(found.table)
    clear = [row for row in rows if row["clear"]]
    said = [
        Statement.of("finding", *driver_parts(row, currency), id=f"driver-{row['name']}")
        for row in clear
    ]
    if not clear:
        said.append(Statement.of("finding", *_none_clear(found), id="drivers-said"))
    echoes = records(found.echoes)
    said += [Statement.of("finding", *_echo(row), id=f"echo-{row['name']}") for row in echoes]
    told_already = {row["name"] for row in echoes}
    rest = [row["words"] for row in rows if not row["clear"] and row["name"] not in told_already]
    if clear and rest:
        said.append(
            Statement.of("finding", "No clear link, once the others are known: ",
                         f"{listed(rest)}.", id="drivers-unclear")
        )  # fmt: skip
    if known.level_learnt and looked.LEVEL in set(found.table["name"]):
        flattered = (
            "The level of adoption was learnt from these same renewals by the page on adoption "
            "thresholds, which flatters its odds here; what it is worth where it was held out is "
            "said there."
        )
        said.append(Statement.of("note", flattered, id="drivers-level"))
    if known.absent:
        absent = f"Not looked at, for too little of it is recorded: {listed(known.absent)}."
        said.append(Statement.of("note", absent, id="drivers-absent"))
    return [*said, *_alike_later(found)]


def driver_parts(row: dict[str, Any], currency: str) -> list[Part]:
    """Say what one column goes with: chances on both sides, and the odds with their doubt."""
    odds = cited(
        anchors.DRIVERS, " (odds ", linked(number(row["odds"], 2), anchors.DRIVERS),
        f" times as large, {number(row['low'], 2)} to {number(row['high'], 2)}).",
    )  # fmt: skip
    high = linked(percent(row["risk_high"]), anchors.DRIVERS)
    low = linked(percent(row["risk_low"]), anchors.DRIVERS)
    alike = ", all else looked at being alike"
    if row["kind"] == "any":
        return [
            f"With {row['words']}, ", high, " leave by choice at the renewal, without it ", low,
            alike, *odds,
        ]  # fmt: skip
    more, less = (level(row, end, currency) for end in ("high_value", "low_value"))
    went = "fewer" if row["odds"] < 1 else "more"
    return cited(
        anchors.DRIVERS,
        f"{_more(row)} went with {went} losses. With {more} (the upper quarter) ", high,
        f" leave by choice at the renewal, with {less} (the lower quarter) ", low, alike, *odds,
    )  # fmt: skip


def _echo(row: dict[str, Any]) -> list[Part]:
    """Say what is left of a link once it is known who reached the level of adoption."""
    return cited(
        anchors.DRIVERS,
        f"{row['words'][:1].upper()}{row['words'][1:]} echo the level of adoption: without "
        "regard to it the odds of leaving would seem ",
        linked(number(row["odds_alone"], 2), anchors.DRIVERS),
        f" times as large ({number(row['low_alone'], 2)} to {number(row['high_alone'], 2)}); once "
        "it is known who reached it, ", linked(number(row["odds"], 2), anchors.DRIVERS),
        f" ({number(row['low'], 2)} to {number(row['high'], 2)}), which luck may show as well.",
    )  # fmt: skip


def later(found: dict[str, Any] | Untold) -> Statement:
    """Say how the columns did on renewals that came after they were learnt."""
    if isinstance(found, Untold):
        reason = f"Whether this would have foretold later renewals is not known: {found.reason}."
        return _untold(reason, "drivers-later")
    without = (
        " and without the level of adoption, which is not known from then"
        if found["without_level"] else ""
    )  # fmt: skip
    return Statement.of(
        "finding", "Learnt only from the ", linked(integer(found["n_learnt"]), anchors.DRIVERS),
        f" renewals known a year ago{without}, it expected ",
        linked(number(found["expected"], 0), anchors.DRIVERS), " of the ",
        linked(integer(found["n"]), anchors.DRIVERS), " judged since to leave, and ",
        linked(integer(found["left"]), anchors.DRIVERS), " did. Of two of them, one of which left, "
        "it gave the leaver the larger chance in ",
        linked(percent(found["auc"]), anchors.DRIVERS), " of pairs; a coin does so in half of "
        "them.", id="drivers-later",
    )  # fmt: skip


def worth(value: Value | Untold, currency: str) -> list[Statement]:
    """Say how long the contracts that run today are expected to last, and what they would pay."""
    if isinstance(value, Untold):
        reason = f"How long running customers will stay cannot be said: {value.reason}."
        return [_untold(reason, "value-said")]
    whole = records(value.table)[0]
    years = f"{number(whole['years_low'], 1)} to {number(whole['years_high'], 1)}"
    said = [
        Statement.of(
            "finding", *cited(anchors.VALUE, "A contract that runs today is expected to last ",
            linked(number(whole["years"], 1), anchors.VALUE), f" ({years}) of the next "
            f"{value.horizon_years} years. At today's prices the ",
            linked(integer(whole["n_terms"]), anchors.VALUE), " of them would pay ",
            linked(_about(whole["value"], currency), anchors.VALUE), " (",
            f"{_about(whole['value_low'], currency)} to {_about(whole['value_high'], currency)}",
            f") in that time, money a year later counted {percent(value.discount_rate)} less; "
            "undiscounted ", linked(_about(whole["undiscounted"], currency), anchors.VALUE),
            ".", *_in_notice(value, currency), " The intervals hold the doubt about the chances to "
            "renew, and nothing of what may change."), id="value-said",
        )
    ]  # fmt: skip
    share = float(whole["beyond"])
    beyond: list[Part] = [
        *cited(
            anchors.VALUE,
            f"Of what running contracts would pay in the next {value.horizon_years} years, ",
        ),
        linked(percent(share), anchors.VALUE),
        " lies further from a customer's beginning than ten have been followed",
    ]
    if share > MOST_BEYOND:
        text = (
            f". Above {percent(MOST_BEYOND)} it is more a continuation of the past than a "
            "finding: plan with the next renewals, not with the whole sum."
        )
        more = cited(anchors.VALUE, text)
        said.append(Statement.of("caution", *beyond, *more, id="value-beyond"))
    else:
        said.append(Statement.of("note", *beyond, ".", id="value-beyond"))
    return said


def _in_notice(value: Value, currency: str) -> list[Part]:
    """Say what running contracts are left out."""
    if not value.n_in_notice:
        return []
    which = "contract" if value.n_in_notice == 1 else "contracts"
    return [
        " Left out of both: ", linked(integer(value.n_in_notice), anchors.VALUE),
        f" {which} in notice ({_about(value.arr_in_notice, currency)} a year).",
    ]  # fmt: skip


def foretold(found: Foretold | Untold) -> list[Statement]:
    """Say what would have been said a year ago, and what came true."""
    if isinstance(found, Untold):
        reason = f"It cannot be judged by the last year: {found.reason}."
        return [_untold(reason, "foretold-said")]
    models = {row["model"]: row for row in records(found.table)}
    own = models[valued.BY_RENEWAL]
    parts: list[Part] = [
        f"From what was known on {found.day.isoformat()}, this page would have expected ",
        linked(number(own["expected"], 0), anchors.MODELS), " of the ",
        linked(integer(found.n), anchors.MODELS), " customers that ran then to be lost within "
        "twelve months; ", linked(integer(found.lost), anchors.MODELS), " were.", *_error(own),
        *_when(found.horizons), *_fits(own, found.thirds),
    ]  # fmt: skip
    return [
        Statement.of("finding", *parts, id="foretold-said"),
        *_of_time(models),
    ]


def _error(own: dict[str, Any]) -> list[Part]:
    skill = 1 - own["brier"] / own["null"]
    if skill <= 0:
        return [" Its error was no smaller than that of giving every customer the same curve."]
    return [
        " Its error was ", linked(percent(skill), anchors.MODELS),
        " smaller than that of giving every customer the same curve.",
    ]  # fmt: skip


def _when(horizons: pd.DataFrame) -> list[Part]:
    known = [row for row in records(horizons) if not pd.isna(row["auc"])]
    if not known:
        return []
    said: list[Part] = [
        " Of two customers, one of whom was lost by then and one not, it gave the lost one the "
        "larger chance in "
    ]
    for place, row in enumerate(known):
        between = "" if not place else " and " if place == len(known) - 1 else ", "
        said += [between, linked(percent(row["auc"]), anchors.HORIZONS),
                 f" of pairs at {number(row['month'], 0)} months" if not place else
                 f" at {number(row['month'], 0)}"]  # fmt: skip
    return cited(anchors.HORIZONS, *said, ". A coin does so in half of them. What it knows is "
                 "mostly who has a renewal ahead.")  # fmt: skip


def _fits(own: dict[str, Any], thirds: pd.DataFrame) -> list[Part]:
    """Say for which thirds of the customers the chance was right, within luck."""
    off = [row for row in records(thirds) if not row["low"] <= row["said"] <= row["high"]]
    said: list[Part] = []
    if not off:
        said.append(" For each third of the customers the chance was right, within luck.")
    for row in off:
        said += [
            f" Of those {row['third']} it said ", linked(percent(row["said"]), anchors.THIRDS),
            " would be lost, and ", linked(percent(row["rate"]), anchors.THIRDS),
            *cited(anchors.THIRDS, f" ({interval(row['low'], row['high'])}) were."),
        ]  # fmt: skip
    if own["fit_p"] <= CLEAR:
        said.append(" Over the year its chances were off by more than luck allows.")
    return said


def _about(amount: float, currency: str) -> str:
    """Write money with three digits that count."""
    digits = 3 - len(str(abs(round(amount))))
    return money(round(amount, min(digits, 0)), currency)


def _of_time(models: dict[str, dict[str, Any]]) -> list[Statement]:
    curves = [models[name] for name in (valued.WEIBULL, valued.LOGNORMAL) if name in models]
    if not curves:
        return []
    best = min(curves, key=lambda row: row["aic"])
    own = models[valued.BY_RENEWAL]
    verdict = "more" if best["brier"] > own["brier"] else "less"
    return [
        Statement.of(
            "finding", "A smooth curve of time that knows no renewal dates (the ",
            linked(valued.NAMES[best["model"]], anchors.MODELS), " one fits the past better)"
            if len(curves) > 1 else " one)", f" erred {verdict}: by ",
            linked(number(best["brier"], 3), anchors.MODELS), " on average against ",
            linked(number(own["brier"], 3), anchors.MODELS), " (squared errors).",
            id="foretold-time",
        )
    ]  # fmt: skip


def _none_clear(found: Drivers) -> list[Part]:
    left, columns = found.model.n_events, len(found.model.coefficients)
    few: list[Part] = [
        " With ", linked(integer(left), anchors.DRIVERS),
        " leavers only strong links could have shown.",
    ]  # fmt: skip
    return [
        "None of what was looked at goes clearly with leaving, once the others are known.",
        *(few if left < ENOUGH_A_COLUMN * columns and len(found.table) else []),
    ]


def _alike_later(found: Drivers) -> list[Statement]:
    if math.isnan(found.p_same):
        return []
    if found.differs:
        words = (
            "Not alike at the first renewal and at later ones: "
            f"{listed(list(found.differs))}. The figure shows one link for both, a mean."
        )
        return [Statement.of("caution", words, id="drivers-alike")]
    verdict = (
        "No change of these links from the first renewal to later ones can be told"
        if found.p_same > CLEAR else
        "Taken together these links are not quite the same at the first renewal and at later "
        "ones, though no single one stands out"
    )  # fmt: skip
    return [
        Statement.of("note", f"{verdict} (chance alone would show as much change in ",
                     linked(chance(found.p_same), anchors.DRIVERS), " of histories).",
                     id="drivers-alike")
    ]  # fmt: skip


def _more(row: dict[str, Any]) -> str:
    """Return "more of it" in words."""
    higher = row["name"] in (looked.NPS, looked.MONEY)
    return f"{'A higher' if higher else 'More'} {row['words']}"
