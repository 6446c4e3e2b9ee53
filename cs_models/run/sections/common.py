"""What every notebook is told, and the fields that several sections share.

Grain in: names and plain JSON values.  Grain out: one checked, frozen model, or a refusal that
names every field that is wrong, what it got and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pydantic
from pydantic import ConfigDict, Field

from cs_models.data.mapping import Source
from cs_models.features.adoption import Definition
from cs_models.run.definition import AdoptionDefinition
from cs_models.run.fields import Currency, Grouping, IsoDate, TimeZone
from cs_models.run.play import PlayParameters
from cs_models.run.reading import complaints, project, values


def unit_of(unit: str) -> dict[str, Any]:
    """Return what a field carries beside its help line: its unit in words."""
    return {"unit": unit}


class NotebookParameters(pydantic.BaseModel):
    """What every notebook is told.

    The fields of this class stand at the top of a run file; those of its subclasses stand in
    the section of their notebook.

    Attributes
    ----------
    reads : tuple of str
        Notebooks whose results this one reads; in a run it starts after them.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    source: Source = Field(description="where the customer records are and how they map")
    as_of: IsoDate = Field(
        description="the day from which the history is looked back on; never 'now'",
        json_schema_extra=unit_of("ISO date"),
    )
    timezone: TimeZone = Field(
        "UTC",
        description="the time zone whose calendar days the report speaks of",
        json_schema_extra=unit_of("IANA name"),
    )
    currency: Currency = Field(
        "USD", description="the currency of all money", json_schema_extra=unit_of("ISO 4217")
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="where every random number starts",
        json_schema_extra=unit_of("whole number"),
    )
    output_dir: str | None = Field(
        None,
        description="the folder for results.json and tables; set by the run, empty in the lab",
        json_schema_extra=unit_of("folder"),
    )
    adoption_definition: AdoptionDefinition | None = Field(
        None,
        description="what adopted means: conditions, or the thresholds that an earlier run learnt",
        json_schema_extra=unit_of("conditions, or a path"),
    )

    @classmethod
    def of(cls, namespace: Mapping[str, Any]) -> Self:
        """Build the model from a notebook's names; names it does not declare are ignored.

        Relative paths (``source.path``, ``adoption_definition.learned``) are taken from the
        project's folder, wherever in the project the notebook runs.

        Raises
        ------
        ParameterError
            When a value is not allowed, naming the field, what it got and what is allowed.
        """
        declared = {name: namespace[name] for name in cls.model_fields if name in namespace}
        return cls.checked(declared).located(Path.cwd())

    def located(self, start: Path) -> Self:
        """Return the same with its relative paths taken from the project that holds `start`.

        Raises
        ------
        ParameterError
            When a link leads a path out of the project.
        """
        path = project.inside(self.source.path, start)
        found: dict[str, Any] = {"source": self.source.model_copy(update={"path": path})}
        if self.adoption_definition is not None:
            found["adoption_definition"] = self.adoption_definition.located(start)
        return self.model_copy(update=found)

    @classmethod
    def checked(cls, content: Mapping[str, Any]) -> Self:
        """Build the model from plain JSON values, strictly.

        Raises
        ------
        ParameterError
            With all faults together.
        """
        faults = list(values.faults(dict(content)))
        if not faults:
            try:
                return cls.model_validate_json(json.dumps(dict(content), allow_nan=False))
            except pydantic.ValidationError as error:
                faults = complaints.faults_of(error)
        raise complaints.ParameterFaults(faults)

    def definition(self) -> Definition | None:
        """Return the definition of adoption in force; None where none is set.

        Raises
        ------
        ParameterError, DataError
            When it is to be learnt from a run that found no threshold, or is not there.
        """
        return None if self.adoption_definition is None else self.adoption_definition.resolve()

    def plain(self) -> dict[str, Any]:
        """Return all fields as plain JSON values, as they are injected into a notebook."""
        plain: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return plain

    @classmethod
    def unit(cls, name: str) -> str:
        """Return the unit of a field in words."""
        extra = cls.model_fields[name].json_schema_extra
        return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else ""


def refuse_late_start(data_start: date | None, as_of: date) -> None:
    """Refuse records that are said to begin when the look back already ends.

    Raises
    ------
    ValueError
        In the form that names the field: ``name: allowed, got value``.
    """
    if data_start is not None and data_start >= as_of:
        raise ValueError(f"data_start: before as_of ({as_of}), got {data_start}")


GraceDays = Annotated[
    int,
    Field(
        ge=0,
        le=180,
        description="days after the renewal date for a late renewal to arrive",
        json_schema_extra=unit_of("days"),
    ),
]
DataStart = Annotated[
    IsoDate | None,
    Field(
        description="the first day of complete records; found in the events when empty",
        json_schema_extra=unit_of("ISO date"),
    ),
]
MinAccounts = Annotated[
    int,
    Field(
        ge=1,
        le=100_000,
        description="a feature used by fewer accounts is left out by name",
        json_schema_extra=unit_of("accounts"),
    ),
]
SegmentBy = Annotated[
    Grouping | None,
    Field(
        description="the column whose values get answers of their own; null for none",
        json_schema_extra=unit_of("column"),
    ),
]
Play = Annotated[
    PlayParameters | None,
    Field(
        description="what is done for a customer at risk: its cost as decimal text, the margin, "
        "and the range of the share of leavers it is believed to keep; null for none",
        json_schema_extra=unit_of("cost, margin and shares"),
    ),
]
