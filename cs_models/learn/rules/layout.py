"""Which rules are tried: cuts with enough terms, accounts, churns and renewals on both sides.

Grain in: population and feature columns.  Grain out: the grid, one row per admissible rule;
rules that draw the same line are kept once.  ``methods.md`` 2.1 and 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features import catalogue
from cs_models.learn.rules import bins
from cs_models.learn.rules.grid import Block, Column, Float, Grid, Mask
from cs_models.learn.rules.known import Known, KnownRows
from cs_models.learn.rules.population import Population

MOST_CUTS = 200
MOST_RATIO_CUTS = 50  # of a share or a ratio: its cut is located later, among all its levels
SMALLEST_SIDE_SHARE = 0.10
SMALLEST_SIDE_TERMS = 30
SMALLEST_SIDE_ACCOUNTS = 20
SMALLEST_EXPECTED = 5.0  # expected churns and renewals on each side


def describe(name: str, available: Sequence[str]) -> Column | None:
    """Read a panel column's name; None when it is not anchored at the term's start.

    Parameters
    ----------
    name : str
        Panel column such as ``events__report_shared__first_60d``.
    available : sequence of str
        Columns of the panel, to find ``users__report_shared__first_60d`` beside it.
    """
    parsed = catalogue.parse(name)
    if parsed is None or parsed.anchor != "first" or parsed.days is None:
        return None
    partner: str | None = None
    if parsed.measure == "events":
        users = "active_users" if parsed.feature is None else "users"
        partner = catalogue.Measure(users, parsed.feature, "first", parsed.days).column
    return Column(
        name=name,
        measure=parsed.measure,
        feature=parsed.measure if parsed.feature is None else parsed.feature,
        window_days=parsed.days,
        users_column=partner if partner in available else None,
    )


def build(
    population: Population,
    columns: Sequence[Column],
    scopes: Sequence[tuple[str | None, Mask]],
    *,
    min_users: Sequence[int],
) -> Grid:
    """Lay out every admissible rule.

    Parameters
    ----------
    population : Population
    columns : sequence of Column
    scopes : sequence of (str or None, ndarray of bool)
        The segment's name (None for the whole book) and its rows.
    min_users : sequence of int
        Values of U; 1 means that no number of users is asked for.

    Returns
    -------
    Grid
        Rules with the same indicator within a feature are kept once, the simplest of them
        (shortest window, fewest users, lowest cut).
    """
    ordered = sorted(columns, key=lambda column: (column.feature, column.window_days, column.name))
    unasked = np.full(population.n_rows, np.inf)
    counted = {column.name: _counted(population, column, unasked) for column in ordered}
    ones = bins.Ones.up_to(population.n_rows)
    blocks = []
    for scope, mask in scopes:
        known = KnownRows(population, np.flatnonzero(mask))
        for column in ordered:
            values, users = counted[column.name]
            blocks.append(_block(scope, column, values, users, known.of(values), min_users, ones))
    kept = tuple(_without_duplicates([block for block in blocks if block.admissible.any()]))
    return Grid(kept, _rules(kept))


def _counted(population: Population, column: Column, unasked: Float) -> tuple[Float, Float]:
    """Return what a column counts, and the users behind it (at least one, or not asked for)."""
    values = population.frame[column.name].to_numpy(dtype=np.float64, na_value=np.nan)
    if column.users_column is None:
        return values, unasked
    users = population.frame[column.users_column].to_numpy(dtype=np.float64, na_value=np.nan)
    return values, np.fmax(users, 1.0)


def _block(
    scope: str | None,
    column: Column,
    values: Float,
    users: Float,
    known: Known,
    min_users: Sequence[int],
    ones: bins.Ones,
) -> Block:
    rows = known.rows
    asked = np.array([1.0])
    if column.users_column is not None:
        asked = np.unique([1.0, *(float(count) for count in min_users)])
    distinct, code, sizes = _levels(values[rows])
    whole = bool((distinct == np.round(distinct)).all())
    most = MOST_CUTS if whole else MOST_RATIO_CUTS
    cuts = _cuts(distinct, sizes, most=most, with_lowest=len(asked) > 1)
    cell = (np.searchsorted(cuts, distinct, side="right") - 1).astype(np.int32)[code]
    if len(asked) > 1:
        below = cell < 0
        cell *= len(asked)
        for level in asked[1:]:
            cell += users[rows] >= level
        cell[below] = -1
    shape = (len(cuts), len(asked))
    sorted_ = bins.sort(cell, rows, len(cuts) * len(asked), len(values), ones)
    admissible = np.ones(shape, dtype=bool)
    block = Block(scope, column, rows, values, users, cuts, asked, admissible, sorted_)
    return replace(block, admissible=_admissible(block, known))


def smallest_side(n_rows: int) -> float:
    """Return the fewest terms that either side of a rule must have."""
    return max(SMALLEST_SIDE_SHARE * n_rows, SMALLEST_SIDE_TERMS)


def candidate_cuts(values: Float, *, most: int, with_lowest: bool = False) -> Float:
    """Return the levels to try: distinct values with enough terms on both sides.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    most : int
        More distinct levels than this are thinned to rank-equispaced ones.
    with_lowest : bool, default False
        Also offer the lowest value (everyone is above it): needed when a number of users
        is asked for beside it.

    Returns
    -------
    ndarray of float, sorted
        Each is the smallest observed value of its upper side.
    """
    distinct, _, sizes = _levels(values)
    return _cuts(distinct, sizes, most=most, with_lowest=with_lowest)


def _cuts(distinct: Float, sizes: NDArray[np.int64], *, most: int, with_lowest: bool) -> Float:
    """Return the levels to try, from the distinct values and the number of rows with each."""
    n_rows, first = int(sizes.sum()), np.cumsum(sizes) - sizes
    side = smallest_side(n_rows)
    enough = (first >= side) & (n_rows - first >= side)
    cuts = distinct[enough]
    if len(cuts) > most:
        low, high = first[enough][0], first[enough][-1]
        ranks = np.linspace(low, high, most).round().astype(np.int64)
        cuts = np.unique(distinct[np.searchsorted(first, ranks, side="right") - 1])
    return np.unique(np.r_[distinct[:1], cuts]) if with_lowest else cuts


def _levels(values: Float) -> tuple[Float, NDArray[np.integer], NDArray[np.int64]]:
    """Return the distinct values, the place of each row's among them, and rows with each."""
    if len(values):
        with np.errstate(invalid="ignore"):  # infinity is no whole number: sorted below
            whole = values.astype(np.int64)
        low = int(whole.min())
        span = int(whole.max()) - low
        # Whole numbers that lie close together are counted: no sorting.
        if span <= 4 * len(values) + 1000 and np.array_equal(whole, values):
            whole -= low
            sizes = np.bincount(whole)
            there = np.flatnonzero(sizes)
            place = np.zeros(span + 1, dtype=np.int32)
            place[there] = np.arange(len(there))
            return (there + low).astype(np.float64), place[whole], sizes[there]
    distinct, code, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return distinct, code.reshape(-1), sizes


def _admissible(block: Block, known: Known) -> Mask:
    """Apply 2.1: enough terms, accounts, expected churns and renewals on both sides."""
    if not len(block.cuts):
        return np.zeros((0, len(block.min_users)), dtype=bool)
    n_rows, n_above = len(known.rows), block.n_above
    smaller = np.minimum(n_above, n_rows - n_above)
    admissible: Mask = (smaller >= smallest_side(n_rows)) & (
        smaller * min(known.rate, 1.0 - known.rate) >= SMALLEST_EXPECTED
    )
    doubtful = admissible & (smaller < SMALLEST_SIDE_ACCOUNTS * known.most_terms)
    for cut, users in zip(*np.nonzero(doubtful), strict=True):
        above = block.indicator(cut, users)[block.rows]
        fewest = min(
            int(np.logical_or.reduceat(above, known.starts).sum()),
            int(np.logical_or.reduceat(~above, known.starts).sum()),
        )
        admissible[cut, users] = fewest >= SMALLEST_SIDE_ACCOUNTS
    return admissible


def _without_duplicates(blocks: Sequence[Block]) -> list[Block]:
    """Keep one of the rules of a feature that draw the same line among the same rows."""
    if not blocks:
        return []
    # Sums of random integers below 2**40 are exact in float64: equal sums, equal indicators.
    keys = np.random.default_rng(20240229).integers(1, 2**40, size=(len(blocks[0].amounts), 1))
    weights = keys.astype(np.float64)
    masks: dict[int, Mask] = {}
    families: dict[tuple[str | None, str, int], list[int]] = {}
    for number, block in enumerate(blocks):
        key = (block.scope, block.column.feature, id(block.rows))
        families.setdefault(key, []).append(number)
    for numbers in families.values():
        # Blocks come by window; inside a block fewest users first, then the lowest cut.
        sums = [blocks[number].above(weights)[:, :, 0] for number in numbers]
        kept = [blocks[number].admissible.T for number in numbers]
        flat = np.concatenate([part.T[mask] for part, mask in zip(sums, kept, strict=True)])
        first = np.zeros(len(flat), dtype=bool)
        first[np.unique(flat, return_index=True)[1]] = True
        ends = np.cumsum([int(mask.sum()) for mask in kept])[:-1]
        for number, mask, part in zip(numbers, kept, np.split(first, ends), strict=True):
            remaining = mask.copy()
            remaining[mask] = part
            masks[number] = remaining.T
    return [replace(block, admissible=masks[i]) for i, block in enumerate(blocks) if masks[i].any()]


def _rules(blocks: Sequence[Block]) -> pd.DataFrame:
    """List the admissible rules of all blocks, one row each, in the order of ``Grid.above``."""
    cells = [np.nonzero(block.admissible) for block in blocks]
    sizes = [len(cut) for cut, _ in cells]

    def joined(parts: list[NDArray[np.generic]]) -> NDArray[np.generic]:
        return np.concatenate(parts) if parts else np.array([])

    def repeated(values: Sequence[object]) -> NDArray[np.object_]:
        out = np.empty(len(values), dtype=object)
        for place, value in enumerate(values):  # a tuple is one value, not a row of them
            out[place] = value
        return np.repeat(out, sizes) if sizes else out

    pairs = list(zip(blocks, cells, strict=True))
    return pd.DataFrame(
        {
            "block": np.repeat(np.arange(len(blocks)), sizes),
            "i_cut": joined([cut for cut, _ in cells]),
            "i_users": joined([users for _, users in cells]),
            "segment": repeated([block.scope for block in blocks]),
            "feature": repeated([block.column.feature for block in blocks]),
            "measure": repeated([block.column.measure for block in blocks]),
            "column": repeated([block.column.name for block in blocks]),
            "users_column": repeated([block.column.users_column for block in blocks]),
            "members": repeated([block.column.members for block in blocks]),
            "window_days": np.repeat([block.column.window_days for block in blocks], sizes),
            "cut": joined([block.cuts[cut] for block, (cut, _) in pairs]),
            "min_users": joined([block.min_users[users] for block, (_, users) in pairs]),
            "n_above": joined([block.n_above[block.admissible] for block in blocks]),
            "n_terms": np.repeat([len(block.rows) for block in blocks], sizes),
        }
    ).astype({"min_users": np.int64, "n_above": np.int64})
