"""What past warnings were worth, in words.

Grain in: the frames of ``report/evidence/backtest.py``, ``drifted.py`` and ``retold.py``.  Grain
out: statements for the page and findings for ``results.json``, made from the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.learn.revenue import QuarterBacktest
from cs_models.report.display import Statement
from cs_models.report.evidence import places
from cs_models.report.evidence.backtest import RANDOM, Told
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, contracts, customers, quarters
from cs_models.report.findings.words import (
    Part,
    cited,
    decapital,
    headline,
    linked,
    listed,
    spread,
    text,
)
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number, percent

FEWEST_QUARTERS = 4
NOT_TOLD = "Past quarters could not be foretold"
LIST_NAMES = {
    "model": "the likeliest to leave", "loss": "most ARR at risk", "arr": "the largest customers",
}  # fmt: skip


def answer(
    told: Told,
    listed: pd.DataFrame,
    honest: Mapping[str, Any],
    lists: pd.DataFrame,
    currency: str,
) -> list[Statement]:
    """Say which of the last warnings came true, whether chances are honest, and lists worth it.

    Parameters
    ----------
    told : Told
    listed : DataFrame
        What ``evidence.called`` returned.
    honest : mapping
        What ``evidence.honest`` returned.
    lists : DataFrame
        What ``evidence.lists`` returned.
    currency : str
        ISO 4217 code.
    """
    if told.past is None:
        return [
            Statement.of(
                "answer", f"{NOT_TOLD}: {told.reason}. Which warnings would have come true is not "
                "known.", verdict="too_little_data", id="answer",
            )
        ]  # fmt: skip
    return [
        Statement.of("answer", *_came_true(listed, currency), id="answer"),
        Statement.of("finding", *_honest(honest), id="honest-said"),
        Statement.of("finding", *_worth(lists), id="worth-calls"),
    ]


def _came_true(listed: pd.DataFrame, currency: str) -> list[Part]:
    """Say of the last list that is over how many on it left."""
    first = records(listed)[0]
    n, left = len(listed), int(listed["churned"].sum())
    due, of_due = int(first["n_due"]), int(first["n_left_of_due"])
    lost = float((listed["arr"].fillna(0) * listed["churned"]).sum())
    when = f"{first['first_due']:%Y-%m-%d} to {first['last_due']:%Y-%m-%d}"
    parts: list[Part] = [
        f"The list made in {first['label']}, of customers whose renewals came up from {when}, "
        "would have named ", linked(customers(n), places.CALLED), " of ",
        linked(integer(due), places.CALLED), "; ", linked(integer(left), places.CALLED),
        " of them left, with ",
        linked(about(lost, currency), places.CALLED), ". ",
    ]  # fmt: skip
    if not of_due:
        return [*parts, "Nobody who came up left."]
    rest = due - n
    if not rest:
        return [*parts, "The team could have called everyone."]
    return [
        *parts, "Of the ", linked(integer(rest), places.CALLED), " not on it ",
        linked(integer(of_due - left), places.CALLED), " left: ",
        linked(percent(left / n), places.CALLED), " of those named, ",
        linked(percent((of_due - left) / rest), places.CALLED), " of the others.",
    ]  # fmt: skip


def _honest(honest: Mapping[str, Any]) -> list[Part]:
    """Say whether as many left as was said."""
    where = places.CALIBRATION
    low, high = honest["low"], honest["high"]
    parts: list[Part] = [
        "Are the chances honest? Of ", linked(contracts(honest["n"]), where), " in ",
        linked(quarters(honest["n_quarters"]), where), ", ",
        linked(integer(honest["expected"]), where), " were expected to leave and ",
        linked(integer(honest["churned"]), where), " did",
    ]  # fmt: skip
    if pd.isna(low):
        return [*parts, "."]
    parts += [
        ": ", linked(number(honest["ratio"], 2), where), " for each one expected (",
        linked(interval(low, high, "number", 2), where), "). ",
    ]  # fmt: skip
    return [*parts, *_level_and_spread(low, high, honest["spread"])]


def _level_and_spread(low: float, high: float, slope: Mapping[str, float]) -> list[Part]:
    """Say whether level and spread are within chance: right in sum, chances can be wrong singly."""
    level_right = low <= 1 <= high
    side = "too low" if low > 1 else "too high"
    if slope["low"] != slope["low"]:  # no slope could be fitted
        return ["That is within what chance allows." if level_right else
                f"The chances were {side}, by more than chance allows."]  # fmt: skip
    spread_right = slope["low"] <= 1 <= slope["high"]
    if level_right and spread_right:
        said = "In sum and in spread that is within what chance allows"
    elif level_right:
        said = f"So many is within chance, but {decapital(spread(slope))}"
    elif spread_right:
        said = f"The chances were {side}, by more than chance allows, though spread as they should"
    else:
        said = (f"The chances were {side}, by more than chance allows, and "
                f"{decapital(spread(slope))}")  # fmt: skip
    return [f"{said} (spread ", linked(number(slope["value"], 2), places.CALIBRATION), ", ",
            linked(interval(slope["low"], slope["high"], "number", 2), places.CALIBRATION),
            "; one is right)."]  # fmt: skip


def _worth(lists: pd.DataFrame) -> list[Part]:
    """Say whether the list met more leavers than the plain list of the largest customers."""
    rows = {(row["ranking"], row["measure"]): row for row in records(lists)}
    where = places.LISTS
    if rows[("model", "recall")]["n_called"] >= rows[("model", "recall")]["n"]:
        return ["Is the list worth the calls? The team can call everyone who comes up; no list is "
                "needed to choose."]  # fmt: skip
    people, plain, lot = (rows[(name, "recall")] for name in ("model", "arr", RANDOM))
    parts: list[Part] = [
        "Is the list worth the calls? The likeliest to leave, as many each quarter as the team can "
        "call, would have met ", linked(percent(people["value"]), where),
        " of those who left (", linked(interval(people["low"], people["high"]), where),
        "). As many calls at random would have met ", linked(percent(lot["value"]), where),
        ", and calling the largest ", linked(percent(plain["value"]), where), ". ",
    ]  # fmt: skip
    money, by_size, risk, by_lot = (
        rows[(name, "arr_caught")] for name in ("model", "arr", "loss", RANDOM)
    )
    parts += [
        "Of the ARR that left they would have met ", linked(percent(money["value"]), where),
        ", the largest ", linked(percent(by_size["value"]), where),
        ", those with most ARR at risk ", linked(percent(risk["value"]), where),
        ", and calls at random ", linked(percent(by_lot["value"]), where), ". ",
    ]  # fmt: skip
    if by_size["ahead_high"] < 0:
        parts += ["For ARR, then, size alone is the better guide than the chance alone. "]
    if plain["ahead_low"] > 0:
        return [*parts, "In customers the list is ahead of mere size by more than chance."]
    if plain["ahead_high"] < 0:
        return [*parts, "In customers it is behind the mere list of the largest: it is not worth "
                "the calls."]  # fmt: skip
    return [*parts, "In customers it cannot be told from the mere list of the largest."]


def scored(found: QuarterBacktest | None) -> list[Statement]:
    """Say how often the intervals of past quarters held."""
    if found is None or found.quarters.empty:
        return [Statement.of("finding", "No past quarter could be judged.",
                             verdict="too_little_data", id="scored-said")]  # fmt: skip
    by = {row["measure"]: row for row in records(found.coverage)}
    count, loss = by["n_churn"], by["loss"]
    n = int(count["n_quarters"])
    parts: list[Part] = [
        "The number of contracts that left was inside what would have been said in ",
        linked(f"{int(count['n_hit'])} of {n}", places.SCORED), " quarters, the ARR that left in ",
        linked(f"{int(loss['n_hit'])} of {n}", places.SCORED), "; eight of ten are meant to. ",
    ]  # fmt: skip
    if n < FEWEST_QUARTERS:
        parts += ["So few quarters tell next to nothing of that."]
    else:
        parts += [
            "With so few quarters the true share lies anywhere between ",
            linked(percent(loss["low"]), places.SCORED), " and ",
            linked(percent(loss["high"]), places.SCORED), " (for the ARR).",
        ]  # fmt: skip
    return [Statement.of("finding", *parts, id="scored-said")]


def levels(honest: Mapping[str, Any]) -> list[Statement]:
    """Say in which quarters more or fewer left than chance and the usual swing allow."""
    chart = honest["chart"]
    if chart.empty:
        return [Statement.of("finding", "No quarter was foretold, so none can be off.",
                             id="levels-said")]  # fmt: skip
    off = chart[chart["outside"].astype(bool)]
    strict = _without_swing(chart)
    n = linked(quarters(len(chart)), places.ORIGINS)
    if off.empty:
        return [
            Statement.of("finding", "In none of ", n, " did more or fewer leave than chance and "
                         "the usual swing of quarters allow.", *strict, id="levels-said")
        ]  # fmt: skip
    parts: list[Part] = []
    for row in records(off):
        parts += [", " if parts else "", f"{row['label']} (", linked(percent(row["observed"]),
                  places.ORIGINS), " left, ", linked(percent(row["expected"]), places.ORIGINS),
                  " expected)"]  # fmt: skip
    return [Statement.of("caution", "Beyond what chance and the usual swing allow: ", *parts,
                         ", of ", n, ".", *strict, id="levels-said")]  # fmt: skip


def _without_swing(chart: pd.DataFrame) -> list[Part]:
    """Say which quarters page 03 counts as off, and why this page's limits are wider."""
    named = chart.loc[~chart["alone"].astype(bool), "label"].astype(str).tolist()
    if not named:
        return []
    return [
        " These limits are three standard deviations and the swing; 03_churn_predictors allows for "
        "luck alone, as much of it as nineteen quarters in twenty keep to, and so counts ",
        linked(integer(len(named)), places.ORIGINS),
        *cited(places.ORIGINS, f" of them as off: {listed(named)}."),
    ]  # fmt: skip


def called(listed: pd.DataFrame) -> list[Statement]:
    """Say what the list of names is."""
    if listed.empty:
        return [Statement.of("finding", "Without a past quarter there is no past list.",
                             id="called-said")]  # fmt: skip
    return [
        Statement.of(
            "finding", "Made with what was known on each customer's day of decision. Customers "
            "who had asked to cancel by then are not on it: they were no longer in doubt. Some "
            "may have been called at the time; what a call did cannot be read from this.",
            id="called-said",
        )
    ]  # fmt: skip


def drifted(table: pd.DataFrame, n_now: int) -> list[Statement]:
    """Say whether those who come up now look like those learnt from."""
    if table.empty:
        return [
            Statement.of("finding", "Too few customers come up, or have come up, to compare them: ",
                         f"{n_now} now.", verdict="too_little_data", id="drifted-said")
        ]  # fmt: skip
    where = places.DRIFT
    score = table[table["driver"] == ""]
    measures = table[table["driver"] != ""]
    moved = int(measures["drifted"].sum())
    parts: list[Part] = [
        "Of ", linked(integer(len(measures)), where), " measures of ",
        linked(customers(n_now), where), " who come up about as far from now as decisions are "
        "made, ", linked(integer(moved), where), " differ from the customers learnt from by more "
        "than chance would make them.",
    ]  # fmt: skip
    if len(score):
        row = records(score)[0]
        parts += [
            " The chance of leaving itself, given to the last four quarters and to these by one "
            "predictor learnt before both, has ",
            "moved as well" if row["drifted"] and moved else
            "moved" if row["drifted"] else "not moved by more than chance",
            " (", linked(number(row["psi"], 2), where), ", limit ",
            linked(number(row["psi_limit"], 2), where), ").",
        ]  # fmt: skip
    return [Statement.of("finding", *parts, id="drifted-said")]


def drift_saved(table: pd.DataFrame, n_now: int) -> Finding:
    """Return what :func:`drifted` says, for ``results.json``."""
    moved = None if table.empty else int(table.loc[table["driver"] != "", "drifted"].sum())
    return Finding(
        id="drifted", statement=headline(drifted(table, n_now)), value=moved, unit="measures",
        n=n_now, verdict="too_little_data" if table.empty else None,
        table="" if table.empty else places.DRIFT,
    )  # fmt: skip


def saved(
    told: Told,
    listed: pd.DataFrame,
    honest: Mapping[str, Any],
    lists: pd.DataFrame,
    found: QuarterBacktest | None,
    currency: str,
) -> list[Finding]:
    """Return what was found for ``results.json``."""
    if told.past is None or found is None:
        return [
            Finding(id="backtest", statement=f"{NOT_TOLD}: {told.reason}.",
                    verdict="too_little_data")
        ]  # fmt: skip
    by = {row["measure"]: row for row in records(found.coverage)}
    recall = next(
        row for row in records(lists) if (row["ranking"], row["measure"]) == ("model", "recall")
    )
    return [
        Finding(
            id="last-list", statement="".join(map(text, _came_true(listed, currency))),
            value=float(listed["churned"].mean()), unit="share", n=len(listed), table=places.CALLED,
        ),
        Finding(
            id="observed-to-expected", statement="".join(map(text, _honest(honest))),
            value=honest["ratio"], low=honest["low"], high=honest["high"], unit="ratio",
            n=honest["n"], table=places.CALIBRATION,
        ),
        Finding(
            id="leavers-met", statement="".join(map(text, _worth(lists))), value=recall["value"],
            low=recall["low"], high=recall["high"], unit="share", n=int(recall["n_churned"]),
            table=places.LISTS,
        ),
        *(
            Finding(
                id=f"held-{measure.replace('_', '-')}",
                statement=f"Share of past quarters whose {words} lay inside what would have been "
                "said.", value=by[measure]["coverage"], low=by[measure]["low"],
                high=by[measure]["high"], unit="share", n=int(by[measure]["n_quarters"]),
                table=places.SCORED,
            )
            for measure, words in (("n_churn", "number of leavers"), ("loss", "lost ARR"),
                                   ("grr", "share of ARR kept"))
        ),
    ]  # fmt: skip
