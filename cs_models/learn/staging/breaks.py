"""Where journeys break: moves off the way that are more, or fewer, than they would be by chance.

Grain in: one row per stay.  Grain out: one row per stage on the way and kind of trouble.

Expected is what a stage would lose if, at the same time since the beginning, every stage on the
way lost at one rate: of those who go into trouble on a day, each stage has its share of those who
could have.  Observed less expected adds up to nought over the stages; what is too many in one is
too few in others.  It is the score of a log-rank test, with every account as one unit.

Moves into a stage in which customers are being lost come first: that is what breaking means.
Moves into trouble that passes are shown with the share that came back to the way from it.  How
often each stage loses, by the day, stands beside it for all stages, trouble included.

Whoever looks for the worst of many finds one.  The intervals therefore hold for all pairs together
(maxT, accounts' signs drawn anew), and a break is called clear only when its whole interval lies
above nought.

Source: ``methods.md`` 2.3 (maxT, clusters), 5.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.evaluation import bootstrap

Float = NDArray[np.float64]

LEAST_EXPECTED: Final = 10.0
_N_DRAWS: Final = 2000
_NOTHING: Final = 1e-12
_REACH: Final = 1.959964


@dataclass(frozen=True)
class Breaks:
    """Where journeys break.

    Attributes
    ----------
        ``stage``, ``to``, ``loses`` (bool: customers are lost there), ``back`` (of those who
        moved on from the trouble, the share that came back to the way), ``n`` (stays),
        ``n_accounts``, ``observed``, ``expected``, ``excess``, ``low``, ``high`` (moves; together
        95 %), ``p_adjusted``, ``clear`` (bool), ``arr_excess``, ``arr_low``, ``arr_high``
        (currency a year, of the accounts that moved).
    n_pairs : int
        Pairs compared: those with ten expected moves.
    rates : DataFrame, one row per stage that is no loss itself
        ``stage``, ``days`` (of all accounts), ``lost`` (moves into a loss), ``per_1000_days``,
        ``low``, ``high`` (95 %, the account as the unit).
    """

    table: pd.DataFrame
    n_pairs: int
    rates: pd.DataFrame

    @property
    def losses(self) -> pd.DataFrame:
        """Return the moves by which customers are lost."""
        return self.table[self.table["loses"]]

    @property
    def passing(self) -> pd.DataFrame:
        """Return the moves into trouble that passes."""
        return self.table[~self.table["loses"]]


def breaks(
    stays: pd.DataFrame,
    way: Sequence[str],
    trouble: Sequence[str],
    *,
    losing: Sequence[str] | None = None,
    rng: np.random.Generator,
    n_draws: int = _N_DRAWS,
    level: float = 0.95,
) -> Breaks:
    """Compare the moves into trouble of each stage with what all stages together would give.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        ``stage``, ``next_stage``, ``start``, ``stop``, ``account_id`` and ``arr``.
    way, trouble : sequence of str
        The stages compared, and those that they may fall into.
    losing : sequence of str, optional
        Those of the trouble in which customers are lost; all of it when not given.
    rng : numpy.random.Generator
        Draws signs of accounts.
    n_draws : int, default 2000
    level : float, default 0.95
        Coverage of all intervals together.

    Returns
    -------
    Breaks
    """
    own = stays[stays["stage"].isin(way) & (stays["stop"] > stays["start"])]
    grave = set(trouble if losing is None else losing)
    back = {to: _back(stays, to, way) for to in trouble}
    rows, parts = [], []
    codes, size = bootstrap.accounts(own["account_id"].astype(str)) if len(own) else (None, 0)
    for to in trouble:
        lost = (own["next_stage"] == to).to_numpy().astype(np.float64)
        if not lost.any() or codes is None:
            continue
        whole = _Pool(own["start"].to_numpy(float), own["stop"].to_numpy(float), lost)
        for stage in way:
            mine = (own["stage"] == stage).to_numpy().astype(np.float64)
            found = whole.excess(mine)
            expected = float((mine * lost).sum() - found.sum())
            if expected < LEAST_EXPECTED:
                continue
            arr = whole.excess(mine * own["arr"].to_numpy(float))
            parts.append([bootstrap.sums(part, codes, size)[0] for part in (found, arr)])
            picked = own[mine > 0]
            rows.append({"stage": stage, "to": to, "loses": to in grave, "back": back[to],
                         "n": len(picked),
                         "n_accounts": picked["account_id"].nunique(),
                         "observed": float((mine * lost).sum()), "expected": expected})  # fmt: skip
    names = ["stage", "to", "loses", "back", "n", "n_accounts", "observed", "expected"]
    table = pd.DataFrame(rows, columns=names).astype({"loses": bool})
    table = _judged(table, np.array(parts, dtype=float), rng, n_draws, level)
    table = table.sort_values(["loses", "excess"], ascending=False, ignore_index=True)
    inside = [*way, *(name for name in trouble if name not in grave)]
    return Breaks(table, len(table), _rates(stays, inside, grave))


def _back(stays: pd.DataFrame, trouble: str, way: Sequence[str]) -> float:
    """Return the share of those who moved on from a trouble that came back to the way."""
    own = stays.loc[stays["stage"] == trouble, "next_stage"].dropna()
    return float(own.isin(way).mean()) if len(own) else float("nan")


def _rates(stays: pd.DataFrame, inside: Sequence[str], grave: Collection[str]) -> pd.DataFrame:
    """Count the moves into a loss for each 1,000 days in a stage."""
    rows = []
    for stage in inside:
        own = stays[(stays["stage"] == stage) & (stays["stop"] > stays["start"])]
        days = (own["stop"] - own["start"]).groupby(own["account_id"], observed=True).sum()
        lost = own["next_stage"].isin(grave).groupby(own["account_id"], observed=True).sum()
        whole = float(days.sum())
        rate = float(lost.sum()) / whole if whole else float("nan")
        reach = _REACH * float(np.sqrt(((lost - rate * days) ** 2).sum())) / whole if whole else 0.0
        rows.append((stage, whole, int(lost.sum()), 1000 * rate, 1000 * max(rate - reach, 0.0),
                     1000 * (rate + reach)))  # fmt: skip
    return pd.DataFrame(rows, columns=["stage", "days", "lost", "per_1000_days", "low", "high"])


def _judged(
    table: pd.DataFrame, parts: Float, rng: np.random.Generator, n_draws: int, level: float
) -> pd.DataFrame:
    """Add excess, simultaneous interval and adjusted p, in moves and in money."""
    if table.empty:
        more = ("excess", "low", "high", "p_adjusted", "arr_excess", "arr_low", "arr_high")
        return table.assign(**{name: pd.Series(dtype=float) for name in more},
                            clear=pd.Series(dtype=bool))  # fmt: skip
    signs = rng.choice([-1.0, 1.0], size=(n_draws, parts.shape[2]))
    out = table
    for place, prefix in ((0, ""), (1, "arr_")):
        score = parts[:, place]
        excess, spread = score.sum(axis=1), np.sqrt((score**2).sum(axis=1))
        safe = np.maximum(spread, _NOTHING)
        most = np.abs(signs @ score.T / safe).max(axis=1)
        reach = float(np.quantile(most, level)) * spread
        columns = {"excess": excess, "low": excess - reach, "high": excess + reach}
        out = out.assign(**{f"{prefix}{name}": values for name, values in columns.items()})
        if not prefix:
            apart = np.abs(excess) / safe
            larger = (most[:, None] >= apart[None, :]).sum(axis=0)
            out = out.assign(p_adjusted=(1 + larger) / (1 + n_draws), clear=out["low"] > 0)
    return out


class _Pool:
    """All stays on the way, and one kind of trouble."""

    def __init__(self, start: Float, stop: Float, lost: Float) -> None:
        self.start, self.stop, self.lost = start, stop, lost
        self.time = np.unique(stop[lost > 0])
        self.gone = np.bincount(
            np.searchsorted(self.time, stop[lost > 0]), minlength=len(self.time)
        ).astype(float)
        self.present = self._at_risk(np.ones(len(start)))
        self.first = np.searchsorted(self.time, start, side="right")
        self.last = np.searchsorted(self.time, stop, side="right")

    def excess(self, weight: Float) -> Float:
        """Return each stay's part of observed less expected, of the stays with a weight.

        The parts hold what a stay tells of the common rate too, so that their sum over an account
        varies as the whole would if the account were drawn again.
        """
        share = self._at_risk(weight) / self.present
        rate = self.gone / self.present
        expected = self._between(rate)
        own = weight * (self.lost - expected)
        at = np.minimum(np.searchsorted(self.time, self.stop), len(self.time) - 1)
        common = np.where(self.lost > 0, share[at], 0.0) - self._between(rate * share)
        return np.asarray(own - common)

    def _between(self, steps: Float) -> Float:
        total = np.r_[0.0, np.cumsum(steps)]
        return np.asarray(total[self.last] - total[self.first])

    def _at_risk(self, weight: Float) -> Float:
        found = np.zeros(len(self.time))
        for column, sign in ((self.start, 1.0), (self.stop, -1.0)):
            order = np.argsort(column, kind="stable")
            total = np.r_[0.0, np.cumsum(weight[order])]
            found += sign * total[np.searchsorted(column[order], self.time, side="left")]
        return found
