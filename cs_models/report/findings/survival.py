"""How long customers stay, where they leave and why, in words.

Grain in: the frames of ``evidence.survival`` and ``evidence.survival_groups``.  Grain out:
statements for the page.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cs_models.learn.survival import Curves, Sorting
from cs_models.report.display import Statement
from cs_models.report.evidence import survival as evidence
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import History, Untold
from cs_models.report.evidence.survival_groups import Groups
from cs_models.report.findings.words import Part, chance, cited, linked, listed
from cs_models.report.values import integer, interval, number, percent

FEW_LOST = 10
CLEAR = 0.05
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")


def contract(months: float) -> str:
    """Return a length of contract in words: "12-month contracts"."""
    return "monthly contracts" if months == 1 else f"{months:g}-month contracts"


def renewal(number_of: Any) -> str:
    """Return the number of a renewal in words: "first"."""
    return _PLACES[int(number_of) - 1]


def answer(past: History, renewals: pd.DataFrame, groups: Groups | Untold) -> list[Statement]:
    """Say how many of a hundred stay, at which renewal most go, and who goes soonest.

    Parameters
    ----------
    past : History
    renewals : DataFrame
        What ``evidence.survival.renewals`` returned.
    groups : Groups or Untold
    """
    lost = int(past.lifetimes["lost"].sum())
    own = evidence.commonest(renewals)
    if own.empty or lost < FEW_LOST:
        return [Statement.of("answer", *_too_little(past, lost, own), verdict="too_little_data",
                             id="answer")]  # fmt: skip
    return [
        Statement.of("answer", *hundred_parts(own), id="answer"),
        Statement.of("answer", *risk_parts(own), id="answer-risk"),
        Statement.of("answer", *who_parts(groups), id="answer-who"),
    ]


def hundred_parts(own: pd.DataFrame) -> list[Part]:
    """Say how many of a hundred customers are still there after each of the first renewals."""
    first = records(own.head(evidence.FIRST))
    said: list[Part] = [f"Of 100 customers who begin with {contract(first[0]['months'])}, "]
    for place, row in enumerate(first):
        between = " and " if place and place == len(first) - 1 else ", " if place else ""
        of_them = " are still there" if not place else ""
        said += [
            between, linked(_of_hundred(row["survival"]), anchors.RENEWALS),
            f"{_ends(row['survival_low'], row['survival_high'])}{of_them} after the "
            f"{renewal(row['opportunity'])}" + ("" if place else " renewal"),
        ]  # fmt: skip
    return cited(anchors.RENEWALS, *said, ".")


def risk_parts(own: pd.DataFrame) -> list[Part]:
    """Say at which renewal most of those who come to it are lost, or that none stands out."""
    rows = records(own)
    most = max(rows, key=lambda row: row["hazard"])
    others = [row for row in rows if row is not most]
    if not others:
        return [
            "Only one renewal has been reached by enough of them: ",
            *_lost_at(most), " are lost at it. Whether later ones are safer is not known yet.",
        ]  # fmt: skip
    least = min(others, key=lambda row: row["hazard"])
    if most["low"] <= least["high"]:
        return [
            "No renewal stands out as the risky one: of those who come to it, ", *_lost_at(most),
            f" are lost at the {renewal(most['opportunity'])} and ", *_lost_at(least),
            f" at the {renewal(least['opportunity'])}, too close to tell apart.",
        ]  # fmt: skip
    return [
        f"The {renewal(most['opportunity'])} renewal is the risky one: ", *_lost_at(most),
        " of those who come to it are lost, against ", *_lost_at(least),
        f" at the {renewal(least['opportunity'])}.",
    ]  # fmt: skip


def who_parts(groups: Groups | Untold) -> list[Part]:
    """Say which group keeps its customers shortest, or that groups cannot be told apart."""
    if isinstance(groups, Untold):
        return cited(anchors.COUNTS, f"Groups of customers cannot be compared: {groups.reason}.")
    means = groups.means.sort_values("mean")
    short, long = records(means.iloc[[0, -1]])
    months = f"of the first {number(short['tau'], 0)} months"
    if groups.p > CLEAR:
        return [
            "Groups of customers cannot be told apart in how long they stay: between ",
            linked(number(short["mean"], 1), anchors.MEANS), " and ",
            linked(number(long["mean"], 1), anchors.MEANS), f" {months} on average.",
        ]  # fmt: skip
    return [
        f"{short['group']} customers leave soonest: they stay ",
        linked(number(short["mean"], 1), anchors.MEANS), f" {months} on average, ",
        f"{long['group']} customers ", linked(number(long["mean"], 1), anchors.MEANS), ".",
    ]  # fmt: skip


def doubt(past: History, renewals: pd.DataFrame) -> Statement:
    """Say what is not known yet."""
    lives = past.lifetimes
    there = int((lives["lost"] == 0).sum())
    longest = float(lives["months"].max()) if len(lives) else 0.0
    own = evidence.commonest(renewals)
    seen: list[Part] = []
    if len(own):
        last = int(own["opportunity"].max())
        seen = [
            f" With {contract(own['months'].iloc[0])} enough customers have come to ",
            linked(f"{last} renewal{'s' if last > 1 else ''}", anchors.RENEWALS),
            "; of later ones nothing is said.",
        ]  # fmt: skip
    return Statement.of(
        "caution", "Not known yet: ", linked(integer(there), anchors.COUNTS), " of ",
        linked(integer(len(lives)), anchors.COUNTS), *cited(
            anchors.COUNTS, " customers are still there, and none has been one for longer than "
            f"{number(longest, 0)} months.",
        ), *seen,
        " Everything here is what past customers did; those who begin today may differ.",
        id="doubt",
    )  # fmt: skip


def stay(lives: pd.DataFrame, curves: Curves) -> list[Statement]:
    """Say when half of the customers are gone, and what ignoring late entry would have said."""
    if lives.empty:
        return [Statement.of("finding", "No customer's time was recorded.", id="stay-said")]
    said = [
        Statement.of("finding", *_median(records(curves.summary)[0]), id="stay-said"),
        Statement.of("finding", *_late(evidence.late_entry(lives)), id="late-said"),
    ]
    shown = bool(curves.summary["last_time"].notna().any())
    if shown and bool(curves.summary["thin_start"].any()):
        said.append(
            Statement.of(
                "caution",
                "Some customers were lost while fewer than ten had entered the records: the whole "
                "curve hangs on these few.",
                id="thin-said",
            )
        )
    return said


def sorting(own: pd.DataFrame, fit: Sorting | Untold) -> Statement:
    """Say whether rising renewal is more than sorting."""
    if isinstance(fit, Untold):
        return Statement.of("finding", _cannot("Whether loyalty grows", fit),
                            verdict="too_little_data", id="sorting-said")  # fmt: skip
    first, last = records(own.iloc[[0, -1]])
    ends: list[Part] = [
        linked(percent(1 - first["hazard"]), anchors.SORTING), " at the first renewal and ",
        linked(percent(1 - last["hazard"]), anchors.SORTING),
        f" at the {renewal(last['opportunity'])}",
    ]  # fmt: skip
    if fit.verdict == "no trend":
        parts: list[Part] = [
            "Neither shows: the share that renews is ", *ends,
            ", no more apart than luck would show were every renewal alike.",
        ]  # fmt: skip
    elif fit.verdict == "sorting":
        alone = fit.retention([1, int(last["opportunity"])])
        parts = [
            "The share that renews is ", *ends, ". That need not be loyalty that grows. If "
            "customers differ in how likely they are to leave, and none ever changes, the likely "
            "ones go first and the loyal remain. The share would then be ",
            linked(percent(alone[0]), anchors.SORTING), " and ",
            linked(percent(alone[1]), anchors.SORTING),
            ", and nothing here speaks against that. Renewal that rises so is no sign of customers "
            "who grow loyal.",
        ]  # fmt: skip
    else:
        parts = [
            "The share that renews is ", *ends, ", in a course that the likely leavers going "
            "first does not give by itself. Something else changes from one renewal to the next: "
            "the customers, the product, or who was won in which year. Which, this cannot say.",
        ]  # fmt: skip
    return Statement.of("finding", *parts, id="sorting-said")


def groups(found: Groups | Untold) -> list[Statement]:
    """Say how far groups are apart in the months they stay, and who is not spoken of."""
    if isinstance(found, Untold):
        return [Statement.of("finding", _cannot("Whether groups differ", found),
                             verdict="too_little_data", id="groups-said")]  # fmt: skip
    pairs = found.differences.sort_values("difference", key=lambda values: -values.abs())
    pair = records(pairs)[0]
    size, low, high = (pair[name] for name in ("difference", "low", "high"))
    more, less = pair["group"], pair["against"]
    if size < 0:
        more, less, size, low, high = less, more, -size, -high, -low
    parts: list[Part] = [
        f"Of the first {number(found.means['tau'].iloc[0], 0)} months, {more} customers stay ",
        linked(number(size, 1), anchors.PAIRS),
        f" months more than {less} customers (95 % interval ", linked(_span(low, high),
        anchors.PAIRS), "). Were all groups alike, curves at least as far apart as these, over all "
        "their time, would be seen in ",
        linked(chance(found.p), anchors.PAIRS), " of histories", _verdict(found.p, low),
    ]  # fmt: skip
    said = [Statement.of("finding", *parts, id="groups-said")]
    if found.left_out:
        said.append(
            Statement.of(
                "note",
                f"Not spoken of, for too few customers or too few lost: {listed(found.left_out)}.",
                verdict="too_little_data",
                id="groups-out",
            )
        )
    return said


def causes(by: pd.DataFrame) -> Statement:
    """Say how customers were lost, and what counting each cause alone would have overstated."""
    if by.empty:
        return Statement.of("finding", "No customer was lost.", id="causes-said")
    rows = records(by)
    total, alone = float(by["incidence"].sum()), float(by["alone"].sum())
    how = listed([f"{integer(row['n'])} {_HOW[row['cause']]}" for row in rows])
    whole = int(by["n"].sum())
    # Within a month of the start there is no share to show: the counts of the page have to do.
    table = anchors.CAUSES_BY if rows[0]["month"] >= 1 else anchors.COUNTS
    parts: list[Part] = [
        "Lost so far: ", linked(integer(whole), anchors.COUNTS),
        f" customer{'s' if whole > 1 else ''}. ", *cited(table, f"{how}."),
    ]  # fmt: skip
    if rows[0]["month"] < 1:
        return Statement.of("finding", *parts, id="causes-said")
    parts += [
        *cited(anchors.CAUSES_BY, f" Within {number(rows[0]['month'], 0)} months of their start "),
        linked(percent(total), anchors.CAUSES_BY), " were lost in all.",
    ]  # fmt: skip
    if len(rows) > 1:
        parts += [
            " Taken one at a time, as if the other ways out did not exist, they would seem to add "
            "up to ", linked(percent(alone), anchors.CAUSES_BY),
            ". But a customer lost in one way can no longer be lost in another.",
        ]  # fmt: skip
    return Statement.of("finding", *parts, id="causes-said")


_HOW = {
    evidence.AT_RENEWAL: "left by choice at a renewal",
    evidence.EARLY: "left by choice before the renewal date",
    evidence.INVOLUNTARY: "went involuntarily (closed down or taken over)",
}


def _too_little(past: History, lost: int, own: pd.DataFrame) -> list[Part]:
    """Say which of the two is too few: renewals that came, or customers that were lost."""
    came: list[Part] = [linked(integer(len(past.opportunities)), anchors.COUNTS), " renewals came"]
    of_all: list[Part] = [
        linked(integer(lost), anchors.COUNTS), " of ",
        linked(integer(len(past.lifetimes)), anchors.COUNTS), " customers were lost",
    ]  # fmt: skip
    ends = " to say how long customers stay: "
    if own.empty and lost >= FEW_LOST:
        words: list[Part] = [f"Too few customers have come to a renewal{ends}", *came]
    elif own.empty:
        words = [f"Too few customers have come to a renewal or were lost{ends}",
                 *came, " and ", *of_all]  # fmt: skip
    else:
        words = [f"Too few customers were lost{ends}", *of_all, ", though ", *came]
    return [*words, ". What can be shown follows."]


def _median(row: dict[str, Any]) -> list[Part]:
    if row["median"] is None or pd.isna(row["median"]):
        if pd.isna(row["last_time"]):
            return ["Fewer than ten customers were ever watched at once: no curve is shown."]
        return [
            "Half of the customers are not gone yet: up to month ",
            linked(number(row["last_time"], 0), anchors.CURVE),
            ", the last with ten still watched, more than half were there.",
        ]  # fmt: skip
    low, high = row["median_low"], row["median_high"]
    if low is None or pd.isna(low):
        ends = "an interval cannot be given"
    elif high is None or pd.isna(high):
        ends = f"95 % interval: month {number(low, 0)} or later"
    else:
        ends = f"95 % interval: month {number(low, 0)} to {number(high, 0)}"
    return [
        "Half of the customers were gone by month ",
        linked(number(row["median"], 0), anchors.CURVE), *cited(anchors.CURVE, f" ({ends})."),
    ]  # fmt: skip


def _verdict(p: float, low: float) -> str:
    if p <= CLEAR:
        return "."
    return ": a hint at most." if low > 0 else ": no difference to act on."


def _late(late: dict[str, Any]) -> list[Part]:
    if not late["n"]:
        return ["Every customer was watched from the first day."]
    if math.isnan(late["fair"]):
        return [
            linked(integer(late["n"]), anchors.COUNTS),
            " customers had begun before the records do, and count from the day these begin.",
        ]  # fmt: skip
    month = number(late["month"], 0)
    return [
        linked(integer(late["n"]), anchors.COUNTS), " customers had begun before the records do. "
        "Others like them, who left before, were never recorded, so these count from the day the "
        "records begin: after ", linked(month, anchors.CURVE), " months ",
        linked(percent(late["fair"], 1), anchors.CURVE),
        " are still there. Counted from their first day they would have made it look like ",
        linked(percent(late["naive"], 1), anchors.CURVE), ".",
    ]  # fmt: skip


def _cannot(what: str, untold: Untold) -> str:
    return f"{what} cannot be said from this history: {untold.reason}."


def _of_hundred(share: float) -> str:
    return number(100 * share, 0)


def _ends(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    return f" ({number(100 * low, 0)} to {number(100 * high, 0)})"


def _lost_at(row: dict[str, Any]) -> list[Part]:
    return cited(
        anchors.RISK, linked(percent(row["hazard"]), anchors.RISK),
        f" ({interval(row['low'], row['high'])})",
    )  # fmt: skip


def _span(low: float, high: float) -> str:
    return f"{number(low, 1)} to {number(high, 1)} months"
