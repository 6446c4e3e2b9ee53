"""The frame on which lists of customers are judged: running terms with all that is known of them.

Grain in and out: one row per (subscription_id, as_of_date).  Beside the panel's columns stand
those that no panel has: the chance of leaving, what a call is worth, distance to the learnt
threshold, the last contact, features never touched, and where the depth of use stands among the
like.

The same function makes the frame of today and that of past days, so that a past list asks what
today's asks.

Source: ``methods.md`` 6; ``customer_success.md`` Q12 to Q14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features import adoption, catalogue
from cs_models.features.adoption import Definition
from cs_models.learn.listing import contacts
from cs_models.learn.shapes.calls import Play

UNUSED: Final = "unused_names"
SCORES: Final = ("p_churn", "p_low", "p_high", "out_of_distribution")


def frame(
    panel: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    touched: pd.DataFrame | None,
    play_days: int,
    play: Play | None,
    definition: Definition | None,
    by: Sequence[str] = (),
) -> pd.DataFrame:
    """Put everything that a list may ask beside each term.

    Parameters
    ----------
    panel : pandas.DataFrame
        One row per (subscription_id, as_of_date), with relations.
    scores : pandas.DataFrame
        subscription_id, p_churn and, of today's, p_low, p_high, out_of_distribution; terms
        without a row have no chance.
    touched : pandas.DataFrame or None
        ``contacts.ours``.
    play_days : int
        Days in which a playbook step counts as a play.
    play : Play or None
        Sets ``expected_value`` (p · s · margin · ARR - cost at the middle save rate) and
        ``net_low``, ``net_high``.
    definition : Definition or None
        Sets ``adopted``, ``below_threshold`` and ``threshold_gap``.
    by : sequence of str, default ()
        Columns of the panel within which the depth of use is ranked.

    Returns
    -------
    pandas.DataFrame
        The panel's rows and columns, ``arr`` as float, and as far as they can be told those above,
        ``days_to_renewal``, ``unused_features`` (how many of the product's features were not used
        in the longest window), ``unused_names``, ``depth_rank`` (0 to 1: events a seat in the
        longest window, among the like of the same frame), and those of ``contacts.beside``.
    """
    end, day = pd.to_datetime(panel["term_end"]), pd.to_datetime(panel["as_of_date"])
    told: dict[str, pd.Series] = {name: scores[name] for name in SCORES if name in scores}
    said = pd.DataFrame(told).set_axis(scores["subscription_id"])
    said = said[~said.index.duplicated()].reindex(panel["subscription_id"]).set_axis(panel.index)
    more: dict[str, pd.Series] = {
        "arr": pd.to_numeric(panel["arr"]).astype("float64"),
        "days_to_renewal": (end - day).dt.days.astype("Int64"),
        **{name: _typed(name, said[name]) for name in told},
    }
    found = panel.drop(columns="arr").join(pd.DataFrame(more))
    found = found.join(_worth(found, play)).join(_adopted(found, definition))
    found = found.join(_areas(found)).join(_depth(found, by))
    return found.join(contacts.beside(found, touched, play_days=play_days))


def _typed(name: str, values: pd.Series) -> pd.Series:
    """Give a score its type: a flag, or a number."""
    odd = name == "out_of_distribution"
    return values.astype("boolean") if odd else values.astype("float64")


def _worth(rows: pd.DataFrame, play: Play | None) -> pd.DataFrame:
    """Return what a call is expected to bring, at each save rate; nothing without a play."""
    if play is None or "p_churn" not in rows:
        return pd.DataFrame(index=rows.index)
    risk, cost = rows["arr"] * rows["p_churn"] * play.margin, float(play.cost)
    net = {name: rate * risk - cost for name, rate in play.save_rates.items()}
    return pd.DataFrame(
        {"expected_value": net["mid"], "net_low": net["low"], "net_high": net["high"]}
    )


def _adopted(rows: pd.DataFrame, definition: Definition | None) -> pd.DataFrame:
    """Return whether each term reached the definition in force, and how much it lacks."""
    if definition is None or set(adoption.columns(definition)) - set(rows.columns):
        return pd.DataFrame(index=rows.index)
    met = adoption.met(definition, rows)
    gap = pd.Series(np.nan, index=rows.index)
    parts = definition.by_segment
    for segment, conditions in parts.items():
        if len(conditions) != 1 or conditions[0].column is None or conditions[0].at_least is None:
            continue  # one number cannot say how far several conditions are away
        named = rows.get(definition.segment_by, pd.Series(pd.NA, index=rows.index))
        named = named.astype("string")
        others = [name for name in parts if name is not None]
        mine = named.eq(segment) if segment is not None else ~named.isin(others)
        so_far = pd.to_numeric(rows[conditions[0].column]).astype("float64")
        lacks = (conditions[0].level - so_far).clip(lower=0)
        gap = gap.mask(mine.fillna(False).astype(bool), lacks)
    return pd.DataFrame({"adopted": met, "below_threshold": ~met, "threshold_gap": gap})


def _longest(rows: pd.DataFrame) -> int:
    read = (catalogue.parse(str(name)) for name in rows.columns)
    days = [m.days or 0 for m in read if m and m.measure == "events" and m.anchor == "last"]
    return max(days, default=0)


def _areas(rows: pd.DataFrame) -> pd.DataFrame:
    """Count and name the features that a customer did not touch in the longest window."""
    longest = _longest(rows)
    read = {str(name): catalogue.parse(str(name)) for name in rows.columns}
    areas = {
        name: m.feature
        for name, m in read.items()
        if m and m.measure == "events" and m.feature and m.anchor == "last" and m.days == longest
    }
    if not areas:
        return pd.DataFrame(index=rows.index)
    used = rows[list(areas)].apply(pd.to_numeric).astype("float64")
    idle = used.eq(0).to_numpy()
    names = np.array([str(feature) for feature in areas.values()], dtype=object)
    count = pd.Series(idle.sum(axis=1), index=rows.index, dtype="Int64")
    return pd.DataFrame(
        {
            "unused_features": count.mask(used.isna().all(axis=1)),
            UNUSED: [", ".join(names[row]) for row in idle],
        },
        index=rows.index,
    )


def _depth(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rank events a seat among the like of the same frame."""
    name = f"events__last_{_longest(rows)}d"
    if name not in rows or "seats" not in rows:
        return pd.DataFrame(index=rows.index)
    seats = pd.to_numeric(rows["seats"]).astype("float64")
    deep = pd.to_numeric(rows[name]).astype("float64") / seats.where(seats > 0)
    within = [rows[column].fillna("") for column in by if column in rows.columns]
    ranked = deep.groupby(within).rank(pct=True) if within else deep.rank(pct=True)
    return pd.DataFrame({"depth_rank": ranked}, index=rows.index)
