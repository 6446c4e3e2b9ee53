"""Where journeys break: moves off the way that are more, or fewer, than they would be by chance.

Grain in: one row per stay.  Grain out: one row per stage on the way and kind of trouble.

Expected is what a stage would lose if, at the same time since the beginning, every stage on the
way lost at one rate: of those who go into trouble on a day, each stage has its share of those who
could have.  Observed less expected adds up to nought over the stages; what is too many in one is
too few in others.  It is the score of a log-rank test, with every account as one unit.

Whoever looks for the worst of many finds one.  The intervals therefore hold for all pairs together
(maxT, accounts' signs drawn anew), and a break is called clear only when its whole interval lies
above nought.

Source: ``methods.md`` 2.3 (maxT, clusters), 5.
"""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Breaks:
    """Where journeys break.

    Attributes
    ----------
    table : DataFrame, one row per stage on the way and trouble, worst first
        ``stage``, ``to``, ``n`` (stays), ``n_accounts``, ``observed``, ``expected``, ``excess``,
        ``low``, ``high`` (moves; together 95 %), ``p_adjusted``, ``clear`` (bool), ``arr_excess``,
        ``arr_low``, ``arr_high`` (currency a year, of the accounts that moved).
    n_pairs : int
        Pairs compared: those with ten expected moves.
    """

    table: pd.DataFrame
    n_pairs: int


def breaks(
    stays: pd.DataFrame,
    way: Sequence[str],
    trouble: Sequence[str],
    *,
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
            rows.append({"stage": stage, "to": to, "n": len(picked),
                         "n_accounts": picked["account_id"].nunique(),
                         "observed": float((mine * lost).sum()), "expected": expected})  # fmt: skip
    names = ["stage", "to", "n", "n_accounts", "observed", "expected"]
    table = pd.DataFrame(rows, columns=names)
    table = _judged(table, np.array(parts, dtype=float), rng, n_draws, level)
    return Breaks(table.sort_values("excess", ascending=False, ignore_index=True), len(table))


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
