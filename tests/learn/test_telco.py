"""The ladder's regression and trees on a table that others have judged models on.

IBM's Telco table: 7,043 customers, one row each, no dates.  Published areas under the curve
(interpretml's README, 2022): logistic regression .849, boosted trees .828 to .852.  Only encoding
and levels are tried here; there is no past to walk through.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from cs_models.learn.evaluation import calibration, metrics
from cs_models.learn.predictors import columns, encoding, forms, levels, table

NUMBERS = ["tenure", "MonthlyCharges", "TotalCharges"]
SEED = 20261122


@pytest.fixture(scope="module")
def telco(shared_data: Path) -> pd.DataFrame:
    """Return the table with the names that the ladder asks of every panel."""
    path = shared_data / "ibm_telco" / "Telco-Customer-Churn.csv"
    if not path.exists():
        pytest.skip(f"third-party data is not at {path}")
    frame = pd.read_csv(path).astype({"SeniorCitizen": str})
    total = pd.to_numeric(frame["TotalCharges"], errors="coerce")  # blank for new customers
    return frame.assign(
        TotalCharges=total,
        account_id=frame["customerID"],
        segment="all",
        churned=(frame["Churn"] == "Yes").astype(float),
    )


@pytest.fixture(scope="module")
def words(telco: pd.DataFrame) -> list[str]:
    """Return the attributes in words."""
    other = {"customerID", "account_id", "segment", "churned", "Churn", *NUMBERS}
    return [name for name in telco.columns if name not in other]


def out_of_fold(telco: pd.DataFrame, words: list[str], level: str, seed: int) -> np.ndarray:
    """Return each customer's log-odds by a level that never saw them: encoding, tuning and fit."""
    churned = telco["churned"].to_numpy()
    logit = np.full(len(telco), np.nan)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "CATEGORIES", tuple(words))  # these are no panel's attributes
        for learnt, held in folds.split(churned, churned):
            rows = telco.iloc[learnt]
            encoder = encoding.learn(rows, [*NUMBERS, *words])
            task = forms.Task(
                forms.encode(encoder, rows), churned[learnt], table.codes(rows["account_id"])
            )
            fitted = levels.fit(level, task, encoder, np.random.default_rng(seed))
            logit[held] = fitted.logit(forms.encode(encoder, telco.iloc[held]))
    return logit


@pytest.fixture(scope="module")
def chances(telco: pd.DataFrame, words: list[str]) -> dict[str, np.ndarray]:
    """Return each customer's chance to leave, by level."""
    return {
        level: 1 / (1 + np.exp(-out_of_fold(telco, words, level, SEED))) for level in ("L3", "L4")
    }


def test_the_table_is_the_published_one(telco: pd.DataFrame, words: list[str]) -> None:
    """7,043 customers, 1,869 of them gone, 11 totals blank, 16 attributes."""
    told = (len(telco), int(telco["churned"].sum()), int(telco["TotalCharges"].isna().sum()))
    assert told == (7043, 1869, 11)
    assert len(words) == 16


@pytest.mark.parametrize(("level", "bar"), [("L3", 0.84), ("L4", 0.82)])
def test_out_of_fold_area_is_that_of_others(
    telco: pd.DataFrame, chances: dict[str, np.ndarray], level: str, bar: float
) -> None:
    """Five folds: the regression tells at least .84 of pairs, the trees .82, neither above .86."""
    assert bar <= metrics.auc(telco["churned"].to_numpy(), chances[level]) <= 0.86


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_chances_out_of_fold_are_calibrated_without_help(
    telco: pd.DataFrame, chances: dict[str, np.ndarray], level: str
) -> None:
    """As many left as was said to 3 in 100, at a slope of .9 to 1.1: nothing was reweighed."""
    told = calibration.table(
        telco["churned"],
        chances[level],
        account=telco["account_id"],
        n_null=2,
        rng=np.random.default_rng(0),
    ).set_index("measure")["value"]
    assert told["observed_to_expected"] == pytest.approx(1.0, abs=0.03)
    assert 0.9 <= told["slope"] <= 1.1
