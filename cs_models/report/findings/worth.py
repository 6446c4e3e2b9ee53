"""The use or the kind of customer, and what a play is worth, in words.

Grain in: the frames of ``report/evidence/worth.py``.  Grain out: statements for the page and
findings for ``results.json``, made from the same numbers.  A weighted gap is a gap still: what
goes together is said to go together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.learn.policy import Play
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence.alike import NOTICEABLE, experiment_size
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.worth import Worth
from cs_models.report.findings.words import Part, lift, linked, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, money, number, percent

NO_RULE_ALIKE = "No level was announced, so there is no gap to explain."
NO_RULE_WORTH = "No level was announced, so there is no use of the product to build a play on."
NO_PLAY = (
    "To see below which level a call or a training pays for itself, state in the parameter play "
    "what it costs, the margin, and the lowest and highest share of leavers that it is believed "
    "to keep."
)
TOO_FEW = "Too few customers stand on one side of the level to compare those who were alike before."
BLANKET = "as a blanket rule by this use alone"
UNRELIABLE = "no level that could be relied on"
UNTOLD = "no level that can be told from one that brings nothing"
NAMED = 4  # of what was made alike; the table has them all
MOST_SHOWN = 1000  # an E-value beyond this says no more than this


def alike(frame: pd.DataFrame, n_below: Mapping[int, int], *, announced: bool) -> list[Statement]:
    """Say what remains of each gap between customers alike before, and what it would take.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.alike.alike`` returned.
    n_below : mapping of int to int
        By ``rule_id``: customers below the level today.
    announced : bool
        Whether any rule was announced.
    """
    if frame.empty:
        return [Statement.of("finding", TOO_FEW if announced else NO_RULE_ALIKE, id="alike-said")]
    said = [
        Statement.of("finding", *_alike_parts(row), id=f"alike-said-{row['place']}")
        for row in records(frame)
    ]
    return [*said, *_left_apart(frame), *_experiments(frame, n_below)]


def worth(found: Worth, play: Play | None, currency: str, *, announced: bool) -> list[Statement]:
    """Say for each rule's use below which level the play pays, and for how many today.

    Parameters
    ----------
    found : Worth
        What ``evidence.worth.worth`` returned.
    play : Play or None
    currency : str
        ISO 4217 code.
    announced : bool
        Whether any rule was announced.
    """
    if not announced:
        return [Statement.of("finding", NO_RULE_WORTH, id="worth-said")]
    if play is None:
        return [Statement.of("note", NO_PLAY, id="worth-said")]
    if found.rules.empty:
        return [Statement.of("finding", "Too few customers left to say what a play would be worth.",
                             id="worth-said")]  # fmt: skip
    return [
        _assumed(play, currency),
        *(Statement.of(
            "finding", *_worth_parts(rule, found.rates, currency),
            id=f"worth-said-{rule['place']}",
        ) for rule in records(found.rules)),
    ]  # fmt: skip


def saved(frame: pd.DataFrame, found: Worth, currency: str) -> list[Finding]:
    """Return both answers for ``results.json``: ``overlap-1``, ..., ``policy-1``, ....

    A policy's value is what it earns held out at the middle save rate; low and high are the 95 %
    interval of that, customers drawn anew.  What other save rates bring is in the table.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.alike.alike`` returned.
    found : Worth
        What ``evidence.worth.worth`` returned.
    currency : str
        ISO 4217 code.
    """
    like = [
        Finding(
            id=f"overlap-{row['place']}", statement="".join(map(text, _alike_parts(row))),
            value=row["gap"], low=row["low"], high=row["high"], unit="share", n=row["n_terms"],
            table=anchors.ALIKE,
        )
        for row in records(frame)
    ]  # fmt: skip
    for rule in records(found.rules):
        mine = found.rates[found.rates["place"] == rule["place"]].set_index("name")
        like.append(
            Finding(
                id=f"policy-{rule['place']}",
                statement="".join(map(text, _worth_parts(rule, found.rates, currency))),
                value=mine.loc["mid", "net_value_held_out"],
                low=mine.loc["mid", "net_low"], high=mine.loc["mid", "net_high"], unit=currency,
                n=int(mine.loc["mid", "n_terms"]), table=anchors.WORTH,
            )
        )  # fmt: skip
    return like


def _assumed(play: Play, currency: str) -> Statement:
    low, high = (_share(rate) for rate in (play.save_rate_low, play.save_rate_high))
    return Statement.of(
        "finding", "Assumed: the play costs ",
        linked(money(play.cost, currency, 0 if play.cost == int(play.cost) else 2), anchors.WORTH),
        " a customer, keeps between ", low, " and ", high, " of those who would leave, and ",
        _share(play.margin), " of what a customer pays is margin.", id="worth-assumed",
    )  # fmt: skip


def _alike_parts(row: Mapping[str, Any]) -> list[Part]:
    between = interval(row["low"], row["high"], "points").replace("+", "")
    parts: list[Part] = [
        f"{row['group']}: as counted, the two sides are ",
        linked(lift(row["gap_counted"]), anchors.ALIKE), " apart. Between customers who were "
        f"alike before (in {_shortened(row['alike_in'])}) they are ",
        linked(lift(row["gap"]), anchors.ALIKE), " apart (", linked(between, anchors.ALIKE),
        "; as telling as ", linked(integer(row["n_effective_better"]), anchors.ALIKE),
        " terms against ", linked(integer(row["n_effective_worse"]), anchors.ALIKE), ").",
    ]  # fmt: skip
    if row["low"] <= 0:
        return [*parts, " That interval holds no gap at all: the kind of customer may be all there "
                "is to it."]  # fmt: skip
    verdict = (
        " What was known of the customers before explains little of the gap."
        if row["gap"] >= 0.75 * row["gap_counted"]
        else " Part of the gap is the kind of customer."
    )
    return [*parts, verdict, *_hidden(row)]


def _shortened(names: str) -> str:
    """Name the first few of what was made alike."""
    listed = names.split(", ")
    if len(listed) <= NAMED + 1:
        return names or "nothing that is known"
    return f"{', '.join(listed[:NAMED])} and others"


def _hidden(row: Mapping[str, Any]) -> list[Part]:
    """Say the E-values in words (VanderWeele & Ding 2017)."""
    if pd.isna(row["e_value"]):
        return []
    return [
        " To explain it away, something that nobody recorded would have to go with both the use "
        "and leaving ", linked(_fold(row["e_value"]), anchors.ALIKE), " or more; ",
        linked(_fold(row["e_value_limit"]), anchors.ALIKE),
        " would do for the gap to be no longer clear.",
    ]  # fmt: skip


def _fold(e_value: float) -> str:
    if math.isinf(e_value) or e_value > MOST_SHOWN:
        return f"over {MOST_SHOWN:,}-fold"
    return f"{number(e_value, 1)}-fold"


def _left_apart(frame: pd.DataFrame) -> list[Statement]:
    """Say in what the two sides are still not alike."""
    apart = records(frame[(frame["worst_left"] > NOTICEABLE) & (frame["not_alike_in"] != "")])
    if not apart:
        return []
    parts: list[Part] = []
    for row in apart:
        parts += [
            f". In {row['group']} they differ by " if parts else f"The two sides still differ, in "
            f"{row['group']} by ", "up to ", linked(number(row["worst_left"], 2), anchors.BALANCE),
            f" of the spread among customers ({row['not_alike_in']})",
        ]  # fmt: skip
    return [
        Statement.of("caution", *parts, ". There were too few customers to compare within these as "
                     "well.", id="apart")
    ]  # fmt: skip


def _experiments(frame: pd.DataFrame, n_below: Mapping[int, int]) -> list[Statement]:
    """Say how large an experiment would have to be, from the low end of each interval."""
    sized = experiments(frame, n_below)
    if sized.empty:
        return []
    groups, whole, half, today = (
        sized[name].tolist() for name in ("group", "n_whole", "n_half", "n_today")
    )
    return [
        Statement.of(
            "finding", "Worth an experiment: make an offer, drawn by lot, to customers on the "
            "side that renewed less. Suppose all who get it cross the level, and renewal follows "
            "by the low end of the interval above. Then eight such experiments in ten would show "
            "it with this many customers who get the offer, and as many who do not: ",
            *_each(groups, whole, anchors.ALIKE),
            ". If only half of them cross: ", *_each(groups, half, anchors.ALIKE),
            ". On that side stand today: ", *_each(groups, today, anchors.ALIKE), ".",
            id="experiment",
        )
    ]  # fmt: skip


def experiments(frame: pd.DataFrame, n_below: Mapping[int, int]) -> pd.DataFrame:
    """Return how many customers each half of an experiment needs, for the rules that can have one.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.alike.alike`` returned.
    n_below : mapping of int to int
        By ``rule_id``: customers below the level today.

    Returns
    -------
    DataFrame
        Index of ``frame``: group, n_whole (all cross the level), n_half (half of them do), n_today.
    """
    low, rate = frame["low"].astype(float), frame["rate_worse"].astype(float)
    whole, half = (
        [experiment_size(*pair) for pair in zip(rate, gap, strict=True)] for gap in (low, low / 2)
    )
    sized = frame[["group"]].assign(
        n_whole=pd.array(whole, dtype="Int64"), n_half=pd.array(half, dtype="Int64"),
        n_today=[n_below.get(int(rule), 0) for rule in frame["rule_id"]],
    )  # fmt: skip
    return sized.dropna(subset=["n_whole", "n_half"])


def _each(groups: Sequence[str], sizes: Sequence[int], table: str) -> list[Part]:
    parts: list[Part] = []
    for group, size in zip(groups, sizes, strict=True):
        parts += [", " if parts else "", f"{group} ", linked(integer(size), table)]
    return parts


def _worth_parts(rule: Mapping[str, Any], rates: pd.DataFrame, currency: str) -> list[Part]:
    mine = {row["name"]: row for row in records(rates[rates["place"] == rule["place"]])}
    low, mid, high = (mine[name] for name in ("low", "mid", "high"))
    if not any(row["n_terms"] for row in mine.values()):
        return [
            f"{rule['group']}: {BLANKET} it pays for nobody, not even if it keeps ",
            _share(high["save_rate"]), " of those who would leave.", *_break_even(rule),
            *_single(rule, mid, currency),
        ]  # fmt: skip
    parts: list[Part] = [
        f"{rule['group']}: the play would have brought ",
        linked(money(mid["net_value_held_out"], currency), anchors.WORTH),
        " (", linked(interval(mid["net_low"], mid["net_high"], "money", unit=currency),
                     anchors.WORTH),
        ") over the history if it keeps ", _share(mid["save_rate"]), " of those who would leave, "
        "with levels chosen on some customers and counted on others, by who really left. ",
        *_for_whom(mid, currency),
        " If it keeps ", _share(low["save_rate"]), ", it pays for ", _whom(low),
        "; if ", _share(high["save_rate"]), ", for ", _whom(high), ".", *_break_even(rule),
    ]  # fmt: skip
    if not _pays(mid):
        parts += _single(rule, mid, currency)
    if rule["verdict"] == "gradual" and any(map(_pays, mine.values())):
        parts += [" This level is a policy that money sets, not a tipping point: renewal rises all "
                  "along the scale."]  # fmt: skip
    return parts


def _pays(row: Mapping[str, Any]) -> bool:
    """Say whether a level pays for customers that it was not chosen on, beyond chance."""
    return bool(row["n_terms"] and row["net_low"] > 0)


def _unclear(row: Mapping[str, Any]) -> bool:
    """Say whether what a level brings cannot be told from nothing."""
    return bool(row["n_terms"] and row["net_low"] <= 0 <= row["net_high"])


def _for_whom(mid: Mapping[str, Any], currency: str) -> list[Part]:
    """Say for whom the play pays at the middle save rate, and what that means today."""
    if not mid["n_terms"]:
        return [f"{BLANKET.capitalize()} it pays for nobody."]
    if _unclear(mid):
        return ["That cannot be told from nothing, so no level is named below which it pays."]
    if not _pays(mid):
        return [f"It pays for {UNRELIABLE}."]
    return [
        "It pays for ", *_customers(mid), " (", linked(integer(mid["n_terms"]), anchors.WORTH),
        " terms of the history). Today that is ", linked(integer(mid["n_today"]), anchors.WORTH),
        " customers with ", linked(money(mid["arr_today"], currency), anchors.WORTH),
        " a year; the play for all of them costs ",
        linked(money(mid["cost_today"], currency), anchors.WORTH), ".",
    ]  # fmt: skip


def _single(rule: Mapping[str, Any], mid: Mapping[str, Any], currency: str) -> list[Part]:
    """Say how many single customers are worth a call where no level is."""
    if not rule["n_single"]:
        return [" Single customers with a large ARR can still be worth a call; today none on the "
                "side that renewed less has more at stake than the play costs."]  # fmt: skip
    return [
        " Single customers with a large ARR can still be worth a call: on the side that renewed "
        "less ", linked(integer(rule["n_single"]), anchors.WORTH), " of today's, with ",
        linked(money(rule["arr_single"], currency), anchors.WORTH), " a year, have more at stake "
        "than the play costs if it keeps ", _share(mid["save_rate"]), ", by how often customers "
        "of their segment and use left.",
    ]  # fmt: skip


def _share(rate: float) -> Part:
    return linked(percent(rate), anchors.WORTH)


def _customers(row: Mapping[str, Any]) -> list[Part]:
    if row["who"] == "everybody":
        return ["every customer"]
    return ["customers with ", _whom(row), f" {row['use']}"]


def _whom(row: Mapping[str, Any]) -> Part:
    if not row["n_terms"]:
        return "nobody"
    if _unclear(row):
        return UNTOLD
    if not _pays(row):
        return UNRELIABLE
    if row["who"] == "everybody":
        return "everybody"
    return linked(row["who"].removesuffix(f" {row['use']}"), anchors.WORTH)


def _break_even(rule: Mapping[str, Any]) -> list[Part]:
    if pd.isna(rule["break_even"]):
        return [" Even if it kept everyone, it would not pay for all on the side of the level that "
                "renewed less."]  # fmt: skip
    return [" For all on the side of the level that renewed less it breaks even when it keeps ",
            linked(percent(rule["break_even"]), anchors.WORTH), "."]  # fmt: skip
