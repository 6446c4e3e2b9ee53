"""Did the sale fit: renewal by how and to whom the product was sold.

Grain in: one row per ended contract term with what was known of its account at the sale.  Grain
out: one row per column (channel, segment, …), per level of it, or per pair of levels.

A monthly contract comes up twelve times a year and a yearly one once: their renewal rates are not
of one kind.  Only contracts of one length are compared, the commonest.  Some level always comes out
lowest: every column is held against accounts that changed places (with their whole histories,
among those that began in the same half-year), all columns and all levels together (step-down,
``methods.md`` 2.3).  Plan and size follow segment: a column that adds nothing to those accepted
before it is an echo of them (2.4b).  Associated, never because of (2.10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.engines import beyond, exchange, multiplier
from cs_models.learn.engines import columns as engine
from cs_models.learn.evaluation import alike, bootstrap
from cs_models.learn.evaluation.rates import proportion

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_LEVELS: Final = 12
FEWEST_CHURNED: Final = 40
OTHER: Final = "all others"
UNKNOWN: Final = "not recorded"
SIGNAL, ECHO, NONE = "signal", "echo", "none"
_MONTHS: Final = (2, 10, 14, 26)
LENGTHS: Final = (
    "by the month", "of less than a year", "of about a year", "of up to two years",
    "of more than two years", "of no recorded length",
)  # fmt: skip

COLUMN_COLUMNS: Final = (
    "column", "n_levels", "spread", "p", "p_given", "role", "goes_with", "alike_in", "holds",
)  # fmt: skip
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
    """Renewal by what was known at the sale, of contracts of one length.

    Attributes
    ----------
    columns : DataFrame, one row per column, clearest first
        ``column``, ``n_levels``, ``spread`` (highest less lowest renewal rate of its levels),
        ``p`` (adjusted for all columns), ``p_given`` (the same beyond the signals; missing where
        not asked), ``role`` ("signal", "echo", "none"), ``goes_with`` (of an echo: tuple of the
        signals), ``alike_in`` (tuple of the columns held the same in ``adjusted_rate``),
        ``holds`` (it is a signal).
    levels : DataFrame, one row per column and level
        ``n`` (terms), ``n_accounts``, ``n_renewed``, ``renewal_rate``, ``low``, ``high`` (accounts
        as the unit), ``adjusted_rate``, ``adjusted_low``, ``adjusted_high`` (the same were they
        alike in ``alike_in``; missing where they share too little), ``p`` (against all others,
        adjusted for all levels of all columns), ``holds`` (of a signal only).
    pairs : DataFrame, one row per pair of levels that stands out beyond its parts
        Adjusted for every pair that was tried; usually empty.
    lengths : DataFrame, one row per length of contracts
        ``length``, ``n``, ``n_accounts``, ``n_renewed``, ``renewal_rate``, ``low``, ``high``,
        ``judged`` (the one compared).
    n, n_accounts, n_churned, n_pairs : int
        Terms compared, their accounts, terms lost, and pairs tried.
    rate : float
        Renewal rate of all that are compared.
    length : str
        In words; empty where nothing ended.
    why_not : str
        Why nothing could be judged; empty otherwise.
    """

    columns: pd.DataFrame
    levels: pd.DataFrame
    pairs: pd.DataFrame
    lengths: pd.DataFrame
    n: int
    n_accounts: int
    n_churned: int
    n_pairs: int
    rate: float
    length: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class _Rows:
    """Terms of one length, what was known of their accounts, and who may change places."""

    churned: Float
    account: Int
    accounts: pd.Series
    words: dict[str, pd.Series]
    half: Int

    @property
    def first(self) -> Int:
        """Return the first row of each account."""
        return np.unique(self.account, return_index=True)[1].astype(np.int64)


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
        Of text; a column's value in the account's first term counts for all its terms.  Of two
        that tell the same, the one named first is announced.
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
    Source: ``methods.md`` 1.1, 2.3, 2.4b, 2.10; ``customer_success.md`` Q1.
    """
    ended = terms.dropna(subset=["churned", "account_id"])
    ended = ended.sort_values(["account_id", "term_start"], kind="stable").reset_index(drop=True)
    lengths, of_row = _lengths(ended)
    length = str(lengths.loc[lengths["judged"], "length"].squeeze()) if len(lengths) else ""
    rows = _rows(ended, (of_row == length).to_numpy(), columns, min_accounts)
    lost = len(np.unique(rows.account[rows.churned == 1]))
    size = len(rows.churned), len(rows.first), int(rows.churned.sum())
    rate = float(1 - rows.churned.mean()) if size[0] else np.nan
    if lost < FEWEST_CHURNED or not rows.words:
        why = (
            f"{lost} customers that left are too few to compare kinds of customers by"
            if lost < FEWEST_CHURNED
            else "no column with two or more kinds of customers is recorded"
        )
        none = [pd.DataFrame(columns=list(c))
                for c in (COLUMN_COLUMNS, LEVEL_COLUMNS, PAIR_COLUMNS)]  # fmt: skip
        return Fit(none[0], none[1], none[2], lengths, *size, 0, rate, length, why)
    table, levels = _judged(rows, n_permutations, alpha, rng)
    pairs, n_pairs = _pairs(rows, min_accounts, n_permutations, alpha, rng)
    return Fit(table, levels, pairs, lengths, *size, n_pairs, rate, length)


def _lengths(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return renewal by length of contract, the one to compare marked, and each row's length."""
    months = rows["term_months"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    place = np.where(np.isnan(months), len(LENGTHS) - 1, np.digitize(months, _MONTHS))
    of_row = pd.Series(np.array(LENGTHS)[place], index=rows.index)
    found = []
    for length in [name for name in LENGTHS if (of_row == name).any()]:
        mine = rows[of_row == length]
        own = proportion(1 - mine["churned"].astype(float), mine["account_id"])
        lost = mine.loc[mine["churned"] == 1, "account_id"].nunique()
        found.append((length, own.n, own.n_clusters, own.n_events, own.rate, own.low, own.high,
                      lost >= FEWEST_CHURNED))  # fmt: skip
    names = ["length", "n", "n_accounts", "n_renewed", "renewal_rate", "low", "high", "judged"]
    table = pd.DataFrame(found, columns=names)
    if len(table):
        # The commonest of those of which enough left to compare; else the commonest.
        best = table.sort_values(["judged", "n_accounts", "n"], ascending=False).index[0]
        table["judged"] = table.index == best
    return table, of_row


def _rows(
    ended: pd.DataFrame, mine: NDArray[np.bool_], columns: Sequence[str], least: int
) -> _Rows:
    rows = ended[mine]
    accounts = rows["account_id"].reset_index(drop=True)
    words = {c: _at_sale(ended, mine, c, least) for c in columns if c in ended}
    start = pd.to_datetime(rows["term_start"]).groupby(rows["account_id"]).transform("first")
    half, _ = pd.factorize(start.dt.year * 2 + (start.dt.month > 6))
    return _Rows(
        rows["churned"].to_numpy(dtype=np.float64),
        bootstrap.accounts(accounts)[0],
        accounts,
        {c: v for c, v in words.items() if len(v.unique()) > 1},
        half.astype(np.int64),
    )


def _at_sale(ended: pd.DataFrame, mine: NDArray[np.bool_], column: str, least: int) -> pd.Series:
    """Return the account's first value of a column in the rows compared, rare ones together."""
    text = ended[column].astype("object").where(ended[column].notna(), UNKNOWN).astype(str)
    first = text.groupby(ended["account_id"].to_numpy()).transform("first")[mine]
    n = first.groupby(first.to_numpy()).agg("size")
    accounts = ended.loc[mine, "account_id"].groupby(first.to_numpy()).nunique()
    large = accounts[accounts >= least].index
    common = n.loc[large].sort_values(ascending=False).index[:MOST_LEVELS]
    return first.where(first.isin(common), OTHER).reset_index(drop=True)


def _judged(
    rows: _Rows, n_permutations: int, alpha: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns with their roles, and the rates of their levels."""
    levels = _rates(rows)
    indicator, owner = _indicators(rows.words)
    mean = np.bincount(rows.half, weights=rows.churned) / np.bincount(rows.half)
    surplus = np.bincount(rows.account, weights=rows.churned - mean[rows.half])
    told = exchange.test(
        indicator[rows.first], owner, surplus.astype(np.float64), rows.half[rows.first],
        n_permutations=n_permutations, rng=rng,
    )  # fmt: skip
    standing = [int(c) for c in np.argsort(-told.clarity, kind="stable") if told.column[c] <= alpha]
    began = np.equal.outer(rows.half, np.unique(rows.half)).astype(np.float64)
    words = beyond.Words(indicator, owner, began, rows.churned, rows.account)
    signals, given = beyond.signals(words, standing, n_draws=n_permutations, alpha=alpha, rng=rng)
    names = list(rows.words)
    adjusted, alike_in = alike.rates(rows.words, 1 - rows.churned, rows.account)
    levels = levels.merge(adjusted, on=["column", "level"], validate="1:1")
    levels["p"] = told.level
    levels["holds"] = (levels["p"] <= alpha) & np.isin(owner, signals)
    spread = levels.groupby("column")["renewal_rate"].agg(lambda r: r.max() - r.min())
    accepted = tuple(names[c] for c in signals)
    role = [SIGNAL if c in signals else ECHO if c in standing else NONE for c in range(len(names))]
    table = pd.DataFrame(
        {"column": names, "n_levels": [v.nunique() for v in rows.words.values()],
         "spread": [float(spread[c]) for c in names], "p": told.column,
         "p_given": [given.get(c, np.nan) for c in range(len(names))], "role": role,
         "goes_with": [accepted if r == ECHO else () for r in role],
         "alike_in": [alike_in[c] for c in names], "holds": [r == SIGNAL for r in role],
         "clarity": told.clarity}
    ).sort_values(["p", "clarity", "column"], ascending=[True, False, True])  # fmt: skip
    return table[list(COLUMN_COLUMNS)].reset_index(drop=True), levels[list(LEVEL_COLUMNS)]


def _rates(rows: _Rows) -> pd.DataFrame:
    found = []
    for column, values in rows.words.items():
        for level in sorted(values.unique()):
            inside = (values == level).to_numpy()
            own = proportion(1 - rows.churned[inside], rows.accounts[inside])
            found.append(
                (column, level, own.n, own.n_clusters, own.n_events, own.rate, own.low, own.high)
            )
    names = ["column", "level", "n", "n_accounts", "n_renewed", "renewal_rate", "low", "high"]
    return pd.DataFrame(found, columns=names)


def _indicators(words: Mapping[str, pd.Series]) -> tuple[Float, Int]:
    """Return a 0/1 column for every level, and the place of each one's own column."""
    parts, owner = [], []
    for place, values in enumerate(words.values()):
        for level in sorted(values.unique()):
            parts.append((values == level).to_numpy(dtype=np.float64))
            owner.append(place)
    return np.column_stack(parts), np.array(owner, dtype=np.int64)


def _pairs(
    rows: _Rows, least: int, n_draws: int, alpha: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, int]:  # fmt: skip
    """Return pairs of levels that stand out beyond their parts, and how many were tried."""
    indicator, owner = _indicators(rows.words)
    names = [(c, level) for c, v in rows.words.items() for level in sorted(v.unique())]
    tried, columns = [], []
    for a, b in combinations(range(len(names)), 2):
        if owner[a] == owner[b]:
            continue
        both = indicator[:, a] * indicator[:, b]
        if len(np.unique(rows.account[both > 0])) >= least:
            tried.append((a, b))
            columns.append(both)
    if not tried:
        return pd.DataFrame(columns=list(PAIR_COLUMNS)), 0
    model = multiplier.fit_null(indicator, rows.churned, np.arange(len(rows.churned)))
    _, found = engine.test(np.column_stack(columns), model, rows.account, n_draws=n_draws, rng=rng)
    out = []
    for place in np.flatnonzero(found.p <= alpha):
        (column, level), (other, its) = (names[i] for i in tried[place])
        inside = columns[place] > 0
        own = proportion(1 - rows.churned[inside], rows.accounts[inside])
        out.append(
            (column, level, other, its, own.n, own.n_clusters, own.rate, own.low, own.high,
             float(found.p[place]), True)
        )  # fmt: skip
    return pd.DataFrame(out, columns=list(PAIR_COLUMNS)), len(tried)
