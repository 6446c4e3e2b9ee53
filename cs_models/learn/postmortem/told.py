"""What is told of lost terms: one by one, and by stage beside the renewed ones.

Grain in: flags of terms and stages.  Grain out: one row per lost term, or per stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import peers
from cs_models.learn.postmortem.behind import Placed

NONE: Final = "none"
NOT_RECORDED: Final = "not recorded"

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


def terms(
    past: pd.DataFrame,
    placed: Placed,
    chosen: Mapping[str, Sequence[str]],
    names: list[str],
    values: Float,
    flags: Float,
    first: Whole,
    arr: Float,
    left: Flags,
    cluster: str,
) -> pd.DataFrame:
    """Return one row per lost term with the measure in which it was furthest behind."""
    rows = np.flatnonzero(left)
    stage_of = np.array([s for s, held in enumerate(chosen.values()) for _ in held])
    mine = np.where(stage_of == first[rows, None], placed.good[rows], np.nan)
    worst = np.where(np.isnan(mine), np.inf, mine).argmin(axis=1)
    shown = np.asarray(~np.isnan(mine).all(axis=1), dtype=bool)
    quartiles = _quartiles(placed, values)
    kind = placed.kind[rows]
    told = np.array([quartiles[k][:, j] for k, j in zip(kind, worst, strict=True)])
    told = np.where(shown[:, None], told, np.nan)
    carried = ["subscription_id", cluster, "account_name", "segment", "term_end"]
    table = past.loc[rows, [name for name in carried if name in past.columns]]
    table = table.rename(columns={cluster: "account_id"}).reset_index(drop=True)
    labels: NDArray[np.object_] = np.array([*chosen, NOT_RECORDED, NONE], dtype=object)
    table["arr"], table["kind"] = arr[rows], kind
    table["stage"] = labels[first[rows]]
    table["n_stages_behind"] = (flags[rows] == 1).sum(axis=1)
    table["n_stages_recorded"] = (~np.isnan(flags[rows])).sum(axis=1)
    table["column"] = (
        pd.Series(names, dtype="object")[worst].reset_index(drop=True).where(shown, None)
    )
    table["value"] = np.where(shown, values[rows, worst], np.nan)
    table["percentile"] = np.where(shown, mine[np.arange(len(rows)), worst], np.nan)
    for place, name in enumerate(("renewed_q25", "renewed_q50", "renewed_q75")):
        table[name] = told[:, place]
    return table


def _quartiles(placed: Placed, values: Float) -> dict[str, Float]:
    """Return the renewers' quartiles of every column, by kind; NaN where none is recorded."""
    out = {}
    for kind, mine in placed.members.items():
        found = np.full((3, values.shape[1]), np.nan)
        for j in range(values.shape[1]):
            known = values[mine, j]
            known = known[~np.isnan(known)]
            if known.size:
                found[:, j] = np.quantile(known, (0.25, 0.5, 0.75))
        out[kind] = found
    return out


def stages(
    chosen: Mapping[str, Sequence[str]],
    flags: Float,
    first: Whole,
    arr: Float,
    left: Flags,
    account: NDArray[np.object_],
    level: float,
) -> pd.DataFrame:
    """Return one row per stage: lost terms, their money, and the same of renewed ones."""
    known = ~np.isnan(arr)
    rows = []
    codes = [*range(len(chosen)), -1, -2]
    for code, stage in zip(codes, [*chosen, NONE, NOT_RECORDED], strict=True):
        here = first == code
        excess, low, high = peers.gap(here, left, account, level=level)
        flag = flags[:, code] if code >= 0 else np.full(len(flags), np.nan)
        recorded = ~np.isnan(flag)
        on_pace = recorded & ~(flags[:, : max(code, 0)] == 1).any(axis=1)
        rows.append(
            {
                "stage": stage,
                "n_columns": len(chosen.get(stage, ())),
                "n_lost": int((here & left).sum()),
                "share": _share(here, left),
                "arr": float(arr[here & left & known].sum()),
                "share_arr": _share(here, left & known, arr),
                "share_of_renewed_behind": _share(here, ~left),
                "excess": excess,
                "low": low,
                "high": high,
                "share_arr_of_renewed_behind": _share(here, ~left & known, arr),
                "behind": _share(flag == 1, left & recorded),
                "renewed_behind": _share(flag == 1, ~left & recorded),
                "on_pace_behind": _share(flag == 1, left & on_pace),
                "on_pace_renewed_behind": _share(flag == 1, ~left & on_pace),
                "n_not_recorded": int((~recorded & left).sum()) if code >= 0 else 0,
            }
        )
    return pd.DataFrame(rows)


def _share(event: Flags, among: Flags, weight: Float | None = None) -> float:
    """Return the share of rows, or of their weight, for which an event holds; NaN without any."""
    each = np.ones(len(event)) if weight is None else weight
    total = float(each[among].sum())
    return float(each[among & event].sum()) / total if total > 0 else float("nan")
