"""The frames behind "does reaching adoption go with staying".

Grain in: account episodes watched from their first day, and the use of the product.  Grain out:
the day on which each reached adoption, and two comparisons of leaving with and without it: one
that counts each customer as without it until that day, and the naive one.  ``methods.md`` 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.errors import DataError, TooLittleDataError
from cs_models.features import adoption, cohort
from cs_models.features import panel as panels
from cs_models.features.adoption import Definition
from cs_models.learn import survival
from cs_models.learn.evaluation import metrics
from cs_models.report.evidence.survival import History, Untold, told

LEAST_SIDE: Final = 20
CLEAR: Final = 0.05
_HALVES: Final = 2
_ADOPTED: Final = "adopted"


@dataclass(frozen=True)
class Reached:
    """What adopted means here, and when each customer reached it.

    Attributes
    ----------
    words : str
        The definition.
    did : str
        What a customer that reached it had done: "reached adoption", or the definition itself
        where no level of adoption is in force, lest the word mean two things in one report.
    lives : DataFrame, one row per account episode watched from its start
        As ``History.lifetimes``: those of whom it is known whether they reached it.
    days : Series, indexed as ``lives``
        Days from the start to the adoption; missing where it was not seen.
    chosen_on : int
        Customers on whom the definition was chosen, and who have no part in the comparison; 0
        where it was given.
    learnt : bool, default False
        The level was learnt from the same customers: the comparison flatters it.
    why : str, default ""
        Why no level of adoption is in force.
    """

    words: str
    did: str
    lives: pd.DataFrame
    days: pd.Series
    chosen_on: int
    learnt: bool = False
    why: str = ""


@dataclass(frozen=True)
class Compared:
    """How often customers leave with adoption, against without it, lengths of contract apart.

    Attributes
    ----------
    table : DataFrame
        ``how`` ("timed", "naive"; "early" and "late" too where the ratio changes over time),
        ``ratio``, ``low``, ``high`` (of the rates at which customers leave, with adoption over
        without), ``p``.
    p_same : float
        Of the exact score test that the timed ratio is the same at all times.
    cut_day : float
        Half of those that left had done so by this day of theirs: early is up to it.
    n_lengths : int
        Usual lengths of contract within which customers are compared.
    n, n_reached, n_left : int
        Customers compared, those that reached it while they were watched, and those that left.
    median_day : float
        Half of those that reached it had done so by this day.
    model : Cox
        Behind the timed ratio, of the rows of a customer's time with and without it.
    """

    table: pd.DataFrame
    p_same: float
    cut_day: float
    n_lengths: int
    n: int
    n_reached: int
    n_left: int
    median_day: float
    model: survival.Cox


def reached(
    tables: Mapping[str, ir.Table],
    past: History,
    panel: pd.DataFrame,
    definition: Definition | None,
    *,
    why: str,
    first_days: int,
    data_start: date | None,
    rng: np.random.Generator,
) -> Reached | Untold:
    """Find the day on which each customer reached adoption.

    With a definition: the first day of judgement on which a term met it.  Without one: the day on
    which the customer had used one feature as often as the median term in its first days; feature
    and count are chosen on a random half of the customers, and the other half is compared.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    past : History
    panel : DataFrame
        Of terms judged before their renewal date, with counts of the first days.
    definition : Definition or None
        The one in force, which the other pages use too.
    why : str
        Where it is from, or why there is none.
    first_days : int
        Window from the start of the term, in days.
    data_start : datetime.date or None
        As in the run's parameters.
    rng : numpy.random.Generator
        Deals the customers into halves.
    """
    lives = past.lifetimes[past.lifetimes["entry_days"] == 0]
    if definition is not None:
        return _by_definition(tables, past, lives, definition, data_start)
    accounts = np.sort(past.lifetimes["account_id"].unique())
    chosen = rng.permutation(accounts)[: len(accounts) // _HALVES]
    leading = _leading(panel[panel["account_id"].isin(chosen)], first_days)
    if leading is None:
        return Untold("no feature's use is recorded well enough to date adoption by")
    feature, often = leading
    others = lives[~lives["account_id"].isin(chosen)].reset_index(drop=True)
    used = f"used {feature} {often:,} times"
    days = _nth_use(tables["events"], others, feature, often)
    words = f"having {used} since the customer began"
    return Reached(words, used, others, days, len(chosen), why=why)


def compared(found: Reached | Untold) -> Compared | Untold:
    """Compare leaving with adoption and without it, timed fairly and naively.

    Parameters
    ----------
    found : Reached or Untold
        Untold stays so.
    """
    if isinstance(found, Untold):
        return found
    lives, days = found.lives, found.days
    seen = days.notna() & (days < lives["duration_days"])
    if min(int(seen.sum()), int((~seen).sum())) < LEAST_SIDE:
        return Untold(
            f"{int(seen.sum())} of {len(lives)} customers reached it while they were watched, and "
            f"{LEAST_SIDE} are needed on either side"
        )

    rows = lives.assign(length=_lengths(lives))
    return told(lambda: _compare(rows, days, seen), (TooLittleDataError, DataError))


def _compare(lives: pd.DataFrame, days: pd.Series, seen: pd.Series) -> Compared:
    within: dict[str, Any] = {"cluster": "account_id", "strata": "length"}
    spells = survival.adoption_spells(lives, days)
    timed = survival.time_varying_cox(spells, (_ADOPTED, "group"), **within)
    ever = lives.assign(**{_ADOPTED: seen.astype("int64")})
    naive = survival.cox(ever, (_ADOPTED, "group"), **within)
    tested = survival.proportionality_test(timed, spells, duration="stop", entry="start")
    p_same = float(tested.set_index("term")["p"][_ADOPTED])
    cut = float(spells.loc[spells["event"] == 1, "stop"].median())
    rows = [{"how": "timed", **_ratio(timed)}]
    rows += _early_late(spells, cut) if p_same <= CLEAR else []
    rows += [{"how": "naive", **_ratio(naive)}]
    return Compared(
        pd.DataFrame(rows), p_same, cut, int(lives["length"].nunique()), len(lives),
        int(seen.sum()), int(lives["event"].sum()), float(days[seen].median()), timed,
    )  # fmt: skip


def _lengths(lives: pd.DataFrame) -> pd.Series:
    """Return the usual length of the contract that each customer began with, in months.

    A year's contract cannot end while a month's can: compared with each other, those who may
    leave every month would stand for those who did not adopt.
    """
    months = pd.Series(survival.contract_months(lives["term_months"]), index=lives.index)
    return months.fillna(0.0)


def _early_late(spells: pd.DataFrame, cut: float) -> list[dict[str, Any]]:
    """Return the ratio up to a day and after it; nothing where either cannot be told."""
    parts = survival.cut_at(spells, cut)
    early = parts["stop"] <= cut
    names = {"early": f"{_ADOPTED}_early", "late": f"{_ADOPTED}_late"}
    for name, own in ((names["early"], early), (names["late"], ~early)):
        parts[name] = parts[_ADOPTED] * own
    model = told(
        lambda: survival.time_varying_cox(
            parts, (*names.values(), "group"), cluster="account_id", strata="length"
        ),
        (TooLittleDataError, DataError),
    )
    if isinstance(model, Untold) or not set(names.values()) <= set(model.coefficients["column"]):
        return []
    return [{"how": how, **_ratio(model, column)} for how, column in names.items()]


def _ratio(model: survival.Cox, column: str = _ADOPTED) -> dict[str, Any]:
    row = model.coefficients.set_index("column").loc[column]
    return {
        "ratio": float(row["hazard_ratio"]), "low": float(row["ratio_low"]),
        "high": float(row["ratio_high"]), "p": float(row["p"]),
    }  # fmt: skip


def _leading(half: pd.DataFrame, first_days: int) -> tuple[str, int] | None:
    """Return the feature whose early use tells leavers from stayers best, and its median count."""
    decided = half[half["churned"].notna()]
    if decided["churned"].nunique() < _HALVES:
        return None
    best: tuple[float, str, int] | None = None
    for feature in half.attrs["recipe"]["features"]:
        column = f"events__{feature}__first_{first_days}d"
        if column not in decided:
            continue
        known = decided[decided[column].notna()]
        if known["churned"].nunique() < _HALVES:
            continue
        use = known[column].astype("float64")
        area = metrics.auc(known["churned"].astype("int64"), -use)
        often = max(1, round(float(use.median())))
        best = max(best or (0.0, "", 1), (area, str(feature), often))
    return None if best is None else best[1:]


def _nth_use(events: ir.Table, lives: pd.DataFrame, feature: str, often: int) -> pd.Series:
    """Return the days from each episode's start to the day of its n-th use of a feature.

    A record may stand for several uses: its quantity counts, as in the panel that `often` is from.
    """
    own = events.filter(events.feature == feature)
    uses = own.quantity.cast("float64").fill_null(1.0)
    daily = own.group_by(["account_id", "event_date"]).agg(n=uses.sum()).execute()
    daily["event_date"] = pd.to_datetime(daily["event_date"])
    about = lives.reset_index(names="place")[["place", "account_id", "start"]]
    joined = about.merge(daily, on="account_id", how="inner")
    joined = joined[joined["event_date"] >= joined["start"]].sort_values(["place", "event_date"])
    so_far = joined.groupby("place")["n"].cumsum()
    first = joined[so_far >= often].drop_duplicates("place").set_index("place")
    return (first["event_date"] - first["start"]).dt.days.reindex(lives.index).astype("float64")


def _by_definition(
    tables: Mapping[str, ir.Table],
    past: History,
    lives: pd.DataFrame,
    definition: Definition,
    data_start: date | None,
) -> Reached | Untold:
    asked = adoption.request(definition)
    landmark = max(asked["first_days"], default=0)
    if not landmark:
        return Untold("the definition of adoption names no window from the start of a term")
    seen = {"decision": "after_start", "days": landmark, "data_start": data_start}
    chosen = (
        cohort.terms(tables, past.as_of, grace_days=past.grace_days, **seen),  # type: ignore[arg-type]
        cohort.running(tables, past.as_of, **seen),  # type: ignore[arg-type]
    )
    parts = [panels.build(tables, own, min_accounts=1, **asked) for own in chosen]
    judged = pd.concat([_judged(part, definition) for part in parts], ignore_index=True)
    lives = lives.reset_index(drop=True)
    about = lives.reset_index(names="place")[["place", "account_id", "start", "duration_days"]]
    joined = about.merge(judged, on="account_id", how="inner")
    joined["day"] = (joined["as_of_date"] - joined["start"]).dt.days
    joined = joined[(joined["day"] > 0) & joined["met"].notna()].sort_values(["place", "day"])
    first = joined[joined["met"].astype(bool)].drop_duplicates("place").set_index("place")["day"]
    known = lives.index.isin(joined["place"]) | (lives["duration_days"] <= landmark)
    kept = lives[known].reset_index(drop=True)
    days = first.reindex(lives.index)[known].reset_index(drop=True).astype("float64")
    learnt = any(condition.said for condition in definition.conditions)
    by = definition.segment_by
    present = set().union(*(part[by].dropna() for part in parts if by in part))
    level = adoption.words(definition, present or None)
    named = level if learnt else f"{definition.name} ({level})"
    words = f"{named}, from the day it was judged"
    return Reached(words, "reached adoption", kept, days, 0, learnt)


def _judged(panel: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    met = adoption.met(definition, panel)
    return panel[["account_id", "as_of_date"]].assign(met=met.to_numpy(dtype=object))
