"""Log-rank statistics against lifelines, R and plain loops, and the laws they obey."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import DataError
from cs_models.learn import logrank, maxstat

REAL = [
    ("rossi.csv", "week", "arrest", ("age", "prio", "fin")),
    ("lung.csv", "time", "status", ("age", "sex", "pat.karno", "wt.loss")),
    ("gbsg2.csv", "time", "cens", ("pnodes", "progrec", "tsize", "estrec", "age")),
    ("larynx.csv", "time", "death", ("age", "Stage_IV")),
]


def read(name: str) -> pd.DataFrame:
    spec = find_spec("lifelines")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / name
    return pd.read_csv(path, sep="\t" if name.endswith(".tsv") else ",")


def late_entries() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return age at AIDS, duration, death and entry of the multicenter AIDS cohort, T > W."""
    frame = read("multicenter_aids_cohort.tsv").query("T > W")
    calendar, time, death, entry = (frame[name].to_numpy(float) for name in ("AIDSY", *"TDW"))
    return calendar, time, death, entry


def plain(
    above: np.ndarray, time: np.ndarray, event: np.ndarray, entry: np.ndarray
) -> tuple[float, float, float]:
    """Write the log-rank sums out, one churn time after the other."""
    observed = expected = variance = 0.0
    for moment in np.unique(time[event > 0]):
        at_risk = (entry < moment) & (time >= moment)
        leaving = (time == moment) & (event > 0)
        n, n_above, d = at_risk.sum(), (at_risk & above).sum(), leaving.sum()
        observed += (leaving & above).sum()
        expected += d * n_above / n
        if n > 1:
            variance += d * (n - d) / (n - 1) * n_above * (n - n_above) / n**2
    return observed, expected, variance


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Draw value, duration, churned and entry of up to 30 rows, with many ties."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 5), st.integers(1, 6), st.booleans(), st.integers(0, 5)
            ).filter(lambda row: row[3] < row[1]),
            min_size=2,
            max_size=30,
        )
    )
    value, time, event, entry = np.array(rows, dtype=float).T
    return value, time, event, entry


@pytest.mark.parametrize(("name", "duration", "event", "columns"), REAL)
def test_every_cut_equals_lifelines(
    name: str, duration: str, event: str, columns: tuple[str, ...]
) -> None:
    """On four real data sets full of ties, every cut gives lifelines' chi-square."""
    from lifelines.statistics import logrank_test

    for column in columns:
        frame = read(name).dropna(subset=[column, duration])
        x, t, e = (frame[part].to_numpy(float) for part in (column, duration, event))
        cuts = np.unique(x)[1:][:: max(1, len(np.unique(x)) // 8)]
        table = logrank.at_every_cut(x, t, e, cuts)
        for cut, n_above, chi_square in zip(
            cuts, table["n_above"], table["chi_square"], strict=True
        ):
            above = x >= cut
            peer = logrank_test(t[above], t[~above], e[above], e[~above]).test_statistic
            assert n_above == above.sum()
            assert chi_square == pytest.approx(peer, rel=1e-9, abs=1e-9)


def test_published_log_rank_statistics() -> None:
    """R's survdiff gives 3.8375696 for rossi by financial aid and 10.32674 for lung by sex."""
    for name, duration, event, column, cut, expected in (
        ("rossi.csv", "week", "arrest", "fin", 1, 3.8375696),
        ("lung.csv", "time", "status", "sex", 2, 10.32674),
    ):
        frame = read(name)
        x, t, e = (frame[part].to_numpy(float) for part in (column, duration, event))
        table = logrank.at_every_cut(x, t, e, np.array([float(cut)]))
        assert table["chi_square"][0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "expected"), [("dlbcl", 3.17053), ("hohnloser", 3.56469)])
def test_tie_rules_are_told_apart(shared_data: Path, name: str, expected: float) -> None:
    """Risk-set ties give the other published maximum, not the one of R's maxstat."""
    outcome, feature = {
        "dlbcl": (("time", "cens"), "MGE"),
        "hohnloser": (("month", "cens"), "EF"),
    }[name]
    frame = pd.read_csv(shared_data / "reference" / f"{name}.csv")
    frame = frame.dropna(subset=[*outcome, feature])
    t, e, x = (frame[part].to_numpy(float) for part in (*outcome, feature))
    best = maxstat.maximally_selected(logrank.scores(t, e), x)
    assert best.statistic == pytest.approx(expected, rel=1e-5)


def test_late_entries_equal_a_plain_loop() -> None:
    """In the AIDS cohort, where people enter late, every cut equals sums written out."""
    calendar, time, death, entry = late_entries()
    cuts = np.unique(calendar)[1:]
    table = logrank.at_every_cut(calendar, time, death, cuts, entry=entry)
    loops = np.array([plain(calendar >= cut, time, death, entry) for cut in cuts])
    got = table[["observed", "expected", "variance"]].to_numpy()
    assert got == pytest.approx(loops, rel=1e-9, abs=1e-9)
    ignoring = logrank.at_every_cut(calendar, time, death, cuts)["chi_square"]
    assert np.abs(ignoring - table["chi_square"]).max() > 1


def test_late_entries_give_lifelines_hazard() -> None:
    """Each row's expected churns are lifelines' hazard at its end less that at its entry."""
    from lifelines import NelsonAalenFitter

    _, time, death, entry = late_entries()
    fitter = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(time, death, entry=entry)
    hazard = fitter.cumulative_hazard_.iloc[:, 0]
    peer = np.array(
        [
            hazard[:end].iloc[-1] - hazard[:start].iloc[-1]
            for start, end in zip(entry, time, strict=True)
        ]
    )
    got = logrank.cumulative_hazard(time, death, entry=entry)
    assert got == pytest.approx(peer, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_any_history_equals_a_plain_loop(history: tuple[np.ndarray, ...]) -> None:
    """With ties, late entries and empty sides, every cut equals sums written out."""
    value, time, event, entry = history
    cuts = np.array([3.0, -1.0, 0.0, 1.0, 7.0, 3.0, 4.5])
    table = logrank.at_every_cut(value, time, event, cuts, entry=entry)
    assert list(table["cut"]) == list(cuts)
    for i, cut in enumerate(cuts):
        observed, expected, variance = plain(value >= cut, time, event, entry)
        row = table.loc[i, ["observed", "expected", "variance"]].to_numpy(float)
        assert row == pytest.approx([observed, expected, variance], abs=1e-9)
        if variance > 0:
            chi_square = (observed - expected) ** 2 / variance
            assert table["chi_square"][i] == pytest.approx(chi_square, abs=1e-9)
        else:
            assert np.isnan(table["chi_square"][i])


@settings(max_examples=60, deadline=None)
@given(histories())
def test_scores_sum_to_zero_and_to_observed_less_expected(
    history: tuple[np.ndarray, ...],
) -> None:
    """Scores are residuals: all sum to zero, those above a cut to observed less expected."""
    value, time, event, entry = history
    scores = logrank.scores(time, event, entry=entry)
    assert scores.sum() == pytest.approx(0.0, abs=1e-9)
    table = logrank.at_every_cut(value, time, event, np.arange(6.0), entry=entry)
    sums = [scores[value >= cut].sum() for cut in range(6)]
    assert sums == pytest.approx(list(table["observed"] - table["expected"]), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(["risk set", "hothorn-lausen"]))
def test_only_the_order_of_times_counts(history: tuple[np.ndarray, ...], tie: logrank.Tie) -> None:
    """Days, weeks or any increasing clock give the same scores and statistics."""
    value, time, event, entry = history
    cuts = np.arange(6.0)
    one = logrank.at_every_cut(value, time, event, cuts, entry=entry)
    other = logrank.at_every_cut(value, np.exp(time), event, cuts, entry=np.exp(entry))
    pd.testing.assert_frame_equal(one, other)
    assert np.array_equal(
        logrank.scores(time, event, entry=entry, tie=tie),
        logrank.scores(np.exp(time), event, entry=np.exp(entry), tie=tie),
    )


@settings(max_examples=60, deadline=None)
@given(histories())
def test_above_and_below_tell_the_same(history: tuple[np.ndarray, ...]) -> None:
    """Comparing the rows below with the rows above gives the same chi-square."""
    value, time, event, entry = history
    cuts = np.arange(1.0, 6.0)
    above = logrank.at_every_cut(value, time, event, cuts, entry=entry)
    below = logrank.at_every_cut(-value, time, event, 1.0 - cuts, entry=entry)
    assert set(above["n_above"] + below["n_above"]) == {len(value)}
    assert set(above["observed"] + below["observed"]) == {event.sum()}
    for column in ("variance", "chi_square"):
        assert list(above[column]) == pytest.approx(list(below[column]), abs=1e-9, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_a_row_watched_in_two_pieces_counts_once(history: tuple[np.ndarray, ...]) -> None:
    """Ending every row in the middle and watching it on from there changes no statistic."""
    value, time, event, entry = history
    middle = (entry + time) / 2
    cuts = np.arange(6.0)
    whole = logrank.at_every_cut(value, time, event, cuts, entry=entry)
    pieces = logrank.at_every_cut(
        np.r_[value, value],
        np.r_[middle, time],
        np.r_[np.zeros(len(event)), event],
        cuts,
        entry=np.r_[entry, middle],
    )
    columns = ["observed", "expected", "variance", "chi_square"]
    assert pieces[columns].to_numpy() == pytest.approx(
        whole[columns].to_numpy(), abs=1e-9, nan_ok=True
    )


def test_more_cuts_than_sixteen_bits_hold() -> None:
    """Seventy thousand cuts give what the same cuts give one by one."""
    rng = np.random.default_rng(7)
    value = rng.permutation(70_000).astype(float)
    time, event = rng.exponential(size=70_000), rng.random(70_000) < 0.3
    all_cuts = logrank.at_every_cut(value, time, event, value)
    few = [5, 3000, 69_999]
    alone = logrank.at_every_cut(value, time, event, value[few])
    assert all_cuts["chi_square"].to_numpy()[few] == pytest.approx(
        alone["chi_square"].to_numpy(), rel=1e-9
    )


def test_what_cannot_be_compared_is_refused() -> None:
    """Missing values, rows never watched and odd outcomes are refused with their number."""
    x, t, e = np.arange(4.0), np.arange(1.0, 5.0), np.ones(4)
    with pytest.raises(DataError, match="1 of 4 missing"):
        logrank.at_every_cut(np.r_[np.nan, x[1:]], t, e, x)
    with pytest.raises(DataError, match="2 of 4 rows"):
        logrank.scores(t, e, entry=np.array([0.0, 2.0, 5.0, 0.0]))
    with pytest.raises(DataError, match="1 of 4 rows"):
        logrank.cumulative_hazard(np.r_[t[:3], np.nan], e)
    with pytest.raises(DataError, match="left"):
        logrank.scores(t, 2 * e)
