"""Word, skill and use in sentences: the cube, gaps in NPS, feedback to product, say and do.

Grain in: the frames of ``report/evidence/satisfaction.py`` and ``saydo.py``.  Grain out:
statements for the page and findings for ``results.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cs_models.learn.satisfaction import SHAPES, Gaps
from cs_models.report.display import Statement
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.satisfaction import Product, Voices
from cs_models.report.evidence.saydo import SayDo
from cs_models.report.findings.amounts import about, customers
from cs_models.report.findings.words import Part, linked, listed, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number, percent, points

CUBE, RESPONSE, VOICES, GAPS, PRODUCT = (
    "cube-table", "response-table", "voices-table", "gaps-table", "product-table",
)  # fmt: skip
MEETINGS, SURPRISES, AGAINST = "say-do-table", "said-table", "against-table"
LITTLE_RESPONSE: Final = 0.3
BENDS: Final = {
    "most renewed at both ends": "fewest renewed",
    "most renewed in the middle": "most renewed",
}
NO_GAP: Final = "in NPS no feature's users can be told apart from like people who do not use it"


def cube(told: Voices, currency: str) -> list[Statement]:
    """Say where most of those who answered stand, and how many did not answer.

    Parameters
    ----------
    told : Voices
    currency : str
        ISO 4217 code.
    """
    if told.cube is None:
        return [_cannot("The cube of satisfaction, skill and use", told.why_not, "cube-said")]
    rows = records(told.cube.corners)
    most = max(rows, key=lambda row: row["n"])
    low = rows[-1]
    parts: list[Part] = [
        "Of ", linked(integer(told.n_answered), CUBE), " users who answered in the last 180 days, ",
        linked(percent(most["share"]), CUBE), f" stand in one corner: {most['corner']}. ",
        linked(integer(low["n"]), CUBE), " (", linked(percent(low["share"]), CUBE), ", ",
        linked(about(low["arr"], currency), CUBE), " of yearly revenue behind them) are "
        "unsatisfied, less skilled and use it little: for them onboarding should be looked "
        "at again.",
    ]  # fmt: skip
    return [Statement.of("finding", *parts, id="cube-said"), _silence(told)]


def _silence(told: Voices) -> Statement:
    assert told.cube is not None
    rows = {row["group"]: row for row in records(told.cube.response)}
    much, little = rows["uses much for the role"], rows["uses little"]
    role = "caution" if rows["all"]["share"] < LITTLE_RESPONSE else "note"
    apart = much["low"] > little["high"] or little["low"] > much["high"]
    parts: list[Part] = [
        linked(percent(rows["all"]["share"], 1), RESPONSE), " of ",
        linked(integer(told.n_users), RESPONSE), " users answered: ",
        linked(percent(much["share"], 1), RESPONSE), " of those who use it much, ",
        linked(percent(little["share"], 1), RESPONSE), " of the others. ",
        "Silence goes with use, so the shares speak for those who answered and for nobody else."
        if apart
        else "Who stays silent is not known to be like those who answered.",
    ]  # fmt: skip
    return Statement.of(role, *parts, id="cube-silence")  # type: ignore[arg-type]


def gaps(found: Gaps) -> list[Statement]:
    """Say which features' users give a higher NPS than like people, if any.

    Parameters
    ----------
    found : Gaps
    """
    if found.why_not:
        return [_cannot("Whether a feature goes with a higher NPS", found.why_not, "gaps-said")]
    return [Statement.of("finding", *_gaps(found), id="gaps-said")]


def _gaps(found: Gaps) -> list[Part]:
    holds = found.table[found.table["holds"]]
    alike = "people of the same customer" if found.within else "people of the same segment and role"
    rest: list[Part] = [
        " Compared were ", linked(integer(found.n), GAPS), " answers of ",
        linked(customers(found.n_accounts), GAPS), f", {alike}, equally active otherwise; all "
        "features are judged together.",
    ]  # fmt: skip
    if holds.empty:
        return [
            NO_GAP[0].upper() + NO_GAP[1:], "; a gap of ",
            linked(f"{number(found.detectable, 0)} points", GAPS),
            " would have been found in eight cases of ten.", *rest,
        ]  # fmt: skip
    said: list[Part] = []
    for row in records(holds):
        way = "higher" if row["gap"] > 0 else "lower"
        said += ["; " if said else "", f"users of {row['feature']} gave an NPS ",
                 linked(f"{number(abs(row['gap']), 0)} points", GAPS), f" {way} (",
                 linked(interval(row["low"], row["high"], "number"), GAPS), ")"]  # fmt: skip
    return ["With the rest alike, ", *said, ".", *rest]


def product(found: Product) -> list[Statement]:
    """Say which features are used and go with renewal, and which nobody needs.

    Parameters
    ----------
    found : Product
    """
    said = []
    if found.links.why_not:
        said.append(_cannot("Which features go with renewal", found.links.why_not, "links-said"))
    if found.why_not:
        return [*said, _cannot("Who uses which feature today", found.why_not, "product-said")]
    rows = records(found.table)
    up = [row for row in rows if row["role"] == "goes with renewal" and not row["carries_away"]]
    spare = [row["feature"] for row in rows if row["not_needed"]]
    seldom = [row["feature"] for row in rows if not row["widely"]]
    parts: list[Part] = []
    if up:
        parts.append("With renewal go, among customers as active in all: ")
        for place, row in enumerate(up):
            parts += [", " if place else "", f"{row['feature']} (twice the use, ",
                      linked(points(row["points"]), PRODUCT), "; used by ",
                      linked(percent(row["share"]), PRODUCT), " of active users)"]  # fmt: skip
        parts.append(". ")
    elif not found.links.why_not:
        parts.append(
            "Of no feature does more use go with more renewals, among customers as active in all. "
        )
    parts += [*_bent(rows), *_packing(rows)]
    parts.append(
        f"Even skilled, satisfied people leave unused: {listed(spare)}. "
        if spare
        else "No feature is left unused by nearly all skilled, satisfied people. "
    )
    if seldom:
        parts.append(f"Used by fewer than one active user in five: {listed(seldom)}.")
    return [*said, Statement.of("finding", *parts, id="product-said")]


def _bent(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Say of which features more did not go with more."""
    parts: list[Part] = []
    for row in rows:
        if row["role"] not in BENDS or row["carries_away"]:
            continue
        uses = linked(f"{number(row['turns_at'], 0)} uses", PRODUCT)
        parts += [f"More of {row['feature']} did not go with more: ", BENDS[row["role"]],
                  " around ", uses, " in the first weeks. "]  # fmt: skip
    return parts


def _packing(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Say which features that carry data away go with what came of the contract."""
    parts: list[Part] = []
    for row in rows:
        if row["carries_away"] and row["role"] in SHAPES:
            said = BENDS.get(row["role"], row["role"])
            parts += [f"{row['feature']} is told apart too ({said}; p ",
                      linked(number(row["p"], 3), PRODUCT), "), but it carries data away: ask what "
                      "it is used for, since exports can be a sign of packing. "]  # fmt: skip
    return parts


def say_do(found: SayDo, currency: str) -> list[Statement]:
    """Say where word and deed disagree today, and what came of it in the past.

    Parameters
    ----------
    found : SayDo
    currency : str
    """
    if found.why_not:
        return [_cannot("Where word and deed disagree", found.why_not, "say-do-said")]
    rows = {(row["says"], row["does"]): row for row in records(found.meetings)}
    idle, used = rows[("praise", "hardly uses")], rows[("complaint", "uses much")]
    parts: list[Part] = [
        linked(customers(idle["n_today"]), MEETINGS), " with ",
        linked(about(idle["arr_today"], currency), MEETINGS), " a year praise the product and "
        "hardly use it; ", *_past(idle), ". ",
        linked(customers(used["n_today"]), MEETINGS), " with ",
        linked(about(used["arr_today"], currency), MEETINGS), " complain and use it much; ",
        *_past(used), ". ",
    ]  # fmt: skip
    both = idle["n_terms"] > 0 and used["n_terms"] > 0
    if both and used["low"] > idle["high"]:
        parts.append("What they do went with renewal more than what they say.")
    elif both and idle["low"] > used["high"]:
        parts.append("What they say went with renewal more than what they do.")
    else:
        parts.append("The two cannot be told apart by renewals.")
    said = [Statement.of("finding", *parts, id="say-do-said")]
    words = {row["says"]: row for row in records(found.surprises)}
    left = words["praise"]["n_terms"] - words["praise"]["n_renewed"]
    said.append(
        Statement.of(
            "note", linked(integer(left), SURPRISES), " of ",
            linked(integer(words["praise"]["n_terms"]), SURPRISES),
            " contracts left after praise, ",
            linked(integer(words["complaint"]["n_renewed"]), SURPRISES), " of ",
            linked(integer(words["complaint"]["n_terms"]), SURPRISES),
            " renewed after complaint; where nobody answered, ",
            linked(percent(words["no answer"]["renewal_rate"]), SURPRISES), " renewed.",
            id="surprises-said",
        )
    )  # fmt: skip
    return said


def _past(row: dict[str, object]) -> list[Part]:
    if not row["n_terms"]:
        return ["no past contract stood so"]
    return [
        "of past contracts that stood so, ", linked(percent(row["renewal_rate"]), MEETINGS),
        " renewed (", linked(interval(row["low"], row["high"]), MEETINGS), ")",
    ]  # fmt: skip


def saved(told: Voices, found: Gaps, fed: Product, clash: SayDo, currency: str) -> list[Finding]:
    """Return findings ``cube``, ``nps-by-feature``, ``feedback`` and ``say-and-do``.

    Parameters
    ----------
    told : Voices
    found : Gaps
    fed : Product
    clash : SayDo
    currency : str
    """
    out = []
    said = cube(told, currency)[0]
    share = told.n_answered / told.n_users if told.n_users else None
    out.append(Finding("cube", said.text, share, unit="share", n=told.n_users, table=CUBE,
                       verdict=None if told.cube else "too_little_data"))  # fmt: skip
    first = gaps(found)[0]
    holds = records(found.table[found.table["holds"].astype(bool)]) if len(found.table) else []
    top = holds[0] if holds else {}
    verdict = "too_little_data" if found.why_not else "associated" if holds else "none"
    out.append(Finding("nps-by-feature", first.text, top.get("gap"), top.get("low"),
                       top.get("high"), "NPS points", found.n, verdict, GAPS))  # fmt: skip
    out.append(Finding("feedback", product(fed)[-1].text, n=fed.links.n, table=PRODUCT))
    words = say_do(clash, currency)[0]
    money = float(clash.against["arr"].sum()) if len(clash.against) else None
    out.append(Finding("say-and-do", words.text, money, unit=currency, n=len(clash.against),
                       table=MEETINGS))  # fmt: skip
    return out


def _cannot(what: str, why: str, anchor: str) -> Statement:
    return Statement.of(
        "caution", f"{what} cannot be told: {why}.", verdict="too_little_data", id=anchor
    )


def plain(parts: list[Part]) -> str:
    """Return the words of parts without links."""
    return "".join(map(text, parts))
