"""What calling by the chance was worth beside calling everybody and nobody, in words.

Grain in: what ``evidence.net_benefit`` found.  Grain out: statements and findings.
"""

from __future__ import annotations

from cs_models.report.display import Statement
from cs_models.report.evidence import net_benefit as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.net_benefit import Benefit
from cs_models.report.findings.words import Part, linked
from cs_models.report.results import Finding
from cs_models.report.values import number, percent


def said(found: Benefit) -> Statement:
    """Say what calls from one chance on were worth, and whether luck may have made the gap."""
    row, table = found.row, evidence.TABLE
    parts: list[Part] = [
        "At a chance of ", linked(percent(found.at), table), " or more, calls by the chance were "
        "worth as much as ", linked(number(row["model"], 1), table), " leavers found without a "
        "wrong call in ", linked("100", table), " contracts; calling everybody, ",
        linked(number(row["all"], 1), table), "; calling nobody, nothing",
    ]  # fmt: skip
    if "crm" in row:
        parts += ["; as many calls by the CRM's score, ", linked(number(row["crm"], 1), table)]
    parts += [". ", *_ahead(row), *_price(found)]
    return Statement.of("finding", *parts, id="benefit-said")


def findings(called: Calls | None) -> list[Finding]:
    """Return how far calls by the chance were ahead of the better of calling all and none."""
    if called is None or called.benefit is None:
        return []
    row = called.benefit.row
    return [Finding(
        id="net-benefit", statement=said(called.benefit).text, value=row["ahead"],
        low=row["ahead_low"], high=row["ahead_high"], unit="leavers per 100 contracts",
        n=int(row["n"]), table=evidence.TABLE,
    )]  # fmt: skip


def _ahead(row: dict[str, float]) -> list[Part]:
    """Say how far the chance is from the better of calling everybody and nobody."""
    low, high = row["ahead_low"], row["ahead_high"]
    if low != low:
        return ["With so few customers nobody can say what luck makes of the difference."]
    rival = "everybody" if row["all"] > 0 else "nobody"
    way = "more" if row["ahead"] >= 0 else "less"
    ends = (low, high) if way == "more" else (-high, -low)  # of the gap as the sentence turns it
    luck = "which luck may have made" if low <= 0 <= high else "more than luck would make"
    return [
        f"That is {way} than calling {rival}, the better of the two, by ",
        linked(number(abs(row["ahead"]), 1), evidence.TABLE), " (",
        linked(" to ".join(number(end, 1) for end in ends), evidence.TABLE), f"), {luck}.",
    ]  # fmt: skip


def _price(found: Benefit) -> list[Part]:
    """Say why calls are made from there on, and what a wrong one is therefore counted off at."""
    table = evidence.TABLE
    odds = linked(number(found.at / (1 - found.at), 2), table)
    if found.save_rate is None:
        return [" From that chance on a contract counts as at risk; a wrong call takes off ", odds,
                " of a leaver found."]  # fmt: skip
    return [" At that chance a call just pays for a contract of the mean ARR, if it keeps ",
            linked(percent(found.save_rate), table), " of those who would leave: so a wrong call "
            "takes off ", odds, " of a leaver found."]  # fmt: skip
