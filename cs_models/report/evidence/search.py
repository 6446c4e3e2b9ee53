"""The frames behind what a page says of the search itself.

Grain in: one finished ``thresholds.Search``.  Grain out: what chance would have found (one row a
bin), what re-runs found (one row a level), the level in each group of customers, every use that
was searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cs_models.features import catalogue
from cs_models.learn.thresholds import Search
from cs_models.report.evidence.rules import WHOLE_BOOK, group_of, leading, records, signals

BOOTSTRAP, WITHOUT_QUARTER = "bootstrap", "without quarter"
NOT_ANNOUNCED = "not announced"
MOST_BARS = 40
_ALIKE = 0.05  # p above which groups count as having one level (methods.md 2.9)


def histogram(null_max: np.ndarray, *, bins: int = 40) -> pd.DataFrame:
    """Strength of the best rule in histories of pure chance, as shares.

    Parameters
    ----------
    null_max : ndarray, shape (n_permutations,)
        The largest statistic of each such history.
    bins : int, default 40
        Number of bins.

    Returns
    -------
    DataFrame
        One row a bin: middle, width, share (of the histories; sums to 1).
    """
    counts, edges = np.histogram(null_max, bins=bins)
    return pd.DataFrame(
        {
            "middle": (edges[:-1] + edges[1:]) / 2,
            "width": np.diff(edges),
            "share": counts / counts.sum(),
        }
    )


def named(feature: str) -> str:
    """Return a use as a reader names it: "distinct features used", or a feature's own text."""
    kind = catalogue.KINDS.get(feature)
    return feature if kind is None else kind.words


def strongest(search: Search) -> dict[str, Any]:
    """Return the strongest of all rules tried: what chance alone is compared with.

    Parameters
    ----------
    search : Search
        A search that tried at least one rule.

    Returns
    -------
    dict
        ``statistic`` (size, standard deviations), ``p`` (how often the best rule of a history of
        pure chance is as strong), ``group`` (whom it is about, in words).
    """
    at = search.rules.iloc[int(search.rules["statistic"].abs().to_numpy().argmax())]
    return {
        "statistic": abs(float(at["statistic"])), "p": float(at["p_adjusted"]),
        "group": group_of(at),
    }  # fmt: skip


def reruns(found: pd.DataFrame) -> pd.DataFrame:
    """Count the levels that re-runs of the search found.

    Parameters
    ----------
    found : DataFrame
        ``Search.stability`` of a rule, one row a re-run.

    Returns
    -------
    DataFrame
        One row per (what was re-run, level): kind ("bootstrap" or "without quarter"), what
        (words), level, width (of a bar), share (of the bootstraps, sums to 1; missing for a
        quarter), best (the use that came out best: the most frequent one).
    """
    drawn = found[found["kind"] == BOOTSTRAP]
    binned, width = _binned(drawn["cut"].to_numpy(dtype=float))
    rows: list[dict[str, Any]] = [
        {
            "kind": BOOTSTRAP, "what": "customers drawn anew", "level": level, "width": width,
            "share": len(mine) / len(drawn), "best": named(mine["feature"].mode().iloc[0]),
        }
        for level, mine in drawn.groupby(binned)
    ]  # fmt: skip
    rows += [
        {
            "kind": WITHOUT_QUARTER, "what": f"without terms of {quarter['name']}",
            "level": quarter["cut"], "width": width, "share": None,
            "best": named(quarter["feature"]),
        }
        for quarter in records(found[found["kind"] == WITHOUT_QUARTER])
    ]  # fmt: skip
    return pd.DataFrame(rows)


def rivals(found: pd.DataFrame, feature: str) -> pd.DataFrame:
    """Return the other uses that came out best in re-runs on customers drawn anew.

    Parameters
    ----------
    found : DataFrame
        ``Search.stability`` of a rule.
    feature : str
        The rule's own.

    Returns
    -------
    DataFrame
        One row a use, most frequent first: feature, share (of the re-runs).
    """
    drawn = found[found["kind"] == BOOTSTRAP]
    shares = drawn["feature"].value_counts(normalize=True)
    shares = shares[shares.index != feature]
    return pd.DataFrame({"feature": shares.index.astype(str), "share": shares.to_numpy()})


def followed(search: Search) -> Mapping[str, Any] | None:
    """Return the signal of all customers that is followed through the groups, if there is one."""
    whole = signals(search)
    with_groups = set(search.segments["rule_id"])
    return next(
        (rule for rule in records(whole[whole["segment"].isna()])
         if rule["rule_id"] in with_groups), None,
    )  # fmt: skip


def groups(search: Search) -> pd.DataFrame:
    """Return the level of the rule of all customers in each group, beside the group's own search.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    DataFrame
        One row a group: group, cut, low, high, own (bool), lift, lift_low, lift_high, n_terms,
        n_churned_accounts, searched (level of the group's own search when it counts the same
        use and is not gradual; missing otherwise), agrees (nullable bool: that level lies in the
        interval low to high).
        No row without a signal of all customers.
    """
    rule = followed(search)
    columns = ["group", "cut", "low", "high", "own", "lift", "lift_low", "lift_high", "n_terms",
               "n_churned_accounts", "searched", "agrees"]  # fmt: skip
    if rule is None:
        return pd.DataFrame(columns=columns)
    mine = search.segments[search.segments["rule_id"] == rule["rule_id"]]
    out = mine.rename(columns={"segment": "group", "cut_low": "low", "cut_high": "high"})
    own = {
        group_of(one): float(one["cut"])
        for one in records(leading(search))
        if _same_count(one, rule) and one["verdict"] != "gradual"
    }
    out["searched"] = out["group"].map(own).astype(float)
    inside = (out["searched"] >= out["low"]) & (out["searched"] <= out["high"])
    out["agrees"] = inside.astype("boolean").mask(out["searched"].isna())
    shown: pd.DataFrame = out[columns].reset_index(drop=True)
    return shown


def alike(search: Search) -> dict[str, Any]:
    """Say whether the groups share a level, and by what factor they differ.

    Parameters
    ----------
    search : Search
        A finished search with a signal of all customers (see :func:`followed`).

    Returns
    -------
    dict
        ``p_same``, ``factor`` (exp of tau), ``differ`` (bool).
    """
    rule = followed(search)
    known = search.alike[rule["rule_id"]] if rule else {"p_same": 1.0, "tau": 0.0}
    return {
        "p_same": float(known["p_same"]),
        "factor": float(np.exp(known["tau"])),
        "differ": float(known["p_same"]) <= _ALIKE,
    }


def ranking(search: Search) -> pd.DataFrame:
    """Return every use that was searched, by group, strongest first.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    DataFrame
        One row per (group, use): group, feature, statistic, p_feature, q_feature, p_adjusted,
        role ("signal", "echo" or "not announced").
    """
    out = search.features.copy()
    out["group"] = [group_of(row) for row in records(out)]
    out["feature"] = out["feature"].map(named)
    out["role"] = out["role"].astype(object).where(out["role"].notna(), NOT_ANNOUNCED)
    first = (out["group"] != WHOLE_BOOK).astype(int)
    order = out.assign(_first=first).sort_values(
        ["_first", "group", "statistic"], ascending=[True, True, False]
    )
    return order.drop(columns=["_first", "segment"]).reset_index(drop=True)


def untried(
    search: Search, asked: Sequence[str], left_out: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Return what was not searched, by name, with the reason.

    Parameters
    ----------
    search : Search
        A finished search.
    asked : sequence of str
        Columns that the search was given.
    left_out : sequence of mapping
        Features that have no columns: ``history.attrs["left_out_features"]``.

    Returns
    -------
    DataFrame
        One row a use: name, n_accounts (missing where not known), reason.
    """
    tried = set(search.rules["column"]) if len(search.rules) else set()
    names = [_label(column) for column in asked if column not in tried]
    rows: list[dict[str, Any]] = [
        {"name": each["feature"], "n_accounts": each["n_accounts"], "reason": each["reason"]}
        for each in left_out
    ]
    rows += [
        {"name": name, "n_accounts": None, "reason": "no level has enough customers on both sides"}
        for name in names
    ]
    return pd.DataFrame(rows, columns=["name", "n_accounts", "reason"])


def _label(column: str) -> str:
    measure = catalogue.parse(column)
    return measure.label() if measure else column


def _same_count(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("column", "min_users", "direction"))


def _binned(cuts: np.ndarray) -> tuple[np.ndarray, float]:
    """Return each cut's bar and the bars' width: every level its own while they are few."""
    distinct = np.unique(cuts)
    gap = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
    reach = float(distinct[-1] - distinct[0]) if len(distinct) else 0.0
    if reach <= MOST_BARS * gap:
        return cuts, gap
    width = reach / MOST_BARS
    if (cuts == np.round(cuts)).all():
        width = float(np.ceil(width))
    return np.floor((cuts - distinct[0]) / width) * width + distinct[0] + width / 2, width
