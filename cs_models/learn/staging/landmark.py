"""What became of those who stayed long in a stage, against those who had moved on by that day.

Grain in: one row per thing, each looked at on one day (the landmark).  Grain out: one comparison.

Those who take long have had more time to meet a renewal, so that counting what ended slow and quick
stays compares two calendars (immortal time).  Here both sides are looked at on the same day since
they entered the stage, and what came in the same time after it is counted.  Things are compared
within strata (alike in age and in the days to the renewal), and only strata with both sides count.

With x of n lost among the slow and y of m among the others in a stratum of N, of which t are lost,
the Cochran–Mantel–Haenszel statistic is ``sum(x - n t / N)² / sum(n m t (N - t) / (N² (N - 1)))``.
The share of the others is what they would lose if they were spread over the strata as the slow are.

Source: ``methods.md`` 1.2 (landmark), 2.4 (strata); Cochran 1954, Mantel & Haenszel 1959; checked
against R's ``mantelhaen.test`` on the admissions of Berkeley (no continuity correction).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

LEAST: Final = 20
_REACH: Final = 1.959964


@dataclass(frozen=True)
class Landmark:
    """Those still in a stage against those who had moved on.

    Attributes
    ----------
    n_long, n_moved : int
        Things compared, of both sides: those in strata where there are both.
    long, moved : float
        Shares lost in the time after, 0 to 1; those of who had moved on as if spread over the
        strata as the others.
    low, high : float
        95 % interval of the difference, long less moved.
    p : float
        Two-sided; NaN, as all of these, with fewer than twenty things on a side.
    """

    n_long: int
    n_moved: int
    long: float = float("nan")
    moved: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")


def landmark(things: pd.DataFrame, *, least: int = LEAST) -> Landmark:
    """Compare the losses of the slow and the others within strata.

    Parameters
    ----------
    things : DataFrame, one row per thing
        ``long`` (bool: still in the stage on the day), ``lost`` (bool: lost in the time after),
        ``stratum``.
    least : int, default 20
        Things on either side below which nothing is said.

    Returns
    -------
    Landmark
    """
    stratum = things["stratum"]
    slow = things["long"].astype(float).groupby(stratum)
    lost_slow = (things["long"] & things["lost"]).astype(float).groupby(stratum)
    n, x = slow.sum().to_numpy(), lost_slow.sum().to_numpy()
    m = slow.size().to_numpy() - n
    y = things["lost"].astype(float).groupby(stratum).sum().to_numpy() - x
    both = (n > 0) & (m > 0)
    n, m, x, y = n[both], m[both], x[both], y[both]
    sizes = int(n.sum()), int(m.sum())
    if min(sizes, default=0) < least:
        return Landmark(*sizes)
    total, lost = n + m, x + y
    spread = float((n * m * lost * (total - lost) / (total**2 * np.maximum(total - 1, 1))).sum())
    apart = float((x - n * lost / total).sum())
    p = float(stats.chi2.sf(apart**2 / spread, 1)) if spread > 0 else 1.0
    share = n / n.sum()
    long, moved = float(x.sum() / n.sum()), float(share @ (y / m))
    # One loss and one stay more on each side, so that a small stratum without a loss is not sure.
    sure = [(count + 1) / (size + 2) for count, size in ((x, n), (y, m))]
    error = np.sqrt(sum(float(share**2 @ (q * (1 - q) / size)) for q, size in
                        zip(sure, (n, m), strict=True)))  # fmt: skip
    gap, reach = long - moved, _REACH * error
    return Landmark(*sizes, long, moved, gap - reach, gap + reach, p)
