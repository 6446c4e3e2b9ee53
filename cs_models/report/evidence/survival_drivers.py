"""The frames behind "what goes with leaving at a renewal".

Grain in: renewal opportunities that came, and a panel that saw each on its decision date.  Grain
out: one row per column that was looked at, or per group.  ``methods.md`` 1.1, 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.features import adoption, cohort, guards
from cs_models.features import panel as panels
from cs_models.features.adoption import Definition
from cs_models.learn import survival
from cs_models.learn.evaluation import metrics
from cs_models.report.evidence.survival import History, Untold, told

Kind = Literal["amount", "any"]

LEVEL, FIRST_USE, LATE_USE, IDLE, SEVERE, NPS, CHAMPION, MONEY = (
    "level", "early_use", "late_use", "idle_seats", "severe_tickets", "nps", "champion_left", "arr",
)  # fmt: skip
LEAST_KNOWN: Final = 30
LEAST_ANY: Final = 10
LEAST_A_COLUMN: Final = 5  # leavers: with fewer the test of so many columns cries wolf
CLEAR: Final = 0.05
_LATER: Final = " later"
_YEAR: Final = timedelta(days=365)


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
    """

    frame: pd.DataFrame
    columns: tuple[Told, ...]
    absent: tuple[str, ...]
    n_elsewhere: int


@dataclass(frozen=True)
class Drivers:
    """What goes with leaving, other columns alike.

    Attributes
    ----------
    table : DataFrame, one row per column
        ``name``, ``words``, ``kind``, ``low_value``, ``high_value``, ``n_known``, ``odds``,
        ``low``, ``high`` (odds of leaving, upper against lower), ``p``, ``risk_low``,
        ``risk_high`` (mean chance to leave, were all at the lower, or upper), ``clear`` (bool: the
        test, allowing for the number of columns by Holm's rule, says so).
    model : RenewalHazard
    p_same : float
        Of the test that all go with leaving alike at the first renewal and later; missing where it
        cannot be made.
    differs : tuple of str
        Words of the columns that do not, each by a test that allows for the number of columns.
    echoes : DataFrame, one row per column
        ``name``, ``words``, ``odds``, ``low``, ``high`` with all known, and ``odds_alone``,
        ``low_alone``, ``high_alone`` were the level of adoption not: columns that would be clear
        without it and are not with it.  They tell what the level tells.
    """

    table: pd.DataFrame
    model: survival.RenewalHazard
    p_same: float
    differs: tuple[str, ...]
    echoes: pd.DataFrame


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


def level(
    tables: Mapping[str, ir.Table],
    terms: cohort.Cohort,
    panel: pd.DataFrame,
    definition: Definition | None,
) -> pd.Series | None:
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
    Series of nullable boolean, indexed by subscription_id, or None
        None without a definition or terms.
    """
    if definition is None or panel.empty:
        return None
    seen = panels.build(tables, terms, min_accounts=1, **adoption.request(definition))
    return adoption.met(definition, seen).set_axis(seen["subscription_id"])


def due(
    past: History,
    panel: pd.DataFrame,
    *,
    first_days: int,
    window_days: int,
    level: pd.Series | None = None,
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
    level : Series, optional
        What :func:`level` returned: held alike too, so that measures which only echo the level
        of adoption are not taken for more.
    """
    wanted = looked_at(first_days, window_days)[level is None :]
    if level is not None:
        met = panel["subscription_id"].map(level.astype("Float64"))
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
    return Due(frame, tuple(made), tuple(absent), len(came) - len(frame))


def drivers(known: Due) -> Drivers | Untold:
    """Learn the chance to leave at a renewal from what was known before it."""
    return told(lambda: _drivers(known))


def foretold(known: Due, as_of: date, grace_days: int) -> dict[str, Any] | Untold:
    """Judge the same columns by renewals that came after they were learnt.

    Learnt from the renewals whose outcome was known a year and the grace before ``as_of``, judged
    by those that had their decision date after that.  The level of adoption is left out: it may
    have been learnt from these very renewals.

    Returns
    -------
    dict
        ``n_learnt``, ``n``, ``left``, ``expected`` (leavers), ``auc``, ``without_level`` (it was
        left out).
    """
    day = pd.Timestamp(as_of - timedelta(days=grace_days) - _YEAR)
    known, with_level = without_level(known), known
    frame = known.frame
    # By the renewal date: by their own, early leavers would be in before stayers of their age.
    before = frame[frame["term_end"] + pd.Timedelta(days=grace_days) <= day]
    after = frame[frame["decided"] >= day]
    if after["event"].nunique() < 2:
        return Untold("too few renewals came since to judge it by")

    def judge() -> dict[str, Any]:
        model = _fit(before, known, penalty=1.0)
        chance = model.predict(after)
        return {
            "n_learnt": len(before), "n": len(after), "left": int(after["event"].sum()),
            "expected": float(chance.sum()), "auc": metrics.auc(after["event"], chance),
            "without_level": known is not with_level,
        }  # fmt: skip

    return told(judge)


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


def _fit(
    frame: pd.DataFrame, known: Due, extra: tuple[str, ...] = (), *, penalty: float = 0.0
) -> survival.RenewalHazard:
    names = [f"told_{one.name}" for one in known.columns]
    kept = [name for name in names if frame[name].notna().any()]
    return survival.renewal_hazard(frame, [*kept, "group", *extra], penalty=penalty)


def _drivers(known: Due) -> Drivers:
    model = _fit(known.frame, known)
    table = _table(known, model)
    return Drivers(table, model, *_same_later(known), _echoes(known, table))


def _table(known: Due, model: survival.RenewalHazard) -> pd.DataFrame:
    fitted = model.coefficients.set_index("column")
    rows = []
    for one in known.columns:
        name = f"told_{one.name}"
        if name not in fitted.index:
            continue
        found = fitted.loc[name]
        ends = (known.frame.assign(**{name: at}) for at in (0.0, 1.0))
        chances = [float(model.predict(end).mean()) for end in ends]
        rows.append(
            (one.name, one.words, one.kind, one.low, one.high, one.n_known, found["odds_ratio"],
             found["odds_low"], found["odds_high"], found["p"], *chances)
        )  # fmt: skip
    columns = [
        "name", "words", "kind", "low_value", "high_value", "n_known", "odds", "low", "high", "p",
        "risk_low", "risk_high",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table["clear"] = _holm(table["p"].to_numpy(np.float64)) <= CLEAR
    return table


def _echoes(known: Due, table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are clear until it is known who reached the level of adoption."""
    columns = ["name", "words", "odds", "low", "high", "odds_alone", "low_alone", "high_alone"]
    without = without_level(known)
    if without is known:
        return pd.DataFrame(columns=columns)
    alone = told(lambda: _table(without, _fit(without.frame, without)))
    if isinstance(alone, Untold):
        return pd.DataFrame(columns=columns)
    both = table.merge(alone, on="name", suffixes=("", "_alone"))
    echo = both["clear_alone"].astype(bool) & ~both["clear"].astype(bool)
    return both.loc[echo, columns].reset_index(drop=True)


def without_level(known: Due) -> Due:
    """Return the same without the level of adoption; what was given where it is not in it."""
    kept = tuple(one for one in known.columns if one.name != LEVEL)
    return known if kept == known.columns else replace(known, columns=kept)


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Allow for having looked at several columns: one clear by luck is then as rare as one p."""
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def _same_later(known: Due) -> tuple[float, tuple[str, ...]]:
    """Test whether each column goes with leaving alike at the first renewal and at later ones."""
    later = (known.frame["opportunity"] > 1).astype("float64")
    extra = {
        f"told_{one.name}{_LATER}": known.frame[f"told_{one.name}"].fillna(0.0) * later
        for one in known.columns
    }
    if not extra or later.nunique() < 2:
        return float("nan"), ()
    found = told(lambda: _fit(known.frame.assign(**extra), known, tuple(extra)))
    if isinstance(found, Untold):
        return float("nan"), ()
    names = list(found.coefficients["column"])
    if found.n_events < LEAST_A_COLUMN * len(names):
        return float("nan"), ()
    kept = [name for name in extra if name in names]
    at = [names.index(name) for name in kept]
    if not at:
        return float("nan"), ()
    values = found.coefficients["log_odds"].to_numpy()[at]
    spread = found.covariance[np.ix_(at, at)]
    chi_square = float(values @ np.linalg.pinv(spread) @ values)
    each = found.coefficients["p"].to_numpy()[at] * len(at)
    words = {f"told_{one.name}{_LATER}": one.words for one in known.columns}
    differs = tuple(words[name] for name, p in zip(kept, each, strict=True) if p <= CLEAR)
    return float(stats.chi2.sf(chi_square, len(at))), differs
