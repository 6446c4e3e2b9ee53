"""Moves between stages, counted.

Grain in: one row per stay.  Grain out: one row per pair of stages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cs_models.learn.hazards.causes import cumulative_incidence


def moves(stays: pd.DataFrame, stages: Sequence[str]) -> pd.DataFrame:
    """Count the moves from each stage to each other.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        ``stage``, ``next_stage``, ``moved``, ``account_id``.
    stages : sequence of str
        In the order of the answer.

    Returns
    -------
    DataFrame, one row per pair of stages with a move
        ``stage``, ``to``, ``n`` (moves), ``n_accounts``, ``share`` (of all moves out of the
        stage; 0 to 1).
    """
    order = {name: place for place, name in enumerate(stages)}
    gone = stays[stays["moved"].to_numpy(dtype=bool)]
    grouped = gone.groupby(["stage", "next_stage"], observed=True)["account_id"]
    found = grouped.agg(n="size", n_accounts="nunique").reset_index()
    found = found.rename(columns={"next_stage": "to"})
    found["share"] = found["n"] / found.groupby("stage")["n"].transform("sum")
    found["place"] = found["stage"].map(order) * len(order) + found["to"].map(order)
    return found.sort_values("place", ignore_index=True).drop(columns="place")


def reached(
    stays: pd.DataFrame,
    goal: Sequence[str],
    ended: Sequence[str],
    *,
    thing: str = "account_id",
    groups: pd.Series | None = None,
    come: pd.Series | None = None,
) -> pd.DataFrame:
    """Estimate the chance to have been in any of some stages by each day.

    Parameters
    ----------
    stays : DataFrame, one row per stay
        As ``stays.stays`` returned them.
    goal : sequence of str
        The stages that count as having arrived.
    ended : sequence of str
        Stages after which nobody arrives any more; they compete with arriving.
    thing : str, default "account_id"
        Column of the thing.
    groups : Series, optional
        A group for each thing.
    come : Series of float, optional
        The time at which each thing arrived, missing where it has not, in place of `goal`.

    Returns
    -------
    DataFrame, one row per group and day
        ``group``, ``time``, ``at_risk``, ``incidence``, ``low``, ``high``, ``suppressed``: the
        chance to have arrived (Aalen–Johansen), of things seen from their first day.

    Raises
    ------
    DataError
        Nothing was seen from its first day.
    """
    frame = stays.sort_values([thing, "start"], kind="stable")
    seen = frame.groupby(thing, observed=True)["start"].transform("min") <= 0
    frame = frame[seen.to_numpy(dtype=bool)]
    grouped = frame.groupby(thing, observed=True)
    last = grouped["stop"].max()
    if come is None:
        come = frame[frame["stage"].isin(goal)].groupby(thing, observed=True)["start"].min()
    over = frame[frame["stage"].isin(ended)].groupby(thing, observed=True)["start"].min()
    come, over = come.reindex(last.index), over.reindex(last.index)
    arrived = come.notna() & ~(over < come)
    gone = ~arrived & over.notna()
    # Arrived on the very first day counts on the day after it: a duration is above nought.
    time = come.where(arrived, over.where(gone, last)).clip(lower=0.5)
    cause = np.where(arrived, "arrived", np.where(gone, "ended", "none"))
    own = None if groups is None else groups.reindex(last.index).to_numpy()
    found = cumulative_incidence(time, cause, causes=("arrived", "ended"), groups=own)
    return found[found["cause"] == "arrived"].drop(columns="cause").reset_index(drop=True)
