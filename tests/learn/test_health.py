"""Health: points that add up, colours that follow money, no flicker, judged by outcomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from cs_models.errors import DataError, ParameterError
from cs_models.learn import health

PLAY = health.Play(cost=Decimal(1000), margin=0.8, save_rate_low=0.1, save_rate_high=0.4)
PLAIN = health.boundaries(0.2)


def scored(
    base: list[float], drivers: list[list[float]], *, half_band: float = 0.05, arr: float = 10_000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and reasons of terms with given log odds."""
    parts = np.array(drivers, dtype=float)
    logit = np.array(base) + parts.sum(axis=1)
    p = special.expit(logit)
    ids = [f"s{i}" for i in range(len(p))]
    scores = pd.DataFrame(
        {
            "subscription_id": ids,
            "account_id": ids,
            "arr": arr,
            "p_churn": p,
            "p_low": np.maximum(p - half_band, 0),
            "p_high": np.minimum(p + half_band, 1),
        }
    )
    named = {f"d{j}": parts[:, j] for j in range(parts.shape[1])}
    return scores, pd.DataFrame({"subscription_id": ids, "base": base, **named, "logit": logit})


def told(*args: Any, limits: health.Boundaries = PLAIN, **kwargs: Any) -> pd.DataFrame:
    scores, reasons = scored(*args, **kwargs)
    return health.score(scores, reasons, [0.1, 0.2, 0.3], limits=limits)


@given(
    st.floats(-6, 6),
    st.lists(st.floats(-6, 6), min_size=1, max_size=8),
)
def test_points_add_up_to_the_distance_from_the_reference(base: float, phi: list[float]) -> None:
    """The drivers' points add up to health minus the reference's health, whatever the log odds."""
    row = told([base], [phi]).iloc[0]
    points = [row[f"points_d{j}"] for j in range(len(phi))]
    assert sum(points) == pytest.approx(row["health"] - row["health_reference"], abs=1e-9)
    assert row["health"] == pytest.approx(100 * (1 - special.expit(base + sum(phi))), abs=1e-9)


def test_points_are_the_integral_along_the_way() -> None:
    """A driver's points are the integral of its log odds times the slope of the probability."""
    base, phi = -1.2, [0.7, -0.3, 1.1]

    def slope(t: float) -> float:
        p = special.expit(base + t * sum(phi))
        return float(p * (1 - p))

    area, _ = integrate.quad(slope, 0, 1)
    row = told([base], [phi]).iloc[0]
    for j, part in enumerate(phi):
        assert row[f"points_d{j}"] == pytest.approx(-100 * part * area, rel=1e-9)


def test_drivers_that_cancel_still_have_points() -> None:
    """Where the drivers cancel, each keeps its points at the slope there and none is infinite."""
    near, exact = (told([-1.0], [[2.0, -2.0 + gap]]).iloc[0] for gap in (1e-7, 0.0))
    slope = special.expit(-1.0) * special.expit(1.0)
    assert exact["points_d0"] == pytest.approx(-200 * slope)
    assert exact["points_d1"] == pytest.approx(200 * slope)
    assert near["points_d0"] == pytest.approx(exact["points_d0"], rel=1e-6)


def test_health_mirrors_the_probability_and_its_band() -> None:
    """Health falls as risk rises, its band is mirrored, its percentile counts ties half."""
    table = told([0.0, 0.0], [[-np.log(4)], [np.log(4)]])
    assert table["health"].tolist() == pytest.approx([80, 20])
    assert table["health_low"].tolist() == pytest.approx([75, 15])
    assert table["health_high"].tolist() == pytest.approx([85, 25])
    # Past terms at .1, .2 and .3: at .2 one is worse and one equal.
    assert table["percentile"].tolist() == pytest.approx([0.5, 0.0])


def test_reasons_of_another_model_are_refused() -> None:
    """Reasons that do not add up, or that explain other probabilities or terms, are refused."""
    scores, reasons = scored([-1.0, 0.5], [[0.3], [0.1]])
    with pytest.raises(DataError, match="do not add up"):
        health.score(scores, reasons.assign(d0=0.0), [0.2], limits=PLAIN)
    with pytest.raises(DataError, match="other probabilities"):
        health.score(scores.assign(p_churn=0.5), reasons, [0.2], limits=PLAIN)
    with pytest.raises(DataError, match="not of the same terms"):
        health.score(scores, reasons.iloc[:1], [0.2], limits=PLAIN)
    with pytest.raises(ParameterError, match="no past probability"):
        health.score(scores, reasons, [np.nan], limits=PLAIN)


def test_reasons_in_another_order_are_those_of_their_terms() -> None:
    """Reasons belong to terms by id, whatever their order."""
    scores, reasons = scored([-1.0, 0.5], [[0.3], [0.1]])
    straight = health.score(scores, reasons, [0.2], limits=PLAIN)
    turned = health.score(scores, reasons.iloc[::-1], [0.2], limits=PLAIN)
    pd.testing.assert_frame_equal(straight, turned)


def test_a_colour_says_whether_a_play_pays() -> None:
    """Amber from where the play pays at its best save rate, red where it pays at its worst."""
    limits = health.boundaries(0.2, play=PLAY)
    amber, red = limits.at([10_000.0, 100_000.0, 0.0, np.nan])
    # 1000 / (.4 · .8 · 10 000) and 1000 / (.1 · .8 · 10 000)
    np.testing.assert_allclose(amber[:2], [0.3125, 0.03125])
    np.testing.assert_allclose(red[:2], [1.25, 0.125])
    assert np.isinf(amber[2])
    assert np.isnan(red[3])
    p = special.logit([0.05, 0.2, 0.4])
    large = told(list(p), [[0.0]] * 3, limits=limits, arr=100_000)
    small = told(list(p), [[0.0]] * 3, limits=limits, arr=10_000)
    assert large["colour"].tolist() == ["amber", "red", "red"]
    assert small["colour"].tolist() == ["green", "green", "amber"]
    assert told(list(p), [[0.0]] * 3, limits=limits, arr=np.nan)["colour"].isna().all()


def test_a_play_is_worth_nothing_exactly_at_its_boundary() -> None:
    """At a boundary p · s · V equals the cost, above it the net value is positive."""
    amber, red = health.boundaries(0.2, play=PLAY).at([250_000.0])
    value = PLAY.margin * 250_000
    assert amber[0] * PLAY.save_rate_high * value == pytest.approx(float(PLAY.cost))
    assert red[0] * PLAY.save_rate_low * value == pytest.approx(float(PLAY.cost))


def test_without_a_play_colours_are_multiples_of_the_base_rate() -> None:
    """Amber from the base rate, red from twice it, held below certainty where churn is common."""
    amber, red = PLAIN.at([1.0])
    assert (amber[0], red[0]) == pytest.approx((0.2, 0.4))
    assert PLAIN.basis == "base_rate"
    assert health.boundaries(0.6).at([1.0])[1][0] == pytest.approx(0.8)
    with pytest.raises(ParameterError, match="base_rate"):
        health.boundaries(0.0)
    with pytest.raises(ParameterError, match="ascend"):
        health.boundaries(0.2, amber_multiple=3)


def snapshot(p: list[float], half_band: float) -> pd.DataFrame:
    logits = [float(x) for x in special.logit(p)]
    return told(logits, [[0.0]] * len(p), half_band=half_band)


def test_a_change_inside_the_band_waits_for_a_second_snapshot() -> None:
    """A colour holds while its band covers the boundary, and changes when two snapshots agree."""
    first = snapshot([0.15], 0.1)
    second = health.settle(first, snapshot([0.25], 0.1))
    assert second["colour"].tolist() == ["green"]
    assert second["held_back"].tolist() == [True]
    third = health.settle(second, snapshot([0.26], 0.1))
    assert third["colour"].tolist() == ["amber"]
    assert third["colour_before"].tolist() == ["green"]
    back = health.settle(third, snapshot([0.15], 0.1))
    assert back["colour"].tolist() == ["amber"]
    assert health.settle(back, snapshot([0.15], 0.1))["colour"].tolist() == ["green"]


def test_a_change_beyond_the_band_is_made_at_once() -> None:
    """A band clear of the boundary changes the colour; of two boundaries only the clear one."""
    before = snapshot([0.1, 0.1, 0.6], 0.05)
    now = snapshot([0.5, 0.42, 0.05], 0.05)
    table = health.settle(before, now)
    assert table["colour"].tolist() == ["red", "amber", "green"]
    assert table["colour_raw"].tolist() == ["red", "red", "green"]
    assert table["held_back"].tolist() == [False, True, False]


def test_a_flickering_risk_changes_raw_colours_and_not_settled_ones() -> None:
    """A risk that swings about a boundary within its band never changes the settled colour."""
    settled, raw = snapshot([0.18], 0.1), []
    colours = []
    for p in (0.22, 0.18, 0.23, 0.19, 0.21, 0.17):
        settled = health.settle(settled, snapshot([p], 0.1))
        raw.append(settled["colour_raw"].iloc[0])
        colours.append(settled["colour"].iloc[0])
    assert len(set(raw)) == 2
    assert set(colours) == {"green"}


def test_new_and_unknown_terms_take_their_raw_colour() -> None:
    """A term that is new starts with its raw colour; one without a colour has none."""
    before = snapshot([0.1], 0.1)
    now = snapshot([0.1, 0.5], 0.3)
    assert health.settle(before, now)["colour"].tolist() == ["green", "red"]
    gone = now.assign(colour_raw=None, colour=None)
    assert health.settle(before, gone)["colour"].isna().all()
    with pytest.raises(DataError, match="twice"):
        health.settle(pd.concat([before, before]), now)


def history(
    rng: np.random.Generator, *, n: int = 3000, distort: float = 1.0, noise: float = 1.0
) -> pd.DataFrame:
    """Invent judged terms: true risk known, stated risk distorted, and a noisier manual score."""
    logit = rng.normal(-1.4, 1.2, n)
    truth = special.expit(logit)
    return pd.DataFrame(
        {
            "origin": pd.to_datetime("2024-01-01") + pd.to_timedelta(91 * (np.arange(n) % 6), "D"),
            "subscription_id": [f"s{i}" for i in range(n)],
            "account_id": [f"a{i // 2}" for i in range(n)],
            "arr": 10_000.0,
            "p_churn": truth / distort,
            "churned": (rng.random(n) < truth).astype(float),
            "crm_health": -logit + noise * rng.normal(size=n),
        }
    )


def test_true_risks_are_kept_by_every_colour() -> None:
    """With true risks, O/E is near 1 in every colour, covered in most quarters, and ordered."""
    found = health.validate(history(np.random.default_rng(1)), PLAIN, rng=np.random.default_rng(2))
    assert found.colours["colour"].tolist() == ["green", "amber", "red"]
    np.testing.assert_allclose(found.colours["ratio"], 1, atol=0.15)
    assert found.colours["n"].sum() == 3000
    assert found.quarters["kept"].mean() > 0.8
    assert len(found.quarters) == 18
    assert found.ordered is True
    assert found.n_quarters_compared == 6
    total = found.quarters.groupby("colour")["observed"].sum()
    assert total["red"] == found.colours.set_index("colour")["observed"]["red"]


def test_risks_stated_too_low_are_found_out() -> None:
    """Risks stated at half their size show O/E of about 2 with an interval that excludes 1."""
    false = history(np.random.default_rng(3), distort=2.0)
    found = health.validate(false, PLAIN, rng=np.random.default_rng(4)).colours
    np.testing.assert_allclose(found["ratio"], 2, atol=0.4)
    assert (found["low"] > 1).all()


def test_a_noisier_manual_score_loses_and_the_same_score_ties() -> None:
    """Against a noisier CRM score the difference is above 0; against itself it is 0."""
    past = history(np.random.default_rng(5), noise=3.0)
    found = health.validate(past, PLAIN, rng=np.random.default_rng(6), n_boot=200).against_crm
    assert found is not None
    assert found["auc"] > found["auc_crm"]
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["n_terms"] == 3000
    assert found["n_accounts"] == 1500
    past["crm_health"] = -past["p_churn"]
    same = health.validate(past, PLAIN, rng=np.random.default_rng(7), n_boot=50).against_crm
    assert same is not None
    assert (same["difference"], same["low"], same["high"]) == (0, 0, 0)


def test_the_manual_score_is_compared_on_the_accounts_that_have_one() -> None:
    """Terms without a manual score stay out of the comparison, and none at all gives none."""
    past = history(np.random.default_rng(8), n=600)
    past.loc[past.index[:400], "crm_health"] = np.nan
    rng = np.random.default_rng(9)
    found = health.validate(past, PLAIN, rng=rng, n_boot=50).against_crm
    assert found is not None
    assert found["n_terms"] == 200
    bare = past.drop(columns="crm_health")
    assert health.validate(bare, PLAIN, rng=rng).against_crm is None
    with pytest.raises(ParameterError, match="nps"):
        health.validate(past, PLAIN, crm="nps", rng=rng)


def test_one_class_and_unknown_money_are_told_not_raised() -> None:
    """Nobody leaving gives a ratio of 0 with a width; terms without ARR are counted."""
    past = history(np.random.default_rng(10), n=300).assign(churned=0.0)
    found = health.validate(past, PLAIN, rng=np.random.default_rng(11), n_boot=20)
    assert (found.colours["ratio"] == 0).all()
    assert (found.colours["high"] > 0).all()
    assert found.against_crm is not None
    assert np.isnan(found.against_crm["auc"])
    unknown = health.validate(
        past.assign(arr=np.nan), health.boundaries(0.2, play=PLAY), rng=np.random.default_rng(1)
    )
    assert unknown.n_without_colour == 300
    assert unknown.quarters.empty
    assert unknown.ordered is None
