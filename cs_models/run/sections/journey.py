"""Section of the notebook that follows customers and their users along the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import pydantic
from pydantic import Field

from cs_models.run import stages as files
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

    @pydantic.model_validator(mode="after")
    def _history_begins_before_it_ends(self) -> Self:
        refuse_late_start(self.data_start, self.as_of)
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
            files.read(path)
        found: dict[str, Any] = {"stages": path}
        return model.model_copy(update=found)

    def journeys(self) -> files.Journeys:
        """Return the stages of accounts and of users."""
        return files.read(self.stages)
