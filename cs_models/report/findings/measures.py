"""How much of the product is adopted, in words.

Grain in: ``evidence.measures.Told``.  Grain out: statements for the page, findings for
``results.json``; both made from the same numbers.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cs_models.features import adoption
from cs_models.features.measures.adopted import judged_after
from cs_models.report.display import Statement, num
from cs_models.report.evidence.measures import Told
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import contracts
from cs_models.report.findings.words import Part, chance, cited, listed, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number

ADOPTED, ADOPTION, FEATURES, FIRST, VALUE, ONBOARD, STEPS, ROLES, SEATS, AREAS, GROUPS = (
    "adopted-table", "adoption-table", "features-table", "first-use-table", "value-table",
    "onboard-table", "steps", "roles-table", "seats-table", "areas-table", "groups",
)  # fmt: skip
ADOPTED_BY = "adopted-by"


def answer(told: Told) -> list[Statement]:
    """Say how many use what they bought, what they take up, and how soon.

    Parameters
    ----------
    told : Told
    """
    said = [("answer-adopted", adopted_parts(told)), ("answer-use", use_parts(told)),
            ("answer-soon", soon_parts(told))]  # fmt: skip
    return [Statement.of("answer", *parts, id=name) for name, parts in said if parts]


def why_not(told: Told, measure: str, id: str) -> Statement | None:  # noqa: A002
    """Return why a measure cannot be answered; None where it can.

    Parameters
    ----------
    told : Told
    measure : str
        "M1", "adopted", ….
    id : str
        Anchor of the statement.
    """
    if measure not in told.why:
        return None
    return Statement.of("caution", f"This cannot be answered: {told.why[measure]}.",
                        verdict="too_little_data", id=id)  # fmt: skip


def adopted_parts(told: Told) -> list[Part]:
    """Say how many contracts are adopted by the definition in force, or why that is not told."""
    if told.definition is None:
        return [f"Whether a customer has adopted is not told: {told.why['adopted']}."]
    row = _one(told.adopted_by, "all")
    words = meaning(told)
    if row is None:
        return cited(
            ADOPTED_BY, f"By the definition in force ({words}), no contract could be judged yet."
        )
    began = f" that began since {told.adopted['cohort_month'].min()}" if len(told.adopted) else ""
    return cited(
        ADOPTED_BY, _share(row, ADOPTED_BY), f" of {contracts(row['n'])}{began} had adopted, "
        f"those included that ended later. The definition in force: {words}.",
    )  # fmt: skip


def short(told: Told) -> str:
    """Say how many contracts were over before they could be judged, and whose they were."""
    if told.definition is None:
        return ""
    day = integer(judged_after(told.definition))
    parts = []
    for column in ("n_early", "n_by_term"):
        rows = records(told.too_short[told.too_short[column] > 0])
        of = ", ".join(f"{r['segment']} {integer(r[column])}" for r in rows)
        n = int(told.too_short[column].sum())
        by_terms = f"of no more than {day} days by {'its' if n == 1 else 'their'} terms"
        why = f"ended early, before day {day}" if column == "n_early" else by_terms
        if rows:
            parts.append(f"{contracts(n)} {why} ({of})")
    return f" Left out: {', and '.join(parts)}." if parts else ""


def meaning(told: Told) -> str:
    """Say the definition in force, for the segments whose contracts were judged."""
    if told.definition is None:
        return ""
    return adoption.words(told.definition, _segments(told))


def _segments(told: Told) -> list[str] | None:
    """Return the segments of the contracts that were judged, where the definition is by them."""
    if told.definition is None or told.definition.segment_by != "segment":
        return None
    judged = told.adopted_by[told.adopted_by["by"] == "segment"] if len(told.adopted_by) else None
    return None if judged is None or judged.empty else judged["group"].astype(str).tolist()


def use_parts(told: Told) -> list[Part]:
    """Say how many of those entitled used the product in the last complete month."""
    if "M1" in told.why:
        return [f"How many use the product is not told: {told.why['M1']}."]
    row = told.adoption.iloc[-1]
    parts: list[Part] = [f"In {row['month']}, "]
    if row["n"] > 0:
        seats = "seats bought" if row["seats_known"] >= 0.5 else "users seen in 90 days"
        parts += cited(
            ADOPTION, _share(row, ADOPTION), f" of {integer(row['n'])} {seats} were used."
        )
    top = told.features.head(1)
    if len(top):
        first = records(top)[0]
        parts += [f" Most taken up is {first['feature']}: ", _share(first, FEATURES),
                  " of active users."]  # fmt: skip
    return parts


def soon_parts(told: Told) -> list[Part]:
    """Say how long it takes to value and to onboard."""
    parts: list[Part] = []
    if "M4" not in told.why:
        for row in records(told.value.table.head(1)):
            parts += [
                "From purchase to value (",
                *cited(VALUE, str(row["way"])),
                "): ",
                wait(row, VALUE),
                ". ",
            ]
    if "M5" not in told.why:
        timely = _one(told.onboard_timely, "all")
        parts += ["To be onboarded: ", wait(records(told.onboard.table)[0], ONBOARD)]
        if timely is not None:
            parts += ["; ", _share(timely, ONBOARD), " had finished by the due date"]
        parts += ["."]
    return parts


def wait(row: dict[str, Any], table: str) -> Part:
    """Say a median wait with its interval, or that half never got there while followed."""
    if row["median"] is None or pd.isna(row["median"]) or math.isinf(float(row["median"])):
        words = f"fewer than half of {integer(row['n'])} got there while they were followed"
        return num(words, f"#{table}")
    ends = [row["median_low"], row["median_high"]]
    between = " to ".join("not reached" if _none(end) else number(end, 0) for end in ends)
    return num(f"half within {number(row['median'], 0)} days ({between})", f"#{table}")


def breaks(told: Told) -> Statement | None:
    """Say at which onboarding step the first customers fall behind."""
    steps = told.steps[told.steps["value"].notna()] if len(told.steps) else told.steps
    if steps.empty:
        return None
    rows = records(steps)
    first, worst = rows[0], min(rows, key=lambda row: row["value"])
    parts: list[Part] = [
        f"On time at the first step ({first['milestone']}): ", _share(first, STEPS), ". ",
    ]  # fmt: skip
    if worst is not first and worst["high"] < first["low"]:
        parts += [f"The step most often late is {worst['milestone']}: ", _share(worst, STEPS),
                  " on time."]  # fmt: skip
    else:
        parts += ["No later step is clearly more often late than the first: the delay begins "
                  "there and is carried along."]  # fmt: skip
    return Statement.of("finding", *parts, id="breaks")


def rhythms(told: Told) -> Statement:
    """Say how usual rhythms differ, and whether more stand below theirs than among renewers."""
    known = told.roles[told.roles["median"].notna()] if len(told.roles) else told.roles
    if known.empty:
        why = told.why.get("roles", "too few contracts have renewed to tell a rhythm from")
        return Statement.of("caution", f"No role's own rhythm is known: {why}.",
                            verdict="too_little_data", id="rhythm-said")  # fmt: skip
    said = [f"{r['role']} {number(r['median'], 0)}" for r in records(known)]
    over = [r["role"] for r in records(known) if r["below_low"] > 0.25]
    tail = (
        " In accounts that renewed, one user in four came more seldom than the lower end of the "
        f"rhythm; today clearly more than one in four do among: {listed(over)}."
        if over
        else " In no role do clearly more than one user in four come more seldom than the lower "
        "end of the rhythm, as one in four did in accounts that renewed."
    )
    words = (
        "In how many of twelve weeks the middle user of a role used the product, in accounts that "
        f"renewed: {', '.join(said)}.{tail}"
    )
    return Statement.of("finding", *cited(ROLES, words), id="rhythm-said")


def seats(told: Told) -> Statement:
    """Say how many seats were never activated, and who uses more than was bought."""
    known = told.accounts[told.accounts["seats_known"].astype(bool)]
    row = _find(told.groups, "seats never activated")
    over = int(known["over_use"].sum())
    parts: list[Part] = [
        "Of the seats bought by running customers, ", _share(row, SEATS), " have no open login "
        "that was ever used. "
    ] if row is not None else []  # fmt: skip
    parts += cited(SEATS, f"{integer(over)} of {integer(len(known))} customers have more active "
                   "users than seats.")  # fmt: skip
    return Statement.of("finding", *parts, id="seats-said")


def saved(told: Told) -> list[Finding]:
    """Return the page's answers for ``results.json``.

    Parameters
    ----------
    told : Told
    """
    found = []
    for name, parts, table in (
        ("adopted", adopted_parts(told), ADOPTED_BY), ("use", use_parts(told), ADOPTION),
        ("soon", soon_parts(told), VALUE),
    ):  # fmt: skip
        if parts:
            found.append(Finding(id=f"measures-{name}", statement="".join(map(text, parts)),
                                 table=table))  # fmt: skip
    return found


def _share(row: Any, table: str) -> Part:
    words = chance(float(row["value"]))
    if not pd.isna(row["low"]):
        words += f" ({interval(row['low'], row['high'], digits=0 if row['value'] >= 0.1 else 1)})"
    return num(words, f"#{table}")


def _one(frame: pd.DataFrame, by: str) -> dict[str, Any] | None:
    rows = records(frame[frame["by"] == by]) if len(frame) else []
    return rows[0] if rows else None


def _find(groups: pd.DataFrame, name: str) -> dict[str, Any] | None:
    return _one(groups[groups["name"] == name], "all")


def _none(value: Any) -> bool:
    return value is None or bool(pd.isna(value)) or math.isinf(float(value))
