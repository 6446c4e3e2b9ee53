"""One customer, heavy users who may be leaving, health, and lost renewals, in words.

Grain in: what ``report/evidence/customer.py`` found.  Grain out: statements.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from cs_models.learn.health import Validation
from cs_models.learn.postmortem import PostMortem
from cs_models.learn.profile import HeavyUse
from cs_models.report.display import Statement
from cs_models.report.evidence import customer as evidence
from cs_models.report.evidence import leavers
from cs_models.report.evidence.customer import Look
from cs_models.report.evidence.predictors import records
from cs_models.report.findings import colours
from cs_models.report.findings.words import Part, cited, linked, pairs
from cs_models.report.values import integer, money, percent, write

STAGES = {
    "onboarding": "onboarding",
    "adoption": "early use",
    "breadth": "breadth of use",
    "value": "use that lasts, goals reached",
    "relationship": "people, support, satisfaction",
    "none": "kept pace throughout",
    "not recorded": "not recorded",
}
NOBODY = "Nobody is given a chance of leaving here, so there is no customer to look into."
TOO_FEW_HEAVY = (
    "Too few heavy users left or stayed in the past to say what off-boarding looks like."
)
TOO_FEW_LOST = "Too few contracts were lost, or renewed, to compare the ones with the others."
NOT_JUDGED = "No chance was given in the past, so none can be judged by what came true."


def customer(seen: Look | None, currency: str) -> list[Statement]:
    """Say of one customer its chance, what went with it, and what became of its like.

    Parameters
    ----------
    seen : Look or None
    currency : str
        ISO 4217 code.
    """
    if seen is None:
        return [Statement.of("finding", NOBODY, id="customer-said")]
    row, table = seen.risk, evidence.PARTS
    why = [str(row[name]) for name in ("reason_1", "reason_2", "reason_3") if row.get(name)]
    parts: list[Part] = [
        f"{row['account_name']}{_segment(row['segment'])} pays ",
        linked(money(row["arr"], currency), table), " a year and renews on ",
        f"{write(row['term_end'], 'date')}. Its chance of leaving is ",
        linked(percent(row["p_churn"]), table), " (",
        linked(f"{percent(row['p_low'])} to {percent(row['p_high'])}", table),
        "), that of a typical customer of its segment who renewed ",
        linked(percent(seen.base), table), ".",
    ]  # fmt: skip
    if why:
        parts += cited(table, f" What goes with that: {'; '.join(why)}.")
    if row["mind"]:
        parts += cited(table, f" To bear in mind: {row['mind']}.")
    return [Statement.of("finding", *parts, id="customer-said"), *_near(seen)]


def heavy(found: HeavyUse | None) -> list[Statement]:
    """Say how many of today's heavy users show a sign of off-boarding, and what that was worth.

    Parameters
    ----------
    found : HeavyUse or None
    """
    if found is None:
        return [Statement.of("finding", TOO_FEW_HEAVY, id="heavy-said")]
    n_flagged = int(found.terms["flag"].astype(bool).sum())
    parts: list[Part] = [
        "Of ", linked(integer(found.n_heavy_now), leavers.HEAVY), " contracts with heavy use that "
        "come up, ", linked(integer(n_flagged), leavers.HEAVY),
        " show a change of the kind that is seen when a customer packs up: a burst, exports, "
        "another mix of features, falling use. ",
    ]  # fmt: skip
    told = records(found.signs[found.signs["backed"].fillna(False).astype(bool)])
    for row in told:
        parts += [f"Past heavy users with {leavers.sign(row['column'])} left in ",
                  linked(percent(row["churned_with"]), leavers.SIGNS),
                  " of terms, those without in ",
                  linked(percent(row["churned_without"]), leavers.SIGNS), ". "]  # fmt: skip
    if found.signs["too_little"].all():
        parts.append("Too few past heavy users showed any of these to say what they mean.")
    elif not told:
        parts.append("In this history no such sign went clearly with leaving among heavy users, so "
                     "it is a reason to ask, not to worry.")  # fmt: skip
    else:
        parts.append("Other signs went with no more leaving that could be told from chance.")
    return [Statement.of("finding", *parts, id="heavy-said")]


def health(found: Validation | None, *, by_play: bool) -> list[Statement]:
    """Say whether the colours were right in the past, and how they did against the CRM's score.

    Parameters
    ----------
    found : Validation or None
    by_play : bool
        The colours follow from what a call costs: they need not be ordered by their rates.
    """
    if found is None or found.colours.empty:
        return [Statement.of("finding", NOT_JUDGED, id="health-said")]
    answers = colours.answers(by_play=by_play)
    parts: list[Part] = ["Had this been said in past quarters: "]
    for place, row in enumerate(records(found.colours)):
        parts += ["; " if place else "", f"{answers[row['colour']]} (",
                  linked(integer(row["n"]), leavers.HEALTH), " contracts), ",
                  linked(percent(row["observed_rate"]), leavers.HEALTH), " left, expected ",
                  linked(percent(row["expected_rate"]), leavers.HEALTH)]  # fmt: skip
    parts.append(". ")
    if found.n_quarters_compared and not by_play:
        parts += ["Leaving rose from answer to answer in ",
                  linked(integer(found.n_quarters_ordered), leavers.HEALTH), " of ",
                  linked(integer(found.n_quarters_compared), leavers.HEALTH),
                  " quarters."]  # fmt: skip
    return [Statement.of("finding", *parts, id="health-said"), *_against_crm(found)]


def lost(
    found: PostMortem | None, currency: str, left_out: pd.DataFrame | None = None
) -> list[Statement]:
    """Say at which stage lost contracts fell behind more often than renewed ones.

    Parameters
    ----------
    found : PostMortem or None
    currency : str
        ISO 4217 code.
    left_out : DataFrame, optional
        ``Cohort.exclusions``: who was lost besides and could not be looked at.
    """
    if found is None:
        return [Statement.of("finding", TOO_FEW_LOST, id="lost-said")]
    stages = found.stages[found.stages["stage"].isin(found.columns)]
    clear = records(stages[stages["low"] > 0].sort_values("excess", ascending=False))
    n_lost = linked(integer(found.n_lost), leavers.LOST)
    parts: list[Part] = ["Of ", n_lost, " lost contracts, "] if clear else [
        n_lost, " contracts were lost; at none of the stages had they fallen behind clearly more "
        "often than contracts that renewed",
    ]  # fmt: skip
    for place, row in enumerate(clear):
        parts += [", " if place else "", linked(percent(row["share"]), leavers.LOST),
                  f" fell behind first in {STAGES[row['stage']]} (",
                  linked(money(row["arr"], currency), leavers.LOST),
                  " of ARR; of those that renewed ",
                  linked(percent(row["share_of_renewed_behind"]), leavers.LOST), ")"]  # fmt: skip
    whole = found.stages.set_index("stage")
    if "none" in whole.index:
        kept = whole.loc["none"]
        parts += [". ", linked(percent(kept["share"]), leavers.LOST), " of the lost kept pace "
                  "throughout, as far as is recorded, and ",
                  linked(percent(kept["share_of_renewed_behind"]), leavers.LOST),
                  " of the renewed"]  # fmt: skip
    return [
        Statement.of(
        "finding", *parts, ". Any rule of being behind finds something in customers who renewed as "
        "well: only the difference tells, and it tells what went with leaving, not why.",
        id="lost-said",
    ),
        *_not_seen(left_out),
    ]  # fmt: skip


def lost_besides(left_out: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the reasons for which lost contracts are not among those looked at, most first.

    Parameters
    ----------
    left_out : DataFrame or None
        ``Cohort.exclusions``: reason, n_churned.
    """
    if left_out is None or left_out.empty:
        return []
    some = left_out[left_out["n_churned"].fillna(0) > 0]
    return records(some.sort_values("n_churned", ascending=False, kind="stable"))


def _not_seen(left_out: pd.DataFrame | None) -> list[Statement]:
    """Say how many lost contracts are not in the post-mortem, and why."""
    rows = lost_besides(left_out)
    if not rows:
        return []
    total = sum(int(row["n_churned"]) for row in rows)
    parts: list[Part] = ["Not among these are ", linked(integer(total), leavers.LOST),
                         " more lost contracts, which were not there to be looked at so long "
                         "before their renewal: "]  # fmt: skip
    for place, row in enumerate(rows):
        parts += ["; " if place else "", f"{row['reason']} (",
                  linked(integer(int(row["n_churned"])), leavers.LOST), ")"]  # fmt: skip
    return [Statement.of(
        "note", *parts, ". Whoever decides early is among them, so what is said here is of the "
        "later deciders.", id="lost-besides",
    )]  # fmt: skip


def said_stages(frame: pd.DataFrame) -> pd.DataFrame:
    """Return stages with their names in words."""
    return frame.assign(said=frame["stage"].map(STAGES))


def _segment(name: object) -> str:
    return f" ({name})" if isinstance(name, str) else ""


def cycle(seen: Look) -> Statement | None:
    """Say whether adoption keeps pace with the contract: use so far against past renewers'.

    Parameters
    ----------
    seen : Look
    """
    row, table = seen.cycle, evidence.CYCLE
    if not row:
        return None
    by_share = row["aligned"] == "share"
    place = row["percentile_share"] if by_share else row["percentile_day"]
    when = (
        f"{percent(row['term_share'])} into its contract" if by_share
        else f"By day {integer(row['day'])} of its contract"
    )  # fmt: skip
    same = "at the same share of theirs" if by_share else "on the same day of theirs"
    parts = cited(
        table, f"{when} it had used the product more, for each seat, than {percent(place)} of the "
        f"past customers of its kind who renewed, {same}. ",
    )  # fmt: skip
    lag = row["lag_days"]
    if not row["behind"]:
        parts.append("So its adoption was not behind its contract.")
    elif lag is None or pd.isna(lag):
        parts.append("So its adoption was behind its contract.")
    else:
        parts += cited(
            table, "So its adoption was behind its contract: the middle renewer had come as far "
            f"{_days(float(lag))} earlier.",
        )  # fmt: skip
    return Statement.of("finding", *parts, id="cycle-said")


def _days(n: float) -> str:
    whole = max(round(n), 1)
    return "1 day" if whole == 1 else f"{integer(whole)} days"


def _near(seen: Look) -> list[Statement]:
    summary: dict[str, Any] = seen.near_summary
    if not summary:
        return []
    if summary["nothing_near"] or not summary["n_near"]:
        return [Statement.of("note", "No past term was much like this one at the same point.",
                             id="near-said")]  # fmt: skip
    parts: list[Part] = [
        "Of the ", linked(integer(summary["n_near"]), evidence.NEAR),
        " past terms most like it at the same point, ",
        linked(integer(summary["n_churned"]), evidence.NEAR), " were not renewed. These are "
        "stories, not a forecast",
    ]  # fmt: skip
    quality = seen.near_quality
    if quality.get("auc") == quality.get("auc"):
        parts += [": over past terms, such a handful told leaver from stayer in ",
                  linked(f"{pairs(quality['auc'])} of 100", evidence.NEAR),
                  " pairs, half by chance"]  # fmt: skip
    return [Statement.of("note", *parts, ".", id="near-said")]


def _against_crm(found: Validation) -> list[Statement]:
    crm = found.against_crm
    if crm is None:
        return []
    clear = crm["low"] > 0 or crm["high"] < 0
    better = "more" if crm["difference"] > 0 else "fewer"
    return [Statement.of(
        "finding", "Of two customers, one who left and one who stayed, this score rates the leaver "
        "lower in ", linked(pairs(crm["auc"]), leavers.HEALTH),
        " of 100 pairs, the CRM's own score in ", linked(pairs(crm["auc_crm"]), leavers.HEALTH),
        f": {better} by a margin that is beyond chance." if clear
        else ": too close to tell them apart.", id="crm-said",
    )]  # fmt: skip
