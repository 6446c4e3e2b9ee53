"""What the engagement score is worth, what open cases go with, how those who stay grow: in words.

Grain in: ``evidence.engagement.Told``.  Grain out: statements, and findings for ``results.json``.
"""

from __future__ import annotations

import math

import pandas as pd

from cs_models.report.display import Statement, num
from cs_models.report.evidence.engagement import Told
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import contracts
from cs_models.report.findings.words import Part, cited, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number, percent

FIFTHS, ORDER, HANDLED, SEVERITY, QUARTERS, SEGMENTS, GROWTH, LOAD = (
    "fifths-table", "order", "handled-table", "severity", "quarters-kept-table", "segments-kept",
    "growth", "load",
)  # fmt: skip
FEWEST = 20  # contracts in a cell: below it a difference is not spoken of


def answer(told: Told) -> list[Statement]:
    """Say whether the engagement score orders renewals.

    Parameters
    ----------
    told : Told
    """
    return [Statement.of("answer", *score_parts(told), id="answer-engagement")]


def score_parts(told: Told) -> list[Part]:
    """Say whether higher scores went with more renewals, honestly where they did not."""
    if "M11" in told.why:
        return [f"Engagement is not told: {told.why['M11']}."]
    row = records(told.order)[0]
    if row["verdict"] == "too_little_data":
        return cited(
            ORDER, "Whether the engagement score says anything of renewal cannot be told yet: of "
            f"{contracts(row['n'])}, {integer(row['n_lost'])} were lost; forty lost and "
            "forty kept are needed.",
        )  # fmt: skip
    pairs = cited(
        ORDER,
        "of a contract kept and one lost, the one kept had the higher score in ",
        num(f"{number(100 * row['auc'], 0)} of 100 pairs", f"#{ORDER}"),
        f" ({number(100 * row['low'], 0)} to {number(100 * row['high'], 0)}; half is chance)",
    )
    first, last = records(told.fifths)[0], records(told.fifths)[-1]
    ends: list[Part] = [
        " In the lowest fifth ", num(percent(first["rate"]), f"#{FIFTHS}"),
        " renewed, in the highest ", num(percent(last["rate"]), f"#{FIFTHS}"), ".",
    ]  # fmt: skip
    if row["verdict"] == "ordered":
        strength = "weakly" if row["auc"] < 0.65 else "clearly"
        return [f"More engaged customers renewed more often, {strength}: ", *pairs, ".", *ends]
    if row["verdict"] == "reversed":
        return ["The engagement score goes the wrong way here, so do not steer by it: ", *pairs,
                ".", *ends]  # fmt: skip
    return ["The engagement score does not tell who renews here, so do not steer by it: ", *pairs,
            ".", *ends]  # fmt: skip


def support_parts(told: Told) -> list[Part]:
    """Say whether many cases, and cases left open, went with fewer renewals."""
    if "M12" in told.why:
        return [f"Support is not told: {told.why['M12']}."]
    now = told.load[["opened", "open", "open_severe"]].sum()
    parts = cited(
        LOAD, "Opened in the last 90 days: ", num(integer(now["opened"]), f"#{LOAD}"),
        f" {'case' if now['opened'] == 1 else 'cases'}; open now: ",
        num(integer(now["open"]), f"#{LOAD}"),
        f", {integer(now['open_severe'])} of them severe. ",
    )  # fmt: skip
    n = told.handled.groupby("state")["n"].sum() if len(told.handled) else pd.Series(dtype=float)
    few = n.get("some left open", 0.0)
    if few < FEWEST:
        words = (
            f"Only {contracts(few)} came near the renewal with a case older than a week still "
            "open: too few to tell what that goes with. "
            if few else "No contract came near its renewal with a case older than a week still "
            "open, so nothing can be told of that. "
        )  # fmt: skip
        parts += cited(HANDLED, words)
    else:
        parts += _gap("With a case left open", told.unresolved)
    return [*parts, *_gap("With many cases, all handled", told.volume)]


def growth_parts(told: Told, currency: str) -> list[Part]:
    """Say how much of the ARR due was kept, and whether growth outweighed the losses."""
    if "M13" in told.why:
        return [f"Growth is not told: {told.why['M13']}."]
    row = records(told.quarters)[-1]
    parts = cited(
        QUARTERS, f"{row['label']}: gross retention ", num(percent(row["grr"]), f"#{QUARTERS}"),
        f" ({interval(row['grr_low'], row['grr_high'])}), net retention ",
        num(percent(row["nrr"]), f"#{QUARTERS}"), f" ({interval(row['nrr_low'], row['nrr_high'])})"
        f" of the ARR due, in {currency}. ",
    )  # fmt: skip
    clear = told.quarters[told.quarters["nrr_low"] > 1]
    parts += cited(
        QUARTERS, "Those who stayed clearly made up for those who left (net retention above all "
        f"that was due) in {integer(len(clear))} of {integer(len(told.quarters))} quarters. ",
    )  # fmt: skip
    whole = [r for r in records(told.growth) if r["segment"] == "all"]
    if whole:
        one = whole[0]
        parts += cited(GROWTH, "Those who stayed pay ", num(percent(one["value"], 1), f"#{GROWTH}"),
                  f" ({interval(one['low'], one['high'], digits=1)}) of what they paid before; "
                  f"{percent(one['grew'])} of their contracts grew.")  # fmt: skip
    return parts


def saved(told: Told) -> list[Finding]:
    """Return the answers for ``results.json``.

    Parameters
    ----------
    told : Told
    """
    row = records(told.order)[0]
    return [
        Finding(
            id="engagement-orders", statement="".join(map(text, score_parts(told))),
            value=row["auc"], low=row["low"], high=row["high"], unit="share", n=row["n"],
            verdict=row["verdict"], table=ORDER,
        ),
        Finding(id="support", statement="".join(map(text, support_parts(told))), table=HANDLED),
    ]  # fmt: skip


def _gap(words: str, found: dict[str, float]) -> list[Part]:
    if math.isnan(found["value"]):
        return []
    between = interval(found["low"], found["high"], "points")
    if found["low"] <= 0 <= found["high"]:
        return [f"{words}, renewal cannot be told apart (",
                num(between, f"#{HANDLED}"), "). "]  # fmt: skip
    more = "more" if found["value"] > 0 else "less"
    return [f"{words}, renewal was {more} frequent: ", num(between, f"#{HANDLED}"), ". "]
