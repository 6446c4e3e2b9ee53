"""A kind of record is judged only where the model that was believed could read it."""

from __future__ import annotations

from datetime import date

import pandas as pd

from cs_models.learn import churn

AS_OF = date(2026, 6, 30)


def test_a_base_rate_says_nothing_of_the_use_that_it_does_not_read(
    yearly: pd.DataFrame,
) -> None:
    """Where only base rates are tried, use is not judged; where a regression is, it told much."""
    panel = yearly
    plain = churn.backtest(panel, as_of=AS_OF, n_halves=0, up_to="L0").importance
    use = plain[plain["driver"] == "adoption"]
    assert len(use) >= 4 and use["loss_increase"].isna().all()
    assert plain.loc[plain["driver"] == "commercial", "loss_increase"].notna().any()
    read = churn.backtest(panel, as_of=AS_OF, n_halves=0, up_to="L3")
    told = read.importance.merge(read.origins[["origin", "level"]], on="origin")
    use = told[(told["driver"] == "adoption") & (told["level"] == "L3")]
    assert len(use) >= 3 and (use["loss_increase"] > 0).all()
