"""The same predictors by hand: scikit-learn and pandas used directly, for ``models.py`` to compare.

What somebody would write in a notebook who knows what to do: the same splits, estimators, searches
of hyper-parameters, calibration and permutation importance, without this package's checks, names
and stored form.  Numbers enter the regression as a straight line and a bend, as here; the bend is
scikit-learn's (a piecewise straight one), so that the two regressions are alike, not equal.  The
trees read the same numbers and must say the same to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler

PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03)
TREES = {
    "learning_rate": 0.1,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "early_stopping": False,
    "random_state": 0,
}
MOST_TREES, REPEATS = 120, 3
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A panel as numbers: columns, words as 0 or 1, whose column each is and how it may act."""

    numbers: list[str]
    words: dict[str, list[str]]
    signs: list[int]

    def of(self, frame: pd.DataFrame) -> Float:
        """Return the matrix of a panel."""
        marks = [
            (frame[name].to_numpy()[:, None] == np.array(words, dtype=object)).astype(float)
            for name, words in self.words.items()
        ]
        return np.hstack([frame[self.numbers].to_numpy(dtype=float), *marks])


def _logged(x: Float) -> Float:
    return np.sign(x) * np.log1p(np.abs(x))


def regression(penalty: float, tol: float = 1e-4) -> Any:
    """Return the pipeline of a ridge regression on lines, bends and gaps."""
    columns = FeatureUnion(
        [
            (
                "bent",
                make_pipeline(
                    SimpleImputer(strategy="median"),
                    SplineTransformer(3, degree=1, knots="quantile", include_bias=False),
                ),
            ),
            ("gaps", _gaps()),
        ]
    )
    return make_pipeline(
        FunctionTransformer(_logged), columns, StandardScaler(), _line(penalty, tol)
    )


def _gaps() -> Any:
    from sklearn.impute import MissingIndicator

    return MissingIndicator(features="missing-only", error_on_new=False)


def _line(penalty: float, tol: float = 1e-4) -> LogisticRegression:
    return LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=200, tol=tol)


def penalty(x: Float, churned: Float, account: Any) -> float:
    """Choose the ridge on accounts held out; the encoding once, as a hurried author would."""
    encoder = regression(1.0)[:-1].fit(x)
    design = encoder.transform(x)
    losses = np.zeros(len(PENALTIES))
    for learnt, held in GroupKFold(3).split(design, churned, account):
        for place, strength in enumerate(PENALTIES):
            model = _line(strength, 1e-2).fit(design[learnt], churned[learnt])
            chance = model.predict_proba(design[held])[:, 1]
            losses[place] += log_loss(churned[held], chance) * len(held)
    return PENALTIES[int(np.argmin(losses))]


def trees(n_trees: int, signs: list[int]) -> HistGradientBoostingClassifier:
    """Return boosted trees."""
    return HistGradientBoostingClassifier(max_iter=n_trees, monotonic_cst=signs, **TREES)


def n_trees(x: Float, churned: Float, account: Any, signs: list[int]) -> int:
    """Choose their number on a quarter of the accounts."""
    learnt, held = next(GroupKFold(4).split(x, churned, account))
    model = trees(MOST_TREES, signs).fit(x[learnt], churned[learnt])
    losses = [
        log_loss(churned[held], chance[:, 1]) for chance in model.staged_predict_proba(x[held])
    ]
    return max(5, int(np.argmin(losses)) + 1)


@dataclass(frozen=True)
class Stand:
    """What is fitted at one origin."""

    rates: dict[str, float]
    recency: Any
    line: Any
    boosted: Any
    tuned: tuple[float, int]


def stand(frame: pd.DataFrame, table: Table, tuned: tuple[float, int] | None) -> Stand:
    """Fit base rate, recency, regression and trees on one history."""
    x, churned = table.of(frame), frame["churned"].to_numpy(dtype=float)
    account = frame["account_id"].to_numpy()
    if tuned is None:
        tuned = penalty(x, churned, account), n_trees(x, churned, account, table.signs)
    rates = frame.groupby("segment")["churned"].mean().to_dict()
    few = [table.numbers.index("days_since_last_use__to_date")]
    few += [table.numbers.index("seat_utilisation__last_28d")]
    simple = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    return Stand(
        rates,
        simple.fit(x[:, few], churned),
        regression(tuned[0]).fit(x, churned),
        trees(tuned[1], table.signs).fit(x, churned),
        tuned,
    )


def chances(fitted: Stand, frame: pd.DataFrame, table: Table) -> dict[str, Float]:
    """Return what each of them says of a panel's rows."""
    x = table.of(frame)
    few = [table.numbers.index("days_since_last_use__to_date")]
    few += [table.numbers.index("seat_utilisation__last_28d")]
    return {
        "L0": frame["segment"].map(fitted.rates).to_numpy(dtype=float),
        "L2": fitted.recency.predict_proba(x[:, few])[:, 1],
        "L3": fitted.line.predict_proba(x)[:, 1],
        "L4": fitted.boosted.predict_proba(x)[:, 1],
    }


def backtest(
    frame: pd.DataFrame, table: Table, quarters: list[Any], drivers: dict[str, list[int]]
) -> dict[str, Float]:
    """Walk through the same past quarters; return each level's chances, quarter after quarter."""
    seen: dict[str, list[Float]] = {}
    known: list[Float] = []
    told: dict[str, list[Float]] = {}
    tuned, n_tuned = None, 0
    rng = np.random.default_rng(0)
    for quarter in quarters:
        learnt, tested = frame.iloc[quarter.train], frame.iloc[quarter.test]
        grown = len(learnt) >= 1.5 * n_tuned
        if grown:
            tuned, n_tuned = None, len(learnt)
        fitted = stand(learnt, table, tuned)
        tuned = fitted.tuned
        if grown:  # chances of as large a history, for the calibration
            seen, known = {}, []
            account = learnt["account_id"].to_numpy()
            for some, held in GroupKFold(3).split(account, account, account):
                part = stand(learnt.iloc[some], table, tuned)
                for level, chance in chances(part, learnt.iloc[held], table).items():
                    seen.setdefault(level, []).append(chance)
                known.append(learnt["churned"].to_numpy(dtype=float)[held])
        said = chances(fitted, tested, table)
        for level, chance in said.items():
            curve = IsotonicRegression(out_of_bounds="clip")
            curve.fit(np.concatenate(seen[level]), np.concatenate(known))
            told.setdefault(level, []).append(curve.predict(chance))
            seen[level].append(chance)
        known.append(tested["churned"].to_numpy(dtype=float))
        _importance(fitted, tested, table, drivers, rng)
    return {level: np.concatenate(parts) for level, parts in told.items()}


def _importance(
    fitted: Stand,
    tested: pd.DataFrame,
    table: Table,
    drivers: dict[str, list[int]],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Shuffle each driver's columns: how much worse would the trees have been."""
    x, churned = table.of(tested), tested["churned"].to_numpy(dtype=float)
    found = {}
    for driver, places in drivers.items():
        losses = []
        for _ in range(REPEATS):
            shuffled = x.copy()
            shuffled[:, places] = x[rng.permutation(len(x))][:, places]
            losses.append(log_loss(churned, fitted.boosted.predict_proba(shuffled)[:, 1]))
        found[driver] = float(np.mean(losses))
    return found


def area(churned: Float, chance: Float) -> float:
    """Return scikit-learn's AUC."""
    return float(roc_auc_score(churned, chance))


def robust_errors(model: Any, design: Float, event: pd.Series, account: pd.Series) -> Float:
    """Return the standard errors by account that scikit-learn does not give."""
    wide = np.column_stack([np.ones(len(design)), design])
    chance = model.predict_proba(design)[:, 1]
    bread = np.linalg.inv((wide.T * (chance * (1 - chance))) @ wide)
    scores = pd.DataFrame(wide * (event.to_numpy() - chance)[:, None])
    sums = scores.groupby(account.to_numpy()).sum().to_numpy()
    found: Float = np.sqrt(np.diag(bread @ (sums.T @ sums) @ bread))
    return found
