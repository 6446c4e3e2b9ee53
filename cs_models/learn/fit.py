"""Did the sale fit: renewal by how and to whom the product was sold.

Grain in: one row per ended contract term with what was known of its account at the sale.  Grain
out: one row per column (channel, segment, …), per level of it, or per pair of levels.

Some level always comes out lowest.  Every column is therefore held against accounts that changed
places (with their whole histories, among those that began in the same half-year with contracts of
the same length), all columns and all levels together (step-down, ``methods.md`` 2.3); pairs of
levels against what their parts already say.  Associated, never because of (2.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.engines import columns as engine
from cs_models.learn.engines import multiplier
from cs_models.learn.engines.stepdown import adjust
from cs_models.learn.evaluation import bootstrap, logistic
from cs_models.learn.evaluation.rates import proportion

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_LEVELS: Final = 12
FEWEST_CHURNED: Final = 40
OTHER: Final = "all others"
UNKNOWN: Final = "not recorded"
_BLOCK: Final = 250

COLUMN_COLUMNS: Final = ("column", "n_levels", "spread", "p", "holds")
LEVEL_COLUMNS: Final = (
    "column", "level", "n", "n_accounts", "n_renewed", "renewal_rate", "low", "high",
    "adjusted_rate", "adjusted_low", "adjusted_high", "p", "holds",
)  # fmt: skip
PAIR_COLUMNS: Final = (
    "column", "level", "other_column", "other_level", "n", "n_accounts", "renewal_rate", "low",
    "high", "p", "holds",
)  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """Renewal by what was known at the sale.

    Attributes
    ----------
    columns : DataFrame, one row per column, clearest first
        ``column``, ``n_levels``, ``spread`` (highest less lowest renewal rate of its levels),
        ``p`` (adjusted for all columns), ``holds``.
    levels : DataFrame, one row per column and level
        ``n`` (terms), ``n_accounts``, ``n_renewed``, ``renewal_rate``, ``low``, ``high`` (accounts
        as the unit), ``adjusted_rate``, ``adjusted_low``, ``adjusted_high`` (were all terms alike
        in the other columns; missing where that cannot be told), ``p`` (against all others,
        adjusted for all levels of all columns), ``holds``.
    pairs : DataFrame, one row per pair of levels that stands out beyond its parts
        Adjusted for every pair that was tried; usually empty.
    n, n_accounts, n_churned, n_pairs : int
        Terms, accounts, terms lost, and pairs tried.
    rate : float
        Renewal rate of all.
    why_not : str
        Why nothing could be judged; empty otherwise.
    """

    columns: pd.DataFrame
    levels: pd.DataFrame
    pairs: pd.DataFrame
    n: int
    n_accounts: int
    n_churned: int
    n_pairs: int
    rate: float
    why_not: str = ""


def learn(
    terms: pd.DataFrame,
    columns: Sequence[str],
    *,
    rng: np.random.Generator,
    min_accounts: int = 20,
    n_permutations: int = 999,
    alpha: float = 0.05,
) -> Fit:
    """Hold renewal against each column that was known at the sale.

    Parameters
    ----------
    terms : DataFrame, one row per ended term
        ``account_id``, ``term_start``, ``term_months``, ``churned`` (0/1, missing left out), and
        the columns.
    columns : sequence of str
        Of text; a column's value in the account's first term counts for all its terms.
    rng : numpy.random.Generator
        Source of the permutations.
    min_accounts : int, default 20
        Levels of fewer accounts are put together as "all others".
    n_permutations : int, default 999
    alpha : float, default 0.05
        How often one or more columns (levels, pairs) may be announced where none matters.

    Returns
    -------
    Fit

    Notes
    -----
    Source: ``methods.md`` 1.1, 2.3, 2.10; ``customer_success.md`` Q1.
    """
    rows = terms.dropna(subset=["churned", "account_id"])
    rows = rows.sort_values(["account_id", "term_start"], kind="stable").reset_index(drop=True)
    churned = rows["churned"].to_numpy(dtype=np.float64)
    lost = int(rows.loc[churned == 1, "account_id"].nunique())
    at_sale = {c: _at_sale(rows, c, min_accounts) for c in columns if c in rows}
    kept = {c: v for c, v in at_sale.items() if len(v.unique()) > 1}
    size = len(rows), int(rows["account_id"].nunique()), int(churned.sum())
    rate = float(1 - churned.mean()) if len(rows) else np.nan
    if lost < FEWEST_CHURNED or not kept:
        why = (
            f"{lost} customers that left are too few to compare kinds of customers by"
            if lost < FEWEST_CHURNED
            else "no column with two or more kinds of customers is recorded"
        )
        none = [_empty(c) for c in (COLUMN_COLUMNS, LEVEL_COLUMNS, PAIR_COLUMNS)]
        return Fit(none[0], none[1], none[2], *size, 0, rate, why)
    account, n_accounts = bootstrap.accounts(rows["account_id"])
    levels = _rates(rows, churned, kept)
    of_column, of_level = _shuffled(rows, churned, kept, account, n_permutations, rng)
    levels["p"] = of_level
    levels["holds"] = levels["p"] <= alpha
    adjusted = _adjusted(rows, churned, kept, account, n_accounts)
    levels[["adjusted_rate", "adjusted_low", "adjusted_high"]] = adjusted
    spread = levels.groupby("column")["renewal_rate"].agg(lambda r: r.max() - r.min())
    table = pd.DataFrame(
        {"column": list(kept), "n_levels": [v.nunique() for v in kept.values()],
         "spread": [float(spread[c]) for c in kept], "p": of_column}
    )  # fmt: skip
    table["holds"] = table["p"] <= alpha
    pairs, n_pairs = _pairs(rows, churned, kept, account, min_accounts, n_permutations, alpha, rng)
    return Fit(
        table.sort_values(["p", "column"], ignore_index=True),
        levels[list(LEVEL_COLUMNS)], pairs, *size, n_pairs, rate,
    )  # fmt: skip


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


def _at_sale(rows: pd.DataFrame, column: str, least: int) -> pd.Series:
    """Return the account's first value of a column, rare ones put together."""
    text = rows[column].astype("object").where(rows[column].notna(), UNKNOWN).astype(str)
    first = text.groupby(rows["account_id"].to_numpy()).transform("first")
    n = first.groupby(first.to_numpy()).agg("size")
    accounts = rows["account_id"].groupby(first.to_numpy()).nunique()
    large = accounts[accounts >= least].index
    common = n.loc[large].sort_values(ascending=False).index[:MOST_LEVELS]
    return first.where(first.isin(common), OTHER)


def _rates(rows: pd.DataFrame, churned: Float, kept: dict[str, pd.Series]) -> pd.DataFrame:
    found = []
    for column, values in kept.items():
        for level in sorted(values.unique()):
            inside = (values == level).to_numpy()
            own = proportion(1 - churned[inside], rows.loc[inside, "account_id"])
            found.append(
                (column, level, own.n, own.n_clusters, own.n_events, own.rate, own.low, own.high)
            )
    names = ["column", "level", "n", "n_accounts", "n_renewed", "renewal_rate", "low", "high"]
    return pd.DataFrame(found, columns=names)


def _indicators(kept: dict[str, pd.Series]) -> tuple[Float, Int]:
    """Return a 0/1 column for every level, and the place of each one's own column."""
    parts, owner = [], []
    for place, values in enumerate(kept.values()):
        for level in sorted(values.unique()):
            parts.append((values == level).to_numpy(dtype=np.float64))
            owner.append(place)
    return np.column_stack(parts), np.array(owner, dtype=np.int64)


def _shuffled(
    rows: pd.DataFrame, churned: Float, kept: dict[str, pd.Series], account: Int,
    n_permutations: int, rng: np.random.Generator,
) -> tuple[Float, Float]:  # fmt: skip
    """Return adjusted p of every column and of every level, accounts changing places."""
    first = np.unique(account, return_index=True)[1]
    group = _began_alike(rows.iloc[first])
    of_row = group[account]
    mean = np.bincount(of_row, weights=churned) / np.maximum(np.bincount(of_row), 1)
    surplus = np.bincount(account, weights=churned - mean[of_row]).astype(np.float64)
    indicator, owner = _indicators(kept)
    level = indicator[first]
    # Only what can change places counts: levels are centred inside each group of accounts.
    sizes = np.bincount(group)
    inside = np.column_stack([np.bincount(group, weights=c) / sizes for c in level.T])
    centred = level - inside[group]
    spread = np.array([np.var(surplus[group == g], ddof=1) if sizes[g] > 1 else 0.0
                       for g in range(len(sizes))])  # fmt: skip
    deviation = np.sqrt((centred**2).T @ spread[group])
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9)
    observed = centred.T @ surplus * inverse
    null = np.concatenate(_nulls(centred * inverse, surplus, group, n_permutations, rng=rng))
    by_level = adjust(np.round(observed, 9), [np.abs(null).T])
    n_columns = len(kept)
    together = np.column_stack([(null[:, owner == c] ** 2).sum(axis=1) for c in range(n_columns)])
    seen = np.array([(observed[owner == c] ** 2).sum() for c in range(n_columns)])
    # Columns have different numbers of levels: each is put on the scale of its own p.
    everything = np.vstack([seen, together])
    surprise = -np.log(_exceeded(everything) / (n_permutations + 1.0))
    by_column = adjust(surprise[0], [surprise[1:].T])
    return by_column.p, by_level.p


def _exceeded(everything: Float) -> Float:
    """Return, column by column, how many of all values reach each value, itself among them."""
    out = np.empty_like(everything)
    for c, values in enumerate(everything.T):
        ordered = np.sort(values)
        out[:, c] = len(ordered) - np.searchsorted(ordered, values - 1e-9, side="left")
    return out


def _nulls(
    centred: Float, surplus: Float, group: Int, n_permutations: int, *, rng: np.random.Generator
) -> list[Float]:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    ends = np.r_[starts[1:], len(order)]
    blocks = []
    for begin in range(0, n_permutations, _BLOCK):
        size = min(_BLOCK, n_permutations - begin)
        drawn = np.empty((size, len(order)))
        for start, end in zip(starts, ends, strict=True):
            own = np.broadcast_to(surplus[order[start:end]], (size, end - start))
            drawn[:, start:end] = rng.permuted(own, axis=1)
        blocks.append(drawn @ centred[order])
    return blocks


def _began_alike(first: pd.DataFrame) -> Int:
    """Give accounts their group: the half-year of the first term here, and its length."""
    start = pd.to_datetime(first["term_start"])
    months = first["term_months"].astype("Float64").fillna(0).to_numpy(dtype=np.float64)
    length = np.digitize(months, [2, 10, 14, 26])
    half = start.dt.year.to_numpy() * 2 + (start.dt.month.to_numpy() > 6)
    codes, _ = pd.factorize(half * 10 + length)
    return codes.astype(np.int64)


def _adjusted(
    rows: pd.DataFrame, churned: Float, kept: dict[str, pd.Series], account: Int, n_accounts: int
) -> Float:
    """Return each level's renewal rate were all terms of that level, from one logit."""
    indicator, owner = _indicators(kept)
    dummy = np.r_[True, np.diff(owner) != 0]
    months = pd.get_dummies(
        pd.Series(np.digitize(rows["term_months"].astype("Float64").fillna(0), [2, 10, 14, 26])),
        drop_first=True,
    ).to_numpy(dtype=np.float64)
    design = np.column_stack([np.ones(len(rows)), months, indicator[:, ~dummy]])
    beta = logistic.fit(design, churned[:, None])[:, 0]
    out = np.full((len(owner), 3), np.nan)
    if not np.isfinite(beta).all():
        return out
    rate = logistic.expit(design @ beta)
    sums = bootstrap.sums(design * (churned - rate)[:, None], account, n_accounts)
    covariance = logistic.robust_covariance(design, rate, sums)
    place = np.cumsum(~dummy) + months.shape[1]
    for level, column in enumerate(owner):
        at = design.copy()
        at[:, place[(owner == column) & ~dummy]] = 0.0
        if not dummy[level]:
            at[:, place[level]] = 1.0
        p = logistic.expit(at @ beta)
        slope = (p * (1 - p)) @ at / len(at)
        mean = float(p.mean())
        error = float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
        out[level] = 1 - mean, max(0.0, 1 - mean - 1.96 * error), min(1.0, 1 - mean + 1.96 * error)
    return out


def _pairs(
    rows: pd.DataFrame, churned: Float, kept: dict[str, pd.Series], account: Int, least: int,
    n_draws: int, alpha: float, rng: np.random.Generator,
) -> tuple[pd.DataFrame, int]:  # fmt: skip
    """Return pairs of levels that stand out beyond their parts, and how many were tried."""
    indicator, owner = _indicators(kept)
    names = [(c, level) for c, v in kept.items() for level in sorted(v.unique())]
    tried, columns = [], []
    for a, b in combinations(range(len(names)), 2):
        if owner[a] == owner[b]:
            continue
        both = indicator[:, a] * indicator[:, b]
        if len(np.unique(account[both > 0])) >= least:
            tried.append((a, b))
            columns.append(both)
    if not tried:
        return _empty(PAIR_COLUMNS), 0
    model = multiplier.fit_null(indicator, churned, np.arange(len(rows)))
    _, found = engine.test(np.column_stack(columns), model, account, n_draws=n_draws, rng=rng)
    out = []
    for place in np.flatnonzero(found.p <= alpha):
        (column, level), (other, its) = (names[i] for i in tried[place])
        inside = columns[place] > 0
        own = proportion(1 - churned[inside], rows.loc[inside, "account_id"])
        out.append(
            (column, level, other, its, own.n, own.n_clusters, own.rate, own.low, own.high,
             float(found.p[place]), True)
        )  # fmt: skip
    return pd.DataFrame(out, columns=list(PAIR_COLUMNS)), len(tried)
