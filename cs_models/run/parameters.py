"""The parameters of every notebook: the only place where a default, range and help line live.

One frozen, strict model a notebook, named in `SECTIONS` as the notebook without its number.
A notebook's cell tagged ``parameters`` holds the same names as plain values; the next cell
builds the model from them with ``Model.of(locals())``, which validates again.  Fields are
JSON values: dates are ISO text, sequences are lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from cs_models.run.sections.adoption import AdoptionThresholds, DataReadiness
from cs_models.run.sections.brief import LeadershipBrief
from cs_models.run.sections.common import NotebookParameters
from cs_models.run.sections.journey import JourneyAndPersonas
from cs_models.run.sections.measures import AdoptionMetrics
from cs_models.run.sections.renewal import (
    Backtest,
    ChurnPredictors,
    RenewalOutlook,
    TimeToChurn,
)

__all__ = [
    "COMMON",
    "SECTIONS",
    "SET_BY_THE_RUN",
    "AdoptionMetrics",
    "AdoptionThresholds",
    "Backtest",
    "ChurnPredictors",
    "DataReadiness",
    "JourneyAndPersonas",
    "LeadershipBrief",
    "NotebookParameters",
    "RenewalOutlook",
    "TimeToChurn",
    "own_fields",
]

SECTIONS: Mapping[str, type[NotebookParameters]] = {
    "data_readiness": DataReadiness,
    "adoption_metrics": AdoptionMetrics,
    "adoption_thresholds": AdoptionThresholds,
    "churn_predictors": ChurnPredictors,
    "time_to_churn": TimeToChurn,
    "journey_and_personas": JourneyAndPersonas,
    "renewal_outlook": RenewalOutlook,
    "backtest": Backtest,
    "leadership_brief": LeadershipBrief,
}
COMMON: tuple[str, ...] = tuple(NotebookParameters.model_fields)
SET_BY_THE_RUN: frozenset[str] = frozenset({"output_dir"})


def own_fields(section: str) -> tuple[str, ...]:
    """Return the fields that stand in a section of the run file, not at its top."""
    return tuple(name for name in SECTIONS[section].model_fields if name not in COMMON)
