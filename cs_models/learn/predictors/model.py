"""A fitted predictor with everything it needs to speak: calibration, band, reference, oddity.

Source: ``methods.md`` 3; ``reliability.md`` E9, E10 (nothing here needs pickle).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from cs_models.learn.evaluation import recalibration
from cs_models.learn.predictors import forms
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Fitted
from cs_models.learn.predictors.oddity import Oddity


@dataclass(frozen=True)
class Model:
    """A fitted predictor, calibrated on past quarters.

    Attributes
    ----------
    level, name : str
        Which rung of the ladder it is.
    encoder : Encoder
        How panel rows become numbers.
    fitted : Fitted
    calibrator : Recalibration
    refits : tuple of Fitted
        The same model on redrawn accounts, for the band.
    usual : Oddity
        What the terms learnt from looked like.
    reference : dict of str to list
        The typical renewed term of each segment.
    decision_days : int or None
        Median days between decision date and renewal date of the terms learnt from.
    trained_from, trained_to : datetime.date
        First and last renewal date learnt from.
    n_terms, n_accounts, n_churned : int
    random_state : int
    grace_days : int
        Days in which a late renewal still counted as one.
    recipe : dict
        How the panel learnt from was made: a later one is made alike before it is scored.
    """

    level: str
    name: str
    encoder: Encoder
    fitted: Fitted
    calibrator: Any
    refits: tuple[Fitted, ...]
    usual: Oddity
    reference: dict[str, list[float | None]]
    decision_days: int
    trained_from: date
    trained_to: date
    n_terms: int
    n_accounts: int
    n_churned: int
    random_state: int
    grace_days: int = 30
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Panel columns it reads."""
        return self.encoder.columns

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return each row's probability of leaving, shape (n_rows,).

        Raises
        ------
        DataError
            If a column is missing from the panel, or holds infinite values.
        """
        p: Floats = self.calibrator.apply(self.fitted.logit(forms.encode(self.encoder, frame)))
        return p

    def plain(self) -> dict[str, Any]:
        """Return all of it but scikit-learn's own estimators, as lists and scalars."""
        return {
            "level": self.level,
            "name": self.name,
            "encoder": self.encoder.plain(),
            "fitted": self.fitted.plain(),
            "calibrator": self.calibrator.plain(),
            "refits": [one.plain() for one in self.refits],
            "usual": self.usual.plain(),
            "reference": self.reference,
            "decision_days": self.decision_days,
            "trained_from": self.trained_from.isoformat(),
            "trained_to": self.trained_to.isoformat(),
            "n_terms": self.n_terms,
            "n_accounts": self.n_accounts,
            "n_churned": self.n_churned,
            "random_state": self.random_state,
            "grace_days": self.grace_days,
            "recipe": self.recipe,
        }

    def estimators(self) -> list[Any]:
        """Return scikit-learn's estimators: the model's own, then those of its refits."""
        return [each for one in (self.fitted, *self.refits) for each in one.estimators()]

    @classmethod
    def restored(cls, plain: dict[str, Any], estimators: list[Any]) -> Model:
        """Return the model that :meth:`plain` and :meth:`estimators` wrote."""
        plains = [plain["fitted"], *plain["refits"]]
        each = iter(estimators)
        fitted = [
            forms.restored(one, [next(each)] if one["kind"] == "boosted" else []) for one in plains
        ]
        rest = {
            name: plain[name]
            for name in (
                *("level", "name", "reference", "decision_days"),
                *("n_terms", "n_accounts", "n_churned", "random_state", "grace_days", "recipe"),
            )
        }
        return cls(
            encoder=Encoder.from_plain(plain["encoder"]),
            fitted=fitted[0],
            calibrator=recalibration.Recalibration.from_plain(plain["calibrator"]),
            refits=tuple(fitted[1:]),
            usual=Oddity(**plain["usual"]),
            trained_from=date.fromisoformat(plain["trained_from"]),
            trained_to=date.fromisoformat(plain["trained_to"]),
            **rest,
        )
