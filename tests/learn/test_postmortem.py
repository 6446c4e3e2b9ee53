"""Post-mortem: planted stages are found, and what the rule would say of renewers stands beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import postmortem

STAGES = {
    "onboarding": ["onboarding_days_late__to_date"],
    "adoption": ["events__first_60d", "active_users__first_60d"],
    "value": ["goals_reached__to_date"],
}


def history(
    rng: np.random.Generator, *, n: int = 2000, stage: str | None = "adoption", shift: float = 1.5
) -> pd.DataFrame:
    """Invent terms of which a quarter left, worse by ``shift`` at one stage and nowhere else."""
    churned = (rng.random(n) < 0.25).astype(float)
    worse = {name: churned * shift * (name == stage) for name in STAGES}
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i}" for i in range(n)],
            "account_id": [f"a{i // 2}" for i in range(n)],
            "account_name": [f"Name {i // 2}" for i in range(n)],
            "segment": np.array(["SMB", "ENT"])[(np.arange(n) // 2) % 2],
            "term_months": 12,
            "term_end": pd.Timestamp("2025-01-01"),
            "arr": np.where(churned > 0, 200.0, 100.0),
            "churned": churned,
            "onboarding_days_late__to_date": rng.normal(size=n) + worse["onboarding"],
            "events__first_60d": rng.normal(size=n) - worse["adoption"],
            "active_users__first_60d": rng.normal(size=n) - worse["adoption"],
            "goals_reached__to_date": rng.normal(size=n) - worse["value"],
        }
    )


def reviewed(frame: pd.DataFrame) -> pd.DataFrame:
    return postmortem.lost(frame, stages=STAGES).stages.set_index("stage")


def test_without_any_difference_nothing_is_in_excess() -> None:
    """Where lost and renewed terms are alike, every excess covers nought, at every stage."""
    table = reviewed(history(np.random.default_rng(1), stage=None))
    assert ((table["low"] <= 0) & (table["high"] >= 0)).all()
    # A quarter, then a quarter of the three quarters that kept pace, and so on.
    expected = [0.25, 0.25 * 0.75, 0.25 * 0.75**2, 0.75**3]
    np.testing.assert_allclose(table["share_of_renewed_behind"].iloc[:4], expected, atol=0.03)
    np.testing.assert_allclose(table["share"].iloc[:4], expected, atol=0.05)


@pytest.mark.parametrize("stage", list(STAGES))
def test_the_planted_stage_has_the_excess(stage: str) -> None:
    """The stage at which lost terms are worse has a clear excess, and no stage before it has."""
    table = reviewed(history(np.random.default_rng(2), stage=stage))
    assert table.loc[stage, "low"] > 0.1
    assert table["excess"].idxmax() == stage
    before = list(STAGES)[: list(STAGES).index(stage)]
    assert (table.loc[before, "low"] <= 0.02).all()
    assert table.loc[stage, "behind"] > 2 * table.loc[stage, "renewed_behind"]
    on_pace = table["on_pace_behind"] - table["on_pace_renewed_behind"]
    assert on_pace.idxmax() == stage


def test_excess_is_negative_later_only_because_fewer_are_left() -> None:
    """Among those that kept pace so far, later stages show no difference at all."""
    table = reviewed(history(np.random.default_rng(3), n=8000, stage="onboarding"))
    assert table.loc["value", "excess"] < -0.05
    assert table.loc["value", "on_pace_behind"] == pytest.approx(
        table.loc["value", "on_pace_renewed_behind"], abs=0.05
    )


def test_a_stage_that_repeats_an_earlier_one_blames_nobody_still_on_pace() -> None:
    """Where value is adoption over again, nobody who kept pace until then is behind in it."""
    frame = history(np.random.default_rng(13))
    same = frame.assign(goals_reached__to_date=frame["events__first_60d"])
    stages = {"adoption": ["events__first_60d"], "value": ["goals_reached__to_date"]}
    row = postmortem.lost(same, stages=stages).stages.set_index("stage").loc["value"]
    assert row["behind"] > 0.25
    assert row[["n_lost", "on_pace_behind", "on_pace_renewed_behind"]].tolist() == [0, 0, 0]


def test_a_stage_known_by_one_measure_in_three_is_not_recorded() -> None:
    """A stage of which more than half of the measures are missing says nothing of a term."""
    frame = history(np.random.default_rng(14)).assign(nps__to_date=1.0, csat__to_date=1.0)
    rows = frame.index[frame["churned"] == 1][:30]
    names = ["goals_reached__to_date", "nps__to_date", "csat__to_date"]
    frame.loc[rows, names[1:]] = np.nan
    found = postmortem.lost(frame, stages={"value": names}).terms.set_index("subscription_id")
    assert (found.loc[frame.loc[rows, "subscription_id"], "stage"] == "not recorded").all()
    assert (found["stage"] == "not recorded").sum() == 30


def test_shares_and_money_are_complete() -> None:
    """Every lost term has one stage: terms, shares and ARR add up to all that was lost."""
    frame = history(np.random.default_rng(4))
    frame.loc[frame.index[:40], "arr"] = np.nan
    found = postmortem.lost(frame, stages=STAGES)
    n_lost = int(frame["churned"].sum())
    assert found.n_lost == n_lost == len(found.terms) == found.stages["n_lost"].sum()
    for name in ("share", "share_arr", "share_of_renewed_behind", "share_arr_of_renewed_behind"):
        assert found.stages[name].sum() == pytest.approx(1)
    assert found.stages["excess"].sum() == pytest.approx(0, abs=1e-12)
    lost = frame[frame["churned"] == 1]
    assert found.stages["arr"].sum() == pytest.approx(lost["arr"].sum())
    assert found.n_without_arr == lost["arr"].isna().sum()
    counted = found.terms["stage"].value_counts()
    by_stage = found.stages.set_index("stage")["n_lost"]
    assert all(by_stage[stage] == n for stage, n in counted.items())


def test_the_evidence_is_the_measure_furthest_behind() -> None:
    """A term's evidence is its stage's worst measure, with its kind's renewers' quartiles."""
    frame = history(np.random.default_rng(5))
    terms = postmortem.lost(frame, stages=STAGES).terms
    behind = terms[terms["stage"] == "adoption"].iloc[0]
    values = frame.set_index("subscription_id").loc[behind["subscription_id"]]
    kind = frame[(frame["segment"] == values["segment"]) & (frame["churned"] == 0)]
    places = {name: (kind[name] < values[name]).mean() for name in STAGES["adoption"]}
    assert behind["column"] == min(places, key=lambda name: places[name])
    assert behind["percentile"] == pytest.approx(places[behind["column"]])
    assert behind["value"] == values[behind["column"]]
    expected = kind[behind["column"]].quantile([0.25, 0.5, 0.75])
    got = behind[["renewed_q25", "renewed_q50", "renewed_q75"]].astype(float)
    np.testing.assert_allclose(got, expected)
    kept = terms[terms["stage"] == "none"]
    assert kept["column"].isna().all()
    assert (kept["n_stages_behind"] == 0).all()


def test_late_is_bad_turned_round() -> None:
    """Days late and their negative as days early would blame the same terms, mirrored."""
    frame = history(np.random.default_rng(6), stage="onboarding")
    late = postmortem.lost(frame, stages={"onboarding": ["onboarding_days_late__to_date"]})
    early = postmortem.lost(
        frame.assign(early=-frame["onboarding_days_late__to_date"]),
        stages={"onboarding": ["early"]},
    )
    assert late.terms["stage"].tolist() == early.terms["stage"].tolist()
    np.testing.assert_allclose(late.terms["percentile"], early.terms["percentile"])


def test_what_is_not_recorded_is_not_behind() -> None:
    """Missing measures blame nobody, and a term without any is told as not recorded."""
    frame = history(np.random.default_rng(7))
    rows = frame.index[frame["churned"] == 1][:50]
    frame.loc[rows, STAGES["adoption"]] = np.nan
    found = postmortem.lost(frame, stages=STAGES)
    bare = found.terms.set_index("subscription_id").loc[frame.loc[rows, "subscription_id"]]
    assert (bare["stage"] != "adoption").all()
    assert (bare["n_stages_recorded"] == 2).all()
    assert found.stages.set_index("stage").loc["adoption", "n_not_recorded"] == 50
    frame.loc[rows, [name for held in STAGES.values() for name in held]] = [np.inf] * 4
    gone = postmortem.lost(frame, stages=STAGES).terms.set_index("subscription_id")
    assert (gone.loc[frame.loc[rows, "subscription_id"], "stage"] == "not recorded").all()


def test_a_measure_most_renewers_share_blames_nobody() -> None:
    """The worst value is not behind where most renewers have it; where few have it, it is."""
    rng = np.random.default_rng(8)
    frame = history(rng).assign(goals_reached__to_date=(rng.random(2000) < 0.3).astype(float))
    assert postmortem.lost(frame, stages={"value": ["goals_reached__to_date"]}).stages.loc[
        0, ["n_lost", "share_of_renewed_behind"]
    ].tolist() == [0, 0]
    frame["goals_reached__to_date"] = (rng.random(2000) < 0.8).astype(float)
    rare = postmortem.lost(frame, stages={"value": ["goals_reached__to_date"]}).stages
    assert rare.loc[0, "share_of_renewed_behind"] == pytest.approx(0.2, abs=0.03)


def test_a_learned_level_is_the_rule_where_it_is_given() -> None:
    """With a learned level, those below it are behind, whatever share of renewers that is."""
    frame = history(np.random.default_rng(9))
    found = postmortem.lost(
        frame, stages={"adoption": STAGES["adoption"]}, thresholds={"events__first_60d": 0.0}
    )
    low = frame["events__first_60d"] < 0
    expected = [low[frame["churned"] == y].mean() for y in (1, 0)]
    row = found.stages.iloc[0]
    assert [row["share"], row["share_of_renewed_behind"]] == pytest.approx(expected)


def test_copied_terms_buy_no_certainty() -> None:
    """Copying every row four times leaves the interval of the excess as it was."""
    frame = history(np.random.default_rng(10), n=400)
    once = reviewed(frame)
    copied = reviewed(pd.concat([frame] * 4, ignore_index=True))
    np.testing.assert_allclose(copied["excess"], once["excess"], atol=1e-12)
    wide = (copied["high"] - copied["low"]) / (once["high"] - once["low"])
    assert wide.between(0.97, 1.03).all()


def test_the_interval_of_the_excess_covers_none() -> None:
    """Over histories without any difference, 95 % intervals of the excess cover nought."""
    rng = np.random.default_rng(11)
    missed = [
        ((table["low"] > 0) | (table["high"] < 0)).iloc[:4].mean()
        for table in (reviewed(history(rng, n=400, stage=None)) for _ in range(25))
    ]
    assert np.mean(missed) < 0.11


def test_default_stages_come_from_the_measures_names() -> None:
    """Early use is adoption, lasting use is value, and contacts or features blame nobody."""
    names = [
        "onboarded__first_60d",
        "events__first_60d",
        "events__last_90d",
        "events__f__first_60d",
    ]
    names += ["days_to_first__f__to_date", "distinct_features__last_28d", "tickets__last_28d"]
    names += ["champions_left__to_date", "goals_overdue__to_date", "our_contacts_lagged__last_28d"]
    assert postmortem.columns(names) == {
        "onboarding": ("onboarded__first_60d",),
        "adoption": ("events__first_60d", "days_to_first__f__to_date"),
        "breadth": ("distinct_features__last_28d",),
        "value": ("events__last_90d", "goals_overdue__to_date"),
        "relationship": ("champions_left__to_date",),
    }


def test_what_cannot_be_reviewed_is_refused() -> None:
    """No loss, hardly any renewers, no measures, or measures without a worse way, are refused."""
    frame = history(np.random.default_rng(12), n=200)
    with pytest.raises(TooLittleDataError, match="nobody left"):
        postmortem.lost(frame.assign(churned=0.0), stages=STAGES)
    with pytest.raises(TooLittleDataError, match="too few past customers"):
        postmortem.lost(frame.assign(churned=1.0), stages=STAGES)
    bare = frame[["subscription_id", "account_id", "arr", "churned"]]
    with pytest.raises(ParameterError, match="no stage has a measure"):
        postmortem.lost(bare)
    with pytest.raises(ParameterError, match="mix_change__last_28d"):
        postmortem.lost(
            frame.assign(mix_change__last_28d=0.1), stages={"value": ["mix_change__last_28d"]}
        )
    with pytest.raises(ParameterError, match="behind"):
        postmortem.lost(frame, stages=STAGES, behind=0.8)
    few = frame.iloc[:150].assign(churned=([1.0] * 5) + [0.0] * 145)
    assert len(postmortem.lost(few, stages=STAGES).terms) == 5
