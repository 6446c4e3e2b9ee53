"""How long a stage lasts: the time until half have moved on, those still there included.

Grain in: one row per stay.  Grain out: one row per stage.

A stay that still lasts counts for as long as it has lasted and no longer; leaving those out would
tell of the quick ones only.  Stays whose beginning was not seen have no known length and are left
out.  Bands draw accounts anew, with all their stays.

Source: ``methods.md`` 4 (Kaplan–Meier; "not reached" is shown as such), 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.evaluation import bootstrap

Float = NDArray[np.float64]

LEAST: Final = 10
HALF: Final = 0.5
LONG: Final = 0.25  # of stays last longer: from then on somebody is called stuck


def lasting(
    stays: pd.DataFrame,
    stages: Sequence[str],
    *,
    n_boot: int = 200,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say after how many days half, and three in four, of those who entered a stage moved on.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        ``stage``, ``start``, ``stop``, ``moved``, ``entry_seen``, ``account_id``.
    stages : sequence of str
        In the order of the answer.
    n_boot : int, default 200
        Drawings of accounts for the band.
    rng : numpy.random.Generator, optional
        Draws them; no band without.
    level : float, default 0.95
        Coverage of the band.

    Returns
    -------
    DataFrame, one row per stage
        ``stage``, ``n`` (stays whose beginning was seen), ``n_accounts``, ``n_moved``,
        ``n_open``; ``median``, ``low``, ``high``, ``long`` (days; NaN where not reached while ten
        were watched, or with fewer than ten stays).
    """
    rows = []
    for name in stages:
        own = stays[(stays["stage"] == name) & stays["entry_seen"]]
        own = own[own["stop"] > own["start"]]
        days = (own["stop"] - own["start"]).to_numpy(np.float64)
        moved = own["moved"].to_numpy(dtype=bool)
        row = {
            "stage": name, "n": len(own), "n_accounts": own["account_id"].nunique(),
            "n_moved": int(moved.sum()), "n_open": int((~moved).sum()),
            "median": np.nan, "low": np.nan, "high": np.nan, "long": np.nan,
        }  # fmt: skip
        if len(own) >= LEAST:
            one = np.ones((len(own), 1))
            row["median"] = _quantile(days, moved, one, HALF)[0]
            row["long"] = _quantile(days, moved, one, LONG)[0]
            if rng is not None and n_boot:
                row["low"], row["high"] = _band(own, days, moved, n_boot, rng, level)
        rows.append(row)
    return pd.DataFrame(rows)


def _band(
    own: pd.DataFrame,
    days: Float,
    moved: NDArray[np.bool_],
    n_boot: int,
    rng: np.random.Generator,
    level: float,
) -> tuple[float, float]:
    codes, size = bootstrap.accounts(own["account_id"].astype(str))
    drawn = np.concatenate(
        [
            _quantile(days, moved, weights[codes], HALF)
            for weights in bootstrap.drawings(size, n_boot, rng, n_rows=len(own))
        ]
    )
    # Not reached lies beyond every day: an upper end among those has no number.
    ends = np.nan_to_num(drawn, nan=np.inf)
    tails = np.quantile(ends, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    low, high = (float(end) if np.isfinite(end) else np.nan for end in tails)
    return low, high


def _quantile(days: Float, moved: NDArray[np.bool_], weights: Float, share: float) -> Float:
    """Return the first day on which at most a share is still there, by column of weights."""
    order = np.argsort(days, kind="stable")
    days, moved, weights = days[order], moved[order], weights[order]
    opens = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
    left = np.add.reduceat(weights * moved[:, None], opens)
    present = np.cumsum(weights[::-1], axis=0)[::-1][opens]
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.cumprod(np.where(present > 0, 1 - left / present, 1.0), axis=0)
    below = (kept <= share + 1e-12) & (present >= LEAST)
    first = below.argmax(axis=0)
    return np.where(below.any(axis=0), days[opens][first], np.nan)
