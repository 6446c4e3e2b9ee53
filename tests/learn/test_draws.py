"""Shuffles are fair, and sums of 0 and 1 in 16 bits are the sums of ordinary numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import factorial, prod

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from cs_models.learn.engines import draws, pairs, permutation
from cs_models.learn.rules import bins, grid, layout, population

Maker = Callable[..., pd.DataFrame]
GROUPS = {
    "two sorts": [[0], [0], [1], [0], [1], [0]],
    "two sorts of two terms": [[0, 1], [0, 1], [0, 0], [0, 1], [0, 0]],
    "three sorts": [[0, 0], [0, 1], [0, 1], [1, 1], [0, 0]],
    "scores": [[-0.3], [0.9], [0.7], [-0.3], [-0.1]],
}


def laid_out(frame: pd.DataFrame) -> tuple[population.Population, grid.Grid]:
    names = [name for name in frame if name.startswith("events__")]
    kept = population.build(
        frame, columns=names, outcome="churned", cluster="account_id",
        strata=("segment", "term_months"), segment_by="segment",
    )  # fmt: skip
    scopes = [(None, np.ones(kept.n_rows, dtype=bool))]
    scopes += [(name, kept.segment == i) for i, name in enumerate(kept.segments)]
    columns = [layout.describe(name, list(frame)) for name in names]
    return kept, layout.build(kept, columns, scopes, min_users=(1, 2, 3))


@pytest.fixture
def clustered(make_history: Maker) -> pd.DataFrame:
    """Return accounts with up to three terms in two segments; one feature is known at times."""
    frame = make_history(
        np.random.default_rng(1), n_accounts=300, most_terms=3, n_features=2, persistent=0.8,
        frailty=1.0, segments=("SMB", "MM"),
    )  # fmt: skip
    known = np.random.default_rng(8).random(len(frame)) < 0.7
    return frame.assign(events__f1__first_60d=frame["events__f1__first_60d"].where(known))


def arrangements(outcome: np.ndarray, n_draws: int, seed: int) -> Counter[bytes]:
    shuffle = draws.Shuffle(outcome, np.random.default_rng(seed))
    drawn = shuffle.draw(n_draws)
    terms = [shuffle.outcome(drawn, term) for term in range(outcome.shape[1])]
    return Counter(one.tobytes() for one in np.ascontiguousarray(np.stack(terms, axis=-1)))


@pytest.mark.parametrize("group", GROUPS)
def test_every_arrangement_is_equally_likely(group: str) -> None:
    """All arrangements of a small group come up, each as often as chance allows."""
    outcome = np.array(GROUPS[group], dtype=np.float32)
    sizes = np.unique(outcome, axis=0, return_counts=True)[1].tolist()
    possible = factorial(len(outcome)) // prod(factorial(size) for size in sizes)
    found = arrangements(outcome, 600 * possible, seed=2)
    assert len(found) == possible
    assert chisquare(list(found.values())).pvalue > 0.001


def test_keys_that_tie_favour_no_arrangement(monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys of six levels, which tie in most shuffles, all arrangements stay as likely."""

    def coarse(rng: np.random.Generator, size: int, width: int) -> np.ndarray:
        return rng.integers(0, 6, size=(size, 2 * width), dtype=np.uint32).view(np.uint64)

    monkeypatch.setattr(draws, "_bits", coarse)
    outcome = np.array(GROUPS["two sorts"], dtype=np.float32)
    found = arrangements(outcome, 6000, seed=3)
    assert len(found) == 15
    assert chisquare(list(found.values())).pvalue > 0.001


@pytest.mark.parametrize("timed", [False, True])
def test_draws_do_not_depend_on_how_many_are_made_at_once(
    clustered: pd.DataFrame, timed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of 1, 7 and 32 draws together are the 40 draws of one chunk."""
    kept, _ = laid_out(clustered)
    if timed:  # any scores that are not 0 and 1
        object.__setattr__(kept, "expected", np.random.default_rng(0).random(kept.n_rows))
    drawn = []
    for sizes in ([1, 7, 32], [40]):
        monkeypatch.setattr(draws, "chunk_sizes", lambda *_, sizes=sizes: sizes)
        drawn.append(np.hstack(list(draws.outcomes(kept, 40, np.random.default_rng(4)))))
    assert drawn[0].dtype == (np.float32 if timed else np.int16)
    assert np.array_equal(*drawn)


@pytest.mark.parametrize("largest_piece", [bins.LARGEST_PIECE, 5])
def test_short_sums_are_the_sums(
    clustered: pd.DataFrame, largest_piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of 0/1 in 16 bits equal sums in double precision, however cells are cut up."""
    monkeypatch.setattr(bins, "LARGEST_PIECE", largest_piece)
    kept, rules = laid_out(clustered)
    assert any(
        block.bins.pieces.shape[0] > block.bins.n_cells for block in rules.blocks
    ) == (largest_piece == 5)  # fmt: skip
    weights = np.random.default_rng(5).integers(0, 2, size=(kept.n_rows, 40))
    assert np.array_equal(
        rules.above(weights.astype(np.int16)), rules.above(weights.astype(np.float64))
    )


def test_shuffled_statistics_are_those_of_double_precision(clustered: pd.DataFrame) -> None:
    """Rounding moves no shuffled statistic by a millionth, known in every row or not."""
    kept, rules = laid_out(clustered)
    observed = permutation.moments(kept, rules)
    assert observed.centres
    null = permutation.null_statistics(
        kept, rules, observed, n_permutations=50, rng=np.random.default_rng(6)
    )
    drawn = np.hstack(list(draws.outcomes(kept, 50, np.random.default_rng(6))))
    plain = rules.above(drawn.astype(np.float64)) - observed.expected[:, None]
    for centre in observed.centres:
        plain[centre.rules] -= centre.share_above @ (centre.known @ drawn.astype(np.float64))
    plain *= observed.inverse[:, None]
    assert np.abs(np.hstack(list(null)) - np.abs(plain)).max() < 1e-6


def test_pairs_of_terms_may_be_summed_in_parts(
    clustered: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deviation of every rule is the same when pairs of terms are taken one at a time."""
    kept, rules = laid_out(clustered)
    whole = permutation.moments(kept, rules).deviation
    monkeypatch.setattr(pairs, "_MOST_CELLS", 1)
    assert permutation.moments(kept, rules).deviation == pytest.approx(whole, rel=1e-12)


def test_counting_whole_numbers_is_sorting_them() -> None:
    """Cuts of counts, found without sorting, are those of the same counts moved by a half."""
    for values in np.random.default_rng(7).negative_binomial(1, [[0.2], [0.001]], (2, 900)) - 3.0:
        counted = layout.candidate_cuts(values, most=40, with_lowest=True)
        assert np.array_equal(
            counted + 0.5, layout.candidate_cuts(values + 0.5, most=40, with_lowest=True)
        )


def test_columns_known_in_the_same_rows_share_them(clustered: pd.DataFrame) -> None:
    """The rows of a scope are held once for all columns that are known in the same ones."""
    frame = clustered.assign(
        events__f2__first_60d=lambda rows: rows["events__f0__first_60d"] + 1,
        events__f3__first_60d=lambda rows: rows["events__f1__first_60d"] + 1,
    )
    kept, rules = laid_out(frame)
    held = {id(block.rows) for block in rules.blocks}
    distinct = {block.rows.tobytes() for block in rules.blocks}
    assert len(held) == len(distinct) == len(rules.parts()) == 6
    assert len(rules.blocks) == 12
    for rows, judged in rules.parts():
        for rule in judged[:: max(1, len(judged) // 5)]:
            column = kept.frame[rules.rules["column"].iloc[rule]]
            assert column.iloc[rows].notna().all()
            assert np.array_equal(rules.scope_rows(int(rule)), rows)
