"""A colour that does not flicker: it changes when that is more than noise.

Grain in and out: one row per running term.  ``methods.md`` 5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cs_models.errors import DataError
from cs_models.learn import peers
from cs_models.learn.health import colours

_NEEDED = ("subscription_id", "colour", "colour_raw")


def settle(previous: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Hold a change of colour back until the band is clear of it, or two snapshots agree.

    Parameters
    ----------
    previous : DataFrame, one row per running term
        What this function, or ``health.score``, returned at the last snapshot.
    now : DataFrame, one row per running term
        What ``health.score`` returns today.

    Returns
    -------
    DataFrame, one row per row of ``now``, in its order
        ``now`` with ``colour`` settled, ``colour_before`` (null for a term that is new) and
        ``held_back`` (the raw colour is another one).

    Raises
    ------
    ParameterError
        A column is missing.
    DataError
        A term stands twice in ``previous``.

    Notes
    -----
    Source: ``methods.md`` 5.  A boundary is crossed when the whole band of the probability lies
    on its far side, or when the last snapshot's raw colour was beyond it too; of two boundaries
    in one step the nearer may be crossed alone.  A renewed contract is a new term and starts with
    its raw colour.
    """
    peers.need(previous, *_NEEDED)
    peers.need(now, *_NEEDED, "p_low", "p_high", "amber_at", "red_at")
    if not previous["subscription_id"].is_unique:
        raise DataError("a term stands twice", where="previous", repair="one row per term")
    before = previous.set_index("subscription_id")[["colour", "colour_raw"]]
    before = before.reindex(now["subscription_id"])
    was, saw = colours.numbered(before["colour"]), colours.numbered(before["colour_raw"])
    raw = colours.numbered(now["colour_raw"])
    low, high = (now[name].to_numpy(dtype=np.float64) for name in ("p_low", "p_high"))
    up, down = was.copy(), was.copy()
    with np.errstate(invalid="ignore"):
        for step, name in ((1, "amber_at"), (2, "red_at")):
            at = now[name].to_numpy(dtype=np.float64)
            clear = (up == step - 1) & (raw >= step) & ((low > at) | (saw >= step))
            up = np.where(clear, step, up)
        for step, name in ((2, "red_at"), (1, "amber_at")):
            at = now[name].to_numpy(dtype=np.float64)
            clear = (down == step) & (raw < step) & ((high <= at) | (saw < step))
            down = np.where(clear, step - 1, down)
    settled = np.where(raw > was, up, np.where(raw < was, down, raw))
    # Without a colour before, or with none today, there is nothing to hold back.
    settled = np.where(np.isnan(was) | np.isnan(raw), raw, settled)
    table = now.copy()
    table["colour"] = colours.named(settled)
    table["colour_before"] = colours.named(was)
    table["held_back"] = (settled != raw) & ~np.isnan(raw)
    return table
