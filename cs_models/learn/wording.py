"""Rules and findings in plain words, and never a causal one.

Grain in: rows of the ``thresholds`` table.  Grain out: sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cs_models.features import catalogue

FITS_BEST = "fits best"  # of a level other than the one announced


def level(cut: float, below: float) -> str:
    """Write a cut with as few digits as still draw the same line.

    Parameters
    ----------
    cut : float
        The smallest observed value of the upper side.
    below : float
        The largest observed value of the lower side.
    """
    for digits in range(7):
        scale = 10.0**digits
        rounded = math.floor(cut * scale + 1e-9) / scale
        if below < rounded <= cut:
            return f"{rounded:,.{digits}f}".replace(",", " ")
    return f"{cut:.17g}"


def counted(column: str, members: Sequence[tuple[str, float]] = ()) -> str:
    """Say what a rule counts: "report_shared events in the first 60 days of the term".

    Parameters
    ----------
    column : str
        Panel column.
    members : sequence of (str, float), default ()
        Columns and levels of a rule of the kind "k of these".
    """
    if not members:
        return _label(column)
    measures = [(catalogue.parse(name), amount) for name, amount in members]
    said = [f"{amount:g} {each.feature}" for each, amount in measures if each is not None]
    days = next(each.days for each, _ in measures if each is not None)
    return (
        f"of these {len(members)} actions ({', '.join(said)} events or more) in the first {days} "
        "days of the term"
    )


def rule_text(what: str, cut: float, below: float, min_users: int, direction: str) -> str:
    """Say a rule: "at least 12 report_shared events in the first 60 days of the term".

    Parameters
    ----------
    what : str
        What is counted: see ``counted``.
    cut, below : float
        See ``level``.
    min_users : int
        Users asked for; 1 is not said.
    direction : {"at_least", "at_most"}
        Which side renews more.
    """
    text = f"at least {level(cut, below)} {what}"
    if min_users > 1 and not math.isfinite(below):
        text = f"{what} by at least {min_users} users"
    elif min_users > 1:
        text += f", by at least {min_users} users"
    if direction == "at_least":
        return text
    return f"fewer than {text.removeprefix('at least ')}" if min_users <= 1 else f"no {text}"


def percent(rate: float) -> str:
    """Write a rate as whole percent."""
    return f"{100 * rate:.0f} %"


def finding(row: Mapping[str, Any]) -> str:
    """Say one rule's finding in a sentence: rates either side, gap, doubt, n.

    The gap and its interval compare customers of the same stratum, as the test does; the rates
    are those that anybody can count.
    """
    good, other = row["rate_above"], row["rate_below"]
    gap, low, high = row["lift_within_strata"], row["lift_low"], row["lift_high"]
    if row["direction"] == "at_most":
        good, other, gap, low, high = other, good, -gap, -high, -low
    where = "Customers" if row["segment"] is None else f"In {row['segment']}, customers"
    doubt = (
        f"among like customers a gap of {100 * gap:.0f} points, between {100 * low:.0f} and "
        f"{100 * high:.0f} once everything that was tried is allowed for ({row['n_terms']:,} "
        "terms)."
    )
    first, last = f"{row['cut_low']:,.4g}", f"{row['cut_high']:,.4g}"
    shaped = shape(row["verdict"], row["direction"])
    if not row["cut_localised"] or row["verdict"] == "gradual":
        more, fewer = ("more", "fewer") if row["direction"] == "at_least" else ("fewer", "more")
        anywhere = (
            "" if row["cut_localised"]
            else f" No single level stands out: anything from {first} to {last} fits."
        )  # fmt: skip
        return (
            f"{where} with {more} {row['counted']} renewed {percent(good)} of the time, "
            f"those with {fewer} {percent(other)}, at the best split; {doubt}{anywhere} {shaped}"
        )
    best = best_beside(row)
    level_is = (
        "No other level that could be tried fits as well." if first == last
        else f"Levels from {first} to {last} fit as well{f'; {best} {FITS_BEST}' if best else ''}."
    )  # fmt: skip
    return (
        f"{where} with {row['rule']} renewed {percent(good)} of the time, the others "
        f"{percent(other)}; {doubt} {level_is} {shaped}"
    )


def best_beside(row: Mapping[str, Any]) -> str:
    """Return the level that explains the outcomes best, where it is not the one announced.

    Parameters
    ----------
    row : mapping
        A row of ``Search.table`` with a cut.

    Returns
    -------
    str
        At most four digits; empty where the announced level fits best, or reads the same.
    """
    best = row.get("cut_best")
    if best is None or math.isnan(best):
        return ""
    words = f"{best:,.4g}"
    return "" if words == f"{row['cut']:,.4g}" else words


def shape(verdict: str, direction: str = "at_least") -> str:
    """Say what the tests of the shape say: a step, a slope, or neither.

    Parameters
    ----------
    verdict : str
        ``sharp``, ``tentative``, ``gradual`` or ``associated``.
    direction : {"at_least", "at_most"}, default "at_least"
        Which side renews more.
    """
    more = "more" if direction == "at_least" else "fewer"
    said = {
        "sharp": "It is a tipping point: renewal changes in a step at this level, which a smooth "
        "curve does not explain.",
        "tentative": "It looks like a level, but a curve that levels off cannot be ruled out.",
        "gradual": f"No tipping point shows: more use goes with {more} renewals, all along the "
        "scale.",
    }
    return said.get(verdict, "It goes with renewal; whether as a step or a slope is undecided.")


def _label(column: str) -> str:
    measure = catalogue.parse(column)
    return column if measure is None else measure.label()


def nothing(
    counts: Mapping[str, Any], p_best: float, p_given_covariates: float | None = None
) -> str:
    """Say that the search found nothing, why, and what it would have found.

    Parameters
    ----------
    counts : mapping
        ``Search.counts``.
    p_best : float
        Adjusted p of the best rule against shuffled histories.
    p_given_covariates : float, optional
        Its p given calendar and mix of customers, when the shuffles alone would have let it pass.
    """
    why = (
        f"the best of {counts['n_rules']:,} rules tried is one that chance alone would match in "
        f"{percent(p_best)} of histories."
        if p_given_covariates is None
        else "what stands out against chance is explained by when the contracts started and by the "
        "mix of customers."
    )
    smallest = counts["smallest_lift"]
    power = (
        "" if smallest is None
        else f" A gap of {100 * smallest:.0f} points or more between two halves of the customers "
        "would most likely have been found."
    )  # fmt: skip
    return (
        "No use of the product was found that separates the customers who renew from those who "
        f"leave: {why}{power}"
    )


def too_little(n_churned_accounts: int, needed: int, scope: str | None = None) -> str:
    """Say that the history is too short to look for a threshold."""
    where = "" if scope is None else f" in {scope}"
    if n_churned_accounts >= needed:
        return f"No level of use has enough customers on both sides{where} to be compared."
    return (
        f"The history{where} is too short to look for a threshold: {n_churned_accounts} customers "
        f"have left, and at least {needed} are needed."
    )


def headline(rows: Sequence[Mapping[str, Any]], silent: Sequence[str] = ()) -> str:
    """Say at most three findings, those of the leading signals.

    Parameters
    ----------
    rows : sequence of mapping
        Signals, best first.
    silent : sequence of str
        Segments in which no threshold was found, said when there is room.
    """
    spoken: set[str | None] = set()
    sentences: list[str] = []
    for row in rows:
        if row["segment"] not in spoken and len(sentences) < 3:
            spoken.add(row["segment"])
            sentences.append(finding(row))
    if silent and len(sentences) < 3:
        sentences.append(f"No threshold was found in {' and '.join(silent)}.")
    return " ".join(sentences)
