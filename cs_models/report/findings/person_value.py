"""What persons are worth, and what came with those who moved, in words.

Grain in: what ``evidence.person_value`` returned.  Grain out: statements for the page.
"""

from __future__ import annotations

from cs_models.report.display import Statement
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence.person_value import FIRST, Worth
from cs_models.report.findings.amounts import about, counted
from cs_models.report.findings.words import Part, cited, linked
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number, percent

Said = list[Statement]
# Below so much of a person's value left by use alone, the weights say more than the use.
_HELD = 0.5


def worth(found: Worth, currency: str) -> Said:
    """Say what was handed out to persons, and how much of it is a look far ahead.

    Parameters
    ----------
    found : Worth
    currency : str
        ISO 4217 code.
    """
    if found.value is None:
        words = f"No person's value can be told: {found.why_not}."
        return [Statement.of("finding", words, verdict="too_little_data", id="worth-said")]
    sums = found.value.accounts[["paid", "to_come", "handed_paid", "handed_to_come"]].sum()
    handed = float(sums["handed_paid"] + sums["handed_to_come"])
    years = found.value.assumptions.horizon_years
    out = [
        Statement.of(
            "finding", "Customers have brought ",
            linked(about(float(sums["paid"]), currency), anchors.ACCOUNTS),
            " of margin since the records began and are expected to bring ",
            linked(about(float(sums["to_come"]), currency), anchors.ACCOUNTS), " within ",
            linked(f"{years} years", anchors.ASSUMED), ". Of this ",
            linked(about(handed, currency), anchors.ACCOUNTS), " is handed out to ",
            linked(counted(len(found.value.persons), "person"), anchors.PERSONS),
            ", by role first (weights stated below), within a role by use; never more than the "
            "customer's own.",
            id="worth-said",
        ),
        _weighed(found),
    ]  # fmt: skip
    if found.not_ahead:
        words = f"Nothing to come is valued: {found.not_ahead}."
        out.append(Statement.of("caution", *cited(anchors.ASSUMED, words), id="ahead-said"))
    elif found.value.far:
        words = (
            f"{percent(found.value.beyond)} of the value to come lies beyond the time any customer "
            "has been followed: read the order of persons, not the amounts."
        )
        out.append(Statement.of("caution", *cited(anchors.ACCOUNTS, words), id="beyond-said"))
    return [*out, moved(found)]


def _weighed(found: Worth) -> Statement:
    """Say how much the order of persons hangs on the stated weights."""
    assert found.value is not None
    first = min(FIRST, len(found.value.persons))
    equal, alone = (found.value.kept(name, FIRST) for name in ("equal_weights", "use_alone"))
    top = found.value.persons.head(FIRST)
    middle = (top["use_alone"] / top["value"].where(top["value"] > 0)).median()
    shaky = 2 * min(equal, alone) < first or middle < _HELD
    advice = (
        " The amounts, and part of the order, rest on the weights more than on what persons did."
        if shaky
        else ""
    )
    return Statement.of(
        "caution" if shaky else "note", *cited(
            anchors.PERSONS, f"Of the {counted(first, 'person')} first in this order, ",
        linked(integer(equal), anchors.PERSONS), " stay among the first with equal weights of the "
        "roles, and ", linked(integer(alone), anchors.PERSONS),
        " if use alone counted. By use alone, half of them would be valued at "
        f"{percent(middle)} of what stands here, or less.{advice}"),
        id="weights-said",
    )  # fmt: skip


def moved(found: Worth) -> Statement:
    """Say how many persons served several customers, and what went with their arrival.

    Parameters
    ----------
    found : Worth
    """
    if found.value is None or found.effect is None:
        return Statement.of("note", "Nobody can be followed.", id="moved-said")
    if found.cannot_follow:
        return Statement.of("caution", f"Value stays inside each customer: {found.cannot_follow}.",
                            id="moved-said")  # fmt: skip
    n, use = found.value.n_movers, found.effect.use
    start = (
        f"{counted(n, 'person')} {'was' if n == 1 else 'were'} followed from one customer to "
        "another. "
    )
    if not n:
        return Statement.of("note", "Nobody moved from one customer to another.", id="moved-said")
    if use.difference != use.difference:
        rest = (
            f"Only {counted(use.n_with, 'arrival')} can be compared: too few to say what went on."
            if use.n_with else "No arrival can be compared, so what went on cannot be said."
        )  # fmt: skip
        return Statement.of("note", *_moves(start + rest), verdict="too_little_data",
                            id="moved-said")  # fmt: skip
    ratio, low, high = found.effect.use_ratio
    rest = (
        "From the term before an arrival to the term after it, use went on "
        f"{number(ratio, 2)} times as high as in other customers of the segment and age "
        f"({interval(low, high, 'number', 2)}; {integer(use.n_with)} arrivals)"
    )
    end = "." if use.clear else ". This cannot be told from no difference."
    return Statement.of("finding", *_moves(start + rest + end), id="moved-said")


def _moves(words: str) -> list[Part]:
    return cited(anchors.EFFECT, words)


def saved(found: Worth, currency: str) -> list[Finding]:
    """Return the findings for ``results.json``.

    Parameters
    ----------
    found : Worth
    currency : str
        ISO 4217 code.
    """
    said = worth(found, currency)
    if found.value is None:
        return [Finding("person-value", said[0].text, verdict="too_little_data")]
    sums = found.value.accounts[["handed_paid", "handed_to_come"]].sum()
    out = [
        Finding("person-value", said[0].text, float(sums.sum()), unit=currency,
                n=len(found.value.persons), table=anchors.PERSONS)
    ]  # fmt: skip
    use = None if found.effect is None else found.effect.use
    if use is not None and use.difference == use.difference and found.effect is not None:
        out.append(
            Finding("movers-use", moved(found).text, *found.effect.use_ratio, "ratio", use.n_with,
                    table=anchors.EFFECT)
        )  # fmt: skip
    return out
