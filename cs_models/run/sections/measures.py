"""Section of the notebook that measures adoption, use, satisfaction and onboarding."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import pydantic
from pydantic import AfterValidator, Field

from cs_models.run.fields import distinct
from cs_models.run.sections.common import (
    DataStart,
    GraceDays,
    MinAccounts,
    NotebookParameters,
    refuse_late_start,
    unit_of,
)


class AdoptionMetrics(NotebookParameters):
    """Parameters of `01_adoption_metrics`."""

    reads: ClassVar[tuple[str, ...]] = ("02_adoption_thresholds",)

    grace_days: GraceDays = 30
    data_start: DataStart = None
    min_accounts: MinAccounts = 20
    value_features: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=20),
        AfterValidator(distinct),
    ] = Field(
        (),
        description="the features whose use is value to the customer; [] takes the goals that the "
        "records keep",
        json_schema_extra=unit_of("feature names"),
    )
    value_count: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="uses of a value feature by which value is reached",
        json_schema_extra=unit_of("uses"),
    )
    use_days: int = Field(
        90,
        ge=14,
        le=365,
        description="days back in which a user's feature counts as in use",
        json_schema_extra=unit_of("days"),
    )
    decision_days: int = Field(
        90,
        ge=30,
        le=365,
        description="days before a past renewal on which what customers said and did is read",
        json_schema_extra=unit_of("days"),
    )
    shown_account: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="the customer drawn against the usual ramp; null for the largest below it",
        json_schema_extra=unit_of("account_id"),
    )

    @pydantic.model_validator(mode="after")
    def _history_begins_before_it_ends(self) -> Self:
        refuse_late_start(self.data_start, self.as_of)
        return self
