"""Section of the notebook that follows customers and their users along the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import pydantic
from pydantic import Field

from cs_models.run.fields import InsidePath
from cs_models.run.reading import project
from cs_models.run.sections.common import (
    DataStart,
    GraceDays,
    NotebookParameters,
    SegmentBy,
    refuse_late_start,
    unit_of,
)

if TYPE_CHECKING:
    # Every process of a run reads the models of all sections; few need three seconds of a core
    # for what one section's answers are made with.
    from cs_models.learn.person_value import Assumptions
    from cs_models.learn.personas import Cuts
    from cs_models.run.stages import Journeys

# As in `person_value.ROLE_WEIGHTS`, which a test holds it to.
_ROLES = {"champion": 3.0, "admin": 2.0, "decision_maker": 2.0, "member": 3.0}


class JourneyAndPersonas(NotebookParameters):
    """Parameters of `05_journey_and_personas`."""

    reads: ClassVar[tuple[str, ...]] = ("02_adoption_thresholds",)

    stages: InsidePath = Field(
        "parameters/journey/default.yml",
        description="the file that says what the stages of accounts and of users are",
        json_schema_extra=unit_of("path"),
    )
    grace_days: GraceDays = 30
    data_start: DataStart = None
    segment_by: SegmentBy = "segment"
    adopted_by_day: int = Field(
        90,
        ge=14,
        le=365,
        description="the day since a customer began by which the page asks for adoption",
        json_schema_extra=unit_of("days"),
    )
    look_ahead_days: int = Field(
        90,
        ge=14,
        le=365,
        description="how far ahead the page says where those in a stage will be",
        json_schema_extra=unit_of("days"),
    )

    high_tier: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="the least place among active users of the role that counts as high",
        json_schema_extra=unit_of("share of the others"),
    )
    medium_tier: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="the least place that counts as medium; what is under it is low",
        json_schema_extra=unit_of("share of the others"),
    )
    silent_days: int = Field(
        60,
        ge=14,
        le=365,
        description="days without use after which a user is silent",
        json_schema_extra=unit_of("days"),
    )
    margin: float = Field(
        0.8,
        ge=0,
        le=1,
        description="the share of revenue that is kept after the cost of serving",
        json_schema_extra=unit_of("share"),
    )
    discount_rate: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="by how much money a year later is worth less",
        json_schema_extra=unit_of("share a year"),
    )
    horizon_years: int = Field(
        5,
        ge=1,
        le=10,
        description="the years to come for which a person is valued",
        json_schema_extra=unit_of("years"),
    )
    referral_credit: float = Field(
        0.3,
        ge=0,
        le=1,
        description="the part of a customer's beginning or growth credited to who arrived there",
        json_schema_extra=unit_of("share"),
    )
    role_weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        dict(_ROLES),
        description="how much a role weighs beside the other roles of a month; 1 when not named",
        json_schema_extra=unit_of("weight by role"),
    )

    @pydantic.model_validator(mode="after")
    def _history_begins_before_it_ends(self) -> Self:
        refuse_late_start(self.data_start, self.as_of)
        if self.medium_tier >= self.high_tier:
            raise ValueError(
                f"medium_tier: below high_tier ({self.high_tier:g}), got {self.medium_tier:g}"
            )
        unknown = sorted(set(self.role_weights) - set(_ROLES))
        if unknown:
            raise ValueError(f"role_weights: {', '.join(_ROLES)}, got {', '.join(unknown)}")
        return self

    def located(self, start: Path) -> Self:
        """Return the same with its relative paths taken from the project that holds `start`.

        Raises
        ------
        ParameterError
            The file of stages leads out of the project, or a stage in it is wrong.
        """
        model = super().located(start)
        path = project.kept_inside(model.stages, start, "stages")
        # A project that does not look at journeys need not have the file of the default.
        default = type(self).model_fields["stages"].default
        if self.stages != default or Path(path).is_file():
            from cs_models.run import stages

            stages.read(path)
        found: dict[str, Any] = {"stages": path}
        return model.model_copy(update=found)

    def journeys(self) -> Journeys:
        """Return the stages of accounts and of users."""
        from cs_models.run import stages

        return stages.read(self.stages)

    @property
    def cuts(self) -> Cuts:
        """Return where tiers of users are cut."""
        from cs_models.learn.personas import Cuts

        return Cuts(high=self.high_tier, medium=self.medium_tier, silent_days=self.silent_days)

    @property
    def assumptions(self) -> Assumptions:
        """Return what a person's value rests on."""
        from cs_models.learn.person_value import Assumptions

        return Assumptions(
            margin=self.margin,
            discount_rate=self.discount_rate,
            horizon_years=self.horizon_years,
            referral_credit=self.referral_credit,
            role_weights=self.role_weights,
        )
