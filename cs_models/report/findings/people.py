"""Who uses the product, who is below their peers, and how champions leave, in words.

Grain in: what ``evidence.people`` returned.  Grain out: statements for the page.
"""

from __future__ import annotations

import pandas as pd

from cs_models.learn import advocates, personas
from cs_models.learn.valuing import clusters
from cs_models.report.display import Role, Statement
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence.people import QUIET_DAYS, People
from cs_models.report.evidence.rules import records
from cs_models.report.findings import amounts
from cs_models.report.findings.words import chance, cited, linked, listed
from cs_models.report.values import integer, interval, number, percent

Said = list[Statement]
_YEAR = 12
_CALLED = {
    personas.ONBOARDING: "finishing their onboarding",
    personas.TOP_PAYING: "of the top-paying customers",
    personas.RENEWING: "of customers up for renewal",
}
_DOUBTED = {
    advocates.IN_NOTICE: "that asked to cancel",
    advocates.COMPLAINS: "whose users complain on average",
    advocates.SEVERE: "with a severe case open",
}
_ENOUGH = 10  # silences, from which their share that ended can be judged
_TRUST = 0.5  # of silences that ended by themselves: above it silence is no sign of leaving


def nobody(found: People) -> Said:
    """Say why nothing can be said of users; nothing where something can.

    Parameters
    ----------
    found : People
    """
    if not found.why_not:
        return []
    words = f"Nothing can be said of single users: {found.why_not}."
    return [Statement.of("finding", words, verdict="too_little_data", id="people-said")]


def _untold(found: People, question: str, anchor: str) -> Said:
    words = f"{question} cannot be said: {found.why_not}."
    return [Statement.of("finding", words, verdict="too_little_data", id=anchor)]


def tiers(found: People) -> Said:
    """Say how many users are active, and how many are not.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return nobody(found)
    whole = records(found.tiers)[0]
    return [
        Statement.of(
            "finding", *cited(
                anchors.TIERS, f"Of {integer(whole['n'])} users of paying customers, ",
                linked(percent(whole[personas.NEVER]), anchors.TIERS),
                " were invited and never came, as far as use is on record, and ",
                linked(percent(whole[personas.SILENT]), anchors.TIERS),
                f" came and have not used anything for {found.cuts.silent_days} days. The others "
                "are high, medium or low beside active users of the same role in customers of the "
                "same size, so that a role that comes monthly is not low for it.",
            ),
            id="tiers-said",
        ),
        _explored(found),
    ]  # fmt: skip


def _explored(found: People) -> Statement:
    """Say whether an algorithm finds kinds of users beyond the tiers."""
    groups = found.explored
    if groups.verdict == clusters.FOUND:
        least = percent(min(groups.jaccard))
        words = (
            f"Looked for kinds of active users beyond these tiers: {groups.n_groups} come out "
            f"again when customers are drawn anew (the least stable overlaps by {least}). An "
            "exploration: nobody is called by them."
        )
    else:
        why = {
            clusters.NONE: "active users are one cloud, from little to much",
            clusters.UNSTABLE: "those found change when customers are drawn anew",
            clusters.TOO_FEW: "there are too few active users",
        }[groups.verdict]
        words = f"Looked for kinds of active users beyond these tiers: no stable groups, for {why}."
    return Statement.of("note", *cited(anchors.COUNTED, words), id="explored-said")


def peers(found: People) -> Said:
    """Say in which of the groups that matter users stand lower than their peers.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return _untold(found, "Who is below their peers", "peers-said")
    rows = [row for row in records(found.peers)[1:] if row["n_users"]]
    usual = float(found.peers["place"].iloc[0])
    low = [row for row in rows if row["apart"] and row["place"] < usual]
    high = [row for row in rows if row["apart"] and row["place"] > usual]
    even = [row for row in rows if not row["apart"]]
    parts = []
    for told, words in ((low, "lower than"), (high, "higher than")):
        if told:
            names = listed([f"{_CALLED[row['group']]} ({percent(row['place'])})" for row in told])
            parts.append(f"Users {names} stand {words} their peers ({percent(usual)} on average).")
    if even:
        names = listed([_CALLED[row["group"]] for row in even])
        parts.append(f"Users {names} cannot be told apart from their peers.")
    if not rows:
        parts.append("No user is in any of the groups that matter.")
    table = found.to_help
    return [
        Statement.of("finding", *cited(anchors.PEERS, " ".join(parts)), id="peers-said"),
        Statement.of(
            "finding", *cited(
                anchors.BELOW,
            linked(amounts.counted(len(found.below), "user"), anchors.BELOW),
            " who came at least once are below their peers there: the least active of the active "
            f"(by the cut itself, the lowest {percent(found.cuts.below)}), and sponsors who "
            "have fallen silent. Apart from these, ",
            linked(amounts.counted(table["n_never"].sum(), "user"), anchors.BELOW),
            " there were invited and never came: to be invited again, not to be coached. They are "
            f"of {amounts.counted(len(table), 'customer')}, and listed by customer; at "
            f"{integer((table['sponsors'] != '').sum())} of them a sponsor is away.",
            ),
            id="below-said",
        ),
    ]  # fmt: skip


def champions(found: People) -> Said:
    """Say how soon champions leave, which are silent, and what went with a departure.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return _untold(found, "How soon champions leave", "champions-said")
    if found.leaving is None:
        return []
    told = found.leaving
    n = int(found.champion.sum())
    out = [
        Statement.of(
            "finding", *cited(
                anchors.COUNTED,
                f"Of {integer(n)} champions and most active admins of paying customers, ",
                linked(_have(len(found.silent)), anchors.COUNTED),
                f" been silent for {found.cuts.silent_days} days or more; "
                f"{_have(found.n_quiet)} been silent for {_pause(found)}, and "
                f"{integer(found.n_at_risk)} others never came or are among the least active of "
                "their kind. Page 06 names champions who have used nothing for more than "
                f"{QUIET_DAYS} days.",
            ),
            id="champions-said",
        )
    ]  # fmt: skip
    if not told.role:
        words = "No login is recorded as a champion or an admin: how soon they leave is not known."
        return [*out, Statement.of("note", words, id="leaving-said")]
    row = records(told.table)[0]
    stays = 1 - (1 - row["hazard"]) ** _YEAR
    who = "Champions" if told.role == "champion" else "Admins (no login is called a champion)"
    out.append(
        Statement.of(
            "finding", *cited(
                anchors.LEAVING, f"{who} left in ",
            linked(f"{chance(row['hazard'])} of their months", anchors.LEAVING),
            f" ({interval(row['low'], row['high'], digits=1)}): about {percent(stays)} of them "
            f"within a year. {integer(row['left'])} departures of {integer(row['n'])} people.",
            ),
            id="leaving-said",
        )
    )  # fmt: skip
    return [*out, *_trusted(found), after(found)]


def _have(n: int) -> str:
    return f"{integer(n) if n else 'none'} {'have' if n > 1 else 'has'}"


def _pause(found: People) -> str:
    """Return how long those have been away who are not silent yet."""
    return f"{QUIET_DAYS + 1} to {found.cuts.silent_days - 1} days"


def _trusted(found: People) -> Said:
    told = found.leaving
    if told is None or not told.n_silences:
        return []
    share = told.n_returned / told.n_silences
    doubtful = share > _TRUST and told.n_silences >= _ENOUGH
    words = (
        f"Of {integer(told.n_silences)} departures read from silence alone, "
        f"{integer(told.n_returned)} came back later"
        + (": silence says little here." if doubtful else ".")
    )
    role: Role = "caution" if doubtful else "note"
    return [Statement.of(role, *cited(anchors.COUNTED, words), id="silence-said")]


def after(found: People) -> Statement:
    """Say what went with a champion's departure at the next renewal.

    Parameters
    ----------
    found : People
    """
    gap = found.after
    if gap is None or gap.difference != gap.difference:
        n = 0 if gap is None else gap.n_with
        words = (
            f"Only {amounts.counted(n, 'renewal')} came after a champion had left in time to "
            "tell: too few to compare."
            if n else "No renewal came after a champion had left in time to tell, so there is "
            "nothing to compare."
        )  # fmt: skip
        return Statement.of("note", *cited(anchors.COUNTED, words), verdict="too_little_data",
                            id="after-said")  # fmt: skip
    ends = interval(gap.low, gap.high, "points")
    words = (
        f"Customers whose champion left during the term, 90 days or more before its end, renewed "
        f"in {percent(gap.with_it)} of {integer(gap.n_with)} cases; others of the same segment and "
        f"number of renewals in {percent(gap.without)}. "
    )
    words += (
        f"The gap ({ends}) went with the departure; it need not come from it."
        if gap.clear
        else f"The gap ({ends}) cannot be told from none."
    )
    return Statement.of("finding", *cited(anchors.COUNTED, words), id="after-said")


def candidates(found: People) -> Said:
    """Say who could be asked to speak for the product.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return _untold(found, "Who could speak for the product", "candidates-said")
    users = found.candidates
    if users.empty:
        words = (
            "Nobody is among the most active users of the highest-paying customers without "
            "something that speaks against asking."
        )
        words += _not_asked(found)
        return [Statement.of("finding", *cited(anchors.COUNTED, words), id="candidates-said")]
    promoters = int((users["answer"] == advocates.PROMOTER).sum())
    customers = users["account_id"].nunique()
    half = float(users["active_days__last_28d"].astype("float64").median())
    return [
        Statement.of(
            "finding", *cited(
                anchors.COUNTED, linked(amounts.counted(len(users), "user"), anchors.COUNTED),
            f" of {integer(customers)} of the highest-paying customers are the most active for "
            f"their role: half of them used the product on {days(half)} or more of the last 28. ",
            linked(integer(promoters), anchors.COUNTED),
            " of them gave a promoter's answer (9 or 10) within 180 days and can be asked for a "
            "reference or a review. Of the other ",
            linked(integer(len(users) - promoters), anchors.COUNTED),
            " no such answer is known: they are active, which is not the same as content, and are "
            "to be asked to try what is new only. At most three of one customer."
            + _not_asked(found),
            ),
            id="candidates-said",
        ),
        Statement.of(
            "note", "Which customers, rather than persons, could speak for the product is on page "
            "06 in the list \u201cWho could speak for us\u201d. It asks for a promoter's answer "
            "of the customer and for deep use, at customers of any size.",
            id="advocacy-said",
        ),
    ]  # fmt: skip


def days(n: float) -> str:
    """Return a number of days in words.

    Parameters
    ----------
    n : float
    """
    return f"{number(n)} day" if n == 1 else f"{number(n)} days"


def _not_asked(found: People) -> str:
    """Say which customers are left out, and why."""
    told = [f"{integer(n)} {_DOUBTED[str(why)]}" for why, n in found.left_out.items() if n]
    if not told:
        return ""
    return f" Left out are all users of {integer(found.left_out.sum())} customers: {listed(told)}."


def counted(found: People) -> list[tuple[str, str]]:
    """Return the single numbers of the sentences about users: what was counted, and how much.

    Parameters
    ----------
    found : People
    """
    users, told, gap = found.candidates, found.leaving, found.after
    n = 0 if gap is None else gap.n_with
    compared = gap is not None and gap.difference == gap.difference
    rows = [
        ("Champions and most active admins of paying customers",
         integer(found.champion.sum())),
        (f"of them silent for {found.cuts.silent_days} days or more", integer(len(found.silent))),
        (f"of them silent for {_pause(found)}", integer(found.n_quiet)),
        ("of the others, never came or among the least active of their kind",
         integer(found.n_at_risk)),
        ("Departures of champions read from silence alone",
         integer(told.n_silences) if told else ""),
        ("of them came back later", integer(told.n_returned) if told else ""),
        ("Renewals after a champion left, 90 days or more before the end", integer(n)),
    ]  # fmt: skip
    if gap is not None and compared:
        rows += [
            ("of them renewed", percent(gap.with_it)),
            ("Others of the same segment and number of renewals: renewed", percent(gap.without)),
            ("Gap between the two, 95 % interval", interval(gap.low, gap.high, "points")),
        ]  # fmt: skip
    rows += _counted_candidates(users)
    rows += [(f"Left out: customers {_DOUBTED[str(why)]}", integer(k))
             for why, k in found.left_out.items() if k]  # fmt: skip
    rows.append(("Left out: customers in all", integer(found.left_out.sum())))
    if found.explored.verdict == clusters.FOUND:
        rows += [
            ("Stable kinds of active users found beyond the tiers",
             integer(found.explored.n_groups)),
            ("Overlap of the least stable of them, customers drawn anew",
             percent(min(found.explored.jaccard))),
        ]  # fmt: skip
    return rows


def _counted_candidates(users: pd.DataFrame) -> list[tuple[str, str]]:
    if users.empty:
        return []
    promoters = int((users["answer"] == advocates.PROMOTER).sum())
    half = float(users["active_days__last_28d"].astype("float64").median())
    return [
        ("Users most active for their role at the highest-paying customers", integer(len(users))),
        ("of so many customers", integer(users["account_id"].nunique())),
        ("of them promoters (answer of 9 or 10 within 180 days)", integer(promoters)),
        ("of them without such an answer", integer(len(users) - promoters)),
        ("Half of them used the product, in the last 28 days, on at least", days(half)),
    ]
