"""The frames behind "what goes with leaving at a renewal": odds, echoes and later renewals.

Grain in: renewals with what was known of each on its decision date.  Grain out: one row per column
that was looked at.  ``methods.md`` 1.1, 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn import survival
from cs_models.learn.evaluation import metrics
from cs_models.report.evidence.survival import Untold, told
from cs_models.report.evidence.survival_due import LEVEL, Due

LEAST_A_COLUMN: Final = 5  # leavers: with fewer the test of so many columns cries wolf
CLEAR: Final = 0.05
_LATER: Final = " later"
_YEAR: Final = timedelta(days=365)


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
