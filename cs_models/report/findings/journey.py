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
from cs_models.report.evidence.journey import Journey
from cs_models.report.evidence.journey_chances import Ahead
from cs_models.report.evidence.rules import records
from cs_models.report.findings.journey_breaks import break_parts, called
from cs_models.report.findings.words import Part, cited, linked, listed, text
from cs_models.report.values import integer, interval, money, number, percent

_ALPHA = 0.05


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
        *_now_below(followed, today, currency),
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
                    "caution", f"The stage “{called(name)}” of {whose} {words}: ",
                    *cited(anchors.RULES if whose == "customers" else anchors.USER_RULES, why), ".",
                    id=f"untold-{whose}-{name}".replace("_", "-"),
                )
                for name, why in found.items()
            ]  # fmt: skip
    return said


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
    return cited(anchors.LASTING, *parts, ".")


def usual_parts(adopted: pd.DataFrame) -> list[Part]:
    """Say by which day half of the customers are adopted, against the usual ninety."""
    whole = adopted[adopted["group"] == evidence.WHOLE]
    if whole.empty:
        return []
    half = float(whole["half_day"].iloc[0])
    often = "The field says that adoption usually takes about ninety days. "
    if math.isnan(half):
        return [f"{often}Here fewer than half reached the level in all the time that was watched."]
    return [f"{often}Here half of the customers had reached the level by day ",
            linked(number(half, 0), anchors.ADOPTED), "; it is judged in the first days of each "
            "contract, so that who misses it waits for the next."]  # fmt: skip


def adopted_said(adopted: pd.DataFrame, why_not: str, by_day: int) -> list[Statement]:
    """Say how many are adopted by a day, and whether groups differ."""
    if adopted.empty:
        words = f"How many are adopted early cannot be said: {why_not}."
        return [Statement.of("finding", words, verdict="too_little_data", id="adopted-said")]
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
                *cited(
                    anchors.ADOPTED, linked(percent(high["chance"]), anchors.ADOPTED),
                    f" ({interval(high['low'], high['high'])}) by day {by_day}, against ",
                    linked(percent(low["chance"]), anchors.ADOPTED),
                    f" ({interval(low['low'], low['high'])}) of ",
                ),
                f"{low['group']}.", id="adopted-groups",
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
    return [*said, *_after(after)]


def _after(after: pd.DataFrame) -> list[Statement]:
    """Say what came after the long day, for each stage in which the two sides are apart.

    Both sides are short of the level, so that this is not the gap at the level once more.
    """
    known = records(after[after["p"].notna()])
    if not known:
        return []
    apart = [row for row in known if row["p"] * len(known) <= _ALPHA]  # one test a stage
    if not apart:
        words = (
            "Whether staying so long goes with being lost cannot be told: of customers of the same "
            "group and age, with as many days to the renewal and short of the level as well, those "
            "who had come further were lost about as often"
        )
        return [Statement.of("finding", f"{words} (", *_shares(known[0]), ").", id="stuck-before")]
    shares = [part for row in apart for part in ["; ", *_shares(row)]][1:]
    often = {row["long"] > row["moved"] for row in apart}
    how = "not as often as" if len(often) > 1 else "more often than" if True in often else (
        "less often than"
    )  # fmt: skip
    return [
        Statement.of(
            "finding", f"Those who came to that point asked to cancel or left within a year {how} "
            "customers of the same group and age who had come further and were short of the level "
            "as well, with as many days to the renewal. Counted ", *shares, ".", id="stuck-before",
        )
    ]  # fmt: skip


def _shares(row: dict[str, Any]) -> list[Part]:
    return cited(
        anchors.AFTER,
        f"on day {integer(row['day'])} of {called(row['stage'])}, {percent(row['long'])} of "
        f"{integer(row['n_long'])} still in it against {percent(row['moved'])} of "
        f"{integer(row['n_moved'])}, a difference of {number(100 * row['low'], 0)} to "
        f"{number(100 * row['high'], 0)} points",
    )


def users_said(people: Journey, today: pd.DataFrame, lasting: pd.DataFrame) -> list[Statement]:
    """Say where the users are, and how soon an invited one begins."""
    if people.why_not:
        words = f"Where users are on their way cannot be said: {people.why_not}."
        return [Statement.of("finding", words, verdict="too_little_data", id="users-said")]
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


def sums(followed: Journey, today: pd.DataFrame, currency: str) -> str:
    """Say what the answer adds up over stages, for the table of the stages.

    Parameters
    ----------
    followed : Journey
    today : DataFrame
        What ``evidence.journey.today`` returned.
    currency : str
        ISO 4217 code.
    """
    below = [part for one in _now_below(followed, today, currency) for part in one.parts]
    told = " ".join(["".join(map(text, _where(followed, today, currency))),
                     "".join(map(text, below))])  # fmt: skip
    return told.strip()


def _where(followed: Journey, today: pd.DataFrame, currency: str) -> list[Part]:
    rules = followed.rules
    running = today[~today["stage"].isin(rules.of("ended"))]
    n = int(running["n"].sum())
    best, beside = _best(followed), rules.of("beside")
    groups = [
        (f"are {_either(best)}", best), ("are on the way there", rules.early),
        (f"are beside the way ({_either(beside)})", beside),
    ]  # fmt: skip
    parts: list[Part] = ["Of ", linked(integer(n), anchors.TODAY), " customers today"]
    for place, (words, names) in enumerate(pair for pair in groups if pair[1]):
        own = running[running["stage"].isin(names)]
        parts += [
            ", " if place else " ", linked(integer(own["n"].sum()), anchors.TODAY),
            *cited(anchors.TODAY, f" ({money(own['arr'].sum(), currency)}) {words}"),
        ]  # fmt: skip
    return [*parts, "."]


def _now_below(followed: Journey, today: pd.DataFrame, currency: str) -> list[Statement]:
    """Say how many of those who came so far once are below the level in their running contract."""
    if today["n_below"].isna().all():
        return []
    running = today[~today["stage"].isin(followed.rules.of("ended"))]
    own = running[running["stage"].isin(_best(followed))]
    if not own["n"].sum():
        return []
    parts: list[Part] = [
        "A stage says what was reached at any time. Of these ", integer(own["n"].sum()), ", ",
        linked(integer(own["n_below"].sum()), anchors.TODAY),
        f" ({money(own['arr_below'].sum(), currency)}) are below the adoption level in their "
        "running contract, as ", linked(integer(running["n_below"].sum()), anchors.TODAY),
        f" ({money(running['arr_below'].sum(), currency)}) of all customers are",
    ]  # fmt: skip
    late = int(own["n_open"].sum())
    if late:
        parts += [f"; for {integer(late)} it cannot be said yet"]
    return [Statement.of("answer", *cited(anchors.TODAY, *parts, "."), id="answer-below")]


def _best(followed: Journey) -> tuple[str, ...]:
    rules = followed.rules
    return tuple(name for name in rules.path if name not in rules.early)


def _either(names: tuple[str, ...]) -> str:
    return listed([called(name) for name in names]).replace(" and ", " or ")


def _soon(adopted: pd.DataFrame, lasting: pd.DataFrame, by_day: int) -> list[Part]:
    whole = [row for row in records(adopted) if not math.isnan(row["chance"])]
    return _chance(whole[0], by_day) if whole else stay_parts(lasting)


def _chance(row: dict[str, Any], by_day: int) -> list[Part]:
    if math.isnan(row["chance"]):
        return ["Too few customers were watched to say how many are adopted early."]
    return cited(
        anchors.ADOPTED, "Of 100 customers that begin, ",
        linked(number(100 * row["chance"], 0), anchors.ADOPTED),
        f" ({number(100 * row['low'], 0)} to {number(100 * row['high'], 0)}) have reached the "
        f"adoption level by day {by_day}; with those who reached a goal of their own instead, ",
        linked(number(100 * row["arrived"], 0), anchors.ADOPTED), " have arrived.",
    )  # fmt: skip


def _ends(row: dict[str, Any]) -> str:
    if math.isnan(row["low"]):
        return ""
    high = "later" if math.isnan(row["high"]) else number(row["high"], 0)
    return f" ({number(row['low'], 0)} to {high})"
