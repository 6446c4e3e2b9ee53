"""Heavy use that looks like off-boarding: the customers who seem best and may be packing.

Data is fetched, reports are exported, work is moved elsewhere: just before leaving, use may be
as heavy as ever.  Among heavy users alone, a sign of change (a burst, exports, another mix of
features, a fall) is held against what past heavy users with that sign did.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per heavy term, and one
per sign.  ``methods.md`` 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import peers
from cs_models.learn.evaluation import rates

HEAVY: Final = 0.75
TAIL: Final = 0.10
FEWEST_SIGNED: Final = 10  # accounts with the sign, and as many without
# The rate of use, or of exports, against the 60 days before (``methods.md`` 1.3).
BURST: Final = 2.0
LEVELS: Final = (
    "events__last_90d",
    "active_days__last_90d",
    "active_users__last_90d",
    "events__last_28d",
)
# Which end of each measure of change is the sign: more, or less.
SIGNS: Final = {"spike": True, "export_spike": True, "mix_change": True, "trend": False}
_FIXED: Final = ("spike", "export_spike")

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class HeavyUse:
    """Heavy users of today with the signs of past leavers, and how far those signs can be trusted.

    Attributes
    ----------
    terms : DataFrame, one row per heavy term of ``now``
        ``subscription_id``, ``account_id``, ``kind``, ``use`` (share of past terms of the kind
        with lighter use, 0 to 1), ``signs`` (columns that show one, separated by ", "),
        ``n_signs``, ``flag`` (at least one sign: "usage may be off-boarding"), ``backed`` (past
        heavy users with one of its signs left more often, beyond doubt of 95 %; null where the
        history of its signs is too short).
    signs : DataFrame, one row per sign that both panels hold
        ``column``, ``cut``, ``above`` (the sign is a value above the cut, else below it),
        ``n_with``, ``n_accounts_with``, ``churned_with``, ``with_low``, ``with_high``;
        ``n_without``, ``churned_without``, ``without_low``, ``without_high``; ``difference``,
        ``difference_low``, ``difference_high``; ``too_little`` (fewer than 10 accounts with it or
        without it: rates are NaN), ``backed``, ``n_now``.
    level_columns : tuple of str
        What use was measured by.
    n_heavy_past, n_heavy_now, n_unknown : int
        Past and running heavy terms, and running terms whose use is not recorded.
    """

    terms: pd.DataFrame
    signs: pd.DataFrame
    level_columns: tuple[str, ...]
    n_heavy_past: int
    n_heavy_now: int
    n_unknown: int


def heavy_but_leaving(
    history: pd.DataFrame,
    now: pd.DataFrame,
    *,
    levels: Sequence[str] | None = None,
    heavy: float = HEAVY,
    by: Sequence[str] = peers.BY,
    cluster: str = "account_id",
    outcome: str = "churned",
    level: float = 0.95,
) -> HeavyUse:
    """Find heavy users whose use changes like that of past customers who left.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes.
    now : DataFrame, one row per (subscription_id, as_of_date)
        Terms to look at.
    levels : sequence of str, optional
        Columns that use is measured by: their mean percentile among past terms of the kind.  By
        default those of events, active days and active users in the last 90 days that are there.
    heavy : float, default 0.75
        Percentile from which use is heavy, 0 to 1.
    by, cluster, outcome : sequence of str, str, str
        As in ``profile.bands``.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    HeavyUse

    Raises
    ------
    ParameterError
        No column of use or of change is in both panels, or a named one is absent.
    TooLittleDataError
        Fewer than 20 accounts renewed or left, or no past use was heavy.

    Notes
    -----
    Source: ``methods.md`` 1.3.  A burst is twice the rate of the 60 days before; for the other
    signs the cut is the outermost tenth of past heavy terms, whatever became of them, so that the
    rates either side are not flattered by the choice.  Rates are those of the past; nothing here
    says why anybody left.
    """
    levels = _present(levels, history, now)
    columns = _changes(history, now)
    kinds = peers.kinds(history, by=by, cluster=cluster, outcome=outcome)
    past = history[history[outcome].notna() & history[cluster].notna()]
    use_past, use_now = _use(past, past, levels, kinds), _use(past, now, levels, kinds)
    then, here = past[use_past >= heavy], now[use_now >= heavy]
    if then.empty:
        raise TooLittleDataError("no past use was heavy", where=", ".join(levels))
    signs, shown = _judged(then, here, columns, cluster, outcome, level)
    return HeavyUse(
        terms=_told(here, use_now[use_now >= heavy], kinds, signs, shown, cluster),
        signs=signs,
        level_columns=tuple(levels),
        n_heavy_past=len(then),
        n_heavy_now=len(here),
        n_unknown=int(np.isnan(use_now).sum()),
    )


def _present(
    levels: Sequence[str] | None, history: pd.DataFrame, now: pd.DataFrame
) -> Sequence[str]:
    """Return the columns that use is measured by."""
    if levels is not None:
        peers.need(history, *levels)
        peers.need(now, *levels)
        return levels
    held = [name for name in LEVELS[:-1] if name in history.columns and name in now.columns]
    if not held and LEVELS[-1] in history.columns and LEVELS[-1] in now.columns:
        held = [LEVELS[-1]]
    if not held:
        raise ParameterError(
            "the panels have no measure of use in common",
            where="levels",
            got=f"none of {', '.join(LEVELS)}",
            repair="build them with windows_days=(28, 90), or name the columns",
        )
    return held


def _changes(history: pd.DataFrame, now: pd.DataFrame) -> dict[str, bool]:
    """Return the columns of change that both panels hold, and which end is the sign."""
    found = {}
    for name in history.columns:
        measure = name.partition("__")[0]
        if measure in SIGNS and name in now.columns:
            found[name] = SIGNS[measure]
    if not found:
        raise ParameterError(
            "the panels have no measure of change in common",
            where="history, now",
            repair=f"columns of {', '.join(SIGNS)}",
        )
    return found


def _use(
    past: pd.DataFrame, frame: pd.DataFrame, levels: Sequence[str], kinds: peers.Kinds
) -> Float:
    """Return each term's mean percentile of use among past terms of its kind; NaN if unknown."""
    reference, values = peers.numbers(past, levels), peers.numbers(frame, levels)
    of, use = kinds.of(frame).to_numpy(), np.full(len(frame), np.nan)
    for kind in pd.unique(of):
        rows = np.flatnonzero(of == kind)
        placed = peers.percentiles(reference[kinds.members(past, kind)], values[rows])
        use[rows] = placed.mean(axis=1)  # NaN where one is not recorded: not heavy, and counted
    return use


def _judged(
    then: pd.DataFrame,
    here: pd.DataFrame,
    columns: dict[str, bool],
    cluster: str,
    outcome: str,
    level: float,
) -> tuple[pd.DataFrame, Flags]:
    """Hold each sign against what past heavy users did, and say who shows it today."""
    past, now = peers.numbers(then, list(columns)), peers.numbers(here, list(columns))
    left, account = then[outcome].to_numpy(dtype=np.float64), then[cluster].to_numpy()
    rows, shown = [], np.zeros((len(here), len(columns)), dtype=bool)
    for j, (name, above) in enumerate(columns.items()):
        known = ~np.isnan(past[:, j])
        cut = _cut(name, past[known, j], above)
        sign = _beyond(past[known, j], cut, above)
        shown[:, j] = _beyond(now[:, j], cut, above)
        row = _rates(left[known], sign, account[known], level)
        rows.append({"column": name, "cut": cut, "above": above, **row, "n_now": shown[:, j].sum()})
    table = pd.DataFrame(rows)
    table["backed"] = (table["difference_low"] > 0) & ~table["too_little"]
    return table, shown


def _cut(column: str, values: Float, above: bool) -> float:
    """Return where a sign begins: twice the rate before, or the outermost tenth."""
    if column.partition("__")[0] in _FIXED:
        return BURST
    return float(np.quantile(values, 1 - TAIL if above else TAIL)) if values.size else np.nan


def _beyond(values: Float, cut: float, above: bool) -> Flags:
    with np.errstate(invalid="ignore"):
        return np.asarray(values > cut if above else values < cut, dtype=bool)


def _rates(
    left: Float, sign: Flags, account: NDArray[np.object_], level: float
) -> dict[str, float | bool]:
    """Return churn with and without the sign, and the gap between."""
    with_, without = (rates.proportion(left[s], account[s], level=level) for s in (sign, ~sign))
    too_little = min(with_.n_clusters, without.n_clusters) < FEWEST_SIGNED
    gap, low, high = peers.gap(left, sign, account, level=level)
    hidden = np.nan if too_little else 1.0
    return {
        "n_with": with_.n,
        "n_accounts_with": with_.n_clusters,
        "churned_with": with_.rate * hidden,
        "with_low": with_.low * hidden,
        "with_high": with_.high * hidden,
        "n_without": without.n,
        "churned_without": without.rate * hidden,
        "without_low": without.low * hidden,
        "without_high": without.high * hidden,
        "difference": gap * hidden,
        "difference_low": low * hidden,
        "difference_high": high * hidden,
        "too_little": too_little,
    }


def _told(
    here: pd.DataFrame,
    use: Float,
    kinds: peers.Kinds,
    signs: pd.DataFrame,
    shown: Flags,
    cluster: str,
) -> pd.DataFrame:
    """Return one row per heavy term with its signs and whether the past bears them out."""
    names = signs["column"].tolist()
    backed = signs["backed"].to_numpy(dtype=bool)
    judged = ~signs["too_little"].to_numpy(dtype=bool)
    flag = shown.any(axis=1)
    borne_out = pd.array((shown & backed).any(axis=1), dtype="boolean")
    borne_out[flag & ~(shown & judged).any(axis=1)] = pd.NA
    return pd.DataFrame(
        {
            "subscription_id": here["subscription_id"].to_numpy(),
            "account_id": here[cluster].to_numpy(),
            "kind": kinds.of(here).to_numpy(),
            "use": use,
            "signs": [", ".join(np.array(names)[row]) for row in shown],
            "n_signs": shown.sum(axis=1),
            "flag": flag,
            "backed": borne_out,
        }
    )
