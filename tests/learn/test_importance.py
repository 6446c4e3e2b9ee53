"""A kind of record is judged only where the model that was believed could read it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from cs_models.learn import churn

AS_OF = date(2026, 6, 30)


def _panel() -> pd.DataFrame:
    """Return 900 yearly terms of two segments of which those with little use leave."""
    rng = np.random.default_rng(5)
    account = np.repeat(np.arange(300), 3)
    start = pd.Timestamp("2022-07-01") + pd.to_timedelta(
        np.repeat(rng.integers(0, 365, 300), 3) + 365 * np.tile(np.arange(3), 300), unit="D"
    )
    used = rng.poisson(9, 900)
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{number:04d}" for number in range(900)],
            "account_id": [f"a{number:04d}" for number in account],
            "account_name": "One",
            "segment": np.where(account % 2, "SMB", "MM"),
            "arr": 1000.0 + account,
            "seats": pd.array(np.full(900, 5), dtype="Int64"),
            "term_no": np.tile([1, 2, 3], 300),
            "term_months": 12,
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "as_of_date": start + pd.Timedelta(days=275),
            "events__first_60d": used,
            "churned": pd.array(rng.random(900) < np.where(used < 8, 0.6, 0.1), dtype="Int8"),
        }
    )
    return frame[frame["term_end"] < pd.Timestamp("2026-05-30")].reset_index(drop=True)


def test_a_base_rate_says_nothing_of_the_use_that_it_does_not_read() -> None:
    """Where only base rates are tried, use is not judged; where a regression is, it told much."""
    panel = _panel()
    plain = churn.backtest(panel, as_of=AS_OF, n_halves=0, up_to="L0").importance
    use = plain[plain["driver"] == "adoption"]
    assert len(use) >= 4 and use["loss_increase"].isna().all()
    assert plain.loc[plain["driver"] == "commercial", "loss_increase"].notna().any()
    read = churn.backtest(panel, as_of=AS_OF, n_halves=0, up_to="L3")
    told = read.importance.merge(read.origins[["origin", "level"]], on="origin")
    use = told[(told["driver"] == "adoption") & (told["level"] == "L3")]
    assert len(use) >= 3 and (use["loss_increase"] > 0).all()
