"""The frames behind "did the sale fit" and "who is stuck in onboarding, at which step".

Grain in: canonical tables and the terms of ``evidence.ramps``.  Grain out: renewal by what was
known at the sale (``learn.fit``); one row per account in its first term with its first open step.
``customer_success.md`` Q1; ``methods.md`` 1.1 (point in time).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats

from cs_models.learn import fit, personas
from cs_models.report.evidence.ramps import Courses

COLUMNS: Final = ("acquisition_channel", "segment", "industry", "region", "plan", "size")
SIZES: Final = (0, 50, 250, 1000, np.inf)
SIZE_NAMES: Final = ("under 50 people", "50 to 249", "250 to 999", "1,000 and more")
ONBOARDING: Final = "onboarding"
SPONSOR_DAYS: Final = 28
EARLY_DAYS: Final = 60
LEAST_PAST: Final = 20
ALPHA: Final = 0.05
NO_STEPS: Final = "the source keeps no onboarding steps (table milestones)"
STUCK_COLUMNS: Final = (
    "account_id", "account_name", "segment", "arr", "days_as_customer", "step", "days_late",
    "past_share", "training", "sponsor", "sponsor_days", "early_tickets", "open_tickets",
)  # fmt: skip


TELLING: Final = ("trait", "n", "n_others", "share", "share_others", "holds")
NO_SPONSOR, EARLY_CASES = "no sponsor", "early cases"


@dataclass(frozen=True)
class Stuck:
    """Accounts in their first term that wait at a step of onboarding.

    An account waits at a step that was due and is open only where no step that usually comes later
    is done; where one is, a tick is missing, and the account does not wait.

    Attributes
    ----------
    accounts : DataFrame, one row per account that is late, longest late first
        ``account_id``, ``account_name``, ``segment``, ``arr``, ``days_as_customer``, ``step`` (the
        first it waits at), ``days_late``, ``past_share`` (of past accounts that had
        taken the step so long after its due date; missing below 20), ``training`` ("kept", "late",
        "not yet due", "not planned"), ``sponsor`` ("engaged", "silent", "none on record", "not
        recorded"), ``sponsor_days`` (since a sponsor's last use; missing: never), ``early_tickets``
        (in the first 60 days), ``open_tickets``; missing where the source keeps no such table.
    steps : DataFrame, one row per step
        ``step``, ``n`` (accounts late at it), ``arr``, ``days_late`` (median).
    n_first : int
        Accounts in their first term that have a plan.
    n_unticked : int
        Accounts that do not wait, but have a step without a date while a later one is done.
    telling : DataFrame, one row per trait
        ``trait`` ("no sponsor", "early cases"), ``n``, ``n_others``, ``share``, ``share_others``
        (of those who wait, and of the other first terms with a step due), ``holds`` (Fisher's exact
        test, both traits counted).
    why_not : str
    """

    accounts: pd.DataFrame
    steps: pd.DataFrame
    n_first: int
    why_not: str = ""
    n_unticked: int = 0
    telling: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(TELLING)))


def sale(found: Courses, *, rng: np.random.Generator, min_accounts: int = 20) -> fit.Fit:
    """Hold renewal against what was known at the sale.

    Parameters
    ----------
    found : Courses
    rng : numpy.random.Generator
    min_accounts : int, default 20
        Smaller kinds of customers are put together.
    """
    first = pd.Timestamp(found.data_start)
    past = found.terms[found.terms["past"] & (found.terms["closed_date"] > first)]
    people = past["employees"].astype("Float64").astype(float)
    sizes = pd.cut(people, list(SIZES), right=False, labels=list(SIZE_NAMES)).astype(object)
    return fit.learn(past.assign(size=sizes), COLUMNS, rng=rng, min_accounts=min_accounts)


def stuck(tables: Mapping[str, ir.Table], found: Courses) -> Stuck:
    """Say which accounts of their first term are late with a step, and what goes with it.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    """
    nobody = pd.DataFrame(columns=list(STUCK_COLUMNS))
    no_steps = pd.DataFrame(columns=["step", "n", "arr", "days_late"])
    if "milestones" not in tables:
        return Stuck(nobody, no_steps, 0, NO_STEPS)
    today = pd.Timestamp(found.as_of)
    plan = _plan(tables["milestones"], today)
    if plan.empty:
        return Stuck(nobody, no_steps, 0, "no step of onboarding has a date by which it was due")
    first = found.terms[found.terms["running"] & (found.terms["term_no"] == 1)]
    first = first.drop_duplicates("account_id")
    mine = plan[plan["account_id"].isin(first["account_id"])]
    open_step, unticked = _waiting(mine, usual_order(plan), today)
    due = mine.loc[mine["due"] < today, "account_id"].unique()
    named = first[["account_id", "account_name", "segment", "arr", "term_start"]]
    whole = _sponsors(tables, named[named["account_id"].isin(due)].reset_index(drop=True), found)
    whole = _tickets(tables, whole, found)
    rows = open_step.merge(whole, on="account_id")
    rows["days_late"] = (today - rows["due"]).dt.days
    rows["days_as_customer"] = (today - rows["term_start"]).dt.days
    rows["past_share"] = _past_share(rows, plan[~plan["account_id"].isin(first["account_id"])])
    rows["training"] = _training(rows, mine, today)
    rows = rows.sort_values(["days_late", "arr", "account_id"], ascending=[False, False, True],
                            ignore_index=True)[list(STUCK_COLUMNS)]  # fmt: skip
    steps = rows.groupby("step").agg(
        n=("account_id", "size"), arr=("arr", "sum"), days_late=("days_late", "median")
    )
    steps = steps.sort_values("n", ascending=False).reset_index()
    n_first, waits = int(mine["account_id"].nunique()), whole["account_id"].isin(rows["account_id"])
    return Stuck(rows, steps, n_first, "", len(unticked), _telling(whole, waits))


def usual_order(plan: pd.DataFrame) -> pd.Series:
    """Put the steps of onboarding in the order in which they are usually due.

    Parameters
    ----------
    plan : DataFrame
        One row per account and step: ``account_id``, ``step``, ``due``.

    Returns
    -------
    Series of int, by step
        0 the first: by the median of the days since the account's first due date, then by name.
    """
    into = (plan["due"] - plan.groupby("account_id")["due"].transform("min")).dt.days
    usual = into.groupby(plan["step"]).median().rename("days").reset_index()
    ordered = usual.sort_values(["days", "step"])["step"]
    return pd.Series(range(len(ordered)), index=pd.Index(ordered))


def _waiting(
    plan: pd.DataFrame, order: pd.Series, today: pd.Timestamp
) -> tuple[pd.DataFrame, set[str]]:
    """Return the step at which each account waits, and the accounts that only lack a tick."""
    place = plan["step"].map(order)
    furthest = place.where(plan["done"], -1).groupby(plan["account_id"]).transform("max")
    late = ~plan["done"] & (plan["due"] < today)
    waits = plan[late & (place > furthest)].assign(place=place)
    unticked = set(plan.loc[late & (place < furthest), "account_id"]) - set(waits["account_id"])
    first = waits.sort_values(["account_id", "place"]).drop_duplicates("account_id")
    return first.drop(columns="place"), unticked


def _telling(whole: pd.DataFrame, waits: pd.Series) -> pd.DataFrame:
    """Hold those who wait against the others, trait by trait."""
    away = whole["sponsor"].isin(["silent", "none on record"])
    traits = {
        NO_SPONSOR: (away, (whole["sponsor"] != "not recorded").any()),
        EARLY_CASES: (whole["early_tickets"] > 0, whole["early_tickets"].notna().any()),
    }
    rows = []
    for name, (has, known) in traits.items():
        if not known or not waits.any() or waits.all():
            continue
        table = [[int((has & own).sum()), int((~has & own).sum())] for own in (waits, ~waits)]
        p = float(stats.fisher_exact(table)[1]) * len(traits)
        n, others = sum(table[0]), sum(table[1])
        rows.append((name, n, others, table[0][0] / n, table[1][0] / others, p < ALPHA))
    return pd.DataFrame(rows, columns=list(TELLING))


def _plan(table: ir.Table, today: pd.Timestamp) -> pd.DataFrame:
    """Return the dated steps of onboarding, done by today or not."""
    own = table.filter(table.kind == ONBOARDING)
    plan: pd.DataFrame = own.select(
        "account_id", step="milestone", due="due_at", completed="completed_at"
    ).to_pyarrow().to_pandas()  # fmt: skip
    for name in ("due", "completed"):
        plan[name] = pd.to_datetime(plan[name]).astype("datetime64[s]")
    plan = plan.dropna(subset=["due"])
    return plan.assign(done=plan["completed"] < today)


def _past_share(rows: pd.DataFrame, past: pd.DataFrame) -> pd.Series:
    """Return which share of past accounts had taken each step so long after its due date."""
    delay = (past["completed"] - past["due"]).dt.days.where(past["done"], np.inf)
    by_step = {step: np.sort(own.to_numpy()) for step, own in delay.groupby(past["step"])}
    out = []
    for step, days in zip(rows["step"], rows["days_late"], strict=True):
        own = by_step.get(step, np.empty(0))
        enough = len(own) >= LEAST_PAST
        out.append(np.searchsorted(own, days, side="right") / len(own) if enough else np.nan)
    return pd.Series(out, index=rows.index, dtype=float)


def _training(rows: pd.DataFrame, plan: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """Say whether the step named training was taken by its date."""
    own = plan[plan["step"].str.contains("train", case=False)].drop_duplicates("account_id")
    own = own.set_index("account_id").reindex(rows["account_id"])
    kept = (own["completed"] <= own["due"]) & own["done"].eq(True)
    words = np.select(
        [own["due"].isna(), kept, own["due"] >= today], ["not planned", "kept", "not yet due"],
        "late",
    )  # fmt: skip
    return pd.Series(words, index=rows.index)


def _sponsors(tables: Mapping[str, ir.Table], rows: pd.DataFrame, found: Courses) -> pd.DataFrame:
    """Say how long ago a sponsor of each account last used the product."""
    if "users" not in tables:
        return rows.assign(sponsor="not recorded", sponsor_days=np.nan)
    users, events, today = tables["users"], tables["events"], ibis.literal(found.as_of)
    own = users.filter(
        users.role.isin(personas.SPONSORS),
        users.account_id.isin(rows["account_id"].tolist() or [""]),
        users.created_date < today,
        ~(users.deactivated_date < today).fill_null(False),
    )
    own = own.select("user_id", of_account="account_id")
    used = events.filter(events.event_date < today).select("event_date", used_by="user_id")
    pairs = own.left_join(used, own.user_id == used.used_by)
    last = pairs.group_by("of_account").agg(last=pairs.event_date.max()).to_pyarrow().to_pandas()
    last = last.set_index("of_account")["last"]
    there = rows["account_id"].isin(last.index)
    when = pd.to_datetime(last.reindex(rows["account_id"])).set_axis(rows.index)
    days = (pd.Timestamp(found.as_of) - when).dt.days.astype(float)
    words = np.select([~there, days <= SPONSOR_DAYS], ["none on record", "engaged"], "silent")
    return rows.assign(sponsor=words, sponsor_days=days)


def _tickets(tables: Mapping[str, ir.Table], rows: pd.DataFrame, found: Courses) -> pd.DataFrame:
    """Count the support cases of each account's first days, and those still open."""
    if "tickets" not in tables:
        return rows.assign(early_tickets=np.nan, open_tickets=np.nan)
    table, today = tables["tickets"], pd.Timestamp(found.as_of)
    own = table.filter(table.account_id.isin(rows["account_id"].tolist() or [""]))
    cases = own.select("account_id", "opened_date", "closed_date").to_pyarrow().to_pandas()
    for name in ("opened_date", "closed_date"):
        cases[name] = pd.to_datetime(cases[name]).astype("datetime64[s]")
    cases = cases[cases["opened_date"] < today].merge(
        rows[["account_id", "term_start"]], on="account_id"
    )
    age = (cases["opened_date"] - cases["term_start"]).dt.days
    cases = cases.assign(early=age.between(0, EARLY_DAYS - 1),
                         still=~(cases["closed_date"] < today))  # fmt: skip
    counted = cases.groupby("account_id")[["early", "still"]].sum().reindex(rows["account_id"])
    counted = counted.fillna(0).astype(int).set_axis(rows.index)
    return rows.assign(early_tickets=counted["early"], open_tickets=counted["still"])
