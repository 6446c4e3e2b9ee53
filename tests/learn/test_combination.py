"""Rules of the kind "k of these actions"."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.learn import thresholds
from cs_models.learn.rules import combination, layout

N = 1200
NAMES = [f"events__f{i}__first_60d" for i in range(6)]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Invent six independent actions; whoever did 3 of the first 4 renews more."""
    rng = np.random.default_rng(11)
    did = rng.random((N, 6)) < 0.5
    events = np.where(did, rng.integers(5, 9, (N, 6)), rng.integers(0, 2, (N, 6)))
    good = did[:, :4].sum(axis=1) >= 3
    return pd.DataFrame(
        {
            "subscription_id": np.arange(N).astype(str),
            "account_id": np.arange(N).astype(str),
            "segment": "SMB",
            "term_months": 12,
            "churned": (rng.random(N) < np.where(good, 0.08, 0.45)).astype(int),
            **{name: events[:, i] for i, name in enumerate(NAMES)},
            **{name.replace("events", "users"): np.minimum(events[:, i], 3)
               for i, name in enumerate(NAMES)},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def search(frame: pd.DataFrame) -> thresholds.Search:
    """Search that history."""
    return thresholds.learn(frame, features=NAMES, segment_by=None, n_permutations=199)


def test_three_of_these_four_leads(frame: pd.DataFrame, search: thresholds.Search) -> None:
    """A planted "3 of these 4" is the leading signal, with the planted members and number."""
    first = search.table.iloc[0]
    assert (first["feature"], first["role"]) == (combination.FEATURE, "signal")
    assert {one["column"] for one in first["members"]} == set(NAMES[:4])
    assert first["cut"] == 3.0
    assert first["rule"].startswith("at least 3 of these 4 actions (")


def test_a_combination_is_read_back_on_any_panel(
    frame: pd.DataFrame, search: thresholds.Search
) -> None:
    """Sides and distances are those of counting the actions by hand; missing stays missing."""
    first = search.table.iloc[0]
    done = sum((frame[one["column"]] >= one["level"]).astype(int) for one in first["members"])
    assert (thresholds.apply(first, frame) == (done >= 3)).all()
    assert (thresholds.distance(first, frame)["actions"] == (3 - done).clip(lower=0)).all()
    assert (thresholds.values(first, frame) == done).all()
    hidden = frame.astype({NAMES[0]: "Float64"})
    hidden.loc[:4, NAMES[0]] = pd.NA
    assert thresholds.apply(first, hidden).isna().sum() == 5
    assert set(thresholds.columns(first)) == set(NAMES[:4])


def test_sets_are_chosen_without_looking_at_the_outcome(frame: pd.DataFrame) -> None:
    """Another outcome gives the same sets, so that they may share the correction."""
    flipped = frame.assign(churned=1 - frame["churned"])
    one, other = (
        thresholds.learn(each, features=NAMES, segment_by=None, n_permutations=199).rules
        for each in (frame, flipped)
    )
    assert one["column"].tolist() == other["column"].tolist()


def test_the_search_of_sets_is_bounded(frame: pd.DataFrame) -> None:
    """However many features there are, six actions at most are combined: 41 sets."""
    more = frame.assign(
        **{f"events__g{i}__first_60d": frame[NAMES[0]] for i in range(20)},
        **{f"users__g{i}__first_60d": 1 for i in range(20)},
    )
    names = [name for name in more if name.startswith("events__")]
    rules = thresholds.learn(more, features=names, segment_by=None, n_permutations=199).rules
    assert rules.loc[rules["feature"] == combination.FEATURE, "column"].nunique() <= 41


def test_no_sets_when_asked_for_none(frame: pd.DataFrame) -> None:
    """An empty ``combine`` leaves single actions alone."""
    rules = thresholds.learn(
        frame, features=NAMES, segment_by=None, combine=(), n_permutations=199
    ).rules
    assert combination.FEATURE not in set(rules["feature"])


@pytest.mark.parametrize(
    ("combine", "said"),
    [
        (("f0", "f1", "f9"), "not among the searched features"),
        (("f0", "f1"), "too few"),
        (("f0", "f1", "f1"), "too few"),
        (("events", "f0", "f1"), "not among the searched features"),
    ],
)
def test_actions_of_which_no_set_can_be_made_are_refused(
    frame: pd.DataFrame, combine: tuple[str, ...], said: str
) -> None:
    """A misspelt action, or two of them, would silently give no combination."""
    with pytest.raises(ParameterError, match=said) as refused:
        thresholds.learn(frame, features=NAMES, segment_by=None, combine=combine)
    assert refused.value.where == "combine"


def test_an_empty_list_of_actions_combines_nothing(frame: pd.DataFrame) -> None:
    """A list, as a run file gives it, is as empty as a tuple."""
    read = [layout.describe(name, list(frame.columns)) for name in NAMES]
    counts = [column for column in read if column is not None]
    assert combination.columns(frame, counts, actions=[]) == []
    assert len(combination.columns(frame, counts, actions=["f0", "f1", "f2"])) == 1
