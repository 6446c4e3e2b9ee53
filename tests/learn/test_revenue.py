"""Laws of the forecast: what is said on average, how far it spreads, and where it ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models.errors import DataError, ParameterError
from cs_models.learn import revenue
from cs_models.learn.forecasting import cells, shocks, sizes
from cs_models.learn.forecasting.process import Process
from cs_models.learn.forecasting.shocks import SIGMAS, Shock

Q3, Q4 = pd.Timestamp(2026, 7, 1), pd.Timestamp(2026, 10, 1)


def due(n: int, *, p: float = 0.2, arr: float = 100.0, **more: Any) -> pd.DataFrame:
    """Return n contracts due in Q3, each of an account of its own."""
    names = [f"s{place}" for place in range(n)]
    frame = pd.DataFrame({"subscription_id": names, "account_id": names})
    return frame.assign(quarter=Q3, arr=arr, p_churn=p, segment="SMB").assign(**more)


def past(n: int = 400, *, down: float = 0.0, up: float = 0.0, **more: Any) -> pd.DataFrame:
    """Return yearly terms that stayed, of which shares came to .5 and to 1.5."""
    share = (np.arange(n) + 0.5) / n
    ratio = np.where(share < down, 0.5, np.where(share > 1 - up, 1.5, 1.0))
    frame = pd.DataFrame({"outcome": "renewed", "segment": "SMB", "term_months": 12}, range(n))
    return frame.assign(notice_date=pd.NaT, arr=100.0, ratio=ratio).assign(**more)


def process(sigma: float = 0.0, history: pd.DataFrame | None = None) -> Process:
    """Return a process whose shock has one known standard deviation, and nothing else doubtful."""
    known = revenue.learn(None, past(4000) if history is None else history)
    weight = (np.abs(SIGMAS - sigma) < 1e-9).astype(float)
    shock = Shock(sigma, sigma, sigma, 8, weight, known.shock.quarters)
    return Process(shock, known.split, known.ratios, known.notices)


def forecast(frame: pd.DataFrame, told: Process | None = None, **more: Any) -> revenue.Forecast:
    """Forecast with a fixed seed."""
    more = {"rng": np.random.default_rng(20261122), "n_paths": 2000} | more
    return revenue.forecast(frame, process() if told is None else told, **more)


def test_without_shock_the_count_is_binomial() -> None:
    """50 alike contracts that leave with .2: SciPy's binomial, and GRR is its complement."""
    row = forecast(due(50), n_paths=8000).quarters.iloc[0]
    told = row[["n_churn_p10", "n_churn_p50", "n_churn_p90"]].tolist()
    assert told == stats.binom(50, 0.2).ppf([0.1, 0.5, 0.9]).tolist()
    assert row["grr_p10"] == pytest.approx(1 - row["n_churn_p90"] / 50, abs=1e-3)
    assert row["independent_p10"] == pytest.approx(row["grr_p10"], abs=0.02)
    assert row["arr_at_risk"] == pytest.approx(50 * 100 * 0.2)


@pytest.mark.parametrize("sigma", [0.3, 0.6, 1.5])
def test_shocks_and_refits_widen_but_move_no_expectation(sigma: float) -> None:
    """On average over paths the ARR said to be at risk is lost, whatever the shock's spread."""
    rng = np.random.default_rng(5)
    chance = rng.beta(2, 8, 200)
    frame = due(200, p=chance, arr=rng.lognormal(4, 1, 200))
    noisy = chance[:, None] * np.exp(0.4 * rng.standard_normal((200, 50)))
    refits = np.clip(noisy, 0.001, 0.99)
    calm, told = forecast(frame), forecast(frame, process(sigma), refits=refits, n_paths=6000)
    levels = told.levels[told.levels["quarter"] == Q3]
    expected = float(chance @ frame["arr"])
    assert told.quarters["arr_at_risk"][0] == pytest.approx(expected)
    assert levels["loss"].mean() == pytest.approx(expected, rel=0.04)
    wide, narrow = told.quarters.iloc[0], calm.quarters.iloc[0]
    assert wide["grr_p90"] - wide["grr_p10"] > narrow["grr_p90"] - narrow["grr_p10"]
    assert wide["independent_p10"] == pytest.approx(narrow["independent_p10"], abs=0.02)


def test_chances_are_centred_on_what_was_said() -> None:
    """The mean over shocks of the probability at the centred logit is the one that was said."""
    u = 0.8 * np.random.default_rng(2).standard_normal(4000)
    said = np.array([0.0, 0.01, 0.2, 0.5, 0.97, 1.0])
    eta = shocks.centred(said, u)
    mean = (1 / (1 + np.exp(-(eta[:, None] + u)))).mean(axis=1)
    assert mean == pytest.approx(said, abs=2e-3)


def test_a_monthly_contract_may_leave_at_each_of_its_renewals() -> None:
    """Three renewals at .1 each leave .729 of the ARR at the quarter's end."""
    told = forecast(due(300, p=0.1, n_renewals=3, term_months=1))
    assert told.quarters["arr_at_risk"][0] == pytest.approx(300 * 100 * (1 - 0.9**3))
    assert told.quarters["grr_p50"][0] == pytest.approx(0.729, abs=0.02)


def test_a_contract_that_left_is_not_there_a_quarter_later() -> None:
    """Due twice at .5: a quarter of the ARR is left; the whole counts each contract once."""
    frame = pd.concat([due(200, p=0.5), due(200, p=0.5, quarter=Q4)])
    told = forecast(frame).quarters.set_index("label")
    assert told.loc["all", "n_due"] == 200
    assert told.loc["all", "grr_p50"] == pytest.approx(0.25, abs=0.02)
    assert told.loc["2026 Q4", "grr_p50"] == pytest.approx(0.5, abs=0.02)
    assert told.loc["2026 Q4", "arr_at_risk"] == pytest.approx(200 * 100 * 0.25)
    assert told.loc["all", "arr_at_risk"] == pytest.approx(200 * 100 * 0.75)


def test_accounts_of_one_parent_leave_together() -> None:
    """Of two alike accounts of one parent both leave or none: .2 of the paths lose all."""
    frame = due(2, parent_account_id="P")
    levels = forecast(frame).levels
    lost = levels.loc[levels["quarter"] == Q3, "loss"]
    assert set(np.unique(lost)) == {0.0, 200.0}
    assert (lost == 200).mean() == pytest.approx(0.2, abs=0.03)
    assert set(np.unique(forecast(due(2)).levels["loss"])) == {0.0, 100.0, 200.0}


def test_those_who_stay_shrink_and_grow_as_in_the_past() -> None:
    """A tenth came to half, three tenths to one and a half: GRR .95 and NRR 1.1 of who stays."""
    told = forecast(due(500, p=0.0), process(history=past(20_000, down=0.1, up=0.3))).quarters
    assert told["grr_p50"][0] == pytest.approx(0.95, abs=0.01)
    assert told["nrr_p50"][0] == pytest.approx(1.1, abs=0.01)
    assert told["arr_at_risk"][0] == 0
    assert np.isnan(told["top5_share"][0])


def test_gross_retention_never_passes_one_nor_net() -> None:
    """Expansion counts in net retention only; gross lies between 0 and the smaller of 1 and net."""
    told = forecast(due(60), process(0.5, past(400, down=0.2, up=0.4)))
    levels = told.levels
    assert levels["grr"].between(0, 1).all()
    assert (levels["grr"] <= levels["nrr"] + 1e-12).all()
    assert (told.book["grr_p50"] <= told.book["nrr_p50"] + 1e-12).all()


def test_currency_moves_no_rate() -> None:
    """In cents every amount is a hundred times as large, and no share changes."""
    frame, told = due(40, arr=np.arange(1.0, 41.0)), process(0.4)
    euros, cents = (forecast(frame.assign(arr=frame["arr"] * k), told).quarters for k in (1, 100))
    rates = [name for name in euros if name[:3] in ("grr", "nrr", "ind", "top", "n_c")]
    pd.testing.assert_frame_equal(euros[rates], cents[rates])
    assert cents["loss_p90"].to_numpy() == pytest.approx(100 * euros["loss_p90"].to_numpy())


def test_the_same_seed_gives_the_same_forecast() -> None:
    """Nothing but the generator is drawn from."""
    one, two = (forecast(due(30), process(0.3)).quarters for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_notices_leave_as_often_as_notices_were_carried_out() -> None:
    """Certain where history is silent; else by the share it shows, whatever a predictor says."""
    asked = due(400, p=0.01, in_notice=True)
    assert forecast(asked).quarters[["grr_p10", "grr_p90"]].to_numpy().max() == 0.0
    told = past(1000, notice_date=pd.Timestamp(2024, 1, 1))
    told["outcome"] = np.where(np.arange(1000) < 900, "churned", "renewed")
    row = forecast(asked, process(history=told)).quarters.iloc[0]
    assert row["grr_p50"] == pytest.approx(0.1, abs=0.01)
    assert row["arr_at_risk"] == pytest.approx(400 * 100 * 0.9)


def test_what_is_decided_is_not_drawn() -> None:
    """An outcome on record is certain; only by how much a contraction shrinks is drawn."""
    told = process(1.0, past(400, down=0.2))
    for decided, grr in (("churned", 0.0), ("renewed", 1.0), ("expanded", 1.0)):
        row = forecast(due(50, p=0.5, decided=decided), told).quarters.iloc[0]
        assert (row["grr_p10"], row["grr_p90"]) == (grr, grr)
    shrunk = forecast(due(50, p=0.5, decided="contracted"), told).quarters.iloc[0]
    assert shrunk["grr_p50"] == pytest.approx(0.5)
    assert shrunk["n_churn_p90"] == 0


def test_losses_of_other_causes_come_on_top() -> None:
    """A chance of .2 to leave and .1 to be lost otherwise keep .72."""
    row = forecast(due(100, p_involuntary=0.1)).quarters.iloc[0]
    assert row["arr_at_risk"] == pytest.approx(100 * 100 * (1 - 0.8 * 0.9))


def test_concentration_names_the_largest() -> None:
    """One account of 900 beside nine of 10, all with the same chance, holds 10 of 11 parts."""
    told = forecast(due(10, arr=np.r_[900.0, np.full(9, 10.0)]))
    assert told.accounts["account_id"][0] == "s0"
    assert told.accounts["share"][0] == pytest.approx(900 / 990)
    assert told.accounts["cumulated_share"].iloc[-1] == pytest.approx(1.0)
    assert told.quarters["top5_share"][0] == pytest.approx(940 / 990)


def test_the_book_counts_all_arr() -> None:
    """Half of 1,000 lost in a book of 4,000 leaves .875 of the book, and of what is due .5."""
    told = forecast(due(200, p=0.5, arr=5.0), book_arr=4000.0)
    assert told.quarters["grr_p50"][0] == pytest.approx(0.5, abs=0.02)
    assert told.book["grr_p50"][0] == pytest.approx(0.875, abs=0.005)


def test_an_empty_quarter_has_no_rate_and_loses_nothing() -> None:
    """Nothing due: rates missing, counts and losses 0, for one quarter as for all."""
    told = forecast(due(5), quarters=[Q3, Q4]).quarters.set_index("label")
    empty = told.loc["2026 Q4"]
    assert empty[["grr_p10", "nrr_p90", "independent_p10", "top5_share"]].isna().all()
    assert empty[["n_due", "due_arr", "arr_at_risk", "loss_p90", "n_churn_p90"]].eq(0).all()
    nothing = forecast(due(0), quarters=[Q3], book_arr=0.0)
    assert nothing.quarters["n_due"].tolist() == [0, 0]
    assert nothing.quarters["grr_p50"].isna().all()
    assert nothing.accounts.empty
    assert nothing.book["grr_p50"].isna().all()
    assert forecast(due(0), quarters=[Q3], book_arr=50.0).book["grr_p10"].tolist() == [1.0, 1.0]


def test_contracts_of_nothing_count_but_weigh_nothing() -> None:
    """Zero ARR has no rate; beside other contracts it changes none."""
    free = forecast(due(20, arr=0.0)).quarters.iloc[0]
    assert np.isnan(free["grr_p50"])
    assert free["n_churn_p50"] == 4
    assert free["arr_at_risk"] == 0


def test_one_account_is_all_or_nothing() -> None:
    """A single contract at .3: nothing kept at the 10 % level, all of it at the median."""
    row = forecast(due(1, p=0.3)).quarters.iloc[0]
    assert (row["grr_p10"], row["grr_p50"], row["top5_share"]) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("spoiled", "name"),
    [
        ({"p_churn": 1.2}, "p_churn"),
        ({"p_churn": np.nan}, "revenue.chances"),
        ({"arr": -1.0}, "arr"),
        ({"subscription_id": "s0"}, "twice"),
    ],
)
def test_what_cannot_be_forecast_is_refused_by_name(spoiled: dict[str, Any], name: str) -> None:
    """The message names the column, or the contract, and the repair."""
    with pytest.raises(DataError, match=name):
        forecast(due(3).assign(**spoiled))


def test_refused_parameters() -> None:
    """Too few paths, refits of other rows, contracts outside the quarters asked for."""
    with pytest.raises(ParameterError, match="n_paths"):
        forecast(due(3), n_paths=10)
    with pytest.raises(ParameterError, match="refits"):
        forecast(due(3), refits=np.full((2, 5), 0.2))
    with pytest.raises(ParameterError, match="quarters"):
        forecast(due(3), quarters=[Q4])
    with pytest.raises(DataError, match="p_churn"):
        forecast(due(3).drop(columns="p_churn"))


def test_decimals_are_taken_at_the_door() -> None:
    """Money as Decimal gives the same forecast as the float beside it."""
    exact = due(5).assign(arr=[Decimal("100.00")] * 5)
    pd.testing.assert_frame_equal(forecast(exact).quarters, forecast(due(5)).quarters)


def test_a_segment_never_seen_is_given_everyones_sizes() -> None:
    """A new segment draws from the ratios and shares of all."""
    told = process(history=past(20_000, down=0.1, up=0.3))
    row = forecast(due(500, p=0.0, segment="new"), told).quarters.iloc[0]
    assert row["nrr_p50"] == pytest.approx(1.1, abs=0.02)
    assert told.split.layout.segments == ("SMB", cells.OTHER)
    assert sizes.STOCK > 1000
