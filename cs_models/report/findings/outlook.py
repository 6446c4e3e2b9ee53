"""The coming quarters in words: what is likely to be kept, and how sure that is.

Grain in: the frames of ``report/evidence/outlook.py``.  Grain out: statements for
the page and findings for ``results.json``, made from the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import pandas as pd

from cs_models.learn.revenue import Notices
from cs_models.report.display import Statement
from cs_models.report.evidence import due, places
from cs_models.report.evidence.outlook import Outlook
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, contracts, customers, quarters
from cs_models.report.findings.words import Part, linked, listed, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, money, percent

FEWEST_JUDGED = 4
SELDOM = 0.1  # as often as a fair coin falls so unevenly
CLEAR = 0.01  # shares that differ by less are written as the same
NONE = 0.005  # a swing of the log odds that is written as 0.00
QUARTERS, WIDTH, DUE, HELD = places.COMING, places.WIDTH, places.DUE, places.HELD
RESTS = places.RESTS
UNTOLD: Final = (
    "What of it will be kept cannot be told: no contract has come to its end with a known outcome."
)


def answer(
    found: Outlook, standings: pd.DataFrame, *, as_of: date, currency: str
) -> list[Statement]:
    """Say what comes up this quarter, what of it is likely to be kept, and how sure that is.

    Parameters
    ----------
    found : Outlook
    standings : DataFrame
        What ``due.standings`` returned for the first quarter.
    as_of : datetime.date
    currency : str
        ISO 4217 code.

    Returns
    -------
    list of Statement
        The first is the answer.
    """
    first = found.first
    verdict = "too_little_data" if first["reason"] else None
    said = [Statement.of("answer", *_kept(first, as_of, currency), verdict=verdict, id="answer")]
    if not first["due_arr"] > 0 or not first["n_ended"]:
        return said
    said.append(Statement.of("finding", *_risk(first, standings, currency), id="at-risk-said"))
    said.append(Statement.of("finding", *_sure(found), id="sure"))
    asked = standings[standings["standing"] == due.ASKED]
    if len(asked):
        row = records(asked)[0]
        said.append(Statement.of("finding", *_asked(row, found.notices, currency), id="asked"))
    return said


def reliance(found: Outlook, currency: str) -> list[Statement]:
    """Say which quarters no predictor speaks of, and whom base rates speak for in the others."""
    coming = records(found.quarters.dropna(subset=["quarter"]))
    said = [
        Statement.of(
            "caution", f"{row['label']}: no predictor could be learnt, {row['reason']}. Its ",
            linked(contracts(row["n_due"]), RESTS), " are told by how often contracts of "
            "their segment and length have left: that says what to expect of all together, not "
            "who will leave.", verdict="too_little_data", id=f"rates-{place}",
        )
        for place, row in enumerate(coming, start=1) if row["reason"] and row["n_due"]
    ]  # fmt: skip
    some = [row for row in coming if not row["reason"] and row["n_rate"]]
    if some:
        parts: list[Part] = []
        for row in some:
            parts += [", " if parts else "", linked(integer(row["n_rate"]), RESTS),
                      f" in {row['label']} (", linked(about(row["arr_rate"], currency), RESTS),
                      ")"]  # fmt: skip
        said.append(
            Statement.of(
                "note", "Contracts that no predictor speaks of, because they are shorter than the "
                "days ahead at which past ones were seen, or renew more than once by the end of "
                "the quarter, are told by how often those of their segment and length have left, "
                "at each renewal: ", *parts, ".", id="rates",
            )
        )  # fmt: skip
    return said


def coming(found: Outlook, past: pd.DataFrame, currency: str) -> list[Statement]:
    """Say what the quarters after this one are likely to keep, beside what past ones kept."""
    rows = [row for row in records(found.quarters) if row["due_arr"] > 0]
    if not rows:
        return [Statement.of("finding", "No contract comes up for renewal in these quarters.",
                             id="coming-said")]  # fmt: skip
    whole = rows[-1]
    if not whole["n_ended"]:
        return [Statement.of("caution", UNTOLD, verdict="too_little_data", id="coming-said")]
    parts: list[Part] = [
        linked(about(whole["due_arr"], currency), QUARTERS), " comes up at least once in ",
        linked(quarters(len(found.quarters) - 1), QUARTERS), "; ",
        linked(percent(whole["grr_p50"]), QUARTERS), " of it is likely to be kept (",
        linked(interval(whole["grr_p10"], whole["grr_p90"]), QUARTERS), ")",
    ]  # fmt: skip
    if len(past):
        kept = past["grr_running"].dropna()
        parts += [
            ". In the last ", linked(quarters(len(past)), places.PAST_KEPT), " between ",
            linked(percent(kept.min()), places.PAST_KEPT), " and ",
            linked(percent(kept.max()), places.PAST_KEPT), " was kept of what still ran "
            "when they began, contracts in notice among it",
        ]  # fmt: skip
    parts += [
        ". Expansions of those who stay counted, it is ",
        linked(percent(whole["nrr_p50"]), QUARTERS), " (",
        linked(interval(whole["nrr_p10"], whole["nrr_p90"]), QUARTERS), "). New customers are in "
        "none of these figures.",
    ]  # fmt: skip
    return [Statement.of("finding", *parts, id="coming-said"), *_together(found), *_leaning(found)]


def _together(found: Outlook) -> list[Statement]:
    """Say that the sum of the quarters was never judged, and on which side its parts came out."""
    n = len(found.judged)
    if not n:
        return []
    below = int((found.judged["grr_actual"] < found.judged["grr_p50"]).sum())
    return [
        Statement.of(
            "note", "The sum of all quarters has no past forecasts of its own to be judged by. Of "
            "the single quarters told from as far ahead, ", linked(f"{below} of {n}", HELD),
            " came out below the middle of what would have been said; half of them should.",
            id="together",
        )
    ]  # fmt: skip


def _leaning(found: Outlook) -> list[Statement]:
    """Warn of quarters whose like came out on one side of the middle more often than by chance."""
    said = []
    for row in records(found.quarters.dropna(subset=["quarter"])):
        mine = found.judged[found.judged["label"] == row["label"]]
        n = len(mine)
        below = below_middle(found.judged, row["label"])
        most = max(below, n - below)
        chance = sum(math.comb(n, k) for k in range(most, n + 1)) / 2**n
        if n and chance <= SELDOM:
            side = "below" if below == most else "above"
            said.append(
                Statement.of(
                    "caution", f"{row['label']}: told from as far ahead, ",
                    linked(f"{most} of {n}", HELD), f" past quarters came out {side} the middle of "
                    "what would have been said. The middle leans; plan with the "
                    f"{'lower' if side == 'below' else 'upper'} half.",
                    id=f"leans-{str(row['label']).replace(' ', '-')}",
                )
            )  # fmt: skip
    return said


def width(found: Outlook) -> list[Statement]:
    """Say how much of the doubt is one customer at a time, and how much whole quarters."""
    row = found.first
    if not row["due_arr"] > 0:
        return []
    ours = row["grr_p90"] - row["grr_p10"]
    alone = row["independent_p90"] - row["independent_p10"]
    parts: list[Part] = [
        f"{row['label']}: were everyone to decide alone, and all chances known exactly, ",
        linked(interval(row["independent_p10"], row["independent_p90"]), WIDTH),
        " would be kept eight times in ten: ",
        linked(f"{100 * alone:.0f} points", WIDTH), " wide, for a few large customers weigh much. ",
    ]  # fmt: skip
    if ours > alone + CLEAR:
        parts += [
            "That quarters go well or badly as a whole, and that the chances themselves are "
            "estimates, makes it ", linked(f"{100 * ours:.0f} points", WIDTH), ". ",
        ]  # fmt: skip
    else:
        parts += ["What whole quarters have shown adds next to nothing to that. "]
    return [Statement.of("finding", *parts, *_shock(row), id="width-said")]


def held(found: Outlook) -> list[Statement]:
    """Say of each coming quarter how often intervals told from as far held."""
    said = []
    for place, row in enumerate(records(found.quarters.dropna(subset=["quarter"])), start=1):
        mine = found.judged[found.judged["label"] == row["label"]]
        if mine.empty:
            words: list[Part] = [f"{row['label']}: no past quarter could be told from as far away."]
        else:
            below = below_middle(found.judged, row["label"])
            words = [
                f"{row['label']}, told ", linked(f"{int(row['days'])} days", HELD), " ahead: ",
                linked(f"{int(row['n_hit'])} of {len(mine)}", HELD), " past quarters came out "
                "inside what would have been said so far ahead, ",
                linked(str(below), HELD), " of them below its middle.",
            ]  # fmt: skip
        said.append(Statement.of("finding", *words, id=f"held-said-{place}"))
    return said


def saved(found: Outlook, standings: pd.DataFrame, *, as_of: date, currency: str) -> list[Finding]:
    """Return what was found for ``results.json``: ``kept``, ``at-risk``, ``asked-to-cancel``."""
    first = found.first
    verdict = "too_little_data" if first["reason"] else None
    if not first["n_ended"]:
        said = "".join(map(text, _kept(first, as_of, currency)))
        return [Finding(id="kept", statement=said, n=int(first["n_due"]), verdict=verdict)]
    asked = standings[standings["standing"] == due.ASKED]
    return [
        Finding(
            id="kept", statement="".join(map(text, _kept(first, as_of, currency))),
            value=first["grr_p50"], low=first["grr_p10"], high=first["grr_p90"], unit="share",
            n=int(first["n_due"]), verdict=verdict, table=QUARTERS,
        ),
        Finding(
            id="at-risk", statement="".join(map(text, _risk(first, standings, currency))),
            value=first["arr_at_risk"], low=first["loss_p10"], high=first["loss_p90"],
            unit=currency, n=int(first["n_due"]), verdict=verdict, table=QUARTERS,
        ),
        Finding(
            id="intervals-held", statement="".join(map(text, _sure(found))),
            value=first["n_hit"] / first["n_judged"] if first["n_judged"] else None,
            low=first["held_low"], high=first["held_high"], unit="share",
            n=int(first["n_judged"]), table=HELD,
        ),
        Finding(
            id="asked-to-cancel", statement="ARR of contracts due whose customer asked to cancel.",
            value=float(asked["arr"].sum()), unit=currency, n=int(asked["n_contracts"].sum()),
            table=DUE,
        ),
    ]  # fmt: skip


def _kept(row: Mapping[str, Any], as_of: date, currency: str) -> list[Part]:
    begun = pd.Timestamp(row["quarter"]) <= pd.Timestamp(as_of)
    when = f"In what is left of {row['label']}" if begun else f"In {row['label']}"
    if not row["n_due"]:
        return [f"{when} no contract comes up for renewal."]
    up: list[Part] = [
        f"{when} ", linked(money(row["due_arr"], currency), QUARTERS),
        " of yearly revenue (ARR) comes up for renewal, in ",
        linked(contracts(row["n_due"]), QUARTERS), " of ",
        linked(customers(row["n_accounts"]), QUARTERS), ". ",
    ]  # fmt: skip
    if not row["due_arr"] > 0:
        return [*up, "Without ARR on record there is no share to keep."]
    if not row["n_ended"]:
        return [*up, UNTOLD]
    return [
        *up, linked(about(row["kept_p50"], currency), QUARTERS), " of it (",
        linked(percent(row["grr_p50"]), QUARTERS), ") is likely to be kept; eight times in "
        "ten it is between ", linked(about(row["kept_p10"], currency), QUARTERS), " (",
        linked(percent(row["grr_p10"]), QUARTERS), ") and ",
        linked(about(row["kept_p90"], currency), QUARTERS), " (",
        linked(percent(row["grr_p90"]), QUARTERS), ").",
    ]  # fmt: skip


def _risk(row: Mapping[str, Any], standings: pd.DataFrame, currency: str) -> list[Part]:
    """Say what leaves, how much of it has been announced, and what goes besides."""
    return [
        "At risk: ", linked(about(row["arr_at_risk"], currency), QUARTERS),
        " is what leaves on average, each contract weighed by its chance",
        *_announced(standings, currency), "; in one quarter of ten more than ",
        linked(about(row["loss_p90"], currency), QUARTERS), " would leave. ",
        *_shrinking(row, currency), "With the growth of those who stay counted too, ",
        linked(percent(row["nrr_p50"]), QUARTERS), " of today\'s amount remains (",
        linked(interval(row["nrr_p10"], row["nrr_p90"]), QUARTERS), ").",
    ]  # fmt: skip


def _shrinking(row: Mapping[str, Any], currency: str) -> list[Part]:
    """Say what is neither kept nor left, so that the sentences add up."""
    if not row["arr_shrinks"] >= 1:
        return []
    return [
        "Besides, about ", linked(about(row["arr_shrinks"], currency), QUARTERS), " goes on "
        "average where contracts shrink; what is kept is without both. ",
    ]  # fmt: skip


def _announced(standings: pd.DataFrame, currency: str) -> list[Part]:
    """Say how much of what leaves is of customers who have said so, and how much is still open."""
    asked = standings[standings["standing"].isin((due.ASKED, due.GOING))]
    n = int(asked["n_accounts"].sum())
    if not n:
        return []
    whole = standings[standings["standing"] == due.ALL_DUE]
    said = float(asked["arr_at_risk"].sum())
    who = "customer who has" if n == 1 else "customers who have"
    return [
        ": ", linked(about(said, currency), DUE), " with ", linked(integer(n), DUE),
        f" {who} already said that they will go, ",
        linked(about(float(whole["arr_at_risk"].sum()) - said, currency), DUE),
        " still open",
    ]  # fmt: skip


def _sure(found: Outlook) -> list[Part]:
    row = found.first
    n = int(row["n_judged"])
    if n < FEWEST_JUDGED:
        return [
            "Whether such intervals can be relied on is not known yet: ",
            linked(quarters(n), HELD) if n else "no past quarter",
            " could be told from as far ahead.",
        ]  # fmt: skip
    return [
        "How sure is that? Intervals for customers still in doubt, those in notice and short "
        "contracts left out, told from as far ahead and with what was known then, held in ",
        linked(f"{int(row['n_hit'])} of {n}", HELD), " past quarters",
        *_how_many(found), "; they are meant to hold in eight of ten, and so few quarters only "
        "say that they hold in ", linked(interval(row["held_low"], row["held_high"]), RESTS), ".",
    ]  # fmt: skip


def _how_many(found: Outlook) -> list[Part]:
    """Say how many contracts the fewest and the most of the past quarters told so had."""
    mine = found.judged[found.judged["label"] == found.first["label"]]
    if mine.empty or "n_due" not in mine:
        return []
    fewest, most = int(mine["n_due"].min()), int(mine["n_due"].max())
    of: list[Part] = [] if fewest == most else [linked(integer(fewest), HELD), " to "]
    return [" of ", *of, linked(contracts(most), HELD)]


def _asked(row: Mapping[str, Any], notices: Notices, currency: str) -> list[Part]:
    parts: list[Part] = [
        linked(customers(row["n_accounts"]), DUE), " with ",
        linked(about(row["arr"], currency), DUE),
        f" {'has' if row['n_accounts'] == 1 else 'have'} already asked to cancel",
    ]  # fmt: skip
    if notices.assumed:
        return [*parts, "; counted as lost, for too few past notices are on record to "
                "say how many are withdrawn."]  # fmt: skip
    return [
        *parts, "; of ", linked(integer(notices.n), RESTS), " past notices ",
        linked(percent(notices.share), RESTS), " were carried out.",
    ]  # fmt: skip


def worst_odds(sigma: float) -> float:
    """Return how many times the odds of leaving are what was said, in the worst quarter of ten."""
    return math.exp(1.2816 * sigma)


def below_middle(judged: pd.DataFrame, label: str) -> int:
    """Count past quarters told as one coming quarter that came out below the middle."""
    mine = judged[judged["label"] == label]
    return int((mine["grr_actual"] < mine["grr_p50"]).sum()) if len(mine) else 0


def _shock(row: Mapping[str, Any]) -> list[Part]:
    n = int(row["n_shock_quarters"])
    if n < 2:
        return ["No past quarter tells how far whole quarters go; a wide range is assumed."]
    odds = worst_odds(row["sigma"])
    return [
        "In ", linked(quarters(n), WIDTH), " told as this one, leaving ",
        "may have gone" if row["sigma_low"] < NONE else "went", " up or down for all customers at "
        "once", *([] if row["sigma_low"] >= NONE else ["; that it never did is not ruled out"]),
        ". In the worst quarter of ten the odds of leaving were ",
        linked(f"{odds:.2f}", WIDTH), " times what was said, or more, as far as so few quarters "
        "can tell.",
    ]  # fmt: skip


def sources(found: Outlook) -> list[Statement]:
    """Name the predictor of each quarter."""
    rows = [row for row in records(found.quarters.dropna(subset=["quarter"])) if row["level"]]
    if not rows:
        return []
    named: Sequence[str] = [
        f"{row['label']} by {row['level']}, read {int(row['days'])} days ahead" for row in rows
    ]
    return [
        Statement.of("note", "Chances are told by the simplest predictor that past quarters could "
                     f"not tell from the best: {listed(named)}.", id="sources")
    ]  # fmt: skip
