"""The first screen of notebook 03: how much is at risk, whose, and how well such words did before.

Grain in: what ``evidence.predictors`` learnt and said.  Grain out: statements.  A chance went
with something; it was not caused by it.
"""

from __future__ import annotations

from cs_models.features.readable import NOTICE
from cs_models.learn.predictors import history, ladder
from cs_models.report.display import Statement
from cs_models.report.evidence import callers, foretold
from cs_models.report.evidence import predictors as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.foretold import Judged
from cs_models.report.evidence.predictors import Learnt, Today, records
from cs_models.report.findings import colours as wording
from cs_models.report.findings.amounts import customers
from cs_models.report.findings.words import Part, cited, linked, pairs, spread
from cs_models.report.values import integer, interval, money, number, percent

NAMED = 3
NOBODY = "Nobody comes up for renewal in the time that can be read, so no chance is given."
_BASE = "L0"


def answer(
    learnt: Learnt, coming: Due, today: Today | None, called: Calls | None, currency: str
) -> list[Statement]:
    """Say what is at risk, whose, and how well such warnings did, or why none is given.

    Parameters
    ----------
    learnt : Learnt
    coming : Due
    today : Today or None
        None where nothing was learnt or nobody comes up.
    called : Calls or None
    currency : str
        ISO 4217 code.

    Returns
    -------
    list of Statement
        Where the model foretold no better than each segment's share, that comes first.
    """
    if learnt.past is None:
        return [too_little(learnt)]
    first = [] if learnt.better else [no_better(learnt)]
    if today is None:
        return [*first, Statement.of("answer", NOBODY, id="answer")]
    said = [
        Statement.of("answer", *at_stake(today, coming, currency), id="answer"),
        *_leading(today, currency),
    ]
    before = [] if called is None or not learnt.better else [warnings(called)]
    return [*first, *said, *before]


def too_little(learnt: Learnt) -> Statement:
    """Say that the history is too short to foretell anything, and what it would take."""
    counts = learnt.counts
    return Statement.of(
        "answer", "The history is too short to say who will leave. At the ends of ",
        linked(integer(counts["n_terms"]), "exclusions"), " contract terms, ",
        linked(integer(counts["n_churned_accounts"]), "exclusions"), " of ",
        linked(integer(counts["n_accounts"]), "exclusions"), " customers left. To learn from, it "
        "takes ", linked(integer(history.MIN_CHURNED_ACCOUNTS), "exclusions"),
        " customers who left, some who stayed, and ",
        linked(integer(ladder.MIN_ORIGINS), "exclusions"), " past quarters with enough known "
        "before each, by which what is said can be judged. Nobody is given a chance of leaving "
        "here; what the history does show is below.", verdict="too_little_data", id="answer",
    )  # fmt: skip


def no_better(learnt: Learnt) -> Statement:
    """Say that no model foretold past quarters better than each segment's share that left."""
    past = learnt.past
    if past is None:
        return too_little(learnt)
    whose = (
        "The chances below are therefore those of the customer's segment, the same for all in it; "
        "what makes one list differ from another is what customers pay."
        if past.chosen == _BASE
        else "Take the order of the list below with that in mind."
    )
    return Statement.of(
        "answer", "These records do not tell who will leave better than the plain share of each "
        "segment that left before: over ", linked(integer(learnt.counts["n_foretold"]),
        foretold.LADDER), " terms of ", linked(integer(past.n_origins), foretold.QUARTERS),
        f" past quarters no model was clearly ahead of it. {whose}", verdict="none",
        id="no-better",
    )  # fmt: skip


def at_stake(today: Today, coming: Due, currency: str) -> list[Part]:
    """Say how many come up, how many are expected to leave, and with how much money."""
    t, table = today.totals, evidence.TOTALS
    notice = coming.left_out.set_index("key").loc[NOTICE]
    gone: list[Part] = [
        " Besides, ", linked(integer(notice["n_accounts"]), "left-out"),
        " customer with " if notice["n_accounts"] == 1 else " customers with ",
        linked(money(notice["arr"], currency), "left-out"),
        f" a year {_of_one('have given notice already', int(notice['n_accounts']))}.",
    ]  # fmt: skip
    return [
        f"From {coming.since:%-d %B} to {coming.until:%-d %B %Y}, ",
        linked(integer(t["n_accounts"]), table),
        " customers who pay ", linked(money(t["arr"], currency), table),
        " a year come up for renewal. Going by the past, about ",
        linked(number(t["expected_leavers"], 0), table), " of their ",
        linked(integer(t["n_terms"]), table), " contracts will not be renewed, and about ",
        linked(_rounded(t["expected_loss"], currency), table),
        " of ARR is at risk; learnt from other customers, that sum might have been ",
        linked(_rounded(t["expected_loss_low"], currency), table), " to ",
        linked(_rounded(t["expected_loss_high"], currency), table), ".",
        *(gone if notice["n_accounts"] else []),
    ]  # fmt: skip


def warnings(called: Calls) -> Statement:
    """Say of whom the list would have warned in past quarters, against the largest customers."""
    table = callers.CALLS
    if called.everyone:
        return Statement.of(
            "answer", "The team's ", linked(integer(called.k), table), " calls reach every "
            "customer who came up in a past quarter, so no list is needed to choose among them.",
            id="warnings",
        )  # fmt: skip
    model, arr = (called.value(name, "precision") for name in ("model", "arr"))
    own, largest = (called.value(name, "arr_caught") for name in (callers.LOSS, "arr"))
    return Statement.of(
        "answer", "Such warnings in the past ", linked(integer(called.n_quarters), table),
        " quarters: of the ", linked(integer(called.k), table),
        " customers with the highest chance in each, ", linked(percent(model["value"]), table),
        " left (", linked(interval(model["low"], model["high"]), table), "), against ",
        linked(percent(arr["value"]), table), " of the largest. The list below, chance times ARR, "
        "would have held ", linked(percent(own["value"]), table), " of the ARR that left, against ",
        linked(percent(largest["value"]), table), f" on a list of the largest{_tie(largest, own)}.",
        id="warnings",
    )  # fmt: skip


def doubt(learnt: Learnt, judged: Judged | None, today: Today | None) -> list[Statement]:
    """Say how sure this is: pairs told apart, chances that came true, and what no band holds.

    Parameters
    ----------
    learnt : Learnt
    judged : Judged or None
    today : Today or None
    """
    if judged is None:
        return []
    auc, ratio, slope = (judged.value(name) for name in ("auc", "observed_to_expected", "slope"))
    right = slope["low"] <= 1 <= slope["high"]
    return [
        Statement.of(
            "finding", "How sure: judged on ", linked(integer(learnt.counts["n_foretold"]),
            foretold.QUARTERS), " terms of past quarters, each with what was known then. Of two "
            "customers, one who left and one who stayed, the leaver was given the higher chance in "
            , linked(f"{pairs(auc['value'])} of 100", foretold.MEASURES), " pairs (",
            linked(f"{pairs(auc['low'])} to {pairs(auc['high'])}", foretold.MEASURES),
            "; the segment's share alone ", linked(pairs(judged.auc_base), foretold.LADDER),
            ", half by chance). For every 100 who were expected to leave, ",
            linked(pairs(ratio["value"]), foretold.CURVE), " left (",
            linked(f"{pairs(ratio['low'])} to {pairs(ratio['high'])}", foretold.CURVE), ").",
            *([] if right else [f" {spread(slope)} (Are the chances true?)."]), *_flagged(today),
            " The range of the money does not hold the luck of the coming quarters, so what "
            "leaves may lie further off. What went with leaving need not be why anybody left.",
            id="doubt",
        )
    ]  # fmt: skip


def due(coming: Due, currency: str) -> list[Statement]:
    """Say of whom the page does not speak, and why."""
    out = coming.left_out[coming.left_out["n_terms"] > 0]
    if out.empty:
        return []
    parts: list[Part] = ["Some running contracts are not spoken of here: "]
    for place, row in enumerate(records(out)):
        n = int(row["n_accounts"])
        parts += [". " if place else "", linked(integer(n), "left-out"),
                  " customer (" if n == 1 else " customers (",
                  linked(money(row["arr"], currency), "left-out"),
                  *cited("left-out", f" a year) who {_of_one(row['reason'], n)}")]  # fmt: skip
    return [Statement.of("note", *parts, ".", id="not-spoken-of")]


def _of_one(reason: str, n: int) -> str:
    """Put the verb with which a reason begins in the number of those it is said of."""
    verb, _, rest = reason.partition(" ")
    one = {"have": "has", "are": "is", "renew": "renews", "come": "comes", "do": "does"}
    return f"{one[verb]} {rest}" if n == 1 and verb in one else reason


def colours(today: Today, currency: str) -> list[Statement]:
    """Say for whom a call pays, what health is, and which answers are held from last time."""
    limits, t, where = today.limits, today.totals, evidence.AT_RISK
    if limits.play is None:
        meaning = (
            "By far above the past share is a chance of leaving at least "
            f"{limits.red_multiple:g} times the share of past contracts that left "
            f"({percent(limits.base_rate)}). "
        )
        today_is = "stand by far above it"
    else:
        play = limits.play
        meaning = (
            f"A call ({money(play.cost, currency)}) surely pays where it does even if it keeps "
            f"only {percent(play.save_rate_low)} of those who would leave, and perhaps where it "
            f"has to keep {percent(play.save_rate_high)}. The larger the contract, the smaller "
            "the chance at which it pays. "
        )
        today_is = "are surely worth a call"
    some: list[Part] = [
        "Today ", linked(customers(int(t["n_red"])), where), " with ",
        linked(money(t["arr_red"], currency), where), f" a year {today_is}. ",
    ]  # fmt: skip
    nobody = f"Today none {today_is.replace('are', 'is').replace('stand', 'stands')}. "
    return [
        Statement.of(
            "finding", *cited(where, meaning), *(some if t["n_red"] else [nobody]),
            *cited(where, wording.MEANING), id="colours",
        ),
        *_held(today),
    ]  # fmt: skip


def _held(today: Today) -> list[Statement]:
    """Say of how many contracts the last report's answer is kept, though a limit was crossed."""
    t = today.totals
    if today.since is None or not t["n_before"]:
        return []
    return [Statement.of(
        "note", "Of ", linked(integer(t["n_before"]), evidence.AT_RISK),
        f" contracts that the report of {today.since:%Y-%m-%d} told of too, ",
        linked(integer(t["n_held"]), evidence.AT_RISK),
        " keep the answer given then: the chance has crossed a limit since, but its band has not, "
        "and that was seen for the first time.", id="colours-held",
    )]  # fmt: skip


def _flagged(today: Today | None) -> list[Part]:
    """Say of how many the chance is not to be relied on."""
    if today is None:
        return []
    told = (("n_uncertain", "have a chance that may be far off"),
            ("n_odd", "are unlike those that were learnt from"))  # fmt: skip
    parts: list[Part] = []
    for name, words in told:
        if today.totals[name]:
            parts += [" and " if parts else " Of today's contracts, ",
                      linked(integer(today.totals[name]), evidence.AT_RISK),
                      f" {words}"]  # fmt: skip
    return [*parts, "."] if parts else []


def _leading(today: Today, currency: str) -> list[Statement]:
    top = records(today.risk.head(NAMED))
    named: list[Part] = []
    for row in top:
        if row["expected_loss"] == row["expected_loss"]:  # not NaN
            named += ["; " if named else "", f"{row['account_name']} (",
                      linked(money(row["arr"], currency), evidence.AT_RISK), " a year, chance ",
                      linked(f"{percent(row['p_churn'])}, between "
                             f"{percent(row['p_low'])} and {percent(row['p_high'])}",
                             evidence.AT_RISK), ")"]  # fmt: skip
    if not named:
        return []
    return [Statement.of("answer", "Most is at stake with ", *named, ".", id="leading")]


def _tie(largest: dict[str, float], own: dict[str, float]) -> str:
    """Say when the list of the largest customers does as well."""
    return "" if own["value"] > largest["high"] else ", which cannot be told apart"


def _rounded(amount: float, currency: str) -> str:
    """Write money that is an estimate with three figures at most."""
    if amount <= 0:
        return money(0, currency)
    places = max(0, len(str(int(amount))) - 3)
    return money(round(amount, -places), currency)
