"""What was planted in invented customers is found again in the relationship's columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cs_models.data import simulate, sources
from cs_models.features import cohort, panel

CHAMPION = 1.5


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return 900 accounts' terms 90 days before the renewal, with the true hazard beside them.

    Losing the champion raises the log-odds of leaving by 1.5, a standard deviation of sentiment
    lowers them by .8, and nothing else does anything to them.
    """
    folder: Path = tmp_path_factory.mktemp("invented")
    world = simulate.customers(
        scenario="null", n_accounts=900, seed=4, dirty=False, beta_champion=CHAMPION, beta_nps=-0.8,
        beta_vigour=0.0, beta_gradual=0.0, beta_u=0.0, beta_tickets=0.0, beta_tier=0.0,
    )  # fmt: skip
    for name, table in world.tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    as_of = world.scenario.as_of
    tables = sources.read(sources.Source(path=str(folder)), as_of=as_of)
    found = cohort.terms(tables, as_of, days=90)
    made = panel.build(tables, found, windows_days=(28, 90), features=(), relations=True)
    truth = world.terms[["subscription_id", "hazard"]]
    return made.merge(truth, on="subscription_id", validate="1:1")


def test_a_champion_who_left_is_found_in_the_true_hazard(frame: pd.DataFrame) -> None:
    """The planted 1.5 on the log-odds comes back, apart from those who left after D."""
    odds = np.log(frame["hazard"] / (1 - frame["hazard"]))
    left = frame["champions_left__to_date"] > 0
    assert 60 < left.sum() < len(frame) / 2
    # One in 25 champions leaves in the 90 days after D: those terms count as not left, and hide
    # a little of it.
    assert odds[left].mean() - odds[~left].mean() == pytest.approx(CHAMPION, abs=0.2)


def test_churners_had_a_champion_leave_more_often(frame: pd.DataFrame) -> None:
    """What became of them shows it too, by more than three standard errors."""
    decided = frame[frame["churned"].notna()]
    left = decided["champions_left__to_date"].to_numpy(dtype="float64")
    churned = decided["churned"].to_numpy(dtype="float64") == 1
    gap = left[churned].mean() - left[~churned].mean()
    spread = np.sqrt(left[churned].var() / churned.sum() + left[~churned].var() / (~churned).sum())
    assert gap > 3 * spread


def test_sentiment_is_found_in_the_answers(frame: pd.DataFrame) -> None:
    """Where anybody answered, a higher hazard goes with lower answers; contacts tell nothing."""
    hazard = frame["hazard"]
    for name in ("nps__to_date", "csat__to_date"):
        assert frame[name].notna().sum() > 200
        assert frame[name].corr(hazard, method="spearman") < -0.2
    for name in ("proficiency__to_date", "customer_contacts__last_90d", "goals_reached__to_date"):
        assert abs(frame[name].astype("float64").corr(hazard, method="spearman")) < 0.12


def test_a_departed_champion_was_succeeded(frame: pd.DataFrame) -> None:
    """A successor comes on the day the champion leaves, so that there is somebody nearly always."""
    left = frame["champions_left__to_date"] > 0
    assert frame.loc[left, "champions__to_date"].between(0, 2).all()
    assert (frame.loc[left, "champions__to_date"] >= 1).mean() > 0.8
    assert (frame.loc[~left, "champions__to_date"] >= 1).all()
