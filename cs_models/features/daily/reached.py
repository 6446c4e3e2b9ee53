"""From which day a customer is adopted, by the definition in force.

Grain in: contract terms and the use of the product.  Grain out: one day per term, ``FAR`` where
the level was not reached.

A definition of the "first N days" kind is met by a term or not.  Where every column that it counts
can only grow (events, users, days and features used), it is met from the day on which the last of
its levels is reached, within the first N days; otherwise from the day on which the N days are over.
A term whose first N days were not recorded tells nothing.  Once adopted, a customer stays so until
it leaves: what becomes of the use afterwards is what other stages are about.

Dated example, "at least 3 report_shared events in the first 60 days": uses on 2024-01-05 (2, known
the day after) and 2024-01-20 (1) of a term from 2024-01-01 make it adopted from 2024-01-21.

Source: ``customer_success.md`` M1; ``methods.md`` 1.2 (known at the day it is reached, no earlier).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import adoption, cohort, panel
from cs_models.features.adoption import Definition
from cs_models.features.condition import Condition, measure
from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.grid import FAR, Int, numbers
from cs_models.features.daily.use import Use

_GROWING: Final = ("events", "active_users", "users", "active_days")
_ALL: Final = "of all features"
_WIDE: Final = 4 * FAR


def why_not(definition: Definition) -> str:
    """Say why a definition cannot be dated; "" where it can.

    Parameters
    ----------
    definition : Definition

    Returns
    -------
    str
    """
    for name in (name for part in definition.conditions for name in part.columns):
        if measure(name).anchor != "first":
            return f"{name} is not counted from the start of a contract"
    return ""


def features(definition: Definition | None) -> tuple[str, ...]:
    """Return the product features whose use has to be told apart to date a definition."""
    return () if definition is None else adoption.request(definition)["features"]


def days(
    definition: Definition,
    tables: Mapping[str, ir.Table],
    terms: Terms,
    use: Use,
    as_of: date,
    recorded: int,
) -> Int:
    """Return the day from which each term is adopted.

    Parameters
    ----------
    definition : Definition
        Of the "first N days" kind (`why_not` is "").
    tables : mapping of str to ibis Table
        Canonical tables.
    terms : Terms
    use : Use
        With the `features` told apart.
    as_of : datetime.date
        The data date.
    recorded : int
        First day on which use was recorded.

    Returns
    -------
    ndarray of int, shape (n_terms,)
        ``FAR`` where the level was not reached or its days were not recorded.
    """
    counted = [name for part in definition.conditions for name in part.columns]
    measures = [measure(name) for name in counted]
    growing = all(m.measure in _GROWING for m in measures)
    if not growing or any(part.fewer_than is not None for part in definition.conditions):
        return _when_over(definition, tables, terms, as_of, recorded)
    told = features(definition) if all(m.feature for m in measures) else ()
    pairs = _uses(use, terms, max(m.days or 0 for m in measures), told)
    accounts = tables["accounts"].select("account_id", definition.segment_by).execute()
    group = accounts.set_index("account_id")[definition.segment_by].reindex(terms.names)
    own = group.to_numpy(dtype=object)[terms.account]
    parts = definition.by_segment
    named = np.isin(own.astype(str), [name for name in parts if name is not None])
    found = np.full(len(terms.start), FAR)
    for name, conditions in parts.items():
        met = np.max([_met(part, pairs, terms) for part in conditions], axis=0)
        found = np.where(~named if name is None else own == name, met, found)
    return np.where(terms.start >= recorded, found, FAR)


def _met(part: Condition, uses: pd.DataFrame, terms: Terms) -> Int:
    """Return the day from which a condition holds in each term."""
    if part.column is None:
        each = np.sort([_level(o.column, o.at_least, uses, terms) for o in part.of], axis=0)
        return np.asarray(each[int(np.ceil(part.level)) - 1])
    met = _level(part.column, part.level, uses, terms)
    if part.by_users > 1 and part.users_column is not None:
        met = np.maximum(met, _level(part.users_column, float(part.by_users), uses, terms))
    return met


def _level(column: str, level: float, uses: pd.DataFrame, terms: Terms) -> Int:
    """Return the first day on which a growing count reaches a level, within its window."""
    found = measure(column)
    amount = uses[_ALL if found.feature is None else found.feature]
    over = terms.start[uses["term"]] + (found.days or 0)
    rows = uses[amount.notna() & (uses["day"] < over) & (uses["known"] <= over)]
    rows = rows.sort_values(["term", "known"], kind="stable")
    key = {"active_users": "user", "users": "user", "active_days": "day"}.get(found.measure)
    if key is None:
        so_far = rows[amount.name].groupby(rows["term"]).cumsum().round(6)
    else:
        rows = rows[(rows["user"] >= 0) | (key != "user")].drop_duplicates(["term", key])
        so_far = rows.groupby("term").cumcount() + 1
    first = rows[(so_far >= level).to_numpy()].drop_duplicates("term")
    met = np.where(level <= 0, terms.start, np.full(len(terms.start), FAR))
    place = first["term"].to_numpy()
    met[place] = np.minimum(first["known"].to_numpy(), met[place])
    return met


def _uses(use: Use, terms: Terms, longest: int, features: Sequence[str]) -> pd.DataFrame:
    """Pair each term with the uses of its first days."""
    rows = np.arange(len(use.day))
    if features:
        rows = np.flatnonzero(~np.all([np.isnan(use.by_feature[f]) for f in features], axis=0))
    key = use.account[rows] * _WIDE + use.day[rows]
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    at = terms.account * _WIDE + terms.start
    low = np.searchsorted(key, at)
    size = np.searchsorted(key, at + longest) - low
    place = rows[np.repeat(low - (np.cumsum(size) - size), size) + np.arange(size.sum())]
    columns = {f: use.by_feature[f][place] for f in features}
    return pd.DataFrame(
        {
            "term": np.repeat(np.arange(len(at)), size),
            "day": use.day[place],
            "known": use.known[place],
            "user": use.user[place],
            _ALL: use.amount[place],
            **columns,
        }
    )


def _when_over(
    definition: Definition, tables: Mapping[str, ir.Table], terms: Terms, as_of: date, recorded: int
) -> Int:
    """Judge each term once, when the last of the windows is over."""
    asked = adoption.request(definition)
    landmark = max(asked["first_days"])
    start = date.fromordinal(recorded + date(1970, 1, 1).toordinal())
    seen = {"decision": "after_start", "days": landmark, "data_start": start}
    parts = [
        panel.build(tables, chosen, min_accounts=1, **asked)
        for chosen in (
            cohort.terms(tables, as_of, **seen),  # type: ignore[arg-type]
            cohort.running(tables, as_of, **seen),  # type: ignore[arg-type]
        )
    ]
    judged = pd.concat(
        [part[["account_id", "term_start", "as_of_date"]].assign(
            met=adoption.met(definition, part).fillna(False).astype(bool)) for part in parts],
        ignore_index=True,
    )  # fmt: skip
    judged = judged[judged["met"]]
    known = dict(
        zip(
            zip(judged["account_id"], numbers(judged["term_start"]), strict=True),
            numbers(judged["as_of_date"]),
            strict=True,
        )
    )
    keys = zip(terms.names[terms.account], terms.start, strict=True)
    return np.array([known.get((name, int(day)), FAR) for name, day in keys], dtype=np.int64)
