"""Where customers and users are on the way, how they move and where it breaks, in words.

Grain in: the frames of ``evidence.journey``.  Grain out: statements for the page.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cs_models.learn.journey import Breaks
from cs_models.report.display import Statement
from cs_models.report.evidence import journey as evidence
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.evidence.journey import Ahead, Journey
from cs_models.report.evidence.rules import records
from cs_models.report.findings.words import Part, linked, listed
from cs_models.report.values import integer, interval, money, number, percent

_SAID_USUALLY = 90  # days that the field says the adoption stage usually lasts


def called(name: str) -> str:
    """Return a stage's name as it stands in a sentence."""
    return name.replace("_", " ")


def answer(
    followed: Journey,
    today: pd.DataFrame,
    adopted: pd.DataFrame,
    lasting: pd.DataFrame,
    broken: Breaks,
    currency: str,
    by_day: int,
) -> list[Statement]:
    """Say where customers are, how soon they adopt, and where the way breaks.

    Parameters
    ----------
    followed : Journey
        Of accounts.
    today, adopted, lasting : DataFrame
        What ``evidence.journey`` returned.
    broken : Breaks
    currency : str
        ISO 4217 code.
    by_day : int
        Day since the customer began by which adoption is asked for.
    """
    if followed.now.empty:
        return [Statement.of("answer", "No customer was seen on any day.", id="answer",
                             verdict="too_little_data")]  # fmt: skip
    return [
        Statement.of("answer", *_where(followed, today, currency), id="answer"),
        Statement.of("answer", *_soon(adopted, lasting, by_day), id="answer-adopted"),
        Statement.of("answer", *break_parts(broken, currency), id="answer-break"),
    ]


def untold(followed: Journey, people: Journey) -> list[Statement]:
    """Say which stages, or parts of their rules, the records cannot tell."""
    said = []
    for journey, whose in ((followed, "customers"), (people, "users")):
        for found, words in (
            (journey.told.dropped, "cannot be told and is left out"),
            (journey.told.shortened, "is told without a part of its rule"),
        ):
            said += [
                Statement.of(
                    "caution", f"The stage “{called(name)}” of {whose} {words}: {why}.",
                    id=f"untold-{whose}-{name}".replace("_", "-"),
                )
                for name, why in found.items()
            ]  # fmt: skip
    return said


def break_parts(broken: Breaks, currency: str) -> list[Part]:
    """Say which move off the way is most in excess, and whether chance would do it."""
    if broken.table.empty:
        return [
            "Where the way breaks cannot be said: no two stages have lost enough customers to be "
            "compared."
        ]
    worst = records(broken.table)[0]
    size: list[Part] = [
        linked(integer(worst["observed"]), anchors.BREAKS), " moved from ", called(worst["stage"]),
        " to ", called(worst["to"]), ", where ",
        linked(number(worst["expected"], 0), anchors.BREAKS), " were to be expected if all stages "
        "lost alike",
    ]  # fmt: skip
    of_all = f"the intervals of all {broken.n_pairs} moves compared hold together"
    if not worst["clear"]:
        return [
            "No move off the way is clearly more frequent than it would be by chance; the largest "
            "excess: ", *size, f" ({of_all}).",
        ]  # fmt: skip
    arr: list[Part] = []
    if worst["arr_low"] > 0:
        arr = [", and ", linked(money(worst["arr_excess"], currency), anchors.BREAKS),
               " of yearly money more"]  # fmt: skip
    return [
        "The way breaks first here: ", *size, f": {number(worst['excess'], 0)} too many "
        f"({number(worst['low'], 0)} to {number(worst['high'], 0)}; {of_all})", *arr, ".",
    ]  # fmt: skip


def stay_parts(lasting: pd.DataFrame) -> list[Part]:
    """Say how long the first stages last, against the ninety days that the field speaks of."""
    told = [row for row in records(lasting) if not math.isnan(row["median"])]
    if not told:
        return ["How long a stage lasts cannot be said: none has ten stays seen from their start."]
    parts: list[Part] = ["Half of those who enter have moved on from "]
    for place, row in enumerate(told[:3]):
        between = "" if not place else " and " if place == len(told[:3]) - 1 else ", "
        parts += [
            f"{between}{called(row['stage'])} after ",
            linked(number(row["median"], 0), anchors.LASTING), f"{_ends(row)} days",
        ]  # fmt: skip
    return [*parts, "."]


def usual_parts(adopted: pd.DataFrame) -> list[Part]:
    """Say by which day half of the customers are adopted, against the usual ninety."""
    whole = adopted[adopted["group"] == evidence.WHOLE]
    if whole.empty:
        return []
    half = float(whole["half_day"].iloc[0])
    often = f"The field says that adoption usually takes about {_SAID_USUALLY} days. "
    if math.isnan(half):
        return [f"{often}Here fewer than half have been adopted in all the time that was watched."]
    return [f"{often}Here half of the customers were adopted by day ",
            linked(number(half, 0), anchors.ADOPTED), "."]  # fmt: skip


def adopted_said(adopted: pd.DataFrame, why_not: str, by_day: int) -> list[Statement]:
    """Say how many are adopted by a day, and whether groups differ."""
    if adopted.empty:
        words = f"How many are adopted by day {by_day} cannot be said: {why_not}."
        return [Statement.of("finding", words, id="adopted-said")]
    rows = records(adopted)
    said = [Statement.of("finding", *_chance(rows[0], by_day), " ", *usual_parts(adopted),
                         id="adopted-said")]  # fmt: skip
    groups = [row for row in rows[1:] if not math.isnan(row["chance"])]
    if len(groups) > 1:
        low, high = (pick(groups, key=lambda row: row["chance"]) for pick in (min, max))
        apart = low["high"] < high["low"]
        words = (
            "is where adoption comes soonest"
            if apart
            else "cannot be told from the others: its interval reaches into theirs"
        )
        said.append(
            Statement.of(
                "finding", f"{high['group']} {words}: ",
                linked(percent(high["chance"]), anchors.ADOPTED),
                f" ({interval(high['low'], high['high'])}) by day {by_day}, against ",
                linked(percent(low["chance"]), anchors.ADOPTED),
                f" ({interval(low['low'], low['high'])}) of {low['group']}.",
                id="adopted-groups",
            )
        )  # fmt: skip
    return said


def lasting_said(lasting: pd.DataFrame) -> Statement:
    """Say how long the stages of the way last."""
    return Statement.of("finding", *stay_parts(lasting), id="lasting-said")


def ahead_said(found: Ahead) -> list[Statement]:
    """Say whether the past of a customer matters for its next move."""
    past = found.past
    if math.isnan(past.p):
        words = "Too few moves to say whether the next one depends on what was before."
        return [Statement.of("finding", words, id="past-said")]
    if not past.matters:
        return [
            Statement.of(
                "finding", "How long a customer has been in a stage, and where it came from, does "
                "not go with its next move beyond chance: all in one stage may be taken as alike.",
                id="past-said",
            )
        ]  # fmt: skip
    strong = past.table.sort_values("p_adjusted")
    first = records(strong)[0]
    return [
        Statement.of(
            "finding", "Customers in one stage are not alike: how long they have been there, and "
            "where they came from, goes with the next move, most of all from ",
            linked(called(first["stage"]), anchors.PAST), f" to {called(first['to'])}. So the "
            "chances below are those of customers who were in the stage on that very day, not of "
            "all who ever were.",
            id="past-said",
        )
    ]  # fmt: skip


def stuck_said(stuck: pd.DataFrame, after: pd.DataFrame, currency: str) -> list[Statement]:
    """Say how many are in an early stage for longer than three in four were, and what that meant.

    Parameters
    ----------
    stuck, after : DataFrame
        What ``evidence.journey.stuck`` and ``after_long`` returned.
    currency : str
        ISO 4217 code.
    """
    if stuck.empty:
        words = "No customer has been in an early stage for longer than three in four were."
        return [Statement.of("finding", words, id="stuck-said")]
    said = [
        Statement.of(
            "finding", linked(integer(len(stuck)), anchors.STUCK), " customers, ",
            linked(money(stuck["arr"].sum(), currency), anchors.STUCK), " of yearly money, have "
            "been in an early stage for longer than three in four of those before them.",
            id="stuck-said",
        )
    ]  # fmt: skip
    row = after[["n_long", "lost_long", "n_short", "lost_short"]].sum()
    if row["n_long"] and row["n_short"]:
        said.append(
            Statement.of(
                "finding", "Of past customers who took so long, ",
                f"{integer(row['lost_long'])} of {integer(row['n_long'])} "
                f"({percent(row['lost_long'] / row['n_long'])}) then went into trouble or left "
                "instead of moving on; of the quicker ones "
                f"{integer(row['lost_short'])} of {integer(row['n_short'])} "
                f"({percent(row['lost_short'] / row['n_short'])}).",
                id="stuck-before",
            )
        )  # fmt: skip
    return said


def users_said(people: Journey, today: pd.DataFrame, lasting: pd.DataFrame) -> list[Statement]:
    """Say where the users are, and how soon an invited one begins."""
    if people.why_not:
        words = f"Where users are on their way cannot be said: {people.why_not}."
        return [Statement.of("finding", words, id="users-said")]
    rows = [row for row in records(today) if not math.isnan(row["share"]) and row["n"]]
    parts: list[Part] = ["Of all logins that have not been taken away, "]
    for place, row in enumerate(sorted(rows, key=lambda row: -row["n"])[:3]):
        between = "" if not place else " and " if place == 2 else ", "
        parts += [between, linked(percent(row["share"]), anchors.USERS),
                  f" are {called(row['stage'])}"]  # fmt: skip
    first = records(lasting)[0]
    if not math.isnan(first["median"]):
        parts += [
            f". Half of those {called(first['stage'])} have moved on after ",
            linked(number(first["median"], 0), anchors.USERS), " days",
        ]  # fmt: skip
    return [Statement.of("finding", *parts, ".", id="users-said")]


def _where(followed: Journey, today: pd.DataFrame, currency: str) -> list[Part]:
    rules = followed.rules
    running = today[~today["stage"].isin(rules.of("ended"))]
    n = int(running["n"].sum())
    best = rules.path[rules.path.index(evidence.ADOPTED) :] if (
        evidence.ADOPTED in rules.path) else ()  # fmt: skip
    groups = [
        (listed([called(name) for name in best]).replace(" and ", " or "), best),
        ("on the way there", [name for name in rules.path if name not in best]),
        (listed([called(name) for name in rules.of("beside")]).replace(" and ", " or "),
         rules.of("beside")),
    ]  # fmt: skip
    parts: list[Part] = ["Of ", linked(integer(n), anchors.TODAY), " customers today"]
    for place, (words, names) in enumerate(pair for pair in groups if pair[1]):
        own = running[running["stage"].isin(names)]
        parts += [
            ", " if place else " ", linked(integer(own["n"].sum()), anchors.TODAY),
            f" ({money(own['arr'].sum(), currency)}) are {words}",
        ]  # fmt: skip
    return [*parts, "."]


def _soon(adopted: pd.DataFrame, lasting: pd.DataFrame, by_day: int) -> list[Part]:
    whole = [row for row in records(adopted) if not math.isnan(row["chance"])]
    return _chance(whole[0], by_day) if whole else stay_parts(lasting)


def _chance(row: dict[str, Any], by_day: int) -> list[Part]:
    if math.isnan(row["chance"]):
        return [f"Too few customers were watched to say how many are adopted by day {by_day}."]
    return [
        "Of 100 customers that begin, ",
        linked(number(100 * row["chance"], 0), anchors.ADOPTED),
        f" ({number(100 * row['low'], 0)} to {number(100 * row['high'], 0)}) are adopted by day "
        f"{by_day}.",
    ]  # fmt: skip


def _ends(row: dict[str, Any]) -> str:
    if math.isnan(row["low"]):
        return ""
    high = "later" if math.isnan(row["high"]) else number(row["high"], 0)
    return f" ({number(row['low'], 0)} to {high})"
