"""The profile: bands and places against plain counts, neighbours, cycles, off-boarding."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models import kept
from cs_models.data import sources
from cs_models.data.mapping import Source
from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.features import cohort, panel
from cs_models.learn import profile

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
USE, DAYS, USERS = "events__last_90d", "active_days__last_90d", "active_users__last_90d"
DRIVERS = {USE: "depth", DAYS: "depth", "severe_tickets__last_90d": "support"}


def history(
    rng: np.random.Generator, *, n: int = 1200, most_terms: int = 1, better: float = 0.8
) -> pd.DataFrame:
    """Invent terms of which 30 % left; use of those who stayed is ``better`` sd higher in logs."""
    account = np.arange(n) // most_terms
    churned = (rng.random(account.max() + 1) < 0.3)[account].astype(float)
    shared = rng.normal(size=account.max() + 1)[account] if most_terms > 1 else 0.0
    vigour = np.sqrt(0.5) * shared + (np.sqrt(0.5) if most_terms > 1 else 1) * rng.normal(size=n)
    use = vigour + better * (churned == 0)
    end = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 1400, n), unit="D")
    start = end - pd.Timedelta(days=365)
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i:05d}" for i in range(n)],
            "account_id": [f"a{i:05d}" for i in account],
            "account_name": [f"Name {i}" for i in account],
            "segment": np.array(["SMB", "ENT"])[account % 2],
            "term_months": 12,
            "term_start": start,
            "term_end": end,
            "as_of_date": end - pd.Timedelta(days=90),
            "arr": 1000.0 + np.arange(n),
            "seats": 10,
            "outcome": np.where(churned > 0, "churned", "renewed"),
            "churned": churned,
            USE: np.round(np.exp(4 + use)),
            DAYS: np.clip(np.round(30 + 10 * use), 0, 90),
            USERS: np.clip(np.round(6 + 2 * use), 0, 10),
            "severe_tickets__last_90d": rng.poisson(1, n),
        }
    )


@pytest.fixture(scope="module")
def sample(kept_folder: Path) -> pd.DataFrame:
    """Return the evaluable panel of the sample, 90 days before renewal."""
    if not SAMPLE.is_dir():
        pytest.skip("data/sample is not in this copy: make sample writes it")
    as_of = date(2026, 6, 30)
    with kept.within(kept_folder):
        tables = sources.read(Source(path=str(SAMPLE)), as_of=as_of)
    terms = cohort.terms(tables, as_of, decision="before_renewal", days=90)
    built = panel.build(tables, terms, windows_days=(28, 90), first_days=(60,), features=())
    return built[built["churned"].notna()].reset_index(drop=True)


def test_bands_are_the_quantiles_of_each_side_of_each_kind() -> None:
    """Bands are numpy's quantiles over the known values of renewed and of churned terms."""
    frame = history(np.random.default_rng(1))
    frame.loc[frame.index[:100], USE] = np.nan
    table = profile.bands(frame, [USE, DAYS]).set_index(["kind", "column", "outcome"])
    side = frame[(frame["segment"] == "ENT") & (frame["churned"] == 1)]
    row = table.loc[("ENT, annual", USE, "churned")]
    expected = np.nanquantile(side[USE], [0.1, 0.25, 0.5, 0.75, 0.9])
    np.testing.assert_allclose(row[["q10", "q25", "q50", "q75", "q90"]].astype(float), expected)
    assert row["n_missing"] == side[USE].isna().sum()
    assert row["n_terms"] + row["n_missing"] == len(side)
    everybody = table.xs(USE, level="column").loc["all"]
    assert everybody["n_terms"].sum() == frame[USE].notna().sum()


def test_a_column_that_hardly_anybody_has_gets_no_band() -> None:
    """With a value in fewer than ten accounts of a side there is no quantile, but the counts."""
    frame = history(np.random.default_rng(2))
    frame.loc[frame.index[8:], USE] = np.nan
    table = profile.bands(frame, [USE])
    assert table["q50"].isna().all()
    assert table.loc[table["kind"] == "all", "n_terms"].sum() == 8


def test_a_place_is_the_share_of_past_terms_below() -> None:
    """A term's place among renewers is scipy's mid percentile, inside its interval."""
    frame = history(np.random.default_rng(3))
    now = history(np.random.default_rng(4), n=50)
    table = profile.position(frame, now, [USE, DAYS])
    assert table["subscription_id"].tolist() == np.repeat(now["subscription_id"], 2).tolist()
    row = table.iloc[11]  # the sixth term's second column
    kind = frame[(frame["segment"] == now["segment"].iloc[5]) & (frame["churned"] == 0)]
    expected = stats.percentileofscore(kind[DAYS], now[DAYS].iloc[5], kind="mean") / 100
    assert row["among_renewed"] == pytest.approx(expected)
    assert row["n_renewed"] == len(kind)
    assert (table["among_renewed_low"] <= table["among_renewed"]).all()
    assert (table["among_renewed"] <= table["among_renewed_high"]).all()
    # Renewers used more: the same use is a higher place among leavers.
    assert (table["among_churned"] >= table["among_renewed"]).mean() > 0.95


def test_the_interval_of_a_place_is_that_of_drawing_accounts_again() -> None:
    """The interval is as wide as percentiles of accounts drawn with replacement, not of rows."""
    rng = np.random.default_rng(5)
    frame = history(rng, n=1600, most_terms=4)
    now = frame.iloc[:1].assign(**{USE: frame[USE].median()})
    row = profile.position(frame, now, [USE]).iloc[0]
    side = frame[(frame["segment"] == now["segment"].iloc[0]) & (frame["churned"] == 0)]
    below = (side[USE] < now[USE].iloc[0]) + 0.5 * (side[USE] == now[USE].iloc[0])
    by_account = below.groupby(side["account_id"]).agg(["sum", "size"]).to_numpy()
    draws = rng.integers(0, len(by_account), (2000, len(by_account)))
    sums = by_account[draws].sum(axis=1)
    width = 2 * 1.96 * (sums[:, 0] / sums[:, 1]).std()
    got = row["among_renewed_high"] - row["among_renewed_low"]
    assert got == pytest.approx(width, rel=0.12)
    p = row["among_renewed"]
    assert got > 1.2 * 2 * 1.96 * np.sqrt(p * (1 - p) / len(side))


def test_beyond_all_past_terms_a_place_is_still_in_doubt() -> None:
    """A term above every past one stands at 1 among them, with an interval that does not close."""
    frame = history(np.random.default_rng(6))
    row = profile.position(frame, frame.iloc[:1].assign(**{USE: 1e9}), [USE]).iloc[0]
    assert row["among_renewed"] == 1
    assert row["among_renewed_low"] < 0.999


def test_the_likelihood_ratio_follows_the_planted_densities() -> None:
    """With logs of use normal with means .8 apart, ln f_renew/f_churn is near .8 x - .32."""
    frame = history(np.random.default_rng(7), n=20_000)
    at = np.array([-1.0, 0.0, 0.4, 1.0, 1.8])
    now = frame.iloc[: len(at)].assign(**{USE: np.exp(4 + at)})
    got = profile.position(frame, now, [USE])["log_ratio"].to_numpy()
    np.testing.assert_allclose(got, 0.8 * at - 0.32, atol=0.22)
    assert (np.diff(got) >= 0).all()


def test_a_measure_that_says_nothing_has_a_ratio_near_nought() -> None:
    """Noise has log ratios within .5 of 0, and more severe tickets never look like a renewer."""
    frame = history(np.random.default_rng(8), n=3000)
    now = frame.iloc[:200].sort_values("severe_tickets__last_90d")
    table = profile.position(frame, now, ["severe_tickets__last_90d"], by=())
    assert table["log_ratio"].abs().max() < 0.5
    assert (np.diff(table["log_ratio"]) <= 1e-12).all()


def test_missing_values_have_no_place() -> None:
    """A value that is not recorded, or infinite, has neither place nor ratio."""
    frame = history(np.random.default_rng(9))
    now = frame.iloc[:2].assign(**{USE: [np.nan, np.inf]})
    table = profile.position(frame, now, [USE])
    assert table[["value", "among_renewed", "among_churned_low", "log_ratio"]].isna().all().all()


def test_too_few_past_customers_are_refused() -> None:
    """Five accounts that left are too few to be a profile."""
    frame = history(np.random.default_rng(10), n=300)
    frame["churned"] = (np.arange(300) < 5).astype(float)
    for ask in (lambda: profile.bands(frame, [USE]), lambda: profile.position(frame, frame, [USE])):
        with pytest.raises(TooLittleDataError, match="5 left"):
            ask()


def illustrated(frame: pd.DataFrame, now: pd.DataFrame, **more: object) -> profile.Neighbours:
    options = {"rng": np.random.default_rng(0), "n_boot": 20} | more
    return profile.nearest(frame, now, list(DRIVERS), DRIVERS, **options)  # type: ignore[arg-type]


def test_a_term_s_twin_is_its_nearest() -> None:
    """Terms that are copies of another customer's past term find it first, at no distance."""
    frame = history(np.random.default_rng(11))
    frame = frame.sort_values("term_end", ignore_index=True)
    now = frame.iloc[:30].assign(account_id=[f"n{i}" for i in range(30)])
    now["as_of_date"] = pd.Timestamp("2026-06-30")
    found = illustrated(frame, now).terms
    first = found[found["rank"] == 1]
    assert (first["distance"] < 1e-6).all()
    values = frame.set_index("subscription_id")[list(DRIVERS)]
    np.testing.assert_array_equal(
        values.loc[first["near_subscription_id"]], values.loc[first["subscription_id"]]
    )
    assert found.groupby("subscription_id")["distance"].is_monotonic_increasing.all()


def test_neighbours_are_other_accounts_each_once_and_already_decided() -> None:
    """No neighbour is of the same account, twice the same account, or undecided at the time."""
    frame = history(np.random.default_rng(12), most_terms=3)
    found = illustrated(frame, frame).terms
    assert (found["account_id"] != found["near_account_id"]).all()
    assert not found.duplicated(["subscription_id", "near_account_id"]).any()
    decided = frame.set_index("subscription_id").loc[found["subscription_id"], "as_of_date"]
    known = found["near_term_end"] + pd.Timedelta(days=30)
    assert (known.to_numpy() <= decided.to_numpy()).all()
    past = frame.set_index("subscription_id").loc[found["near_subscription_id"]]
    assert (found["near_churned"].to_numpy() == (past["churned"] == 1).to_numpy()).all()


def test_the_same_segment_comes_first_where_it_is_large_enough() -> None:
    """Neighbours are of the own segment where it has 30 past terms, of any where it has not."""
    frame = history(np.random.default_rng(13), n=600)
    frame.loc[frame.index[:20], "segment"] = "GOV"
    now = frame.iloc[[0, 100]].assign(account_id=["x", "y"], as_of_date=pd.Timestamp("2027-01-01"))
    terms = illustrated(frame, now).terms
    large = terms[terms["subscription_id"] == now["subscription_id"].iloc[1]]
    small = terms[terms["subscription_id"] == now["subscription_id"].iloc[0]]
    assert large["same_segment"].all()
    assert not small["same_segment"].all()
    assert len(small) == len(large) == 5


def test_a_driver_has_one_say_whatever_its_columns() -> None:
    """Thirty copies of a depth column move no neighbour: the driver weighs as one."""
    frame = history(np.random.default_rng(14), n=400)
    now = history(np.random.default_rng(15), n=40).assign(as_of_date=pd.Timestamp("2027-01-01"))
    now["account_id"] = "n" + now["account_id"]
    copies = {f"copy{i}": "depth" for i in range(30)}
    wide = [x.assign(**dict.fromkeys(copies, x[USE])) for x in (frame, now)]
    drivers = {USE: "depth", "severe_tickets__last_90d": "support"}
    rng = np.random.default_rng(0)
    one = profile.nearest(frame, now, list(drivers), drivers, rng=rng, n_boot=1)
    more = drivers | copies
    other = profile.nearest(*wide, list(more), more, rng=rng, n_boot=1)
    np.testing.assert_allclose(one.terms["distance"], other.terms["distance"], atol=1e-6)


def test_distance_one_is_that_of_two_past_terms_at_random() -> None:
    """Over all pairs of past terms the root mean square of the distance is 1, missing or not."""
    frame = history(np.random.default_rng(16), n=300).assign(
        as_of_date=pd.Timestamp("2027-01-01"), segment="one"
    )
    frame.loc[frame.index[::3], DAYS] = np.nan
    every = illustrated(frame, frame, k=299).terms["distance"]
    assert len(every) == 300 * 299
    assert np.sqrt((every**2).mean()) == pytest.approx(1, abs=0.02)


def test_nothing_is_near_a_stranger() -> None:
    """A term unlike any past one says that nothing is near; about 1 % of past ones do."""
    frame = history(np.random.default_rng(17))
    strange = frame.iloc[:1].assign(
        **{USE: 1e6, DAYS: 0.0, "severe_tickets__last_90d": 40}, account_id="x",
        as_of_date=pd.Timestamp("2027-01-01"),
    )  # fmt: skip
    assert illustrated(frame, strange).summary["nothing_near"].tolist() == [True]
    later = frame.assign(as_of_date=pd.Timestamp("2027-01-01"))
    assert illustrated(frame, later).summary["nothing_near"].mean() == pytest.approx(
        0.01, abs=0.005
    )


def test_how_much_the_illustration_is_worth_is_measured() -> None:
    """Neighbours order outcomes where use tells them, and do not where nothing does."""
    telling = illustrated(history(np.random.default_rng(18), better=1.5), history(
        np.random.default_rng(19), n=5), n_boot=100).quality  # fmt: skip
    assert telling["low"] > 0.6
    assert telling["low"] < telling["auc"] < telling["high"]
    nothing = illustrated(history(np.random.default_rng(20), better=0.0), history(
        np.random.default_rng(21), n=5), n_boot=100).quality  # fmt: skip
    assert nothing["low"] < 0.5 < nothing["high"]
    one_class = history(np.random.default_rng(22)).assign(churned=0.0)
    assert np.isnan(illustrated(one_class, one_class.iloc[:3]).quality["auc"])


def test_neighbours_that_cannot_be_found_are_refused_or_empty() -> None:
    """Columns without driver or without difference are refused; the first terms have no past."""
    frame = history(np.random.default_rng(23), n=200)
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match=DAYS):
        profile.nearest(frame, frame, [USE, DAYS], {USE: "depth"}, rng=rng)
    flat = frame.assign(**{USE: 1.0})
    with pytest.raises(TooLittleDataError, match="agree in every column"):
        profile.nearest(flat, flat, [USE], DRIVERS, rng=rng)
    found = illustrated(frame.assign(severe_tickets__last_90d=0), frame.iloc[:3].assign(
        as_of_date=pd.Timestamp("2020-01-01")))  # fmt: skip
    assert found.columns_left_out == ("severe_tickets__last_90d",)
    assert found.terms.empty
    assert found.summary["nothing_near"].all()


def cycles(n: int = 400) -> pd.DataFrame:
    """Return half annual and half biennial terms whose use grows evenly to 365 events a seat."""
    frame = history(np.random.default_rng(24), n=n)
    days = np.where(np.arange(n) % 2 == 0, 360, 720)
    frame["term_start"] = frame["term_end"] - pd.to_timedelta(days, unit="D")
    for window in (30, 60):
        pace = np.exp(0.3 * np.random.default_rng(25).normal(size=n))
        frame[f"events__first_{window}d"] = 10 * 365 * window / days * (pace if window == 60 else 1)
    frame["events__first_30d"] = frame["events__first_60d"] / 2
    return frame.assign(segment="one", term_months=12)


def test_the_adoption_cycle_is_compared_at_the_same_share_of_the_term() -> None:
    """A biennial term on pace is behind by day and not by share of its term."""
    past = cycles()
    now = past.iloc[[0, 1]].assign(churned=np.nan)
    now["events__first_60d"] = 10 * 365 * 60 / np.array([360, 720])
    now["events__first_30d"] = now["events__first_60d"] / 2
    table = profile.adoption_cycle(past, now)
    assert table["aligned"].tolist() == ["share", "share"]
    assert table["term_share"].tolist() == pytest.approx([1 / 12, 1 / 12])
    assert table["percentile_share"].between(0.35, 0.65).all()
    assert table["percentile_day"].iloc[0] > 0.55
    assert table["percentile_day"].iloc[1] < 0.45
    assert table["behind"].tolist() == [False, False]


def test_a_long_contract_among_short_ones_is_read_as_far_as_it_goes() -> None:
    """Among annual terms, a biennial one is compared at a twelfth of its term, on pace there."""
    past = cycles(800)
    past = past[(np.arange(800) % 2 == 0) | (np.arange(800) < 40)]
    now = past.iloc[[1]].assign(events__first_60d=10 * 365 / 12, events__first_30d=10 * 365 / 24)
    row = profile.adoption_cycle(past, now).iloc[0]
    assert row["aligned"] == "share"
    assert row["term_share"] == pytest.approx(1 / 12)
    assert 0.35 < row["percentile_share"] < 0.65
    assert row["percentile_day"] < 0.1


def test_a_customer_at_half_pace_lags_by_half_its_days() -> None:
    """Half of the median renewer's use by 8.3 % of the term is what it had by 4.2 %."""
    past = cycles()
    now = past.iloc[[0]].assign(events__first_60d=5 * 365 / 6, events__first_30d=5 * 365 / 12)
    row = profile.adoption_cycle(past, now).iloc[0]
    assert row["adoption_share"] == pytest.approx(1 / 24, rel=0.1)
    assert row["lag_days"] == pytest.approx(15, rel=0.1)
    assert row["behind"]


def test_windows_that_are_not_over_or_not_recorded_are_said() -> None:
    """A term 40 days old is read at day 30; one without windows or seats says nothing."""
    past = cycles()
    now = past.iloc[:3].assign(seats=[10, 10, np.nan])
    now["events__first_60d"] = [np.nan, np.nan, 100.0]
    now["events__first_30d"] = [200.0, np.nan, 50.0]
    table = profile.adoption_cycle(past, now)
    assert table["day"].iloc[0] == 30
    assert table["value"].iloc[0] == 20
    assert table["percentile_share"].notna().tolist() == [True, False, False]
    assert table["behind"].isna().tolist() == [False, True, True]
    assert table["aligned"].tolist() == ["share", "none", "none"]
    with pytest.raises(ParameterError, match="first_days"):
        profile.adoption_cycle(past.drop(columns=["events__first_30d", "events__first_60d"]), now)


def bursts(rng: np.random.Generator, *, effect: float, n: int = 4000) -> pd.DataFrame:
    """Invent terms where a burst of use among the heavy goes with leaving, by ``effect``."""
    frame = history(rng, n=n, better=0.0)
    burst = rng.random(n) < 0.15
    frame["spike__last_30d"] = np.where(burst, 3.0, 1.0)
    frame["mix_change__last_28d"] = rng.random(n)
    frame["churned"] = (rng.random(n) < 0.1 + effect * burst).astype(float)
    return frame


def test_bursts_of_past_leavers_are_flagged_and_backed() -> None:
    """A burst that past heavy leavers showed is backed by its rates; a sign of nothing is not."""
    frame = bursts(np.random.default_rng(26), effect=0.4)
    found = profile.heavy_but_leaving(frame, frame)
    signs = found.signs.set_index("column")
    spike = signs.loc["spike__last_30d"]
    assert spike["churned_with"] == pytest.approx(0.5, abs=0.1)
    assert spike["churned_without"] == pytest.approx(0.1, abs=0.04)
    assert spike["backed"]
    assert not signs.loc["mix_change__last_28d", "backed"]
    assert signs.loc["mix_change__last_28d", "n_with"] / found.n_heavy_past == pytest.approx(
        0.1, abs=0.01
    )
    terms = found.terms
    assert (terms["use"] >= 0.75).all()
    shown = terms["signs"].str.contains("spike__last_30d")
    assert terms.loc[shown, ["flag", "backed"]].all().all()
    only_mix = terms["signs"] == "mix_change__last_28d"
    assert terms.loc[only_mix, "flag"].all()
    assert not terms.loc[only_mix, "backed"].any()
    assert not terms.loc[terms["n_signs"] == 0, "flag"].any()


def test_signs_without_a_history_are_flagged_and_told_as_too_little() -> None:
    """With six past bursts there is a flag, no rate, and no word on whether it is backed."""
    frame = bursts(np.random.default_rng(27), effect=0.0).drop(columns="mix_change__last_28d")
    heavy = frame[USE].rank(pct=True) > 0.95
    frame["spike__last_30d"] = 1.0
    frame.loc[frame.index[heavy][:6], "spike__last_30d"] = 4.0
    found = profile.heavy_but_leaving(frame, frame)
    row = found.signs.iloc[0]
    assert row["too_little"]
    assert np.isnan(row["churned_with"])
    assert not row["backed"]
    flagged = found.terms[found.terms["flag"]]
    assert len(flagged) == 6
    assert flagged["backed"].isna().all()


def test_signs_of_nothing_are_rarely_backed() -> None:
    """Where no sign goes with leaving, hardly any sign is backed (2.5 % on its side)."""
    rng = np.random.default_rng(28)
    backed = [
        profile.heavy_but_leaving(frame, frame).signs["backed"].mean()
        for frame in (bursts(rng, effect=0.0, n=1500) for _ in range(15))
    ]
    assert np.mean(backed) <= 0.1


def test_use_that_is_not_recorded_is_not_heavy() -> None:
    """Running terms whose use is unknown are counted, and panels without measures are refused."""
    frame = bursts(np.random.default_rng(29), effect=0.2)
    now = frame.iloc[:200].copy()
    now.loc[now.index[:30], USE] = np.nan
    assert profile.heavy_but_leaving(frame, now).n_unknown == 30
    with pytest.raises(ParameterError, match="measure of change"):
        profile.heavy_but_leaving(frame[[*DRIVERS, USERS, "account_id", "churned"]], now)
    with pytest.raises(ParameterError, match="measure of use"):
        profile.heavy_but_leaving(frame.drop(columns=[USE, DAYS, USERS]), now)


def test_the_sample_s_panel_goes_through_whole(sample: pd.DataFrame) -> None:
    """On the sample, renewers stand above leavers in early use, and neighbours order outcomes."""
    columns = [name for name in sample.columns if name.count("__") == 1]
    drivers = {name: name.partition("__")[0] for name in columns}
    now = sample.tail(100)
    places = profile.position(sample, now, columns)
    assert len(places) == 100 * len(columns)
    known = places["among_renewed"].notna()
    assert places.loc[known, "among_renewed"].between(0, 1).all()
    medians = profile.bands(sample, ["events__first_60d"]).set_index(["outcome", "kind"])["q50"]
    assert (medians["renewed"] > medians["churned"]).all()
    found = profile.nearest(sample, now, columns, drivers, rng=np.random.default_rng(1), n_boot=50)
    assert found.quality["low"] > 0.5
    assert (found.summary["n_near"] <= 5).all()
    cycle = profile.adoption_cycle(sample, now)
    assert cycle["aligned"].isin(["share", "day", "none"]).all()
    assert len(profile.heavy_but_leaving(sample, now).terms) <= 100
