"""The section of the leadership brief, which is composed from the results of the others."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from cs_models.run.fields import Names
from cs_models.run.sections.common import NotebookParameters, unit_of


class LeadershipBrief(NotebookParameters):
    """Parameters of `08_leadership_brief`."""

    reads: ClassVar[tuple[str, ...]] = (
        "00_data_readiness",
        "01_adoption_metrics",
        "02_adoption_thresholds",
        "03_churn_predictors",
        "04_time_to_churn",
        "05_journey_and_personas",
        "06_renewal_outlook",
        "07_backtest",
    )

    lists: Names = Field(
        ("rescue", "unused_area", "advocacy"),
        description="the lists of the renewal outlook that the brief shows, in this order",
        json_schema_extra=unit_of("list names"),
    )
