"""Sections of the notebooks that look at terms some days after their start."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import pydantic
from pydantic import AfterValidator, Field

from cs_models.run.fields import AscendingDays, Combined, Names, Stratum, ascending, distinct
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


class _History(NotebookParameters):
    """What the notebooks that look at terms at a landmark share."""

    landmark_days: int = Field(
        60,
        ge=14,
        le=180,
        description="days after the start of a term at which adoption is judged",
        json_schema_extra=unit_of("days"),
    )
    window_days: AscendingDays = Field(
        (7, 14, 30, 60),
        description="the windows, from the start of the term, in which use is counted",
        json_schema_extra=unit_of("days"),
    )
    grace_days: GraceDays = 30
    data_start: DataStart = None
    min_accounts: MinAccounts = 20
    segment_by: SegmentBy = "segment"
    strata: Annotated[tuple[Stratum, ...], AfterValidator(distinct)] = Field(
        ("segment", "term_months"),
        description="accounts are compared within these columns only",
        json_schema_extra=unit_of("columns"),
    )

    @pydantic.model_validator(mode="after")
    def _windows_and_dates_agree(self) -> Self:
        if self.window_days[-1] > self.landmark_days:
            raise ValueError(
                f"window_days: at most landmark_days ({self.landmark_days}), "
                f"got {self.window_days[-1]}"
            )
        refuse_late_start(self.data_start, self.as_of)
        return self


class DataReadiness(_History):
    """Parameters of `00_data_readiness`."""

    min_churned_accounts: int = Field(
        40,
        ge=1,
        le=100_000,
        description="accounts that left, below which nothing is learnt",
        json_schema_extra=unit_of("accounts"),
    )


class AdoptionThresholds(_History):
    """Parameters of `02_adoption_thresholds`."""

    min_users: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...],
        Field(min_length=1, max_length=8),
        AfterValidator(ascending),
    ] = Field(
        (1, 2, 3, 5),
        description="the least numbers of users that a rule may ask for",
        json_schema_extra=unit_of("users"),
    )
    alpha: float = Field(
        0.05,
        ge=0.001,
        le=0.2,
        description="how often a search of pure noise may announce a threshold",
        json_schema_extra=unit_of("probability"),
    )
    n_permutations: int = Field(
        1999,
        ge=199,
        le=99_999,
        description="shuffles of the history against which a threshold is judged",
        json_schema_extra=unit_of("permutations"),
    )
    features: Names | None = Field(
        None,
        description="the features to search; null for all that reach enough accounts",
        json_schema_extra=unit_of("feature names"),
    )
    combine: Combined | None = Field(
        None,
        description="features that 'at least 2 of these 3' rules may combine; null lets the "
        "search choose them, [] makes no such rules",
        json_schema_extra=unit_of("feature names"),
    )
    engine: Literal["auto", "permutation", "multiplier"] = Field(
        "auto",
        description="what a rule must stand out against: shuffled histories, the calendar and mix "
        "of customers (multiplier), or both (auto)",
        json_schema_extra=unit_of("name"),
    )
    by_days: AscendingDays = Field(
        (7, 14, 30, 45, 60, 90),
        description="days of the term on which the leading use is read, to say how early is "
        "enough; those beyond twice landmark_days are left out",
        json_schema_extra=unit_of("days"),
    )
    play: Play = None

    @pydantic.model_validator(mode="after")
    def _enough_permutations(self) -> Self:
        if self.alpha * (self.n_permutations + 1) < 1:
            raise ValueError(
                f"n_permutations: at least {int(1 / self.alpha)} for alpha {self.alpha}, "
                f"got {self.n_permutations}"
            )
        return self
