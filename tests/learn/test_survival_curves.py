"""Curves, causes, means and tests over time: R's numbers, and the laws they obey."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn import logrank, survival

TIGHT = 1e-6


def read(name: str) -> pd.DataFrame:
    spec = find_spec("lifelines")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / name
    return pd.read_csv(path, sep="\t" if name.endswith(".tsv") else ",")


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    frame = read("lung.csv")
    return frame.assign(status=frame["status"] - frame["status"].min())


@pytest.fixture(scope="module")
def rossi() -> pd.DataFrame:
    return read("rossi.csv")


@st.composite
def episodes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw duration, event and entry of up to 40 rows, with many ties."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(0, 2)),
            min_size=2,
            max_size=40,
        )
    )
    entry, more, event = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    return entry + more, event, entry


def test_kaplan_meier_of_the_lung_data_is_that_of_r(lung: pd.DataFrame) -> None:
    """S at 180, 365 and 730 days, its log-log band, and the median with its interval."""
    curves = survival.kaplan_meier(lung["time"], lung["status"])
    found = curves.at([180, 365, 730])
    assert found["survival"].to_numpy() == pytest.approx([0.721671, 0.409242, 0.115693], abs=TIGHT)
    assert found["se"].to_numpy() == pytest.approx([0.0298124, 0.0358236, 0.0282982], abs=1e-7)
    band = found.loc[1, ["low", "high"]].to_numpy(float)
    assert band == pytest.approx([0.338714, 0.478381], abs=TIGHT)
    summary = curves.summary.iloc[0]
    assert (summary["n"], summary["n_events"]) == (228, 165)
    assert summary[["median", "median_low", "median_high"]].tolist() == [310, 284, 361]


def test_kaplan_meier_of_the_rossi_data_is_that_of_r(rossi: pd.DataFrame) -> None:
    """Both groups at 26 and 52 weeks; half of them were never arrested, so no median."""
    curves = survival.kaplan_meier(rossi["week"], rossi["arrest"], groups=rossi["fin"])
    found = curves.at([26, 52])["survival"].to_numpy()
    assert found == pytest.approx([0.851852, 0.694444, 0.898148, 0.777778], abs=TIGHT)
    assert curves.summary["median"].tolist() == [None, None]


def test_the_mean_within_a_limit_has_greenwoods_error(lung: pd.DataFrame) -> None:
    """RMST(365) of the lung data and its standard error are R's, in all and by sex."""
    means, differences = survival.restricted_mean(lung["time"], lung["status"], tau=365)
    assert means.loc[0, "mean"] == pytest.approx(263.221866, abs=TIGHT)
    assert means.loc[0, "se"] == pytest.approx(7.798859, abs=TIGHT)
    assert differences.empty
    means, differences = survival.restricted_mean(
        lung["time"], lung["status"], tau=365, groups=lung["sex"]
    )
    assert means["mean"].to_numpy() == pytest.approx([241.4951, 297.4654], abs=1e-4)
    assert means["se"].to_numpy() == pytest.approx([10.35823, 10.79132], abs=1e-5)
    gap = differences.iloc[0]
    assert gap["difference"] == pytest.approx(241.4951 - 297.4654, abs=1e-4)
    assert gap["se"] == pytest.approx(np.hypot(10.35823, 10.79132), abs=1e-4)


def test_the_mean_within_a_limit_of_the_rossi_data_is_that_of_r(rossi: pd.DataFrame) -> None:
    """RMST(52) and standard error by financial aid."""
    means, _ = survival.restricted_mean(rossi["week"], rossi["arrest"], tau=52, groups=rossi["fin"])
    assert means["mean"].to_numpy() == pytest.approx([44.83333, 46.87500], abs=1e-5)
    assert means["se"].to_numpy() == pytest.approx([0.91767, 0.79332], abs=1e-5)


def test_lifelines_variance_of_the_mean_is_another_one(lung: pd.DataFrame) -> None:
    """The trap: lifelines returns the variance of min(T, tau), which underrates the doubt."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    fitted = KaplanMeierFitter().fit(lung["time"], lung["status"])
    mean, variance = restricted_mean_survival_time(fitted, t=365, return_variance=True)
    assert mean == pytest.approx(263.221866, abs=1e-4)
    assert variance == pytest.approx(13480.44, abs=0.1)
    assert np.sqrt(variance / len(lung)) == pytest.approx(7.69, abs=0.01)  # R: 7.7989


def test_the_log_rank_test_is_that_of_r(lung: pd.DataFrame, rossi: pd.DataFrame) -> None:
    """Chi-square of sex in the lung data and of financial aid in the Rossi data."""
    found = survival.log_rank(lung["time"], lung["status"], lung["sex"])
    assert found["chi_square"] == pytest.approx(10.32674, abs=1e-5)
    assert found["p"] == pytest.approx(0.001311165, abs=1e-8)
    found = survival.log_rank(rossi["week"], rossi["arrest"], rossi["fin"])
    assert found["chi_square"] == pytest.approx(3.8375696, abs=TIGHT)


@given(episodes())
@settings(max_examples=60, deadline=None)
def test_two_groups_are_compared_as_at_a_cut(rows: tuple[np.ndarray, ...]) -> None:
    """The test of any number of groups is, for two, the one that the search of cuts takes."""
    duration, event, entry = rows
    event = (event > 0).astype(float)
    value = np.arange(len(duration)) % 2
    table = logrank.at_every_cut(value, duration, event, np.array([1.0]), entry=entry)
    expected = table.loc[0, "chi_square"]
    found = survival.log_rank(duration, event, value, entry=entry)["chi_square"]
    assert found == pytest.approx(0.0 if np.isnan(expected) else expected, abs=1e-8)


def test_late_entries_count_only_from_when_they_were_watched() -> None:
    """Ignoring entry in the AIDS cohort makes survival 10 points too high (R's numbers)."""
    frame = read("multicenter_aids_cohort.tsv").query("T > W")
    with_entry = survival.kaplan_meier(
        frame["T"], frame["D"], entry=frame["W"], least_at_risk=1
    ).at([2, 4, 6])
    without = survival.kaplan_meier(frame["T"], frame["D"], least_at_risk=1).at([2, 4, 6])
    assert with_entry["survival"].to_numpy() == pytest.approx(
        [0.648242, 0.467047, 0.424588], abs=TIGHT
    )
    assert without["survival"].to_numpy() == pytest.approx([0.750670, 0.57, 0.518182], abs=TIGHT)


def test_nothing_is_shown_of_fewer_than_ten() -> None:
    """Steps of the AIDS cohort with fewer than ten at risk stand without a value."""
    frame = read("multicenter_aids_cohort.tsv").query("T > W")
    steps = survival.kaplan_meier(frame["T"], frame["D"], entry=frame["W"]).steps
    few = (steps["at_risk"] < survival.LEAST_AT_RISK) & (steps["time"] > 0)
    assert few.any()
    assert steps.loc[few, ["survival", "low", "high"]].isna().all(axis=None)
    assert steps.loc[~few, "survival"].notna().all()


def test_an_early_end_among_few_late_entries_is_called_out() -> None:
    """Where somebody ends before ten have entered, the whole curve hangs on it."""
    duration = np.r_[1.0, np.full(30, 10.0)]
    entry = np.r_[0.0, 0.0, np.full(29, 5.0)]
    summary = survival.kaplan_meier(duration, np.r_[1, np.zeros(30)], entry=entry).summary
    assert bool(summary.loc[0, "thin_start"])


def test_all_last_seen_is_a_flat_curve_without_a_median() -> None:
    """With nobody gone, all are still there, and half of them is not reached."""
    curves = survival.kaplan_meier(np.arange(1.0, 31), np.zeros(30))
    assert set(curves.steps["survival"].dropna()) == {1.0}
    assert curves.summary.loc[0, "median"] is None


def test_groups_are_compared_as_long_as_all_have_ten(rossi: pd.DataFrame) -> None:
    """The limit is the largest time at which every group has ten at risk."""
    week = np.r_[np.arange(1.0, 31), np.arange(1.0, 16)]
    group = np.r_[np.zeros(30), np.ones(15)]
    assert survival.common_tau(week, np.ones(45), groups=group) == 6
    with pytest.raises(TooLittleDataError, match="10 rows at risk"):
        survival.common_tau(week, np.ones(45), groups=np.r_[np.zeros(40), np.ones(5)])


@pytest.mark.parametrize(
    ("durations", "event", "entry", "says"),
    [
        ([1, -2, 3], [1, 0, 1], None, "positive"),
        ([1, 0, 3], [1, 0, 1], None, "positive"),
        ([1, np.nan, 3], [1, 0, 1], None, "positive"),
        ([1, np.inf, 3], [1, 0, 1], None, "positive"),
        ([1, 2, 3], [1, 0, 1], [0, 2, 0], "later than the row's entry"),
        ([1, 2, 3], [1, 2, 1], None, "event must be 0"),
        ([1, 2, 3], ["yes", "no", "yes"], None, "event must be 0"),
        ([], [], None, "no row"),
    ],
)
def test_impossible_times_and_events_are_refused(
    durations: list[float], event: list[object], entry: list[float] | None, says: str
) -> None:
    """Negative durations, events coded 1/2 or yes/no and nothing at all do not pass."""
    with pytest.raises(DataError, match=says):
        survival.kaplan_meier(durations, event, entry=entry)


def test_incidence_by_cause_is_that_of_r(shared_data: Path) -> None:
    """Mayo's MGUS data at 60, 120 and 240 months, with standard errors; 1 - KM is twice as high."""
    frame = pd.read_csv(shared_data / "reference" / "mgus2.csv")
    time = np.where(frame["pstat"] == 1, frame["ptime"], frame["futime"])
    cause = np.where(frame["pstat"] == 1, "pcm", np.where(frame["death"] == 1, "death", "none"))
    found = survival.cumulative_incidence(time, cause, causes=("pcm", "death"))
    at = [found[found["time"] <= t].groupby("cause").tail(1) for t in (60, 120, 240)]
    table = pd.concat(at)
    pcm, death = (table[table["cause"] == name] for name in ("pcm", "death"))
    assert pcm["incidence"].to_numpy() == pytest.approx([0.0341037, 0.0637222, 0.0998137], abs=1e-7)
    assert pcm["se"].to_numpy() == pytest.approx([0.00488926, 0.00679685, 0.00978485], abs=5e-7)
    assert death["incidence"].to_numpy() == pytest.approx([0.320367, 0.531818, 0.724028], abs=TIGHT)
    naive = survival.kaplan_meier(time, cause == "pcm").at([60, 120, 240])["survival"]
    assert 1 - naive.to_numpy() == pytest.approx([0.0421539, 0.0952217, 0.2095616], abs=1e-7)


@given(episodes())
@settings(max_examples=60, deadline=None)
def test_causes_and_survival_add_up(rows: tuple[np.ndarray, ...]) -> None:
    """The chances to have left for each cause, and to be there, are one in all at every time."""
    duration, event, entry = rows
    cause = np.array(["none", "a", "b"])[event.astype(int)]
    found = survival.cumulative_incidence(
        duration, cause, causes=("a", "b"), entry=entry, least_at_risk=0
    )
    gone = found.groupby("time")["incidence"].sum()
    steps = survival.kaplan_meier(duration, event > 0, entry=entry, least_at_risk=0).steps
    kept = steps.groupby("time")["survival"].first().loc[gone.index]
    assert (gone + kept).to_numpy() == pytest.approx(1.0)


def test_stages_of_the_heart_patients_are_those_of_r(shared_data: Path) -> None:
    """Waiting, transplanted and dead at 30, 100, 365 and 730 days."""
    frame = pd.read_csv(shared_data / "reference" / "heart.csv")
    later = frame.groupby("id")["transplant"].shift(-1)
    stays = pd.DataFrame(
        {
            "start": frame["start"],
            # one patient was operated and died on the same day
            "stop": frame["stop"] + 0.5 * (frame["stop"] <= frame["start"]),
            "stage": np.where(frame["transplant"] == 1, "transplant", "wait"),
            "to": np.where(frame["event"] == 1, "death", np.where(later == 1, "transplant", None)),
        }
    )
    names = ["wait", "transplant", "death"]
    found = survival.stage_occupation(stays, names, initial="wait", moments=[30, 100, 365, 730])
    expected = [
        [0.452805, 0.322984, 0.224211],
        [0.100725, 0.393111, 0.506164],
        [0.020145, 0.301749, 0.678106],
        [0.020145, 0.268745, 0.711110],
    ]
    assert found[names].to_numpy() == pytest.approx(np.array(expected), abs=TIGHT)
    assert found[names].sum(axis=1).to_numpy() == pytest.approx(1.0)
