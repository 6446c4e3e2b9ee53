"""The gap between two given sides, over all renewals and quarter by quarter.

Grain in: the rows of one scope.  Grain out: one record per period.  Nothing is chosen here, so the
intervals are the ordinary ones with accounts as units.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.rules.scope import Rows, Scope
from cs_models.learn.shapes import refit

COLUMNS = (
    "rule", "period", "in_sample", "n_terms", "n_accounts", "n_churned", "lift", "lift_low",
    "lift_high",
)  # fmt: skip
FEWEST_ON_SIDE = 5  # terms; below this a quarter's gap is not worth an interval


def counts(rows: Rows) -> dict[str, int]:
    """Return ``n_terms``, ``n_accounts`` and ``n_churned``."""
    return {
        "n_terms": len(rows.count),
        "n_accounts": len(np.unique(rows.account)),
        "n_churned": int(rows.churned.sum()),
    }


def record(
    period: str,
    rows: Rows,
    lift: float,
    error: float,
    *,
    rule: str = "chosen before",
    in_sample: bool = False,
) -> dict[str, Any]:
    """Return one line of the table: a gap (0 to 1) with its 95 % interval, and the counts."""
    reach = refit.Z_95 * error
    return {
        "rule": rule, "period": period, "in_sample": in_sample, **counts(rows),
        "lift": lift, "lift_low": lift - reach, "lift_high": lift + reach,
    }  # fmt: skip


def of_scope(
    scope: Scope, above: NDArray[np.bool_], *, whole: str | None = None, **marks: Any
) -> list[dict[str, Any]]:
    """Measure the gap between two sides over all rows, and by quarter of the renewal date."""
    quarter = pd.to_datetime(scope.frame["term_end"]).dt.to_period("Q").astype(str).to_numpy()
    everything = np.ones(len(above), dtype=bool)
    parts = [(whole, everything)] if whole is not None else []
    parts += [(str(name), quarter == name) for name in np.unique(quarter)]
    records = []
    for name, mine in parts:
        side, rows = above[mine], scope.rows.at(mine)
        enough = min(side.sum(), (~side).sum()) >= FEWEST_ON_SIDE
        lift, error = refit.gap(side, rows) if enough else (math.nan, math.nan)
        records.append(record(name, rows, lift, error, **marks))
    return records
