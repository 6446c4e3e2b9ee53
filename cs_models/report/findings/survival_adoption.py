"""Whether reaching adoption goes with staying, in words.

Grain in: the frames of ``evidence.survival_adoption``.  Grain out: statements for the page.
"""

from __future__ import annotations

from typing import Any

from cs_models.report.display import Statement
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import Untold
from cs_models.report.evidence.survival_adoption import CLEAR, Compared, Reached
from cs_models.report.findings.words import Part, chance, cited, linked
from cs_models.report.values import integer, number


def adoption(found: Reached | Untold, compared: Compared | Untold) -> list[Statement]:
    """Say how often customers leave once they have reached adoption, fairly timed and naively."""
    if isinstance(found, Untold):
        return [_untold(f"Adoption cannot be timed: {found.reason}.", "adoption-said")]
    # Without a comparison no table shows what adopted means.
    of_it: list[Part] = [f"{meaning(found)}."]
    shown = not isinstance(compared, Untold)
    meant = Statement.of("note", *(cited(anchors.ADOPTION, *of_it) if shown else of_it),
                         *_from(found), id="adoption-meant",
                         verdict=None if shown else "too_little_data")  # fmt: skip
    if isinstance(compared, Untold):
        reason = f"Staying with and without it cannot be compared: {compared.reason}."
        return [_untold(reason, "adoption-said"), meant]
    rows = {row["how"]: row for row in records(compared.table)}
    parts: list[Part] = [
        *(_changing(found, compared, rows) if "early" in rows else _same(found, compared, rows)),
        " Setting those that ever did against those that never did would have said ",
        linked(number(rows["naive"]["ratio"], 2), anchors.ADOPTION), " times. But whoever stays "
        "longer has more time to do it: that comparison would find a difference where there is "
        "none.",
    ]  # fmt: skip
    return [Statement.of("finding", *parts, id="adoption-said"), meant]


def meaning(found: Reached) -> str:
    """Say what is compared: adoption as all pages have it, or a level of this page alone."""
    named = "Compared is here" if found.why else "Adopted means here"
    return f"{named}: {found.words}"


def _untold(reason: str, anchor: str) -> Statement:
    return Statement.of("finding", reason, verdict="too_little_data", id=anchor)


def _same(found: Reached, compared: Compared, rows: dict[str, dict[str, Any]]) -> list[Part]:
    """Say one ratio for all times, or that one is a mean of times that differ."""
    row, same = rows["timed"], compared.p_same > CLEAR
    opening = "At any time" if same else "On the mean of all times"
    luck: list[Part] = [
        " Whether the ratio changes over a customer's time cannot be told: "
        if same else " The ratio changes over a customer's time, though how cannot be told: ",
        "were it the same throughout, as much change would be seen in ",
        linked(chance(compared.p_same), anchors.ADOPTION), " of histories.",
    ]  # fmt: skip
    return [
        f"{opening}, customers that had {found.did} left at ", *_times(row),
        f"the rate of those of the same group{_length(compared)} that had not yet",
        "." if _clear(row) else ": no difference that can be told.", *luck,
    ]  # fmt: skip


def _changing(found: Reached, compared: Compared, rows: dict[str, dict[str, Any]]) -> list[Part]:
    """Say the ratio early and late: one for all times is refuted."""
    day = linked(integer(round(compared.cut_day)), anchors.ADOPTION)
    return [
        f"Customers that had {found.did} left at ", *_times(rows["early"]),
        f"the rate of those of the same group{_length(compared)} that had not yet, up to day ",
        day, " (by which half of those that left had done so)", *_untold_side(rows["early"]),
        ", and at ", *_times(rows["late"]), "that rate later", *_untold_side(rows["late"]),
        ". One ratio for all times is refuted: were there one, as much change would be seen in ",
        linked(chance(compared.p_same), anchors.ADOPTION), " of histories.",
    ]  # fmt: skip


def _times(row: dict[str, Any]) -> list[Part]:
    return cited(
        anchors.ADOPTION, linked(number(row["ratio"], 2), anchors.ADOPTION),
        f" times ({number(row['low'], 2)} to {number(row['high'], 2)}) ",
    )  # fmt: skip


def _untold_side(row: dict[str, Any]) -> list[Part]:
    return [] if _clear(row) else [", no difference that can be told"]


def _clear(row: dict[str, Any]) -> bool:
    return bool(row["low"] > 1 or row["high"] < 1)


def _length(compared: Compared) -> str:
    return " and length of contract" if compared.n_lengths > 1 else ""


def _from(found: Reached) -> list[Part]:
    """Say whence the level is, and what that does to the comparison."""
    if found.learnt:
        return [
            " It is the level that the page on adoption thresholds announced, and was learnt from "
            "the same customers, which flatters the difference; what the level is worth where it "
            "was held out is said there.",
        ]  # fmt: skip
    if not found.chosen_on:
        return []
    return [
        f" No level of adoption is in force ({found.why}), so this one was chosen on a random half "
        "of the customers (", linked(integer(found.chosen_on), anchors.COUNTS),
        "): the feature whose early use tells leavers from stayers best, and its count in the "
        "median term. The other half is compared. No other page means this by adoption.",
    ]  # fmt: skip
