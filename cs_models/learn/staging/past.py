"""Whether the next move depends on how long somebody has been in a stage and where they came from.

Grain in: one row per stay.  Grain out: one row per move that is common enough.

The plain product of chances takes everybody in a stage on a day as alike (the Markov property).
Here the rate of each move, at the same time since the beginning, is asked whether it goes with the
day on which the stage was entered (which is the time in it, at the same time since the beginning)
and with the stage before: Cox's model with late entry, and a likelihood-ratio test.  Where it does,
chances from a stage on a later day are told by those who were there (`chances.transition` with
``landmark=True``).

Source: ``methods.md`` 5 (Markov check).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.hazards.proportional import time_varying_cox

LEAST: Final = 30
ALPHA: Final = 0.05
_YEAR: Final = 365.25
_FIRST: Final = "first"
_OTHER: Final = "other"


@dataclass(frozen=True)
class Past:
    """Whether the past matters for the next move.

    Attributes
    ----------
    table : DataFrame, one row per move
        ``stage``, ``to``, ``n`` (stays), ``n_moved``, ``chi_square``, ``df``, ``p``,
        ``p_adjusted`` (Holm), ``per_year`` (ratio of rates for entering the stage a year later; NaN
        where it was not asked).
    chi_square : float
        Of all moves together.
    df : int
    p : float
        NaN where no move was common enough.
    matters : bool
        ``p`` is at most .05.
    """

    table: pd.DataFrame
    chi_square: float
    df: int
    p: float
    matters: bool


def past(stays: pd.DataFrame, *, least: int = LEAST) -> Past:
    """Test whether time in a stage and the stage before go with the rate of each move.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        As ``stays.stays`` returned them.
    least : int, default 30
        Moves below which a pair of stages is passed over.

    Returns
    -------
    Past
    """
    known = stays[stays["entry_seen"].to_numpy(dtype=bool) & (stays["stop"] > stays["start"])]
    known = known.assign(
        entered=known["start"] / _YEAR, previous=known["previous_stage"].fillna(_FIRST)
    )
    rows = []
    for (stage, to), moved in known.groupby(["stage", "next_stage"], observed=True):
        if len(moved) < least:
            continue
        own = known[known["stage"] == stage]
        row = _asked(own.assign(event=(own["next_stage"] == to).astype("int64")))
        if row is not None:
            rows.append({"stage": stage, "to": to, "n": len(own), "n_moved": len(moved), **row})
    columns = ["stage", "to", "n", "n_moved", "chi_square", "df", "p", "per_year"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_adjusted"] = _holm(table["p"].to_numpy(np.float64))
    total, df = float(table["chi_square"].sum()), int(table["df"].sum())
    p = float(stats.chi2.sf(total, df)) if df else float("nan")
    return Past(table, total, df, p, bool(p <= ALPHA))


def _asked(own: pd.DataFrame) -> dict[str, Any] | None:
    """Return the likelihood ratio of one move; None where the model cannot be fitted."""
    often = own.groupby("previous")["event"].agg(["sum", "size"])
    kept = often.index[(often["sum"] >= LEAST / 3) & (often["size"] - often["sum"] >= LEAST / 3)]
    own = own.assign(previous=own["previous"].where(own["previous"].isin(kept), _OTHER))
    columns = [name for name in ("entered", "previous") if len(own[name].unique()) > 1]
    if not columns:
        return None
    try:
        # A stage that everybody leaves on one day has no finite answer: it is passed over below.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            model = time_varying_cox(own, columns)
    except (DataError, TooLittleDataError, np.linalg.LinAlgError):
        return None
    if not np.isfinite(model.log_likelihood):
        return None
    chi = max(0.0, 2 * (model.log_likelihood - model.log_likelihood_null))
    ratio = model.coefficients.set_index("column")["hazard_ratio"]
    df = len(ratio)
    return {"chi_square": chi, "df": df, "p": float(stats.chi2.sf(chi, df)),
            "per_year": float(ratio.get("entered", np.nan))}  # fmt: skip


def _holm(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
