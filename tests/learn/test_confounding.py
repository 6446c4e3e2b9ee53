"""The weighted contrast: laws of the weights, a planted confounder, a planted effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import confounding

COLUMN = "events__key__first_60d"
RULE: dict[str, Any] = {
    "column": COLUMN, "cut": 20.0, "cut_below": 19.0, "min_users": 1, "users_column": None,
    "direction": "at_least", "segment": None, "segment_by": "segment", "verdict": "associated",
}  # fmt: skip


def invent(
    rng: np.random.Generator,
    *,
    n_accounts: int = 1500,
    tier_use: float = 0.6,
    tier_renewal: float = 0.9,
    effect: float = 0.0,
) -> pd.DataFrame:
    """Invent terms whose tier (told by ARR and the manager) drives use and renewal."""
    segment = rng.integers(0, 2, n_accounts)
    tier = rng.integers(0, 3, n_accounts) - 1
    use = rng.poisson(20 * np.exp(tier_use * tier + 0.6 * rng.normal(size=n_accounts)))
    leaving = -0.8 - 0.3 * segment - tier_renewal * tier - effect * (use >= RULE["cut"])
    manager = 3 * (tier + 1) + rng.integers(0, 3, n_accounts)
    return pd.DataFrame(
        {
            "account_id": [f"a{i:05d}" for i in range(n_accounts)],
            "segment": np.array(["SMB", "ENT"])[segment],
            "arr": np.exp(8 + segment + 0.5 * tier + 0.2 * rng.normal(size=n_accounts)),
            "csm_id": [f"csm-{i}" for i in manager],
            "term_months": 12,
            "term_start": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 700, n_accounts), unit="D"),
            COLUMN: use,
            "churned": (rng.random(n_accounts) < 1 / (1 + np.exp(-leaving))).astype(float),
        }
    )


def contrast(frame: pd.DataFrame, rule: dict[str, Any] | None = None, **options: Any) -> Any:
    options = {"n_boot": 20, "rng": np.random.default_rng(1), **options}
    return confounding.contrast(rule or RULE, frame, **options)


@pytest.mark.parametrize(("ratio", "value"), [(3.9, 7.26), (2.0, 3.41), (1.0, 1.0)])
def test_e_values_are_the_published_ones(ratio: float, value: float) -> None:
    """RR 3.9 gives 7.26 and RR 2 gives 3.41 (methods.md 8); a ratio and its inverse are one."""
    assert confounding.e_value(ratio) == pytest.approx(value, abs=0.005)
    assert confounding.e_value(1 / ratio) == pytest.approx(confounding.e_value(ratio))


def test_an_e_value_needs_a_ratio() -> None:
    """A negative ratio is refused; churn on one side only cannot be explained away."""
    with pytest.raises(ParameterError, match="not negative"):
        confounding.e_value(-0.1)
    assert confounding.e_value(0.0) == np.inf


def test_overlap_weights_are_the_chance_of_the_other_side() -> None:
    """1 - e above, e below; what is no chance is refused."""
    above = np.array([True, True, False, False])
    weights = confounding.overlap_weights(above, np.array([0.2, 1.0, 0.2, 1.0]))
    assert weights.tolist() == [0.8, 0.0, 0.2, 1.0]
    with pytest.raises(ParameterError, match="between 0 and 1"):
        confounding.overlap_weights(above, np.array([0.2, 1.1, 0.2, 1.0]))


def test_weights_balance_every_column_of_the_logit() -> None:
    """After weighting no covariate of the logit differs, whatever it did before."""
    found = contrast(invent(np.random.default_rng(2)))
    assert found.balance["in_model"].all()
    assert found.balance["smd_before"].abs().max() > 0.4
    assert found.max_smd < 1e-3
    assert set(found.covariates) == {"segment", "arr", "csm_id", "term_start"}


def test_a_planted_confounder_is_removed() -> None:
    """Where only the tier acts, the naive gap is over 10 points and the contrast about none."""
    found = [contrast(invent(np.random.default_rng([3, run])), n_boot=2) for run in range(10)]
    assert np.mean([one.lift_naive for one in found]) > 0.10
    assert abs(np.mean([one.lift for one in found])) < 0.02  # Monte Carlo s.e. about .008
    assert max(one.n_effective_above for one in found) < 1000


def test_a_planted_effect_is_kept() -> None:
    """Where no confounder acts, the contrast finds the gap that the naive comparison finds."""
    frame = invent(np.random.default_rng(4), tier_use=0.0, tier_renewal=0.0, effect=1.0)
    found = contrast(frame, n_boot=100)
    assert found.lift_naive > 0.10
    assert found.lift == pytest.approx(found.lift_naive, abs=0.015)
    assert 0 < found.low < found.lift < found.high
    assert found.risk_ratio < 1 < found.e_value_limit < found.e_value


def test_no_covariate_gives_the_naive_contrast() -> None:
    """With a constant chance of being above, weights change nothing, and nothing is balanced."""
    frame = invent(np.random.default_rng(5))
    found = contrast(frame, covariates=[])
    assert found.lift == pytest.approx(found.lift_naive, abs=1e-12)
    above = frame[COLUMN] >= RULE["cut"]
    assert found.n_effective_above == pytest.approx(above.sum())
    assert found.risk_ratio == pytest.approx(
        frame.loc[above, "churned"].mean() / frame.loc[~above, "churned"].mean()
    )
    assert found.covariates == () and found.balance.empty


def test_the_direction_of_a_rule_does_not_change_the_contrast() -> None:
    """Asking for "fewer than" the same cut compares the same sides: above minus below."""
    frame = invent(np.random.default_rng(6), n_accounts=600)
    here = contrast(frame)
    assert contrast(frame, {**RULE, "direction": "at_most"}).lift == here.lift


def test_swapping_the_sides_turns_the_sign() -> None:
    """Counting from the other end exchanges the sides: lift and interval change sign."""
    frame = invent(np.random.default_rng(7), n_accounts=600)
    here = contrast(frame)
    swapped = contrast(frame.assign(**{COLUMN: -frame[COLUMN]}), {**RULE, "cut": -19.0})
    assert swapped.lift == pytest.approx(-here.lift, abs=1e-6)
    assert (swapped.low, swapped.high) == pytest.approx((-here.high, -here.low), abs=1e-3)
    assert swapped.risk_ratio == pytest.approx(1 / here.risk_ratio, rel=1e-5)
    assert swapped.e_value == pytest.approx(here.e_value, rel=1e-5)


def test_a_level_on_one_side_only_does_not_explode() -> None:
    """Where a segment stands wholly above, its terms lose their weight and all stays finite."""
    frame = invent(np.random.default_rng(8), n_accounts=600)
    frame.loc[frame["segment"] == "ENT", COLUMN] += 1000
    found = contrast(frame)
    alone = contrast(frame[frame["segment"] == "SMB"], covariates=["arr", "csm_id", "term_start"])
    assert np.isfinite([found.low, found.high, found.e_value]).all()
    assert found.max_smd < 0.01
    assert found.share_overlap < 0.6
    assert found.lift == pytest.approx(alone.lift, abs=0.02)


def test_use_before_the_term_is_made_alike_when_it_is_there() -> None:
    """Use before the term joins by its column, with an indicator where it was not recorded."""
    frame = invent(np.random.default_rng(9), n_accounts=600)
    frame["events__before_90d"] = frame[COLUMN] // 2
    frame.loc[::5, "events__before_90d"] = np.nan
    found = contrast(frame)
    names = set(found.balance["covariate"])
    assert "events__before_90d" in found.covariates
    assert {"events__before_90d", "events__before_90d: missing"} <= names


def test_a_small_side_affords_fewer_covariates_and_says_so() -> None:
    """What the smaller side cannot afford is named, and its imbalance stays in the table."""
    frame = invent(np.random.default_rng(10), n_accounts=400)
    found = contrast(frame, {**RULE, "cut": float(frame[COLUMN].quantile(0.9))})
    assert found.covariates_left_out == ("term_start",) or "csm_id" in found.covariates_left_out
    left_out = found.balance[~found.balance["in_model"]]
    assert found.max_smd == left_out["smd_after"].abs().max() > 0.01


def test_what_use_may_change_is_refused_as_a_covariate() -> None:
    """A count inside the window, an outcome and an absent column are refused by name."""
    frame = invent(np.random.default_rng(11), n_accounts=200)
    with pytest.raises(ParameterError, match=f"nowhere, {COLUMN}, churned"):
        contrast(frame, covariates=["segment", "nowhere", COLUMN, "churned"])


def test_a_side_of_few_accounts_is_refused() -> None:
    """Nine accounts cannot be made alike to the others."""
    frame = invent(np.random.default_rng(12), n_accounts=200)
    ninth = frame[COLUMN].nlargest(9).min()
    with pytest.raises(TooLittleDataError, match="too few accounts"):
        contrast(frame, {**RULE, "cut": float(ninth) + 0.5})


def test_terms_of_one_account_are_drawn_together() -> None:
    """Writing every account's term three times leaves the contrast and its interval alone."""
    frame = invent(np.random.default_rng(13), n_accounts=400)
    thrice = pd.concat([frame] * 3, ignore_index=True)
    names = ["segment"]
    once = contrast(frame, covariates=names, n_boot=60)
    again = contrast(thrice, covariates=names, n_boot=60)
    assert again.lift == pytest.approx(once.lift, abs=1e-4)
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.02)
