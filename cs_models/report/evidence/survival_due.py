"""The frames behind "what goes with leaving at a renewal": what was known of each renewal.

Grain in: renewal opportunities that came, and a panel that saw each on its decision date.  Grain
out: one row per renewal.  ``methods.md`` 1.1, 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import ibis.expr.types as ir
import pandas as pd

from cs_models.features import adoption, cohort, guards
from cs_models.features import panel as panels
from cs_models.features.adoption import Definition
from cs_models.report.evidence.survival import History

Kind = Literal["amount", "any"]

LEVEL, FIRST_USE, LATE_USE, IDLE, SEVERE, NPS, CHAMPION, MONEY = (
    "level", "early_use", "late_use", "idle_seats", "severe_tickets", "nps", "champion_left", "arr",
)  # fmt: skip
LEAST_KNOWN: Final = 30
LEAST_ANY: Final = 10


@dataclass(frozen=True)
class Told:
    """One column that was looked at.

    Attributes
    ----------
    name : str
        Of the column made here.
    column : str
        Of the panel.
    words : str
        What it counts.
    kind : {"amount", "any"}
        Compared between the upper and the lower quarter, or between some and none.
    low, high : float
        The quartiles of an amount, in the panel's unit; 0 and 1 of the others.
    n_known : int
        Rows in which it was recorded.
    """

    name: str
    column: str
    words: str
    kind: Kind
    low: float
    high: float
    n_known: int


@dataclass(frozen=True)
class Due:
    """Renewals that came, each with what was known of it on its decision date.

    Attributes
    ----------
    frame : DataFrame, one row per renewal
        Columns of the opportunities, ``decided`` (the decision date), ``term_end`` (the renewal
        date, after an early end too) and one column per `told`: 0 at the lower quartile (or none),
        1 at the upper (or some); missing where not recorded.
    columns : tuple of Told
        What can be looked at.
    absent : tuple of str
        What cannot, in words: not recorded, or alike for all.
    n_elsewhere : int
        Renewals that came but had no decision date: too short a contract, left before it.
    level_learnt : bool, default False
        The level of adoption among the columns was learnt from these renewals.
    """

    frame: pd.DataFrame
    columns: tuple[Told, ...]
    absent: tuple[str, ...]
    n_elsewhere: int
    level_learnt: bool = False


def checked(
    tables: Mapping[str, ir.Table], terms: cohort.Cohort, panel: pd.DataFrame
) -> pd.DataFrame:
    """Run the leak guards on a panel; of no terms there is nothing to guard.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    terms : Cohort
    panel : DataFrame
        Of its terms.

    Returns
    -------
    DataFrame, one row per guard
        ``guard``, ``status``, ``detail``, ``n``; empty without terms, for curves can be shown
        before any renewal has come.

    Raises
    ------
    DataError
        A guard failed.
    """
    if panel.empty:
        return pd.DataFrame(columns=["guard", "status", "detail", "n"])
    return guards.check(tables, terms, panel)


def looked_at(first_days: int, window_days: int) -> tuple[tuple[str, str, str, Kind], ...]:
    """Return the columns that this page looks at: name, panel column, words, kind."""
    late = f"last_{window_days}d"
    return (
        (LEVEL, "level_of_adoption", "the level of adoption reached in the term", "any"),
        (FIRST_USE, f"active_days__first_{first_days}d",
         f"days of use in the first {first_days} days of the term", "amount"),
        (LATE_USE, f"active_days__{late}",
         f"days of use in the last {window_days} days before the day of judgement", "amount"),
        (IDLE, f"idle_seats_share__{late}", "idle seats (share of all seats)", "amount"),
        (SEVERE, "open_severe_tickets__to_date", "a severe ticket still open", "any"),
        (NPS, "nps__to_date", "mean answer to the recommendation question (NPS)", "amount"),
        (CHAMPION, "champions_left__to_date", "a champion gone since the term began", "any"),
        (MONEY, "arr", "ARR", "amount"),
    )  # fmt: skip


@dataclass(frozen=True)
class Level:
    """Who had reached the level of adoption that all pages use.

    Attributes
    ----------
    met : Series of nullable boolean, indexed by subscription_id
        By the decision date.
    learnt : bool
        The level was learnt from past renewals, and not stated.
    """

    met: pd.Series
    learnt: bool


def level(
    tables: Mapping[str, ir.Table],
    terms: cohort.Cohort,
    panel: pd.DataFrame,
    definition: Definition | None,
) -> Level | None:
    """Say of each term whether it had met the definition of adoption by its decision date.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    terms : Cohort
        Judged before their renewal date.
    panel : DataFrame
        Of them.
    definition : Definition or None
        The one in force.

    Returns
    -------
    Level or None
        None without a definition or terms.
    """
    if definition is None or panel.empty:
        return None
    seen = panels.build(tables, terms, min_accounts=1, **adoption.request(definition))
    met = adoption.met(definition, seen).set_axis(seen["subscription_id"])
    return Level(met, any(condition.said for condition in definition.conditions))


def due(
    past: History,
    panel: pd.DataFrame,
    *,
    first_days: int,
    window_days: int,
    level: Level | None = None,
) -> Due:
    """Set what was known on its decision date beside each renewal that came.

    Renewals lost against anybody's will are left out: they say nothing of why customers choose to
    leave.

    Parameters
    ----------
    past : History
    panel : DataFrame
        Of terms judged before their renewal date.
    first_days, window_days : int
        Windows, in days, from the start of the term and back from the decision date.
    level : Level, optional
        What :func:`level` returned: held alike too, so that measures which only echo the level
        of adoption are not taken for more.
    """
    wanted = looked_at(first_days, window_days)[level is None :]
    if level is not None:
        met = panel["subscription_id"].map(level.met.astype("Float64"))
        panel = panel.assign(**{wanted[0][1]: met.astype("Float64")})
    there = [column for _, column, _, _ in wanted if column in panel and column != MONEY]
    seen = panel[["subscription_id", "as_of_date", "term_end", *there]].rename(
        columns={"as_of_date": "decided"}
    )
    came = past.opportunities[past.opportunities["cause"] != "involuntary"]
    frame = came.merge(seen, on="subscription_id", how="inner", validate="1:1")
    made, absent = [], []
    for name, column, words, kind in wanted:
        found = _scaled(frame, name, column, words, kind)
        if found is None:
            absent.append(words)
            continue
        frame[f"told_{name}"] = found[1]
        made.append(found[0])
    learnt = level is not None and level.learnt
    return Due(frame, tuple(made), tuple(absent), len(came) - len(frame), learnt)


def _scaled(
    frame: pd.DataFrame, name: str, column: str, words: str, kind: Kind
) -> tuple[Told, pd.Series] | None:
    """Return a column with 0 at its lower quartile and 1 at its upper, or some against none."""
    if column not in frame:
        return None
    values = frame[column].astype("Float64").astype("float64")
    known = int(values.notna().sum())
    if known < LEAST_KNOWN:
        return None
    if kind == "any":
        some = (values > 0).astype("float64").where(values.notna())
        n_some = int(some.sum())
        enough = LEAST_ANY <= n_some <= known - LEAST_ANY
        return (Told(name, column, words, kind, 0.0, 1.0, known), some) if enough else None
    low, high = values.quantile([0.25, 0.75])
    if not high > low:
        return None
    about = Told(name, column, words, kind, float(low), float(high), known)
    # Money differs by factors, not by amounts.
    size = values.clip(lower=1).map(math.log) if name == MONEY else values
    ends = size.quantile([0.25, 0.75])
    low_at, high_at = float(ends.iloc[0]), float(ends.iloc[1])
    return (about, (size - low_at) / (high_at - low_at)) if high_at > low_at else None
