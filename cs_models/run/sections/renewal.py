"""Sections of the notebooks that look at terms some days before their renewal date.

A worked date: with ``decision_days`` 90 a term that renews on 2026-06-30 is judged on 2026-04-01,
from what was known before that day; ``window_days`` 28 is then 2026-03-04 to 2026-03-31.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pydantic
from pydantic import Field

from cs_models.run.fields import AscendingDays, InsidePath, Names
from cs_models.run.reading import project
from cs_models.run.sections.common import (
    DataStart,
    GraceDays,
    MinAccounts,
    NotebookParameters,
    Play,
    SegmentBy,
    refuse_late_start,
    unit_of,
)

if TYPE_CHECKING:
    from cs_models.learn.listing.asked import CustomerList


class _BeforeRenewal(NotebookParameters):
    """What the notebooks that judge terms before their renewal share."""

    decision_days: int = Field(
        90,
        ge=30,
        le=365,
        description="days before the renewal date on which a term is judged; more than the notice "
        "that a customer must give",
        json_schema_extra=unit_of("days"),
    )
    window_days: AscendingDays = Field(
        (28, 90),
        description="the windows, back from the day of judgement, in which use is counted",
        json_schema_extra=unit_of("days"),
    )
    first_days: AscendingDays = Field(
        (60,),
        description="the windows, from the start of the term, in which use is counted",
        json_schema_extra=unit_of("days"),
    )
    grace_days: GraceDays = 30
    data_start: DataStart = None
    min_accounts: MinAccounts = 20
    segment_by: SegmentBy = "segment"
    export_features: Names | None = Field(
        None,
        description="the features that take data out of the product; null for those with 'export' "
        "or 'download' in their name",
        json_schema_extra=unit_of("feature names"),
    )

    @pydantic.model_validator(mode="after")
    def _history_begins_before_it_ends(self) -> Self:
        refuse_late_start(self.data_start, self.as_of)
        return self


class _CallsMade(_BeforeRenewal):
    """What the notebooks that make or judge a list of customers to call share."""

    calls_per_week: int = Field(
        5,
        ge=1,
        le=10_000,
        description="customers whom the team can call in a week",
        json_schema_extra=unit_of("customers"),
    )
    call_weeks: int = Field(
        13,
        ge=1,
        le=52,
        description="the weeks for which one list is made; 13 are a quarter",
        json_schema_extra=unit_of("weeks"),
    )

    @property
    def capacity(self) -> int:
        """Return how many customers the team can call in the weeks of one list."""
        return self.calls_per_week * self.call_weeks


class ChurnPredictors(_CallsMade):
    """Parameters of `03_churn_predictors`."""

    play: Play = None
    n_refits: int = Field(
        100,
        ge=20,
        le=2000,
        description="times the model is fitted again on accounts drawn anew, for its band",
        json_schema_extra=unit_of("fits"),
    )

    def reports(self) -> Path | None:
        """Return the folder of this and earlier runs; None in the lab, where none is known."""
        return None if self.output_dir is None else Path(self.output_dir).parent.parent


class TimeToChurn(_BeforeRenewal):
    """Parameters of `04_time_to_churn`."""

    reads: ClassVar[tuple[str, ...]] = ("02_adoption_thresholds",)

    horizon_years: int = Field(
        5,
        ge=1,
        le=10,
        description="the years of a customer that are looked at and valued",
        json_schema_extra=unit_of("years"),
    )
    discount_rate: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="by how much money a year later is worth less",
        json_schema_extra=unit_of("share a year"),
    )


class RenewalOutlook(_CallsMade):
    """Parameters of `06_renewal_outlook`."""

    reads: ClassVar[tuple[str, ...]] = ("02_adoption_thresholds",)

    quarters: int = Field(
        4,
        ge=1,
        le=4,
        description="the quarters that are forecast, the running one first",
        json_schema_extra=unit_of("quarters"),
    )
    n_paths: int = Field(
        4000,
        ge=500,
        le=100_000,
        description="the simulated courses of the book from which a forecast is read",
        json_schema_extra=unit_of("paths"),
    )
    play: Play = None
    play_days: int = Field(
        90,
        ge=1,
        le=365,
        description="days in which a step of a playbook by us counts as a play that is running",
        json_schema_extra=unit_of("days"),
    )
    lists: InsidePath | None = Field(
        None,
        description="the folder of customer lists, one *.yml file each; null for none",
        json_schema_extra=unit_of("folder"),
    )

    def located(self, start: Path) -> Self:
        """Return the same with its relative paths taken from the project that holds `start`.

        Raises
        ------
        ParameterError
            When a link leads a path out of the project, or a list cannot be read.
        """
        model = super().located(start)
        if model.lists is None:
            return model
        path = project.kept_inside(model.lists, start, "lists")
        from cs_models.run import lists_file

        lists_file.read(path)
        found: dict[str, Any] = {"lists": path}
        return model.model_copy(update=found)

    def customer_lists(self) -> tuple[CustomerList, ...]:
        """Return the lists of the folder, in order of their names; none without a folder."""
        from cs_models.run import lists_file

        return lists_file.read(self.lists)


class Backtest(_CallsMade):
    """Parameters of `07_backtest`."""

    earlier_runs: InsidePath | None = Field(
        None,
        description="the folder of the earlier reports to judge; null for the folder in which "
        "this run's own report will stand",
        json_schema_extra=unit_of("folder"),
    )

    def located(self, start: Path) -> Self:
        """Return the same with its relative paths taken from the project that holds `start`."""
        model = super().located(start)
        if model.earlier_runs is None:
            return model
        path = project.kept_inside(model.earlier_runs, start, "earlier_runs")
        found: dict[str, Any] = {"earlier_runs": path}
        return model.model_copy(update=found)

    def reports(self) -> Path | None:
        """Return the folder that holds earlier runs; None in the lab, where none is known.

        A run's own report stands in ``<folder>/<run>/<notebook>``.
        """
        if self.earlier_runs is not None:
            return Path(self.earlier_runs)
        return None if self.output_dir is None else Path(self.output_dir).parent.parent
